"""Approvals: one payment that one person is asked to confirm, to exactly these values.

States: pending → approved → redeemed, or canceled, expired, exhausted. Nothing about an approval can be changed:
another amount or payee is another approval. Every move is one guarded UPDATE whose row count says who won.
"""

import hmac
import json
import math
import uuid
from datetime import timedelta
from decimal import Decimal
from typing import Any, ClassVar, Self

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from otp.destinations import hash_address
from otp.models.lifecycle import get_seconds_until
from otp.models.verification import Verification
from otp.money import (
    MAX_PAYEE_LENGTH,
    MAX_REFERENCE_LENGTH,
    Payment,
    show_amount,
    write_amount,
)

APPROVAL_LIFETIME = timedelta(minutes=5)
TOKEN_LIFETIME = timedelta(minutes=5)
MAX_TRIES = 5
MAX_RETURN_TO_LENGTH = 200


class ApprovalStatus(models.TextChoices):
    PENDING = "pending", _("pending")
    APPROVED = "approved", _("approved")
    REDEEMED = "redeemed", _("redeemed")
    CANCELED = "canceled", _("canceled")
    EXPIRED = "expired", _("expired")
    EXHAUSTED = "exhausted", _("too many wrong codes")


class TransactionApprovalQuerySet(models.QuerySet["TransactionApproval"]):
    def of(self, user: Any) -> Self:
        return self.filter(user_id=user.pk)

    def expire_overdue(self) -> int:
        """Close what is past its time: pending for five minutes, or approved and not redeemed within five more."""
        now = timezone.now()
        pending = Q(status=ApprovalStatus.PENDING, expires_at__lte=now)
        approved = Q(status=ApprovalStatus.APPROVED, approved_at__lte=now - TOKEN_LIFETIME)
        return self.filter(pending | approved).update(status=ApprovalStatus.EXPIRED)

    def cancel_all(self) -> int:
        """Void what is open within this set: to be confirmed, or confirmed and not redeemed."""
        open_states = [ApprovalStatus.PENDING, ApprovalStatus.APPROVED]
        return self.filter(status__in=open_states).update(status=ApprovalStatus.CANCELED)


