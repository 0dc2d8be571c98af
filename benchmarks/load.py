"""People: each does a journey of HTTP calls on a connection of its own, many at the same time."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

HOST = "smartfin.example"


class UnexpectedAnswer(Exception):
    """The site answered something that the journey cannot go on with; a measurement of it would be worth nothing."""

    def __init__(self, call: str, status: int, body: bytes) -> None:
        super().__init__(f"{call}: {status} {body[:300]!r}")


@dataclass
class Person:
    """A caller behind the proxy, with an address and a cookie jar of their own."""

    number: int
    port: int
    cookies: dict[str, str] = field(default_factory=dict)
    csrf_token: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    request_id: str = ""  # what the site called the last call
    statements: int = 0

    @property
    def phone(self) -> str:
        """A number that the plan knows; a thousand of each prefix, spread over area codes."""
        area = ("202", "212", "303", "312", "404", "415", "503", "602", "702", "713")[self.number % 10]
        return f"+1{area}{200 + self.number // 10_000 % 700}{self.number // 10 % 10_000:04}"

    @property
    def email(self) -> str:
        return f"person{self.number}@example.com"

    async def open(self) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)

    def close(self) -> None:
        self.writer.close()

    async def call(self, method: str, path: str, body: dict[str, Any] | None = None, expect: int = 200) -> Any:
        """Make one call that has to be answered as expected.

        :raises UnexpectedAnswer: for another status than the expected one
        """
        status, answer = await self.ask(method, path, body)
        if status != expect:
            raise UnexpectedAnswer(f"{method} {path}", status, answer)
        return json.loads(answer) if answer.startswith(b"{") else answer

    async def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, bytes]:
        """Make one call; give the status and what came.

        :raises OSError, asyncio.IncompleteReadError: when no answer came
        """
        content = json.dumps(body).encode() if body is not None else b""
        address = f"10.{self.number >> 16 & 255}.{self.number >> 8 & 255}.{self.number & 255}"
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {HOST}\r\nOrigin: https://{HOST}\r\nX-Forwarded-For: {address}\r\n"
            f"X-Forwarded-Proto: https\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n"
        )
        if self.cookies:
            head += "Cookie: " + "; ".join(f"{name}={value}" for name, value in self.cookies.items()) + "\r\n"
        if self.csrf_token:
            head += f"X-CSRFToken: {self.csrf_token}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
        self.writer.write(head.encode() + b"\r\n" + content)
        return await self._read()

    async def _read(self) -> tuple[int, bytes]:
        head = await self.reader.readuntil(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        length = 0
        for line in lines[1:]:
            name, _, value = line.partition(": ")
            if name.lower() == "content-length":
                length = int(value)
            elif name.lower() == "set-cookie":
                cookie, _, content = value.partition(";")[0].partition("=")
                self.cookies[cookie] = content
            elif name == "X-Statements":
                self.statements += int(value)
            elif name == "X-Request-ID":
                self.request_id = value
        return int(lines[0].split()[1]), await self.reader.readexactly(length)


Journey = Callable[[Person], Awaitable[None]]


def run(people: list[Person], journey: Journey, at_once: int) -> tuple[float, list[float]]:
    """Send everybody through a journey, so many at a time; give the whole time and each one's, in seconds.

    :raises UnexpectedAnswer: when one of them could not finish
    """

    async def go() -> list[float]:
        waiting = iter(people)

        async def work() -> list[float]:
            times = []
            for person in waiting:
                await person.open()
                began_at = time.perf_counter()
                await journey(person)
                times.append(time.perf_counter() - began_at)
                person.close()
            return times

        return [seconds for times in await asyncio.gather(*(work() for _ in range(at_once))) for seconds in times]

    began_at = time.perf_counter()
    times = asyncio.run(go())
    return time.perf_counter() - began_at, times
