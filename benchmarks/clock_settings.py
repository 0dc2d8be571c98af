"""The settings of a measurement, with limits that one person can reach, for a process that lives by a false clock."""

import select
import time
from typing import SupportsIndex

from benchmarks.false_clock import SENDS_PER_ADDRESS, SENDS_PER_DESTINATION
from benchmarks.site_settings import *  # noqa: F403


def _sleep(seconds: float | SupportsIndex) -> None:
    select.select([], [], [], float(seconds))


# Python sleeps until a moment of the monotonic clock, which libfaketime (0.9.10) moves however it is told not to.
time.sleep = _sleep

OTP_RESEND_WAITS = [1]
OTP_MAX_SENDS_PER_ADDRESS_PER_HOUR = SENDS_PER_ADDRESS
OTP_MAX_SENDS_PER_DESTINATION_PER_HOUR = SENDS_PER_DESTINATION
