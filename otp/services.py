"""The public verbs of one-time codes: send, verify, redeem, cancel. What every page and viewset calls.

Call `send_otp` and `verify_otp` outside of a transaction, `redeem` inside the one of what it pays for.
"""

from uuid import UUID

from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from otp import audit, checking, limits, sending, tokens
from otp.client import Client
from otp.destinations import Destination, hash_address, parse_destination, parse_phone
from otp.exceptions import (
    CodeExpired,
    InvalidDestination,
    InvalidRequest,
    NotFound,
    OtpError,
    PurposeRequired,
)
from otp.models import TransactionApproval, Verification
from otp.models.attempt import Kind
from otp.models.lifecycle import Status
from otp.money import Payment
from otp.purposes import Channel, Purpose
from otp.transactions import raise_unless_in_transaction


@sensitive_variables("to")
def send_otp(
    to: str,
    channel: str = "",
    *,
    purpose: str = "",
    locale: str | None = None,
    client: Client,
    flow: str = "",
    user_id: int | None = None,
    payment: Payment | None = None,
) -> Verification:
    """Send a code to a phone number or e-mail address.

    `channel` is `email` for an address and `sms` otherwise, unless given. Without a purpose the code serves whichever
    public call uses it first. `flow` and `user_id` bind it: only a check that names the same ones will find it.

    :raises PurposeRequired: when none is given and `OTP_REQUIRE_PURPOSE` is on
    :raises InvalidDestination: when `to` cannot be read
    :raises OtpError: see `sending.open_send` and `sending.deliver`
    """
    if not purpose:
        if settings.OTP_REQUIRE_PURPOSE:
            raise PurposeRequired
        purpose = Purpose.ANY_PUBLIC
    destination = read_destination(to, Kind.SEND, purpose=purpose, channel=channel, client=client)
    opening = sending.open_send(
        destination,
        channel=channel or (Channel.EMAIL if destination.is_email else Channel.SMS),
        purpose=purpose,
        client=client,
        binding=get_bindings(flow, user_id)[0],
        user_id=user_id,
        locale=locale,
        payment=payment,
    )
    try:
        return sending.deliver(opening)
    except OtpError as error:
        sending.refund(opening, error)
        raise


@sensitive_variables("to", "code")
def verify_otp(
    to: str = "",
    code: str = "",
    *,
    verification_id: UUID | None = None,
    purpose: str = "",
    client: Client,
    flow: str = "",
    user_id: int | None = None,
    is_used_at_once: bool = False,
    payment: Payment | None = None,
) -> Verification:
    """Check a code; returns the approved verification, good for one `redeem` within ten minutes.

    With `is_used_at_once`, which a `flow` or `user_id` must go with, it comes back redeemed: for a proof that moves
    nothing in the database but the next step of the same request.

    With `verification_id` or `to` alone any public code of that destination counts; with a purpose only one that was
    asked for it, and with a `flow` or `user_id` only one that was asked for by the same.

    :raises InvalidDestination: when `to` cannot be read
    :raises OtpError: see `checking.check`
    """
    if verification_id:
        if purpose or flow or user_id is not None:
            raise TypeError("An id alone finds public codes only; name the destination with purpose, flow and user.")
        return checking.check_by_id(verification_id, code, client=client)
    if is_used_at_once and not flow and user_id is None:
        raise TypeError("What is used at once belongs to a flow or a person; name one.")
    if not to:
        raise InvalidRequest
    destination = read_destination(to, Kind.CHECK, purpose=purpose or Purpose.ANY_PUBLIC, client=client)
    bindings = get_bindings(flow, user_id)
    if not purpose and bindings == [""]:
        return checking.check_public(destination, code, client=client)
    return checking.check_for(
        destination,
        code,
        purpose=purpose or Purpose.ANY_PUBLIC,
        bindings=bindings,
        client=client,
        is_used_at_once=is_used_at_once,
        payment=payment,
    )


@sensitive_variables("code", "token")
def prove(
    destination: Destination,
    *,
    purpose: str,
    code: str = "",
    token: str = "",
    bindings: list[str] | None = None,
    client: Client,
    is_decoy: bool = False,
) -> Verification:
    """Turn a code or a verification token into an approved verification that `redeem` can use.

    :raises CodeExpired: the token is no good, or there is no live code
    :raises OtpError: see `checking.check`
    """
    if not token:
        if kept := Verification.objects.good_for(purpose, bindings or [""]).kept().to(destination).first():
            limits.take_check(client)
            if kept.is_kept_code(code):
                return kept
        return checking.check_for(
            destination, code, purpose=purpose, bindings=bindings or [""], client=client, is_decoy=is_decoy
        )
    limits.take_check(client)
    verification = tokens.read_token(token, purpose=purpose, destination=destination)
    if is_decoy:
        raise CodeExpired
    return verification


@sensitive_variables("typed")
def read_destination(
    typed: str, kind: str, *, purpose: str, client: Client, channel: str = "", phone_only: bool = False
) -> Destination:
    """Fold what a person typed. One that cannot be read is an attempt like any other, and leaves its row.

    :raises InvalidDestination: see `destinations.parse_destination`
    """
    try:
        return parse_phone(typed) if phone_only else parse_destination(typed)
    except InvalidDestination as error:
        audit.record_refusal(error, kind, client, purpose=purpose, channel=channel)
        raise


def redeem(verification: Verification) -> None:
    """Use an approved verification up. Of any number of callers one succeeds; the others' transactions must fail.

    :raises CodeExpired: when it was redeemed already, cancelled, or approved more than ten minutes ago
    """
    raise_unless_in_transaction()
    if not verification.redeem():
        raise CodeExpired


def cancel(verification_id: UUID) -> None:
    """Close a pending verification: its code counts no more, whatever Twilio would say.

    :raises NotFound: when there is no pending one by that id
    """
    if not Verification(pk=verification_id).cancel():
        raise NotFound


def cancel_all(user_id: int) -> None:
    """Void what is open for a person: codes that were sent to them, proofs not used yet, and payments to confirm."""
    cancel_codes(user_id)
    TransactionApproval.objects.filter(user_id=user_id).cancel_all()


def cancel_codes(user_id: int, *purposes: str) -> None:
    """Void a person's codes and proofs, for all purposes unless some are named."""
    found = Verification.objects.filter(user_id=user_id, status__in=[Status.PENDING, Status.APPROVED])
    if purposes:
        found = found.filter(purpose__in=purposes)
    found.update(status=Status.CANCELED)


def get_bindings(flow: str = "", user_id: int | None = None) -> list[str]:
    """Give the keyed hashes that tie a verification to a flow and a person; '' ties it to neither.

    One for each key in use: the first is for new rows, the others find those from before a rotation.
    """
    if not flow and user_id is None:
        return [""]
    name = f"{'' if user_id is None else user_id}:{flow}"
    return [hash_address(name, key) for key in settings.OTP_HASH_KEYS]
