"""Whether the audit of a soak agrees with Twilio, with the budget in Redis, and with Prometheus' counters."""

from collections import Counter
from typing import Any

from benchmarks.story import CRASHED, OK, UNAVAILABLE, Story, Verdict, list_broken


def compare_messages(story: Story) -> Verdict:
    """Find the one row of every message; where Twilio's answer was lost the row does not know its SID."""
    from otp.destinations import Destination

    known = Counter(row.verification_sid for row in story.sends if row.verification_sid)
    lost = Counter(row.destination_hash for row in story.sends if may_be_out(row))
    sent = {message["sid"] for message in story.messages}
    stood_for, missing = 0, []
    for message in story.messages:
        if message["sid"] in known:
            continue
        hashed = Destination(message["to"]).hash
        stood_for += lost[hashed] > 0
        missing += [] if lost[hashed] else [message["sid"]]
        lost[hashed] -= 1
    twice = [sid for sid, rows in known.items() if rows > 1]
    return Verdict(
        "every message has its row",
        f"{len(sent)} messages, {len(sent) - stood_for - len(missing)} by their SID, {stood_for} by a row whose answer "
        f"was lost; {sum(may_be_out(row) for row in story.sends)} such rows",
        list_broken(missing=missing, twice=twice, never_sent=sorted(known.keys() - sent)),
    )


def compare_checks(story: Story) -> Verdict:
    """Find a row for every check that Twilio was asked for, and an approval for every row that accepted.

    Where the answer to a send was lost there is nothing to compare with, and Twilio is asked about an id of nobody.
    """
    rows = [row for row in story.rows if row.kind == "check"]
    sent = {message["sid"] for message in story.messages}
    asked = Counter(check["sid"] if check["sid"] in sent else "" for check in story.checks)
    written = Counter(row.verification_sid for row in rows)
    approved = {check["sid"] for check in story.checks if check["is_right"]}
    accepted = [row.verification_sid for row in rows if row.outcome == OK]
    return Verdict(
        "every check has its row",
        f"{asked.total()} checks at Twilio, {asked['']} of them about nobody; {written.total()} rows, {len(accepted)} "
        f"of them accepted",
        list_broken(missing=(asked - written).elements(), never_approved=sorted(set(accepted) - approved)),
    )


def compare_budget(story: Story, counter: int, redis_started_at: float) -> Verdict:
    """Hold what Redis has counted since it was last started against the sends since then.

    A send keeps its price unless it certainly did not go out. A reset keeps it in any case: it must not show whether
    there is an account. One that the database failed between its count and its row is counted and has none.
    """
    since = [row for row in story.sends if row.created_at.timestamp() >= redis_started_at and row.verification_id]
    prices = [get_units(row) for row in since if keeps_price(row)]
    written = {row.request_id for row in story.rows}
    rowless = [
        answer
        for answer in story.own
        if answer.call.kind == "send" and answer.began_at >= redis_started_at and answer.request_id not in written
    ]
    expected, price = sum(prices), max(prices, default=0)
    settled = sum(get_units(row) for row in since if row.cost is not None)
    drift = counter - expected
    return Verdict(
        "the budget is what was sent",
        f"{counter} units counted since Redis was last started, {expected} by {len(prices)} rows ({settled} of them "
        f"settled with a cost), {drift} more; {len(rowless)} sends without a row can each be {price}",
        [] if 0 <= drift <= price * len(rowless) else [f"{drift} units that nothing explains"],
    )


def compare_counters(story: Story, counted: Counter[tuple[str, str]], in_flight: int) -> Verdict:
    """Hold Prometheus' counters against the audit; those in flight at a kill or a restart may be missing."""
    written = Counter((row.kind, row.outcome) for row in story.rows)
    differences = {
        key: counted[key] - written[key] for key in counted.keys() | written.keys() if counted[key] != written[key]
    }
    # What crashed is counted only where somebody lived to count it.
    settled = {key: value for key, value in differences.items() if key[1] != CRASHED}
    too_many = {key: value for key, value in differences.items() if value > 0}
    figures = ", ".join(f"{kind} {outcome} {value:+}" for (kind, outcome), value in sorted(differences.items()))
    is_broken = too_many or sum(map(abs, settled.values())) > in_flight
    return Verdict(
        "the counters are what was written",
        f"{counted.total()} counted, {written.total()} rows, {in_flight} cut off; differences: {figures or 'none'}",
        [figures] if is_broken else [],
    )


def may_be_out(row: Any) -> bool:
    """Tell whether a message may have gone out of which the row does not know the SID."""
    return row.outcome in (CRASHED, UNAVAILABLE) and not row.verification_sid and row.reason != "breaker_open"


def keeps_price(row: Any) -> bool:
    return row.outcome in (OK, "conflict") or row.purpose == "password_reset" or may_be_out(row)


def get_units(row: Any) -> int:
    from otp.prices import get_price, to_units

    return to_units(get_price(row.channel, row.country))
