"""A long run at half of the peak, with faults in it: `python -m benchmarks.soak [--minutes 20]`.

Runs PostgreSQL, Redis, a stand-in for Twilio and the site (two processes of 32 threads) of its own. Measures what the
site can do, then has people come at half of that rate: they send and check codes, register, reset passwords, sign in.
The first and the last quarter are calm; in between parts are broken and mended in turn. At the end memory and
connections are held against those of the first quarter, and everything that was written down against everything else:
answers, audit, Twilio's messages and checks, the budget in Redis, Prometheus' counters. Exits with 1 if they disagree.
"""

import argparse
import asyncio
import http.client
import json
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import redis
from prometheus_client.parser import text_string_to_metric_families

from benchmarks import agreement, answers, scratch, soak_report
from benchmarks.load import HOST
from benchmarks.parts import Fault, Redis, find_child, kill_a_worker, run_postgres
from benchmarks.samples import Sampler
from benchmarks.servers import Site, get_environment, run_module, run_site
from benchmarks.story import Story, Verdict, read_rows
from benchmarks.timeline import Stretch, Timeline
from benchmarks.visitors import Visitors

WORKERS, THREADS = 2, 32
AT_ONCE = 64
WARM_SECONDS, PEAK_SECONDS = 10, 20
PEOPLE_AT_PEAK = 10_000  # more than can come while the peak is measured
SAMPLE_SECONDS = 10
ROUND_SECONDS = 200
TWILIO_DELAY_MS = 50
METRICS_TOKEN = "made-up-for-measuring"  # noqa: S105


