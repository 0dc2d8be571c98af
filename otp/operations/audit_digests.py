"""The keyed digests of the audit chain: what they take in, under which key. See docs/decisions/0011-audit-chain.md."""

import hashlib
import hmac
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

from django.conf import settings

from otp.models import AuditBlock

# What the digest of an attempt takes in, by version. One that has sealed rows anywhere never changes: add another.
ROW_FIELDS: dict[int, tuple[str, ...]] = {
    1: (
        "id",
        "created_at",
        "kind",
        "outcome",
        "purpose",
        "channel",
        "verification_id",
        "user_id",
        "destination_hash",
        "destination_masked",
        "country",
        "prefix",
        "client_address",
        "user_agent",
        "reason",
        "verification_sid",
        "attempt_sid",
        "provider_code",
        "duration_ms",
        "cost",
    ),
}
ROW_FIELDS[2] = (*ROW_FIELDS[1], "guard", "request_id")
ROW_FIELDS[3] = (*ROW_FIELDS[2], "approval_id")
ROW_VERSION = max(ROW_FIELDS)
# Fields of an attempt that may change after it was settled, and so are in no digest. What Twilio tells later (price,
# delivery) is in a table of its own.
UNSEALED_FIELDS: frozenset[str] = frozenset()
BLOCK_FIELDS = (
    "number",
    "kind",
    "created_at",
    "row_count",
    "members",
    "newest_at",
    "floor_id",
    "pruned_through",
    "row_version",
    "key_id",
    "root",
)


def get_key_id(key: str) -> str:
    """Name a key without telling it: 12 hexadecimal digits."""
    return _digest(key, "otp.audit.key", []).hex()[:12]


def get_keys_by_id() -> dict[str, str]:
    return {get_key_id(key): key for key in settings.OTP_AUDIT_KEYS}


def digest_row(key: str, version: int, values: Sequence[Any]) -> bytes:
    """Digest one attempt; `values` are those of `ROW_FIELDS[version]`, in that order."""
    return _digest(key, f"otp.audit.row.{version}", values)


def digest_seals(key: str, digests: Iterable[bytes]) -> str:
    """Digest the seals of a block, in the order of their attempts' ids."""
    return hmac.digest(key.encode(), b"otp.audit.root" + b"".join(digests), hashlib.sha256).hex()


def digest_block(key: str, previous: str, block: AuditBlock) -> str:
    """Digest a block together with the digest of the one before, '' before the first."""
    return _digest(key, "otp.audit.block", [previous, *(getattr(block, name) for name in BLOCK_FIELDS)]).hex()


def write_ranges(ids: Sequence[int]) -> str:
    """Write ascending ids briefly: `1-1000,1002`."""
    if not ids:
        return ""
    breaks = [0, *(place for place, (a, b) in enumerate(pairwise(ids), 1) if b != a + 1), len(ids)]
    spans = ((ids[start], ids[end - 1]) for start, end in pairwise(breaks))
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in spans)


def read_ranges(text: str) -> list[int]:
    ids: list[int] = []
    for span in filter(None, text.split(",")):
        first, _, last = span.partition("-")
        ids.extend(range(int(first), int(last or first) + 1))
    return ids


def has_member(text: str, pk: int) -> bool:
    """Tell whether an id is in ranges, without making all of them out."""
    return any(
        int(first) <= pk <= int(last or first)
        for first, _, last in (span.partition("-") for span in filter(None, text.split(",")))
    )


def read_last(text: str) -> int:
    """Read the highest id of ranges, without making all of them out."""
    return int(text.rpartition(",")[2].rpartition("-")[2])


def _digest(key: str, label: str, values: Sequence[Any]) -> bytes:
    # SECURITY: the label keeps digests of one sort from passing for another, JSON keeps fields from running together.
    body = json.dumps([label, *map(_plain, values)], separators=(",", ":"))
    return hmac.digest(key.encode(), body.encode(), hashlib.sha256)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, Decimal):
        return f"{value:.5f}"
    return value if value is None or isinstance(value, int | str) else str(value)
