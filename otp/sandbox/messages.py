"""The inbox: what arrived, newest first."""

from typing import Any

from django.db.models import QuerySet

from otp.sandbox.calls import Call
from otp.sandbox.clock import in_z
from otp.sandbox.models import Message, Verification
from otp.sandbox.texts import Wording
from otp.sandbox.verifications import folded


def deliver(verification: Verification, wording: Wording, call: Call) -> None:
    Message.objects.create(
        to=verification.to,
        to_folded=verification.to_folded,
        channel=verification.channel,
        subject=wording.subject(verification),
        body=wording.body(verification),
        code=verification.code,
        verification_sid=verification.sid,
        sent_at=call.now,
    )


def received_by(destination: str) -> QuerySet[Message]:
    """Everything for one destination, or for all when it is empty.

    A leading space is a plus sign that a query string swallowed.
    """
    messages = Message.objects.order_by("-pk")
    if not destination.strip():
        return messages
    wanted = folded(destination)
    spellings = {wanted, "+" + wanted} if wanted[0].isdigit() else {wanted}
    return messages.filter(to_folded__in=spellings)


def as_json(message: Message) -> dict[str, Any]:
    return {
        "to": message.to,
        "channel": message.channel,
        "code": message.code or None,
        "subject": message.subject or None,
        "body": message.body,
        "sent_at": in_z(message.sent_at),
        "verification_sid": message.verification_sid or None,
    }
