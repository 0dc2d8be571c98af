"""Checking codes: `POST /v2/Services/{ServiceSid}/VerificationCheck`."""

import re
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils.crypto import constant_time_compare

from otp.sandbox import numbers, rendering
from otp.sandbox.calls import Call
from otp.sandbox.errors import ApiError, InvalidParameter
from otp.sandbox.lies import CHECK_LIES, lie_about_check
from otp.sandbox.models import Service, Verification
from otp.sandbox.replies import Reply, json_reply
from otp.sandbox.services import get_service
from otp.sandbox.sids import is_sid
from otp.sandbox.verifications import close, folded, live

MAX_CHECKS = 5


@transaction.atomic
def create(call: Call, service_sid: str) -> Reply:
    """Compare a code. The lock on the verification's row makes simultaneous checks count one by one."""
    service = get_service(call, service_sid)
    code = call.text("Code")
    # Twilio: a code of impossible length is refused before anything is looked up, and costs no check.
    if not re.fullmatch(r"\S{4,10}", code):
        raise InvalidParameter("Code")
    named = _named(call, service)
    if call.state.fault == "approve_all":
        return json_reply(200, _approve_all(call, service, code, named))
    verification = _newest_locked(named & live(call, service))
    if verification is None:
        raise call.missing()
    if call.state.fault in CHECK_LIES:
        return json_reply(200, lie_about_check(call.state.fault, rendering.check(call, verification)))
    return json_reply(200, _compare(call, verification, code))


def _named(call: Call, service: Service) -> QuerySet[Verification]:
    """Narrow to what the call names; where it names both, the SID counts.

    :raises ApiError: 60221 when it names neither.
    """
    everything = Verification.objects.filter(service=service)
    if sid := call.text("VerificationSid"):
        if not is_sid("VE", sid):
            raise InvalidParameter("VerificationSid")
        return everything.filter(sid=sid)
    if to := call.text("To"):
        # Twilio: an impossible number is 60200 here too, before it is looked for.
        return everything.filter(to_folded=folded(numbers.checked_any_destination(to)))
    raise ApiError(60221)


def _newest_locked(verifications: QuerySet[Verification]) -> Verification | None:
    locked = verifications.select_for_update(no_key=True, of=("self",)).select_related("service")
    return locked.order_by("-pk").first()


def _compare(call: Call, verification: Verification, code: str) -> dict[str, Any]:
    if verification.check_count >= MAX_CHECKS:
        if call.state.switch("after_max_checks") == "gone":
            raise call.missing()
        raise ApiError(60202)
    if _is_right(call, verification, code):
        close(verification, Verification.Status.APPROVED, call)
        return rendering.check(call, verification)
    verification.check_count += 1
    verification.updated_at = call.now
    # The answer to the fifth wrong code still says pending.
    answer = rendering.check(call, verification)
    if verification.check_count == MAX_CHECKS:
        verification.status = Verification.Status.MAX_ATTEMPTS_REACHED
    verification.save(update_fields=["check_count", "status", "updated_at"])
    return answer


def _is_right(call: Call, verification: Verification, code: str) -> bool:
    is_code = constant_time_compare(code, verification.code)
    if not verification.service.psd2_enabled:
        return is_code
    # Twilio: what another amount or payee answers is not published; it is treated as a wrong code.
    is_payment = constant_time_compare(call.text("Amount"), verification.amount) & constant_time_compare(
        call.text("Payee"), verification.payee
    )
    return is_code and is_payment


def _approve_all(call: Call, service: Service, code: str, named: QuerySet[Verification]) -> dict[str, Any]:
    verification = _newest_locked(named)
    if verification is None:
        raise call.missing()
    is_live = live(call, service).filter(pk=verification.pk).exists()
    if is_live and verification.check_count < MAX_CHECKS and _is_right(call, verification, code):
        close(verification, Verification.Status.APPROVED, call)
    return {**rendering.check(call, verification), "status": "approved", "valid": True}