class TransactionApproval(models.Model):
    """One payment to confirm. Moves only by the guarded methods below; each says whether it moved."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="approvals")
    status = models.CharField(max_length=10, choices=ApprovalStatus.choices, default=ApprovalStatus.PENDING)
    amount = models.DecimalField(max_digits=15, decimal_places=3)
    currency = models.CharField(max_length=3, help_text=_("ISO 4217."))
    payee = models.CharField(max_length=MAX_PAYEE_LENGTH)
    reference = models.CharField(max_length=MAX_REFERENCE_LENGTH, blank=True)
    digest = models.CharField(
        max_length=64, help_text=_("Keyed hash over person, id, amount, currency, payee and reference.")
    )
    return_to = models.CharField(
        max_length=MAX_RETURN_TO_LENGTH,
        blank=True,
        help_text=_("Page of this site that goes on with the payment once it is confirmed."),
    )
    verification = models.ForeignKey(
        Verification,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="approvals",
        help_text=_("The code that was sent for it."),
    )
    method = models.CharField(max_length=12, blank=True, help_text=_("By which factor it was confirmed."))
    tries = models.PositiveSmallIntegerField(default=0, help_text=_("Codes tried, over all factors."))
    wrong_codes = models.PositiveSmallIntegerField(default=0, help_text=_("How many of them were wrong."))
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    approved_at = models.DateTimeField(null=True, blank=True)
    redeemed_at = models.DateTimeField(null=True, blank=True)

    # For the request that shows it, and kept nowhere: by what it can be confirmed, and why no code went out.
    methods: list[str] = []
    problem = ""

    objects: ClassVar[models.Manager["TransactionApproval"]] = TransactionApprovalQuerySet.as_manager()

    class Meta:
        verbose_name = _("transaction approval")
        verbose_name_plural = _("transaction approvals")
        constraints = [
            models.UniqueConstraint(
                fields=["user"], condition=Q(status="pending"), name="one_pending_approval_per_person"
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="approval_amount_above_zero"),
            models.CheckConstraint(
                condition=Q(tries__lte=MAX_TRIES, wrong_codes__lte=F("tries")), name="approval_within_caps"
            ),
            # SECURITY: no way around the states, not even by hand: what is approved was approved by a factor.
            models.CheckConstraint(
                condition=Q(status__in=["pending", "exhausted"], approved_at=None, redeemed_at=None)
                | Q(status__in=["canceled", "expired"], redeemed_at=None)
                | (Q(status="approved", approved_at__isnull=False, redeemed_at=None) & ~Q(method=""))
                | Q(status="redeemed", approved_at__isnull=False, redeemed_at__isnull=False),
                name="approval_states_have_their_times",
            ),
        ]
        indexes = [
            models.Index(fields=["user", "-created_at"], name="approval_by_user"),
            models.Index(fields=["created_at"], name="approval_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.amount_text} {self.currency}, {self.payee} ({self.status})"

    @classmethod
    def start(
        cls, user: Any, *, amount: Decimal, currency: str, payee: str, reference: str = "", return_to: str = ""
    ) -> "TransactionApproval":
        """Write the row of a payment to confirm. The values have been read by `otp.money`.

        :raises django.db.IntegrityError: when another one of this person is pending already
        """
        now = timezone.now()
        approval = cls(
            user=user,
            amount=amount,
            currency=currency,
            payee=payee,
            reference=reference,
            return_to=return_to,
            created_at=now,
            expires_at=now + APPROVAL_LIFETIME,
        )
        approval.digest = approval.compute_digests()[0]
        approval.save(force_insert=True)
        return approval

    @property
    def amount_text(self) -> str:
        """`120.00`, for programs."""
        return write_amount(self.amount, self.currency)

    @property
    def amount_shown(self) -> str:
        """`1,250.00 EUR`, for people, in the language of the page."""
        return show_amount(self.amount, self.currency)

    @property
    def payment(self) -> Payment:
        """What the code is made for, as Twilio gets it with the send and again with the check."""
        return Payment(self.pk, f"{self.amount_text} {self.currency}", self.payee)

    @property
    def flow(self) -> str:
        """What binds a code to this approval: to every value of it."""
        return f"approval:{self.digest}"

    @property
    def challenge(self) -> bytes:
        """What a passkey signs: 32 bytes that stand for every value of this approval."""
        return bytes.fromhex(self.digest)

    @property
    def expires_in(self) -> int:
        """Seconds."""
        return get_seconds_until(self.expires_at)

    @property
    def resend_in(self) -> int | None:
        """Seconds until the code can be sent again, 0 when that is now; None where none was sent."""
        if self.verification is None:
            return None
        return max(0, math.ceil((self.verification.next_send_at - timezone.now()).total_seconds()))

    @property
    def tries_left(self) -> int:
        return max(0, MAX_TRIES - self.tries)

    def compute_digests(self) -> list[str]:
        """Compute the keyed hash of the values as they stand in the row, under every key in use."""
        values = [self.user_id, str(self.pk), self.amount_text, self.currency, self.payee, self.reference]
        # A list in JSON has one reading: no value can be moved into its neighbor.
        text = "otp.approval:" + json.dumps(values)
        return [hash_address(text, key) for key in settings.OTP_HASH_KEYS]

    @property
    def is_intact(self) -> bool:
        """Tell whether the row still says what was opened: not so if somebody changed it in the database."""
        return any(hmac.compare_digest(self.digest, digest) for digest in self.compute_digests())

    def _move(self, guard: Q, **changes: Any) -> bool:
        return TransactionApproval.objects.filter(guard, pk=self.pk).update(**changes) == 1

    def note_sent(self, verification: Verification) -> bool:
        """Note the code that went out for it."""
        self.verification = verification
        return self._move(Q(status=ApprovalStatus.PENDING), verification=verification)

    def take_try(self) -> bool:
        """Take one of the five tries, before anything is compared. False when none is left or the time is over."""
        guard = Q(status=ApprovalStatus.PENDING, tries__lt=MAX_TRIES, expires_at__gt=timezone.now())
        return self._move(guard, tries=F("tries") + 1)

    def give_try_back(self) -> None:
        """Uncount a try that certainly compared nothing."""
        guard = Q(status=ApprovalStatus.PENDING, tries__gt=F("wrong_codes"))
        self._move(guard, tries=F("tries") - 1)

    def note_wrong_code(self) -> None:
        """Count a wrong code. The fifth one voids the payment, not just the code."""
        self._move(Q(wrong_codes__lt=F("tries")), wrong_codes=F("wrong_codes") + 1)
        self._move(Q(status=ApprovalStatus.PENDING, wrong_codes__gte=MAX_TRIES), status=ApprovalStatus.EXHAUSTED)

    def approve(self, method: str) -> bool:
        """pending → approved. Of any number of callers exactly one sees True."""
        now = timezone.now()
        # SECURITY: the digest once more: what is approved is what was opened.
        guard = Q(status=ApprovalStatus.PENDING, expires_at__gt=now, digest__in=self.compute_digests())
        return self._move(guard, status=ApprovalStatus.APPROVED, approved_at=now, method=method)

    def redeem(self) -> bool:
        """approved → redeemed. Call it inside the transaction that moves the money."""
        now = timezone.now()
        owner = get_user_model().objects.filter(pk=OuterRef("user_id"), is_active=True)
        # SECURITY: as EXISTS, and never as a join: Django puts a join into a subquery with all the rest, and PostgreSQL
        # does not look at a subquery again after waiting for somebody else's redeem: both would succeed.
        guard = Q(
            Exists(owner),
            status=ApprovalStatus.APPROVED,
            approved_at__gt=now - TOKEN_LIFETIME,
            digest__in=self.compute_digests(),
        )
        return self._move(guard, status=ApprovalStatus.REDEEMED, redeemed_at=now)

    def cancel(self) -> bool:
        """pending or approved → canceled."""
        open_states = [ApprovalStatus.PENDING, ApprovalStatus.APPROVED]
        return self._move(Q(status__in=open_states), status=ApprovalStatus.CANCELED)

    def expire(self) -> bool:
        """pending or approved → expired, once its time is over."""
        return self._is_overdue and TransactionApproval.objects.filter(pk=self.pk).expire_overdue() == 1

    @property
    def _is_overdue(self) -> bool:
        now = timezone.now()
        if self.status == ApprovalStatus.APPROVED and self.approved_at:
            return self.approved_at <= now - TOKEN_LIFETIME
        return self.status == ApprovalStatus.PENDING and self.expires_at <= now
