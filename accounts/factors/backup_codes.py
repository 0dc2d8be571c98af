"""Backup codes: ten codes on paper, for when the phone is lost. Kept as keyed hashes, shown once, good once each."""

import re
import secrets
import unicodedata
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from accounts.models import BackupCode, BackupCodeDevice
from otp.destinations import hash_address
from otp.exceptions import IncorrectCode

COUNT = 10
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"  # base32: five bits a character, no 0, 1 or 8 to misread
LENGTH = 13  # 65 bits: enough for a saved recovery code, NIST SP 800-63B-4 section 4.2.1.1
PAUSE_AFTER_RESET = timedelta(days=1)
MISREAD = str.maketrans("018", "OIB")


def make(user: Any) -> tuple[BackupCodeDevice, list[str]]:
    """Make a new set; every code of an earlier one is void. What is returned here can never be seen again."""
    codes = ["".join(secrets.choice(ALPHABET) for _ in range(LENGTH)) for _ in range(COUNT)]
    with transaction.atomic():
        device, _ = BackupCodeDevice.objects.update_or_create(
            user=user, defaults={"name": "Backup codes", "confirmed": True, "paused_until": None}
        )
        device.codes.all().delete()
        BackupCode.objects.bulk_create(
            BackupCode(device=device, code_hash=_hash(user, code, settings.OTP_HASH_KEYS[0])) for code in codes
        )
    return device, [f"{code[:4]}-{code[4:8]}-{code[8:]}" for code in codes]


@sensitive_variables("code")
def check(user: Any, code: str) -> BackupCodeDevice:
    """Use one code up.

    A keyed hash is compared in one look-up: ten slow hashes for each guess would be a way to stall the site.

    :raises IncorrectCode: there is no such code, or it was used
    """
    folded = fold(code)
    if not BackupCode.use(user, [_hash(user, folded, key) for key in settings.OTP_HASH_KEYS]):
        raise IncorrectCode
    device = BackupCodeDevice.objects.get(user=user)
    device.note_use()
    return device


def pause(user: Any) -> None:
    """Keep the other codes from signing in for a day: one was just spent on a password reset."""
    BackupCodeDevice.objects.filter(user=user).update(paused_until=timezone.now() + PAUSE_AFTER_RESET)


def fold(typed: str) -> str:
    """Fold a code to the one spelling it was made in, however it was copied from paper."""
    text = unicodedata.normalize("NFKC", typed).upper()
    return re.sub(r"[\s\-–—.·]+", "", text).translate(MISREAD)


def _hash(user: Any, code: str, key: str) -> str:
    return hash_address(f"accounts.backup_code:{user.pk}:{code}", key)
