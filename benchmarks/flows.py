"""What each flow costs beside two floors: `bin/with-services python -m benchmarks.flows`.

Starts the site, Redis and a stand-in for Twilio, and prints for each flow the CPU of the site's processes, times,
throughput, statements and round trips to Redis; then what a worker holds and how long it takes to start. The ratios to
F are the result: both sides of each were taken in the same run, in turns, and the median of the rounds counts.
"""

import argparse
import asyncio
import os
import signal
import statistics
import time
from contextlib import suppress
from dataclasses import dataclass
from itertools import count

import redis

from benchmarks import scratch
from benchmarks.journeys import FLOORS, FLOWS, STATEMENTS_FLOOR, Flow
from benchmarks.load import Person, run
from benchmarks.servers import FLOOR_SITE, Site, get_environment, run_module, run_redis, run_site

WORKERS = 2
THREADS = 32
AT_ONCE = 64
SERVER = "From the command to the first answer"
WORKER = "From the end of a worker to an answer of the next"
numbers = count(100_000)  # the made-up history of `benchmarks.audit_size` has those below


@dataclass
class Figures:
    cpu_ms: float
    per_second: float
    p50_ms: float
    p99_ms: float
    statements: float
    round_trips: float


def count_reads(port: int) -> int:
    with redis.Redis(port=port) as client:
        return int(client.info("stats")["total_reads_processed"])


