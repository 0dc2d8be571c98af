"""Somebody who wants to get to the end of a flow, whatever happens to the site, and the first steps of theirs."""

import asyncio
import json
import time
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from benchmarks.journeys import NEW_PASSWORD, PASSWORD
from benchmarks.load import Person
from benchmarks.stand_in import CODE

PATIENCE_SECONDS = 30
BUSY = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)


class Stuck(Exception):
    """The person cannot get to the end of the flow."""


@dataclass
class Traveller(Person):
    """Somebody who wants to get to the end: asks again where no answer came, and waits as long as the site says."""

    twilio_port: int = 0
    answers: list[tuple[str, int]] = field(default_factory=list)
    pending: dict[str, str] = field(default_factory=dict)

    async def try_once(self, path: str, body: dict[str, str] | None = None) -> tuple[int, dict[str, Any]]:
        """Make one call; the status is 0 where no answer came."""
        status, content = 0, b""
        with suppress(OSError, asyncio.IncompleteReadError):
            await self.open()
            status, content = await self.ask("GET" if body is None else "POST", path, body)
            self.answers.append((path, status))
            self.close()
        return status, json.loads(content) if content.startswith(b"{") else {}

    async def go(self, path: str, body: dict[str, str] | None = None) -> tuple[int, dict[str, Any]]:
        """Make one call until there is an answer to go on with.

        :raises Stuck: when there is none in half a minute
        """
        ends_at = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < ends_at:
            status, answer = await self.try_once(path, body)
            if status and status not in BUSY:
                return status, answer
            await asyncio.sleep(answer.get("retry_after", 0.05))
        raise Stuck(f"{path}: no answer but {status} {answer}")

    async def must(self, path: str, body: dict[str, str] | None = None) -> dict[str, Any]:
        """Make a call that has to succeed by now.

        :raises Stuck: when it does not
        """
        status, answer = await self.go(path, body)
        if status >= HTTPStatus.BAD_REQUEST:
            raise Stuck(f"{path}: {status} {answer.get('code')}")
        return answer

    async def count_messages(self) -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.twilio_port)
        writer.write(b"GET /messages HTTP/1.1\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        content = await reader.readexactly(int(head.rpartition(b"Content-Length: ")[2]))
        writer.close()
        return sum(message["to"] == self.phone for message in json.loads(content))

    @property
    def registration(self) -> dict[str, str]:
        return {"email": self.email, "password": PASSWORD, "phone": self.phone, "otp_code": CODE}

    @property
    def reset(self) -> dict[str, str]:
        return {"email": self.email, "phone": self.phone, "otp_code": CODE, "new_password": NEW_PASSWORD}


async def nothing(person: Traveller) -> None:
    pass


async def send(person: Traveller) -> None:
    await person.must("/api/send-otp", {"to": person.phone})


async def send_for_registration(person: Traveller) -> None:
    await person.must("/api/send-otp", {"to": person.phone, "purpose": "registration"})


async def ask_for_reset(person: Traveller) -> None:
    """Ask for a code, and wait for the message: it comes after the answer."""
    before = await person.count_messages()
    await person.must("/api/forgot-password-otp", {"email": person.email, "phone": person.phone})
    ends_at = time.monotonic() + PATIENCE_SECONDS
    while await person.count_messages() == before:
        if time.monotonic() > ends_at:
            raise Stuck("no message came")
        await asyncio.sleep(0.02)
    # No message is read before the site has heard that it is on its way.
    await asyncio.sleep(0.2)


async def take_token(person: Traveller) -> None:
    person.csrf_token = (await person.must("/api/session"))["csrf_token"]


async def sign_in(person: Traveller, password: str = PASSWORD) -> dict[str, Any]:
    await take_token(person)
    return await person.must("/api/login", {"email": person.email, "password": password})


async def begin_sign_in(person: Traveller) -> None:
    await sign_in(person)
