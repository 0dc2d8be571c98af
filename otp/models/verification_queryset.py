"""Sets of verifications: who may find which."""

from datetime import datetime
from typing import Self

from django.db import models
from django.utils import timezone

from otp.destinations import Destination
from otp.models.lifecycle import PROOF_LIFETIME, Status
from otp.models.prepared import Given
from otp.purposes import PUBLIC_PURPOSES, Purpose, get_accepted_purposes


class VerificationQuerySet(models.QuerySet):
    def live(self, now: datetime | Given) -> Self:
        """Pending and in time, or blocked until its time is over."""
        return self.filter(status__in=[Status.PENDING, Status.EXHAUSTED], expires_at__gt=now)

    def to(self, destination: Destination) -> Self:
        return self.filter(destination_hash__in=destination.hashes)

    def public(self) -> Self:
        """Asked for by anybody who named the destination, over the public API."""
        return self.filter(purpose__in=[*PUBLIC_PURPOSES, Purpose.ANY_PUBLIC], binding="")

    def good_for(self, purpose: str, bindings: list[str] | list[Given]) -> Self:
        return self.filter(purpose__in=get_accepted_purposes(purpose), binding__in=bindings)

    def kept(self) -> Self:
        """Proven, with a code that may be given once more."""
        return self.filter(status=Status.APPROVED, approved_at__gt=timezone.now() - PROOF_LIFETIME).exclude(
            kept_code=""
        )

    def expire_overdue(self) -> int:
        """Close what is past its time within this set, so that it stops holding its place."""
        return self.filter(status=Status.PENDING, expires_at__lte=timezone.now()).update(status=Status.EXPIRED)

    def cancel_all(self) -> int:
        return self.filter(status=Status.PENDING).update(status=Status.CANCELED)
