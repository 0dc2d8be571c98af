"""Where a code goes: phone numbers and e-mail addresses, folded to one spelling each. Public.

The raw form lives on the user and in the call to Twilio. Everything that is kept has only what `Destination` offers
beside it: a masked form, a keyed hash, the country and the number range.
"""

import hashlib
import hmac
import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property

import phonenumbers
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from phonenumbers import PhoneNumberType

from otp.exceptions import ChannelUnavailable, CountryNotAllowed, DestinationBlocked, InvalidDestination
from otp.purposes import Channel

E164_PATTERN = r"^\+[1-9][0-9]{6,14}$"
E164 = re.compile(r"\+[1-9][0-9]{6,14}\Z")
MAX_TYPED_LENGTH = 254
TEXTABLE_TYPES = {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}
CALLABLE_TYPES = TEXTABLE_TYPES | {PhoneNumberType.FIXED_LINE}
# libphonenumber's region for numbers of no country: satellite, international premium and the like.
NON_GEOGRAPHIC = "001"


@dataclass(frozen=True)
class Destination:
    """One destination. `address` is E.164 or a folded e-mail address and must not be stored or logged."""

    address: str
    country: str = ""  # ISO 3166 alpha-2, empty for e-mail
    number_type: int | None = None  # phonenumbers.PhoneNumberType, None for e-mail

    @property
    def is_email(self) -> bool:
        return "@" in self.address

    @property
    def prefix(self) -> str:
        """The number range: E.164 without its last four digits, as Twilio's Fraud Guard groups them; '' for e-mail."""
        return "" if self.is_email else self.address[:-4]

    @cached_property
    def masked(self) -> str:
        """`+1 ••• ••• 0123` or `a•••@example.com`."""
        if self.is_email:
            local, _, domain = self.address.rpartition("@")
            return f"{local[:1]}•••@{domain}"
        number = phonenumbers.parse(self.address)
        national = str(number.national_number)
        # A short number would be given away by its last four digits.
        shown = national[-4:] if len(national) >= 8 else national[-2:]
        return f"+{number.country_code} ••• ••• {shown}"

    @cached_property
    def hash(self) -> str:
        """The keyed hash that new rows keep, 64 hexadecimal digits."""
        return hash_address(self.address, settings.OTP_HASH_KEYS[0])

    @cached_property
    def hashes(self) -> list[str]:
        """The keyed hashes under every key in use, for finding rows written before a rotation."""
        return [hash_address(self.address, key) for key in settings.OTP_HASH_KEYS]

    def __repr__(self) -> str:
        # SECURITY: dataclasses print their fields; this one reaches tracebacks.
        return f"<Destination {self.masked}>"


def hash_address(address: str, key: str) -> str:
    return hmac.new(key.encode(), address.encode(), hashlib.sha256).hexdigest()


def parse_destination(typed: str) -> Destination:
    """Fold what a person typed into the one destination it means.

    :raises InvalidDestination: when it is neither a dialable number without extension nor an e-mail address
    """
    return _parse_email(typed) if "@" in typed else _parse_phone(typed)


def parse_phone(typed: str) -> Destination:
    """Fold a phone number.

    :raises InvalidDestination: when it is no dialable number, or has an extension
    """
    if "@" in typed:
        raise InvalidDestination
    return _parse_phone(typed)


def fold_email(typed: str) -> str:
    """Fold an e-mail address to the one spelling we keep: NFKC, no outer blanks, lower case.

    Case before the @ may matter by RFC 5321 section 2.4; no provider in use tells such mailboxes apart, and two
    accounts that differ by case alone are a trap for their owners.
    """
    return unicodedata.normalize("NFKC", typed).strip().casefold()


def raise_if_refused(destination: Destination, channel: str) -> None:
    """Refuse what must never be sent, before anything is counted or sent.

    :raises ChannelUnavailable: when the channel is switched off or cannot reach such a destination
    :raises DestinationBlocked: for premium, toll-free, shared-cost, satellite, voicemail, pager and the like
    :raises CountryNotAllowed: when the number's country is not in `OTP_ALLOWED_COUNTRIES`
    """
    if channel not in settings.OTP_CHANNELS or (channel == Channel.EMAIL) != destination.is_email:
        raise ChannelUnavailable
    if destination.is_email or destination.address in settings.OTP_SANDBOX_NUMBERS:
        return
    if destination.number_type not in CALLABLE_TYPES or destination.country == NON_GEOGRAPHIC:
        raise DestinationBlocked
    if destination.country not in settings.OTP_ALLOWED_COUNTRIES:
        raise CountryNotAllowed
    if channel != Channel.CALL and destination.number_type not in TEXTABLE_TYPES:
        raise ChannelUnavailable


def _parse_email(typed: str) -> Destination:
    address = fold_email(typed)
    try:
        validate_email(address)
    except ValidationError as error:
        raise InvalidDestination from error
    if len(address) > MAX_TYPED_LENGTH:
        raise InvalidDestination
    return Destination(address)


def _parse_phone(typed: str) -> Destination:
    folded = unicodedata.normalize("NFKC", typed).strip()
    if len(folded) > MAX_TYPED_LENGTH:
        raise InvalidDestination
    if folded in settings.OTP_SANDBOX_NUMBERS:
        return Destination(folded, country="US", number_type=PhoneNumberType.FIXED_LINE_OR_MOBILE)
    # 00 is how most of the world dials a plus sign; no country code begins with a zero.
    international = re.sub(r"\A[^\w+]*00(?=[\s./()-]*[1-9])", "+", folded)
    try:
        number = phonenumbers.parse(international, settings.OTP_DEFAULT_COUNTRY or None)
    except phonenumbers.NumberParseException as error:
        raise InvalidDestination from error
    address = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    # SECURITY: an extension would give one phone many spellings, each with limits of its own.
    if number.extension or not phonenumbers.is_valid_number(number) or not E164.match(address):
        raise InvalidDestination
    return Destination(
        address,
        country=phonenumbers.region_code_for_number(number) or NON_GEOGRAPHIC,
        number_type=phonenumbers.number_type(number),
    )
