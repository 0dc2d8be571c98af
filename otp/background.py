"""Work that happens after the answer: mail, and sends whose need must not show in the time an answer takes.

A few threads of this process; what is running when it stops is finished first. Nothing here is needed for what was
answered to be true: a lost piece of work is a message that the person asks for again.
"""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from functools import cache
from typing import Any

from django.conf import settings
from django.db import connections, transaction

from otp.exceptions import OtpError

logger = logging.getLogger(__name__)

MAX_WAITING = 1000
# SECURITY: the answer leaves first. Without this the work would compete with it, and the time taken would tell whether
# there is any.
HEAD_START_SECONDS = 0.05

_places = threading.BoundedSemaphore(MAX_WAITING)


def run_after_answer(work: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
    """Run something once the open transaction, if any, is committed and the answer is on its way.

    With `OTP_BACKGROUND_THREADS = 0` it runs here, right after the commit; and so it does when a thousand pieces of
    work wait already: late is better than lost.
    """
    transaction.on_commit(lambda: _submit(work, *args, **kwargs))


def wait_until_done() -> None:
    """Wait for all work handed in so far. For commands that end, and for tests."""
    while _running:
        for future in list(_running):
            future.result()
            _running.discard(future)


_running: set[Future[None]] = set()


@cache
def _get_executor() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(settings.OTP_BACKGROUND_THREADS, thread_name_prefix="otp-background")


def _submit(work: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
    if not settings.OTP_BACKGROUND_THREADS or not _places.acquire(blocking=False):
        _run(work, *args, **kwargs)
        return
    due = time.monotonic() + HEAD_START_SECONDS

    def run() -> None:
        try:
            time.sleep(max(0.0, due - time.monotonic()))
            _run(work, *args, **kwargs)
        finally:
            connections.close_all()
            _places.release()

    # What it writes carries the id of the request that it belongs to.
    future = _get_executor().submit(copy_context().run, run)
    _running.add(future)
    future.add_done_callback(_running.discard)


def _run(work: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
    try:
        work(*args, **kwargs)
    except OtpError as error:
        logger.info("Background work %s ended with %s.", work.__name__, error.code)
    except Exception as error:  # noqa: BLE001  nobody is left to tell but the log
        # SECURITY: no arguments and no traceback: they hold numbers and addresses.
        logger.error("Background work %s failed: %s.", work.__name__, type(error).__name__)  # noqa: TRY400
