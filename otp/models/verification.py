"""One proof that somebody holds a destination, for one purpose, for at most ten minutes.

The row decides whether a code counts; Twilio only testifies. Every move is one guarded UPDATE whose row count says who
won: nothing here reads first and writes after.
"""

import uuid
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Exists, F, Q
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext_lazy as _

from otp.destinations import Destination, hash_address
from otp.models.lifecycle import (
    LIFETIME,
    MAX_CHECKS,
    MAX_GIVEN_BACK,
    MAX_SENDS,
    PROOF_LIFETIME,
    Status,
    get_seconds_until,
)
from otp.models.prepared import Given, Prepared, Statement
from otp.models.verification_queryset import VerificationQuerySet
from otp.purposes import Channel, Purpose


class Verification(models.Model):
    """One proof of one destination. Moves only by the guarded methods below; each says whether it moved."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    purpose = models.CharField(max_length=20, choices=Purpose.choices)
    channel = models.CharField(max_length=10, choices=Channel.choices, help_text=_("The last one used."))
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)
    service_sid = models.CharField(max_length=34)
    verification_sid = models.CharField(
        max_length=34, blank=True, help_text=_("Twilio's id; empty until a send was answered.")
    )
    destination_hash = models.CharField(max_length=64)
    destination_masked = models.CharField(max_length=260)
    country = models.CharField(max_length=2, blank=True)
    prefix = models.CharField(max_length=12, blank=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    binding = models.CharField(
        max_length=64, blank=True, help_text=_("What else must match: a keyed hash of the flow that asked.")
    )
    sends = models.PositiveSmallIntegerField(default=1)
    checks = models.PositiveSmallIntegerField(default=0, help_text=_("Tries that count against the person."))
    calls = models.PositiveSmallIntegerField(default=0, help_text=_("Checks that left for Twilio, answered or not."))
    given_back = models.PositiveSmallIntegerField(
        default=0, help_text=_("Times the proof was kept because an address or number was taken.")
    )
    kept_code = models.CharField(
        max_length=64, blank=True, help_text=_("Keyed hash of a code that was right, where another proof is awaited.")
    )
    kept_checks = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    next_send_at = models.DateTimeField()
    approved_at = models.DateTimeField(null=True, blank=True)
    redeemed_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[models.Manager["Verification"]] = VerificationQuerySet.as_manager()

    class Meta:
        verbose_name = _("verification")
        verbose_name_plural = _("verifications")
        constraints = [
            models.UniqueConstraint(
                fields=["service_sid", "destination_hash", "purpose", "binding"],
                condition=Q(status="pending"),
                name="one_pending_per_use",
            ),
            models.CheckConstraint(
                condition=Q(sends__lte=MAX_SENDS, checks__lte=MAX_CHECKS, calls__lte=MAX_CHECKS),
                name="verification_within_caps",
            ),
        ]
        indexes = [
            models.Index(fields=["destination_hash", "-created_at"], name="verification_by_destination"),
            models.Index(fields=["created_at"], name="verification_by_time"),
            models.Index(fields=["verification_sid"], name="verification_by_sid"),
            # One for each filter of the admin site, as attempts have them.
            models.Index(fields=["status", "created_at"], name="verification_by_status"),
            models.Index(fields=["purpose", "created_at"], name="verification_by_purpose"),
            models.Index(fields=["channel", "created_at"], name="verification_by_channel"),
            models.Index(fields=["country", "created_at"], name="verification_by_country"),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} {self.destination_masked} ({self.status})"

    @property
    def expires_in(self) -> int:
        """Seconds."""
        return get_seconds_until(self.expires_at)

    @property
    def resend_in(self) -> int:
        """Seconds until another send is allowed."""
        return get_seconds_until(self.next_send_at)

    @property
    def attempts_left(self) -> int:
        return max(0, MAX_CHECKS - self.checks)

    @classmethod
    def make(
        cls,
        destination: Destination,
        *,
        channel: str,
        purpose: str,
        service_sid: str,
        binding: str = "",
        user_id: int | None = None,
    ) -> "Verification":
        """Make the row of a first send. The database refuses it where another one for the same use is pending."""
        now = timezone.now()
        return cls(
            purpose=purpose,
            channel=channel,
            service_sid=service_sid,
            destination_hash=destination.hash,
            destination_masked=destination.masked,
            country=destination.country,
            prefix=destination.prefix,
            binding=binding,
            user_id=user_id,
            created_at=now,
            expires_at=now + LIFETIME,
            next_send_at=cls.get_next_send_at(now, sends=1, expires_at=now + LIFETIME),
        )

    @staticmethod
    def get_next_send_at(now: datetime, *, sends: int, expires_at: datetime) -> datetime:
        """Say when the next send is allowed: waits grow, and after the last one the code must run out first."""
        if sends >= MAX_SENDS:
            return expires_at
        waits = settings.OTP_RESEND_WAITS
        return min(now + timedelta(seconds=waits[min(sends, len(waits)) - 1]), expires_at)

    def _move(self, guard: Q, **changes: Any) -> bool:
        return Verification.objects.filter(guard, pk=self.pk).update(**changes) == 1

    def count_send(self, channel: str) -> bool:
        """Take the next send if its wait is over and one is left. A resend never prolongs or resets anything."""
        now = timezone.now()
        next_send_at = self.get_next_send_at(now, sends=self.sends + 1, expires_at=self.expires_at)
        guard = Q(
            status=Status.PENDING, sends=self.sends, sends__lt=MAX_SENDS, next_send_at__lte=now, expires_at__gt=now
        )
        moved = self._move(guard, sends=F("sends") + 1, channel=channel, next_send_at=next_send_at)
        if moved:
            self.channel, self.sends, self.next_send_at = channel, self.sends + 1, next_send_at
        return moved

    def refund_send(self, *, was_sent: bool) -> bool:
        """Give back the wait of a send that failed, and the send itself if it certainly never went out."""
        if was_sent:
            return self._move(Q(status=Status.PENDING, sends=self.sends), next_send_at=timezone.now())
        if self.sends == 1:
            return self._move(Q(status=Status.PENDING, verification_sid=""), status=Status.FAILED)
        return self._move(Q(status=Status.PENDING, sends=self.sends), sends=F("sends") - 1, next_send_at=timezone.now())

    def record_sent(self, verification_sid: str) -> bool:
        """Note Twilio's id. False when the row is no longer pending, or another use stands on the same digits."""
        self.verification_sid = verification_sid
        return RECORD_SENT.update(pk=self.pk, sid=verification_sid) == 1

    @classmethod
    def cancel_sharing(cls, verification: "Verification", verification_sid: str) -> None:
        """Close all that stands on one set of digits, and note the id on the row that came last."""
        cls.objects.filter(pk=verification.pk).update(verification_sid=verification_sid)
        cls.objects.filter(Q(pk=verification.pk) | Q(verification_sid=verification_sid)).cancel_all()

    def fill_count_check(self) -> Statement:
        """Give what takes one of the five tries, to be run before Twilio is asked.

        It changes one row, and none once they are used up or the time is over.
        """
        return COUNT_CHECK.fill(pk=self.pk, now=timezone.now())

    def refund_check(self, *, was_sent: bool) -> None:
        """Give back a try that an outage spoiled."""
        changes: dict[str, Any] = {"checks": F("checks") - 1}
        # SECURITY: a call that may have reached Twilio stays counted in `calls`: no verification ever has more than
        # five codes compared, however the network behaves.
        if not was_sent:
            changes["calls"] = F("calls") - 1
        self._move(Q(status=Status.PENDING, checks__gt=0), **changes)
        self.close_if_used_up()

    def close_if_used_up(self) -> None:
        """Close a row that no further code can be compared for: by wrong codes, or by calls whose answers were lost."""
        if not self._move(Q(status=Status.PENDING, checks__gte=MAX_CHECKS), status=Status.EXHAUSTED):
            self._move(Q(status=Status.PENDING, calls__gte=MAX_CHECKS), status=Status.CANCELED)

    def approve(self) -> bool:
        """pending → approved. Of any number of callers exactly one sees True.

        A double click brings a second check, which Twilio answers with 404 or the cap and which closes the row; the
        first one's approval still counts. Only a check that was counted in time gets here, so that opens nothing.
        """
        return APPROVE.update(pk=self.pk, now=timezone.now()) == 1

    def approve_and_redeem(self) -> bool:
        """pending → redeemed, for a proof that serves nothing but what has just asked for it. See `approve`."""
        return APPROVE_AND_REDEEM.update(pk=self.pk, now=timezone.now()) == 1

    def redeem(self) -> bool:
        """approved → redeemed. Call it inside the transaction of what it pays for."""
        now = timezone.now()
        return REDEEM.update(pk=self.pk, now=now, since=now - PROOF_LIFETIME) == 1

    def give_back(self) -> bool:
        """Keep a proof usable after what it was for turned out to be taken; after a few times it is void."""
        guard = Q(status=Status.APPROVED)
        if self._move(guard & Q(given_back__lt=MAX_GIVEN_BACK), given_back=F("given_back") + 1):
            return True
        self._move(guard, status=Status.CANCELED)
        return False

    def keep(self, code: str) -> None:
        """Let a code that was right be given once more, with the proof that was missing. Twilio has forgotten it."""
        if code:
            self._move(Q(status=Status.APPROVED, kept_code=""), kept_code=self._hash_code(code))

    def is_kept_code(self, code: str) -> bool:
        """Tell whether this is the code that was kept. Five answers at most: kept or not, it is not to be guessed."""
        if not self._move(Q(status=Status.APPROVED, kept_checks__lt=MAX_CHECKS), kept_checks=F("kept_checks") + 1):
            self._move(Q(status=Status.APPROVED), status=Status.CANCELED)
            return False
        return constant_time_compare(self.kept_code, self._hash_code(code))

    def _hash_code(self, code: str) -> str:
        return hash_address(f"otp.kept_code:{self.pk}:{code}", settings.OTP_HASH_KEYS[0])

    def exhaust(self) -> bool:
        return self._move(Q(status=Status.PENDING), status=Status.EXHAUSTED)

    def expire(self) -> bool:
        return self._move(Q(status=Status.PENDING), status=Status.EXPIRED)

    def cancel(self) -> bool:
        return self._move(Q(status=Status.PENDING), status=Status.CANCELED)

    @classmethod
    def end_all(cls, rows: list["Verification"]) -> None:
        """Note that Twilio has forgotten the digits of cancelled rows."""
        ids = [row.pk for row in rows]
        cls.objects.filter(pk__in=ids, status=Status.CANCELED).update(expires_at=timezone.now())

    @property
    def can_go_on(self) -> bool:
        """Tell whether another send may belong to this row; one with five calls behind it can be proven no more."""
        return self.status != Status.CANCELED and (self.calls < MAX_CHECKS or self.checks >= MAX_CHECKS)

    def is_still_wanted(self) -> bool:
        """Tell whether a send that waited its turn still has a row to go with."""
        return Verification.objects.filter(pk=self.pk, status=Status.PENDING, expires_at__gt=timezone.now()).exists()

    def is_for(self, purpose: str, binding: str) -> bool:
        return (self.purpose, self.binding) == (purpose, binding)


