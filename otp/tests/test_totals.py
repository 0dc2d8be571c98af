"""Roll-ups: attempts by hour and day, kept up by a command and topped up on reading."""

import secrets
from dataclasses import astuple
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.core.management import call_command

from otp.models import DailyTotal, Delivery, HourlyTotal, VerificationAttempt
from otp.operations import totals
from otp.operations.histogram import BOUNDS, find_quantile
from otp.operations.totals import Totals, roll_up, roll_up_again, rolled_up_until
from otp.tests.parallel import run_copies
from otp.tests.records import make_attempt, make_check

NOW = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def still_clock():
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


def price(attempt, amount, currency="USD"):
    return Delivery.objects.create(
        attempt_sid=f"VL{secrets.token_hex(16)}",
        attempt=attempt,
        price=amount,
        currency=currency,
        created_at=attempt.created_at,
        synced_at=NOW,
    )


def read_rolled(model=HourlyTotal, *names):
    names = names or ("hour", "kind", "outcome", "country", "count", "cost")
    found = model.objects.filter(dimension="outcome") if model is DailyTotal else model.objects.all()
    return sorted(found.values_list(*names))


class TestRollUp:
    def test_sums_what_is_alike_and_leaves_the_hour_that_runs(self):
        for country, ago in (("US", 1), ("US", 1), ("GB", 1), ("US", 2), ("US", 0)):
            make_attempt(country=country, ago=ago * HOUR)
        make_attempt(outcome="too_many_requests", reason="budget", ago=HOUR)

        assert roll_up() == 2

        ten, eleven = NOW.replace(hour=10, minute=0), NOW.replace(hour=11, minute=0)
        assert read_rolled() == [
            (ten, "send", "ok", "US", 1, Decimal("0.05")),
            (eleven, "send", "ok", "GB", 1, Decimal("0.05")),
            (eleven, "send", "ok", "US", 2, Decimal("0.10")),
            (eleven, "send", "too_many_requests", "US", 1, Decimal(0)),
        ]
        assert rolled_up_until() == NOW.replace(minute=0)

    def test_again_and_later_changes_nothing_that_was_right(self, still_clock):
        make_attempt(ago=30 * HOUR)
        make_attempt(ago=HOUR)
        roll_up()
        before = read_rolled()

        assert roll_up() == 0
        assert read_rolled() == before
        make_attempt(ago=timedelta(0))
        still_clock.shift(HOUR)
        assert roll_up() == 1
        assert sum(HourlyTotal.objects.values_list("count", flat=True)) == 3
        assert sum(DailyTotal.objects.filter(dimension="channel").values_list("count", flat=True)) == 3

    def test_waits_for_attempts_that_may_not_be_settled(self, still_clock):
        still_clock.move_to(NOW.replace(hour=13, minute=2))
        make_attempt(at=NOW.replace(minute=59), outcome="crashed", ago=None)

        roll_up()
        assert rolled_up_until() is None
        still_clock.shift(timedelta(minutes=4))
        roll_up()

        assert rolled_up_until() == NOW.replace(hour=13, minute=0)

    def test_sums_an_hour_again_that_a_clock_behind_put_attempts_into(self):
        make_attempt(ago=3 * HOUR)
        roll_up()
        make_attempt(ago=3 * HOUR)
        make_attempt(ago=2 * HOUR)

        assert roll_up() == 0

        assert read_rolled(HourlyTotal, "hour", "count") == [
            (NOW.replace(hour=9, minute=0), 2),
            (NOW.replace(hour=10, minute=0), 1),
        ]
        assert read_rolled(DailyTotal, "count") == [(3,)]

    def test_sums_an_hour_again_that_a_clock_ahead_took_for_over(self, still_clock):
        make_attempt(ago=timedelta(0))
        still_clock.shift(HOUR)
        roll_up()
        still_clock.shift(-HOUR)
        make_attempt(ago=timedelta(0))

        roll_up()
        assert sum(HourlyTotal.objects.values_list("count", flat=True)) == 1  # the hour still runs
        still_clock.shift(HOUR)
        roll_up()

        assert sum(HourlyTotal.objects.values_list("count", flat=True)) == 2

    def test_goes_over_midnights_and_silent_days(self):
        make_attempt(at=NOW - 3 * DAY)
        make_attempt(at=NOW - HOUR)

        heard = []
        roll_up(lambda done, of: heard.append((done, of)))

        assert read_rolled(DailyTotal, "day", "count") == [(date(2026, 11, 17), 1), (date(2026, 11, 20), 1)]
        assert heard == [(12, 72), (36, 72), (60, 72), (72, 72)]

    def test_without_attempts_there_is_nothing_to_do(self, capsys):
        call_command("roll_up")

        assert "no attempts yet" in capsys.readouterr().out

    def test_the_command_says_how_far_it_came(self, capsys):
        make_attempt(ago=HOUR)

        call_command("roll_up")

        assert capsys.readouterr().out == "Rolled up 1 hours; all is summed until 2026-11-20 12:00 UTC.\n"


