"""How often, how many and for how much money. One table each for what is counted exactly and what is counted by volume.

Exact limits count rows of the ledger and survive everything; volume limits live in `otp.volume`. Every refusal says how
long to wait. The numbers are settings, documented in `.env.example`.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from otp import guard
from otp.client import Client
from otp.destinations import Destination, hash_address
from otp.exceptions import LimitsUnavailable, TooManyAttempts, TooManyRequests
from otp.models import Verification, VerificationAttempt
from otp.models.attempt import Kind
from otp.models.lifecycle import get_seconds_until
from otp.prices import get_price, to_units
from otp.purposes import Channel, Purpose, get_group
from otp.volume import Bucket, Share, get_counters

logger = logging.getLogger(__name__)

MINUTE = 60
HOUR = 3600
DAY = 24 * HOUR
MONTH = 30 * DAY


@dataclass(frozen=True, eq=False)  # each is itself alone: to compare all it holds would translate its sentence
class VolumeLimit:
    """One row of the table. `key` names what is counted together, '' when the limit does not apply to this send."""

    name: str
    sentence: Any
    setting: str
    period: int
    key: Callable[[Destination | None, Client], str]
    counts_money: bool = False
    is_personal: bool = False

    @property
    def reason(self) -> str:
        """What the audit calls a refusal by this limit."""
        return self.name

    def get_bucket(self, destination: Destination | None, client: Client, channel: str) -> Bucket | None:
        if not (key := self.key(destination, client)):
            return None
        limit, weight = getattr(settings, self.setting), 1
        if self.counts_money:
            weight = to_units(get_price(channel, destination.country if destination else ""))
            limit = to_units(limit)
        # Addresses of people are personal: the store of counters gets a keyed hash of them.
        counted = hash_address(key, settings.OTP_HASH_KEYS[0])[:32] if self.is_personal else key
        return Bucket(f"{self.name}:{counted}", limit, self.period, weight)


BUDGET = VolumeLimit(
    "budget",
    _("No more codes can be sent today. Try again later."),
    "OTP_DAILY_BUDGET",
    DAY,
    lambda destination, client: "site",
    counts_money=True,
)
NOTHING = Bucket("nothing", 0, DAY, 0)
SEND_LIMITS = (
    VolumeLimit(
        "address",
        _("Too many codes were asked for from your network. Wait, then try again."),
        "OTP_MAX_SENDS_PER_ADDRESS_PER_HOUR",
        HOUR,
        lambda destination, client: client.network,
        is_personal=True,
    ),
    VolumeLimit(
        "prefix",
        _("Too many codes were sent to numbers like this one. Wait, then try again."),
        "OTP_MAX_SENDS_PER_PREFIX_PER_HOUR",
        HOUR,
        lambda destination, client: destination.prefix if destination else "",
        is_personal=True,
    ),
    VolumeLimit(
        "country",
        _("Too many codes were sent to numbers in this country. Wait, then try again."),
        "OTP_MAX_SENDS_PER_COUNTRY_PER_HOUR",
        HOUR,
        lambda destination, client: destination.country if destination else "",
    ),
    VolumeLimit(
        "site",
        _("Too many codes are being asked for. Wait, then try again."),
        "OTP_MAX_SENDS_PER_HOUR",
        HOUR,
        lambda destination, client: "site",
    ),
    BUDGET,
)
# SECURITY: none of a person or network: what tells an owner of a takeover must not be used up by whoever does it.
NOTICE_LIMITS = tuple(limit for limit in SEND_LIMITS if limit.name in {"site", "budget"})
CHECK_LIMITS = (
    VolumeLimit(
        "check_address",
        _("Too many codes were tried from your network. Wait, then try again."),
        "OTP_MAX_CHECKS_PER_ADDRESS_PER_HOUR",
        HOUR,
        lambda destination, client: client.network,
        is_personal=True,
    ),
)


def raise_if_destination_is_over_limit(destination: Destination, purpose: str) -> None:
    """Hold one destination to its share by minute, hour and day, over all channels, surfaces and purposes of a group.

    Simultaneous sends for different purposes can each pass; for one purpose the row itself lets only one through.

    :raises TooManyAttempts: after too many wrong codes in an hour
    :raises TooManyRequests: after too many sends
    """
    counted = VerificationAttempt.objects.find_counted(destination, get_group(purpose))
    wait = _get_wait(
        [at for kind, at in counted if kind != Kind.SEND], HOUR, settings.OTP_MAX_WRONG_CODES_PER_DESTINATION_PER_HOUR
    )
    if wait:
        raise TooManyAttempts(retry_after=wait, reason="wrong_codes_per_destination")
    sends = [at for kind, at in counted if kind == Kind.SEND]
    for period, name in ((MINUTE, "minute"), (HOUR, "hour"), (DAY, "day")):
        wait = _get_wait(sends, period, getattr(settings, f"OTP_MAX_SENDS_PER_DESTINATION_PER_{name.upper()}"))
        if wait:
            raise TooManyRequests(
                _("Too many codes were sent there. Wait, then try again."),
                retry_after=wait,
                reason=f"destination_per_{name}",
            )


def take_number(destination: Destination, user_id: int) -> None:
    """Count a number that an account wants to change to, unless it asked for this one in the last 24 hours already.

    Whoever holds an account must not use it to have codes sent to one stranger after another.

    :raises TooManyRequests: when the account has asked for too many numbers
    :raises LimitsUnavailable: when it cannot be counted
    """
    asked = VerificationAttempt.objects.to(destination).within(timedelta(seconds=DAY))
    if asked.filter(user_id=user_id, purpose=Purpose.PHONE_CHANGE, verification__isnull=False).exists():
        return
    bucket = Bucket(f"numbers:{user_id}", settings.OTP_MAX_NUMBERS_PER_ACCOUNT_PER_DAY, DAY)
    if overflow := get_counters().take([bucket]):
        raise TooManyRequests(
            _("Too many numbers were tried for this account today. Try again tomorrow."),
            retry_after=overflow.retry_after,
            reason="numbers_per_account",
        )


def raise_if_number_had_accounts(destination: Destination) -> None:
    """Refuse a proven number that was put on too many accounts in 30 days: one phone must not vouch for a crowd.

    Only one account has a number at a time; this is about one after another. Said only to whoever holds the phone.

    :raises TooManyRequests: when it was
    """
    limit = settings.OTP_MAX_ACCOUNTS_PER_NUMBER_PER_MONTH
    redeemed = Verification.objects.to(destination).filter(
        purpose__in=[Purpose.REGISTRATION, Purpose.ANY_PUBLIC, Purpose.PHONE_CHANGE],
        redeemed_at__gt=timezone.now() - timedelta(seconds=MONTH),
    )
    times = list(redeemed.order_by("-redeemed_at").values_list("redeemed_at", flat=True)[: limit or 1])
    if wait := _get_wait([at for at in reversed(times) if at], MONTH, limit):
        raise TooManyRequests(
            _("That number was used for too many accounts lately. Use another number."),
            retry_after=wait,
            reason="accounts_per_number",
        )


def _get_wait(times: list[datetime], period: int, limit: int) -> int:
    """Give the seconds until there is room for one more, 0 where there is; `times` are those counted, oldest first."""
    began_at = timezone.now() - timedelta(seconds=period)
    recent = [at for at in times if at > began_at]
    if len(recent) < limit:
        return 0
    # With a limit of 0 there is nothing that could go out of the period.
    return max(1, get_seconds_until(recent[0] + timedelta(seconds=period))) if recent else period


@dataclass(frozen=True)
class Taken:
    """What one message was counted as. `exceeded` names the rules of the guard that it broke and that only record."""

    money: Bucket
    shares: tuple[Share, ...] = ()
    exceeded: str = ""


def take_send(destination: Destination, client: Client, channel: str, purpose: str) -> Taken:
    """Count one send against every volume limit, the budget and the pumping guard, or against none.

    :raises TooManyRequests: when one of them has no room
    :raises LimitsUnavailable: when they cannot be counted
    """
    return _take(SEND_LIMITS, destination, client, channel, guard.get_shares(destination, client, purpose))


def take_notice(destination: Destination, client: Client) -> Taken:
    """Count one notice by text message against the whole site's sends and the budget.

    :raises TooManyRequests: when one of them has no room
    :raises LimitsUnavailable: when they cannot be counted
    """
    return _take(NOTICE_LIMITS, destination, client, Channel.SMS)


def take_check(client: Client) -> None:
    """Count one check against the limits on guessing from one network.

    :raises TooManyRequests: when there is no room
    :raises LimitsUnavailable: when it cannot be counted
    """
    _take(CHECK_LIMITS, None, client, "")


def give_back(taken: Taken) -> None:
    """Give back the price of a message that did not go out, and its place with the guard: nothing is owed or awaited.

    Its place with the hourly limits stays taken. With the counters away all of it does: that errs on the safe side,
    and must not hide what really went wrong.
    """
    try:
        get_counters().give_back(taken.money, *(share.sent for share in taken.shares))
    except LimitsUnavailable:
        logger.warning("The price of a send that did not go out stays in the budget: counters are away.")


def get_budget_share() -> float:
    """Say how much of the daily budget is spent, 1 for all of it.

    :raises LimitsUnavailable: when the counters do not answer
    """
    budget = to_units(settings.OTP_DAILY_BUDGET)
    return get_counters().get_level(Bucket("budget:site", budget, DAY)) / budget if budget else 1.0


def reset_volume_counters() -> None:
    """Forget all volume counters. For the sandbox's reset; the ledger stays."""
    get_counters().reset()


def _take(
    limits: tuple[VolumeLimit, ...],
    destination: Destination | None,
    client: Client,
    channel: str,
    shares: dict[guard.GuardRule, Share] | None = None,
) -> Taken:
    rules = shares or {}
    buckets = {limit: bucket for limit in limits if (bucket := limit.get_bucket(destination, client, channel))}
    taking = get_counters().take_send(list(buckets.values()), list(rules.values()))
    if taking.overflow:
        refusing: list[VolumeLimit | guard.GuardRule] = [*buckets, *rules]
        limit = refusing[taking.overflow.index]
        raise TooManyRequests(limit.sentence, retry_after=taking.overflow.retry_after, reason=limit.reason)
    exceeded = [list(rules)[index] for index in taking.exceeded]
    counted = tuple(share for rule, share in rules.items() if rule not in exceeded)
    return Taken(buckets.get(BUDGET) or NOTHING, counted, ",".join(rule.name for rule in exceeded))
