"""Volume counters in Redis."""

import time
from collections.abc import Sequence
from typing import Any

import redis

from otp.exceptions import LimitsUnavailable
from otp.volume.buckets import Bucket, Overflow, get_wait

KEY_PREFIX = "otp:volume:"
REDIS_TIMEOUT = 1.0


class RedisCounters:
    """For any number of processes and hosts. One script does it all, so no two requests can both take the last place.

    :raises LimitsUnavailable: from every method, when Redis does not answer within two seconds
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
