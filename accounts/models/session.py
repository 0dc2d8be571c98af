"""Sessions, with whose they are: so that a person can see and end their own."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.utils import timezone

from accounts.browser_name import name_browser
from otp.destinations import hash_address

SIGNED_IN = "signed_in"  # session key; what `accounts.flows.login.sign_in` writes, see `SignedIn` there


class UserSession(AbstractBaseSession):
    """One session. Its columns repeat what the session itself holds; only `accounts.sessions` writes them."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE, related_name="sessions"
    )
    signed_in_at = models.DateTimeField(null=True, blank=True)
    last_seen_at = models.DateTimeField(default=timezone.now)
    client_address = models.GenericIPAddressField(null=True, blank=True)
    user_agent = models.CharField(max_length=256, blank=True)

    class Meta(AbstractBaseSession.Meta):
        indexes = [models.Index(fields=["user", "-last_seen_at"], name="session_by_user")]

    @classmethod
    def get_session_store_class(cls) -> Any:
        from accounts.sessions import SessionStore  # the two know each other: Django's sessions are made so

        return SessionStore

    @property
    def is_live(self) -> bool:
        """Tell whether it still opens anything: neither over its time nor idle for too long."""
        return self.expire_date > timezone.now() and get_idle_end(self.last_seen_at.timestamp()) > timezone.now()

    @property
    def browser(self) -> str:
        return name_browser(self.user_agent)

    @property
    def handle(self) -> str:
        """Name the session without its key, which opens it: a keyed hash, for forms."""
        # SECURITY: whoever reads a session's key is signed in as its person.
        return hash_address(f"accounts.session:{self.session_key}", settings.OTP_HASH_KEYS[0])[:32]

    def describe(self, data: dict[str, Any]) -> None:
        """Take over whose the session is. One that nobody is signed in to keeps nothing about its visitor."""
        if not (signed_in := data.get(SIGNED_IN)):
            return
        self.user_id = signed_in["user_id"]
        self.signed_in_at = datetime.fromtimestamp(signed_in["at"], UTC)
        self.last_seen_at = datetime.fromtimestamp(signed_in["seen_at"], UTC)
        self.client_address = signed_in["address"] or None
        self.user_agent = signed_in["user_agent"]


def get_idle_end(seen_at: float) -> datetime:
    """Say when a session ends by itself if nobody uses it."""
    return datetime.fromtimestamp(seen_at, UTC) + timedelta(seconds=settings.SESSION_IDLE_SECONDS)


def is_over(signed_in: dict[str, Any]) -> bool:
    """Tell whether a signed-in session has been idle for too long, or has lasted for too long."""
    now = time.time()
    return (
        now - signed_in["seen_at"] > settings.SESSION_IDLE_SECONDS
        or now - signed_in["at"] > settings.SESSION_COOKIE_AGE
    )
