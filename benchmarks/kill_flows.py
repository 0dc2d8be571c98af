"""The flows of `benchmarks.kills`: the call that dies, and how the person whose call it was goes on."""

import asyncio
import json
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from benchmarks.journeys import NEW_PASSWORD, PASSWORD, make_members, make_members_with_phone_factor
from benchmarks.load import Person
from benchmarks.stand_in import CODE

PATIENCE_SECONDS = 30
BUSY = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
TAKEN = ("phone_taken", "email_taken")


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


async def finish_sending(person: Traveller, is_done: bool) -> None:
    if not is_done:
        await send(person)
    await person.must("/api/verify-otp", {"to": person.phone, "code": CODE})


async def finish_verifying(person: Traveller, is_done: bool) -> None:
    body = {"to": person.phone, "code": CODE}
    if is_done or (await person.go("/api/verify-otp", body))[0] == HTTPStatus.OK:
        return
    await send(person)
    await person.must("/api/verify-otp", body)


async def finish_registering(person: Traveller, is_done: bool) -> None:
    if not is_done:
        status, answer = await person.go("/api/register-with-otp", person.registration)
        if status != HTTPStatus.CREATED and answer.get("code") not in TAKEN:
            await send_for_registration(person)
            status, answer = await person.go("/api/register-with-otp", person.registration)
            if status != HTTPStatus.CREATED and answer.get("code") not in TAKEN:
                raise Stuck(f"registration: {status} {answer.get('code')}")
    await sign_in(person)


async def finish_asking(person: Traveller, is_done: bool) -> None:
    # An answer promises no message: whoever gets none asks again.
    await ask_for_reset(person)
    await person.must("/api/forgot-password-otp", person.reset)
    await sign_in(person, NEW_PASSWORD)


async def finish_resetting(person: Traveller, is_done: bool) -> None:
    if not is_done and (await person.go("/api/forgot-password-otp", person.reset))[0] != HTTPStatus.OK:
        try:
            await sign_in(person, NEW_PASSWORD)
        except Stuck:
            await ask_for_reset(person)
            await person.must("/api/forgot-password-otp", person.reset)
    await sign_in(person, NEW_PASSWORD)


async def finish_second_step(person: Traveller, is_done: bool) -> None:
    person.pending = dict(person.cookies)
    body = {"code": CODE, "method": "otp"}
    if not is_done and (await person.go("/api/login/verify", body))[0] != HTTPStatus.OK:
        if (await person.must("/api/session"))["second_factor"]["required"]:
            await person.must("/api/login/send", {})
        else:
            await sign_in(person)
        await person.must("/api/login/verify", body)
    if not (await person.must("/api/session"))["authenticated"]:
        raise Stuck("not signed in")


async def finish_first_step(person: Traveller, is_done: bool) -> None:
    if not is_done:
        await sign_in(person)
    await finish_second_step(person, is_done=False)


async def check_again(person: Traveller) -> int:
    return (await person.go("/api/verify-otp", {"to": person.phone, "code": CODE}))[0]


async def register_again(person: Traveller) -> int:
    return (await person.go("/api/register-with-otp", {**person.registration, "email": f"other-{person.email}"}))[0]


async def reset_again(person: Traveller) -> int:
    return (await person.go("/api/forgot-password-otp", person.reset))[0]


async def sign_in_again(person: Traveller) -> int:
    """Go back to where the code was asked for."""
    person.cookies = person.pending
    return (await person.go("/api/login/verify", {"code": CODE, "method": "otp"}))[0]


@dataclass(frozen=True)
class KilledFlow:
    """`path` and `body` are the call that dies; `finish` hears whether it was answered all the same.

    `use_again` gives the status of using the code that was used once more.
    """

    name: str
    path: str
    body: Callable[[Traveller], dict[str, str]]
    finish: Callable[[Traveller, bool], Coroutine[Any, Any, None]]
    use_again: Callable[[Traveller], Coroutine[Any, Any, int]]
    prepare: Callable[[Traveller], Coroutine[Any, Any, None]] = nothing
    needs: Callable[[Sequence[Person]], None] | None = None


FLOWS = [
    KilledFlow("send", "/api/send-otp", lambda person: {"to": person.phone}, finish_sending, check_again),
    KilledFlow(
        "verify",
        "/api/verify-otp",
        lambda person: {"to": person.phone, "code": CODE},
        finish_verifying,
        check_again,
        prepare=send,
    ),
    KilledFlow(
        "register",
        "/api/register-with-otp",
        lambda person: person.registration,
        finish_registering,
        register_again,
        prepare=send_for_registration,
    ),
    KilledFlow(
        "forgot: ask",
        "/api/forgot-password-otp",
        lambda person: {"email": person.email, "phone": person.phone},
        finish_asking,
        reset_again,
        needs=make_members,
    ),
    KilledFlow(
        "forgot: finish",
        "/api/forgot-password-otp",
        lambda person: person.reset,
        finish_resetting,
        reset_again,
        prepare=ask_for_reset,
        needs=make_members,
    ),
    KilledFlow(
        "sign-in: password",
        "/api/login",
        lambda person: {"email": person.email, "password": PASSWORD},
        finish_first_step,
        sign_in_again,
        prepare=take_token,
        needs=make_members_with_phone_factor,
    ),
    KilledFlow(
        "sign-in: code",
        "/api/login/verify",
        lambda person: {"code": CODE, "method": "otp"},
        finish_second_step,
        sign_in_again,
        prepare=begin_sign_in,
        needs=make_members_with_phone_factor,
    ),
]
