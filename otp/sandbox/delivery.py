"""What happens to a message after Verify has accepted it, on the sandbox's clock."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from otp.sandbox.models import Attempt, Verification
from otp.sandbox.numbers import is_landline

SENT_AFTER = timedelta(seconds=2)
SETTLED_AFTER = timedelta(seconds=5)
# Codes of the test network that the numbering plan of mobile networks sets aside (ITU-T E.212).
TEST_MCC, TEST_MNC = "001", "01"
CARRIER = "Sandbox Mobile"

WORDS = {
    "call": ("queued", "in-progress", "completed", "no-answer"),
    "sms": ("queued", "sent", "delivered", "undelivered"),
}


@dataclass(frozen=True)
class Progress:
    """How far a message has come, and since when."""

    status: str
    changed_at: datetime
    is_priced: bool
    error_code: int | None


def progress_of(attempt: Attempt, now: datetime) -> Progress:
    queued, sent, arrived, lost = WORDS.get(attempt.channel, WORDS["sms"])
    if now < attempt.created_at + SENT_AFTER:
        return Progress(queued, attempt.created_at, is_priced=False, error_code=None)
    if now < attempt.created_at + SETTLED_AFTER:
        return Progress(sent, attempt.created_at + SENT_AFTER, is_priced=True, error_code=None)
    error = attempt.delivery_error or None
    return Progress(lost if error else arrived, attempt.created_at + SETTLED_AFTER, is_priced=True, error_code=error)


def channel_data(attempt: Attempt, progress: Progress, now: datetime) -> dict[str, Any]:
    """Twilio publishes this shape for SMS alone; a call says `call_status`, as its enumeration is another."""
    verification = attempt.verification
    is_phone = attempt.channel != "email"
    return {
        "verification_sid": verification.sid,
        "to": verification.to,
        "status": _outcome(attempt, now),
        "call_status" if attempt.channel == "call" else "message_status": progress.status,
        "error_code": progress.error_code,
        "country": attempt.country or None,
        "code_length": None if verification.is_custom_code else attempt.code_length,
        "locale": attempt.locale,
        "mcc": TEST_MCC if is_phone else None,
        "mnc": TEST_MNC if is_phone else None,
        "carrier": CARRIER if is_phone else None,
    }


def _outcome(attempt: Attempt, now: datetime) -> str:
    if attempt.is_converted:
        return "confirmed"
    return "expired" if now >= attempt.verification.expires_at else "unconfirmed"


def carrier_of(verification: Verification) -> dict[str, Any]:
    """What a Lookup adds to a verification: a made-up carrier, and the real kind of line."""
    if "@" in verification.to:
        return {}
    kind = "landline" if is_landline(verification.to) else "mobile"
    return {
        "carrier": {
            "mobile_country_code": TEST_MCC,
            "type": kind,
            "error_code": None,
            "mobile_network_code": TEST_MNC,
            "name": CARRIER,
        }
    }
