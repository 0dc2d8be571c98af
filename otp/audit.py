"""Writing attempts: one row before anything happens, settled once when it is known what became of it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import TypedDict, Unpack
from uuid import UUID

import structlog
from django.db import IntegrityError

from otp import metrics
from otp.client import Client
from otp.destinations import Destination
from otp.exceptions import OtpError
from otp.models import AuditSeal, Verification, VerificationAttempt
from otp.models.attempt import Outcome
from otp.models.prepared import Given, Prepared, insert

logger = structlog.stdlib.get_logger(__name__)
# What is known of an attempt only once it is over.
SETTLED = ("outcome", "cost", "reason", "verification_sid", "attempt_sid", "provider_code", "duration_ms")
SETTLE = Prepared(
    lambda: VerificationAttempt.objects.filter(pk=Given("pk"), outcome=Outcome.CRASHED),
    **{name: Given(name) for name in SETTLED},
)


class What(TypedDict, total=False):
    """What a send or check was about, as far as it is known. A verification knows more than the rest."""

    purpose: str
    channel: str
    destination: Destination | None
    verification: Verification | None
    user_id: int | None
    approval_id: UUID | None


def open_attempt(kind: str, client: Client, **what: Unpack[What]) -> VerificationAttempt:
    """Write the row as `crashed`: whatever happens from here on, it stays."""
    attempt = build_attempt(kind, client, **what)
    insert(attempt)
    return attempt


def build_attempt(kind: str, client: Client, **what: Unpack[What]) -> VerificationAttempt:
    """Make the row of `open_attempt`, for whoever writes it together with something else."""
    destination, verification = what.pop("destination", None), what.get("verification")
    attempt = VerificationAttempt(
        kind=kind,
        client_address=client.address or None,
        user_agent=client.user_agent,
        request_id=structlog.contextvars.get_contextvars().get("request_id", ""),
        **what,
    )
    if verification:
        attempt.user_id = verification.user_id
        attempt.verification_sid = verification.verification_sid
        attempt.destination_hash = verification.destination_hash
        attempt.destination_masked = verification.destination_masked
    elif destination:
        attempt.destination_hash, attempt.destination_masked = destination.hash, destination.masked
    if source := verification or destination:
        attempt.country, attempt.prefix = source.country, source.prefix
    return attempt


def record_refusal(error: OtpError, kind: str, client: Client, **what: Unpack[What]) -> None:
    """Write the one row of something that never reached Twilio."""
    attempt = build_attempt(kind, client, **what)
    attempt.outcome, attempt.reason = get_outcome(error), error.reason
    attempt.guard = error.reason.removeprefix("guard_") if error.reason.startswith("guard_") else ""
    insert(attempt)
    _tell(attempt)


def settle(attempt: VerificationAttempt, outcome: str, *, cost: Decimal | None = None) -> None:
    """Say what became of an attempt. Only once: a settled row never changes again."""
    attempt.outcome, attempt.cost = outcome, cost
    try:
        SETTLE.update(pk=attempt.pk, **{name: getattr(attempt, name) for name in SETTLED})
    except IntegrityError:
        if not AuditSeal.objects.filter(attempt_id=attempt.pk).exists():
            raise
        # Sealed as crashed already, by a host whose clock is hours ahead. What was sent stays sent.
        logger.exception("attempt_sealed_early", attempt_id=attempt.pk)
    _tell(attempt)


@contextmanager
def settle_failure(attempt: VerificationAttempt) -> Iterator[None]:
    """Time the call to Twilio inside, and settle the attempt if it raises. Success is settled by the caller.

    An exception that is not ours leaves the row as `crashed`, which is what happened.
    """
    started = time.perf_counter()
    try:
        yield
    except OtpError as error:
        attempt.duration_ms = _get_milliseconds_since(started)
        attempt.provider_code, attempt.reason = error.provider_code, error.reason
        settle(attempt, get_outcome(error))
        raise
    except Exception:
        attempt.duration_ms = _get_milliseconds_since(started)
        _tell(attempt)
        raise
    attempt.duration_ms = _get_milliseconds_since(started)


def get_outcome(error: OtpError) -> str:
    return error.code if error.code in Outcome.values else Outcome.INVALID_REQUEST


def _get_milliseconds_since(started: float) -> int:
    return round((time.perf_counter() - started) * 1000)


def _tell(attempt: VerificationAttempt) -> None:
    """Count an attempt and write its line to the log, now that it is known what became of it."""
    metrics.note_attempt(attempt)
    logger.info(
        "attempt",
        attempt_id=attempt.pk,
        kind=attempt.kind,
        outcome=attempt.outcome,
        purpose=attempt.purpose,
        channel=attempt.channel,
        destination=attempt.destination_masked,
        country=attempt.country,
        owner_id=attempt.user_id,
        reason=attempt.reason,
        guard=attempt.guard,
        provider_code=attempt.provider_code,
        duration_ms=attempt.duration_ms,
    )
