"""The dashboard on the admin's front page: right numbers, for the right people, in a bounded number of queries."""

import re
import secrets
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.test import Client

from accounts.tests.people import make_person, sign_in_staff
from otp.models import Delivery
from otp.operations.analytics import Dashboard
from otp.operations.board import REASONS, Board
from otp.operations.pictures import draw_lying, draw_upright, show_money
from otp.operations.provider_advice import ADVICE
from otp.operations.totals import roll_up
from otp.tests.records import make_attempt, make_check
from otp.verify_api.errors import SEND_ERRORS

NOW = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
# Of the page as a whole, Django's own included.
MOST_QUERIES = 29

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def still_clock():
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


def lose(attempt, code):
    Delivery.objects.create(
        attempt_sid=f"VL{secrets.token_hex(16)}",
        attempt=attempt,
        error_code=code,
        created_at=attempt.created_at if attempt else NOW,
        synced_at=NOW,
    )


@pytest.fixture
def history(still_clock):
    """Something of everything; the last two hours of it are not rolled up yet."""
    for hours in (1, 2, 30, 24 * 10):
        make_attempt(ago=hours * HOUR, duration_ms=100 * hours)
        make_check(ago=hours * HOUR)
    make_attempt(ago=3 * HOUR, country="GB", channel="call", purpose="login", cost=Decimal("0.06"))
    make_check(ago=3 * HOUR, outcome="incorrect_code")
    make_attempt(ago=3 * HOUR, outcome="too_many_requests", reason="budget")
    make_attempt(ago=3 * HOUR, outcome="destination_blocked", provider_code=60410, country="IN")
    make_attempt(ago=3 * HOUR, outcome="provider_unavailable", provider_code=20503)
    make_attempt(ago=3 * HOUR, outcome="no_account")
    make_attempt(ago=4 * HOUR, kind="notice", purpose="", cost=Decimal("0.01"))
    lose(make_attempt(ago=2 * DAY), 30003)
    make_attempt(ago=40 * DAY)
    still_clock.shift(-2 * HOUR)
    roll_up()
    still_clock.shift(2 * HOUR)


class TestNumbers:
    def test_of_the_last_day(self, history):
        day = Dashboard().last_day

        assert (day.sent, day.approved, day.wrong, day.refused, day.failed) == (3, 2, 1, 2, 1)
        assert day.conversion == pytest.approx(2 / 3)

    def test_of_the_last_month(self, history):
        month = Dashboard().last_month

        assert (month.sent, month.approved, month.refused, month.failed) == (6, 4, 2, 1)
        assert month.cost == Decimal("0.32")

    def test_by_channel_country_and_purpose(self, history):
        dashboard = Dashboard()

        def read(dimension):
            return [(row.name, row.sent, row.approved, row.refused) for row in dashboard.by(dimension)]

        assert read("channel") == [("sms", 5, 4, 2), ("call", 1, 0, 0)]
        assert read("country") == [("US", 5, 4, 1), ("GB", 1, 0, 0), ("IN", 0, 0, 1)]
        assert read("purpose") == [("verification", 5, 4, 2), ("login", 1, 0, 0)]

    def test_by_hour_and_day(self, history):
        dashboard = Dashboard()

        hours = {f"{row.name:%H}": (row.sent, row.refused, row.failed) for row in dashboard.hours if row.sent}
        days = {f"{row.name:%d}": row.sent for row in dashboard.days if row.sent}
        assert (len(dashboard.hours), len(dashboard.days)) == (24, 30)
        assert hours == {"11": (1, 0, 0), "10": (1, 0, 0), "09": (1, 2, 1)}
        assert days == {"20": 3, "19": 1, "18": 1, "10": 1}

    def test_what_was_refused_and_why(self, history):
        refusals = [(refusal.outcome, refusal.reason, refusal.count) for refusal in Dashboard().refusals]

        assert sorted(refusals) == [("destination_blocked", "", 1), ("too_many_requests", "budget", 1)]

    def test_errors_of_calls_and_of_messages_that_were_lost(self, history):
        errors = [(error.code, error.calls, error.deliveries) for error in Dashboard().errors]

        assert errors == [(20503, 1, 0), (30003, 0, 1), (60410, 1, 0)]

    def test_how_long_twilio_takes(self, history):
        half, most = Dashboard().answer_times

        assert half == pytest.approx(200, rel=0.2)
        assert most <= 240

    def test_of_the_money(self, history, settings):
        settings.OTP_DAILY_BUDGET = 2.5
        lose(None, None)
        Delivery.objects.filter(attempt=None).update(price=Decimal("0.5"), currency="USD")

        spend = Dashboard().spend

        assert (spend.today, spend.day_budget) == (Decimal("0.67"), Decimal("2.5"))
        assert (spend.month, spend.month_budget) == (Decimal("0.82"), Decimal(75))

    def test_of_a_month_that_began_longer_ago_than_thirty_days(self, still_clock):
        still_clock.move_to(NOW.replace(month=12, day=31))
        make_attempt(at=NOW.replace(month=12, day=1))
        make_attempt(at=NOW.replace(month=11, day=30))
        roll_up()
        dashboard = Dashboard()

        assert dashboard.spend.month == Decimal("0.05")
        assert sum(row.sent for row in dashboard.days) == 0


