"""Volume counters in the memory of one process."""

import threading
import time
from collections.abc import Sequence

from otp.volume.buckets import Bucket, Overflow, Share, Taking, get_reach, get_wait


class MemoryCounters:
    """For one process: development and tests. Production refuses to start with it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, int], int] = {}
        self._ends: dict[tuple[str, int], float] = {}

    def take(self, buckets: Sequence[Bucket]) -> Overflow | None:
        return self.take_send(buckets, ()).overflow

    def take_send(self, buckets: Sequence[Bucket], shares: Sequence[Share]) -> Taking:
        now = time.time()
        with self._lock:
            self._drop_ended(now)
            if (overflow := self._find_full(buckets, now)) is not None:
                return Taking(overflow)
            broken = {
                index: overflow for index, share in enumerate(shares) if (overflow := self._find_excess(share, now))
            }
            for index, overflow in broken.items():
                if shares[index].enforces:
                    return Taking(Overflow(len(buckets) + index, overflow.retry_after))
            counted = [share.sent for index, share in enumerate(shares) if index not in broken]
            for bucket in [*buckets, *counted]:
                self._add(bucket, bucket.weight, now)
        return Taking(exceeded=tuple(broken))

    def give_back(self, *buckets: Bucket) -> None:
        now = time.time()
        with self._lock:
            for bucket in buckets:
                key = (bucket.name, int(now // bucket.period))
                if key in self._counts:
                    self._counts[key] = max(0, self._counts[key] - bucket.weight)

    def note_proven(self, shares: Sequence[Share], sends: int) -> None:
        now = time.time()
        with self._lock:
            for share in shares:
                self._add(share.proven, sends, now)
                self._add(share.proven_lately, sends, now)

    def get_level(self, bucket: Bucket) -> float:
        with self._lock:
            return self._slide(bucket, time.time())

    def clear(self, bucket: Bucket) -> None:
        window = int(time.time() // bucket.period)
        with self._lock:
            for key in ((bucket.name, window), (bucket.name, window - 1)):
                self._counts.pop(key, None)
                self._ends.pop(key, None)

    def reset(self) -> None:
        with self._lock:
            self._counts.clear()
            self._ends.clear()

    def _find_full(self, buckets: Sequence[Bucket], now: float) -> Overflow | None:
        for index, bucket in enumerate(buckets):
            if self._slide(bucket, now) + bucket.weight > bucket.limit:
                return Overflow(index, get_wait(bucket, *self._read(bucket, now), now))
        return None

    def _find_excess(self, share: Share, now: float) -> Overflow | None:
        allowance = share.get_allowance(self._slide(share.proven, now), self._slide(share.proven_lately, now))
        sent, proven = self._read(share.sent, now), self._read(share.proven, now)
        previous, current = sent[0] - proven[0], sent[1] - proven[1]
        if max(0.0, previous * get_reach(share.sent.period, now) + current) + 1 <= allowance:
            return None
        return Overflow(0, get_wait(Bucket(share.name, allowance, share.sent.period), previous, current, now))

    def _read(self, bucket: Bucket, now: float) -> tuple[int, int]:
        """Give the counts of the last whole period and of the one that runs."""
        window = int(now // bucket.period)
        return self._counts.get((bucket.name, window - 1), 0), self._counts.get((bucket.name, window), 0)

    def _slide(self, bucket: Bucket, now: float) -> float:
        previous, current = self._read(bucket, now)
        return previous * get_reach(bucket.period, now) + current

    def _add(self, bucket: Bucket, weight: int, now: float) -> None:
        key = (bucket.name, int(now // bucket.period))
        self._counts[key] = self._counts.get(key, 0) + weight
        self._ends[key] = now + 2 * bucket.period

    def _drop_ended(self, now: float) -> None:
        if len(self._ends) < 10_000:
            return
        for key in [key for key, end in self._ends.items() if end < now]:
            del self._counts[key], self._ends[key]
