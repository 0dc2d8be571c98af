"""Secrets that must be read back, encrypted at rest. Passwords and backup codes are hashed instead.

Fernet (AES-128-CBC with HMAC-SHA256) from `cryptography`. The first of `FACTOR_ENCRYPTION_KEYS` encrypts, all of them
decrypt; `manage.py rotate_factor_keys` encrypts everything with the first one again.
"""

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


def encrypt(secret: bytes) -> str:
    return _get_fernet().encrypt(secret).decode()


def decrypt(encrypted: str) -> bytes:
    """Read a secret back.

    :raises cryptography.fernet.InvalidToken: when none of the keys made it, or it was changed
    """
    return _get_fernet().decrypt(encrypted.encode())


def rotate(encrypted: str) -> str:
    """Encrypt with the first key what any of them encrypted.

    :raises cryptography.fernet.InvalidToken: see `decrypt`
    """
    return _get_fernet().rotate(encrypted.encode()).decode()


def is_current(encrypted: str) -> bool:
    """Tell whether the first key reads it: there is nothing to rotate then."""
    try:
        Fernet(_derive(settings.FACTOR_ENCRYPTION_KEYS[0])).decrypt(encrypted.encode())
    except InvalidToken:
        return False
    return True


def _get_fernet() -> MultiFernet:
    return MultiFernet([Fernet(_derive(key)) for key in settings.FACTOR_ENCRYPTION_KEYS])


def _derive(key: str) -> bytes:
    """Make a Fernet key of a configured one, which is long and random: no slow derivation is needed."""
    return base64.urlsafe_b64encode(hashlib.sha256(f"accounts.encryption:{key}".encode()).digest())
