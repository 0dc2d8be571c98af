"""Sending a code: open the row and the attempt, then have Twilio send. Called through `otp.services` and flows."""

from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from django.conf import settings
from django.db import IntegrityError
from django.db.models import Q
from django.utils import timezone

from otp import audit, limits
from otp.client import Client
from otp.destinations import Destination, raise_if_refused
from otp.exceptions import Conflict, OtpError, ProviderUnavailable, TooManyAttempts, TooManyRequests
from otp.models import Verification, VerificationAttempt
from otp.models.attempt import Kind, Outcome
from otp.models.lifecycle import MAX_CHECKS, Status, get_seconds_until
from otp.models.prepared import Given, Prepared, fill_insert, given_each, insert, run_together
from otp.money import Payment
from otp.prices import get_price
from otp.purposes import Purpose, get_service_sid
from otp.transactions import raise_if_in_transaction
from otp.verify_api.decoys import make_decoy_sid
from otp.verify_api.service import twilio_verify


@dataclass(frozen=True)
class Opening:
    """A send that is counted and audited but has not gone out."""

    destination: Destination
    client: Client
    verification: Verification
    attempt: VerificationAttempt
    superseded: list[Verification]
    taken: limits.Taken
    locale: str | None
    payment: Payment | None = None


def open_send(
    destination: Destination,
    *,
    channel: str,
    purpose: str,
    client: Client,
    binding: str = "",
    user_id: int | None = None,
    locale: str | None = None,
    payment: Payment | None = None,
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
        if own is None and purpose == Purpose.PHONE_CHANGE and user_id is not None:
            limits.take_number(destination, user_id)
        taken = limits.take_send(destination, client, channel, purpose)
        try:
            verification = own or Verification.make(
                destination,
                channel=channel,
                purpose=purpose,
                service_sid=get_service_sid(purpose),
                binding=binding,
                user_id=user_id,
            )
            attempt = audit.build_attempt(
                Kind.SEND,
                client,
                purpose=purpose,
                channel=channel,
                verification=verification,
                approval_id=payment.approval_id if payment else None,
            )
            attempt.guard = taken.exceeded
            _write(verification, attempt)
        except OtpError:
            limits.give_back(taken)
            raise
        if others:
            Verification.objects.filter(pk__in=[other.pk for other in others]).cancel_all()
    except OtpError as error:
        audit.record_refusal(
            error,
            Kind.SEND,
            client,
            purpose=purpose,
            channel=channel,
            destination=destination,
            user_id=user_id,
            approval_id=payment.approval_id if payment else None,
        )
        raise
    return Opening(destination, client, verification, attempt, others, taken, locale, payment)


def deliver(opening: Opening) -> Verification:
    """Have Twilio send what was opened.

    :raises OtpError: what Twilio made of it
    """
    verification, attempt = opening.verification, opening.attempt
    with audit.settle_failure(attempt):
        _cancel_superseded(opening)
        sent = twilio_verify.send_otp(
            opening.destination.address,
            verification.channel,
            service_sid=verification.service_sid,
            locale=opening.locale,
            payment=opening.payment,
        )
    attempt.verification_sid, attempt.attempt_sid = sent.verification_sid, sent.attempt_sid
    if not verification.record_sent(sent.verification_sid):
        _give_up(opening, sent.verification_sid)
        audit.settle(attempt, Outcome.CONFLICT, cost=_get_price(verification))
        raise Conflict
    audit.settle(attempt, Outcome.OK, cost=_get_price(verification))
    return verification


def refund(opening: Opening, error: OtpError) -> None:
    """Give back what a send cost that did not go out: at once the person may ask again.

    Where the answer was lost the message may be out all the same: its price and the row stay, and the next send makes
    its digits good.
    """
    was_sent = isinstance(error, Conflict) or (isinstance(error, ProviderUnavailable) and error.was_sent)
    opening.verification.refund_send(was_sent=was_sent)
    if not was_sent:
        limits.give_back(opening.taken)


def drop(opening: Opening, outcome: str) -> None:
    """Settle a send that will not be made, at the same expense: what it counted stays, and Twilio is asked something.

    Its row stays as it is: checks against it count down like any other's.
    """
    with audit.settle_failure(opening.attempt):
        _cancel_superseded(opening)
        # SECURITY: breaker and clock must not tell a reset for nobody from one for somebody.
        twilio_verify.cancel(make_decoy_sid(), service_sid=opening.verification.service_sid)
    audit.settle(opening.attempt, outcome)


def _cancel_superseded(opening: Opening) -> None:
    """Have Twilio forget the digits of other uses of this number: the next send would get the same ones.

    By destination, for the id of one whose answer was lost is not known.

    :raises OtpError: when it cannot be asked; then nothing was sent
    """
    if not opening.superseded:
        return
    try:
        twilio_verify.cancel(opening.destination.address, service_sid=opening.verification.service_sid)
    except ProviderUnavailable as error:
        error.was_sent = False
        raise
    Verification.end_all(opening.superseded)


def _give_up(opening: Opening, verification_sid: str) -> None:
    """Close every row on digits that two uses came to share, here and at Twilio: none of them may count."""
    Verification.cancel_sharing(opening.verification, verification_sid)
    with suppress(OtpError):
        twilio_verify.cancel(verification_sid, service_sid=opening.verification.service_sid)


def _get_price(verification: Verification) -> Decimal:
    return get_price(verification.channel, verification.country)


def _find_standing(
    destination: Destination, purpose: str, binding: str
) -> tuple[Verification | None, list[Verification]]:
    """Find the row that this send would be a resend of, and those whose digits it would share.

    :raises TooManyAttempts: when the digits that are out were guessed at too often
    :raises TooManyRequests: when the resend comes too soon
    """
    now = timezone.now()
    rows = _prepare_standing(len(destination.hashes)).find(
        destination=destination.hashes, service_sid=get_service_sid(purpose), now=now
    )
    live = [row for row in rows if row.expires_at > now]
    overdue = [row for row in rows if row.expires_at <= now]
    if overdue:
        Verification.objects.filter(pk__in=[row.pk for row in overdue]).expire_overdue()
    own = next((row for row in live if row.is_for(purpose, binding) and row.can_go_on), None)
    # Cancelled and overdue ones too: they count no more here, but Twilio may still hold their digits ready.
    # SECURITY: and those that were never sent: a reset for nobody must fare like one for somebody.
    others = [row for row in live if row is not own] + overdue
    for row in [own, *others]:
        # Twilio refuses new digits until these have run out, and so do we: a new start must not buy new guesses.
        if row in live and (row.status == Status.EXHAUSTED or row.checks >= MAX_CHECKS):
            raise TooManyAttempts(retry_after=get_seconds_until(row.expires_at), reason="exhausted")
    if own and own.next_send_at > now:
        raise TooManyRequests(retry_after=get_seconds_until(own.next_send_at), reason="resend_wait")
    return own, others


@cache
def _prepare_standing(keys: int) -> Prepared[Verification]:
    return Prepared(
        lambda: Verification.objects.filter(
            Q(status__in=[Status.EXHAUSTED, Status.CANCELED], expires_at__gt=Given("now")) | Q(status=Status.PENDING),
            service_sid=Given("service_sid"),
            destination_hash__in=given_each("destination", keys),
        ).order_by("created_at")
    )


def _write(verification: Verification, attempt: VerificationAttempt) -> None:
    """Write a new verification and its attempt, or count a resend of one that stands and write the attempt.

    :raises TooManyRequests: somebody was faster with the same request: their code is on its way
    """
    if verification._state.adding:
        try:
            run_together(fill_insert(verification), fill_insert(attempt))
        except IntegrityError:
            raise TooManyRequests(retry_after=settings.OTP_RESEND_WAITS[0], reason="resend_race") from None
        return
    if not verification.count_send(attempt.channel):
        verification.refresh_from_db()
        raise TooManyRequests(retry_after=verification.resend_in, reason="resend_race")
    insert(attempt)
