"""Counters over a sliding window, shared by all processes: Redis in production, this process's memory otherwise.

`take` counts a request in several buckets at once, all of them or none, in one round trip. The window slides: the last
whole period weighs in by the part of it that is still within reach, so a burst cannot be doubled at a period's edge.
Why this is ours and not django-ratelimit's: docs/decisions/0003-volume-counters.md.
"""

import math
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

import redis
from django.conf import settings

from otp.exceptions import LimitsUnavailable

KEY_PREFIX = "otp:volume:"
REDIS_TIMEOUT = 1.0


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


def get_counters() -> Counters:
    """Give the counters that `CACHE_URL` names."""
    return _get_counters(settings.CACHE_URL)


@cache
def _get_counters(url: str) -> Counters:
    return RedisCounters(url) if url.startswith(("redis://", "rediss://", "unix://")) else MemoryCounters()


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


class MemoryCounters:
    """For one process: development and tests. Production refuses to start with it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, int], int] = {}
        self._ends: dict[tuple[str, int], float] = {}

    def take(self, buckets: Sequence[Bucket]) -> Overflow | None:
        now = time.time()
        with self._lock:
            self._drop_ended(now)
            for index, bucket in enumerate(buckets):
                window = int(now // bucket.period)
                current = self._counts.get((bucket.name, window), 0)
                previous = self._counts.get((bucket.name, window - 1), 0)
                reach = 1 - (now % bucket.period) / bucket.period
                if previous * reach + current + bucket.weight > bucket.limit:
                    return Overflow(index, get_wait(bucket, previous, current, now))
            for bucket in buckets:
                key = (bucket.name, int(now // bucket.period))
                self._counts[key] = self._counts.get(key, 0) + bucket.weight
                self._ends[key] = now + 2 * bucket.period
        return None

    def give_back(self, bucket: Bucket) -> None:
        key = (bucket.name, int(time.time() // bucket.period))
        with self._lock:
            if key in self._counts:
                self._counts[key] = max(0, self._counts[key] - bucket.weight)

    def reset(self) -> None:
        with self._lock:
            self._counts.clear()
            self._ends.clear()

    def _drop_ended(self, now: float) -> None:
        if len(self._ends) < 10_000:
            return
        for key in [key for key, end in self._ends.items() if end < now]:
            del self._counts[key], self._ends[key]


class RedisCounters:
    """For any number of processes and hosts. One script does it all, so no two requests can both take the last place.

    :raises LimitsUnavailable: from every method, when Redis does not answer within a second
    """

    # SECURITY: every key is given its end in the same script that writes it: no counter can outlive its window.
    TAKE = """
    local now = tonumber(ARGV[1])
    local seen = {}
    for i = 1, #KEYS / 2 do
      local limit, period, weight = tonumber(ARGV[3*i-1]), tonumber(ARGV[3*i]), tonumber(ARGV[3*i+1])
      local current = tonumber(redis.call('GET', KEYS[2*i-1]) or '0')
      local previous = tonumber(redis.call('GET', KEYS[2*i]) or '0')
      local reach = 1 - (now % period) / period
      if previous * reach + current + weight > limit then return {i, previous, current} end
    end
    for i = 1, #KEYS / 2 do
      redis.call('INCRBY', KEYS[2*i-1], ARGV[3*i+1])
      redis.call('EXPIRE', KEYS[2*i-1], 2 * tonumber(ARGV[3*i]))
    end
    return {0}
    """
    GIVE_BACK = """
    if tonumber(redis.call('GET', KEYS[1]) or '0') >= tonumber(ARGV[1]) then
      redis.call('DECRBY', KEYS[1], ARGV[1])
    end
    """

    def __init__(self, url: str) -> None:
        self._redis = redis.Redis.from_url(
            url, socket_timeout=REDIS_TIMEOUT, socket_connect_timeout=REDIS_TIMEOUT, retry=None
        )
        self._take = self._redis.register_script(self.TAKE)
        self._give_back = self._redis.register_script(self.GIVE_BACK)

    def take(self, buckets: Sequence[Bucket]) -> Overflow | None:
        now = time.time()
        keys: list[str] = []
        arguments: list[Any] = [repr(now)]
        for bucket in buckets:
            window = int(now // bucket.period)
            keys += [f"{KEY_PREFIX}{bucket.name}:{window}", f"{KEY_PREFIX}{bucket.name}:{window - 1}"]
            arguments += [bucket.limit, bucket.period, bucket.weight]
        index, *counts = self._run(lambda: self._take(keys=keys, args=arguments))
        if not index:
            return None
        return Overflow(index - 1, get_wait(buckets[index - 1], counts[0], counts[1], now))

    def give_back(self, bucket: Bucket) -> None:
        window = int(time.time() // bucket.period)
        self._run(lambda: self._give_back(keys=[f"{KEY_PREFIX}{bucket.name}:{window}"], args=[bucket.weight]))

    def reset(self) -> None:
        def delete_all() -> None:
            if keys := list(self._redis.scan_iter(match=f"{KEY_PREFIX}*", count=1000)):
                self._redis.delete(*keys)

        self._run(delete_all)

    @staticmethod
    def _run(ask: Any) -> Any:
        try:
            return ask()
        except redis.RedisError:
            # SECURITY: without counters nothing may go out: fail closed.
            raise LimitsUnavailable from None
