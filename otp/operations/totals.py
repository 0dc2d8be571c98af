"""Rolling attempts up by hour and day, and reading the sums together with what came after the last roll-up.

Reading takes the roll-ups and counts only the tail: it stays as fast with millions of attempts as with a hundred.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Case, Count, DecimalField, F, Min, QuerySet, Sum, Value, When
from django.db.models.functions import Coalesce, TruncHour
from django.utils import timezone

from otp.models import AnswerTimes, DailyTotal, HourlyOutcome, HourlyTotal, Progress, VerificationAttempt
from otp.operations.histogram import bucket_of

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
# An attempt is settled seconds after its time; by then its row is as it stays.
GRACE = timedelta(minutes=5)
# How far back an hour is looked at again that was summed: a clock that was wrong may have put attempts into it since.
LOOK_BACK = DAY
DIMENSIONS = ("kind", "purpose", "channel", "country", "outcome", "reason", "provider_code")
ALWAYS = ("kind", "outcome")
# What days are summed by, beside kind and outcome. Not by all at once: that would be nearly as many rows as attempts.
DAILY: dict[str, tuple[str, ...]] = {
    "outcome": (),
    "channel": ("channel",),
    "country": ("country",),
    "purpose": ("purpose",),
    "reason": ("reason",),
    "provider_code": ("provider_code",),
    "place": ("channel", "country"),
}
SUMS = ("count", "estimated_cost", "cost", "priced")
MONEY = DecimalField(max_digits=14, decimal_places=5)
NOTHING = Value(Decimal(0), output_field=MONEY)


@dataclass
class Row:
    """Attempts that are alike in the dimensions asked for; the others are ''. `at` is the hour, the day, or None."""

    at: Any = None
    kind: str = ""
    purpose: str = ""
    channel: str = ""
    country: str = ""
    outcome: str = ""
    reason: str = ""
    provider_code: int = 0
    count: int = 0
    estimated_cost: Decimal = field(default_factory=Decimal)
    cost: Decimal = field(default_factory=Decimal)
    priced: int = 0


def rolled_up_until() -> datetime | None:
    """Say up to when attempts are in the roll-ups; None before the first one. Only older attempts may be removed."""
    return Progress.find(Progress.Job.ROLL_UP)


def roll_up(tell: Callable[[int, int], None] = lambda done, of: None) -> int:
    """Roll up every hour that is over, from where the last run stopped; gives how many hours that were.

    Two runs at once do the work once. `tell` hears of every day that is done: hours done, hours in all.
    """
    end = _floor(timezone.now() - GRACE)
    if until := rolled_up_until():
        roll_up_again(_find_grown_hours(min(until, end)))
    begin = until or _find_first_hour()
    if begin is None or begin >= end:
        return 0
    # The row must be there to be locked: that makes two first runs take turns as well.
    Progress.objects.get_or_create(job=Progress.Job.ROLL_UP, defaults={"until": begin})
    hours = int((end - begin) / HOUR)
    done = 0
    while (did := _roll_next_day(end)) is not None:
        done += did
        tell(min(done, hours), hours)
    return done


def roll_up_again(hours: Iterable[datetime]) -> None:
    """Sum hours once more that were rolled up already: Twilio has told prices since, or attempts came late.

    Hours whose attempts are no longer all there keep their sums.
    """
    until, first = rolled_up_until(), _find_first_hour()
    if until is None or first is None:
        return
    for hour in sorted({_floor(hour) for hour in hours}):
        if first <= hour < until:
            with transaction.atomic():
                Progress.objects.select_for_update().get(job=Progress.Job.ROLL_UP)  # one run at a time writes sums
                if _is_whole(hour):
                    _rebuild(hour, hour + HOUR)


def forget(begin: datetime, end: datetime) -> None:
    """Sum the hours of a span anew, whatever was there: for attempts that never really were."""
    with transaction.atomic():
        _rebuild(_floor(begin), _floor(end) + HOUR)


@transaction.atomic
def _roll_next_day(end: datetime) -> int | None:
    """Roll up to the next midnight or the end; None when there is nothing left."""
    begin = Progress.objects.select_for_update().get(job=Progress.Job.ROLL_UP).until
    if begin >= end:
        return None
    stop = min(end, _floor_day(begin) + DAY)
    _rebuild(begin, stop)
    Progress.note(Progress.Job.ROLL_UP, stop)
    return int((stop - begin) / HOUR)


def _rebuild(begin: datetime, end: datetime) -> None:
    """Write the totals of whole hours anew, and those of the days that they are in."""
    attempts = VerificationAttempt.objects.filter(created_at__gte=begin, created_at__lt=end)
    HourlyTotal.objects.filter(hour__gte=begin, hour__lt=end).delete()
    HourlyTotal.objects.bulk_create(
        (HourlyTotal(hour=row.pop("at"), **row) for row in sum_attempts(attempts)), batch_size=500
    )
    HourlyOutcome.objects.filter(hour__gte=begin, hour__lt=end).delete()
    HourlyOutcome.objects.bulk_create(
        HourlyOutcome(**row)
        for row in _sum_totals(HourlyTotal.objects.filter(hour__gte=begin, hour__lt=end), ("hour", *ALWAYS))
    )
    AnswerTimes.objects.filter(hour__gte=begin, hour__lt=end).delete()
    AnswerTimes.objects.bulk_create((AnswerTimes(**row) for row in _time_attempts(attempts)), batch_size=500)
    day = _floor_day(begin)
    while day < end:
        totals = HourlyTotal.objects.filter(hour__gte=day, hour__lt=day + DAY)
        DailyTotal.objects.filter(dimension__in=DAILY, day=day.date()).delete()
        DailyTotal.objects.bulk_create(
            (
                DailyTotal(day=day.date(), dimension=dimension, **row)
                for dimension, by in DAILY.items()
                for row in _sum_totals(totals, (*ALWAYS, *by))
            ),
            batch_size=500,
        )
        day += DAY


def sum_attempts(attempts: QuerySet[VerificationAttempt]) -> Iterator[dict[str, Any]]:
    """Sum attempts by hour (`at`) and all dimensions."""
    price = Case(When(delivery__currency=settings.OTP_CURRENCY, then=F("delivery__price")), output_field=MONEY)
    rows = (
        attempts.annotate(at=TruncHour("created_at", tzinfo=UTC), code=Coalesce("provider_code", 0))
        .order_by()
        .values("at", "kind", "purpose", "channel", "country", "outcome", "reason", "code")
        .annotate(
            number=Count("pk"),
            estimate=Sum(Coalesce("cost", NOTHING), output_field=MONEY),
            known=Sum(Coalesce(price, "cost", NOTHING), output_field=MONEY),
            priced=Count(price),
        )
    )
    for row in rows.iterator():
        names = {"code": "provider_code", "number": "count", "estimate": "estimated_cost", "known": "cost"}
        yield {names.get(name, name): value for name, value in row.items()}


def _time_attempts(attempts: QuerySet[VerificationAttempt]) -> Iterable[Any]:
    return (
        attempts.filter(duration_ms__isnull=False)
        .annotate(hour=TruncHour("created_at", tzinfo=UTC), bucket=bucket_of("duration_ms"))
        .order_by()
        .values("hour", "kind", "bucket")
        .annotate(count=Count("pk"))
    )


def _sum_totals(totals: QuerySet[Any], by: tuple[str, ...]) -> Iterable[Any]:
    return totals.order_by().values(*by).annotate(**{name: Sum(name, default=0) for name in SUMS})


def _is_whole(hour: datetime) -> bool:
    """Tell whether an hour has as many attempts as were rolled up."""
    rolled = HourlyTotal.objects.filter(hour=hour).aggregate(sum=Sum("count", default=0))["sum"]
    return VerificationAttempt.objects.filter(created_at__gte=hour, created_at__lt=hour + HOUR).count() >= rolled


def _find_grown_hours(until: datetime) -> list[datetime]:
    """Find the hours before `until` that have more attempts now than were rolled up."""
    since = until - LOOK_BACK
    attempts = VerificationAttempt.objects.filter(created_at__gte=since, created_at__lt=until)
    found = attempts.annotate(at=TruncHour("created_at", tzinfo=UTC)).order_by().values_list("at")
    totals = HourlyTotal.objects.filter(hour__gte=since, hour__lt=until).order_by().values_list("hour")
    rolled = dict(totals.annotate(Sum("count")))
    return [hour for hour, number in found.annotate(Count("pk")) if number > rolled.get(hour, 0)]


def _find_first_hour() -> datetime | None:
    first = VerificationAttempt.objects.aggregate(first=Min("created_at"))["first"]
    return _floor(first) if first else None


def _floor(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _floor_day(moment: datetime) -> datetime:
    return _floor(moment).replace(hour=0)


class Totals:
    """What is known at this moment from `since` on. The tail is read once, whatever is asked."""

    def __init__(self, since: datetime) -> None:
        self.since = _floor(since)
        self.until = rolled_up_until()

    @cached_property
    def tail_since(self) -> datetime:
        return max(self.since, self.until) if self.until else self.since

    @cached_property
    def tail(self) -> list[Row]:
        attempts = VerificationAttempt.objects.filter(created_at__gte=self.tail_since)
        return [Row(**row) for row in sum_attempts(attempts)]

    def by_hour(self, since: datetime, *by: str) -> list[Row]:
        """Sum from an hour on, by hour and the dimensions named."""
        model = HourlyOutcome if set(by) <= set(ALWAYS) else HourlyTotal
        totals = model.objects.filter(hour__gte=since)
        rolled = [Row(at=row.pop("hour"), **row) for row in _sum_totals(totals, ("hour", *by))]
        return _merge(rolled, (row for row in self.tail if row.at >= since), by, lambda hour: hour)

    def by_day(self, since: date, until: date | None, *by: str) -> list[Row]:
        """Sum the days from `since` on and before `until`, by day and what one dimension of `DAILY` has."""
        totals = self._find_days(since, until, by)
        rolled = [Row(at=row.pop("day"), **row) for row in _sum_totals(totals, ("day", *by))]
        return _merge(rolled, self._find_tail(since, until), by, lambda hour: hour.date())

    def in_days(self, since: date, until: date | None, *by: str) -> list[Row]:
        """Sum the days from `since` on and before `until` together, by what one dimension of `DAILY` has."""
        rolled = [Row(**row) for row in _sum_totals(self._find_days(since, until, by), by)]
        return _merge(rolled, self._find_tail(since, until), by, lambda hour: None)

    def answer_times(self, since: datetime) -> dict[int, int]:
        """Count Twilio's answers from an hour on by the buckets of `histogram.BOUNDS`, notices left out."""
        rolled = AnswerTimes.objects.filter(hour__gte=since).exclude(kind="notice")
        counts = dict(rolled.order_by().values_list("bucket").annotate(Sum("count")))
        tail = VerificationAttempt.objects.filter(created_at__gte=max(since, self.tail_since)).exclude(kind="notice")
        for row in _time_attempts(tail):
            counts[row["bucket"]] = counts.get(row["bucket"], 0) + row["count"]
        return counts

    @staticmethod
    def _find_days(since: date, until: date | None, by: tuple[str, ...]) -> QuerySet[DailyTotal]:
        wanted = set(by) - set(ALWAYS)
        dimension = next(name for name, fields in DAILY.items() if wanted <= set(fields))
        totals = DailyTotal.objects.filter(dimension=dimension, day__gte=since)
        return totals.filter(day__lt=until) if until else totals

    def _find_tail(self, since: date, until: date | None) -> Iterator[Row]:
        return (row for row in self.tail if since <= row.at.date() and (until is None or row.at.date() < until))


def _merge(rolled: list[Row], tail: Iterable[Row], by: tuple[str, ...], place: Callable[[datetime], Any]) -> list[Row]:
    """Add the rows of the tail to those of the roll-ups that they are like."""
    merged = {(row.at, *(getattr(row, name) for name in by)): row for row in rolled}
    for row in tail:
        at = place(row.at)
        values = [getattr(row, name) for name in by]
        known = merged.setdefault((at, *values), Row(at=at, **dict(zip(by, values, strict=True))))
        known.count += row.count
        known.estimated_cost += row.estimated_cost
        known.cost += row.cost
        known.priced += row.priced
    return list(merged.values())
