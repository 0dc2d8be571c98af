"""Programmable Messaging: `POST /2010-04-01/Accounts/{AccountSid}/Messages.json`, for messages that hold no code."""

from email.utils import format_datetime
from typing import Any

from django.conf import settings
from django.db import transaction

from otp.sandbox import numbers
from otp.sandbox.calls import Call
from otp.sandbox.errors import ApiError
from otp.sandbox.models import Message
from otp.sandbox.replies import Reply, json_reply
from otp.sandbox.sids import is_sid, new_sid
from otp.text_messages import SENDER, count_segments

API_VERSION = "2010-04-01"
MAX_BODY = 1600
# What only Verify answers: these numbers get ordinary text messages.
VERIFYS_OWN = {magic.code for magic in numbers.MAGIC_NUMBERS.values() if magic.code >= 60000}


@transaction.atomic
def create(call: Call, account_sid: str) -> Reply:
    """Send a text message. Every Messaging Service and every sender of the right shape exists."""
    if account_sid != settings.TWILIO_ACCOUNT_SID:
        raise call.missing()
    to, body = call.text("To"), call.text("Body")
    service_sid, sender = call.text("MessagingServiceSid"), call.text("From", longest=254)
    _raise_if_incomplete(to, body, service_sid, sender)
    if not numbers.is_phone_number(to):
        raise ApiError(21211, to=to)
    numbers.raise_if_magic(to, "sms", lifted=VERIFYS_OWN)
    Message.objects.create(to=to, to_folded=to, channel="sms", body=body, sent_at=call.now)
    return json_reply(201, _render(call, to, body, service_sid, sender))


def _raise_if_incomplete(to: str, body: str, service_sid: str, sender: str) -> None:
    if not to:
        raise ApiError(21604)
    if not body.strip():
        raise ApiError(21602)
    if len(body) > MAX_BODY:
        raise ApiError(21617)
    if not service_sid and not sender:
        raise ApiError(21603)
    if service_sid and not is_sid("MG", service_sid):
        raise ApiError(21705)
    if sender and not SENDER.fullmatch(sender):
        raise ApiError(21212, sender=sender)


def _render(call: Call, to: str, body: str, service_sid: str, sender: str) -> dict[str, Any]:
    """Twilio: https://www.twilio.com/docs/messaging/api/message-resource, read 2026-11-24"""
    sid = new_sid("SM")
    uri = f"/{API_VERSION}/Accounts/{settings.TWILIO_ACCOUNT_SID}/Messages/{sid}"
    moment = format_datetime(call.now.replace(microsecond=0))
    return {
        "account_sid": settings.TWILIO_ACCOUNT_SID,
        "api_version": API_VERSION,
        "body": body,
        "date_created": moment,
        "date_sent": None,
        "date_updated": moment,
        "direction": "outbound-api",
        "error_code": None,
        "error_message": None,
        "from": sender or None,
        "messaging_service_sid": service_sid or None,
        "num_media": "0",
        # Twilio: a Messaging Service picks the sender, and cuts the text, only later.
        "num_segments": "0" if service_sid else str(count_segments(body)),
        "price": None,
        "price_unit": settings.OTP_CURRENCY,
        "sid": sid,
        "status": "accepted" if service_sid else "queued",
        "subresource_uris": {"media": f"{uri}/Media.json"},
        "to": to,
        "uri": f"{uri}.json",
    }
