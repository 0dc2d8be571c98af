"""What people sign in with after the password: each kind is a django-otp `Device`, so that its decorators, middleware
and `user.is_verified()` work. Passkeys are django-otp-webauthn's `WebAuthnCredential`.

Stock verification (`verify_token`) holds a row lock and a connection through a network call and keeps secrets as plain
text; these devices are checked by `accounts.factors` instead, and refuse it.
"""

from functools import cache
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_otp.models import Device, DeviceManager

from otp.models.prepared import Given, Prepared

NAME_LENGTH = 64


class FactorDevice(Device):
    """What our kinds of device have in common."""

    created_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[DeviceManager] = DeviceManager()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name

    def verify_token(self, token: str) -> bool:
        """Refuse: whoever checks a code here would go around the budget of failures."""
        raise NotImplementedError("Use accounts.factors.checking.check: it counts failures and locks no rows.")

    def note_use(self) -> None:
        kind: Any = type(self)
        _prepare_note_use(kind).update(pk=self.pk, now=timezone.now())


@cache
def _prepare_note_use(kind: Any) -> Prepared[FactorDevice]:
    return Prepared(lambda: kind.objects.filter(pk=Given("pk")), last_used_at=Given("now"))


class PhoneDevice(FactorDevice):
    """The person's proven phone number as a second factor. The number itself is on the user, and in one place only."""

    class Meta:
        verbose_name = _("phone as second factor")
        verbose_name_plural = _("phones as second factor")
        constraints = [models.UniqueConstraint(fields=["user"], name="one_phone_device")]


class TotpDevice(FactorDevice):
    """An authenticator app. Not `confirmed` until a code of it was right."""

    encrypted_secret = models.TextField(help_text=_("Encrypted with FACTOR_ENCRYPTION_KEYS."))
    last_step = models.BigIntegerField(default=-1, help_text=_("The last time step whose code was used."))

    class Meta:
        verbose_name = _("authenticator app")
        verbose_name_plural = _("authenticator apps")
        constraints = [
            models.UniqueConstraint(fields=["user"], condition=Q(confirmed=True), name="one_confirmed_totp"),
            models.UniqueConstraint(fields=["user"], condition=Q(confirmed=False), name="one_unconfirmed_totp"),
        ]

    def use_step(self, step: int) -> bool:
        """Use up a time step. Of any number of callers one sees True, and none for an earlier step afterwards."""
        # SECURITY: the row count decides: one code signs in once.
        return (
            TotpDevice.objects.filter(pk=self.pk, last_step__lt=step).update(
                last_step=step, last_used_at=timezone.now()
            )
            == 1
        )


class BackupCodeDevice(FactorDevice):
    """A person's set of backup codes. Made anew, a set takes the place of the last one."""

    paused_until = models.DateTimeField(
        null=True, blank=True, help_text=_("After one was spent on a password reset the others don’t sign in so soon.")
    )

    class Meta:
        verbose_name = _("backup codes")
        verbose_name_plural = _("backup codes")
        constraints = [models.UniqueConstraint(fields=["user"], name="one_set_of_backup_codes")]


class BackupCode(models.Model):
    """One code, as a keyed hash."""

    device = models.ForeignKey(BackupCodeDevice, on_delete=models.CASCADE, related_name="codes")
    code_hash = models.CharField(max_length=64)
    used_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[models.Manager["BackupCode"]] = models.Manager()

    class Meta:
        verbose_name = _("backup code")
        verbose_name_plural = _("backup codes")
        constraints = [models.UniqueConstraint(fields=["device", "code_hash"], name="one_row_per_backup_code")]

    def __str__(self) -> str:
        return f"{self.pk}"

    @classmethod
    def use(cls, user: Any, hashes: list[str]) -> bool:
        """Use a code up. Of any number of callers one sees True."""
        # SECURITY: the row count decides.
        unused = cls.objects.filter(device__user=user, code_hash__in=hashes, used_at=None)
        return cls.objects.filter(pk__in=unused.values("pk"), used_at=None).update(used_at=timezone.now()) == 1
