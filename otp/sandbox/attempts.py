"""Attempts and their summary: `/v2/Attempts`. The last 30 days only, as with Twilio."""

from datetime import timedelta
from decimal import ROUND_DOWN, Decimal

from django.db.models import QuerySet

from otp.sandbox import rendering
from otp.sandbox.calls import Call
from otp.sandbox.counters import count_call
from otp.sandbox.errors import InvalidParameter
from otp.sandbox.models import Attempt
from otp.sandbox.paging import page_reply
from otp.sandbox.replies import Reply, json_reply
from otp.sandbox.sids import is_sid
from otp.sandbox.verifications import folded

KEPT = timedelta(days=30)
# Twilio: https://www.twilio.com/docs/verify/api/attempts
CALLS_PER_MINUTE = 100
CHANNELS = ("sms", "call", "email", "whatsapp", "rbm")


def list_all(call: Call) -> Reply:
    _count(call)
    attempts = _filtered(call)
    if to := call.text("ChannelData.To"):
        attempts = attempts.filter(verification__to_folded=folded(to))
    if sid := _sid(call, "VerificationSid", "VE"):
        attempts = attempts.filter(verification__sid=sid)
    if status := call.choice("Status", ("converted", "unconverted")):
        attempts = attempts.filter(is_converted=status == "converted")
    return page_reply(call, "attempts", attempts, "VL", lambda attempt: rendering.attempt(call, attempt))


def fetch(call: Call, attempt_sid: str) -> Reply:
    _count(call)
    attempt = _kept(call).filter(sid=attempt_sid).first()
    if attempt is None:
        raise call.missing()
    return json_reply(200, rendering.attempt(call, attempt))


def summarise(call: Call) -> Reply:
    _count(call)
    attempts = _filtered(call)
    if prefix := call.text("DestinationPrefix", longest=20):
        attempts = attempts.filter(verification__to_folded__startswith=folded(prefix))
    total, converted = attempts.count(), attempts.filter(is_converted=True).count()
    return json_reply(
        200,
        {
            "total_attempts": total,
            "total_converted": converted,
            "total_unconverted": total - converted,
            "conversion_rate_percentage": _percentage(converted, total),
            "url": call.url("/v2/Attempts/Summary"),
        },
    )


def _count(call: Call) -> None:
    count_call("attempts", most=CALLS_PER_MINUTE, seconds=60, now=call.now)


def _kept(call: Call) -> QuerySet[Attempt]:
    return Attempt.objects.filter(created_at__gt=call.now - KEPT).select_related("verification__service")


def _filtered(call: Call) -> QuerySet[Attempt]:
    """Apply the filters that the list and the summary share."""
    attempts = _kept(call)
    if after := call.moment("DateCreatedAfter"):
        attempts = attempts.filter(created_at__gte=after)
    if before := call.moment("DateCreatedBefore"):
        attempts = attempts.filter(created_at__lte=before)
    if country := call.text("Country", longest=3):
        attempts = attempts.filter(country=country.upper())
    if channel := call.choice("Channel", CHANNELS):
        attempts = attempts.filter(channel=channel)
    if sid := _sid(call, "VerifyServiceSid", "VA"):
        attempts = attempts.filter(verification__service__sid=sid)
    return attempts


def _sid(call: Call, name: str, prefix: str) -> str:
    sid = call.text(name)
    if sid and not is_sid(prefix, sid):
        raise InvalidParameter(name)
    return sid


def _percentage(converted: int, total: int) -> str:
    """Write the rate as Twilio does: text, at most nine places, cut and not rounded."""
    if not total:
        return "0"
    rate = (Decimal(100 * converted) / total).quantize(Decimal("1e-9"), rounding=ROUND_DOWN)
    return f"{rate:f}".rstrip("0").rstrip(".")
