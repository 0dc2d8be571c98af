"""Which destinations Verify takes, and the numbers that always answer the same way."""

import re
from collections.abc import Collection
from dataclasses import dataclass

import phonenumbers
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from otp.sandbox.errors import ApiError, InvalidParameter

PHONE_CHANNELS = ("sms", "call", "whatsapp")
RETRY_AFTER_SECONDS = 7


@dataclass(frozen=True)
class Magic:
    """A send to this number over one of `channels` answers with the error."""

    code: int
    channels: tuple[str, ...] = PHONE_CHANNELS


# Fictional numbers (555-0100 to 555-0199 of any area code): 555 stands between the first three digits of the
# error number and 01 plus its last two.
MAGIC_NUMBERS: dict[str, Magic] = {
    "+16045550110": Magic(60410, ("sms",)),
    "+16065550105": Magic(60605),
    "+16025550105": Magic(60205, ("sms",)),
    "+12165550108": Magic(21608),
    "+16025550123": Magic(60223, ("sms",)),
    "+12045550129": Magic(20429),
    "+16025550112": Magic(60212),
    "+16025550142": Magic(60242, ("whatsapp",)),
    "+12145550108": Magic(21408, ("sms",)),
    "+12165550110": Magic(21610, ("sms",)),
    "+12165550114": Magic(21614, ("sms",)),
    "+12055550100": Magic(20500),
    "+12055550103": Magic(20503),
}
# Accepted, charged for and never delivered: carrier error 30003, an unreachable handset. No area is called 300.
UNDELIVERED_NUMBERS: dict[str, int] = {"+13035550103": 30003}


def checked_destination(value: str, channel: str) -> str:
    """Let what Verify can send to over this channel pass.

    :raises InvalidParameter: with the number in its message, as Twilio does.
    """
    if channel == "email":
        if not _is_email(value):
            raise InvalidParameter("To", value)
    elif not is_phone_number(value):
        raise InvalidParameter("To", value)
    return value


def checked_any_destination(value: str) -> str:
    return checked_destination(value, "email" if "@" in value else "sms")


def is_phone_number(value: str) -> bool:
    if not re.fullmatch(r"\+[1-9][0-9]{6,14}", value):
        return False
    if value in settings.OTP_SANDBOX_NUMBERS:
        return True
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(value))
    except phonenumbers.NumberParseException:
        return False


def country_of(value: str) -> str:
    """Name the ISO country of a number; empty for an address, and for a number of no country."""
    if "@" in value:
        return ""
    return phonenumbers.region_code_for_number(phonenumbers.parse(value)) or ""


def is_landline(number: str) -> bool:
    kind = phonenumbers.number_type(phonenumbers.parse(number))
    return kind == phonenumbers.PhoneNumberType.FIXED_LINE


def raise_if_magic(to: str, channel: str, *, lifted: Collection[int] = ()) -> None:
    """:raises ApiError: the one that the number stands for, unless it is `lifted` for this send."""
    magic = MAGIC_NUMBERS.get(to)
    if magic is None or channel not in magic.channels or magic.code in lifted:
        return
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if magic.code == 20429 else {}
    raise ApiError(magic.code, headers=headers, to=to, channel=channel, CHANNEL=channel.upper())


def _is_email(value: str) -> bool:
    try:
        validate_email(value)
    except ValidationError:
        return False
    return len(value) <= 254
