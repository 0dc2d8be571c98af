"""Changes of phone numbers: so that the owner can stop one that they did not make."""

import uuid
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

STOPPABLE_FOR = timedelta(days=3)
COOLING_OFF = timedelta(days=1)


class PhoneChange(models.Model):
    """One number put in another's place. The link in the mail that tells of it stands for this row."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="phone_changes")
    old_phone = models.CharField(max_length=16, blank=True)
    new_phone = models.CharField(max_length=16)
    changed_at = models.DateTimeField(default=timezone.now)
    stopped_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[models.Manager["PhoneChange"]] = models.Manager()

    class Meta:
        verbose_name = _("phone change")
        verbose_name_plural = _("phone changes")

    def __str__(self) -> str:
        return f"{self.changed_at:%Y-%m-%d %H:%M}"

    @classmethod
    def find_stoppable(cls, pk: Any) -> "PhoneChange | None":
        """Find a change that can still be stopped: recent, and not stopped before."""
        return (
            cls.objects.select_related("user")
            .filter(pk=pk, stopped_at=None, changed_at__gt=timezone.now() - STOPPABLE_FOR, user__is_active=True)
            .first()
        )

    def find_when_old_phone_came(self) -> datetime | None:
        """Find when the number that a stop puts back came to the account by a change itself, if it did."""
        earlier = PhoneChange.objects.filter(
            user=self.user, new_phone=self.old_phone, changed_at__lt=self.changed_at, stopped_at=None
        )
        return earlier.aggregate(last=models.Max("changed_at"))["last"]

    def stop(self) -> bool:
        """Mark it and all later ones of the person as stopped. Of any number of callers one sees True."""
        now = timezone.now()
        if PhoneChange.objects.filter(pk=self.pk, stopped_at=None).update(stopped_at=now) != 1:
            return False
        PhoneChange.objects.filter(Q(changed_at__gte=self.changed_at), user=self.user, stopped_at=None).update(
            stopped_at=now
        )
        return True
