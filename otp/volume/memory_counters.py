"""Volume counters in the memory of one process."""

import threading
import time
from collections.abc import Sequence

from otp.volume.buckets import Bucket, Overflow, get_wait


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
