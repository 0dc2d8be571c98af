"""The audit: one row for every send, every check and every notice, whatever became of it."""

from datetime import datetime, timedelta
from functools import cache
from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from otp.destinations import Destination
from otp.models.approval import TransactionApproval
from otp.models.prepared import Given, Prepared, given_each
from otp.models.verification import Verification
from otp.purposes import Channel, Purpose


class Kind(models.TextChoices):
    SEND = "send", _("send")
    CHECK = "check", _("check")
    NOTICE = "notice", _("notice")


class Outcome(models.TextChoices):
    CRASHED = "crashed", _("crashed")
    OK = "ok", _("ok")
    NO_ACCOUNT = "no_account", _("no such account")
    INVALID_DESTINATION = "invalid_destination", _("invalid destination")
    CHANNEL_UNAVAILABLE = "channel_unavailable", _("channel unavailable")
    COUNTRY_NOT_ALLOWED = "country_not_allowed", _("country not allowed")
    DESTINATION_BLOCKED = "destination_blocked", _("destination blocked")
    INCORRECT_CODE = "incorrect_code", _("incorrect code")
    CODE_EXPIRED = "code_expired", _("code expired")
    NOT_FOUND = "not_found", _("not found")
    CONFLICT = "conflict", _("conflict")
    TOO_MANY_REQUESTS = "too_many_requests", _("too many requests")
    TOO_MANY_ATTEMPTS = "too_many_attempts", _("too many wrong codes")
    PROVIDER_UNAVAILABLE = "provider_unavailable", _("provider unavailable")
    NOT_CONFIGURED = "not_configured", _("not configured")
    INVALID_REQUEST = "invalid_request", _("refused by Twilio as invalid")


class VerificationAttemptQuerySet(models.QuerySet["VerificationAttempt"]):
    def to(self, destination: Destination) -> Self:
        return self.filter(destination_hash__in=destination.hashes)

    def within(self, span: timedelta) -> Self:
        return self.filter(created_at__gt=timezone.now() - span)

    def find_counted(self, destination: Destination, purposes: tuple[str, ...]) -> list[tuple[str, datetime]]:
        """Find what the exact limits of a destination count: a kind and a time each, oldest first.

        Sends of the last day and wrong codes of the last hour; what the limits allow is what bounds their number.
        """
        now = timezone.now()
        counted = _prepare_counted(len(destination.hashes), purposes).find(
            destination=destination.hashes, day_ago=now - timedelta(days=1), hour_ago=now - timedelta(hours=1)
        )
        return [(attempt.kind, attempt.created_at) for attempt in counted]


class VerificationAttempt(models.Model):
    """One send, check or notice. Written as `crashed` before anything happens and settled once afterwards.

    Codes, message texts and Twilio's own words are never kept: 60200 and 60410 repeat the whole number.
    """

    created_at = models.DateTimeField(default=timezone.now)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    outcome = models.CharField(max_length=20, choices=Outcome.choices, default=Outcome.CRASHED)
    purpose = models.CharField(max_length=20, choices=Purpose.choices, blank=True)
    channel = models.CharField(max_length=10, choices=Channel.choices, blank=True)
    verification = models.ForeignKey(
        Verification, null=True, blank=True, on_delete=models.PROTECT, related_name="attempts"
    )
    approval = models.ForeignKey(
        TransactionApproval,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        db_index=False,
        related_name="attempts",
        help_text=_("The payment it was for."),
    )
    # Once it is sealed a row never changes, so the number stays when the account is gone; `erase_user` removes it.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
    )
    destination_hash = models.CharField(max_length=64, blank=True)
    destination_masked = models.CharField(max_length=260, blank=True)
    # Three, for 001: libphonenumber's word for satellites and other numbers of no country.
    country = models.CharField(max_length=3, blank=True)
    prefix = models.CharField(max_length=12, blank=True)
    client_address = models.GenericIPAddressField(null=True, blank=True)
    user_agent = models.CharField(max_length=256, blank=True)
    reason = models.CharField(max_length=40, blank=True, help_text=_("Which limit or rule refused it."))
    guard = models.CharField(
        max_length=40, blank=True, help_text=_("Rules of the pumping guard that refused it, or would have.")
    )
    request_id = models.CharField(max_length=64, blank=True, help_text=_("What the log calls the request."))
    verification_sid = models.CharField(max_length=34, blank=True)
    attempt_sid = models.CharField(
        max_length=34, blank=True, help_text=_("Twilio's id of the message that was sent (VL…).")
    )
    provider_code = models.PositiveIntegerField(null=True, blank=True, help_text=_("Twilio's error code."))
    duration_ms = models.PositiveIntegerField(null=True, blank=True, help_text=_("How long Twilio took."))
    cost = models.DecimalField(
        max_digits=10, decimal_places=5, null=True, blank=True, help_text=_("Estimated when sent, in OTP_CURRENCY.")
    )

    objects: ClassVar[models.Manager["VerificationAttempt"]] = VerificationAttemptQuerySet.as_manager()

    class Meta:
        verbose_name = _("verification attempt")
        verbose_name_plural = _("verification attempts")
        permissions = [("export_verificationattempt", _("Can export verification attempts"))]
        # One for each filter and each search of the admin site: docs/explanation/performance.md.
        indexes = [
            # Few attempts are for a payment: the others take no place in it.
            models.Index(fields=["approval"], condition=Q(approval__isnull=False), name="attempt_by_approval"),
            models.Index(fields=["destination_hash", "created_at"], name="attempt_by_destination"),
            models.Index(fields=["created_at"], name="attempt_by_time"),
            models.Index(fields=["attempt_sid"], name="attempt_by_sid", condition=~Q(attempt_sid="")),
            models.Index(fields=["created_at"], name="attempt_by_guard", condition=Q(guard__gt="")),
            models.Index(fields=["kind", "created_at"], name="attempt_by_kind"),
            models.Index(fields=["outcome", "created_at"], name="attempt_by_outcome"),
            models.Index(fields=["purpose", "created_at"], name="attempt_by_purpose"),
            models.Index(fields=["channel", "created_at"], name="attempt_by_channel"),
            models.Index(fields=["country", "created_at"], name="attempt_by_country"),
            models.Index(fields=["user", "created_at"], name="attempt_by_user", condition=Q(user__isnull=False)),
            models.Index(
                fields=["client_address", "created_at"],
                name="attempt_by_address",
                condition=Q(client_address__isnull=False),
            ),
            models.Index(
                fields=["verification_sid", "created_at"],
                name="attempt_by_verification_sid",
                condition=~Q(verification_sid=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.destination_masked}: {self.outcome}"


@cache
def _prepare_counted(keys: int, purposes: tuple[str, ...]) -> Prepared[VerificationAttempt]:
    # SECURITY: every send that got past our own limits counts, whatever became of it: a reset for nobody and one that
    # Twilio refused must not be told apart by when the limit comes.
    send = Q(kind=Kind.SEND, verification__isnull=False)
    wrong = Q(outcome=Outcome.INCORRECT_CODE, created_at__gt=Given("hour_ago"))
    return Prepared(
        lambda: (
            VerificationAttempt.objects.filter(
                send | wrong,
                destination_hash__in=given_each("destination", keys),
                purpose__in=purposes,
                created_at__gt=Given("day_ago"),
            )
            .order_by("created_at")
            .only("kind", "created_at")
        )
    )
