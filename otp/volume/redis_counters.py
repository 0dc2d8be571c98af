"""Volume counters in Redis."""

import time
from collections.abc import Sequence
from typing import Any

import redis

from otp.exceptions import LimitsUnavailable
from otp.volume import scripts
from otp.volume.buckets import Bucket, Overflow, Share, Taking, get_reach, get_wait

KEY_PREFIX = "otp:volume:"
REDIS_TIMEOUT = 1.0


class RedisCounters:
    """For any number of processes and hosts. One script does it all, so no two requests can both take the last place.

    :raises LimitsUnavailable: from every method, when Redis does not answer within two seconds
    """

    def __init__(self, url: str) -> None:
        self._redis = redis.Redis.from_url(
            url, socket_timeout=REDIS_TIMEOUT, socket_connect_timeout=REDIS_TIMEOUT, retry=None
        )
        self._take = self._redis.register_script(scripts.TAKE)
        self._give_back = self._redis.register_script(scripts.GIVE_BACK)
        self._add = self._redis.register_script(scripts.ADD)

    def take(self, buckets: Sequence[Bucket]) -> Overflow | None:
        return self.take_send(buckets, ()).overflow

    def take_send(self, buckets: Sequence[Bucket], shares: Sequence[Share]) -> Taking:
        now = time.time()
        keys: list[str] = []
        arguments: list[Any] = [repr(now), len(buckets)]
        for bucket in buckets:
            keys += _get_keys(bucket, now)
            arguments += [bucket.limit, bucket.period, bucket.weight]
        for share in shares:
            keys += [
                *_get_keys(share.sent, now),
                *_get_keys(share.proven, now),
                *_get_keys(share.proven_lately, now),
            ]
            arguments += [share.floor, repr(share.day_share), repr(share.fortnight_share), int(share.enforces)]
        place, *rest = self._run(lambda: self._take(keys=keys, args=arguments))
        if not place:
            return Taking(exceeded=tuple(index - 1 for index in rest))
        previous, current, allowance = rest
        index = place - 1
        full = buckets[index] if index < len(buckets) else shares[index - len(buckets)].sent
        bucket = Bucket(full.name, allowance, full.period, full.weight)
        return Taking(Overflow(index, get_wait(bucket, previous, current, now)))

    def give_back(self, *buckets: Bucket) -> None:
        now = time.time()
        keys = [_get_keys(bucket, now)[0] for bucket in buckets]
        self._run(lambda: self._give_back(keys=keys, args=[bucket.weight for bucket in buckets]))

    def note_proven(self, shares: Sequence[Share], sends: int) -> None:
        now = time.time()
        counted = [bucket for share in shares for bucket in (share.proven, share.proven_lately)]
        keys = [_get_keys(bucket, now)[0] for bucket in counted]
        self._run(lambda: self._add(keys=keys, args=[sends, *(bucket.period for bucket in counted)]))

    def get_level(self, bucket: Bucket) -> float:
        now = time.time()
        current, previous = (int(value or 0) for value in self._run(lambda: self._redis.mget(_get_keys(bucket, now))))
        return previous * get_reach(bucket.period, now) + current

    def clear(self, bucket: Bucket) -> None:
        window = int(time.time() // bucket.period)
        keys = [f"{KEY_PREFIX}{bucket.name}:{number}" for number in (window, window - 1)]
        self._run(lambda: self._redis.delete(*keys))

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


def _get_keys(bucket: Bucket, now: float) -> list[str]:
    """Name the counts of the period that runs, and of the one before."""
    window = int(now // bucket.period)
    return [f"{KEY_PREFIX}{bucket.name}:{window}", f"{KEY_PREFIX}{bucket.name}:{window - 1}"]
