"""Reconciliation with Twilio: from the sandbox, which speaks its Attempts API, and byte by byte from the double."""

import json
import secrets
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.core.management import CommandError, call_command

from otp import services
from otp.client import Client
from otp.exceptions import NotConfigured, ProviderBusy, ProviderMisbehaved, ProviderUnavailable
from otp.models import DailyTotal, Delivery, Progress, VerificationAttempt
from otp.operations import reconcile
from otp.operations.pace import Pace
from otp.operations.reconcile import sync_attempts
from otp.operations.totals import roll_up
from otp.purposes import Purpose
from otp.sandbox.control import change_state
from otp.sandbox.models import Attempt as SandboxAttempt
from otp.tests.parallel import run_copies
from otp.tests.records import make_attempt
from otp.tests.twilio_double import Answer
from otp.verify_api.attempts import twilio_attempts

NOW = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
DAY = timedelta(days=1)
NUMBER = "+12025550123"
SERVICE = "VA" + "5" * 32


class Clock:
    """Time that passes by waiting alone."""

    def __init__(self):
        self.now = 0.0
        self.waits = []

    def sleep(self, seconds):
        self.waits.append(seconds)
        self.now += seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def pace(clock):
    return Pace(100, clock=lambda: clock.now, sleep=clock.sleep)


def send(to=NUMBER, channel="sms", purpose=Purpose.VERIFICATION):
    return services.send_otp(to, channel, purpose=purpose, client=Client())


