"""The numbers of a window: sends, approvals, refusals and why, money, how long Twilio takes. Read from roll-ups.

What is counted: a **send** went out when Twilio took it (`ok`); **approved** is a check with the right code;
**conversion** is approved over sent, as Twilio counts it, so that a resend lowers it; **refused** is what a rule, ours
or Twilio's, did not let out; **failed** is what broke. Hours and days are UTC.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.db.models import Count
from django.utils import timezone

from otp.models import Delivery
from otp.models.attempt import Kind, Outcome
from otp.operations import costs
from otp.operations.guard_hits import GuardHits, find_guard_hits
from otp.operations.histogram import find_quantile
from otp.operations.totals import DAY, HOUR, Row, Totals

DAYS = 30
HOURS = 24
# Roll-ups that are older than this are told to whoever looks: the tail grows, and with it the time to read it.
ROLL_UPS_ARE_LATE = 3 * HOUR
FAILURES = {
    Outcome.PROVIDER_UNAVAILABLE,
    Outcome.NOT_CONFIGURED,
    Outcome.CRASHED,
    Outcome.CONFLICT,
    Outcome.INVALID_REQUEST,
}
# Neither went out nor was refused: a reset for nobody looks like one for somebody.
SILENT = {Outcome.NO_ACCOUNT}


@dataclass
class Figures:
    """One line of numbers. `name` is what they are of: a channel, a country, a day…"""

    name: Any = ""
    sent: int = 0
    approved: int = 0
    wrong: int = 0
    refused: int = 0
    failed: int = 0
    cost: Decimal = field(default_factory=Decimal)
    estimated_cost: Decimal = field(default_factory=Decimal)
    priced: int = 0

    @property
    def conversion(self) -> float | None:
        """Share of what was sent that was approved, 0 to 1; None where nothing was sent."""
        return min(1.0, self.approved / self.sent) if self.sent else None

    def add(self, row: Row) -> None:
        self.cost += row.cost
        self.estimated_cost += row.estimated_cost
        self.priced += row.priced
        if row.kind == Kind.SEND:
            self._add_send(row)
        elif row.kind == Kind.CHECK and row.outcome == Outcome.OK:
            self.approved += row.count
        elif row.kind == Kind.CHECK and row.outcome == Outcome.INCORRECT_CODE:
            self.wrong += row.count

    def _add_send(self, row: Row) -> None:
        if row.outcome == Outcome.OK:
            self.sent += row.count
        elif row.outcome in FAILURES:
            self.failed += row.count
        elif row.outcome not in SILENT:
            self.refused += row.count


@dataclass(frozen=True)
class Refusal:
    """How often one rule refused something."""

    kind: str
    outcome: str
    reason: str
    count: int


@dataclass(frozen=True)
class ProviderError:
    """How often Twilio said one error code, to a call or of a message that did not arrive."""

    code: int
    calls: int
    deliveries: int


def sum_up(rows: Iterable[Row], name: Any = "") -> Figures:
    figures = Figures(name)
    for row in rows:
        figures.add(row)
    return figures


def group(rows: Iterable[Row], by: str) -> list[Figures]:
    """Sum rows by one dimension, the one with most sends first."""
    groups: dict[Any, Figures] = {}
    for row in rows:
        name = getattr(row, by)
        groups.setdefault(name, Figures(name)).add(row)
    return sorted(groups.values(), key=lambda figures: (-figures.sent, -figures.approved, str(figures.name)))


def find_refusals(rows: Iterable[Row]) -> list[Refusal]:
    """Count refusals by rule, most often first. Wrong and overdue codes are no refusals; failures are told apart."""
    leave_out = FAILURES | SILENT | {Outcome.OK, Outcome.INCORRECT_CODE, Outcome.CODE_EXPIRED}
    counts: dict[tuple[str, str, str], int] = {}
    for row in rows:
        if row.outcome not in leave_out:
            key = (row.kind, row.outcome, row.reason)
            counts[key] = counts.get(key, 0) + row.count
    return sorted((Refusal(*key, count) for key, count in counts.items()), key=lambda refusal: -refusal.count)


class Dashboard:
    """Everything that the admin's front page shows, read at one moment in a fixed number of queries."""

    def __init__(self, now: datetime | None = None) -> None:
        self.now = (now or timezone.now()).astimezone(UTC)
        self.today = self.now.date()
        self.first_day = self.today - (DAYS - 1) * DAY
        self.first_hour = self.now.replace(minute=0, second=0, microsecond=0) - (HOURS - 1) * HOUR
        self.first_of_month = self.today.replace(day=1)
        self.begins = min(self.first_day, self.first_of_month)
        midnight = datetime.combine(self.begins, time.min, tzinfo=UTC)
        self.totals = Totals(min(midnight, self.first_hour))

    @property
    def hours_behind(self) -> int:
        """Hours that wait to be rolled up, 0 while that is as it should be."""
        waits_since = self.totals.until or min((row.at for row in self.totals.tail), default=self.now)
        behind = self.now - waits_since
        return int(behind / HOUR) if behind > ROLL_UPS_ARE_LATE else 0

    def month_by(self, dimension: str) -> list[Row]:
        """Sum the 30 days by kind, outcome and one dimension."""
        return self.totals.in_days(self.first_day, None, "kind", "outcome", dimension)

    @cached_property
    def hours(self) -> list[Figures]:
        """The last 24 hours one by one, the one that runs at the end."""
        rows = self.totals.by_hour(self.first_hour, "kind", "outcome")
        return self._spread(rows, [self.first_hour + hour * HOUR for hour in range(HOURS)])

    @cached_property
    def all_days(self) -> list[Figures]:
        rows = self.totals.by_day(self.begins, None, "kind", "outcome")
        count = (self.today - self.begins).days + 1
        return self._spread(rows, [self.begins + day * DAY for day in range(count)])

    @property
    def days(self) -> list[Figures]:
        """The last 30 days one by one, today at the end."""
        return self.all_days[-DAYS:]

    @cached_property
    def last_day(self) -> Figures:
        """The last 24 hours together."""
        return add_up(self.hours)

    @cached_property
    def last_month(self) -> Figures:
        """The last 30 days together."""
        return add_up(self.days)

    @cached_property
    def answer_times(self) -> tuple[int | None, int | None]:
        """Milliseconds within which half, and 95 of 100, of Twilio's answers came in the last 24 hours."""
        counts = self.totals.answer_times(self.first_hour)
        return find_quantile(counts, 0.5), find_quantile(counts, 0.95)

    @cached_property
    def spend(self) -> costs.Spend:
        """What was spent today and this month, beside the budget."""
        return costs.Spend.of(
            {figures.name: figures.cost for figures in self.all_days}, costs.find_unmatched(self.begins), self.today
        )

    def by(self, dimension: str) -> list[Figures]:
        """The 30 days by `channel`, `country` or `purpose`; those that nothing was sent to or refused for left out."""
        rows = group(self.month_by(dimension), dimension)
        return [row for row in rows if row.sent or row.approved or row.refused or row.failed]

    @cached_property
    def refusals(self) -> list[Refusal]:
        return find_refusals(self.month_by("reason"))

    @cached_property
    def guard_hits(self) -> tuple[list[GuardHits], bool]:
        """What broke a rule of the pumping guard in the 30 days, and whether that was too much to read all of it."""
        return find_guard_hits(self.now - DAYS * DAY)

    @cached_property
    def errors(self) -> list[ProviderError]:
        """Twilio's error codes of the 30 days, most often first."""
        calls: dict[int, int] = {}
        for row in self.month_by("provider_code"):
            if row.provider_code:
                calls[row.provider_code] = calls.get(row.provider_code, 0) + row.count
        begins = self.now - DAYS * DAY
        lost = Delivery.objects.filter(created_at__gte=begins, error_code__isnull=False).order_by()
        deliveries = dict(lost.values_list("error_code").annotate(Count("pk")))
        errors = [ProviderError(code, calls.get(code, 0), deliveries.get(code, 0)) for code in calls | deliveries]
        return sorted(errors, key=lambda error: (-error.calls - error.deliveries, error.code))

    @staticmethod
    def _spread(rows: Iterable[Row], places: list[Any]) -> list[Figures]:
        spread = {place: Figures(place) for place in places}
        for row in rows:
            if row.at in spread:
                spread[row.at].add(row)
        return list(spread.values())


def add_up(parts: Iterable[Figures]) -> Figures:
    whole = Figures()
    for part in parts:
        for name in ("sent", "approved", "wrong", "refused", "failed", "cost", "estimated_cost", "priced"):
            setattr(whole, name, getattr(whole, name) + getattr(part, name))
    return whole
