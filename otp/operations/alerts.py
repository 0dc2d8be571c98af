"""The rules of alerts: what each finds wrong at a moment, now or in the past. Thresholds are settings (OTP_ALERT_…)."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.db.models import Count, Min, Q, QuerySet, Sum
from django.db.models.functions import TruncHour
from django.utils import timezone

from otp.models import Alert, Verification, VerificationAttempt
from otp.models.alert import AlertRule
from otp.models.attempt import Kind, Outcome
from otp.operations import audit_verification

DAY = timedelta(days=1)
DAYS_BEFORE = 14
FAILURES = (Outcome.PROVIDER_UNAVAILABLE, Outcome.NOT_CONFIGURED)
SITE = "*"


def find(at: datetime | None = None) -> list[Alert]:
    """Go through all rules; gives what is wrong at that moment, not saved. `at` in the past leaves the audit out."""
    moment = at or timezone.now()
    found = [alert for rule in RULES for alert in rule(moment)]
    return found if at else [*found, *find_audit_faults()]


def find_moments(begin: datetime, end: datetime) -> list[datetime]:
    """Give the moments of a span at which any rule can find something: full hours up to a day after anything happened.

    And the end of the span itself.
    """
    busy = {
        hour
        for model in (Verification, VerificationAttempt)
        for hour in model.objects.filter(created_at__gte=begin - DAY, created_at__lt=end)
        .order_by()
        .values_list(TruncHour("created_at", tzinfo=UTC), flat=True)
        .distinct()
    }
    moments = {hour + timedelta(hours=after) for hour in busy for after in range(1, 25)}
    return [*sorted(moment for moment in moments if begin <= moment < end), end]


def find_low_conversion(at: datetime) -> Iterator[Alert]:
    """Find countries and ranges where few of those who were sent a code typed it in.

    A code sent a minute ago may yet be typed in: the floor has to leave room for the latest.
    """
    rows = (
        _in_window(Verification.objects.exclude(verification_sid=""), at)
        .exclude(country="")
        .order_by()
        .values("country", "prefix")
        .annotate(sends=Count("pk"), approved=Count("pk", filter=Q(approved_at__lt=at)))
    )
    sends: Counter[tuple[str, str]] = Counter()
    approved: Counter[tuple[str, str]] = Counter()
    for row in rows.iterator():
        for place in {(row["country"], ""), (row["country"], row["prefix"])}:
            sends[place] += row["sends"]
            approved[place] += row["approved"]
    for (country, prefix), count in sends.items():
        floor = float(settings.OTP_ALERT_CONVERSION_FLOORS.get(country, settings.OTP_ALERT_CONVERSION_FLOOR))
        share = approved[country, prefix] / count
        if count >= settings.OTP_ALERT_CONVERSION_SENDS and share < floor:
            subject = f"{country} {prefix}••••" if prefix else country
            yield _alert(AlertRule.CONVERSION, subject, share=_percent(share), sends=count, floor=_percent(floor))


def find_spikes(at: datetime) -> Iterator[Alert]:
    """Find countries, and the site, with many more codes than in the same hours of the last 14 days."""
    now = _count_by_country(_in_window(Verification.objects.all(), at))
    if not any(count >= settings.OTP_ALERT_SPIKE_SENDS for count in now.values()):
        return
    first = Verification.objects.aggregate(first=Min("created_at"))["first"]
    days = min(DAYS_BEFORE, (at - first) // DAY) if first else 0
    if days < 1:
        return  # nothing to compare with
    same_hours = Q()
    for day in range(1, days + 1):
        same_hours |= _get_window(at - day * DAY)
    before = _count_by_country(Verification.objects.filter(same_hours))
    for country, count in now.items():
        usual = before[country] / days
        if count >= settings.OTP_ALERT_SPIKE_SENDS and count > settings.OTP_ALERT_SPIKE * usual:
            yield _alert(AlertRule.SPIKE, country, sends=count, usual=round(usual, 1))


def find_provider_errors(at: datetime) -> Iterator[Alert]:
    """Find that many calls to Twilio fail: of an outage, or of a set-up that it refuses."""
    asked = _in_window(VerificationAttempt.objects.filter(duration_ms__isnull=False), at)
    failed = Q(outcome__in=FAILURES)
    rows = asked.order_by().values("provider_code").annotate(calls=Count("pk"), failed=Count("pk", filter=failed))
    codes = {row["provider_code"]: row["failed"] for row in rows}
    calls, failures = sum(row["calls"] for row in rows), sum(codes.values())
    if calls < settings.OTP_ALERT_PROVIDER_CALLS or failures / calls <= settings.OTP_ALERT_PROVIDER_ERRORS:
        return
    code = max(codes, key=lambda code: codes[code])
    yield _alert(AlertRule.PROVIDER, share=_percent(failures / calls), calls=calls, code=code or "–")


def find_spent_budget(at: datetime) -> Iterator[Alert]:
    """Find the highest threshold of the daily budget that was reached, by what sends were expected to cost."""
    budget = Decimal(str(settings.OTP_DAILY_BUDGET))
    spent = VerificationAttempt.objects.filter(created_at__gt=at - DAY, created_at__lte=at).aggregate(
        sum=Sum("cost", default=Decimal(0))
    )["sum"]
    reached = [share for share in settings.OTP_ALERT_BUDGET if budget and spent >= budget * Decimal(str(share))]
    if reached:
        money = {"spent": f"{spent:.2f} {settings.OTP_CURRENCY}", "budget": f"{budget:.2f} {settings.OTP_CURRENCY}"}
        yield _alert(AlertRule.BUDGET, _percent(max(reached)), share=_percent(float(spent / budget)), **money)


def find_open_breaker(at: datetime) -> Iterator[Alert]:
    """Find that calls were refused because Twilio had failed: the attempts say so, whichever process it was."""
    if refused := _in_window(VerificationAttempt.objects.filter(reason="breaker_open"), at).count():
        yield _alert(AlertRule.BREAKER, sends=refused)


def find_guard_hits(at: datetime) -> Iterator[Alert]:
    """Find what the pumping guard refused, or would have refused."""
    met = _in_window(VerificationAttempt.objects.filter(kind=Kind.SEND, guard__gt=""), at)
    refused = Q(reason__startswith="guard_")
    for row in (
        met.order_by().values("guard", "country").annotate(sends=Count("pk"), refused=Count("pk", filter=refused))
    ):
        if row["sends"] >= settings.OTP_ALERT_GUARD_SENDS:
            by, place = row["guard"], row["country"] or SITE
            figures = {"sends": row["sends"], "refused": row["refused"], "by": by, "place": place}
            yield _alert(AlertRule.GUARD, f"{place} {by}", **figures)


def find_audit_faults() -> Iterator[Alert]:
    """Find that the newest blocks of the audit are not as they were sealed. The whole chain is `verify_audit`'s."""
    if faults := audit_verification.verify_recent():
        yield _alert(AlertRule.AUDIT, faults=len(faults), first=str(faults[0]))


RULES: tuple[Callable[[datetime], Iterator[Alert]], ...] = (
    find_low_conversion,
    find_spikes,
    find_provider_errors,
    find_spent_budget,
    find_open_breaker,
    find_guard_hits,
)


def _alert(rule: AlertRule, subject: str = "", **figures: object) -> Alert:
    return Alert(rule=rule, subject=subject, figures={"minutes": settings.OTP_ALERT_MINUTES, **figures})


def _get_window(at: datetime) -> Q:
    return Q(created_at__gt=at - timedelta(minutes=settings.OTP_ALERT_MINUTES), created_at__lte=at)


def _in_window(rows: QuerySet, at: datetime) -> QuerySet:
    return rows.filter(_get_window(at))


def _count_by_country(verifications: QuerySet[Verification]) -> Counter[str]:
    """Count by country, and under `*` all together; addresses of mail are in that alone."""
    counts: Counter[str] = Counter()
    for row in verifications.order_by().values("country").annotate(count=Count("pk")):
        counts[SITE] += row["count"]
        if row["country"]:
            counts[row["country"]] += row["count"]
    return counts


def _percent(share: float) -> str:
    return f"{share:.0%}"
