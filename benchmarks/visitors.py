"""People who come to a site at a pace, whatever it answers, and what each of their calls was answered."""

import asyncio
import json
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count, cycle
from typing import Any
from uuid import uuid4

from benchmarks.calls import ASK, CHECK, FINISH, NO_ANSWER, REGISTER, RESET, SEND, SIGN_IN, TOKEN, Answer, Call
from benchmarks.journeys import NEW_PASSWORD, PASSWORD, make_members, make_members_with_phone_factor
from benchmarks.load import Person
from benchmarks.stand_in import CODE

WRONG_CODE = "654321"
READING_SECONDS = 2  # until the message of a password reset, which is sent after the answer, has been read
PATIENCE_SECONDS = 30
MOST_AT_ONCE = 256


class GoneAway(Exception):
    """A person was answered something that their journey cannot go on with."""


@dataclass
class Visitors:
    """Everybody who comes. `members` are the numbers of those who have an account, by what they come for."""

    port: int
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    members: dict["Journey", deque[int]] = field(default_factory=dict)
    rate: float = 1.0  # of those that come, a second
    answers: list[Answer] = field(default_factory=list)
    came: int = 0
    finished: int = 0
    turned_away: int = 0
    present: int = 0

    def __post_init__(self) -> None:
        self.journeys = cycle(MIX)

    def make_members(self, journeys: float) -> None:
        """Make accounts for the share of so many journeys that need one, with Django set up."""
        from django.db import connections

        for journey, make in MEMBERS.items():
            needed = int(journeys * MIX.count(journey) / len(MIX))
            people = [Person(next(self.numbers), self.port) for _ in range(needed)]
            make(people)
            self.members.setdefault(journey, deque()).extend(person.number for person in people)
        # The server is restarted later, and its connections are counted: none of them is to be ours.
        connections.close_all()
        connections["default"].close_pool()  # type: ignore[attr-defined]  # PostgreSQL has one

    async def come_again_and_again(self, at_once: int, seconds: float) -> float:
        """Have so many there all the time; give how many went all the way, a second."""
        ends_at = time.monotonic() + seconds
        before = self.finished

        async def work() -> None:
            while time.monotonic() < ends_at:
                await self.visit(next(self.journeys))

        began_at = time.monotonic()
        await asyncio.gather(*(work() for _ in range(at_once)))
        return (self.finished - before) / (time.monotonic() - began_at)

    async def arrive(self, seconds: float) -> None:
        """Have people come at the `rate`, and wait until the last of them is gone.

        Where `MOST_AT_ONCE` are there already the next one is turned away, and counted.
        """
        due = time.monotonic()
        ends_at = due + seconds
        async with asyncio.TaskGroup() as group:
            while due < ends_at:
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                due += 1 / self.rate
                journey = next(self.journeys)
                if self.present < MOST_AT_ONCE:
                    group.create_task(self.visit(journey))
                else:
                    self.turned_away += 1

    async def visit(self, journey: "Journey") -> None:
        person = Person(self.members[journey].popleft() if journey in self.members else next(self.numbers), self.port)
        self.present += 1
        self.came += 1
        try:
            with suppress(GoneAway):
                await journey(self, person)
                self.finished += 1
        finally:
            self.present -= 1
            close(person)

    async def ask(self, person: Person, call: Call, body: dict[str, str] | None = None, expect: int = 0) -> Any:
        """Make one call and keep what it was answered.

        :raises GoneAway: for another status than that of the call, or the one that is expected instead
        """
        request_id = person.headers["X-Request-ID"] = uuid4().hex
        began_at, start = time.time(), time.monotonic()
        status, content = NO_ANSWER, b""
        with suppress(OSError, asyncio.IncompleteReadError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                if not hasattr(person, "writer"):
                    await person.open()
                status, content = await person.ask("POST" if body else "GET", call.path, body)
        answer = json.loads(content) if content.startswith(b"{") else {}
        word = "problem" if answer.get("problem") else answer.get("code", "")
        is_named_right = status == NO_ANSWER or person.request_id == request_id
        self.answers.append(Answer(call, request_id, began_at, time.monotonic() - start, status, word, is_named_right))
        if status != (expect or call.status):
            raise GoneAway
        return answer


Journey = Callable[[Visitors, Person], Coroutine[Any, Any, None]]


def close(person: Person) -> None:
    with suppress(AttributeError):  # it never got a connection
        person.close()


async def verify(visitors: Visitors, person: Person) -> None:
    sent = await visitors.ask(person, SEND, {"to": person.phone})
    await visitors.ask(person, CHECK, {"verification_id": sent["verification_id"], "code": CODE})


async def verify_after_a_wrong_code(visitors: Visitors, person: Person) -> None:
    sent = await visitors.ask(person, SEND, {"to": person.phone})
    await visitors.ask(person, CHECK, {"verification_id": sent["verification_id"], "code": WRONG_CODE}, expect=400)
    await visitors.ask(person, CHECK, {"verification_id": sent["verification_id"], "code": CODE})


async def verify_twice(visitors: Visitors, person: Person) -> None:
    """Check the right code twice at the same moment, on two connections: one of them must be refused."""
    sent = await visitors.ask(person, SEND, {"to": person.phone})
    twin = Person(person.number, person.port)

    async def check(who: Person) -> None:
        with suppress(GoneAway):
            await visitors.ask(who, CHECK, {"verification_id": sent["verification_id"], "code": CODE})

    await asyncio.gather(check(person), check(twin))
    close(twin)


async def register(visitors: Visitors, person: Person) -> None:
    await visitors.ask(person, SEND, {"to": person.phone, "purpose": "registration"})
    body = {"email": person.email, "password": PASSWORD, "phone": person.phone, "otp_code": CODE}
    await visitors.ask(person, REGISTER, body)


async def forget(visitors: Visitors, person: Person) -> None:
    who = {"email": person.email, "phone": person.phone}
    await visitors.ask(person, ASK, who)
    await asyncio.sleep(READING_SECONDS)
    await visitors.ask(person, RESET, {**who, "otp_code": CODE, "new_password": NEW_PASSWORD})


async def sign_in(visitors: Visitors, person: Person) -> None:
    person.csrf_token = (await visitors.ask(person, TOKEN))["csrf_token"]
    await visitors.ask(person, SIGN_IN, {"email": person.email, "password": PASSWORD})
    await visitors.ask(person, FINISH, {"code": CODE, "method": "otp"})


MIX: list[Journey] = [
    verify, register, verify, verify_after_a_wrong_code, verify, forget, verify, verify_twice, verify, sign_in,
]  # fmt: skip
# Those who come with an account, and what makes it.
MEMBERS: dict[Journey, Callable[[Sequence[Person]], None]] = {
    forget: make_members,
    sign_in: make_members_with_phone_factor,
}
