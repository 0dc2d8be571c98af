"""What the site does while things break around it: `python -m benchmarks.faults`.

Runs PostgreSQL, Redis, a stand-in for Twilio and the site of its own, and keeps people sending and checking codes while
it stops and restarts each of them, kills workers, makes Twilio hang, fills the disk under the log, and brings ten times
the people. Prints what answers people got, and looks whether the promise was kept: no code accepted twice, no send
without an answer that says so, no audit row missing, no 5xx but 503, and everything well again without a restart. Exits
with 1 if not.
"""

import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import count
from pathlib import Path

import psycopg

from benchmarks import scratch
from benchmarks.load import Person
from benchmarks.parts import Fault, Redis, find_child, kill_a_worker, run_postgres
from benchmarks.servers import Site, get_environment, run_module, run_site
from benchmarks.stand_in import CODE

PEOPLE = 16
SECONDS_BEFORE = 3
SECONDS_AFTER = 20  # a call that hung ends within 3, and the breaker that it opened closes after 15
CLOSED = "connection closed"
CRASHED = "SELECT count(*) FROM otp_verificationattempt WHERE outcome = 'crashed'"


@dataclass
class Crowd:
    """People who send a code, check it, and check it once more, again and again until told to stop."""

    site: Site
    numbers: Iterator[int]
    answers: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    accepted: Counter[str] = field(default_factory=Counter)
    rows_owed: int = 0
    is_over: bool = False

    async def live(self) -> None:
        while not self.is_over:
            person = Person(next(self.numbers), self.site.port)
            sent = await self.ask(person, "/api/send-otp", {"to": person.phone})
            if sent.get("status") != "pending":
                await asyncio.sleep(0.05)
                continue
            for _ in range(2):
                body = {"verification_id": sent["verification_id"], "code": CODE}
                answer = await self.ask(person, "/api/verify-otp", body)
                self.accepted[sent["verification_id"]] += bool(answer.get("valid"))

    async def ask(self, person: Person, path: str, body: dict[str, str]) -> dict[str, str]:
        began_at = time.monotonic()
        answer: dict[str, str] = {}
        try:
            await person.open()
            status, content = await person.ask("POST", path, body)
            answer = json.loads(content) if content.startswith(b"{") else {}
            self.answers[f"{path} {status} {answer.get('code') or answer.get('status', '')}"] += 1
            # What ends before the ledger is reached leaves no row: the database or the counters were away.
            self.rows_owed += status != HTTPStatus.SERVICE_UNAVAILABLE
        except (OSError, asyncio.IncompleteReadError):
            self.answers[f"{path} {CLOSED}"] += 1
        finally:
            with suppress(AttributeError):
                person.close()
        self.slowest = max(self.slowest, time.monotonic() - began_at)
        return answer


async def live_through(fault: Fault, site: Site, numbers: Iterator[int]) -> tuple[Crowd, Crowd]:
    """Give the crowd that met the fault, and the one that came when it was over."""
    crowd, later = Crowd(site, numbers), Crowd(site, numbers)

    async def meet() -> None:
        await asyncio.sleep(SECONDS_BEFORE)
        await asyncio.to_thread(fault.begin)
        await asyncio.sleep(fault.seconds)
        await asyncio.to_thread(fault.end)
        await asyncio.sleep(SECONDS_AFTER)
        crowd.is_over = True

    await asyncio.gather(meet(), *(crowd.live() for _ in range(fault.people)))

    async def stop() -> None:
        await asyncio.sleep(3)
        later.is_over = True

    await asyncio.gather(stop(), *(later.live() for _ in range(4)))
    return crowd, later


def find_broken_promises(fault: Fault, crowd: Crowd, later: Crowd, url: str, rows_before: int) -> list[str]:
    broken = []
    if twice := [key for key, times in (crowd.accepted + later.accepted).items() if times > 1]:
        broken.append(f"{len(twice)} codes accepted twice")
    if bad := {name: n for name, n in crowd.answers.items() if " 5" in name and " 503" not in name}:
        broken.append(f"5xx: {bad}")
    if not fault.closes_connections and any(CLOSED in name for name in crowd.answers):
        broken.append("answers that never came")
    if not later.accepted or any(" 503" in name or CLOSED in name for name in later.answers):
        broken.append(f"not well again: {dict(later.answers)}")
    with psycopg.connect(url) as database:
        rows = count_rows(database)
        (crashed,) = database.execute(CRASHED).fetchone() or (0,)
    if rows - rows_before < crowd.rows_owed + later.rows_owed:
        broken.append(f"audit rows missing: {rows - rows_before} for {crowd.rows_owed + later.rows_owed} answers")
    print(f"  rows {rows - rows_before} for {crowd.rows_owed + later.rows_owed} answers; left as crashed {crashed}")
    return broken


def count_rows(database: psycopg.Connection) -> int:
    row = database.execute("SELECT count(*) FROM otp_verificationattempt").fetchone()
    assert row
    return int(row[0])


def main() -> None:
    numbers = count(1)
    broken: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory() as name, run_postgres(Path(name)) as (server_url, control):
        redis = Redis()
        redis.start()
        with (
            scratch.make_database(server_url) as url,
            run_module("stand_in", 20) as twilio_port,
            run_module("slow", twilio_port, 0) as way_to_twilio,
            run_site(
                "benchmarks.site_settings",
                get_environment(url, redis.port, way_to_twilio, TWILIO_TIMEOUT="3"),
                2,
                16,
                log="/dev/full",
            ) as site,
        ):
            twilio = find_child("benchmarks.stand_in")
            faults = [
                Fault("nothing, with a full disk under the log", lambda: None),
                Fault("Redis is killed and started again", redis.stop, redis.start),
                Fault(
                    "PostgreSQL is cut off and restarted",
                    lambda: control("-m", "immediate", "stop"),
                    lambda: control("start"),
                ),
                Fault("a worker is killed", lambda: kill_a_worker(site), closes_connections=True),
                Fault(
                    "Twilio hangs",
                    lambda: os.kill(twilio, signal.SIGSTOP),
                    lambda: os.kill(twilio, signal.SIGCONT),
                    seconds=12,
                ),
                Fault("ten times the people", lambda: None, seconds=20, people=PEOPLE * 10),
            ]
            for fault in faults:
                print(f"\n{fault.name}", flush=True)
                with psycopg.connect(url) as database:
                    before = count_rows(database)
                crowd, later = asyncio.run(live_through(fault, site, numbers))
                for answer, times in sorted(crowd.answers.items()):
                    print(f"  {times:6} {answer}")
                print(f"  slowest answer {crowd.slowest:.1f} s")
                if found := find_broken_promises(fault, crowd, later, url, before):
                    broken[fault.name] = found
                    print(f"  BROKEN: {'; '.join(found)}")
        redis.stop()
    print(f"\n{'Promises broken: ' + ', '.join(broken) if broken else 'Every promise was kept.'}")
    sys.exit(bool(broken))


if __name__ == "__main__":
    main()
