"""What a passkey is asked to sign: random, for one person, session and purpose, for a few minutes, and once."""

import secrets
from datetime import timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from webauthn.helpers import bytes_to_base64url

LENGTH = 32  # bytes; WebAuthn level 3 section 13.4.3 asks for at least 16


class PasskeyChallenge(models.Model):
    """One challenge that is out. The session cannot keep it: parallel requests would each find it unused.

    `flow` is a random text that only the session holds; the newest challenge of a flow takes the place of the last one.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    purpose = models.CharField(max_length=20)
    flow = models.CharField(max_length=64)
    challenge = models.CharField(max_length=64, help_text=_("Base64url, as the browser gives it back."))
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[models.Manager["PasskeyChallenge"]] = models.Manager()

    class Meta:
        verbose_name = _("passkey challenge")
        verbose_name_plural = _("passkey challenges")
        constraints = [
            models.UniqueConstraint(fields=["user", "purpose", "flow"], name="one_passkey_challenge_per_flow")
        ]

    def __str__(self) -> str:
        return f"{self.purpose} ({self.expires_at:%Y-%m-%d %H:%M})"

    @classmethod
    def issue(cls, user: Any, purpose: str, flow: str, challenge: bytes = b"") -> bytes:
        """Make a new challenge. Those that are over, of anybody, go: nothing else needs to clean up.

        One that is given must be as hard to guess as a random one, and made for this use alone.
        """
        challenge = challenge or secrets.token_bytes(LENGTH)
        expires_at = timezone.now() + timedelta(seconds=settings.OTP_WEBAUTHN_TIMEOUT_SECONDS)
        cls.objects.filter(expires_at__lte=timezone.now()).delete()
        row = cls(user=user, purpose=purpose, flow=flow, challenge=bytes_to_base64url(challenge), expires_at=expires_at)
        cls.objects.bulk_create(
            [row],
            update_conflicts=True,
            unique_fields=["user", "purpose", "flow"],
            update_fields=["challenge", "expires_at", "used_at"],
        )
        return challenge

    @classmethod
    def use(cls, user: Any, purpose: str, flow: str, challenge: bytes) -> bool:
        """Use a challenge up. Of any number of callers one sees True."""
        now = timezone.now()
        # SECURITY: one statement asks for person, purpose, session, age and first use; the row count decides.
        return (
            cls.objects.filter(
                user=user,
                purpose=purpose,
                flow=flow,
                challenge=bytes_to_base64url(challenge),
                expires_at__gt=now,
                used_at=None,
            ).update(used_at=now)
            == 1
        )