def measure(flow: Flow, site: Site, redis_port: int, people_count: int, at_once: int) -> Figures:
    people = [Person(next(numbers), site.port) for _ in range(people_count)]
    if flow.needs:
        flow.needs(people)
    run(people, flow.prepare, at_once)
    site.wait_until_idle()
    for person in people:
        person.statements = 0
    cpu, reads = site.cpu_seconds, count_reads(redis_port)
    seconds, times = run(people, flow.measured, at_once)
    site.wait_until_idle()
    times.sort()
    return Figures(
        cpu_ms=(site.cpu_seconds - cpu) / people_count * 1000,
        per_second=people_count / seconds,
        p50_ms=times[len(times) // 2] * 1000,
        p99_ms=times[len(times) * 99 // 100] * 1000,
        statements=sum(person.statements for person in people) / people_count,
        # The two looks at Redis here are reads as well.
        round_trips=(count_reads(redis_port) - reads - 2) / people_count,
    )


def take_median(rounds: list[Figures]) -> Figures:
    return Figures(*(statistics.median(values) for values in zip(*(vars(one).values() for one in rounds), strict=True)))


def print_table(results: dict[str, Figures], delay: int) -> None:
    floor = results["F: DRF and one call"]
    print(f"\nTwilio answers after {delay} ms\n")
    print("| flow | CPU ms | ÷ F | per second | ÷ F | p50 ms | p99 ms | statements | Redis |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, figures in results.items():
        print(
            f"| {name} | {figures.cpu_ms:.2f} | {figures.cpu_ms / floor.cpu_ms:.2f} | {figures.per_second:.0f} "
            f"| {figures.per_second / floor.per_second:.2f} | {figures.p50_ms:.0f} | {figures.p99_ms:.0f} "
            f"| {figures.statements:.1f} | {figures.round_trips:.1f} |"
        )


def measure_rounds(options: argparse.Namespace, url: str, delay: int) -> None:
    with (
        run_redis() as redis_port,
        run_module("stand_in", delay) as twilio_port,
        run_site(
            "benchmarks.site_settings", env := get_environment(url, redis_port, twilio_port), WORKERS, THREADS
        ) as site,
        run_site(FLOOR_SITE, env, WORKERS, THREADS) as floor,
        run_site(FLOOR_SITE, env, WORKERS, THREADS) as floor_with_statements,  # F's memory holds no database
    ):
        rounds: dict[str, list[Figures]] = {}
        asked = [
            *((flow, floor) for flow in FLOORS),
            (STATEMENTS_FLOOR, floor_with_statements),
            *((flow, site) for flow in FLOWS),
        ]
        for flow, at in asked:
            measure(flow, at, redis_port, AT_ONCE, AT_ONCE)  # warm
        for _ in range(options.rounds):
            for flow, at in asked:
                found = measure(flow, at, redis_port, options.people, AT_ONCE)
                rounds.setdefault(flow.name, []).append(found)
        print_table({name: take_median(figures) for name, figures in rounds.items()}, delay)
        print(
            f"\nMemory of a worker: {site.worker_megabytes:.0f} MB, F's {floor.worker_megabytes:.0f} MB, "
            f"ratio {site.worker_megabytes / floor.worker_megabytes:.2f}"
        )


def measure_starts(url: str) -> None:
    """Print how long the server takes from the command to its first answer, and a worker that takes a dead one's place.

    The second is what people meet: code is loaded once, by the server, and its workers are copies of it.
    """
    with run_redis() as redis_port:
        env = get_environment(url, redis_port, 1)
        times: dict[tuple[str, str], list[float]] = {}
        for settings in ["benchmarks.site_settings", FLOOR_SITE] * 5:
            path = "/api/session" if settings != FLOOR_SITE else "/django"
            with run_site(settings, env, 1, 4) as site:
                answered = time_first_answer(site, path)
                times.setdefault((SERVER, settings), []).append(site.seconds_to_listen + answered)
                os.kill(site.pids[-1], signal.SIGKILL)
                times.setdefault((WORKER, settings), []).append(time_first_answer(site, path))
        for what in (SERVER, WORKER):
            own, bare = (statistics.median(values) for (kind, _), values in times.items() if kind == what)
            print(f"\n{what}: {own * 1000:.0f} ms, bare Django + DRF {bare * 1000:.0f} ms, ratio {own / bare:.2f}")


def time_first_answer(site: Site, path: str) -> float:
    """Give the seconds until somebody answers; one whose worker dies meanwhile asks again."""

    async def look(person: Person) -> None:
        await person.call("GET", path)

    began_at = time.perf_counter()
    while True:
        with suppress(OSError, asyncio.IncompleteReadError):
            run([Person(next(numbers), site.port)], look, 1)
            return time.perf_counter() - began_at


def measure_slow_redis(url: str, people: int) -> None:
    """Print how much longer a send takes when Redis answers 5 ms later."""
    with (
        run_redis() as redis_port,
        run_module("stand_in", 0) as twilio_port,
        run_module("slow", redis_port, 5) as slow_port,
        run_site("benchmarks.site_settings", get_environment(url, redis_port, twilio_port), 1, 4) as quick,
        run_site("benchmarks.site_settings", get_environment(url, slow_port, twilio_port), 1, 4) as slow,
    ):
        for site in (quick, slow):
            measure(FLOWS[0], site, redis_port, 20, 1)
        rounds = [[measure(FLOWS[0], site, redis_port, people, 1).p50_ms for site in (quick, slow)] for _ in range(3)]
        before, after = (statistics.median(values) for values in zip(*rounds, strict=True))
        print(
            f"\nA send with Redis 5 ms slower: {after:.1f} ms instead of {before:.1f} ms, {after - before:.1f} ms more"
        )


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--delays", type=int, nargs="+", default=[0, 150], help="ms that Twilio takes (0 150)")
    parser.add_argument("--people", type=int, default=400, help="how many do each flow in a round (400)")
    parser.add_argument("--rounds", type=int, default=3, help="of which the median counts (3)")
    return parser.parse_args()


def main() -> None:
    options = read_options()
    with scratch.make_database(os.environ["DATABASE_URL"]) as url:  # noqa: TID251
        scratch.use(url)
        for delay in options.delays:
            measure_rounds(options, url, delay)
        measure_starts(url)
        measure_slow_redis(url, 100)


if __name__ == "__main__":
    main()
