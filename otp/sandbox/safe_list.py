"""The Safe List: `/v2/SafeList/Numbers`, numbers that Fraud Guard leaves alone."""

from django.db import transaction

from otp.sandbox import rendering
from otp.sandbox.calls import Call
from otp.sandbox.counters import count_call
from otp.sandbox.errors import ApiError, InvalidParameter
from otp.sandbox.models import SafeNumber
from otp.sandbox.numbers import is_phone_number
from otp.sandbox.replies import Reply, empty_reply, json_reply
from otp.sandbox.sids import new_sid

# Twilio: https://www.twilio.com/docs/verify/api/safe-list
CALLS_PER_MINUTE = 30


@transaction.atomic
def create(call: Call) -> Reply:
    _count(call)
    number = call.text("PhoneNumber")
    if not is_phone_number(number):
        raise InvalidParameter("PhoneNumber")
    safe, is_new = SafeNumber.objects.get_or_create(
        phone_number=number, defaults={"sid": new_sid("GN"), "created_at": call.now}
    )
    if not is_new:
        raise ApiError(60411)
    return json_reply(201, rendering.safe_number(call, safe))


def fetch(call: Call, number: str) -> Reply:
    _count(call)
    return json_reply(200, rendering.safe_number(call, _get(call, number)))


@transaction.atomic
def delete(call: Call, number: str) -> Reply:
    _count(call)
    _get(call, number).delete()
    return empty_reply()


def _count(call: Call) -> None:
    count_call("safe_list", most=CALLS_PER_MINUTE, seconds=60, now=call.now)


def _get(call: Call, number: str) -> SafeNumber:
    safe = SafeNumber.objects.filter(phone_number="+" + number.lstrip(" +")).first()
    if safe is None:
        raise call.missing()
    return safe
