"""A record of the calls that arrived, so that a test can ask what was sent."""

from typing import Any

from django.db.models import QuerySet

from otp.sandbox.calls import read_pairs
from otp.sandbox.clock import in_z, now
from otp.sandbox.control import State
from otp.sandbox.errors import ApiError
from otp.sandbox.models import ReceivedCall

KEPT = 1000
LONGEST_BODY = 8192


def keep_call(method: str, path: str, query: str, body: bytes, *, status: int, state: State) -> None:
    """Keep a call without its credentials; of many, the newest thousand or so."""
    row = ReceivedCall.objects.create(
        method=method[:10],
        path=_plain(path)[:255],
        params=_params(query, body),
        status=status,
        fault=state.fault,
        received_at=now(state),
    )
    if row.pk % 100 == 0:
        ReceivedCall.objects.filter(pk__lte=row.pk - KEPT).delete()


def received(path: str) -> QuerySet[ReceivedCall]:
    """Calls whose path ends like this, newest first."""
    return ReceivedCall.objects.filter(path__endswith=_plain(path)).order_by("-pk")


def as_json(row: ReceivedCall) -> dict[str, Any]:
    return {
        "method": row.method,
        "path": row.path,
        "params": row.params,
        "status": row.status or None,
        "fault": row.fault or None,
        "received_at": in_z(row.received_at),
    }


def _params(query: str, body: bytes) -> dict[str, str]:
    try:
        pairs = {**read_pairs(query), **read_pairs(body[:LONGEST_BODY].decode("utf-8", "replace"))}
    except ApiError:
        return {}
    return {_plain(name): _plain(value) for name, value in pairs.items()}


def _plain(text: str) -> str:
    # PostgreSQL takes no NUL.
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}")
