"""What the site does while the clock of its processes jumps: `python -m benchmarks.clock`.

Runs PostgreSQL, Redis and a stand-in for Twilio at the true time, and the site of its own by a clock that jumps under
it (libfaketime, of Debian's package `faketime`): as on a host whose clock is put right, or wrong. People send, check
and check once more meanwhile, first on one site, then on two that share database and Redis and whose clocks are apart.
Then single persons show what becomes of codes, waits, limits, sessions and blocks. It looks whether the promise was
kept: no code accepted twice or past its ten minutes by more than the jump, nobody shut out for longer than the jump, no
limit that gives way to jumping back and forth, no row missing, no 5xx but 503, and everything well again once the clock
is right, without a restart. Exits with 1 if not, and with 2 where libfaketime is missing.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg

from benchmarks import scratch
from benchmarks.clock_probes import HOUR, MINUTE, OFFSETS, PROBES, Probe, show
from benchmarks.false_clock import ClockMissing, FalseClock, find_library
from benchmarks.faults import CLOSED, CRASHED, Crowd, count_rows
from benchmarks.load import Person
from benchmarks.parts import Redis, run_postgres
from benchmarks.servers import BASE_DIR, Site, get_environment, run_module, run_site

PEOPLE = 8
SECONDS = 4
WORKERS, THREADS = 2, 8
SENT, ACCEPTED = "/api/send-otp 201 pending", "/api/verify-otp 200 approved"


@dataclass
class CrowdOfTwo(Crowd):
    """People whose calls go to one site and to the other in turns."""

    others: list[Site] = field(default_factory=list)
    turns: Iterator[int] = field(default_factory=count)

    async def ask(self, person: Person, path: str, body: dict[str, str]) -> dict[str, str]:
        sites = [self.site, *self.others]
        person.port = sites[next(self.turns) % len(sites)].port
        return await super().ask(person, path, body)


@dataclass
class Case:
    """`offsets` are what the clock is put to, one after the other, before it is put right again."""

    name: str
    offsets: list[int]
    seconds: float = SECONDS


CASES = [
    *(Case(f"the clock jumps {show(offset)} and back", [offset]) for offset in OFFSETS[1:]),
    Case("back and forth, twice a second", [*OFFSETS, -HOUR, HOUR] * 2, 0.5),
]
APART = [Case(f"two sites, one {show(offset)}", [offset], 2 * SECONDS) for offset in (5 * MINUTE, HOUR, -HOUR)]


async def live_through(case: Case, clock: FalseClock, sites: list[Site], numbers: Iterator[int]) -> list[Crowd]:
    """Give the crowd that met the jump, and the one that came when the clock was right again."""

    def gather() -> Crowd:
        return CrowdOfTwo(sites[0], numbers, others=sites[1:])

    async def meet(crowd: Crowd) -> None:
        await asyncio.sleep(SECONDS)
        for offset in case.offsets:
            clock.jump(offset)
            await asyncio.sleep(case.seconds)
        clock.jump(0)
        await asyncio.sleep(SECONDS)
        crowd.is_over = True

    async def stop(crowd: Crowd) -> None:
        await asyncio.sleep(SECONDS / 2)
        crowd.is_over = True

    crowd, later = gather(), gather()
    await asyncio.gather(meet(crowd), *(crowd.live() for _ in range(PEOPLE)))
    await asyncio.gather(stop(later), *(later.live() for _ in range(PEOPLE)))
    return [crowd, later]


def find_broken_promises(crowd: Crowd, later: Crowd, rows: int) -> list[str]:
    answers = crowd.answers + later.answers
    broken = []
    if twice := sum(times > 1 for times in (crowd.accepted + later.accepted).values()):
        broken.append(f"{twice} codes accepted twice")
    if bad := {name: n for name, n in answers.items() if " 5" in name or CLOSED in name}:
        broken.append(f"5xx or no answer: {bad}")
    if later.answers[SENT] == 0 or later.answers[SENT] != later.answers[ACCEPTED]:
        broken.append(f"not well again: {dict(later.answers)}")
    if rows < (owed := crowd.rows_owed + later.rows_owed):
        broken.append(f"{rows} rows for {owed} answers")
    return broken


def run_cases(cases: list[Case], clock: FalseClock, sites: list[Site], url: str, numbers: Iterator[int]) -> list[str]:
    """Print what came of each case; give what was broken."""
    broken = []
    print("\n| case | sent | right code accepted | refused both times | sends refused | rows / answers | slowest |")
    print("|---|---|---|---|---|---|---|")
    with psycopg.connect(url, autocommit=True) as database:
        for case in cases:
            before = count_rows(database)
            crowd, later = asyncio.run(live_through(case, clock, sites, numbers))
            rows = count_rows(database) - before
            sent, accepted = (crowd.answers[name] + later.answers[name] for name in (SENT, ACCEPTED))
            refused = sum(n for name, n in crowd.answers.items() if "send-otp" in name and name != SENT)
            print(
                f"| {case.name} | {sent} | {accepted} | {sent - accepted} | {refused} "
                f"| {rows} / {crowd.rows_owed + later.rows_owed} | {crowd.slowest:.1f} s |",
                flush=True,
            )
            broken += [f"{case.name}: {found}" for found in find_broken_promises(crowd, later, rows)]
    return broken


def run_probes(probe: Probe) -> list[str]:
    broken = []
    for name, look in PROBES.items():
        seen = asyncio.run(look(probe))
        print(f"\n{name}\n\n{seen.head}\n|{'---|' * (seen.head.count('|') - 1)}", *seen.rows, sep="\n", flush=True)
        broken += [f"{name}: {found}" for found in seen.broken]
    return broken


def look_at_audit(url: str, redis_port: int) -> list[str]:
    """Seal what was written under all those clocks by the right one, and verify it."""
    env = get_environment(url, redis_port, 1) | {"DJANGO_SETTINGS_MODULE": "benchmarks.site_settings"}
    broken = []
    for command in ("seal_audit", "verify_audit"):
        done = subprocess.run(  # noqa: S603
            [sys.executable, "manage.py", command],
            cwd=BASE_DIR,
            env=env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        if done.returncode:
            broken.append(f"{command} ended with {done.returncode}")
    with psycopg.connect(url) as database:
        rows = count_rows(database)
        (sealed,) = database.execute("SELECT count(*) FROM otp_auditseal").fetchone() or (0,)
        (crashed,) = database.execute(CRASHED).fetchone() or (0,)
    print(f"\n{rows} rows, {sealed} of them sealed by the right clock, {crashed} left as crashed")
    return broken if sealed == rows else [*broken, f"{rows - sealed} rows cannot be sealed"]


def run_all(folder: Path, server_url: str) -> list[str]:
    numbers = count(1)
    redis = Redis()
    redis.start()
    clock, right = FalseClock(folder / "clock"), FalseClock(folder / "right")
    with ExitStack() as stack:
        stack.callback(redis.stop)
        url = stack.enter_context(scratch.make_database(server_url))
        twilio_port = stack.enter_context(run_module("stand_in", 20))
        env = get_environment(url, redis.port, twilio_port)
        site, other = (
            stack.enter_context(
                run_site("benchmarks.clock_settings", env | one.environment, WORKERS, THREADS, log=os.devnull)
            )
            for one in (clock, right)
        )
        for offset in (*OFFSETS, 0):
            clock.jump(offset)
            clock.raise_if_wrong(site.port)
        scratch.use(url)
        broken = run_cases(CASES, clock, [site], url, numbers)
        broken += run_cases(APART, clock, [site, other], url, numbers)
        broken += run_probes(Probe(site.port, clock, url, numbers))
        broken += look_at_audit(url, redis.port)
        if site.process.poll() is not None or other.process.poll() is not None:
            broken.append("the site has stopped")
    return broken


def main() -> None:
    try:
        find_library()
        with tempfile.TemporaryDirectory() as name, run_postgres(Path(name)) as (server_url, _):
            broken = run_all(Path(name), server_url)
    except ClockMissing as problem:
        print(problem, file=sys.stderr)
        sys.exit(2)
    print(f"\n{'Promises broken:' if broken else 'Every promise was kept.'}", *broken, sep="\n  ")
    sys.exit(bool(broken))


if __name__ == "__main__":
    main()
