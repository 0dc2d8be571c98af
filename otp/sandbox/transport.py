"""The in-process face: an adapter for `requests`, so that Twilio's own client needs no second server."""

import io
import time
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import unquote, urlsplit

import requests
from django.db import connection
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict
from urllib3 import HTTPResponse

from otp.sandbox.faults import ConnectionReset, Hang, ReplyDropped
from otp.sandbox.http import handle
from otp.sandbox.replies import Reply

MAX_HANG_SECONDS = 60.0

Timeout = float | tuple[float | None, float | None] | None


class SandboxAdapter(BaseAdapter):
    """Mount it on a session for the Verify host. Fails as a network does, with what `requests` itself raises."""

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Timeout = None,
        verify: bool | str = True,
        cert: bytes | str | tuple[bytes | str, bytes | str] | None = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        patience = read_timeout(timeout)
        address = urlsplit(request.url or "")
        try:
            reply = handle(
                request.method or "",
                unquote(address.path),
                address.query,
                request.headers,
                _body(request),
                f"{address.scheme}://{address.netloc}",
            )
        except ConnectionReset:
            raise requests.exceptions.ConnectionError("Connection reset by peer", request=request) from None
        except Hang:
            _wait(patience, patience, request)
            raise requests.exceptions.ReadTimeout("Read timed out", request=request) from None
        except ReplyDropped as fault:
            _wait(fault.delay_seconds, patience, request)
            raise requests.exceptions.ConnectionError("Connection aborted", request=request) from None
        _wait(reply.delay_seconds, patience, request)
        return _response(request, reply)

    def close(self) -> None:
        """Nothing is held open."""


def read_timeout(timeout: Timeout) -> float:
    """Take the read part of what `requests` calls a timeout; without one, a minute."""
    seconds = timeout[1] if isinstance(timeout, tuple) else timeout
    return MAX_HANG_SECONDS if seconds is None else seconds


def _body(request: requests.PreparedRequest) -> bytes:
    body = request.body or b""
    return body.encode() if isinstance(body, str) else bytes(body)


def _wait(seconds: float, patience: float, request: requests.PreparedRequest) -> None:
    """Let time pass for real, and give up where the caller would.

    :raises requests.exceptions.ReadTimeout: when the wait is longer than the caller's patience.
    """
    if seconds <= 0:
        return
    if not connection.in_atomic_block:
        # A pooled connection must not be held by somebody who only waits.
        connection.close()
    time.sleep(min(seconds, patience))
    if seconds > patience:
        raise requests.exceptions.ReadTimeout("Read timed out", request=request)


def _response(request: requests.PreparedRequest, reply: Reply) -> requests.Response:
    response = requests.Response()
    response.status_code = reply.status
    response.headers = CaseInsensitiveDict({**reply.headers, "Content-Length": str(len(reply.body))})
    response.reason = HTTPStatus(reply.status).phrase
    response.url = request.url or ""
    response.request = request
    response.encoding = requests.utils.get_encoding_from_headers(response.headers)
    response.raw = HTTPResponse(
        body=io.BytesIO(reply.body), headers=reply.headers, status=reply.status, preload_content=False
    )
    return response
