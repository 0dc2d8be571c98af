"""Twilio's identifiers: two letters that name the kind, then 32 hexadecimal digits."""

import hashlib
import re
import secrets

SID_LENGTH = 34


def new_sid(prefix: str) -> str:
    return prefix + secrets.token_hex(16)


def named_sid(prefix: str, name: str) -> str:
    """Give a fixed thing a fixed identifier, so that it outlives a reset of the sandbox."""
    return prefix + hashlib.sha256(f"otp.sandbox.{name}".encode()).hexdigest()[:32]


def is_sid(prefix: str, value: str) -> bool:
    return re.fullmatch(prefix + "[0-9a-fA-F]{32}", value) is not None
