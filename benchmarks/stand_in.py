"""A stand-in for Twilio Verify that costs next to nothing, so that what is measured is the site.

`python -m benchmarks.stand_in PORT DELAY_MS`: every send is accepted, `123456` is every code, and each answer waits
for the delay. The faithful stand-in is the sandbox; this one keeps no rule but that a right code is right once, as at
Twilio. `GET /messages` gives every message that it accepted: where it went, and under which id; `GET /checks` every
check that it answered: of which id, and whether the code was right.
"""

import asyncio
import json
import sys
from typing import Any
from urllib.parse import parse_qs
from uuid import uuid4

CODE = "123456"


class Conversation(asyncio.Protocol):
    """One kept-alive connection of an HTTP client that waits for each answer before it asks again."""

    delay: float = 0.0
    destinations: dict[str, str] = {}
    messages: list[dict[str, str]] = []
    checks: list[dict[str, Any]] = []
    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.received = b""

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, found, body = self.received.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        headers = dict(line.lower().split(b": ", 1) for line in lines[1:] if b": " in line)
        length = int(headers.get(b"content-length", 0))
        if not found or len(body) < length:
            return
        self.received = b""
        path = lines[0].split()[1].decode()
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        asyncio.get_running_loop().call_later(self.delay, self.answer, path, form)

    def answer(self, path: str, form: dict[str, str]) -> None:
        if path in ("/messages", "/checks"):
            self.write(b"200 OK", self.messages if path == "/messages" else self.checks)
            return
        service_sid = path.split("/")[3]
        sid = form.get("VerificationSid") or path.rpartition("/")[2]
        status = "canceled"
        if path.endswith("/Verifications"):
            sid, status = f"VE{uuid4().hex}", "pending"
            self.destinations[sid] = form["To"]
            self.messages.append({"to": form["To"], "sid": sid})
        elif path.endswith("/VerificationCheck"):
            is_right = sid in self.destinations and form.get("Code") == CODE
            self.checks.append({"sid": sid, "is_right": is_right})
            if sid not in self.destinations:
                self.write(b"404 Not Found", {"code": 20404, "message": "", "more_info": "", "status": 404})
                return
            status = "approved" if is_right else "pending"
        to = self.destinations.pop(sid, "") if status == "approved" else self.destinations.get(sid, "")
        verification = {
            "sid": sid,
            "service_sid": service_sid,
            "to": to,
            "channel": form.get("Channel", "sms"),
            "status": status,
            "valid": status == "approved",
            "date_created": "2026-11-26T12:00:00Z",
            "date_updated": "2026-11-26T12:00:00Z",
        }
        self.write(b"201 Created" if path.endswith("/Verifications") else b"200 OK", verification)

    def write(self, code: bytes, content: object) -> None:
        body = json.dumps(content).encode()
        head = b"HTTP/1.1 " + code + b"\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
        self.transport.write(head + body)


async def serve(port: int, delay_ms: int) -> None:
    Conversation.delay = delay_ms / 1000
    server = await asyncio.get_running_loop().create_server(Conversation, "127.0.0.1", port, backlog=256)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2])))
