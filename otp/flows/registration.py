"""Registration: a person proves a phone number and gets an account. Pages and API call this alike."""

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from otp import limits, mail, services, tokens
from otp.client import Client
from otp.destinations import Destination, fold_email, parse_phone
from otp.exceptions import EmailTaken, PhoneTaken, WeakPassword
from otp.models import Verification
from otp.purposes import Purpose


@sensitive_variables("password")
def prepare(*, email: str, password: str, phone: str) -> Any:
    """Judge what can be judged without a code. Gives the person as they would be: not saved, without a password.

    :raises InvalidDestination: the phone number cannot be read
    :raises WeakPassword: the password breaks a rule
    """
    user = get_user_model()(email=fold_email(email), phone=parse_phone(phone).address)
    raise_if_weak(password, user)
    return user


@sensitive_variables("password", "code", "token")
def register(
    *, email: str, password: str, phone: str, code: str = "", verification_token: str = "", client: Client
) -> Any:
    """Prove the phone number, then make the account: both or neither.

    Until the proof nothing is written that could hold a number or an address against its owner.

    :raises InvalidDestination: the phone number cannot be read
    :raises WeakPassword: before the code is looked at, so that it is not used up
    :raises EmailTaken, PhoneTaken: only after the proof, and with a token that saves the person another message
    :raises TooManyRequests: after the proof, for a number that was on too many accounts lately
    :raises OtpError: see `services.prove`
    """
    user = prepare(email=email, password=password, phone=phone)
    verification = _prove(user, code=code, token=verification_token, client=client)
    # Hashed before the transaction: it takes longer than all the rest and would hold the lock.
    user.set_password(password)
    return _add(user, verification)


@sensitive_variables("password_hash", "code", "token")
def register_prepared(
    *,
    email: str,
    password_hash: str,
    phone: str,
    code: str = "",
    verification_token: str = "",
    flow: str,
    client: Client,
) -> Any:
    """Make the account of somebody whom `prepare` has judged before: pages keep the hash between their steps.

    A code counts only where it was asked for by the same `flow`.

    :raises EmailTaken, PhoneTaken: only after the proof, and with a token that saves the person another message
    :raises OtpError: see `services.prove`
    """
    user = get_user_model()(email=email, phone=phone, password=password_hash)
    return _add(user, _prove(user, code=code, token=verification_token, flow=flow, client=client))


@sensitive_variables("password")
def raise_if_weak(password: str, user: Any, field: str = "password") -> None:
    """Hold a password to the rules of `AUTH_PASSWORD_VALIDATORS`.

    :raises WeakPassword: with each broken rule as a sentence
    """
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise WeakPassword(fields={field: error.messages}) from None


@sensitive_variables("code", "token")
def _prove(user: Any, *, code: str, token: str, flow: str = "", client: Client) -> Verification:
    destination: Destination = parse_phone(user.phone)
    return services.prove(
        destination,
        purpose=Purpose.REGISTRATION,
        code=code,
        token=token,
        bindings=services.get_bindings(flow),
        client=client,
    )


def _add(user: Any, verification: Verification) -> Any:
    limits.raise_if_number_had_accounts(parse_phone(user.phone))
    user.phone_verified_at = timezone.now()
    try:
        with transaction.atomic():
            services.redeem(verification)
            user.save(force_insert=True)
            mail.send_welcome(user.email)
    except IntegrityError:
        # The row's own constraints decide, also between two that come at once; the proof was rolled back with it.
        # SECURITY: the number first: whoever holds a customer's phone learns nothing about addresses.
        has_phone = Q(phone=user.phone, phone_verified_at__isnull=False)
        error = PhoneTaken if get_user_model().objects.filter(has_phone).exists() else EmailTaken
        # SECURITY: one proof buys this answer a few times; without an end it would tell of anybody who is a customer.
        token = tokens.make_token(verification) if verification.give_back() else None
        raise error(verification_token=token) from None
    return user