class TestGuard:
    def meet(self, count, **fields):
        for number in range(count):
            make_attempt(ago=number * HOUR, **{"country": "GB", "prefix": "+44797779", **fields})

    def test_what_it_met_by_rule_and_place(self):
        self.meet(3, guard="prefix,country")
        self.meet(2, guard="prefix", outcome="too_many_requests", reason="guard_prefix")
        self.meet(1, guard="country", prefix="+44797778")
        self.meet(1, guard="address", country="US", prefix="+1202555")
        self.meet(4)
        make_attempt(ago=31 * DAY, guard="country")

        hits, is_cut = Dashboard().guard_hits

        assert [(hit.rule, hit.place, hit.refused, hit.noted) for hit in hits] == [
            ("prefix", "GB +44797779••••", 2, 3),
            ("country", "GB", 0, 4),
            ("address", "US", 0, 1),
        ]
        assert hits[0].last == NOW
        assert not is_cut

    def test_is_on_the_page_with_what_each_rule_does(self, admin_client, settings):
        settings.OTP_GUARD_PREFIX, settings.OTP_GUARD_COUNTRY = "enforce", "off"
        page = admin_client.get("/admin/").content.decode()
        assert "Pumping guard" not in page  # nothing was sent at all

        self.meet(2, guard="prefix")
        page = admin_client.get("/admin/").content.decode()

        card = page[page.index('id="otp-guard"') : page.index('id="otp-errors"')]
        assert "By network: only notes · By range of numbers: refuses · By country: switched off" in card
        assert "GB +44797779••••" in card
        shown = admin_client.get("/admin/otp/verificationattempt/", {"guard": "met", "day": "month"})
        assert len(shown.context["cl"].result_list) == 2

    def test_says_when_it_does_not_read_all_of_an_attack(self, monkeypatch):
        monkeypatch.setattr("otp.operations.guard_hits.MOST_READ", 2)
        self.meet(3, guard="prefix")

        hits, is_cut = Dashboard().guard_hits

        assert ([hit.noted for hit in hits], is_cut) == ([2], True)

    @pytest.mark.requirement("AUD-08")
    def test_is_one_query_however_many_places_there_are(self, django_assert_num_queries):
        for number in range(12):
            self.meet(1, guard="prefix", prefix=f"+4479777{number:02}")
        board = Board(Dashboard())

        with django_assert_num_queries(1) as queries:
            assert (len(board.guard_hits), board.guard_is_cut) == (10, True)

        assert "LIMIT 10000" in queries[0]["sql"]


