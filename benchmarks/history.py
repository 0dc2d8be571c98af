"""Whether what flows cost grows with what is stored: `bin/with-services python -m benchmarks.history`.

Two sites, one on an empty database and one with five million attempts, do each flow in turns; the medians of the rounds
are compared. Both run at once, so what else the machine does slows both alike.
"""

import argparse
import os
import time
from contextlib import ExitStack

from benchmarks import scratch
from benchmarks.audit_size import load
from benchmarks.flows import AT_ONCE, THREADS, WORKERS, Figures, measure, take_median
from benchmarks.journeys import FLOWS
from benchmarks.servers import get_environment, run_module, run_redis, run_site

GOAL = 1.2


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--attempts", type=int, default=5_000_000, help="stored for the one of the sites (5,000,000)")
    parser.add_argument("--people", type=int, default=200, help="how many do each flow in a round (200)")
    parser.add_argument("--rounds", type=int, default=5, help="of which the median counts (5)")
    options = parser.parse_args()
    server = os.environ["DATABASE_URL"]  # noqa: TID251
    rounds: dict[tuple[str, int], list[Figures]] = {}
    with ExitStack() as stack:
        twilio_port = stack.enter_context(run_module("stand_in", 0))
        sites = []
        for attempts in (0, options.attempts):
            url = stack.enter_context(scratch.make_database(server, f"smartfin_history_{attempts}"))
            if attempts:
                scratch.use(url)
                began_at = time.monotonic()
                load(attempts)
                print(f"{attempts:,} attempts made up in {time.monotonic() - began_at:.0f} s", flush=True)
            redis_port = stack.enter_context(run_redis())
            env = get_environment(url, redis_port, twilio_port)
            site = stack.enter_context(run_site("benchmarks.site_settings", env, WORKERS, THREADS))
            sites.append((attempts, url, site, redis_port))
        for turn in range(options.rounds + 1):
            for flow in FLOWS:
                for attempts, url, site, redis_port in sites:
                    scratch.use(url)
                    found = measure(flow, site, redis_port, options.people if turn else AT_ONCE, AT_ONCE)
                    if turn:  # the first one warms up
                        rounds.setdefault((flow.name, attempts), []).append(found)
        print_table(rounds, options.attempts)


def print_table(rounds: dict[tuple[str, int], list[Figures]], attempts: int) -> None:
    print(f"\n| flow | CPU ms, none stored | {attempts:,} stored | ratio | per second | | ratio | p50 ms | | ratio |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    missed = []
    for flow in FLOWS:
        few, many = (take_median(rounds[flow.name, stored]) for stored in (0, attempts))
        ratios = (many.cpu_ms / few.cpu_ms, few.per_second / many.per_second, many.p50_ms / few.p50_ms)
        print(
            f"| {flow.name} | {few.cpu_ms:.2f} | {many.cpu_ms:.2f} | {ratios[0]:.2f} "
            f"| {few.per_second:.0f} | {many.per_second:.0f} | {ratios[1]:.2f} "
            f"| {few.p50_ms:.0f} | {many.p50_ms:.0f} | {ratios[2]:.2f} |"
        )
        missed += [flow.name] if max(ratios) > GOAL else []
    print(f"\nPast {GOAL} ×: {', '.join(missed) or 'none'}.")


if __name__ == "__main__":
    main()
