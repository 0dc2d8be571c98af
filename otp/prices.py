"""What a message is expected to cost, from the table `OTP_PRICES`. Money is `Decimal`, in `OTP_CURRENCY`."""

from decimal import Decimal

from django.conf import settings

# Counters hold whole numbers: a hundred-thousandth of the currency each, as fine as prices are written.
UNITS_PER_CURRENCY = 100_000


def get_price(channel: str, country: str = "") -> Decimal:
    """Give the price of one send: `sms:GB` if the table has it, else `sms`, else nothing."""
    prices = settings.OTP_PRICES
    return Decimal(prices.get(f"{channel}:{country}") or prices.get(channel) or "0")


def to_units(amount: Decimal | float) -> int:
    return int(Decimal(str(amount)) * UNITS_PER_CURRENCY)
