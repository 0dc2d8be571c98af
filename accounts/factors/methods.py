"""Which factors a person has, and which of them may be used for what."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Exists, OuterRef, TextChoices
from django.utils.translation import gettext_lazy as _
from django_otp_webauthn.models import WebAuthnCredential

from accounts.models import BackupCode, PhoneDevice, TotpDevice, User


class Method(TextChoices):
    OTP = "otp", _("code to your phone")
    TOTP = "totp", _("authenticator app")
    PASSKEY = "passkey", _("passkey")
    BACKUP_CODE = "backup_code", _("backup code")


def list_enrolled(user: Any) -> list[str]:
    """List the methods that a person has set up, the one to offer first in front. One statement.

    The phone comes first where the person prefers it, or has nothing else. Backup codes come last, and alone they are
    no second factor: they are the way back to one.
    """
    return sort(user, User.objects.filter(pk=user.pk).values(**get_conditions()).first() or {})


def list_provable(user: Any) -> list[str]:
    """List the methods by which a person can prove themself for a sensitive step.

    Whoever has set none up can prove the phone of the account; nobody can choose it where stronger ones are set up.
    """
    return list_enrolled(user) or ([str(Method.OTP)] if user.phone_verified_at else [])


def count_backup_codes(user: Any) -> int:
    return BackupCode.objects.filter(device__user=user, used_at=None).count()


def get_conditions() -> dict[str, Exists]:
    """Give for each method the condition of a row of people that says whether they have it, for lists of people."""
    confirmed = {"user": OuterRef("pk"), "confirmed": True}
    codes = BackupCode.objects.filter(device__user=OuterRef("pk"), used_at=None)
    return {
        "passkey": Exists(WebAuthnCredential.objects.filter(**confirmed)),
        "totp": Exists(TotpDevice.objects.filter(**confirmed)),
        "otp": Exists(PhoneDevice.objects.filter(**confirmed, user__phone_verified_at__isnull=False)),
        "backup_code": Exists(codes),
    }


def sort(user: Any, has: Mapping[str, Any]) -> list[str]:
    """List the methods that a person has, in the order of `list_enrolled`. `has` says it for each of the conditions."""
    order = [Method.PASSKEY, Method.TOTP, Method.OTP]
    if user.preferred_channel:
        order = [Method.OTP, Method.PASSKEY, Method.TOTP]
    found = [str(method) for method in order if has.get(method)]
    return [*found, str(Method.BACKUP_CODE)] if found and has.get(Method.BACKUP_CODE) else found
