"""The settings of a measurement, with a process that can be told to die. See `benchmarks.kill_points`."""

from benchmarks.site_settings import *  # noqa: F403
from benchmarks.site_settings import MIDDLEWARE as MEASURED

OTP_RESEND_WAITS = [1]
MIDDLEWARE = ["benchmarks.kill_points.StepMiddleware", *MEASURED]
