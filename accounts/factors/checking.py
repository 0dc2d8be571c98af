"""Checking a code of any factor: take a try of the person's budget, compare, and settle. For all callers."""

from collections.abc import Callable
from typing import Any

from django.views.decorators.debug import sensitive_variables
from django_otp.models import Device

from accounts import mail
from accounts.exceptions import FactorsBlocked, FactorsDisabled, PasskeyCopied
from accounts.factors import backup_codes, passkey, phone, totp
from accounts.factors.methods import Method, count_backup_codes
from accounts.models import FactorBudget, SecurityEvent
from accounts.models.event import EventKind
from otp.client import Client
from otp.exceptions import ChannelUnavailable, IncorrectCode, OtpError
from otp.models.lifecycle import get_seconds_until


@sensitive_variables("code")
def check(
    user: Any,
    method: str,
    code: str,
    *,
    allowed: list[str],
    purpose: str,
    flow: str,
    channel: str = "",
    client: Client,
    is_known_browser: Callable[[], bool] = lambda: True,
) -> Device | None:
    """Check a code; gives the device that proved the person, or None for a phone that is none yet.

    Failures are counted over all factors together, before anything is compared: of fifty simultaneous wrong codes five
    are looked at. What compared nothing (an outage, a code that ran out) is given back. A passkey cannot be guessed:
    wrong ones count, but a block does not stop it. `code` is then the browser's answer, as JSON. `is_known_browser` is
    asked only where the code is wrong.

    :raises ChannelUnavailable: the person may not use this method here
    :raises IncorrectCode: wrong, or used before; `attempts_left` counts down to the next block
    :raises FactorsBlocked: five wrong codes in a row; each block is longer than the last
    :raises FactorsDisabled: a hundred wrong codes in a row
    :raises OtpError: for a phone, see `services.verify_otp`
    """
    if method not in allowed:
        raise ChannelUnavailable
    is_counted = _take(user, method)
    try:
        device = _compare(user, method, code, purpose=purpose, flow=flow, channel=channel, client=client)
    except IncorrectCode as error:
        settle_failure(user, method, client, error, is_counted=is_counted, is_known_browser=is_known_browser)
        raise
    except Exception:
        if is_counted:
            FactorBudget.give_back(user)
        raise
    if is_counted:
        FactorBudget.clear(user)  # a block outlasts a passkey: it keeps those out who guess codes
    if method == Method.BACKUP_CODE:
        SecurityEvent.record(EventKind.BACKUP_CODE_USED, user, client)
        mail.send_backup_code_used(user, count_backup_codes(user), client)
    return device


def raise_if_blocked(budget: FactorBudget) -> None:
    """Refuse while a person's codes are blocked.

    :raises FactorsBlocked: `retry_after` says until when
    :raises FactorsDisabled: until support or a new factor ends it
    """
    if budget.is_disabled:
        raise FactorsDisabled
    if budget.blocked_until and budget.is_blocked:
        raise FactorsBlocked(retry_after=get_seconds_until(budget.blocked_until))


def settle_failure(
    user: Any,
    method: str,
    client: Client,
    error: OtpError,
    *,
    is_known_browser: Callable[[], bool],
    is_counted: bool = True,
) -> None:
    """Record a wrong code, tell the person when it looks like a stranger, and say how many tries are left.

    :raises FactorsBlocked: when it was the last one of the row
    """
    detail = f"{Method(method).label}: {error.reason}" if error.reason else Method(method).label
    SecurityEvent.record(EventKind.FACTOR_FAILED, user, client, detail=detail)
    budget = FactorBudget.find(user)
    is_first_from_stranger = budget.failures == 1 and not is_known_browser()
    if (budget.is_blocked and is_counted) or is_first_from_stranger or isinstance(error, PasskeyCopied):
        mail.send_second_factor_failed(user, client)
    if not is_counted:
        return
    if not budget.is_blocked:
        error.attempts_left = min(
            budget.tries_left, budget.tries_left if error.attempts_left is None else error.attempts_left
        )
        return
    SecurityEvent.record(EventKind.FACTOR_BLOCKED, user, client)
    raise FactorsBlocked(retry_after=get_seconds_until(budget.blocked_until)) from None  # type: ignore[arg-type]


def _take(user: Any, method: str) -> bool:
    """Count a try as failed. False for a passkey while codes are blocked: it goes on, uncounted.

    :raises FactorsBlocked, FactorsDisabled: see `check`
    """
    is_taken = FactorBudget.take(user)
    if not is_taken and method != Method.PASSKEY:
        raise_if_blocked(FactorBudget.find(user))
        raise FactorsBlocked(retry_after=1)  # a parallel try was faster, and is over already
    return is_taken


@sensitive_variables("code")
def _compare(
    user: Any, method: str, code: str, *, purpose: str, flow: str, channel: str, client: Client
) -> Device | None:
    if method == Method.PASSKEY:
        return passkey.check(user, code, purpose=purpose, flow=flow)
    if method == Method.TOTP:
        return totp.check(user, code)
    if method == Method.BACKUP_CODE:
        return backup_codes.check(user, code)
    if method != Method.OTP:
        raise ChannelUnavailable  # a passkey is no code
    return phone.check(user, code, purpose=purpose, flow=flow, channel=channel, client=client)