class TestPage:
    def test_shows_them_to_staff(self, admin_client, history):
        page = admin_client.get("/admin/").content.decode()

        assert re.findall(r'<dd class="otp-value">(.*?)</dd>', page)[:4] == ["3", "2", "67 %", "2"]
        assert "the day’s budget is used up" in page
        assert "https://www.twilio.com/docs/api/errors/60410" in page
        assert page.count("<figure") == page.count("<details>") == 5

    @pytest.mark.requirement("CFG-03")
    def test_has_nothing_inline_that_the_policy_forbids(self, admin_client, history):
        page = admin_client.get("/admin/").content.decode()

        board = page[page.index('<section class="otp-board"') : page.index("</section>")]
        assert "<svg" in board
        assert not re.search(r"<script|<style|\sstyle=|\son[a-z]+=|javascript:", board)

    def test_is_there_before_anything_was_sent(self, admin_client):
        page = admin_client.get("/admin/").content.decode()

        assert "Nothing was sent in the last 30 days" in page
        assert "<figure" not in page

    def test_is_not_for_staff_who_may_not_see_attempts(self, history):
        clerk = make_person("clerk@example.com", "+12025550166", is_staff=True)
        client = sign_in_staff(Client(), clerk)
        assert "otp-board" not in client.get("/admin/").content.decode()

        clerk.user_permissions.add(Permission.objects.get(codename="view_verificationattempt"))

        assert "otp-board" in client.get("/admin/").content.decode()

    @pytest.mark.requirement("AUD-08")
    def test_takes_as_many_queries_for_much_as_for_little(self, admin_client, django_assert_max_num_queries):
        make_attempt(ago=HOUR)
        for size in (1, 60):
            for number in range(size):
                ago = number * 11 * HOUR
                make_attempt(ago=ago, country=("US", "GB", "DE")[number % 3], channel=("sms", "call")[number % 2])
                make_attempt(ago=ago, outcome="channel_unavailable", provider_code=(21610, 60205)[number % 2])
            roll_up()
            with django_assert_max_num_queries(MOST_QUERIES) as queries:
                admin_client.get("/admin/")

        assert len([query for query in queries if "otp_" in query["sql"]]) <= 17

    def test_says_when_there_were_never_any_roll_ups(self, admin_client):
        make_attempt(ago=5 * HOUR)

        assert "The roll-ups are 5 hours behind" in admin_client.get("/admin/").content.decode()

    def test_says_when_roll_ups_are_late(self, admin_client, still_clock):
        make_attempt(ago=HOUR)
        roll_up()
        assert "behind" not in admin_client.get("/admin/").content.decode()

        still_clock.shift(5 * HOUR)

        assert "The roll-ups are 5 hours behind" in sign_in_again(admin_client).get("/admin/").content.decode()


def sign_in_again(client):
    from django.contrib.auth import get_user_model

    return sign_in_staff(Client(), get_user_model().objects.get())


class TestPictures:
    def rows(self, *counts):
        from otp.operations.analytics import Figures

        return [Figures(name=str(place), sent=sent, approved=approved) for place, (sent, approved) in enumerate(counts)]

    @pytest.mark.parametrize("draw", [draw_lying, lambda *args, **kw: draw_upright(*args, labels={}, **kw)])
    def test_stay_within_their_frame(self, draw):
        picture = draw("x", "X", self.rows((0, 0), (7, 9), (1234, 1000), (5, 0)), name="Name")

        for bar in picture.bars:
            assert 0 <= bar.x <= bar.x + bar.width <= picture.width + 0.2
            assert 0 <= bar.y <= bar.y + bar.height <= picture.height
        assert len(picture.table) == 4
        assert all(len(line) == len(picture.header) for line in picture.table)

    def test_table_has_more_than_the_drawing(self):
        picture = draw_lying("x", "X", self.rows(*[(1, 1)] * 20), name="Name")

        assert (len(picture.table), len({text.y for text in picture.texts})) == (20, 8)

    def test_of_nothing_can_be_drawn(self):
        assert draw_upright("x", "X", [], name="Name", labels={}).bars == []
        assert draw_lying("x", "X", [], name="Name").bars == []

    @pytest.mark.parametrize(
        ("amount", "shown"), [("0", "0.00"), ("0.0083", "0.0083"), ("0.05", "0.05"), ("1234.567", "1,234.57")]
    )
    def test_money(self, amount, shown):
        assert show_money(Decimal(amount)) == shown


class TestWords:
    def test_every_limit_of_ours_has_a_name(self):
        from otp.guard import RULES
        from otp.limits import CHECK_LIMITS, SEND_LIMITS

        assert {limit.name for limit in (*SEND_LIMITS, *CHECK_LIMITS)} | {
            rule.reason for rule in RULES
        } <= REASONS.keys()

    def test_the_errors_that_people_meet_have_advice(self):
        common = {20003, 20404, 20429, 21408, 21608, 21610, 60200, 60203, 60205, 60223, 60410, 60605}

        assert common <= ADVICE.keys() & SEND_ERRORS.keys()

    def test_a_budget_that_is_used_up_is_shown_so(self, settings):
        settings.OTP_DAILY_BUDGET = 0.05
        make_attempt()

        today = Board(Dashboard()).tiles[5]

        assert (today.level, today.bar, today.note) == ("over", 100.0, "of 0.05\u00a0USD")
