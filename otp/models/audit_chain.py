"""The chain over the audit: blocks of sealed attempts, each under a keyed digest that takes in the block before it.

Written by `otp.operations` alone. Triggers in the database refuse everything else: see `otp/operations/audit_guard.py`.
"""

from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class BlockKind(models.TextChoices):
    ROWS = "rows", _("attempts sealed")
    PRUNED = "pruned", _("old attempts removed")
    ERASED = "erased", _("a person's traces removed")


class AuditBlock(models.Model):
    """One link of the chain. Blocks are kept for good, those of attempts long removed included."""

    number = models.PositiveBigIntegerField(primary_key=True, help_text=_("Without gaps, from 1."))
    kind = models.CharField(max_length=10, choices=BlockKind.choices)
    created_at = models.DateTimeField(default=timezone.now)
    row_count = models.PositiveIntegerField(help_text=_("How many attempts were sealed, removed or erased."))
    members = models.TextField(blank=True, help_text=_("The ids of the attempts sealed: 1-1000,1002."))
    newest_at = models.DateTimeField(null=True, blank=True, help_text=_("Time of the newest attempt sealed."))
    floor_id = models.PositiveBigIntegerField(
        default=0, help_text=_("Up to this id every attempt that there was is sealed.")
    )
    pruned_through = models.PositiveBigIntegerField(
        default=0, help_text=_("Up to this number the blocks have lost their attempts to age.")
    )
    row_version = models.PositiveSmallIntegerField(help_text=_("Which fields of an attempt the digests take in."))
    key_id = models.CharField(max_length=12, help_text=_("Which of OTP_AUDIT_KEYS."))
    root = models.CharField(max_length=64, blank=True, help_text=_("Digest over the seals."))
    digest = models.CharField(max_length=64, help_text=_("Digest over all of this and the block before."))

    objects: ClassVar[models.Manager["AuditBlock"]] = models.Manager()

    class Meta:
        verbose_name = _("block of the audit chain")
        verbose_name_plural = _("blocks of the audit chain")

    def __str__(self) -> str:
        return f"{self.number}: {self.row_count} × {self.kind}"


class AuditSeal(models.Model):
    """The keyed digest of one attempt. By id, not as a relation: it outlives an attempt that somebody removes."""

    attempt_id = models.BigIntegerField(primary_key=True)
    block = models.ForeignKey(AuditBlock, on_delete=models.PROTECT, related_name="seals")
    digest = models.BinaryField()
    erased = models.CharField(
        max_length=90, blank=True, help_text=_("Version, key and digest of what is left of an erased attempt.")
    )

    objects: ClassVar[models.Manager["AuditSeal"]] = models.Manager()

    class Meta:
        verbose_name = _("seal of an attempt")
        verbose_name_plural = _("seals of attempts")

    def __str__(self) -> str:
        return f"{self.attempt_id} ({self.block_id})"


class AuditOpening(models.Model):
    """While a transaction has a row here, it alone may change sealed attempts. None is ever committed."""

    created_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[models.Manager["AuditOpening"]] = models.Manager()

    class Meta:
        verbose_name = _("opening of the audit")
        verbose_name_plural = _("openings of the audit")

    def __str__(self) -> str:
        return f"{self.created_at}"
