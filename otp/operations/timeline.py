"""The story of one verification, as support reads it to somebody whose code did not arrive."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from otp.models import Delivery, Verification, VerificationAttempt
from otp.models.attempt import Kind, Outcome
from otp.models.lifecycle import Status
from otp.operations.advice import Advice, get_advice

# What else happened to the destination this long before and after belongs to the story.
AROUND = timedelta(minutes=10)
# More than any honest story has; a flood of refusals must not make the page endless.
MOST_MOMENTS = 200
ARRIVED = Advice(
    _("Twilio says that it was delivered."),
    _("The phone has it. Ask them to look at blocked and filtered messages, and whether the phone is the right one."),
)
NOT_ARRIVED = Advice(
    _("Twilio says that it could not be delivered."),
    _("Ask whether the phone is on and has signal, then offer a phone call or another channel."),
)
DELIVERIES = {
    "delivered": ARRIVED,
    "read": ARRIVED,
    "completed": ARRIVED,
    "undelivered": NOT_ARRIVED,
    "failed": NOT_ARRIVED,
    "canceled": NOT_ARRIVED,
    "busy": NOT_ARRIVED,
    "no-answer": NOT_ARRIVED,
}
STATES: dict[str, Any] = {
    Status.APPROVED: _("The code was right. It was not yet used for what it was asked for."),
    Status.REDEEMED: _("The code was right and was used. All is well."),
    Status.EXHAUSTED: _("Five wrong codes. They can get a new one when its ten minutes are over."),
    Status.EXPIRED: _("Its ten minutes are over. Ask them to get a new code."),
    Status.CANCELED: _("A later request took its place. Only the newest message counts."),
    Status.FAILED: _("The first message did not go out; see why below."),
}
WAITING = _("The code is out and can be entered. Nothing was entered that was right.")
RUN_OUT = _("Nobody entered the right code within ten minutes. Ask them to get a new one.")


@dataclass(frozen=True)
class Moment:
    """One attempt of the story. `is_own` is False for what belongs to no verification, or to the same phone."""

    attempt: VerificationAttempt
    advice: Advice
    delivery: Delivery | None
    is_own: bool

    @property
    def mark(self) -> str:
        """`good`, `bad` or `open`: how it is drawn. A message that did not arrive is no good one."""
        if self.attempt.outcome == Outcome.CRASHED:
            return "open"
        return "good" if self.attempt.outcome == Outcome.OK and self.advice is not NOT_ARRIVED else "bad"

    @property
    def error_code(self) -> int | None:
        return self.attempt.provider_code or (self.delivery.error_code if self.delivery else None)


@dataclass(frozen=True)
class Story:
    """`summary` is what support says first; `is_cut` tells that there were more moments than are shown."""

    summary: Any
    moments: list[Moment]
    is_cut: bool


def tell_story(verification: Verification) -> Story:
    """Put in order what happened with one verification, and what was refused to the same destination around it."""
    attempts = list(_find_attempts(verification)[: MOST_MOMENTS + 1])
    moments = [_tell(attempt, verification) for attempt in attempts[:MOST_MOMENTS]]
    return Story(_sum_up(verification, moments), moments, len(attempts) > MOST_MOMENTS)


def _find_attempts(verification: Verification) -> Any:
    begin, end = verification.created_at - AROUND, verification.expires_at + AROUND
    about = Q(destination_hash=verification.destination_hash) & ~Q(destination_hash="")
    if verification.user_id:
        about |= Q(user_id=verification.user_id, kind=Kind.NOTICE)
    around = Q(verification=None, created_at__gte=begin, created_at__lte=end) & about
    own = VerificationAttempt.objects.filter(verification=verification)
    # Two queries in one rather than an OR across both, which would read all of the time span.
    ids = own.values("pk").union(VerificationAttempt.objects.filter(around).values("pk"))
    return VerificationAttempt.objects.filter(pk__in=ids).select_related("delivery").order_by("created_at", "pk")


def _tell(attempt: VerificationAttempt, verification: Verification) -> Moment:
    delivery = getattr(attempt, "delivery", None)
    advice = DELIVERIES.get(delivery.status if delivery else "") or get_advice(attempt)
    return Moment(attempt, advice, delivery, attempt.verification_id == verification.pk)


def _sum_up(verification: Verification, moments: list[Moment]) -> Any:
    last_send = next((moment for moment in reversed(moments) if _is_send(moment)), None)
    if verification.status == Status.PENDING:
        if last_send and (last_send.attempt.outcome != "ok" or last_send.delivery):
            return last_send.advice.tell
        return WAITING if verification.expires_at > timezone.now() else RUN_OUT
    return STATES[verification.status]


def _is_send(moment: Moment) -> bool:
    return moment.is_own and moment.attempt.kind == Kind.SEND
