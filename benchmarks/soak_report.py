"""What a soak prints: a table of the faults, figures of memory and connections, and whether these stayed flat."""

from collections import Counter

from benchmarks.calls import NO_ANSWER, Answer
from benchmarks.samples import (
    NAMES,
    Sample,
    find_median,
    find_most,
    find_slope,
    get_megabytes,
    take_between,
)
from benchmarks.story import Verdict
from benchmarks.timeline import Timeline
from benchmarks.visitors import MOST_AT_ONCE, Visitors

# A process may grow by this much while it does what it has never done before.
GROWTH = 1.10
DATABASE_POOL_SIZE, BACKGROUND_THREADS = 8, 4


def print_table(timeline: Timeline, visitors: Visitors) -> None:
    """Print a row for calm and for each fault, all its times together; then what was answered, and how often."""
    peak = [answer for answer in visitors.answers if answer.began_at < timeline.began_at]
    answers = visitors.answers[len(peak) :]
    print("\n| | times | answers | as wanted | refused | 503 | none | p50 ms | p99 ms | slowest s |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    print_row("peak", 1, peak)
    print_row("calm", 1, [answer for answer in answers if timeline.is_calm(answer)])
    for name, stretches in timeline.by_name.items():
        met = [answer for answer in answers if any(stretch.covers(answer) for stretch in stretches)]
        print_row(name, len(stretches), met)
    print(
        f"\n{visitors.came} people came, {visitors.finished} went all the way; {visitors.turned_away} were turned "
        f"away, for {MOST_AT_ONCE} were there already"
    )
    for answer, times in sorted(Counter(map(str, visitors.answers)).items()):
        print(f"  {times:7} {answer}")


def print_row(name: str, times: int, answers: list[Answer]) -> None:
    seconds = sorted(answer.seconds for answer in answers) or [0.0]
    wanted = sum(answer.is_success for answer in answers)
    away = sum(answer.status == 503 for answer in answers)
    missing = sum(answer.status == NO_ANSWER for answer in answers)
    refused = len(answers) - wanted - away - missing
    print(
        f"| {name} | {times} | {len(answers)} | {wanted} | {refused} | {away} | {missing} "
        f"| {seconds[len(seconds) // 2] * 1000:.0f} | {seconds[len(seconds) * 99 // 100] * 1000:.0f} "
        f"| {seconds[-1]:.1f} |"
    )


def print_samples(timeline: Timeline, samples: list[Sample]) -> None:
    first, last = (take_between(samples, *stretch) for stretch in (timeline.first_calm, timeline.last_calm))
    print("\n| | first calm | most | last calm | at the end, idle |\n|---|---|---|---|---|")
    for name in NAMES:
        idle = samples[-1].get(name) or 0
        print(
            f"| {name} | {find_median(first, name):.1f} | {find_most(samples, name):.1f} "
            f"| {find_median(last, name):.1f} | {idle:.1f} |"
        )


def judge_memory(timeline: Timeline, samples: list[Sample]) -> Verdict:
    """Compare the workers that lived through it all: the median of each in the first calm stretch and in the last."""
    first, last = (take_between(samples, *stretch) for stretch in (timeline.first_calm, timeline.last_calm))
    old = set.intersection(*({pid for sample in part for pid in sample.workers} for part in (first, last)))
    figures, broken = [], []
    for pid in old:
        before, after = ([size for _, size in get_megabytes(part, pid)] for part in (first, last))
        sizes = sorted(before)[len(before) // 2], sorted(after)[len(after) // 2]
        slope = find_slope(get_megabytes(take_between(samples, timeline.first_calm[0], float("inf")), pid))
        figures.append(f"{sizes[0]:.1f} MB became {sizes[1]:.1f} MB ({slope:+.1f} MB an hour)")
        broken += [f"worker {pid} grew"] if sizes[1] > sizes[0] * GROWTH else []
    return Verdict("memory is flat", "; ".join(figures), broken or ([] if old else ["no worker lived through it all"]))


def judge_connections(timeline: Timeline, samples: list[Sample], workers: int, threads: int) -> Verdict:
    """Hold what stands open at the end, idle, against the pools and against the most of the first calm stretch.

    Pools keep as many connections as were ever needed at once: these may be more after an outage, up to one for each
    thread. Files that are no connection may not.
    """
    first, idle = take_between(samples, *timeline.first_calm), samples[-1]
    each = threads + BACKGROUND_THREADS
    # Redis has two pools, that of the counters and that of the cache.
    pools = {"postgres": workers * DATABASE_POOL_SIZE, "redis": workers * 2 * each, "twilio": workers * each}
    limits = {
        **pools,
        "connections": sum(pools.values()) / workers,
        "clients": 0,
        "others": find_most(first, "others"),
    }
    figures, broken = [], []
    for name, most in limits.items():
        now = idle.get(name) or 0
        figures.append(f"{name} {now:.1f} (before {find_most(first, name):.1f}, at most {most:.1f})")
        broken += [f"{name}: {now:.1f}, and {most:.1f} may be left"] if now > most else []
    return Verdict("nothing is left open", ", ".join(figures), broken)
