"""Twilio's lists: records under a key, and a `meta` with absolute addresses."""

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlencode

from django.db.models import Model, QuerySet

from otp.sandbox.calls import Call
from otp.sandbox.errors import InvalidParameter
from otp.sandbox.replies import Reply, json_reply
from otp.sandbox.sids import is_sid

PAGE_SIZE = 50
MAX_PAGE_SIZE = 1000

Row = TypeVar("Row", bound=Model)


def page_reply(
    call: Call, key: str, rows: QuerySet[Row], prefix: str, render: Callable[[Row], dict[str, Any]]
) -> Reply:
    """Answer one page, newest first. A page goes on from the record its token names, so new records move nothing."""
    size = call.number("PageSize", 1, MAX_PAGE_SIZE, default=PAGE_SIZE)
    page = call.number("Page", 0, 10**8, default=0)
    found, has_previous, has_next = _cut(call, rows, prefix, size)
    previous_token = f"PB{_sid(found[0])}" if has_previous and found else None
    next_token = f"PA{_sid(found[-1])}" if has_next else None
    meta = {
        "page": page,
        "page_size": size,
        "first_page_url": _url(call, size, 0),
        "previous_page_url": _url(call, size, max(page - 1, 0), previous_token) if previous_token else None,
        "url": _url(call, size, page, call.text("PageToken") or None),
        "next_page_url": _url(call, size, page + 1, next_token) if next_token else None,
        "key": key,
    }
    return json_reply(200, {key: [render(row) for row in found], "meta": meta})


def _cut(call: Call, rows: QuerySet[Row], prefix: str, size: int) -> tuple[list[Row], bool, bool]:
    """Find the rows of the page, and whether there are any before and after it."""
    token = call.text("PageToken")
    if not token:
        found = list(rows.order_by("-pk")[: size + 1])
        return found[:size], False, len(found) > size
    direction, sid = token[:2], token[2:]
    if direction not in {"PA", "PB"} or not is_sid(prefix, sid):
        raise InvalidParameter("PageToken")
    # Looked up without the filters: a record may have left the list since its page was made.
    start = rows.model._default_manager.filter(sid=sid).values_list("pk", flat=True).first()
    if start is None:
        raise InvalidParameter("PageToken")
    if direction == "PA":
        found = list(rows.filter(pk__lt=start).order_by("-pk")[: size + 1])
        return found[:size], True, len(found) > size
    found = list(rows.filter(pk__gt=start).order_by("pk")[: size + 1])
    return found[:size][::-1], len(found) > size, True


def _sid(row: Model) -> str:
    return str(row.sid)  # type: ignore[attr-defined]


def _url(call: Call, size: int, page: int, token: str | None = None) -> str:
    filters = {name: value for name, value in call.params.items() if name not in {"PageSize", "Page", "PageToken"}}
    query = {**filters, "PageSize": size, "Page": page, **({"PageToken": token} if token else {})}
    return call.url(f"{call.path}?{urlencode(query)}")
