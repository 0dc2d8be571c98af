"""Sending a code: open the row and the attempt, then have Twilio send. Called through `otp.services` and flows."""

from dataclasses import dataclass, field

from django.db import IntegrityError
from django.utils import timezone

from otp import audit, limits
from otp.client import Client
from otp.destinations import Destination, raise_if_refused
from otp.exceptions import Conflict, OtpError, ProviderUnavailable, TooManyAttempts, TooManyRequests
from otp.models import Verification, VerificationAttempt
from otp.models.attempt import Kind, Outcome
from otp.models.verification import Status, get_seconds_until
from otp.prices import get_price
from otp.purposes import get_service_sid
from otp.transactions import raise_if_in_transaction, release_connection
from otp.verify_api.decoys import make_decoy_sid
from otp.verify_api.service import twilio_verify


@dataclass(frozen=True)
class Opening:
    """A send that is counted and audited but has not gone out."""

    destination: Destination
    client: Client
    verification: Verification
    attempt: VerificationAttempt
    superseded: list[Verification] = field(default_factory=list)
    locale: str | None = None


def open_send(
    destination: Destination,
    *,
    channel: str,
    purpose: str,
    client: Client,
    binding: str = "",
    user_id: int | None = None,
    locale: str | None = None,
) -> Opening:
    """Count a send and write its rows. A refusal is written too, as the one row of that attempt.

    Other codes that are out for this number within the same Service count no more from here on: Twilio would send the
    same digits for both, and a code serves one purpose.

    :raises ChannelUnavailable, DestinationBlocked, CountryNotAllowed: by `raise_if_refused`
    :raises TooManyRequests: before the resend's wait is over, or over a limit
    :raises TooManyAttempts: after too many wrong codes
    :raises LimitsUnavailable: when limits cannot be counted
    """
    raise_if_in_transaction()
    try:
        raise_if_refused(destination, channel)
        limits.raise_if_destination_is_over_limit(destination, purpose)
        own, others = _find_standing(destination, purpose, binding)
        limits.take_send(destination, client, channel)
        verification = _count_send(own, channel) if own else None
        if verification is None:
            verification = _start(destination, channel, purpose, binding, user_id)
        if others:
            Verification.objects.filter(pk__in=[other.pk for other in others]).cancel_all()
    except OtpError as error:
        audit.record_refusal(error, Kind.SEND, client, purpose=purpose, channel=channel, destination=destination)
        raise
    attempt = audit.open_attempt(Kind.SEND, client, purpose=purpose, channel=channel, verification=verification)
    return Opening(destination, client, verification, attempt, others, locale)


def deliver(opening: Opening) -> Verification:
    """Have Twilio send what was opened.

    :raises OtpError: what Twilio made of it
    """
    verification, attempt = opening.verification, opening.attempt
    release_connection()
    try:
        with audit.settle_failure(attempt):
            _cancel_superseded(opening)
            sent = twilio_verify.send_otp(
                opening.destination.address,
                verification.channel,
                service_sid=verification.service_sid,
                locale=opening.locale,
            )
    except OtpError as error:
        if not isinstance(error, ProviderUnavailable) or not error.was_sent:
            limits.refund_money(opening.destination, opening.client, verification.channel)
        raise
    attempt.verification_sid = sent.verification_sid
    _record_sent(verification, attempt, sent.verification_sid)
    audit.settle(attempt, Outcome.OK, cost=get_price(verification.channel, verification.country))
    return verification


def drop(opening: Opening, outcome: str) -> None:
    """Settle a send that will not be made. Its row stays as it is: checks against it count down like any other's."""
    with audit.settle_failure(opening.attempt):
        _cancel_superseded(opening)
    audit.settle(opening.attempt, outcome)
    limits.refund_money(opening.destination, opening.client, opening.verification.channel)


def _cancel_superseded(opening: Opening) -> None:
    """Have Twilio forget the digits of other uses of this number: the next send would get the same ones."""
    for other in opening.superseded:
        twilio_verify.cancel(other.verification_sid or make_decoy_sid(), service_sid=other.service_sid)
        other.end()


def _find_standing(
    destination: Destination, purpose: str, binding: str
) -> tuple[Verification | None, list[Verification]]:
    """Find the row that this send would be a resend of, and those whose digits it would share.

    :raises TooManyAttempts: when the digits that are out were guessed at too often
    :raises TooManyRequests: when the resend comes too soon
    """
    standing = Verification.objects.filter(
        status__in=[Status.PENDING, Status.EXHAUSTED, Status.CANCELED], service_sid=get_service_sid(purpose)
    ).to(destination)
    rows = list(standing.order_by("created_at"))
    now = timezone.now()
    live = [row for row in rows if row.expires_at > now]
    if any(row.status == Status.PENDING for row in rows if row not in live):
        standing.expire_overdue()
    own = next((row for row in live if row.is_for(purpose, binding) and row.status != Status.CANCELED), None)
    # Cancelled ones too: they count no more here, but Twilio may still hold their digits ready.
    # SECURITY: and those that were never sent: a reset for nobody must fare like one for somebody.
    others = [row for row in live if row is not own]
    for row in [own, *others]:
        # Twilio refuses new digits until these have run out, and so do we: a new start must not buy new guesses.
        if row and row.status == Status.EXHAUSTED:
            raise TooManyAttempts(retry_after=get_seconds_until(row.expires_at), reason="exhausted")
    if own and own.next_send_at > now:
        raise TooManyRequests(retry_after=get_seconds_until(own.next_send_at), reason="resend_wait")
    return own, others


def _count_send(own: Verification, channel: str) -> Verification:
    if not own.count_send(channel):
        raise TooManyRequests(retry_after=get_seconds_until(own.next_send_at), reason="resend_race")
    return own


def _start(destination: Destination, channel: str, purpose: str, binding: str, user_id: int | None) -> Verification:
    try:
        return Verification.start(
            destination,
            channel=channel,
            purpose=purpose,
            service_sid=get_service_sid(purpose),
            binding=binding,
            user_id=user_id,
        )
    except IntegrityError:
        # Somebody was faster with the same request: their code is on its way.
        raise TooManyRequests(retry_after=30, reason="resend_race") from None


def _record_sent(verification: Verification, attempt: VerificationAttempt, verification_sid: str) -> None:
    if verification.verification_sid == verification_sid:
        return
    try:
        if verification.record_sent(verification_sid):
            return
    except IntegrityError:
        verification.cancel()
    audit.settle(attempt, Outcome.CONFLICT, cost=get_price(verification.channel, verification.country))
    raise Conflict
