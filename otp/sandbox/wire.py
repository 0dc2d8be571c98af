"""The HTTP face: Verify under `/sandbox/twilio/`, for clients in any language, with faults on the real connection."""

import socket
import struct
import time
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from otp.sandbox.control import read_state
from otp.sandbox.faults import ConnectionReset, Hang, ReplyDropped
from otp.sandbox.http import MAX_BODY, handle
from otp.sandbox.replies import Reply

MAX_HANG_SECONDS = 60.0
LOOK_EVERY_SECONDS = 0.1


def answer_over_http(request: HttpRequest, path: str) -> HttpResponse:
    if (found := find_socket(request.META)) is not None and found.family != socket.AF_UNIX:
        # wsgiref writes head and body apart: unless told, the second waits some 40 ms for the first's receipt.
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        reply = _handle(request, path)
    except Hang:
        return _answer_after_hang(request, path)
    except ConnectionReset:
        return break_connection(request)
    except ReplyDropped as fault:
        _sleep(fault.delay_seconds)
        return break_connection(request)
    _sleep(reply.delay_seconds)
    response = HttpResponse(reply.body, status=reply.status, headers=reply.headers)
    # SECURITY: Django would write the path of a refused call to its log, and a path can hold a phone number.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def base_url(request: HttpRequest) -> str:
    """Name the address that stands in front of `/v2`, as the caller reached it."""
    return request.build_absolute_uri(reverse("sandbox:twilio", kwargs={"path": "v2"}).removesuffix("/v2"))


def break_connection(request: HttpRequest) -> HttpResponse:
    """Cut the caller's TCP connection; where no socket can be reached, promise more bytes than follow."""
    found = find_socket(request.META)
    if found is not None:
        # Without lingering, so that nothing still unsent goes out after all.
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        found.shutdown(socket.SHUT_RDWR)
    return HttpResponse(b"{", headers={"Content-Length": "1000"})


def find_socket(environ: dict[str, Any]) -> socket.socket | None:
    """Find the connection behind a WSGI request: gunicorn names it, wsgiref keeps it under its input."""
    found = environ.get("gunicorn.socket")
    if found is None:
        # Django limits the reader that wsgiref made of the socket, and keeps only its bound `read`.
        reader = getattr(getattr(environ.get("wsgi.input"), "_read", None), "__self__", None)
        found = getattr(getattr(reader, "raw", None), "_sock", None)
    return found if isinstance(found, socket.socket) else None


def _handle(request: HttpRequest, path: str) -> Reply:
    try:
        body = request.body
    except RequestDataTooBig:
        # More than `handle` takes, and no more than that is said.
        body = b"\x00" * (MAX_BODY + 1)
    return handle(
        request.method or "",
        f"/{path}",
        request.META.get("QUERY_STRING", ""),
        request.headers,
        body,
        base_url(request),
    )


def _answer_after_hang(request: HttpRequest, path: str) -> HttpResponse:
    """Say nothing until the fault is another one, and then serve the call; or cut the connection in the end."""
    gives_up_at = time.monotonic() + MAX_HANG_SECONDS
    while read_state().fault == "hang":
        if time.monotonic() >= gives_up_at:
            return break_connection(request)
        _sleep(LOOK_EVERY_SECONDS)
    return answer_over_http(request, path)


def _sleep(seconds: float) -> None:
    if seconds <= 0:
        return
    if not connection.in_atomic_block:
        # A pooled connection must not be held by somebody who only waits.
        connection.close()
    time.sleep(seconds)
