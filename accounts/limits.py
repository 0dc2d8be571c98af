"""How many failed sign-ins: by network and by account. The numbers are settings, documented in `.env.example`.

Counted in the shared counters before anything is looked up, so that parallel tries do not get through together and an
address without an account fares like one with.
"""

from collections.abc import Callable

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from otp.client import Client
from otp.destinations import fold_email, hash_address
from otp.exceptions import TooManyRequests
from otp.volume import Bucket, get_counters

HOUR = 3600
SENTENCES = {
    "login_address": _("Too many failed sign-ins from your network."),
    "login_account": _("Too many failed sign-ins with that email. You can wait, or reset the password."),
    "login_browser": _("Too many failed sign-ins with that email. You can wait, or reset the password."),
}


def take_sign_in(email: str, client: Client, find_browser: Callable[[], str]) -> list[Bucket]:
    """Count a sign-in as failed, against all limits or none; gives what `give_sign_in_back` needs.

    `find_browser` gives the key of a browser that this person is known to use, or ''. It is asked only once the
    account's limit is reached: strangers who guess at an account must not lock its owner out, so that browser has a
    limit of its own.

    :raises TooManyRequests: when one of them has no room
    :raises LimitsUnavailable: when they cannot be counted
    """
    network = _get_bucket("login_address", client.network, settings.LOGIN_MAX_FAILURES_PER_ADDRESS_PER_HOUR)
    limit = settings.LOGIN_MAX_FAILURES_PER_ACCOUNT_PER_HOUR
    buckets = [network, _get_bucket("login_account", fold_email(email), limit)]
    overflow = get_counters().take(buckets)
    if overflow and overflow.index == 1 and (key := find_browser()):
        buckets = [network, _get_bucket("login_browser", key, limit)]
        overflow = get_counters().take(buckets)
    if overflow:
        name = buckets[overflow.index].name.partition(":")[0]
        raise TooManyRequests(SENTENCES[name], retry_after=overflow.retry_after, reason=name)
    return buckets


def give_sign_in_back(buckets: list[Bucket]) -> None:
    """Uncount one sign-in that did not fail. What failed before it stays counted.

    :raises LimitsUnavailable: when they cannot be counted
    """
    get_counters().give_back(*buckets)


def take_note(error: TooManyRequests, email: str, client: Client) -> bool:
    """Tell whether this refusal is the first of its kind within an hour: the one to record. The others are the same.

    :raises LimitsUnavailable: when they cannot be counted
    """
    key = client.network if error.reason == "login_address" else fold_email(email)
    return get_counters().take([_get_bucket(f"{error.reason}_noted", key, 1)]) is None


def clear_sign_in(email: str, browser_keys: list[str]) -> None:
    """Forget the failures of an account, in all browsers: support unlocks it. Those of networks stay counted.

    :raises LimitsUnavailable: when they cannot be reached
    """
    names = [("login_account", fold_email(email)), ("login_account_noted", fold_email(email))]
    for name, key in [*names, *(("login_browser", key) for key in browser_keys)]:
        get_counters().clear(_get_bucket(name, key, 1))


def _get_bucket(name: str, key: str, limit: int) -> Bucket:
    # SECURITY: a keyed hash: people type passwords into the wrong field, and addresses are personal.
    return Bucket(f"{name}:{hash_address(key, settings.OTP_HASH_KEYS[0])[:32]}", limit, HOUR)
