"""What goes back to the caller, before either face puts it on its own kind of wire."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from otp.sandbox.errors import ApiError


@dataclass
class Reply:
    """One answer. Whoever delivers it waits `delay_seconds` first, with no transaction open."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    delay_seconds: float = 0.0


def json_reply(status: int, content: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Reply:
    return Reply(status, {"Content-Type": "application/json", **(headers or {})}, json.dumps(content).encode())


def error_reply(error: ApiError) -> Reply:
    return json_reply(error.status, error.as_json(), error.headers)


def empty_reply() -> Reply:
    return Reply(204)