@pytest.mark.django_db(transaction=True)
class TestOnTheSandbox:
    @pytest.fixture(autouse=True)
    def prices(self, settings):
        settings.OTP_PRICES = {"sms": "0.0083", "call": "0.013", "email": "0", "success": "0.05"}

    def test_takes_over_what_became_of_each_message(self, pace, settings):
        with time_machine.travel(NOW - timedelta(hours=2)):
            send()
            send("+13035550103")
            send("a@example.com", "email", Purpose.REGISTRATION)
            send("+12025550124", "call", Purpose.LOGIN)
        settings.OTP_PRICES = {}

        with time_machine.travel(NOW):
            result = sync_attempts(days=1, pace=pace)

        rows = {
            row.channel + row.status: (row.error_code, str(row.price), row.currency, row.country, row.is_converted)
            for row in Delivery.objects.exclude(attempt=None)
        }
        assert rows == {
            "smsdelivered": (None, "0.00830", "USD", "US", False),
            "smsundelivered": (30003, "0.00830", "USD", "US", False),
            "emaildelivered": (None, "0.00000", "USD", "", False),
            "callcompleted": (None, "0.01300", "USD", "US", False),
        }
        assert (result.read, result.new, result.unmatched, result.unpriced) == (4, 4, 0, 0)

    def test_again_changes_nothing_and_a_late_price_is_taken_over(self, pace):
        with time_machine.travel(NOW, tick=False) as clock:
            send()
            first = sync_attempts(days=1, pace=pace)
            again = sync_attempts(days=1, pace=pace)
            clock.shift(timedelta(hours=9))
            roll_up()
            later = sync_attempts(days=1, pace=pace)
            last = sync_attempts(days=1, pace=pace)

        assert (first.new, first.unpriced, again.new, again.changed) == (1, 1, 0, 0)
        assert (later.changed, later.unpriced, last.changed) == (1, 0, 0)
        assert Delivery.objects.get().price == Decimal("0.00830")
        assert DailyTotal.objects.get(dimension="outcome").priced == 1

    def test_counts_messages_that_no_attempt_here_made(self, pace):
        with time_machine.travel(NOW - timedelta(hours=2)):
            send()
        VerificationAttempt.objects.update(attempt_sid="", verification_sid="", verification=None)

        with time_machine.travel(NOW):
            assert sync_attempts(days=1, pace=pace).unmatched == 1
        assert Delivery.objects.get().attempt is None

    def test_finds_the_attempt_whose_answer_was_lost(self, pace):
        with time_machine.travel(NOW - timedelta(hours=2), tick=False) as clock:
            change_state({"fault": "drop_reply_after_commit"})
            with pytest.raises(ProviderUnavailable):
                send()
            change_state({"fault": None})
            clock.shift(60)
            send()
        assert SandboxAttempt.objects.count() == 2

        with time_machine.travel(NOW):
            assert sync_attempts(days=1, pace=pace).unmatched == 0
        attempts = VerificationAttempt.objects.order_by("pk")
        assert [(attempt.outcome, attempt.delivery.price) for attempt in attempts] == [
            ("provider_unavailable", Decimal("0.00830")),
            ("ok", Decimal("0.00830")),
        ]

    def test_runs_at_once_do_the_work_once(self):
        with time_machine.travel(NOW - timedelta(hours=2)):
            for number in range(5):
                send(f"+120255501{number:02}")

        with time_machine.travel(NOW):
            results = run_copies(3, lambda _: sync_attempts(days=1, pace=Pace(100)))

        assert sorted(result.new for result in results) == [0, 0, 5]
        assert Delivery.objects.exclude(attempt=None).count() == 5

    def test_walks_many_pages(self, pace, monkeypatch):
        monkeypatch.setattr("otp.verify_api.attempts.PAGE_SIZE", 2)
        with time_machine.travel(NOW - timedelta(hours=2)):
            for number in range(5):
                send(f"+120255501{number:02}")

        with time_machine.travel(NOW):
            assert sync_attempts(days=1, pace=pace).new == 5

    def test_the_command_says_what_it_found(self, capsys, settings):
        send()
        settings.OTP_PRICES = {"sms": "0.05"}
        with time_machine.travel(datetime.now(UTC) + timedelta(minutes=5)):
            call_command("sync_attempts", days=1)

        said = capsys.readouterr().out
        assert "Read 1 messages: 1 new, 0 changed." in said
        assert "put it into OTP_PRICES as success=" in said

    def test_the_command_names_the_reason_and_where_it_will_go_on(self, twilio):
        twilio.always(Answer.error(401, 20003, f"Authenticate {NUMBER}"))

        with pytest.raises(CommandError, match=r"Twilio's error 20003\).*goes on from there"):
            call_command("sync_attempts", days=1)

    @pytest.mark.parametrize("days", [0, 31])
    def test_the_command_reaches_back_thirty_days(self, days):
        with pytest.raises(CommandError, match="from 1 to 30"):
            call_command("sync_attempts", days=days)


def tell(number=0, *, price="0.0083", currency="usd", status="delivered", channel="sms", **changes):
    """One record as Twilio writes it."""
    return {
        "sid": f"VL{number:032x}",
        "account_sid": "AC" + "0" * 32,
        "service_sid": SERVICE,
        "verification_sid": f"VE{number:032x}",
        "date_created": "2026-11-20T10:00:00Z",
        "date_updated": "2026-11-20T10:00:09Z",
        "conversion_status": "converted",
        "channel": channel,
        "price": price and {"value": price, "currency": currency},
        "channel_data": {"message_status": status, "error_code": None, "country": "US", "to": NUMBER},
        **changes,
    }


def page(*records, next_url=None):
    return Answer.of(200, {"attempts": list(records), "meta": {"key": "attempts", "next_page_url": next_url}})


@pytest.fixture
def told(twilio, settings):
    """What the double answers next, one after the other; empty pages when nothing is left."""
    for name in ("VERIFY", "LOGIN", "PSD2"):
        setattr(settings, f"TWILIO_{name}_SERVICE_SID", SERVICE)
    answers = []
    twilio.answer = lambda received: answers.pop(0) if answers else page()
    with time_machine.travel(NOW, tick=False):
        yield answers


def read_queries(twilio):
    return [{name: values[0] for name, values in parse_qs(urlsplit(r.path).query).items()} for r in twilio.received]