class TestRollUpAgain:
    def test_takes_over_prices_that_came_late(self):
        attempt = make_attempt(ago=2 * HOUR)
        make_attempt(ago=5 * HOUR)
        roll_up()
        price(attempt, Decimal("0.0083"))

        roll_up_again([attempt.created_at])

        assert read_rolled(HourlyTotal, "hour", "estimated_cost", "cost", "priced")[-1][1:] == (
            Decimal("0.05"),
            Decimal("0.0083"),
            1,
        )
        assert sum(DailyTotal.objects.filter(dimension="place").values_list("cost", flat=True)) == Decimal("0.0583")

    def test_leaves_prices_in_another_currency_out_of_the_sum(self):
        make_attempt(ago=5 * HOUR)
        price(make_attempt(ago=2 * HOUR), Decimal("0.09"), "EUR")
        roll_up()

        assert sum(HourlyTotal.objects.values_list("cost", flat=True)) == Decimal("0.10")

    @pytest.mark.parametrize("kept", ["newer", "half"])
    def test_keeps_the_sums_of_attempts_that_are_gone(self, kept):
        hour = NOW - 30 * HOUR
        attempts = [make_attempt(at=hour) for _ in range(4)]
        make_attempt(at=NOW - 40 * HOUR if kept == "half" else NOW - HOUR)
        roll_up()
        VerificationAttempt.objects.filter(pk__in=[attempt.pk for attempt in attempts[:2]]).delete()

        roll_up_again([hour])

        assert sum(HourlyTotal.objects.values_list("count", flat=True)) == 5


class TestReading:
    def test_adds_the_tail_to_the_roll_ups(self, still_clock):
        make_attempt(ago=2 * HOUR)
        make_check(ago=2 * HOUR)
        roll_up()
        make_attempt()
        make_attempt(country="GB")
        known = Totals(NOW - 2 * DAY)

        by_hour = known.by_hour(NOW.replace(hour=0, minute=0), "kind")
        in_days = known.in_days(NOW.date(), None, "country", "kind")

        assert sorted((row.at.hour, row.kind, row.count) for row in by_hour) == [
            (10, "check", 1),
            (10, "send", 1),
            (12, "send", 2),
        ]
        assert sorted((row.kind, row.country, row.count, row.cost) for row in in_days) == [
            ("check", "US", 1, Decimal(0)),
            ("send", "GB", 1, Decimal("0.05")),
            ("send", "US", 2, Decimal("0.10")),
        ]

    def test_is_the_same_with_and_without_roll_ups(self):
        for ago in range(0, 120, 7):
            make_attempt(ago=ago * HOUR, channel=("sms", "call")[ago % 2], duration_ms=100 + ago)
            make_check(ago=ago * HOUR, outcome=("ok", "incorrect_code")[ago % 2])

        def read():
            known = Totals(NOW - 10 * DAY)
            since, until = (NOW - 4 * DAY).date(), NOW.date()
            return [
                sorted((str(row.at), *astuple(row)[1:]) for row in rows)
                for rows in (
                    known.by_day(since, None, "kind", "outcome"),
                    *(known.in_days(since, until, "kind", "outcome", *by) for by in totals.DAILY.values()),
                    known.by_hour(NOW.replace(minute=0) - 30 * HOUR, "channel"),
                )
            ] + [known.answer_times(NOW.replace(minute=0) - DAY)]

        before = read()
        roll_up()

        assert read() == before
        assert all(before)


class TestQuantiles:
    def test_are_within_a_tenth(self):
        for milliseconds in range(100, 1100, 20):
            make_attempt(duration_ms=milliseconds, ago=HOUR)
        roll_up()
        counts = Totals(NOW - DAY).answer_times(NOW - DAY)

        assert find_quantile(counts, 0.5) == pytest.approx(600, rel=0.1)
        assert find_quantile(counts, 0.95) == pytest.approx(1050, rel=0.1)

    def test_of_nothing_are_unknown(self):
        assert find_quantile({}, 0.5) is None

    def test_of_the_slowest_are_the_last_bound(self):
        assert find_quantile({len(BOUNDS): 3}, 0.95) == BOUNDS[-1]


@pytest.mark.django_db(transaction=True)
def test_two_runs_at_once_do_the_work_once():
    for ago in range(1, 60):
        make_attempt(ago=ago * HOUR)

    done = run_copies(4, lambda _: roll_up())

    assert sum(done) == 59
    assert sum(HourlyTotal.objects.values_list("count", flat=True)) == 59
    assert sum(DailyTotal.objects.filter(dimension="channel").values_list("count", flat=True)) == 59
