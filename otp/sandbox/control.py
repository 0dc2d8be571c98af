"""What a developer or a test sets: latency, one fault, the clock, and choices where Twilio's behaviour is disputed."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction

from otp.sandbox import reset
from otp.sandbox.faults import FAULTS
from otp.sandbox.models import Control

MAX_LATENCY_MS = 120_000
MAX_OFFSET = timedelta(days=3650)

# The first value of each is the default. Sources disagree, or nobody has published what Twilio does.
SWITCHES: dict[str, tuple[str, ...]] = {
    # A check after five wrong ones: 429/60202, or 404/20404 as if the verification were deleted.
    "after_max_checks": ("refuse", "gone"),
    # A send while a verification is out of checks: 429/60202, or a new verification.
    "create_after_max_checks": ("refuse", "renew"),
    # CustomCode where the service does not have it: 403/60204, or an ordinary code.
    "custom_code_disabled": ("refuse", "ignore"),
    # A Locale that no template has: 400/60200, or 404/20404.
    "unsupported_locale": ("invalid", "not_found"),
    # A second send while the first is still being answered: served, or 429/60212.
    "concurrent_sends": ("accept", "refuse"),
}


class InvalidControl(Exception):
    """The sentence that tells the caller what to change."""


@dataclass(frozen=True)
class State:
    """The control row as one call sees it."""

    latency_ms: int = 0
    fault: str = ""
    clock_offset_seconds: int = 0
    switches: tuple[tuple[str, str], ...] = ()

    def switch(self, name: str) -> str:
        return dict(self.switches).get(name, SWITCHES[name][0])

    def as_json(self) -> dict[str, Any]:
        return {
            "latency_ms": self.latency_ms,
            "fault": self.fault or None,
            "clock_offset_seconds": self.clock_offset_seconds,
            "switches": {name: self.switch(name) for name in SWITCHES},
        }


def read_state() -> State:
    row = Control.objects.filter(pk=1).first() or Control()
    return State(row.latency_ms, row.fault, row.clock_offset_seconds, tuple(sorted(row.switches.items())))


def change_state(change: Any) -> State:
    """Apply one change as a whole: the reset first, then everything else.

    :raises InvalidControl: for an unknown key or a value out of bounds; nothing is changed then.
    """
    _raise_if_invalid(change)
    if change.get("reset"):
        reset.empty_sandbox()
    with transaction.atomic():
        Control.objects.get_or_create(pk=1)
        row = Control.objects.select_for_update().get(pk=1)
        row.latency_ms = change.get("latency_ms", row.latency_ms)
        row.fault = (change["fault"] or "") if "fault" in change else row.fault
        row.clock_offset_seconds += change.get("advance_seconds", 0)
        row.switches = {**row.switches, **change.get("switches", {})}
        if row.clock_offset_seconds > MAX_OFFSET.total_seconds():
            raise InvalidControl(f"The clock may run at most {MAX_OFFSET.days} days ahead; reset it first.")
        row.save()
    if change.get("reset"):
        reset.reset_site_counters()
    return read_state()


def _raise_if_invalid(change: Any) -> None:
    if not isinstance(change, dict):
        raise InvalidControl("Send a JSON object.")
    for key, value in change.items():
        if key not in CHECKS:
            raise InvalidControl(f"Unknown key; the keys are {', '.join(CHECKS)}.")
        CHECKS[key](value)


def _check_whole_number(name: str, value: Any, largest: int) -> None:
    if type(value) is not int or not 0 <= value <= largest:
        raise InvalidControl(f"{name} must be a whole number from 0 to {largest}.")


def _check_fault(value: Any) -> None:
    if value is not None and (not isinstance(value, str) or value not in FAULTS):
        raise InvalidControl(f"Unknown fault; the faults are null, {', '.join(FAULTS)}.")


def _check_reset(value: Any) -> None:
    if type(value) is not bool:
        raise InvalidControl("reset must be true or false.")


def _check_switches(value: Any) -> None:
    if not isinstance(value, dict):
        raise InvalidControl("switches must be an object.")
    for name, choice in value.items():
        if name not in SWITCHES:
            raise InvalidControl(f"Unknown switch; the switches are {', '.join(SWITCHES)}.")
        if choice not in SWITCHES[name]:
            raise InvalidControl(f"{name} must be one of {', '.join(SWITCHES[name])}.")


CHECKS: dict[str, Any] = {
    "reset": _check_reset,
    "latency_ms": lambda value: _check_whole_number("latency_ms", value, MAX_LATENCY_MS),
    "fault": _check_fault,
    "advance_seconds": lambda value: _check_whole_number("advance_seconds", value, int(MAX_OFFSET.total_seconds())),
    "switches": _check_switches,
}
