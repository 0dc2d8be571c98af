"""One month in numbers: sends, approvals, cost by channel and country, and what more users would cost."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import groupby

from django.conf import settings
from django.db.models import Count

from otp.models import VerificationAttempt
from otp.models.attempt import Kind, Outcome
from otp.operations import costs
from otp.operations.analytics import Figures, add_up, sum_up
from otp.operations.costs import Projection, project
from otp.operations.totals import Row, Totals
from otp.prices import get_source


@dataclass(frozen=True)
class Report:
    """A month. Money in `currency`; `lines` are named `(channel, country)`, the dearest first."""

    month: date
    currency: str
    lines: list[Figures]
    total: Figures
    notices: int
    unmatched_cost: Decimal  # sent by Twilio without an attempt of ours; in no line, and in `cost`
    verified_users: int | None  # destinations that were proven; None where the month's attempts are not all there

    @property
    def cost(self) -> Decimal:
        return self.total.cost + self.unmatched_cost

    @property
    def cost_per_verification(self) -> Decimal | None:
        return self.cost / self.total.approved if self.total.approved else None

    @property
    def cost_per_user(self) -> Decimal | None:
        return self.cost / self.verified_users if self.verified_users else None

    @property
    def projections(self) -> list[Projection]:
        return project(self.cost_per_user)


@dataclass(frozen=True)
class PriceLine:
    """One price of the table that estimates go by, and where it comes from."""

    name: str
    amount: str
    source: str


def make_report(month: date) -> Report:
    """Sum a month up, the one that runs until now."""
    first, after = find_bounds(month)
    begin, end = (datetime.combine(day, time.min, tzinfo=UTC) for day in (first, after))
    rows = Totals(begin).in_days(first, after, "kind", "channel", "country", "outcome")
    lines = _make_lines(rows)
    total = add_up(lines)
    return Report(
        month=first,
        currency=settings.OTP_CURRENCY,
        lines=lines,
        total=total,
        notices=sum(row.count for row in rows if row.kind == Kind.NOTICE and row.outcome == Outcome.OK),
        unmatched_cost=sum(costs.find_unmatched(first, after).values(), Decimal(0)),
        verified_users=_count_users(begin, end, total.approved),
    )


def list_prices() -> list[PriceLine]:
    return [PriceLine(name, amount, get_source(name, amount)) for name, amount in sorted(settings.OTP_PRICES.items())]


def find_bounds(month: date) -> tuple[date, date]:
    """Give the first day of a month and that of the next."""
    first = month.replace(day=1)
    return first, (first + timedelta(days=32)).replace(day=1)


def _make_lines(rows: Iterable[Row]) -> list[Figures]:
    def place(row: Row) -> tuple[str, str]:
        return row.channel, row.country

    lines = [sum_up(found, name) for name, found in groupby(sorted(rows, key=place), key=place)]
    return sorted(lines, key=lambda line: (-line.cost, -line.sent, line.name))


def _count_users(begin: datetime, end: datetime, approved: int) -> int | None:
    right = VerificationAttempt.objects.filter(
        kind=Kind.CHECK, outcome=Outcome.OK, created_at__gte=begin, created_at__lt=end
    )
    counts = right.aggregate(checks=Count("pk"), users=Count("destination_hash", distinct=True))
    return counts["users"] if counts["checks"] >= approved else None
