"""Bringing our accounts in line with Twilio's: prices, delivery status and error codes from its Attempts API."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import transaction
from django.db.models import Min
from django.utils import timezone

from otp.models import Delivery, Progress, VerificationAttempt
from otp.models.attempt import Kind
from otp.operations.pace import Pace
from otp.operations.totals import DAY, HOUR, roll_up_again
from otp.purposes import GROUPS, Channel
from otp.verify_api.attempts import TwilioAttempt, twilio_attempts

# https://www.twilio.com/docs/verify/api/attempts, read 2026-11-22
REACH = timedelta(days=30)
REQUESTS_PER_MINUTE = 100
# Most messages have their last status and their price by then. One without a price is asked for again, for three days.
SETTLES_WITHIN = 6 * HOUR
PRICE_COMES_WITHIN = 3 * DAY
# Between our clock and Twilio's, and between opening an attempt and Twilio's answer.
SAME_MOMENT = timedelta(minutes=2)
KEPT = ("attempt", "verification_sid", "channel", "country", "status", "error_code", "price", "currency")


@dataclass
class Reconciliation:
    """What one run found."""

    until: datetime
    read: int = 0
    new: int = 0
    changed: int = 0
    unmatched: int = 0
    unpriced: int = 0
    other_currencies: set[str] = field(default_factory=set)


def sync_attempts(
    *, days: int | None = None, pace: Pace | None = None, tell: Callable[[int, int], None] = lambda done, of: None
) -> Reconciliation:
    """Take over what Twilio says of the attempts of the last 30 days that are not settled yet.

    Goes on from where the last run stopped, day by day, however that run ended; `days` goes that far back instead.
    `tell` hears of every day that is done: days done, days in all.

    :raises OtpError: when Twilio could not be asked; all that was read stays
    """
    now = timezone.now()
    pace = pace or Pace(REQUESTS_PER_MINUTE)
    windows = list(_cut_into_days(_find_start(now, days), now))
    result = Reconciliation(until=windows[0][0])
    for number, (since, until) in enumerate(windows, start=1):
        changed: set[datetime] = set()
        for service_sid in sorted({getattr(settings, name) for name in GROUPS} - {""}):
            for attempts in _read_pages(since, until, service_sid, pace):
                changed |= _keep(attempts, result)
        roll_up_again(changed)
        _note(until)
        result.until = until
        tell(number, len(windows))
    return result


def _find_start(now: datetime, days: int | None) -> datetime:
    """Find where to begin: nothing before is still open, as far as Twilio reaches."""
    reach = now - REACH
    progress, is_first = Progress.objects.get_or_create(job=Progress.Job.SYNC, defaults={"until": reach})
    if days:
        return max(reach, now - days * DAY)
    if is_first:
        return reach
    unpriced = Delivery.objects.filter(price=None, created_at__gte=now - PRICE_COMES_WITHIN)
    oldest = unpriced.aggregate(oldest=Min("created_at"))["oldest"]
    return max(reach, min(filter(None, [progress.until - SETTLES_WITHIN, oldest])))


def _cut_into_days(since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    while since + DAY < until:
        yield since, since + DAY
        since += DAY
    yield since, until


def _read_pages(since: datetime, until: datetime, service_sid: str, pace: Pace) -> Iterator[list[TwilioAttempt]]:
    token, number = "", 0
    while True:
        page = pace.ask(
            partial(twilio_attempts.list_attempts, since, until, service_sid=service_sid, page_token=token, page=number)
        )
        yield page.attempts
        token, number = page.next_token, number + 1
        if not token:
            return


@transaction.atomic
def _keep(attempts: list[TwilioAttempt], result: Reconciliation) -> set[datetime]:
    """Write what is new or has changed; gives the moments whose sums are different now."""
    # Runs at once take turns: of two, the second finds everything written.
    Progress.objects.select_for_update().get(job=Progress.Job.SYNC)
    known = {row.attempt_sid: row for row in Delivery.objects.filter(attempt_sid__in=[a.attempt_sid for a in attempts])}
    homeless = [a for a in attempts if a.attempt_sid not in known or known[a.attempt_sid].attempt_id is None]
    ours = _match(homeless)
    moments: set[datetime] = set()
    rows = []
    for told in sorted({a.attempt_sid: a for a in attempts}.values(), key=lambda a: a.attempt_sid):
        before = known.get(told.attempt_sid)
        row = _describe(told, before, ours.get(told.attempt_sid))
        result.read += 1
        result.unmatched += row.attempt_id is None
        result.unpriced += row.price is None
        if row.price is not None and row.currency != settings.OTP_CURRENCY:
            result.other_currencies.add(row.currency)
        if before is None:
            result.new += 1
        elif all(getattr(before, name) == getattr(row, name) for name in (*KEPT, "is_converted")):
            continue
        else:
            result.changed += 1
        rows.append(row)
        if row.attempt and (before is None or (before.price, before.attempt_id) != (row.price, row.attempt_id)):
            moments.add(row.attempt.created_at)
    Delivery.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["attempt_sid"],
        update_fields=[*KEPT, "is_converted", "synced_at"],
    )
    return moments


def _describe(told: TwilioAttempt, before: Delivery | None, attempt: VerificationAttempt | None) -> Delivery:
    """Say what is known now. A price that was told once is not taken back by an answer without one."""
    priced = before if before and told.price is None else told
    return Delivery(
        attempt_sid=told.attempt_sid,
        attempt=attempt or (before.attempt if before else None),
        verification_sid=told.verification_sid,
        channel=told.channel if told.channel in Channel.values else "",
        country=told.country,
        status=told.status or (before.status if before else ""),
        error_code=told.error_code,
        price=priced.price,
        currency=priced.currency,
        is_converted=told.is_converted,
        created_at=told.created_at,
        synced_at=timezone.now(),
    )


def _match(told: list[TwilioAttempt]) -> dict[str, VerificationAttempt]:
    """Find the attempt of ours for each message: by its SID; otherwise by verification, channel and time."""
    sids = [attempt.attempt_sid for attempt in told]
    found = {attempt.attempt_sid: attempt for attempt in VerificationAttempt.objects.filter(attempt_sid__in=sids)}
    rest = [attempt for attempt in told if attempt.attempt_sid not in found and attempt.verification_sid]
    # Those whose answer was lost: we know neither SID, but the row that a resend gave the verification's.
    unnamed = list(
        VerificationAttempt.objects.filter(
            kind=Kind.SEND,
            attempt_sid="",
            delivery=None,
            verification__verification_sid__in={attempt.verification_sid for attempt in rest},
        ).select_related("verification")
    )
    for attempt in sorted(rest, key=lambda attempt: attempt.created_at):
        near = [
            ours
            for ours in unnamed
            if ours.verification
            and (ours.verification.verification_sid, ours.channel) == (attempt.verification_sid, attempt.channel)
            and abs(ours.created_at - attempt.created_at) < SAME_MOMENT
        ]
        if near:
            nearest = min(near, key=lambda ours: abs(ours.created_at - attempt.created_at))
            unnamed.remove(nearest)
            found[attempt.attempt_sid] = nearest
    return found


def _note(until: datetime) -> None:
    Progress.objects.filter(job=Progress.Job.SYNC, until__lt=until).update(until=until)