@dataclass
class Soak:
    """One run: the site and what it stands on, what can be broken of it, who comes, and what is seen."""

    site: Site
    store: Redis
    twilio_port: int
    visitors: Visitors
    sampler: Sampler
    faults: list[Fault]
    timeline: Timeline = field(default_factory=Timeline)

    async def measure_peak(self) -> float:
        """Give how many people a second go all the way when there are as many as the site has threads."""
        await self.visitors.come_again_and_again(AT_ONCE, WARM_SECONDS)
        return await self.visitors.come_again_and_again(AT_ONCE, PEAK_SECONDS)

    async def run(self, seconds: float) -> None:
        peak = await self.measure_peak()
        print(f"peak: {peak:.1f} people a second; from now on {peak / 2:.1f} come a second", flush=True)
        self.visitors.rate = peak / 2
        # Two minutes more than there are, for what comes twice as fast meanwhile.
        await asyncio.to_thread(self.visitors.make_members, peak / 2 * (seconds + 120))
        await asyncio.gather(self.visitors.arrive(seconds), self.break_parts(seconds), self.watch(seconds))

    async def break_parts(self, seconds: float) -> None:
        """Break one part after the other, each as often as there is time for, between two calm quarters."""
        rounds = max(1, int(seconds / 2 // ROUND_SECONDS))
        turn = seconds / 2 / (rounds * len(self.faults))
        self.timeline.began_at = time.time()
        await asyncio.sleep(seconds / 4)
        self.timeline.first_fault_at = time.time()
        for fault in self.faults * rounds:
            began, began_at = time.monotonic(), time.time()
            await asyncio.to_thread(fault.begin)
            await asyncio.sleep(min(fault.seconds, turn / 2))
            await asyncio.to_thread(fault.end)
            self.timeline.stretches.append(Stretch(fault, began_at, time.time()))
            await asyncio.sleep(max(0.0, began + turn - time.monotonic()))
        self.timeline.last_fault_at = time.time()

    async def watch(self, seconds: float) -> None:
        ends_at = time.monotonic() + seconds
        while time.monotonic() < ends_at:
            await asyncio.to_thread(self.sampler.look)
            await asyncio.sleep(SAMPLE_SECONDS)


def ask(port: int, path: str) -> bytes:
    """Read a page of the site, or of the stand-in, as a program of the operator's."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Host": HOST, "X-Forwarded-Proto": "https", "Authorization": f"Bearer {METRICS_TOKEN}"}
    connection.request("GET", path, headers=headers)
    content = connection.getresponse().read()
    connection.close()
    return content


def read_counters(port: int) -> Counter[tuple[str, str]]:
    """Read how many sends and checks Prometheus' counters have of each outcome."""
    counted: Counter[tuple[str, str]] = Counter()
    names = {"otp_sends_total": "send", "otp_checks_total": "check"}
    for family in text_string_to_metric_families(ask(port, "/metrics").decode()):
        for sample in family.samples:
            if kind := names.get(sample.name):
                counted[kind, sample.labels["outcome"]] += int(sample.value)
    return counted


def read_budget(port: int) -> int:
    with redis.Redis(port=port) as client:
        return sum(int(client.get(key) or 0) for key in client.scan_iter("otp:volume:budget:site:*"))


def list_faults(site: Site, store: Redis, control: Callable[..., None], twilio: int, visitors: Visitors) -> list[Fault]:
    def come_at(times: float) -> None:
        visitors.rate *= times

    return [
        Fault("twice the people", lambda: come_at(2), lambda: come_at(0.5), seconds=20),
        Fault("Redis is killed and started again", store.stop, store.start),
        Fault("PostgreSQL is restarted", lambda: control("-m", "fast", "restart"), cuts_database=True, seconds=0),
        Fault("a worker is killed", lambda: kill_a_worker(site), closes_connections=True, seconds=0),
        Fault(
            "Twilio hangs", lambda: os.kill(twilio, signal.SIGSTOP), lambda: os.kill(twilio, signal.SIGCONT), seconds=8
        ),
    ]


def start(parts: ExitStack, log: str) -> Soak:
    """Start everything; it is stopped when `parts` is left."""
    folder = Path(parts.enter_context(tempfile.TemporaryDirectory()))
    server_url, control = parts.enter_context(run_postgres(folder))
    url = parts.enter_context(scratch.make_database(server_url))
    scratch.use(url)
    store = Redis()
    store.start()
    parts.callback(store.stop)
    twilio_port = parts.enter_context(run_module("stand_in", TWILIO_DELAY_MS))
    twilio = find_child("benchmarks.stand_in")
    parts.callback(os.kill, twilio, signal.SIGCONT)
    environment = get_environment(url, store.port, twilio_port, TWILIO_TIMEOUT="3", METRICS_TOKEN=METRICS_TOKEN)
    site = parts.enter_context(run_site("benchmarks.site_settings", environment, WORKERS, THREADS, log=log))
    visitors = Visitors(site.port)
    faults = list_faults(site, store, control, twilio, visitors)
    return Soak(site, store, twilio_port, visitors, Sampler(site, url, store.port, twilio_port), faults)


def judge(soak: Soak) -> list[Verdict]:
    """Compare all that was written down, now that everything has come to rest."""
    seen, timeline = soak.visitors.answers, soak.timeline
    messages, checks = (json.loads(ask(soak.twilio_port, path)) for path in ("/messages", "/checks"))
    story = Story(read_rows(), seen, messages, checks, timeline.was_cut)
    return [
        soak_report.judge_memory(timeline, soak.sampler.samples),
        soak_report.judge_connections(timeline, soak.sampler.samples, WORKERS, THREADS),
        agreement.compare_messages(story),
        agreement.compare_checks(story),
        agreement.compare_budget(story, read_budget(soak.store.port), soak.store.started_at),
        agreement.compare_counters(story, read_counters(soak.site.port), timeline.count_in_flight(seen)),
        answers.compare_answers(story),
        answers.compare_acceptances(story),
        answers.compare_statuses(story, timeline.may_be_missing, timeline.is_calm),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=20, help="how long people come at half of the peak (20)")
    parser.add_argument("--log", default=os.devnull, help="a file for what the site writes to its log (nowhere)")
    options = parser.parse_args()
    with ExitStack() as parts:
        soak = start(parts, options.log)
        soak.visitors.make_members(PEOPLE_AT_PEAK)
        asyncio.run(soak.run(options.minutes * 60))
        soak.site.wait_until_idle()
        soak.sampler.look()
        soak_report.print_table(soak.timeline, soak.visitors)
        soak_report.print_samples(soak.timeline, soak.sampler.samples)
        verdicts = judge(soak)
        print("", *verdicts, sep="\n")
    sys.exit(any(verdict.broken for verdict in verdicts))


if __name__ == "__main__":
    main()
