"""People in tests, and how they come to be signed in without going through the pages."""

import time
from typing import Any

from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone
from django_otp import DEVICE_ID_SESSION_KEY
from django_otp.oath import totp as totp_code

from accounts.assurance import KEY, Step
from accounts.encryption import decrypt
from accounts.factors import backup_codes, phone, totp
from accounts.models import TotpDevice
from accounts.models.session import SIGNED_IN

NUMBER = "+12025550123"
PASSWORD = "securepass123"
CHROME = "Mozilla/5.0 (X11; Linux x86_64) Chrome/140"


def make_person(email: str = "ann@example.com", phone_number: str = NUMBER, **fields: Any) -> Any:
    """Make somebody with a proven phone; none with `phone_number=""`."""
    proven = {"phone": phone_number, "phone_verified_at": timezone.now()} if phone_number else {}
    return get_user_model().objects.create_user(email, PASSWORD, **{**proven, **fields})


def with_phone(user: Any, **fields: Any) -> Any:
    """Make the phone a second factor, and turn it on."""
    phone.enrol(user)
    return turn_on(user, **fields)


def with_totp(user: Any, **fields: Any) -> Any:
    """Set an authenticator app up, and turn the second factor on."""
    device = totp.begin(user)
    TotpDevice.objects.filter(pk=device.pk).update(confirmed=True)
    return turn_on(user, **fields)


def with_backup_codes(user: Any) -> list[str]:
    return backup_codes.make(user)[1]


def turn_on(user: Any, **fields: Any) -> Any:
    for name, value in {"two_factor_enabled": True, **fields}.items():
        setattr(user, name, value)
    user.save()
    return user


def show_totp_code(user: Any, *, step: int = 0) -> str:
    """Give what the person's app shows now, or some steps from now."""
    device = TotpDevice.objects.filter(user=user).latest("pk")
    return f"{totp_code(decrypt(device.encrypted_secret), drift=step):06}"


def sign_in(client: Client, user: Any, *, device: Any = None, ago: int = 0) -> Client:
    """Sign somebody in as the door would have done it some seconds ago; `device` is the factor that proved them."""
    client.force_login(user)
    session = client.session
    then = int(time.time()) - ago
    session[SIGNED_IN] = {
        "user_id": user.pk,
        "at": then,
        "seen_at": then,
        "methods": [{"method": "password", "at": then}],
        "address": "127.0.0.1",
        "user_agent": CHROME,
    }
    if device:
        session[DEVICE_ID_SESSION_KEY] = device.persistent_id
    session.save()
    return client


def prove(client: Client, step: str = Step.SUPPORT, *, ago: int = 0) -> Client:
    """Note a fresh proof for one step, as `/accounts/confirm/` does."""
    session = client.session
    session[KEY] = {step: int(time.time()) - ago}
    session.save()
    return client


def sign_in_staff(client: Client, user: Any) -> Client:
    """Sign staff in, proven by a phone."""
    return sign_in(client, user, device=phone.enrol(user) if user.phone else with_totp_device(user))


def with_totp_device(user: Any) -> TotpDevice:
    with_totp(user)
    return TotpDevice.objects.get(user=user)
