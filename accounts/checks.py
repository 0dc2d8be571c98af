"""System checks of how people sign in."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

RULES = ("none", "staff", "all")
MIN_KEY_LENGTH = 32


@register(Tags.security)
def check_second_factor(**kwargs: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    if settings.OTP_REQUIRE_2FA_FOR not in RULES:
        found.append(Error("OTP_REQUIRE_2FA_FOR must be none, staff or all.", id="accounts.E001"))
    if any(len(key) < MIN_KEY_LENGTH for key in settings.FACTOR_ENCRYPTION_KEYS):
        hint = "They keep the secrets of authenticator apps. Take at least 32 random characters each."
        found.append(Error("FACTOR_ENCRYPTION_KEYS has a key that is too short.", hint=hint, id="accounts.E002"))
    if settings.SESSION_IDLE_SECONDS < 60:
        found.append(Error("SESSION_IDLE_SECONDS must be at least 60.", id="accounts.E003"))
    return found


@register(Tags.security, deploy=True)
def check_staff(**kwargs: Any) -> list[CheckMessage]:
    if settings.OTP_REQUIRE_2FA_FOR != "none":
        return []
    hint = "Set it to staff or all: a password alone should not open the admin site."
    return [Warning("OTP_REQUIRE_2FA_FOR is none.", hint=hint, id="accounts.W004")]
