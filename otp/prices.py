"""What messages are expected to cost, from the table `OTP_PRICES`. Money is `Decimal`, in `OTP_CURRENCY`."""

from dataclasses import dataclass
from decimal import Decimal

from django.conf import settings

# Counters hold whole numbers: a hundred-thousandth of the currency each, as fine as prices are written.
UNITS_PER_CURRENCY = 100_000
SUCCESS = "success"


@dataclass(frozen=True)
class DefaultPrice:
    """One default of the table, and where it comes from."""

    name: str
    amount: str
    source: str
    read_on: str


ESTIMATE = "the product's own estimate for one verification, Twilio's fee for a success included"
DEFAULT_PRICES = (
    DefaultPrice("sms", "0.05", ESTIMATE, "2026-11-22"),
    DefaultPrice("whatsapp", "0.005", ESTIMATE, "2026-11-22"),
    DefaultPrice("email", "0.05", ESTIMATE, "2026-11-22"),
    DefaultPrice("call", "0.05", "assumed to be as much as a text message", "2026-11-22"),
    DefaultPrice(SUCCESS, "0", "contained in the estimates above", "2026-11-22"),
)


def get_price(channel: str, country: str = "") -> Decimal:
    """Give the price of one send: `sms:GB` if the table has it, else `sms`, else nothing."""
    prices = settings.OTP_PRICES
    return Decimal(prices.get(f"{channel}:{country}") or prices.get(channel) or "0")


def get_success_price(country: str = "") -> Decimal:
    """Give what one approved code costs beside the message: `success:GB` if the table has it, else `success`."""
    return get_price(SUCCESS, country)


def get_source(name: str, amount: str) -> str:
    """Say where a price of the table comes from."""
    for default in DEFAULT_PRICES:
        if default.name == name and Decimal(default.amount) == Decimal(amount):
            return f"{default.source}, {default.read_on}"
    return "OTP_PRICES"


def to_units(amount: Decimal | float) -> int:
    return int(Decimal(str(amount)) * UNITS_PER_CURRENCY)