@pytest.mark.django_db
class TestOnTheWire:
    def test_asks_day_by_day_for_our_services_and_thirty_days_back(self, told, twilio, pace):
        sync_attempts(pace=pace)

        queries = read_queries(twilio)
        assert len(queries) == 30
        assert queries[0] == {
            "DateCreatedAfter": "2026-10-21T12:30:00Z",
            "DateCreatedBefore": "2026-10-22T12:30:00Z",
            "VerifyServiceSid": SERVICE,
            "PageSize": "500",
        }
        assert queries[-1]["DateCreatedBefore"] == "2026-11-20T12:30:00Z"

    def test_goes_on_from_the_day_where_it_stopped(self, told, twilio, pace):
        told += [page(tell(1)), page(tell(2)), *[Answer.error(500, 20500)] * 5]
        with pytest.raises(ProviderUnavailable):
            sync_attempts(pace=pace)
        assert Delivery.objects.count() == 2
        twilio.received.clear()
        twilio_attempts.reset_breaker()

        sync_attempts(pace=pace)

        first = read_queries(twilio)[0]["DateCreatedAfter"]
        assert first == "2026-10-23T06:30:00Z"  # two days are done; the last hours of them may have changed
        assert Progress.find(Progress.Job.SYNC) == NOW

    def test_follows_pages_by_their_token_and_calls_no_other_host(self, told, twilio, pace):
        told += [
            page(tell(1), next_url="https://elsewhere.example/v2/Attempts?PageToken=PAsecond&Page=1"),
            page(tell(2)),
        ]

        sync_attempts(days=1, pace=pace)

        assert [query.get("PageToken") for query in read_queries(twilio)] == [None, "PAsecond"]
        assert Delivery.objects.count() == 2

    def test_a_page_without_a_token_is_no_page(self, told, pace):
        told += [page(tell(1), next_url="https://verify.twilio.com/v2/Attempts")]

        with pytest.raises(ProviderMisbehaved):
            sync_attempts(days=1, pace=pace)

    def test_waits_as_long_as_it_is_told_to(self, told, pace, clock):
        told += [Answer.error(429, 20429, Retry_After="17"), page(tell(1))]

        assert sync_attempts(days=1, pace=pace).new == 1
        assert clock.waits == [17.0]

    def test_gives_up_when_it_is_told_to_wait_time_and_again(self, told, pace, clock):
        told += [Answer.error(429, 20429)] * 5

        with pytest.raises(ProviderBusy):
            sync_attempts(days=1, pace=pace)
        assert len(clock.waits) == 4

    def test_asks_again_for_a_page_that_was_cut_off(self, told, pace, clock):
        whole = page(tell(1), tell(2))
        told += [Answer(200, whole.body[:-40], whole.headers), whole]

        assert sync_attempts(days=1, pace=pace).new == 2
        assert clock.waits == [2.0]

    @pytest.mark.parametrize(("status", "code"), [(401, 20003), (404, 20404), (403, 20008)])
    def test_stops_at_once_where_it_may_not_ask(self, status, code, told, twilio, pace):
        told += [Answer.error(status, code)]

        with pytest.raises(NotConfigured) as refused:
            sync_attempts(days=1, pace=pace)
        assert refused.value.provider_code == code
        assert len(twilio.received) == 1

    def test_a_price_that_was_told_is_kept_when_it_is_not_told_again(self, told, pace):
        told += [page(tell(1, price=None, status="sent"))]
        sync_attempts(days=1, pace=pace)
        told += [page(tell(1))]
        sync_attempts(days=1, pace=pace)
        told += [page(tell(1, price=None))]
        sync_attempts(days=1, pace=pace)

        delivery = Delivery.objects.get()
        assert (delivery.price, delivery.currency, delivery.status) == (Decimal("0.00830"), "USD", "delivered")

    def test_asks_for_missing_prices_until_they_are_there(self, told, twilio, pace):
        told += [page(tell(1, price=None, date_created="2026-11-18T10:00:00Z"))]
        sync_attempts(days=1, pace=pace)
        twilio.received.clear()

        sync_attempts(pace=pace)

        assert read_queries(twilio)[0]["DateCreatedAfter"] == "2026-11-18T10:00:00Z"

    def test_another_currency_is_kept_and_told(self, told, pace):
        make_attempt(attempt_sid=f"VL{1:032x}")
        told += [page(tell(1, currency="eur"))]

        assert sync_attempts(days=1, pace=pace).other_currencies == {"EUR"}
        assert Delivery.objects.get().currency == "EUR"

    @pytest.mark.parametrize(
        "odd",
        [
            {"sid": None},
            {"sid": "VL1"},
            {"date_created": None},
            {"date_created": "yesterday"},
            {"date_created": "2026-11-20T10:00:00"},
        ],
        ids=str,
    )
    def test_a_record_that_says_not_which_it_is_is_left_out(self, odd, told, pace):
        told += [page(tell(1, **odd), tell(2))]

        assert sync_attempts(days=1, pace=pace).new == 1

    @pytest.mark.parametrize(
        ("odd", "kept"),
        [
            ({"channel_data": None}, {"status": "", "country": ""}),
            (
                {"channel_data": {"message_status": "<b>", "country": "USA", "error_code": "30003"}},
                {"error_code": 30003},
            ),
            ({"price": {"value": "free", "currency": "usd"}}, {"price": None}),
            ({"price": {"value": "NaN", "currency": "usd"}}, {"price": None}),
            ({"price": {"value": "1e9", "currency": "usd"}}, {"price": None}),
            ({"price": {"value": "-0.0079", "currency": "usd"}}, {"price": Decimal("0.00790")}),
            ({"channel": "rbm"}, {"channel": ""}),
            ({"channel": "SMS"}, {"channel": "sms"}),
            ({"date_created": "2026-11-20T10:00:00.123Z"}, {"channel": "sms"}),
        ],
        ids=str,
    )
    def test_what_is_said_oddly_counts_as_not_said(self, odd, kept, told, pace):
        told += [page({**tell(1), **odd})]

        sync_attempts(days=1, pace=pace)

        delivery = Delivery.objects.get()
        assert {name: getattr(delivery, name) for name in kept} == kept

    def test_keeps_no_number(self, told, pace):
        told += [page(tell(1))]

        sync_attempts(days=1, pace=pace)

        assert NUMBER[1:] not in json.dumps(list(Delivery.objects.values()), default=str)

    def test_takes_three_queries_a_page_however_full_it_is(self, told, pace, django_assert_max_num_queries):
        sync_attempts(pace=pace)
        make_attempt(attempt_sid=f"VL{1:032x}")
        told += [page(*(tell(number) for number in range(300)))]

        with django_assert_max_num_queries(16):
            sync_attempts(days=1, pace=pace)


class TestPace:
    def test_holds_to_the_requests_of_a_minute(self, pace, clock):
        for _ in range(250):
            pace.ask(lambda: None)
            clock.now += 0.1

        assert clock.now >= 120
        assert sum(clock.waits) == pytest.approx(100, abs=1)

    def test_never_waits_for_ever(self, pace, clock):
        def be_told_to_wait():
            error = ProviderBusy()
            error.retry_after = 100_000
            raise error

        with pytest.raises(ProviderBusy):
            pace.ask(be_told_to_wait)
        assert max(clock.waits) == 90


def test_two_messages_are_not_given_one_attempt(db):
    told = [
        reconcile.TwilioAttempt(
            f"VL{n:032x}", "VE" + "1" * 32, SERVICE, "sms", "US", NOW, "sent", None, None, "", False
        )
        for n in range(2)
    ]
    make_attempt(attempt_sid=f"VL{secrets.token_hex(16)}", at=NOW)

    assert reconcile._match(told) == {}
