"""Who took a copy of the audit, and of what part."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class AuditExport(models.Model):
    """One CSV file of attempts that somebody of the staff had made. Written before the first row leaves."""

    created_at = models.DateTimeField(default=timezone.now)
    # The number stays when the account is gone: what was taken is still out there.
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.DO_NOTHING, db_constraint=False)
    filters = models.CharField(
        max_length=1000, blank=True, help_text=_("The filters that were on, as in the address of the list.")
    )
    row_count = models.PositiveIntegerField(
        null=True, blank=True, help_text=_("How many attempts left; empty where it was broken off.")
    )
    client_address = models.GenericIPAddressField(null=True, blank=True)
    user_agent = models.CharField(max_length=256, blank=True)

    objects: ClassVar[models.Manager["AuditExport"]] = models.Manager()

    class Meta:
        verbose_name = _("export of the audit")
        verbose_name_plural = _("exports of the audit")

    def __str__(self) -> str:
        return f"{self.created_at:%Y-%m-%d %H:%M}: {self.row_count}"
