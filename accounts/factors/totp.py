"""The authenticator app as a factor: time-based codes by RFC 6238, six digits, half a minute each."""

import base64
import secrets
from typing import Any
from urllib.parse import quote, urlencode

import segno
from django.db import IntegrityError, transaction
from django.views.decorators.debug import sensitive_variables
from django_otp.oath import TOTP

from accounts.encryption import decrypt, encrypt
from accounts.models import TotpDevice
from otp.exceptions import CodeExpired, IncorrectCode

SECRET_BYTES = 20  # RFC 4226 section 4, R6 recommends 160 bits
STEP_SECONDS = 30
DIGITS = 6
TOLERANCE = 1  # steps to either side: clocks differ, and people type slowly
ISSUER = "SmartFin"


def begin(user: Any, pk: int | None = None) -> TotpDevice:
    """Give the app that a person is setting up: the one by that id while it waits for its first code, or a new one.

    SECURITY: any other that waits is thrown away. Whoever began it, in another session, has seen its secret.
    """
    waiting = TotpDevice.objects.filter(user=user, confirmed=False)
    if found := waiting.filter(pk=pk).first():
        return found
    try:
        with transaction.atomic():
            waiting.delete()
            return TotpDevice.objects.create(
                user=user, confirmed=False, name=ISSUER, encrypted_secret=encrypt(secrets.token_bytes(SECRET_BYTES))
            )
    except IntegrityError:  # two tabs at once
        return waiting.get()


@sensitive_variables("code")
def confirm(user: Any, code: str, pk: int | None) -> TotpDevice:
    """Make the app that was set up a factor, with the first code of it. It takes the place of an earlier one.

    :raises IncorrectCode: wrong digits
    :raises CodeExpired: it is not being set up
    """
    device = TotpDevice.objects.filter(user=user, confirmed=False, pk=pk).first()
    if device is None:
        raise CodeExpired
    _use(device, code)
    with transaction.atomic():
        TotpDevice.objects.filter(user=user, confirmed=True).delete()
        # SECURITY: the row count decides: it may have been thrown away meanwhile.
        if TotpDevice.objects.filter(pk=device.pk, confirmed=False).update(confirmed=True) != 1:
            raise CodeExpired
    device.confirmed = True
    return device


@sensitive_variables("code")
def check(user: Any, code: str) -> TotpDevice:
    """Check a code of the person's app, and use its time step up.

    :raises IncorrectCode: wrong digits, or a code that was used
    """
    device = TotpDevice.objects.filter(user=user, confirmed=True).first()
    if device is None:
        raise IncorrectCode
    _use(device, code)
    return device


def get_secret_text(device: TotpDevice) -> str:
    """Give the secret as people type it into an app: base32 in groups of four."""
    text = base64.b32encode(decrypt(device.encrypted_secret)).decode().rstrip("=")
    return " ".join(text[start : start + 4] for start in range(0, len(text), 4))


def get_uri(device: TotpDevice, email: str) -> str:
    """Give what the QR code says.

    Source: https://github.com/google/google-authenticator/wiki/Key-Uri-Format, read 2026-11-24.
    """
    label = quote(f"{ISSUER}:{email}")
    secret = get_secret_text(device).replace(" ", "")
    return f"otpauth://totp/{label}?" + urlencode({"secret": secret, "issuer": ISSUER, "digits": DIGITS})


def draw_qr_code(device: TotpDevice, email: str) -> str:
    """Draw the QR code as inline SVG: dark on white, also on a dark page, for cameras need the contrast."""
    return segno.make(get_uri(device, email), error="m").svg_inline(
        scale=5, border=3, light="#fff", dark="#000", omitsize=True, lineclass="qr-line", svgclass="qr-code"
    )


@sensitive_variables("code", "clock")
def _use(device: TotpDevice, code: str) -> None:
    clock = TOTP(decrypt(device.encrypted_secret), STEP_SECONDS, 0, DIGITS)
    is_right = len(code) == DIGITS and clock.verify(int(code), tolerance=TOLERANCE, min_t=device.last_step + 1)
    if not is_right or not device.use_step(clock.t()):
        raise IncorrectCode
