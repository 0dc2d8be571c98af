"""Attempts as CSV: a row at a time, and harmless to the spreadsheet that opens it."""

import csv
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from otp.models import VerificationAttempt

COLUMNS = (
    "id",
    "created_at",
    "kind",
    "outcome",
    "reason",
    "guard",
    "purpose",
    "channel",
    "destination_masked",
    "country",
    "user_id",
    "client_address",
    "user_agent",
    "verification_id",
    "verification_sid",
    "attempt_sid",
    "provider_code",
    "duration_ms",
    "cost",
    "request_id",
)
# What spreadsheets take for the beginning of a formula, in the wide form of East Asian keyboards too.
# https://owasp.org/www-community/attacks/CSV_Injection (2026-11)
BEGINS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠")


class _Echo:
    """A file that hands each line back instead of keeping it."""

    def write(self, line: str) -> str:
        return line


def write_csv(attempts: Iterable[VerificationAttempt]) -> Iterator[str]:
    """Write a header and a line for each attempt, every cell in quotes."""
    writer = csv.writer(_Echo(), quoting=csv.QUOTE_ALL)
    yield writer.writerow(COLUMNS)
    for attempt in attempts:
        yield writer.writerow([to_cell(getattr(attempt, name)) for name in COLUMNS])


def to_cell(value: Any) -> str:
    """Write one value so that no spreadsheet computes anything from it."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds")
    text = "" if value is None else str(value)
    # SECURITY: a user agent is what a stranger wants the finance department to open.
    return f"'{text}" if text.lstrip(" ").startswith(BEGINS_FORMULA) else text
