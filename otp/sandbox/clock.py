"""The sandbox's own time, which `/sandbox/control` can move forward."""

from datetime import datetime, timedelta

from django.utils import timezone

from otp.sandbox.control import State, read_state


def now(state: State | None = None) -> datetime:
    offset = (state or read_state()).clock_offset_seconds
    return timezone.now() + timedelta(seconds=offset)


def in_z(moment: datetime) -> str:
    """Write a moment as Twilio does, to the second.

    Twilio: the Python SDK hands back text instead of a datetime for anything with a fraction.
    """
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
