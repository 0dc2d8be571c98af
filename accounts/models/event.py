"""What happened to an account: for the person to look over, and for whoever has to find out later."""

from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from otp.client import Client
from otp.destinations import fold_email, hash_address
from otp.models.prepared import insert

MAX_REASON_LENGTH = 200


class EventKind(models.TextChoices):
    SIGNED_IN = "signed_in", _("Signed in")
    SIGNED_OUT = "signed_out", _("Signed out")
    FACTOR_FAILED = "factor_failed", _("Right password, wrong code")
    FACTOR_BLOCKED = "factor_blocked", _("Codes blocked after wrong ones")
    PROVEN = "proven", _("Identity confirmed for a setting")
    TWO_FACTOR_ON = "two_factor_on", _("Second factor turned on")
    TWO_FACTOR_OFF = "two_factor_off", _("Second factor turned off")
    TWO_FACTOR_REQUIRED = "two_factor_required", _("Second factor made a requirement")
    FACTOR_ADDED = "factor_added", _("Way to sign in added")
    FACTOR_REMOVED = "factor_removed", _("Way to sign in removed")
    BACKUP_CODES_MADE = "backup_codes_made", _("New backup codes made")
    BACKUP_CODE_USED = "backup_code_used", _("Backup code used")
    PHONE_CHANGED = "phone_changed", _("Phone number changed")
    PHONE_CHANGE_STOPPED = "phone_change_stopped", _("Change of the phone number stopped")
    PASSWORD_CHANGED = "password_changed", _("Password changed")
    PASSWORD_RESET = "password_reset", _("Password reset with a code")
    SESSION_ENDED = "session_ended", _("Session ended")
    UNLOCKED = "unlocked", _("Unlocked by support")
    RESET_STARTED = "reset_started", _("Password reset started by support")
    TWO_FACTOR_OPTIONAL = "two_factor_optional", _("Second factor no longer a requirement")
    SWITCHED_OFF = "switched_off", _("Account switched off")
    SWITCHED_ON = "switched_on", _("Account switched on")
    ACCOUNT_MADE = "account_made", _("Account made by staff")
    RIGHTS_CHANGED = "rights_changed", _("Rights on this site changed")
    SIGN_IN_FAILED = "sign_in_failed", _("Wrong password")
    SIGN_IN_BLOCKED = "sign_in_blocked", _("Sign-ins blocked after wrong passwords")


class SecurityEvent(models.Model):
    """One thing that happened to one account. Written once, never changed."""

    created_at = models.DateTimeField(default=timezone.now)
    kind = models.CharField(max_length=24, choices=EventKind.choices)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="security_events",
        help_text=_("Whose account; empty where somebody tried to sign in to one that does not exist."),
    )
    # SECURITY: a hash and nothing else: people type passwords into the wrong field.
    typed_hash = models.CharField(
        _("what was typed"), max_length=64, blank=True, help_text=_("Keyed hash of the address, where it is nobody’s.")
    )
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text=_("Who of the staff did it; empty where the person did."),
    )
    detail = models.CharField(max_length=200, blank=True, help_text=_("Which factor, or a masked number."))
    reason = models.CharField(max_length=MAX_REASON_LENGTH, blank=True, help_text=_("What staff gave as the reason."))
    client_address = models.GenericIPAddressField(null=True, blank=True)
    user_agent = models.CharField(max_length=256, blank=True)

    objects: ClassVar[models.Manager["SecurityEvent"]] = models.Manager()

    class Meta:
        verbose_name = _("security event")
        verbose_name_plural = _("security events")
        indexes = [
            models.Index(fields=["user", "-id"], name="event_by_user"),
            models.Index(fields=["-created_at", "-id"], name="event_by_time"),
            models.Index(fields=["client_address", "-id"], name="event_by_address"),
            models.Index(fields=["typed_hash", "-id"], name="event_by_typed", condition=~Q(typed_hash="")),
        ]

    def __str__(self) -> str:
        return f"{self.kind} ({self.created_at:%Y-%m-%d %H:%M})"

    @classmethod
    def record(
        cls, kind: str, user: Any, client: Client, *, detail: Any = "", actor: Any = None, reason: str = ""
    ) -> None:
        """Write one event. Inside a transaction it stands or falls with what it tells of."""
        insert(
            cls(
                kind=kind,
                user=user,
                actor=actor,
                detail=str(detail)[:200],
                reason=reason[:MAX_REASON_LENGTH],
                client_address=client.address or None,
                user_agent=client.user_agent,
            )
        )

    @classmethod
    def record_typed(cls, kind: str, email: str, client: Client, *, detail: str = "") -> None:
        """Write one event of somebody who is known by nothing but the address they typed.

        The same statements run whether it is an account's or not. Of an address that is nobody's a hash is kept.
        """
        owner = get_user_model().objects.filter(email=fold_email(email)).first()
        cls.objects.create(
            kind=kind,
            user=owner,
            typed_hash="" if owner else hash_typed(email)[0],
            detail=detail,
            client_address=client.address or None,
            user_agent=client.user_agent,
        )


def hash_typed(email: str) -> list[str]:
    """Hash what was typed for an address under every key in use, the newest first."""
    return [hash_address(f"accounts.typed:{fold_email(email)}", key) for key in settings.OTP_HASH_KEYS]
