"""How lines are written to the log: one JSON object each, or in color for a person in development.

Used by `smartfin/settings.py` alone, and by whoever writes a line through `logging` or `structlog`.
"""

import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from structlog.typing import Processor

# SECURITY: the last resort. No line should hold any of these; exceptions of libraries do, and nobody can foresee which.
NUMBER = re.compile(r"(?:\+|%2B)[1-9](?:[ ().-]{0,2}[0-9]){6,14}", re.IGNORECASE)
EMAIL = re.compile(r"\b([A-Za-z0-9])[A-Za-z0-9._%+'-]*(@|%40)((?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,})")
CREDENTIAL = re.compile(r"\b(bearer|basic|token)(\s+)[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE)
USERINFO = re.compile(r"(://)[^/\s@]+@")
# All that a terminal or a reader of lines could take for more than text.
CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")


def mask(text: str) -> str:
    """Take whole numbers, addresses and credentials out of a text, whoever put them there."""
    text = CREDENTIAL.sub(r"\1\2•••", text)
    text = USERINFO.sub(r"\1•••@", text)
    text = EMAIL.sub(r"\1•••\2\3", text)
    return NUMBER.sub(lambda found: f"{found[0][:2]}•••{found[0][-4:]}", text)


def mask_all(logger: Any, name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Mask every value of a line, the traceback included."""
    return {key: _mask_value(value) for key, value in event.items()}


def escape_controls(logger: Any, name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Write control characters as `\\x1b`, so that what a client sent can neither end a line nor color a terminal.

    JSON does so by itself; a traceback keeps its lines.
    """
    return {
        key: CONTROLS.sub(lambda found: repr(found[0])[1:-1], value)
        if isinstance(value, str) and key != "exception"
        else value
        for key, value in event.items()
    }


def configure(*, is_json: bool) -> dict[str, Any]:
    """Set structlog up, and give what `LOGGING` must be for the lines of all other libraries to look the same."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    finish: list[Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        # SECURITY: without the local variables of each frame: those hold codes and passwords.
        structlog.processors.format_exc_info,
        mask_all,
    ]
    if is_json:
        finish += [structlog.processors.JSONRenderer()]
    else:
        finish += [
            escape_controls,
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            ),
        ]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": finish,
                "foreign_pre_chain": shared,
            }
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["console"], "level": "WARNING"},
        "loggers": {
            "otp": {"level": "INFO"},
            "accounts": {"level": "INFO"},
            "smartfin": {"level": "INFO"},
            "django_structlog": {"level": "INFO"},
            # Django's own handlers would write each line a second time.
            "django": {"handlers": [], "level": "INFO"},
            # What it says of answers is in `request_finished` and `request_failed`, without what was in the address.
            "django.request": {"level": "CRITICAL"},
            # SECURITY: these write the addresses they call, and a Verify address can hold a phone number.
            "urllib3": {"level": "WARNING"},
            "twilio": {"level": "WARNING"},
        },
    }


def _mask_value(value: Any) -> Any:
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, dict):
        return {key: _mask_value(part) for key, part in value.items()}
    if isinstance(value, list | tuple | set):
        return [_mask_value(part) for part in value]
    return value if isinstance(value, int | float | bool | None) else mask(str(value))
