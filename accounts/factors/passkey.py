"""Passkeys as a factor: WebAuthn, bound to the address of this site and unlocked on the person's own device.

`webauthn` compares challenge, origin, RP ID, flags and signature; django-otp-webauthn keeps the public keys. Here is
what neither does: a challenge that is good once, a counter that only moves forward, and whose passkey it is.
"""

import struct
from collections.abc import Callable
from typing import Any, TypeVar

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from django_otp_webauthn.models import WebAuthnCredential, WebAuthnUserHandle
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.authentication.verify_authentication_response import VerifiedAuthentication
from webauthn.helpers import (
    options_to_json_dict,
    parse_authentication_credential_json,
    parse_client_data_json,
    parse_registration_credential_json,
)
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticationCredential,
    AuthenticatorSelectionCriteria,
    CredentialDeviceType,
    RegistrationCredential,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from accounts.exceptions import PasskeyCopied, PasskeyOver, PasskeyRefused, PasskeyTaken, TooManyPasskeys
from accounts.models import PasskeyChallenge

ADDING = "add_passkey"  # a purpose of challenges, beside those of codes
MAX_ANSWER_LENGTH = 32 * 1024  # characters of JSON; one with certificates of its maker has about 8 kB
MAX_PASSKEYS = 20  # of one person: all their names go out with every challenge
MAX_CREDENTIAL_ID_LENGTH = 1023  # bytes, WebAuthn level 3 section 7.1 step 25
MAX_SIGN_COUNT = 2**31 - 1  # what the column holds; authenticators count to twice that, one by one
# What the parsers of an answer stumble over, beside their own errors.
MALFORMED = (WebAuthnException, ValueError, TypeError, LookupError, AttributeError, RecursionError, struct.error)

Answer = TypeVar("Answer", AuthenticationCredential, RegistrationCredential)


