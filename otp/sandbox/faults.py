"""Named faults: one at a time, each until `/sandbox/control` sets another."""

from collections.abc import Callable

from otp.sandbox.errors import ApiError
from otp.sandbox.replies import Reply, error_reply

FAULTS: dict[str, str] = {
    "approve_all": "Every check of a known verification says approved, whatever the code, however often.",
    "approve_wrong_sid": "Every check says approved, for another verification.",
    "approve_wrong_to": "Every check says approved, for another destination; sends answer with it too.",
    "valid_true_status_pending": "Every check says pending and valid at once.",
    "unknown_status": "Every send and check says fulfilled, a status that Twilio does not list.",
    "html_200": "Every call answers 200 with an HTML page; nothing is processed.",
    "empty_201": "Every call answers 201 with an empty JSON object; nothing is processed.",
    "truncated_json": "Every call is processed and its JSON is cut in half.",
    "http_500": "Every call answers 500/20500; nothing is processed.",
    "http_503": "Every call answers 503/20503; nothing is processed.",
    "rate_limited": "Every call answers 429/20429 with Retry-After: 7; nothing is processed.",
    "hang": "No call is answered; nothing is processed.",
    "reset_connection": "Every connection breaks; nothing is processed.",
    "drop_reply_after_commit": "Every call is processed, then its connection breaks.",
    "long_ttl": "Verifications live 24 hours, also those that had expired.",
}
RETRY_AFTER_SECONDS = 7


class NetworkFault(Exception):
    """The caller of `handle` must make the connection fail in its own way."""


class Hang(NetworkFault):
    """No answer, nothing processed."""


class ConnectionReset(NetworkFault):
    """The connection breaks, nothing processed."""


class ReplyDropped(NetworkFault):
    """Processed and committed; the connection breaks after `delay_seconds`."""

    def __init__(self, delay_seconds: float) -> None:
        super().__init__(delay_seconds)
        self.delay_seconds = delay_seconds


def raise_if_unreachable(fault: str) -> None:
    """:raises NetworkFault: under `hang` and `reset_connection`."""
    if fault == "hang":
        raise Hang
    if fault == "reset_connection":
        raise ConnectionReset


def find_reply(fault: str) -> Reply | None:
    """Find what the fault answers in place of Verify, None when Verify itself is asked."""
    make = REPLIES.get(fault)
    return make() if make else None


def spoil(fault: str, reply: Reply) -> Reply:
    """Damage a finished reply as the fault says.

    :raises ReplyDropped: under `drop_reply_after_commit`.
    """
    if fault == "drop_reply_after_commit":
        raise ReplyDropped(reply.delay_seconds)
    if fault == "truncated_json":
        reply.body = reply.body[: len(reply.body) // 2]
    return reply


def _rate_limited() -> Reply:
    return error_reply(ApiError(20429, headers={"Retry-After": str(RETRY_AFTER_SECONDS)}))


REPLIES: dict[str, Callable[[], Reply]] = {
    "html_200": lambda: Reply(200, {"Content-Type": "text/html"}, b"<html><body>Welcome to the hotel</body></html>"),
    "empty_201": lambda: Reply(201, {"Content-Type": "application/json"}, b"{}"),
    "http_500": lambda: error_reply(ApiError(20500)),
    "http_503": lambda: error_reply(ApiError(20503)),
    "rate_limited": _rate_limited,
}
