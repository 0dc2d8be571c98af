"""Threads that start together: what a race needs."""

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from django.db import connections

DEADLINE_SECONDS = 120


def run_together(functions: Sequence[Callable[[], Any]]) -> list[Any]:
    """Run each function in a thread of its own, all let go at once; give what each returned or raised, in order.

    Each thread closes its database connections in the end.
    """
    barrier = threading.Barrier(len(functions))
    results: list[Any] = [None] * len(functions)

    def run(index: int) -> None:
        try:
            barrier.wait(DEADLINE_SECONDS)
            results[index] = functions[index]()
        except Exception as error:  # noqa: BLE001  for the test to look at
            results[index] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(functions))]
    with _quick_turns():
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE_SECONDS)
    assert not any(thread.is_alive() for thread in threads), "A thread did not end."
    return results


def run_copies(count: int, function: Callable[[int], Any]) -> list[Any]:
    """Run `function(index)` in this many threads at once."""
    return run_together([partial(function, index) for index in range(count)])


@contextmanager
def _quick_turns() -> Iterator[None]:
    """Let Python's threads take turns far more often, so that they meet in the middle of what they do."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)
