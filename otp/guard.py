"""The pumping guard: sends that nobody proves, held to a share of those that people did prove.

Whoever pumps has codes sent by the thousand and never types one in. So each country, each range of numbers and each
network may have only so many sends of a day unproven, and more of them the more people proved theirs there lately. Each
rule is a setting: `off`, `record` (note on the attempt what would have been refused) or `enforce`.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from otp.client import Client
from otp.destinations import hash_address
from otp.exceptions import LimitsUnavailable
from otp.purposes import Purpose
from otp.volume import Share, get_counters

logger = logging.getLogger(__name__)

OFF, RECORD, ENFORCE = MODES = ("off", "record", "enforce")
# SECURITY: these go to what their owner has proven already, so nobody can choose where; and no flood of strangers'
# sends may close the way in for owners.
UNGUARDED_PURPOSES = {Purpose.LOGIN, Purpose.STEP_UP, Purpose.TRANSACTION}


class Place(Protocol):
    """What a destination and a verification have in common."""

    @property
    def country(self) -> str: ...
    @property
    def prefix(self) -> str: ...


@dataclass(frozen=True, eq=False)  # each is itself alone: to compare all it holds would translate its sentence
class GuardRule:
    """One row of the table. `key` names what is counted together, '' when the rule does not apply.

    Its settings are `OTP_GUARD_<NAME>` (the mode) and `OTP_GUARD_<NAME>_FLOOR`. The sentence is that of the limit
    beside it: whoever tries it out from outside cannot tell the two apart.
    """

    name: str
    sentence: Any
    key: Callable[[Any, Client], str]
    is_personal: bool = False

    @property
    def reason(self) -> str:
        """What the audit calls a refusal by this rule."""
        return f"guard_{self.name}"

    @property
    def mode(self) -> str:
        mode: str = getattr(settings, f"OTP_GUARD_{self.name.upper()}")
        return mode

    def get_share(self, place: Place, client: Client) -> Share | None:
        if self.mode == OFF or not (key := self.key(place, client)):
            return None
        counted = hash_address(key, settings.OTP_HASH_KEYS[0])[:32] if self.is_personal else key
        return Share(
            name=f"{self.reason}:{counted}",
            floor=getattr(settings, f"OTP_GUARD_{self.name.upper()}_FLOOR"),
            day_share=settings.OTP_GUARD_DAY_SHARE,
            fortnight_share=settings.OTP_GUARD_FORTNIGHT_SHARE,
            enforces=self.mode == ENFORCE,
        )


RULES = (
    GuardRule(
        "address",
        _("Too many codes were asked for from your network. Wait, then try again."),
        lambda place, client: client.network,
        is_personal=True,
    ),
    GuardRule(
        "prefix",
        _("Too many codes were sent to numbers like this one. Wait, then try again."),
        lambda place, client: place.prefix,
        is_personal=True,
    ),
    GuardRule(
        "country",
        _("Too many codes were sent to numbers in this country. Wait, then try again."),
        lambda place, client: place.country,
    ),
)


def get_shares(place: Place, client: Client, purpose: str) -> dict[GuardRule, Share]:
    """Give what a send counts against: nothing where its owner has proven the destination already."""
    if purpose in UNGUARDED_PURPOSES:
        return {}
    return {rule: share for rule in RULES if (share := rule.get_share(place, client))}


def note_proven(place: Place, client: Client, *, purpose: str, sends: int) -> None:
    """Count the sends of a verification as proven. The network is that of whoever typed the code.

    With the counters away they stay unproven: that errs on the safe side, and the code was right all the same.
    """
    if not (shares := get_shares(place, client, purpose)):
        return
    try:
        get_counters().note_proven(list(shares.values()), sends)
    except LimitsUnavailable:
        logger.warning("A proven code is not known to the pumping guard: counters are away.")
