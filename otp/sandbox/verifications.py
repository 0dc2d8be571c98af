"""Verifications: find, read and close them. Sends are in `sends.py`, checks in `checks.py`."""

from datetime import timedelta

from django.db import transaction
from django.db.models import Q, QuerySet

from otp.sandbox import rendering
from otp.sandbox.calls import Call
from otp.sandbox.counters import count_call
from otp.sandbox.errors import InvalidParameter
from otp.sandbox.models import Service, Verification
from otp.sandbox.replies import Reply, json_reply
from otp.sandbox.services import get_service

LONG_TTL = timedelta(hours=24)
# Twilio: how often one verification may be read (https://www.twilio.com/docs/verify/api/rate-limits-and-timeouts).
POLLING_CAPS = ((60, 60), (180, 3600), (250, 86400))


def live(call: Call, service: Service) -> QuerySet[Verification]:
    """Those a code could still belong to: neither approved nor canceled, and in time."""
    in_time = Q(expires_at__gt=call.now)
    if call.state.fault == "long_ttl":
        in_time |= Q(created_at__gt=call.now - LONG_TTL)
    return Verification.objects.filter(in_time, service=service, status__in=Verification.LIVE)


def folded(destination: str) -> str:
    return destination.strip().casefold()


def close(verification: Verification, status: Verification.Status, call: Call) -> None:
    """End a verification; approving one converts the message that was sent last."""
    verification.status = status
    verification.updated_at = call.now
    verification.save(update_fields=["status", "updated_at"])
    if status == Verification.Status.APPROVED and (last := verification.attempts.order_by("-pk").first()):
        last.is_converted, last.converted_at = True, call.now
        last.save(update_fields=["is_converted", "converted_at"])


@transaction.atomic
def fetch(call: Call, service_sid: str, reference: str) -> Reply:
    service = get_service(call, service_sid)
    known = live(call, service) | Verification.objects.filter(service=service, status=Verification.Status.CANCELED)
    verification = _named(known, reference).select_related("service").first()
    if verification is None or _is_gone(verification, call):
        raise call.missing()
    for most, seconds in POLLING_CAPS:
        count_call(f"{verification.sid}:{seconds}", most=most, seconds=seconds, now=call.now)
    return json_reply(200, rendering.verification(call, verification))


@transaction.atomic
def update(call: Call, service_sid: str, reference: str) -> Reply:
    service = get_service(call, service_sid)
    status = call.text("Status")
    if status not in {Verification.Status.APPROVED, Verification.Status.CANCELED}:
        raise InvalidParameter("Status")
    verification = _named(live(call, service), reference).select_for_update(no_key=True).first()
    if verification is None or _is_gone(verification, call):
        raise call.missing()
    close(verification, Verification.Status(status), call)
    return json_reply(200, rendering.verification(call, verification))


def _named(verifications: QuerySet[Verification], reference: str) -> QuerySet[Verification]:
    """Narrow to the one with this SID, or to the newest for this destination."""
    # A plus sign that arrived unescaped may have become a space on the way.
    destination = "+" + reference[1:] if reference.startswith(" ") else reference
    return verifications.filter(Q(sid=reference) | Q(to_folded=folded(destination))).order_by("-pk")


def _is_gone(verification: Verification, call: Call) -> bool:
    is_used_up = verification.status == Verification.Status.MAX_ATTEMPTS_REACHED
    return is_used_up and call.state.switch("after_max_checks") == "gone"
