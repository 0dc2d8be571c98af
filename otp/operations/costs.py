"""What sending costs: spent so far beside the budget, per verified user, and for a thousand users.

Costs are estimates by `OTP_PRICES`, written when sent, and Twilio's own prices where `sync_attempts` has found them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_EVEN, Decimal

from django.conf import settings
from django.db.models import Sum
from django.db.models.functions import TruncDate

from otp.models import Delivery
from otp.prices import get_price, get_success_price
from otp.purposes import Channel

PROJECTED_USERS = (1_000, 10_000, 100_000)
CENT = Decimal("0.01")


@dataclass(frozen=True)
class Spend:
    """Money, in `OTP_CURRENCY`. The budget holds for any 24 hours; a month's is that of its days."""

    today: Decimal
    month: Decimal
    day_budget: Decimal
    month_budget: Decimal

    @classmethod
    def of(cls, by_day: Mapping[date, Decimal], unmatched: Mapping[date, Decimal], today: date) -> "Spend":
        """Add what each day cost and what Twilio sent that day without an attempt of ours."""
        this_month = [day for day in {*by_day, *unmatched} if (day.year, day.month) == (today.year, today.month)]
        spent = {day: by_day.get(day, Decimal(0)) + unmatched.get(day, Decimal(0)) for day in this_month}
        budget = Decimal(str(settings.OTP_DAILY_BUDGET))
        return cls(spent.get(today, Decimal(0)), sum(spent.values(), Decimal(0)), budget, budget * _count_days(today))


@dataclass(frozen=True)
class Projection:
    """What a number of users would cost a month, by what this month cost and by the price list."""

    users: int
    at_this_rate: Decimal | None
    by_price_list: Decimal


def find_unmatched(since: date, until: date | None = None) -> dict[date, Decimal]:
    """Sum by day the prices of messages that no attempt of ours made: they are paid for all the same."""
    found = Delivery.objects.filter(attempt=None, created_at__gte=_begin(since), currency=settings.OTP_CURRENCY)
    if until:
        found = found.filter(created_at__lt=_begin(until))
    days = (
        found.annotate(day=TruncDate("created_at", tzinfo=UTC))
        .order_by()
        .values_list("day")
        .annotate(Sum("price", default=0))
    )
    return dict(days)


def project(cost_per_user: Decimal | None) -> list[Projection]:
    """Say what 1,000, 10,000 and 100,000 users would cost, each with one text message that is approved."""
    by_price_list = get_price(Channel.SMS) + get_success_price()
    return [
        Projection(
            users,
            None if cost_per_user is None else round_money(users * cost_per_user),
            round_money(users * by_price_list),
        )
        for users in PROJECTED_USERS
    ]


def round_money(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, rounding=ROUND_HALF_EVEN)


def _begin(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=UTC)


def _count_days(day: date) -> int:
    return ((day.replace(day=1) + timedelta(days=32)).replace(day=1) - day.replace(day=1)).days
