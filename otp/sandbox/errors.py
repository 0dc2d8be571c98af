"""Twilio's error numbers as Verify answers them: one flat table, number → HTTP status and message.

Statuses that Twilio does not publish are 400 for parameters and 403 for blocks.
"""

from collections.abc import Mapping

# Twilio: https://www.twilio.com/docs/api/errors
ERRORS: dict[int, tuple[int, str]] = {
    20001: (413, "Request body is too large"),
    20003: (401, "Authenticate"),
    20004: (405, "Method not allowed"),
    20404: (404, "The requested resource {path} was not found"),
    20415: (415, "Content-Type must be application/x-www-form-urlencoded"),
    20429: (429, "Too many requests"),
    20500: (500, "An internal server error has occurred"),
    20503: (503, "Service is unavailable. Please try again"),
    21211: (400, "Invalid 'To' Phone Number: {to}"),
    21212: (400, "Invalid From Number (caller ID): {sender}"),
    21408: (400, "Permission to send an SMS has not been enabled for the region indicated by the 'To' number"),
    21602: (400, "Message body is required."),
    21603: (400, "A 'From' phone number is required."),
    21604: (400, "A 'To' phone number is required."),
    21608: (
        403,
        "The number {to} is unverified. Trial accounts cannot send messages to unverified numbers; "
        "verify {to} at twilio.com/user/account/phone-numbers/verified, or purchase a Twilio number "
        "to send messages to unverified numbers.",
    ),
    21610: (400, "Attempt to send to unsubscribed recipient"),
    21614: (400, "'To' number is not a valid mobile number"),
    21617: (400, "The concatenated message body exceeds the 1600 character limit"),
    21705: (400, "The Messaging Service Sid is invalid."),
    60001: (403, "Silent Network Auth is not enabled for this account"),
    60200: (400, "Invalid parameter"),
    60202: (429, "Max check attempts reached"),
    60203: (429, "Max send attempts reached"),
    60204: (403, "Service does not support this feature"),
    60205: (403, "SMS is not supported by landline phone number"),
    60206: (400, "Amount and Payee params are required with PSD2 enabled services"),
    60207: (400, "Max rate limits limit reached for the service"),
    60208: (400, "Unique name already exists for the service"),
    60209: (400, "Unique name contains invalid characters"),
    60210: (400, "Max buckets limit reached for the rate limit"),
    60211: (400, "Bucket with the same interval already exists for the rate limit"),
    60212: (429, "Too many concurrent requests for phone number"),
    60214: (400, "Call channel is not supported with PSD2 enabled services"),
    60221: (400, "Either To or VerificationSid is required"),
    60223: (400, "Delivery channel disabled: {channel}"),
    60224: (400, "Template substitutions are missing"),
    60227: (400, "Template does not support the channel"),
    60228: (400, "Template was not found"),
    60229: (400, "Template has no translation for the locale"),
    60242: (400, "No approved WhatsApp template for the language"),
    60329: (400, "SNA channel is not supported with PSD2 enabled services"),
    60410: (
        403,
        "The destination phone number has been temporarily blocked by Twilio due to fraudulent activities. "
        "{to} prefix is blocked for the {CHANNEL} channel",
    ),
    60411: (400, "The phone number already exists in the Safe List"),
    60602: (400, "AppHash is only supported by the SMS channel"),
    60605: (
        403,
        "The destination phone number has been blocked by Verify Geo-Permissions. "
        "{to} is blocked for {channel} channel for all services",
    ),
}


class ApiError(Exception):
    """An answer of Twilio's error envelope; `facts` fill the placeholders of the table's message."""

    def __init__(self, code: int, message: str = "", *, headers: Mapping[str, str] | None = None, **facts: str) -> None:
        self.code = code
        self.status, template = ERRORS[code]
        self.message = message or template.format_map(facts)
        self.headers = dict(headers or {})
        super().__init__(code)

    def as_json(self) -> dict[str, object]:
        return {
            "code": self.code,
            "message": self.message,
            "more_info": f"https://www.twilio.com/docs/errors/{self.code}",
            "status": self.status,
        }


class InvalidParameter(ApiError):
    """60200 for the named parameter; only `To` is echoed, in back-ticks."""

    def __init__(self, name: str, value: str | None = None) -> None:
        # Twilio: a bad number comes back in the message, so nobody may log it.
        message = f"Invalid parameter: {name}" if value is None else f"Invalid parameter `{name}`: {value}"
        super().__init__(60200, message)
