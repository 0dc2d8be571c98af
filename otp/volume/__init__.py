"""Counters over a sliding window, shared by all processes: Redis in production, this process's memory otherwise.

`take` counts a request in several buckets at once, all of them or none, in one round trip. The window slides: the last
whole period weighs in by the part of it that is still within reach, so a burst cannot be doubled at a period's edge.
Why this is ours and not django-ratelimit's: docs/decisions/0003-volume-counters.md.
"""

from functools import cache

from django.conf import settings

from otp.volume.buckets import Bucket, Counters, Overflow, Share
from otp.volume.memory_counters import MemoryCounters

__all__ = ["Bucket", "Counters", "Overflow", "Share", "get_counters"]


def get_counters() -> Counters:
    """Give the counters that `CACHE_URL` names."""
    return _get_counters(settings.CACHE_URL)


@cache
def _get_counters(url: str) -> Counters:
    if url.startswith(("redis://", "rediss://", "unix://")):
        from otp.volume.redis_counters import RedisCounters  # a quarter of a second that development need not wait

        return RedisCounters(url)
    return MemoryCounters()
