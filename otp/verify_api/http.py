"""The one way out: HTTP under the twilio SDK, with timeouts, a kept-alive pool, and the host that settings choose."""

import re
import threading
import time
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from twilio.http import HttpClient
from twilio.http.response import Response

CONNECT_TIMEOUT = 3.0
MAX_BODY_BYTES = 1024 * 1024
# One thread makes one call at a time: as many connections as a busy process has threads.
POOL_SIZE = 64
VERIFY_URL = "https://verify.twilio.com"


class VerifyHttpClient(HttpClient):
    """Speaks HTTP for the SDK.

    The SDK's own client has no default timeout, writes addresses with phone numbers to its log, and lets go of the
    answer's headers; `get_retry_after` gives the one of them that we need.
    """

    def __init__(self, verify_url: str, timeout: float) -> None:
        super().__init__(logger=None, is_async=False, timeout=timeout)
        self.base_url = VERIFY_URL if verify_url.startswith("sandbox:") else verify_url.rstrip("/")
        self.is_twilio = self.base_url == VERIFY_URL
        # A stand-in speaks for all of Twilio; an https:// host is a way to Verify alone.
        self.hosts = ("verify.", "api.") if self.base_url.startswith("http://") else ("verify.",)
        self.session = requests.Session()
        # Proxies of the environment are for the way to Twilio, never for a stand-in on this machine.
        self.session.trust_env = verify_url == VERIFY_URL
        self.session.mount("https://", HTTPAdapter(pool_connections=4, pool_maxsize=POOL_SIZE, max_retries=0))
        self.session.mount("http://", HTTPAdapter(pool_connections=4, pool_maxsize=POOL_SIZE, max_retries=0))
        if verify_url.startswith("sandbox:"):
            from otp.sandbox.transport import SandboxAdapter

            self.session.mount("https://", SandboxAdapter())
        self._last = threading.local()

    def request(
        self,
        method: str,
        url: str,
        params: dict[str, object] | None = None,
        data: dict[str, object] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        """Make one call.

        :raises requests.RequestException: when no answer came, or none that could be read in time
        """
        self._last.retry_after = None
        seconds: float = timeout or self.timeout
        deadline = time.monotonic() + seconds
        with self.session.request(
            method,
            self.point(url),
            params=params,  # type: ignore[arg-type]  # the SDK's own loose types
            data=data,
            headers=headers,
            auth=auth,
            timeout=(min(CONNECT_TIMEOUT, seconds), seconds),
            # SECURITY: a redirect would carry the account's token to wherever it points.
            allow_redirects=False,
            stream=True,
        ) as answer:
            body = _read_body(answer, deadline)
            self._last.retry_after = answer.headers.get("Retry-After")
            return Response(answer.status_code, body.decode("utf-8", "replace"), answer.headers)

    def point(self, url: str) -> str:
        """Point an address at the configured host: those of Verify, and with a stand-in those of Messaging too.

        Runs after the SDK has put edge and region into it.
        """
        parts = urlsplit(url)
        host = parts.hostname or ""
        if self.is_twilio or not (host.startswith(self.hosts) and host.endswith(".twilio.com")):
            return url
        return self.base_url + parts.path + (f"?{parts.query}" if parts.query else "")

    def get_retry_after(self) -> int | None:
        """Give the whole seconds that this thread's last answer asked us to wait, if it did."""
        value = getattr(self._last, "retry_after", None)
        return max(1, int(value)) if value and re.fullmatch(r"[0-9]{1,6}", value) else None


def _read_body(answer: requests.Response, deadline: float) -> bytes:
    """Read an answer within its bounds: a drip of bytes must not hold a worker past the timeout."""
    body = bytearray()
    for chunk in answer.iter_content(16 * 1024):
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise requests.exceptions.ContentDecodingError("The answer is too long.")
        if time.monotonic() > deadline:
            raise requests.exceptions.ReadTimeout("The answer came too slowly.")
    return bytes(body)


def get_last_error_was_sent(error: Any) -> bool:
    """Tell whether a failed call may have reached the other side."""
    return not isinstance(error, requests.exceptions.ConnectTimeout) and not _is_refused(error)


def _is_refused(error: Any) -> bool:
    # requests has no class of its own for "nobody listens there"; urllib3's lies inside.
    reason = getattr(error.args[0], "reason", None) if getattr(error, "args", None) else None
    return type(reason).__name__ in {"NewConnectionError", "NameResolutionError"}
