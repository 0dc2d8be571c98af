"""What is counted, and for how long a full bucket makes one wait."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Bucket:
    """One counted thing: at most `limit` units of `weight` each within any `period` seconds."""

    name: str
    limit: int
    period: int
    weight: int = 1


@dataclass(frozen=True)
class Overflow:
    """The bucket that had no room, by its place in the list, and the seconds until it has."""

    index: int
    retry_after: int


class Counters(Protocol):
    def take(self, buckets: Sequence[Bucket]) -> Overflow | None: ...
    def give_back(self, bucket: Bucket) -> None: ...
    def reset(self) -> None: ...


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
