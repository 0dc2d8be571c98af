"""What is left when a process dies at any step of any flow: `python -m benchmarks.kills`.

Runs PostgreSQL, Redis, a stand-in for Twilio and the site of its own, with one worker. For each flow and each step of
it (each statement, commit, call to Redis and call to Twilio: before it and after it) a person makes the call, the
worker is killed there, and the person goes on until the flow is done. After each death and at each end it looks whether
the promise was kept: no code accepted twice, nothing half done, every message and every answer with its audit row, no
5xx but 503, and everything well again without a restart. Exits with 1 if not.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import count
from pathlib import Path

import psycopg

from benchmarks import scratch
from benchmarks.kill_flows import FLOWS, KilledFlow
from benchmarks.parts import Redis, run_postgres
from benchmarks.servers import Site, get_environment, run_module, run_site
from benchmarks.traveller import Stuck, Traveller

HEADER = "X-Die-At"
THREADS = 4
QUIET_SECONDS = 0.5
PATIENCE_SECONDS = 3
BUSY = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'"


@dataclass
class Deaths:
    """What came of killing at every step of a flow."""

    steps: list[str]
    died: int = 0
    finished: int = 0
    second_messages: int = 0
    crashed: int = 0
    slowest: float = 0.0
    broken: list[str] = field(default_factory=list)


class Killer:
    """Kills the site's worker in the middle of calls, and looks at what is left."""

    def __init__(self, site: Site, url: str, twilio_port: int, steps: Path) -> None:
        self.site, self.url, self.twilio_port, self.steps = site, url, twilio_port, steps
        self.numbers = count(1)

    def kill_at_each_step(self, flow: KilledFlow, every: int) -> Deaths:
        # Twice: what the first call of a process does once more is no step of the flow.
        for _ in range(2):
            deaths = Deaths(self.rehearse(flow))
        for die_at in range(1, len(deaths.steps) + 1, every):
            self.kill(flow, die_at, deaths)
        return deaths

    def rehearse(self, flow: KilledFlow) -> list[str]:
        """Name the steps of a flow, what is done after its answer included."""
        person = self.prepare(flow)
        asyncio.run(self.call(flow, person, 0))
        wait_until_still(lambda: len(self.read_steps()))
        return self.read_steps()

    def kill(self, flow: KilledFlow, die_at: int, deaths: Deaths) -> None:
        from benchmarks.kill_promises import count_crashed, find_broken_promises

        person, worker = self.prepare(flow), self.site.pids[-1]
        status = asyncio.run(self.call(flow, person, die_at))
        if not wait_for(lambda: worker not in self.site.pids):
            return
        deaths.died += 1
        died_at = time.monotonic()
        where = f"{die_at} {self.read_steps()[-1]}"
        self.wait_until_rolled_back()

        def look() -> list[str]:
            messages = asyncio.run(person.count_messages())
            return find_broken_promises(person, messages, registers=flow.needs is None)

        deaths.broken += [f"{where}: {broken}" for broken in look()]
        asyncio.run(person.try_once("/api/session"))
        deaths.slowest = max(deaths.slowest, time.monotonic() - died_at)
        try:
            asyncio.run(flow.finish(person, 0 < status < HTTPStatus.BAD_REQUEST))
            deaths.finished += 1
        except Stuck as problem:
            deaths.broken.append(f"{where}: stuck at {problem}")
            return
        deaths.second_messages += asyncio.run(person.count_messages()) > 1
        deaths.broken += [f"{where}: at the end {broken}" for broken in look()]
        if asyncio.run(flow.use_again(person)) < HTTPStatus.BAD_REQUEST:
            deaths.broken.append(f"{where}: the code was accepted once more")
        deaths.crashed += count_crashed(person)

    def prepare(self, flow: KilledFlow) -> Traveller:
        person = Traveller(next(self.numbers), self.site.port, twilio_port=self.twilio_port)
        if flow.needs:
            flow.needs([person])
        asyncio.run(flow.prepare(person))
        self.steps.write_text("")
        return person

    @staticmethod
    async def call(flow: KilledFlow, person: Traveller, die_at: int) -> int:
        person.headers = {HEADER: str(die_at)}
        status, _ = await person.try_once(flow.path, flow.body(person))
        person.headers = {}
        return status

    def read_steps(self) -> list[str]:
        return self.steps.read_text().splitlines()

    def wait_until_rolled_back(self) -> None:
        """Wait until PostgreSQL has noticed that nobody is there any more to commit."""
        with psycopg.connect(self.url, autocommit=True) as database:
            wait_for(lambda: database.execute(BUSY).fetchone() == (0,))


def wait_for(is_so: Callable[[], bool]) -> bool:
    """Wait until it is so, for a few seconds; tell whether it came to that."""
    ends_at = time.monotonic() + PATIENCE_SECONDS
    while not (so := is_so()) and time.monotonic() < ends_at:
        time.sleep(0.005)
    return so


def wait_until_still(count_now: Callable[[], int]) -> None:
    before = -1
    while before != (now := count_now()):
        before = now
        time.sleep(QUIET_SECONDS)


def print_table(found: dict[str, Deaths]) -> None:
    print("\n| flow | steps | died | finished | second message | rows left crashed | slowest | promises broken |")
    print("|---|---|---|---|---|---|---|---|")
    for name, deaths in found.items():
        print(
            f"| {name} | {len(deaths.steps)} | {deaths.died} | {deaths.finished} | {deaths.second_messages} "
            f"| {deaths.crashed} | {deaths.slowest:.2f} s | {len(deaths.broken)} |"
        )


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flow", default="", help="only flows whose name has this in it")
    parser.add_argument("--every", type=int, default=1, help="die at every so many steps (1)")
    parser.add_argument("--steps", action="store_true", help="name the steps as well")
    return parser.parse_args()


def main() -> None:
    options = read_options()
    found: dict[str, Deaths] = {}
    with tempfile.TemporaryDirectory() as name, run_postgres(Path(name)) as (server_url, _), ExitStack() as ends:
        redis = Redis()
        redis.start()
        ends.callback(redis.stop)
        steps = Path(name, "steps")
        with (
            scratch.make_database(server_url) as url,
            run_module("stand_in", 0) as twilio_port,
            run_site(
                "benchmarks.kill_settings",
                get_environment(url, redis.port, twilio_port, KILL_STEPS=str(steps)),
                1,
                THREADS,
                log=os.devnull,
            ) as site,
        ):
            scratch.use(url)
            killer = Killer(site, url, twilio_port, steps)
            for flow in FLOWS:
                if options.flow in flow.name:
                    found[flow.name] = deaths = killer.kill_at_each_step(flow, options.every)
                    print(f"{flow.name}: {deaths.died} deaths", flush=True)
                    print("".join(f"  {step}\n" for step in deaths.steps if options.steps), end="")
                    print("".join(f"  BROKEN at {broken}\n" for broken in deaths.broken), end="", flush=True)
            has_stopped = site.process.poll() is not None
    print_table(found)
    is_broken = has_stopped or any(deaths.broken or deaths.finished < deaths.died for deaths in found.values())
    print(f"\n{'Promises were broken.' if is_broken else 'Every promise was kept.'}")
    sys.exit(is_broken)


if __name__ == "__main__":
    main()
