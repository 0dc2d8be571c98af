"""Whether what people were answered in a soak agrees with the audit, and with what may be answered at all."""

from collections import Counter, defaultdict
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from benchmarks.calls import ASK, CHECK, NO_ANSWER, SIGN_IN, Answer
from benchmarks.story import CRASHED, OK, UNAVAILABLE, Story, Verdict, list_broken

# What a send that is made after the answer, or whose failure is told beside it, may have come to.
LATER = {OK, CRASHED, UNAVAILABLE}


def compare_answers(story: Story) -> Verdict:
    """Hold every answer against the row that carries its request's id."""
    rows = defaultdict(list)
    for row in story.rows:
        rows[row.request_id].append(row)
    counted: Counter[str] = Counter()
    broken = defaultdict(list)
    for answer in story.own:
        fault = judge(answer, rows[answer.request_id], was_cut=story.was_cut(answer))
        counted["with a row" if rows[answer.request_id] else "without"] += 1
        counted["accepted, answered 503"] += is_accepted_unsaid(answer, rows[answer.request_id])
        if fault:
            broken[fault].append(f"{answer} {[row.outcome for row in rows[answer.request_id]]}")
    asked = {answer.request_id for answer in story.own}
    unasked = [row.request_id for row in story.rows if row.request_id not in asked]
    return Verdict(
        "every answer agrees with its row",
        f"{len(story.own)} answers; " + ", ".join(f"{times} {name}" for name, times in sorted(counted.items())),
        list_broken(**broken, without_a_request=unasked),
    )


def judge(answer: Answer, rows: list[Any], *, was_cut: bool) -> str:
    """Name what is wrong between an answer and its rows, '' where they agree."""
    if not answer.is_named_right:
        return "under_another_id"
    if len(rows) > 1:
        return "with_several_rows"
    if not rows:
        return "without_a_row" if owes_row(answer) and not was_cut else ""
    allowed = list_outcomes(answer) | ({OK} if was_cut and answer.status == HTTPStatus.SERVICE_UNAVAILABLE else set())
    is_right = rows[0].kind == answer.call.kind and (not allowed or rows[0].outcome in allowed)
    return "" if is_right else "with_another_outcome"


def owes_row(answer: Answer) -> bool:
    """Tell whether an answer comes from where the ledger was reached."""
    if answer.status == NO_ANSWER or answer.word == "not_authenticated":  # no sign-in is pending: no code was looked at
        return False
    # Passwords are counted in Redis too: with it away a sign-in ends there.
    return not (answer.call == SIGN_IN and answer.status == HTTPStatus.SERVICE_UNAVAILABLE)


def list_outcomes(answer: Answer) -> set[str]:
    """Name what the row of an answer may say; nothing where it may say anything."""
    if answer.status == NO_ANSWER:
        return set()
    if answer.is_success:
        return LATER if answer.call == ASK or answer.word == "problem" else {OK}
    return {CRASHED, UNAVAILABLE} if answer.status == HTTPStatus.SERVICE_UNAVAILABLE else {answer.word}


def is_accepted_unsaid(answer: Answer, rows: list[Any]) -> bool:
    return answer.status == HTTPStatus.SERVICE_UNAVAILABLE and any(row.outcome == OK for row in rows)


def compare_acceptances(story: Story) -> Verdict:
    """See that no code was accepted twice, neither in an answer nor in a row, and that the verification says so too."""
    rows = [row for row in story.rows if row.kind == "check" and row.outcome == OK]
    by_request = {row.request_id: row for row in rows}
    said = [one for one in story.own if one.call.kind == "check" and one.is_success and one.request_id in by_request]
    answers = Counter(by_request[answer.request_id].verification_id for answer in said)
    written = Counter(row.verification_id for row in rows)
    others = []
    for answer in said:
        status = by_request[answer.request_id].verification__status
        if status != ("approved" if answer.call == CHECK else "redeemed"):
            others.append(f"{answer}: {status}")
    return Verdict(
        "no code was accepted twice",
        f"{len(said)} accepted in an answer, {len(rows)} by the ledger, {len(written)} verifications",
        list_broken(
            answered_twice=[str(key) for key, times in answers.items() if times > 1],
            written_twice=[str(key) for key, times in written.items() if times > 1],
            with_another_status=others,
        ),
    )


def compare_statuses(
    story: Story, may_be_missing: Callable[[Answer], bool], is_calm: Callable[[Answer], bool]
) -> Verdict:
    """See that no 5xx but 503 came, that none stayed away but at a kill, and that in calm nothing went wrong at all."""
    missing = [answer for answer in story.answers if answer.status == NO_ANSWER]
    refused = [answer for answer in story.answers if answer.status == HTTPStatus.SERVICE_UNAVAILABLE]
    bugs = [answer for answer in story.answers if answer.status >= 500 and answer not in refused]
    return Verdict(
        "503 is the only failure, and only while something is broken",
        f"{len(story.answers)} answers, {len(refused)} were 503, {len(missing)} never came",
        list_broken(
            other_5xx=map(str, bugs),
            never_came=[str(answer) for answer in missing if not may_be_missing(answer)],
            failed_in_calm=[str(answer) for answer in [*missing, *refused] if is_calm(answer)],
        ),
    )
