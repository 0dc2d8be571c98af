"""Registration: a person proves a phone number and gets an account. Pages and API call this alike."""

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from otp import services, tokens
from otp.client import Client
from otp.destinations import fold_email, parse_phone
from otp.exceptions import EmailTaken, PhoneTaken, WeakPassword
from otp.purposes import Purpose


@sensitive_variables("password", "code", "token")
def register(
    *, email: str, password: str, phone: str, code: str = "", verification_token: str = "", client: Client
) -> Any:
    """Prove the phone number, then make the account: both or neither.

    Until the proof nothing is written that could hold a number or an address against its owner.

    :raises InvalidDestination: the phone number cannot be read
    :raises WeakPassword: before the code is looked at, so that it is not used up
    :raises EmailTaken, PhoneTaken: only after the proof, and with a token that saves the person another message
    :raises OtpError: see `services.prove`
    """
    destination = parse_phone(phone)
    user = get_user_model()(email=fold_email(email), phone=destination.address)
    raise_if_weak(password, user)
    verification = services.prove(
        destination, purpose=Purpose.REGISTRATION, code=code, token=verification_token, client=client
    )
    # Hashed before the transaction: it takes longer than all the rest and would hold the lock.
    user.set_password(password)
    user.phone_verified_at = timezone.now()
    try:
        with transaction.atomic():
            services.redeem(verification)
            user.save(force_insert=True)
    except IntegrityError:
        # The row's own constraints decide, also between two that come at once; the proof was rolled back with it.
        is_email_taken = get_user_model().objects.filter(email=user.email).exists()
        error = EmailTaken if is_email_taken else PhoneTaken
        raise error(verification_token=tokens.make_token(verification)) from None
    return user


@sensitive_variables("password")
def raise_if_weak(password: str, user: Any, field: str = "password") -> None:
    """Hold a password to the rules of `AUTH_PASSWORD_VALIDATORS`.

    :raises WeakPassword: with each broken rule as a sentence
    """
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise WeakPassword(fields={field: error.messages}) from None
