"""What Twilio says of a message afterwards: its price, whether it arrived, whether it was of use."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from otp.models.attempt import VerificationAttempt
from otp.purposes import Channel


class Delivery(models.Model):
    """One message that Twilio sent, as its Attempts API tells of it. Brought up to date for as long as it tells.

    Beside the attempt and not in it: a settled attempt never changes. One without an attempt of ours was sent by
    somebody else with the same Services, or its answer never reached us; it costs all the same.
    """

    attempt_sid = models.CharField(max_length=34, unique=True, help_text=_("Twilio's id of the message (VL…)."))
    attempt = models.OneToOneField(
        VerificationAttempt, null=True, blank=True, on_delete=models.CASCADE, related_name="delivery"
    )
    verification_sid = models.CharField(max_length=34, blank=True)
    channel = models.CharField(max_length=10, choices=Channel.choices, blank=True)
    country = models.CharField(max_length=3, blank=True)
    status = models.CharField(
        max_length=20, blank=True, help_text=_("Twilio's word: queued, sent, delivered, undelivered, completed…")
    )
    error_code = models.PositiveIntegerField(
        null=True, blank=True, help_text=_("Twilio's error code where it did not arrive.")
    )
    price = models.DecimalField(
        max_digits=10, decimal_places=5, null=True, blank=True, help_text=_("Of the message; null until Twilio says.")
    )
    currency = models.CharField(max_length=3, blank=True, help_text=_("Of the price, ISO 4217."))
    is_converted = models.BooleanField(default=False, help_text=_("The code in it was used."))
    created_at = models.DateTimeField()
    synced_at = models.DateTimeField()

    objects: ClassVar[models.Manager["Delivery"]] = models.Manager()

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        indexes = [
            models.Index(fields=["created_at"], name="delivery_without_attempt", condition=Q(attempt=None)),
            models.Index(fields=["created_at"], name="delivery_without_price", condition=Q(price=None)),
            models.Index(
                fields=["created_at", "error_code"], name="delivery_with_error", condition=Q(error_code__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.attempt_sid}: {self.status}"
