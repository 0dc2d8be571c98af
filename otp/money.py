"""Amounts of money: read strictly, shown plainly. Public.

An amount is a decimal string with a point, in a currency of ISO 4217: never a float, never what a locale makes of it.
"""

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.utils import formats
from django.utils.translation import gettext as _

from otp.exceptions import InvalidRequest

MAX_WHOLE_DIGITS = 11
MAX_PAYEE_LENGTH = 70  # as long as a name may be in a SEPA transfer
MAX_REFERENCE_LENGTH = 140  # likewise, what a transfer is for

# Currencies in use, by how many decimal places they have. ISO 4217, list one, read 2026-11-26; funds, metals and test
# codes are left out: nobody is paid in them.
CURRENCIES_BY_PLACES = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
    2: (
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC "
        "CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR "
        "JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD "
        "NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN "
        "SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD XCG YER ZAR ZMW ZWG"
    ),
    3: "BHD IQD JOD KWD LYD OMR TND",
}
PLACES = {code: places for places, codes in CURRENCIES_BY_PLACES.items() for code in codes.split()}

# SECURITY: what could turn a line around, break it or hide a part of it has no place in what a person is asked to
# approve: control and format characters, line breaks, and what Unicode has not assigned or keeps for private use.
MISLEADING = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
# Every character whose category is "space separator": to the eye all are a blank, of some width.
BLANKS = " \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
# SECURITY: letters and signs to Unicode, and nothing to see: a payee of them alone would be nobody on the page.
BLANK = set("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")


@dataclass(frozen=True)
class Payment:
    """What a code is made for, as it goes to Twilio and comes back with the check."""

    approval_id: UUID
    amount: str  # `120.00 EUR`
    payee: str


def read_currency(text: str) -> str:
    """Take a currency over, in capital letters as ISO 4217 writes it.

    :raises InvalidRequest: it is none that people are paid in
    """
    if text not in PLACES:
        raise InvalidRequest(fields={"currency": [_("Use the three letters of a currency, like EUR.")]})
    return text


def read_amount(amount: str | Decimal, currency: str) -> Decimal:
    """Read an amount to the currency's own number of places: `120`, `120.5` and `120.50` are one amount of euros.

    :raises InvalidRequest: anything else than plain digits and a point, zero, too many places, too many digits
    """
    text = _write_plain(amount) if isinstance(amount, Decimal) else amount
    places = PLACES[currency]
    fraction = rf"(\.[0-9]{{1,{places}}})?" if places else ""
    # SECURITY: [0-9], for \d takes the digits of every script; and no float in between, which would round.
    if isinstance(text, str) and re.fullmatch(rf"(0|[1-9][0-9]{{0,{MAX_WHOLE_DIGITS - 1}}}){fraction}", text):
        value = Decimal(text).quantize(Decimal(1).scaleb(-places))
        if value > 0:
            return value
    example = "120." + "0" * places if places else "120"
    sentence = _("Write the amount in digits with a point and at most %(places)d decimals, like %(example)s.")
    raise InvalidRequest(fields={"amount": [sentence % {"places": places, "example": example}]})


def read_text(text: str, name: str, *, longest: int, is_required: bool) -> str:
    """Fold what a payment is for, or to whom: outer blanks off, inner runs of them to one, one spelling of each letter.

    :raises InvalidRequest: empty where it must not be, too long, or with characters that nobody can see
    """
    folded = re.sub(f"[{BLANKS}]+", " ", unicodedata.normalize("NFC", text)).strip(" ")
    if is_required and not any(character.isalnum() for character in folded):
        raise InvalidRequest(fields={name: [_("Fill this in.")]})
    if len(folded) > longest:
        raise InvalidRequest(fields={name: [_("Use at most %(count)d characters.") % {"count": longest}]})
    if any(character in BLANK or unicodedata.category(character) in MISLEADING for character in folded):
        raise InvalidRequest(fields={name: [_("Use letters, digits, blanks and punctuation only.")]})
    return folded


def read_payee(text: str) -> str:
    """Fold the name of who is paid: see `read_text`.

    :raises InvalidRequest: see `read_text`
    """
    return read_text(text, "payee", longest=MAX_PAYEE_LENGTH, is_required=True)


def write_amount(amount: Decimal, currency: str) -> str:
    """Write an amount as the API and Twilio have it: `120.00`."""
    return f"{amount.quantize(Decimal(1).scaleb(-PLACES[currency])):f}"


def show_amount(amount: Decimal, currency: str) -> str:
    """Write an amount as people read it, in the language of the page, with the currency's letters: `1,250.00 EUR`.

    Letters and no sign: there are two dozen dollars.
    """
    number = formats.number_format(amount, decimal_pos=PLACES[currency], force_grouping=True)
    return f"{number} {currency}"


def _write_plain(amount: Decimal) -> str:
    """Write a Decimal without exponent. Zeros at the end say nothing: a database adds them."""
    if not amount.is_finite():
        return ""
    whole, _point, fraction = f"{amount:f}".partition(".")
    kept = fraction.rstrip("0")
    return f"{whole}.{kept}" if kept else whole
