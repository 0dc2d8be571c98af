"""Faults in which a well-formed answer says what is not so; nothing that is stored changes by them."""

from collections.abc import Callable
from typing import Any

from otp.sandbox.sids import new_sid

# A status that Twilio's list does not have.
UNKNOWN_STATUS = "fulfilled"

Answer = dict[str, Any]

CHECK_LIES: dict[str, Callable[[Answer], Answer]] = {
    "approve_wrong_sid": lambda answer: {"status": "approved", "valid": True, "sid": new_sid("VE")},
    "approve_wrong_to": lambda answer: {"status": "approved", "valid": True, "to": another_destination(answer["to"])},
    "valid_true_status_pending": lambda answer: {"status": "pending", "valid": True},
    "unknown_status": lambda answer: {"status": UNKNOWN_STATUS, "valid": True},
}
SEND_LIES: dict[str, Callable[[Answer], Answer]] = {
    "approve_wrong_to": lambda answer: {"to": another_destination(answer["to"])},
    "unknown_status": lambda answer: {"status": UNKNOWN_STATUS},
}


def lie_about_check(fault: str, answer: Answer) -> Answer:
    return {**answer, **CHECK_LIES[fault](answer)}


def lie_about_send(fault: str, answer: Answer) -> Answer:
    return {**answer, **SEND_LIES[fault](answer)} if fault in SEND_LIES else answer


def another_destination(to: str) -> str:
    """Name somebody else: another mailbox, or the number next to this one."""
    if "@" in to:
        return "somebody-else@example.com"
    return to[:-1] + str((int(to[-1]) + 1) % 10)
