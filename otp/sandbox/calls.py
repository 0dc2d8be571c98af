"""One API call as the resources see it, and readers for its parameters."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from otp.sandbox.control import State
from otp.sandbox.errors import ApiError, InvalidParameter

MAX_TEXT = 4096


@dataclass(frozen=True)
class Call:
    """`base_url` is the address the caller used, so that addresses in answers lead back the same way."""

    method: str
    path: str
    params: Mapping[str, str]
    base_url: str
    state: State
    now: datetime

    def url(self, path: str) -> str:
        return self.base_url + path

    def missing(self) -> ApiError:
        return ApiError(20404, path=self.path)

    def text(self, name: str, *, longest: int = MAX_TEXT, required: bool = False) -> str:
        """:raises InvalidParameter: when it is too long, or required and blank."""
        value = self.params.get(name, "")
        if len(value) > longest or "\x00" in value or (required and not value.strip()):
            raise InvalidParameter(name)
        return value

    def choice(self, name: str, choices: tuple[str, ...], *, required: bool = False) -> str:
        value = self.text(name, required=required)
        if value and value not in choices:
            raise InvalidParameter(name)
        return value

    def flag(self, name: str, default: bool) -> bool:
        """Read a switch; the SDKs write `true` and `false`, some in capitals."""
        value = self.choice(name, ("", "true", "false", "True", "False"))
        return value.lower() == "true" if value else default

    def number(self, name: str, smallest: int, largest: int, default: int | None = None) -> int:
        """:raises InvalidParameter: out of bounds, or absent with no default."""
        value = self.text(name)
        if not value and default is not None:
            return default
        if not re.fullmatch("[0-9]{1,9}", value) or not smallest <= int(value) <= largest:
            raise InvalidParameter(name)
        return int(value)

    def moment(self, name: str) -> datetime | None:
        """Read an ISO 8601 date or time, GMT where it names no zone."""
        value = self.text(name)
        if not value:
            return None
        try:
            found = datetime.fromisoformat(value)
            return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        except (ValueError, OverflowError):
            raise InvalidParameter(name) from None

    def json_object(self, name: str, *, most: int = 20, longest: int = 255) -> dict[str, str]:
        """Read a flat JSON object; numbers and booleans become text."""
        value = self.json_value(name, {})
        if not isinstance(value, dict) or len(value) > most:
            raise InvalidParameter(name)
        found = {key: item if isinstance(item, str) else json.dumps(item) for key, item in value.items()}
        if any(not _is_plain(part, longest) for pair in found.items() for part in pair):
            raise InvalidParameter(name)
        return found

    def json_value(self, name: str, default: Any) -> Any:
        value = self.text(name)
        if not value:
            return default
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            raise InvalidParameter(name) from None


def _is_plain(text: str, longest: int) -> bool:
    # A JSON escape can make a lone surrogate, which no database takes.
    return len(text) <= longest and "\x00" not in text and text.isprintable()


def read_pairs(text: str) -> dict[str, str]:
    """Read a form body or a query; of a repeated name the last value counts.

    :raises ApiError: 60200 for more fields than any call has.
    """
    try:
        return dict(parse_qsl(text, keep_blank_values=True, errors="replace", max_num_fields=200))
    except ValueError:
        raise ApiError(60200) from None
