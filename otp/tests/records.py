"""Attempts in tests, written as they end up and not by going through everything that makes them."""

import secrets
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from otp.destinations import parse_destination
from otp.models import Verification, VerificationAttempt
from otp.models.attempt import Kind, Outcome


def make_verification(to: str = "+12025550123", **fields: Any) -> Verification:
    """Write one pending verification: unless told otherwise for a sign-in, by text message."""
    values = {"channel": "sms", "purpose": "login", "service_sid": "VA" + "0" * 32}
    found = Verification.make(parse_destination(to), **{**values, **fields})
    found.save(force_insert=True)
    return found


def make_attempt(*, at: datetime | None = None, ago: timedelta = timedelta(0), **fields: Any) -> VerificationAttempt:
    """Write one settled attempt: unless told otherwise a text message to the US that went out."""
    values = {
        "kind": Kind.SEND,
        "outcome": Outcome.OK,
        "purpose": "verification",
        "channel": "sms",
        "country": "US",
        "prefix": "+1202555",
        "destination_hash": secrets.token_hex(32),
        "destination_masked": "+1 ••• ••• 0123",
        "duration_ms": 200,
        "cost": Decimal("0.05"),
    }
    if fields.get("outcome", Outcome.OK) != Outcome.OK:
        values["cost"] = None
    return VerificationAttempt.objects.create(created_at=at or timezone.now() - ago, **{**values, **fields})


def make_check(**fields: Any) -> VerificationAttempt:
    """Write one settled check, of the right code unless told otherwise."""
    return make_attempt(**{"kind": Kind.CHECK, "cost": Decimal(0), **fields})
