"""Verify v2, and sending with Messaging, as a function: a request's parts in, a reply out. Both faces call `handle`."""

import logging
import re
from collections.abc import Callable, Mapping
from urllib.parse import urlencode

from django.db import DatabaseError

from otp.sandbox import (
    attempts,
    checks,
    credentials,
    faults,
    rate_limits,
    safe_list,
    sends,
    services,
    text_messages,
    verifications,
)
from otp.sandbox import message_templates as templates
from otp.sandbox.calls import Call, read_pairs
from otp.sandbox.clock import now
from otp.sandbox.control import State, read_state
from otp.sandbox.errors import ApiError
from otp.sandbox.received import keep_call
from otp.sandbox.replies import Reply, error_reply
from otp.sandbox.sids import new_sid

logger = logging.getLogger(__name__)

MAX_BODY = 1024 * 1024
FORM = "application/x-www-form-urlencoded"

SERVICE = "/v2/Services/(?P<service_sid>VA[0-9a-fA-F]{32})"
LIMIT = f"{SERVICE}/RateLimits/(?P<limit_sid>RK[0-9a-fA-F]{{32}})"
ROUTES: tuple[tuple[str, dict[str, Callable[..., Reply]]], ...] = (
    ("/v2/Services", {"GET": services.list_all, "POST": services.create}),
    (SERVICE, {"GET": services.fetch, "POST": services.update, "DELETE": services.delete}),
    (f"{SERVICE}/Verifications", {"POST": sends.create}),
    (f"{SERVICE}/Verifications/(?P<reference>[^/]+)", {"GET": verifications.fetch, "POST": verifications.update}),
    (f"{SERVICE}/VerificationCheck", {"POST": checks.create}),
    (f"{SERVICE}/RateLimits", {"GET": rate_limits.list_all, "POST": rate_limits.create}),
    (LIMIT, {"GET": rate_limits.fetch, "POST": rate_limits.update, "DELETE": rate_limits.delete}),
    (f"{LIMIT}/Buckets", {"GET": rate_limits.list_buckets, "POST": rate_limits.create_bucket}),
    (
        f"{LIMIT}/Buckets/(?P<bucket_sid>BL[0-9a-fA-F]{{32}})",
        {"GET": rate_limits.fetch_bucket, "POST": rate_limits.update_bucket, "DELETE": rate_limits.delete_bucket},
    ),
    ("/v2/Attempts", {"GET": attempts.list_all}),
    ("/v2/Attempts/Summary", {"GET": attempts.summarise}),
    ("/v2/Attempts/(?P<attempt_sid>VL[0-9a-fA-F]{32})", {"GET": attempts.fetch}),
    ("/v2/Templates", {"GET": templates.list_all}),
    ("/v2/SafeList/Numbers", {"POST": safe_list.create}),
    ("/v2/SafeList/Numbers/(?P<number>[^/]+)", {"GET": safe_list.fetch, "DELETE": safe_list.delete}),
    ("/2010-04-01/Accounts/(?P<account_sid>AC[0-9a-fA-F]{32})/Messages\\.json", {"POST": text_messages.create}),
)


def handle(
    method: str,
    path: str,
    query: str | Mapping[str, str],
    headers: Mapping[str, str],
    body: bytes,
    base_url: str,
) -> Reply:
    """Answer one call to Verify or Messaging. The caller delivers the reply after its `delay_seconds`, and no earlier.

    `path` begins with `/v2/` or `/2010-04-01/` and is already unescaped; `base_url` is what stands in front of it.

    :raises NetworkFault: when there is to be no reply at all; the subclass says in which way.
    """
    state = read_state()
    given = {name.lower(): value for name, value in headers.items()}
    query_text = query if isinstance(query, str) else urlencode(query)
    try:
        faults.raise_if_unreachable(state.fault)
        reply = faults.find_reply(state.fault) or _answer(state, method, path, query_text, given, body, base_url)
    except faults.NetworkFault:
        keep_call(method, path, query_text, body, status=0, state=state)
        raise
    keep_call(method, path, query_text, body, status=reply.status, state=state)
    reply.headers["Twilio-Request-Id"] = new_sid("RQ")
    reply.delay_seconds = state.latency_ms / 1000
    return faults.spoil(state.fault, reply)


def _answer(
    state: State, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes, base_url: str
) -> Reply:
    try:
        credentials.raise_if_unknown(headers.get("authorization", ""))
        handler, arguments = _route(method, path)
        params = _read_params(method, query, headers, body)
        call = Call(method, path, params, base_url, state, now(state))
        return handler(call, **arguments)
    except ApiError as error:
        return error_reply(error)
    except DatabaseError as error:
        # SECURITY: the message may hold a code or a number, so only its kind is logged.
        logger.error("The sandbox's database refused a call: %s", type(error).__name__)  # noqa: TRY400
        return error_reply(ApiError(20503))


def _route(method: str, path: str) -> tuple[Callable[..., Reply], dict[str, str]]:
    """Find what serves a path.

    :raises ApiError: 404/20404 for an unknown path, 405/20004 for a method it does not have.
    """
    for pattern, handlers in ROUTES:
        match = re.fullmatch(pattern, path)
        if match is None or "\x00" in path:
            continue
        if method not in handlers:
            raise ApiError(20004, headers={"Allow": ", ".join(handlers)})
        return handlers[method], match.groupdict()
    raise ApiError(20404, path=path)


def _read_params(method: str, query: str, headers: Mapping[str, str], body: bytes) -> dict[str, str]:
    if len(body) > MAX_BODY:
        raise ApiError(20001)
    if method != "POST":
        return read_pairs(query)
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if body and kind != FORM:
        raise ApiError(20415)
    return read_pairs(body.decode("utf-8", "replace"))
