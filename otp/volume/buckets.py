"""What is counted, and for how long a full bucket makes one wait."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

DAY = 24 * 3600
FORTNIGHT = 14 * DAY


@dataclass(frozen=True)
class Bucket:
    """One counted thing: at most `limit` units of `weight` each within any `period` seconds."""

    name: str
    limit: int
    period: int
    weight: int = 1


@dataclass(frozen=True)
class Share:
    """Sends of a day that nobody proved, held to a share of what was proven lately.

    At most the largest of `floor`, `day_share` times what was proven within 24 hours, and `fortnight_share` times the
    daily mean of what was proven within 14 days. One that does not enforce is only reported when it is exceeded.
    """

    name: str
    floor: int
    day_share: float
    fortnight_share: float
    enforces: bool

    @property
    def sent(self) -> Bucket:
        return Bucket(f"{self.name}:sent", self.floor, DAY)

    @property
    def proven(self) -> Bucket:
        return Bucket(f"{self.name}:proven", self.floor, DAY)

    @property
    def proven_lately(self) -> Bucket:
        return Bucket(f"{self.name}:proven-lately", self.floor, FORTNIGHT)

    def get_allowance(self, proven: float, proven_lately: float) -> int:
        """Say how many sends of a day may stand unproven."""
        return math.floor(max(self.floor, self.day_share * proven, self.fortnight_share * proven_lately / 14))


@dataclass(frozen=True)
class Overflow:
    """The bucket that had no room, by its place in the list, and the seconds until it has."""

    index: int
    retry_after: int


@dataclass(frozen=True)
class Taking:
    """What became of a send: refused by one (buckets come first, then shares), or counted.

    `exceeded` are the places of shares that it broke and that do not enforce: those did not count it, so that they
    stand where they would stand if they enforced.
    """

    overflow: Overflow | None = None
    exceeded: tuple[int, ...] = ()


class Counters(Protocol):
    def take(self, buckets: Sequence[Bucket]) -> Overflow | None: ...
    def take_send(self, buckets: Sequence[Bucket], shares: Sequence[Share]) -> Taking: ...
    def give_back(self, *buckets: Bucket) -> None: ...
    def note_proven(self, shares: Sequence[Share], sends: int) -> None: ...
    def get_level(self, bucket: Bucket) -> float: ...
    def clear(self, bucket: Bucket) -> None: ...
    def reset(self) -> None: ...


def get_reach(period: int, now: float) -> float:
    """Say how much of the last whole period is still within reach, from 1 down to 0."""
    return 1 - (now % period) / period


def get_wait(bucket: Bucket, previous: int, current: int, now: float) -> int:
    """Work out the seconds, at least one, until a bucket has room again."""
    into = now % bucket.period
    room = bucket.limit - bucket.weight
    if room < 0:  # never, as long as the limit stays what it is
        return bucket.period
    if current <= room:  # the last period is what stands in the way, and it is moving out
        wait = bucket.period * (1 - (room - current) / previous) - into if previous else 0.0
    else:  # this period is, once it has become the last one
        wait = bucket.period - into + bucket.period * (1 - room / current)
    return max(1, math.ceil(wait))
