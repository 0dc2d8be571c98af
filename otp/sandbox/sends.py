"""Starting and continuing verifications: `POST /v2/Services/{ServiceSid}/Verifications`."""

import re
import secrets
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from otp.sandbox import messages, numbers, rate_limits, rendering, texts
from otp.sandbox.calls import Call
from otp.sandbox.errors import ApiError, InvalidParameter
from otp.sandbox.lies import lie_about_send
from otp.sandbox.models import Attempt, SafeNumber, Service, Verification
from otp.sandbox.replies import Reply, json_reply
from otp.sandbox.services import get_service
from otp.sandbox.sids import new_sid
from otp.sandbox.verifications import LONG_TTL, close, folded, live

MAX_SENDS = 5
TTL = timedelta(minutes=10)
# `auto` and `sna` are known words that this account does not have.
CHANNELS = ("sms", "call", "email", "whatsapp", "sna")


@transaction.atomic
def create(call: Call, service_sid: str) -> Reply:
    """Send a code. The lock on the Service makes simultaneous sends one verification, and each counts."""
    service = get_service(call, service_sid, locked=True)
    channel = call.choice("Channel", CHANNELS, required=True)
    to = numbers.checked_destination(call.text("To"), channel)
    wording = texts.read_wording(call, service, to=to, channel=channel)
    custom_code = _read_options(call)
    _raise_if_unsupported(call, service, to, channel)
    numbers.raise_if_magic(to, channel, lifted=_lifted_blocks(call, to))
    rate_limits.count_send(call, service)
    verification = _find_open(call, service, to) or _start(call, service, to, custom_code)
    _raise_if_busy(call, verification)
    _continue(call, verification, channel, wording.locale)
    messages.deliver(verification, wording, call)
    return json_reply(201, lie_about_send(call.state.fault, rendering.verification(call, verification)))


def _read_options(call: Call) -> str:
    """Check the parameters that change nothing here, and give back the custom code, if any.

    :raises InvalidParameter: for a value that Verify would not take.
    """
    call.choice("RiskCheck", ("enable", "disable"))
    call.flag("EnableSnaClientToken", default=False)
    call.text("DeviceIp", longest=45)
    call.text("CustomMessage", longest=500)
    call.json_object("Tags", most=10, longest=128)
    if not isinstance(call.json_value("ChannelConfiguration", {}), dict):
        raise InvalidParameter("ChannelConfiguration")
    if not re.fullmatch(r"[0-9wW*#]{0,32}", call.text("SendDigits")):
        raise InvalidParameter("SendDigits")
    code = call.text("CustomCode")
    if code and not re.fullmatch(r"[A-Za-z0-9]{4,10}", code):
        raise InvalidParameter("CustomCode")
    return code


def _raise_if_unsupported(call: Call, service: Service, to: str, channel: str) -> None:
    """Refuse what this Service has no right to, in Twilio's numbers."""
    is_strict = call.state.switch("custom_code_disabled") == "refuse"
    if call.text("CustomCode") and not service.custom_code_enabled and is_strict:
        raise ApiError(60204)
    if service.psd2_enabled:
        _raise_if_no_payment(call, channel)
    if channel == "sna":
        raise ApiError(60001)
    if channel == "sms" and service.lookup_enabled and service.skip_sms_to_landlines and numbers.is_landline(to):
        raise ApiError(60205)


def _raise_if_no_payment(call: Call, channel: str) -> None:
    if channel == "sna":
        raise ApiError(60329)
    if channel == "call":
        raise ApiError(60214)
    if channel == "whatsapp":
        raise InvalidParameter("Channel")
    if not call.text("Amount", longest=64).strip() or not call.text("Payee", longest=255).strip():
        raise ApiError(60206)


def _lifted_blocks(call: Call, to: str) -> set[int]:
    """Twilio: the Safe List stops Fraud Guard; RiskCheck=disable stops Geo Permissions as well."""
    if call.text("RiskCheck") == "disable":
        return {60410, 60605}
    return {60410} if SafeNumber.objects.filter(phone_number=to).exists() else set()


def _find_open(call: Call, service: Service, to: str) -> Verification | None:
    """Find the verification that this send continues.

    :raises ApiError: 60203 after five sends, 60202 after five checks unless the switch says otherwise.
    """
    same = live(call, service).filter(to_folded=folded(to))
    verification = same.select_for_update(no_key=True).order_by("-pk").first()
    if verification is None:
        return None
    if verification.status == Verification.Status.MAX_ATTEMPTS_REACHED:
        if call.state.switch("create_after_max_checks") == "refuse":
            raise ApiError(60202)
        close(verification, Verification.Status.CANCELED, call)
        return None
    if verification.attempts.count() >= MAX_SENDS:
        raise ApiError(60203)
    return verification


def _start(call: Call, service: Service, to: str, custom_code: str) -> Verification:
    is_custom = bool(custom_code) and service.custom_code_enabled
    lifetime = LONG_TTL if call.state.fault == "long_ttl" else TTL
    return Verification.objects.create(
        sid=new_sid("VE"),
        service=service,
        to=to,
        to_folded=folded(to),
        code=custom_code if is_custom else _make_code(service.code_length),
        is_custom_code=is_custom,
        created_at=call.now,
        updated_at=call.now,
        expires_at=call.now + lifetime,
    )


def _make_code(length: int) -> str:
    return f"{secrets.randbelow(10**length):0{length}}"


def _raise_if_busy(call: Call, verification: Verification) -> None:
    """Refuse a send while the one before it is still being answered, where the switch says so."""
    if call.state.switch("concurrent_sends") == "accept":
        return
    if verification.busy_until and timezone.now() < verification.busy_until:
        raise ApiError(60212)
    verification.busy_until = timezone.now() + timedelta(milliseconds=call.state.latency_ms)


def _continue(call: Call, verification: Verification, channel: str, locale: str) -> None:
    verification.channel = channel
    # Twilio: nothing is published on a second send with other values; the newest are the ones that bind.
    verification.amount = call.text("Amount", longest=64)
    verification.payee = call.text("Payee", longest=255)
    verification.updated_at = call.now
    verification.save()
    country = numbers.country_of(verification.to)
    Attempt.objects.create(
        sid=new_sid("VL"),
        verification=verification,
        channel=channel,
        country=country,
        locale=locale,
        code_length=len(verification.code),
        price=settings.OTP_PRICES.get(f"{channel}:{country}", settings.OTP_PRICES.get(channel, "0")),
        currency=settings.OTP_CURRENCY.lower(),
        delivery_error=numbers.UNDELIVERED_NUMBERS.get(verification.to, 0),
        created_at=call.now,
    )
