"""What a jump of the site's clock does to one person: to their code, their wait, their limits and their session.

Each probe gives what was seen, as rows of a table, and what was broken by it. Offsets are the seconds that the site's
clock is ahead of the true time.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus

import psycopg

from benchmarks.false_clock import SENDS_PER_ADDRESS, SENDS_PER_DESTINATION, FalseClock
from benchmarks.journeys import PASSWORD, make_members, make_members_with_phone_factor
from benchmarks.stand_in import CODE
from benchmarks.traveller import Traveller, sign_in

MINUTE, HOUR = 60, 3600
OFFSETS = (0, 5 * MINUTE, HOUR, -HOUR)
LIFETIME = 10 * MINUTE
BLOCK = 5 * MINUTE
SLACK = 10
LEFT = "SELECT extract(epoch FROM expires_at - now()) FROM otp_verification WHERE id = %s"


@dataclass
class Seen:
    """A table, and the promises that were broken while it was filled."""

    head: str
    rows: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def note(self, *cells: object) -> None:
        self.rows.append(f"| {' | '.join(map(str, cells))} |")


@dataclass
class Probe:
    """A site with a false clock, and what is needed to look at it."""

    port: int
    clock: FalseClock
    url: str
    numbers: Iterator[int]

    def make_person(self) -> Traveller:
        return Traveller(next(self.numbers), self.port)

    async def make_member(self, make: Callable[[list[Traveller]], None]) -> Traveller:
        person = self.make_person()
        await asyncio.to_thread(make, [person])
        return person

    def get_seconds_left(self, verification_id: str) -> float:
        """Say for how long by the true time a code is still good."""
        with psycopg.connect(self.url) as database:
            row = database.execute(LEFT, [verification_id]).fetchone()
        assert row
        return float(row[0])


def show(offset: int) -> str:
    return f"{offset / MINUTE:+g} min" if offset else "right"


async def look_at_codes(probe: Probe) -> Seen:
    """Send under one clock and check under another, then check again under each."""
    seen = Seen("| clock at the send | at the check | right code | good for, by true time | once the clock is right |")
    ways = [(0, offset) for offset in (5 * MINUTE, LIFETIME - 30, LIFETIME + 30, HOUR, -HOUR)]
    for sent_at, checked_at in [*ways, *((offset, 0) for offset in OFFSETS[1:]), (-HOUR, HOUR)]:
        person = probe.make_person()
        probe.clock.jump(sent_at)
        sent = await person.must("/api/send-otp", {"to": person.phone})
        left = probe.get_seconds_left(sent["verification_id"])
        body = {"verification_id": sent["verification_id"], "code": CODE}
        accepted, said = 0, []
        for offset in (checked_at, 0, *OFFSETS):
            probe.clock.jump(offset)
            status, answer = await person.try_once("/api/verify-otp", body)
            said.append("accepted" if status == HTTPStatus.OK else answer.get("code"))
            accepted += status == HTTPStatus.OK
        way = f"{show(sent_at)} → {show(checked_at)}"
        if accepted > 1:
            seen.broken.append(f"{way}: a code accepted {accepted} times")
        if (said[0] == "accepted") != (checked_at - sent_at < LIFETIME):
            seen.broken.append(f"{way}: {said[0]}, at an age of {checked_at - sent_at} s by the site's clock")
        if abs(left - LIFETIME - sent_at) > SLACK:
            seen.broken.append(f"{way}: good for {left:.0f} s")
        seen.note(show(sent_at), show(checked_at), said[0], f"{left / MINUTE:.0f} min", said[1])
        probe.clock.jump(0)
    return seen


async def look_at_waits(probe: Probe) -> Seen:
    """Ask for a code under a wrong clock, and for another once it is right: how long is the wait?"""
    seen = Seen("| clock at the first send | the next send, once it is right | the code in hand | and then |")
    for offset in OFFSETS[1:]:
        person = probe.make_person()
        probe.clock.jump(offset)
        sent = await person.must("/api/send-otp", {"to": person.phone})
        probe.clock.jump(0)
        await asyncio.sleep(1.1)
        status, answer = await person.try_once("/api/send-otp", {"to": person.phone})
        wait = answer.get("retry_after", 0)
        body = {"verification_id": sent["verification_id"], "code": CODE}
        checked, _ = await person.try_once("/api/verify-otp", body)
        then, _ = await person.try_once("/api/send-otp", {"to": person.phone})
        if wait > max(offset, 0) + SLACK:
            seen.broken.append(f"{show(offset)}: locked out for {wait} s")
        seen.note(show(offset), f"{status}, wait {wait} s" if wait else status, checked, then)
    return seen


async def look_at_limits(probe: Probe) -> Seen:
    """Send until refused under each clock, and once more under each: a second visit must give nothing."""
    seen = Seen(f"| limit | {' | '.join(map(show, OFFSETS))} | the same clocks once more | wait at the end |")
    for name, limit in (
        ("address", SENDS_PER_ADDRESS),
        ("destination", SENDS_PER_DESTINATION),
    ):
        person, wait = probe.make_person(), 0
        passed: list[int] = []
        for offset in (*OFFSETS, *OFFSETS, 0):
            probe.clock.jump(offset)
            sends, wait = await send_until_refused(probe, person, is_to_one=name == "destination")
            passed.append(sends)
        again = sum(passed[len(OFFSETS) :])
        hours = {int((time.time() + offset) // HOUR) for offset in OFFSETS}
        # What moves out of the sliding hour while this runs may let one more through.
        if again > 1 or sum(passed) > limit * len(hours) + 1:
            seen.broken.append(f"{name}: {passed} sends passed a limit of {limit}")
        if wait > 2 * HOUR + SLACK:
            seen.broken.append(f"{name}: locked out for {wait} s")
        seen.note(f"{limit} per {name} and hour", *passed[: len(OFFSETS)], again, f"{wait / MINUTE:.0f} min")
    return seen


async def send_until_refused(probe: Probe, person: Traveller, *, is_to_one: bool) -> tuple[int, int]:
    """Give how many sends passed, and the wait that the refusal asks for."""
    sends = 0
    while True:
        to = person if is_to_one else probe.make_person()
        status, answer = await person.try_once("/api/send-otp", {"to": to.phone})
        if status == HTTPStatus.CREATED:
            sends += 1
        elif (wait := answer.get("retry_after", 0)) > 1:
            return sends, wait
        else:
            await asyncio.sleep(1)


async def look_at_sessions(probe: Probe) -> Seen:
    """Sign in under one clock and look under another."""
    seen = Seen("| clock at the sign-in | later | signed in then | once the clock is right | signing in anew |")
    for signed_in_at, looked_at in (
        *((0, offset) for offset in OFFSETS[1:]),
        *((offset, 0) for offset in OFFSETS[1:]),
    ):
        person = await probe.make_member(make_members)
        probe.clock.jump(signed_in_at)
        await sign_in(person)
        found = []
        for offset in (looked_at, 0):
            probe.clock.jump(offset)
            found.append((await person.must("/api/session"))["authenticated"])
        anew = (await sign_in(person))["status"]
        if found[0] != (looked_at - signed_in_at < HOUR / 2):
            seen.broken.append(f"{show(signed_in_at)} → {show(looked_at)}: signed in {found[0]}")
        seen.note(show(signed_in_at), show(looked_at), *("yes" if is_in else "no" for is_in in found), anew)
    return seen


async def look_at_blocks(probe: Probe) -> Seen:
    """Give five wrong codes at the second step under a wrong clock: how long is the block once it is right?"""
    seen = Seen("| clock at the wrong codes | wait said then | once the clock is right |")
    for offset in OFFSETS:
        person = await probe.make_member(make_members_with_phone_factor)
        probe.clock.jump(offset)
        await sign_in(person)
        said = 0
        for _ in range(5):
            _, answer = await person.try_once("/api/login/verify", {"code": "000000", "method": "otp"})
            said = answer.get("retry_after", said)
        probe.clock.jump(0)
        status, answer = await person.try_once("/api/login", {"email": person.email, "password": PASSWORD})
        wait = answer.get("retry_after", 0)
        if wait > BLOCK + max(offset, 0) + SLACK:
            seen.broken.append(f"{show(offset)}: blocked for {wait} s")
        seen.note(show(offset), f"{said / MINUTE:.0f} min", f"{wait / MINUTE:.0f} min" if wait else status)
    return seen


PROBES = {
    "Codes": look_at_codes,
    "Waits": look_at_waits,
    "Limits": look_at_limits,
    "Sessions": look_at_sessions,
    "Blocks": look_at_blocks,
}
