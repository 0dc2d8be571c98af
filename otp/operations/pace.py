"""Keeping to a number of requests a minute, and waiting where the other side asks for it."""

import time
from collections import deque
from collections.abc import Callable
from typing import TypeVar

from otp.exceptions import NotConfigured, ProviderBusy, ProviderMisbehaved, ProviderUnavailable

MINUTE = 60.0
MAX_TRIES = 5
MAX_WAIT = 90.0

Answer = TypeVar("Answer")


class Pace:
    """At most `per_minute` requests in any minute; one that was refused or lost is made again, five times in all.

    Only for requests that change nothing at the other side.
    """

    def __init__(
        self,
        per_minute: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.per_minute, self.clock, self.sleep = per_minute, clock, sleep
        self._asked: deque[float] = deque(maxlen=per_minute)

    def ask(self, question: Callable[[], Answer]) -> Answer:
        """Ask when it is time.

        :raises ProviderUnavailable: when it failed five times in a row
        :raises OtpError: any other refusal, at once
        """
        for tries in range(1, MAX_TRIES + 1):
            self._wait_for_turn()
            try:
                return question()
            except ProviderMisbehaved:
                raise
            except ProviderUnavailable as error:
                if tries == MAX_TRIES:
                    raise
                wait = error.retry_after or 1 if isinstance(error, ProviderBusy) else 2**tries
                self.sleep(min(float(wait), MAX_WAIT))
        raise NotConfigured  # pragma: no cover  the loop returns or raises

    def _wait_for_turn(self) -> None:
        if len(self._asked) == self.per_minute and (wait := self._asked[0] + MINUTE - self.clock()) > 0:
            self.sleep(wait)
        self._asked.append(self.clock())
