"""The states of a verification, and how long and how often each of its steps may take place."""

import math
from datetime import datetime, timedelta

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

LIFETIME = timedelta(minutes=10)
PROOF_LIFETIME = timedelta(minutes=10)
MAX_SENDS = 5
MAX_CHECKS = 5
MAX_GIVEN_BACK = 3


def get_seconds_until(moment: datetime) -> int:
    """Give the whole seconds, at least one, to a moment: what `retry_after` carries."""
    return max(1, math.ceil((moment - timezone.now()).total_seconds()))


class Status(models.TextChoices):
    PENDING = "pending", _("pending")
    APPROVED = "approved", _("approved")
    REDEEMED = "redeemed", _("redeemed")
    EXHAUSTED = "exhausted", _("too many wrong codes")
    EXPIRED = "expired", _("expired")
    CANCELED = "canceled", _("canceled")
    FAILED = "failed", _("not sent")
