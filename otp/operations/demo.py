"""Sixty days of history that never was: for looking at the dashboard, reports and alerts before there is traffic.

Plausible and not real: destinations are hashes of names, no number in it exists. What follows from one seed and one day
is the same every time. There is an attack in it, one more that still goes on and what it sets off, an outage, and a
carrier that loses messages.
"""

import random
from collections.abc import Callable
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from otp.models import Alert, AuditSeal, Delivery, Progress, Verification, VerificationAttempt
from otp.operations import alerts
from otp.operations.demo_history import MARK, SERVICE_SID, History, Maker
from otp.operations.totals import DAY, HOUR, forget, roll_up

BATCH = 1000
# Beside the figures of an alert that the history set off.
DEMO = "demo"


class IsSealed(Exception):
    """The audit has sealed the demo's rows, and what is sealed stays."""


def fill(days: int = 60, seed: int = 1, tell: Callable[[int, int], None] = lambda done, of: None) -> dict[str, int]:
    """Write the history of so many days, in place of one that is there; gives how many rows of each kind.

    `tell` hears of every day that is made: days done, days in all.

    :raises IsSealed: when an older history is there that cannot be removed
    """
    remove()
    now = timezone.now()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    history = History()
    maker = Maker(random.Random(seed), history, now)  # noqa: S311  nothing secret hangs on it
    for ago in range(days - 1, -1, -1):
        maker.make_day(midnight - ago * DAY, ago, days)
        tell(days - ago, days)
    maker.make_attack_of_now()
    with transaction.atomic():
        Verification.objects.bulk_create(history.verifications, batch_size=BATCH)
        VerificationAttempt.objects.bulk_create(history.attempts, batch_size=BATCH)
        Delivery.objects.bulk_create(history.deliveries, batch_size=BATCH)
    _sum_anew(min(attempt.created_at for attempt in history.attempts))
    for alert in alerts.find(now):
        alert.figures[DEMO] = True
        alert.note()
    return {
        "verifications": len(history.verifications),
        "attempts": len(history.attempts),
        "deliveries": len(history.deliveries),
    }


def remove() -> int:
    """Take the history away again, and out of the sums; gives how many attempts that were.

    :raises IsSealed: when the audit has sealed some of them
    """
    attempts = VerificationAttempt.objects.filter(user_agent=MARK)
    first = attempts.order_by("created_at").values_list("created_at", flat=True).first()
    if first is None:
        return 0
    if AuditSeal.objects.filter(attempt_id__in=attempts.values("pk")).exists():
        raise IsSealed
    with transaction.atomic():
        Delivery.objects.filter(attempt__in=attempts.values("pk")).delete()
        count = attempts.delete()[0]
        Verification.objects.filter(service_sid=SERVICE_SID).delete()
        Alert.objects.filter(**{f"figures__{DEMO}": True}).delete()
    _sum_anew(first)
    return count


def _sum_anew(since: datetime) -> None:
    if (until := Progress.find(Progress.Job.ROLL_UP)) and until > since:
        forget(since, until - HOUR)
    roll_up()