def begin_use(user: Any, *, purpose: str, flow: str, challenge: bytes = b"") -> dict[str, Any]:
    """Ask the person's passkeys for a signature. Gives `PublicKeyCredentialRequestOptionsJSON`.

    What is signed is random, unless `challenge` is a keyed digest of something that the person approves with it.
    """
    options = generate_authentication_options(
        rp_id=settings.OTP_WEBAUTHN_RP_ID,
        challenge=PasskeyChallenge.issue(user, purpose, flow, challenge),
        timeout=settings.OTP_WEBAUTHN_TIMEOUT_SECONDS * 1000,
        allow_credentials=WebAuthnCredential.get_credential_descriptors_for_user(user),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json_dict(options)


@sensitive_variables("answer")
def check(user: Any, answer: str, *, purpose: str, flow: str) -> WebAuthnCredential:
    """Check what the browser gave for `begin_use` (its JSON), and use the challenge up. Gives the passkey.

    :raises PasskeyOver: the challenge is another session's or purpose's, was used, or is too old
    :raises PasskeyRefused: somebody else's or an unknown passkey, another site's, not unlocked, or a wrong signature
    :raises PasskeyCopied: all is right, and its counter did not move forward
    """
    credential = _use_challenge(user, answer, parse_authentication_credential_json, purpose=purpose, flow=flow)
    device = WebAuthnCredential.objects.filter(
        # SECURITY: of this person alone: a passkey of somebody else's proves somebody else.
        user=user,
        confirmed=True,
        credential_id_sha256=WebAuthnCredential.get_credential_id_sha256(credential.raw_id),
    ).first()
    handle = credential.response.user_handle
    if device is None or (handle and handle != WebAuthnUserHandle.get_handle_for_user(user)):
        raise PasskeyRefused
    try:
        verified = verify_authentication_response(
            credential=credential,
            expected_challenge=parse_client_data_json(credential.response.client_data_json).challenge,
            expected_rp_id=settings.OTP_WEBAUTHN_RP_ID,
            expected_origin=settings.OTP_WEBAUTHN_ALLOWED_ORIGINS,
            credential_public_key=bytes(device.public_key),
            credential_current_sign_count=0,  # `_count_use` compares it, where parallel uses cannot pass together
            require_user_verification=True,
        )
    except MALFORMED:
        raise PasskeyRefused from None
    _count_use(device, verified)
    return device


def begin_adding(user: Any, *, flow: str) -> dict[str, Any]:
    """Ask the browser for a new passkey. Gives `PublicKeyCredentialCreationOptionsJSON`.

    :raises TooManyPasskeys: the person has as many as an account can have
    """
    existing = WebAuthnCredential.get_credential_descriptors_for_user(user)
    if len(existing) >= MAX_PASSKEYS:
        raise TooManyPasskeys
    options = generate_registration_options(
        rp_id=settings.OTP_WEBAUTHN_RP_ID,
        rp_name=settings.OTP_WEBAUTHN_RP_NAME,
        user_id=WebAuthnUserHandle.get_handle_for_user(user),
        user_name=user.email,
        challenge=PasskeyChallenge.issue(user, ADDING, flow),
        timeout=settings.OTP_WEBAUTHN_TIMEOUT_SECONDS * 1000,
        exclude_credentials=existing,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
    )
    return options_to_json_dict(options)


@sensitive_variables("answer")
def read_new(user: Any, answer: str, *, name: str, flow: str) -> WebAuthnCredential:
    """Read the passkey that the browser made for `begin_adding`, and use the challenge up. Gives an unsaved row.

    Call it outside of a transaction: what is rolled back would be a challenge that is good again. No statement of the
    authenticator's maker is asked for or kept.

    :raises PasskeyOver: see `check`
    :raises PasskeyRefused: made for another site, not unlocked, or nothing that can be read
    """
    credential = _use_challenge(user, answer, parse_registration_credential_json, purpose=ADDING, flow=flow)
    try:
        made = verify_registration_response(
            credential=credential,
            expected_challenge=parse_client_data_json(credential.response.client_data_json).challenge,
            expected_rp_id=settings.OTP_WEBAUTHN_RP_ID,
            expected_origin=settings.OTP_WEBAUTHN_ALLOWED_ORIGINS,
            require_user_verification=True,
        )
    except MALFORMED:
        raise PasskeyRefused from None
    if len(made.credential_id) > MAX_CREDENTIAL_ID_LENGTH or made.sign_count > MAX_SIGN_COUNT:
        raise PasskeyRefused
    return WebAuthnCredential(
        user=user,
        name=name,
        aaguid=made.aaguid,
        credential_id=made.credential_id,
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
        transports=[transport.value for transport in credential.response.transports or []],
        backup_eligible=made.credential_device_type == CredentialDeviceType.MULTI_DEVICE,
        backup_state=made.credential_backed_up,
    )


def keep(device: WebAuthnCredential) -> None:
    """Save a new passkey.

    :raises PasskeyTaken: it is set up already, by whomever
    """
    try:
        with transaction.atomic():
            device.save(force_insert=True)
    except IntegrityError:
        raise PasskeyTaken from None


def _use_challenge(user: Any, answer: str, parse: Callable[[str], Answer], *, purpose: str, flow: str) -> Answer:
    """Read an answer, and use up the challenge that it says it signed, before anything else of it is believed."""
    try:
        credential = parse(answer)
        client_data = parse_client_data_json(credential.response.client_data_json)
    except MALFORMED:
        raise PasskeyRefused from None
    if not PasskeyChallenge.use(user, purpose, flow, client_data.challenge):
        raise PasskeyOver
    # SECURITY: a page of ours inside somebody else's is no place to sign in from.
    if client_data.cross_origin:
        raise PasskeyRefused
    return credential


def _count_use(device: WebAuthnCredential, verified: VerifiedAuthentication) -> None:
    """Move the counter forward. One that stays or goes back is a copy's; those that never count stay at 0."""
    count = verified.new_sign_count
    if count > MAX_SIGN_COUNT:
        raise PasskeyRefused
    # SECURITY: the row count decides.
    moved = WebAuthnCredential.objects.filter(
        Q(sign_count__lt=count) if count else Q(sign_count=0), pk=device.pk
    ).update(sign_count=count, backup_state=verified.credential_backed_up, last_used_at=timezone.now())
    if not moved:
        raise PasskeyCopied(reason="counter went back")
