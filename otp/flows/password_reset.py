"""Password reset: a code to the account's proven phone, then a new password. Pages and API call this alike.

`start` does the same work for everybody and looks nobody up; whether the pair belongs to an account is found out after
the answer, and where it does not, nothing is sent and guesses count down as if something had been.
"""

from collections.abc import Callable
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Q
from django.views.decorators.debug import sensitive_variables

from otp import mail, sending, services, tokens
from otp.background import run_after_answer
from otp.client import Client
from otp.destinations import Destination, fold_email
from otp.exceptions import CodeExpired, OtpError
from otp.flows.registration import raise_if_weak
from otp.models import TransactionApproval, Verification
from otp.models.attempt import Kind, Outcome
from otp.models.lifecycle import Status
from otp.purposes import Channel, Purpose
from otp.recovery import get_recovery


def start(*, email: str, phone: str, channel: str = "", client: Client) -> Verification:
    """Begin a reset. Returns the same for everybody; changes nothing about the account.

    The code comes by text message unless another way to a phone is named.

    :raises InvalidDestination: the phone number cannot be read
    :raises OtpError: see `sending.open_send`; what is refused is refused without looking at accounts
    """
    destination = _read_phone(phone, Kind.SEND, client)
    opening = sending.open_send(
        destination,
        channel=channel or Channel.SMS,
        purpose=Purpose.PASSWORD_RESET,
        client=client,
        binding=services.get_bindings(_name_flow(email))[0],
    )
    run_after_answer(deliver_to_owner, opening, fold_email(email))
    return opening.verification


def deliver_to_owner(opening: sending.Opening, email: str) -> None:
    """Send the code if the pair belongs to one account.

    A send that fails leaves its row as one that was never meant to go out: nobody can tell the two apart.
    """
    if not opening.verification.is_still_wanted():
        sending.drop(opening, Outcome.CODE_EXPIRED)
    elif find_user(email, opening.destination):
        sending.deliver(opening)
    else:
        sending.drop(opening, Outcome.NO_ACCOUNT)


@sensitive_variables("code", "verification_token", "new_password", "proofs")
def finish(
    *,
    email: str,
    phone: str,
    new_password: str,
    code: str = "",
    verification_token: str = "",
    proofs: dict[str, str] | None = None,
    client: Client,
) -> None:
    """Set a new password. Never signs in; ends every session and every open code of the person, and tells them.

    For a pair without an account each step runs the same, and the code is never right. `proofs` maps methods of a
    second proof to codes, for accounts that the phone alone does not reset: `{"email": "123456"}`.

    :raises WeakPassword: before the code is looked at
    :raises SecondProofRequired: after the phone is proven; the same call with one of `proofs` completes it
    :raises OtpError: see `services.prove`, and `check` of the module that `OTP_RECOVERY` names
    """
    destination = _read_phone(phone, Kind.CHECK, client)
    user_model = get_user_model()
    raise_if_weak(new_password, user_model(email=fold_email(email), phone=destination.address), "new_password")
    finish_prepared(
        email=email,
        phone=phone,
        set_password=lambda user: user.set_password(new_password),
        code=code,
        verification_token=verification_token,
        proofs=proofs,
        client=client,
    )


@sensitive_variables("code", "verification_token", "proofs")
def finish_prepared(
    *,
    email: str,
    phone: str,
    set_password: Callable[[Any], None],
    code: str = "",
    verification_token: str = "",
    proofs: dict[str, str] | None = None,
    client: Client,
) -> None:
    """Set a password that was judged before: pages keep its hash between their steps.

    :raises SecondProofRequired: see `finish`
    :raises OtpError: see `finish`
    """
    destination = _read_phone(phone, Kind.CHECK, client)
    user = find_user(fold_email(email), destination)
    verification = services.prove(
        destination,
        purpose=Purpose.PASSWORD_RESET,
        code=code,
        token=verification_token,
        bindings=[*services.get_bindings(_name_flow(email)), ""],
        client=client,
        is_decoy=user is None,
    )
    if user is None:
        raise CodeExpired
    try:
        second = get_recovery().check(user, proofs or {}, client=client)
    except OtpError as error:
        # The phone is proven, and stays so for the next call, whether it comes with the token or with the same code.
        error.verification_token = tokens.make_token(verification)
        verification.keep(code)
        raise
    set_password(user)
    with transaction.atomic():
        # SECURITY: sessions carry a hash of the password; changing it ends them all. The pair is asked for again:
        # it may have come apart since it was found. The account goes first: two resets of one person wait here,
        # and not on each other's rows.
        is_same_pair = _accounts_of(user.email, destination).filter(pk=user.pk)
        if is_same_pair.update(password=user.password) != 1:
            raise CodeExpired
        services.redeem(verification)
        if second.verification:
            services.redeem(second.verification)
        close_open_codes(user, destination)
        get_recovery().settle(user, second, client=client)
        mail.send_password_was_reset(user.email)


def find_user(email: str, destination: Destination) -> Any | None:
    """Find the active account whose address and proven phone number both match."""
    return _accounts_of(email, destination).first()


def close_open_codes(user: Any, destination: Destination) -> None:
    """Void what is open for a person: pending codes, proofs not used yet, and payments to confirm."""
    own = Q(user=user) | Q(destination_hash__in=[*destination.hashes, *Destination(user.email).hashes])
    Verification.objects.filter(own, status__in=[Status.PENDING, Status.APPROVED]).update(status=Status.CANCELED)
    TransactionApproval.objects.of(user).cancel_all()


def _name_flow(email: str) -> str:
    """Name what ties a reset's code to the account's address as well as to the phone."""
    return f"password_reset:{fold_email(email)}"


def _read_phone(phone: str, kind: str, client: Client) -> Destination:
    return services.read_destination(phone, kind, purpose=Purpose.PASSWORD_RESET, client=client, phone_only=True)


def _accounts_of(email: str, destination: Destination) -> Any:
    return get_user_model().objects.filter(
        email=email, phone=destination.address, phone_verified_at__isnull=False, is_active=True
    )