# The moves that every send and every check makes.
RECORD_SENT = Prepared(
    lambda: Verification.objects.filter(
        ~Exists(Verification.objects.filter(verification_sid=Given("sid")).exclude(pk=Given("pk"))),
        pk=Given("pk"),
        status=Status.PENDING,
    ),
    verification_sid=Given("sid"),
)
COUNT_CHECK = Prepared(
    lambda: Verification.objects.filter(
        pk=Given("pk"),
        status=Status.PENDING,
        checks__lt=MAX_CHECKS,
        calls__lt=MAX_CHECKS,
        expires_at__gt=Given("now"),
    ),
    checks=F("checks") + 1,
    calls=F("calls") + 1,
)


def _find_approvable() -> models.QuerySet[Verification]:
    return Verification.objects.filter(
        pk=Given("pk"),
        status__in=[Status.PENDING, Status.EXPIRED, Status.EXHAUSTED],
        expires_at__gt=Given("now"),
    )


APPROVE = Prepared(_find_approvable, status=Status.APPROVED, approved_at=Given("now"))
APPROVE_AND_REDEEM = Prepared(
    _find_approvable, status=Status.REDEEMED, approved_at=Given("now"), redeemed_at=Given("now")
)
REDEEM = Prepared(
    lambda: Verification.objects.filter(pk=Given("pk"), status=Status.APPROVED, approved_at__gt=Given("since")),
    status=Status.REDEEMED,
    redeemed_at=Given("now"),
)
