"""A stand-in for Twilio on the wire: an HTTP server that records requests and answers as a test tells it.

The sandbox is the faithful one; this one is for what must be seen or said byte by byte.
"""

import json
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, unquote

from django.conf import settings


@dataclass
class Received:
    method: str
    path: str
    headers: dict[str, str]
    form: dict[str, str]
    peer: tuple[str, int]

    @property
    def is_send(self) -> bool:
        return self.method == "POST" and self.path.endswith("/Verifications")

    @property
    def is_notice(self) -> bool:
        return self.path.endswith("/Messages.json")

    @property
    def is_check(self) -> bool:
        return self.path.endswith("/VerificationCheck")


@dataclass
class Answer:
    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, status: int, body: Any, **headers: str) -> "Answer":
        return cls(status, json.dumps(body).encode(), {"Content-Type": "application/json", **headers})

    @classmethod
    def error(cls, status: int, code: int, message: str = "Said by Twilio", **headers: str) -> "Answer":
        more_info = f"https://www.twilio.com/docs/errors/{code}"
        return cls.of(status, {"code": code, "message": message, "more_info": more_info, "status": status}, **headers)


class TwilioDouble:
    """By default every send is accepted and the one right code is `code`."""

    def __init__(self) -> None:
        self.code = "123456"
        self.received: list[Received] = []
        self.sids: dict[tuple[str, str], str] = {}
        self.addresses: dict[str, str] = {}
        self.answer: Callable[[Received], Answer | None] = lambda received: None
        self.lock = threading.Lock()

    @property
    def sends(self) -> list[Received]:
        return [received for received in self.received if received.is_send]

    @property
    def checks(self) -> list[Received]:
        return [received for received in self.received if received.is_check]

    @property
    def cancels(self) -> list[Received]:
        return [received for received in self.received if received.form.get("Status") == "canceled"]

    def always(self, answer: Answer | None) -> None:
        self.answer = lambda received: answer

    def respond(self, received: Received) -> Answer:
        with self.lock:
            self.received.append(received)
            return self.answer(received) or self._respond_well(received)

    def _respond_well(self, received: Received) -> Answer:
        service_sid = received.path.split("/")[3]
        if received.is_notice:
            return Answer.of(201, {"sid": f"SM{secrets.token_hex(16)}", "status": "accepted"})
        if received.is_send:
            to = received.form["To"]
            sid = self.sids.setdefault((service_sid, to), f"VE{secrets.token_hex(16)}")
            self.addresses[sid] = to
            return Answer.of(201, self.describe(service_sid, sid, to, "pending", received.form["Channel"]))
        sid = received.form.get("VerificationSid") or unquote(received.path.split("/")[-1])
        sid = self.sids.get((service_sid, sid), sid)  # Twilio takes the destination in the path as well
        if sid not in self.addresses:
            return Answer.error(404, 20404)
        to = self.addresses[sid]
        if received.form.get("Status") == "canceled" or received.form.get("Code") == self.code:
            self.sids.pop((service_sid, to), None)
            status = "approved" if received.is_check else "canceled"
            return Answer.of(200, self.describe(service_sid, sid, to, status))
        return Answer.of(200, self.describe(service_sid, sid, to, "pending"))

    @staticmethod
    def describe(service_sid: str, sid: str, to: str, status: str, channel: str = "sms") -> dict[str, Any]:
        return {
            "sid": sid,
            "service_sid": service_sid,
            "account_sid": settings.TWILIO_ACCOUNT_SID,
            "to": to,
            "channel": channel,
            "status": status,
            "valid": status == "approved",
            "date_created": "2026-11-22T12:00:00Z",
            "date_updated": "2026-11-22T12:00:00Z",
        }

    def __enter__(self) -> Self:
        double = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                form = dict(parse_qsl(body.decode(), keep_blank_values=True))
                answer = double.respond(
                    Received(self.command, self.path, dict(self.headers), form, self.client_address)
                )
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            do_GET = do_POST  # noqa: N815  http.server's name for it

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *args: object) -> None:
        self.server.shutdown()
        self.server.server_close()
