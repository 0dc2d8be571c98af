"""The monthly report: right numbers, in three formats, with money that adds up."""

import csv
import io
import json
import secrets
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.core.management import CommandError, call_command

from otp.models import Delivery, VerificationAttempt
from otp.operations.report import make_report
from otp.operations.totals import roll_up
from otp.tests.records import make_attempt, make_check

NOW = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
DAY = timedelta(days=1)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def november(settings):
    """Two people by text message, one of them twice; one lost in Germany; a message that is not ours; and October."""
    settings.OTP_PRICES = {"sms": "0.0083", "sms:DE": "0.09", "success": "0.05"}
    with time_machine.travel(NOW, tick=False):
        ann, bob = secrets.token_hex(32), secrets.token_hex(32)
        for person, days in ((ann, 1), (ann, 2), (bob, 3)):
            make_attempt(ago=days * DAY, destination_hash=person, cost=Decimal("0.0083"))
            make_check(ago=days * DAY, destination_hash=person, cost=Decimal("0.05"))
        make_attempt(ago=4 * DAY, country="DE", cost=Decimal("0.09"))
        make_attempt(ago=4 * DAY, country="DE", outcome="too_many_requests", reason="country")
        make_attempt(ago=4 * DAY, country="DE", outcome="provider_unavailable")
        make_attempt(ago=5 * DAY, kind="notice", purpose="", cost=Decimal("0.0083"))
        make_attempt(ago=25 * DAY, cost=Decimal(9))
        Delivery.objects.create(
            attempt_sid=f"VL{1:032x}", price=Decimal("0.5"), currency="USD", created_at=NOW - DAY, synced_at=NOW
        )
        roll_up()
        yield


def run(capsys, **options):
    call_command("otp_report", **options)
    return capsys.readouterr().out


class TestNumbers:
    def test_of_the_month_that_runs(self):
        report = make_report(NOW.date())

        lines = [(line.name, line.sent, line.approved, line.refused, line.failed, line.cost) for line in report.lines]
        assert lines == [
            (("sms", "US"), 3, 3, 0, 0, Decimal("0.1832")),
            (("sms", "DE"), 1, 0, 1, 1, Decimal("0.09")),
        ]
        assert (report.notices, report.unmatched_cost) == (1, Decimal("0.5"))
        assert report.cost == Decimal("0.7732")
        assert (report.verified_users, report.cost_per_user) == (2, Decimal("0.3866"))
        assert report.cost_per_verification == Decimal("0.7732") / 3

    def test_projects_both_ways(self):
        assert [
            (each.users, each.at_this_rate, each.by_price_list) for each in make_report(NOW.date()).projections
        ] == [
            (1_000, Decimal("386.60"), Decimal("58.30")),
            (10_000, Decimal("3866.00"), Decimal("583.00")),
            (100_000, Decimal("38660.00"), Decimal("5830.00")),
        ]

    def test_projects_as_the_product_does_by_default(self, settings):
        settings.OTP_PRICES = {"sms": "0.05", "success": "0"}

        assert [each.by_price_list for each in make_report(NOW.date()).projections] == [50, 500, 5000]

    def test_of_a_month_whose_attempts_were_pruned_has_no_users(self):
        VerificationAttempt.objects.filter(created_at__lt=NOW - 2.5 * DAY).delete()

        report = make_report(NOW.date())

        assert (report.total.sent, report.verified_users, report.cost_per_user) == (4, None, None)
        assert [each.at_this_rate for each in report.projections] == [None, None, None]

    def test_of_a_month_without_attempts(self):
        report = make_report(NOW.date().replace(month=1))

        assert (report.lines, report.cost, report.cost_per_verification) == ([], 0, None)


class TestFormats:
    def test_text_is_for_people(self, capsys):
        said = run(capsys)

        assert "November 2026 (UTC), amounts in USD" in said
        assert "  sms      US          3         3       100 %        0       0  0.18" in said
        assert "Cost in all: 0.77" in said
        assert "Cost per verified user: 0.3866" in said
        assert "100,000             38,660.00           5,830.00" in said

    def test_text_of_nothing(self, capsys):
        assert "Cost per verified user: –" in run(capsys, month="2026-01")

    def test_json_is_for_programs(self, capsys):
        said = json.loads(run(capsys, format="json"))

        assert (said["month"], said["cost"], said["cost_per_user"]) == ("2026-11", "0.77320", "0.38660")
        assert said["lines"][0]["channel"] == "sms"
        assert said["prices"][0] == {"name": "sms", "amount": "0.0083", "source": "OTP_PRICES"}

    def test_csv_is_for_spreadsheets(self, capsys):
        rows = list(csv.DictReader(io.StringIO(run(capsys, format="csv"))))

        assert [row["row"] for row in rows] == ["line", "line", "total", "unmatched", *["projection"] * 3]
        total = next(row for row in rows if row["row"] == "total")
        assert (total["sent"], total["cost"], total["users"]) == ("4", "0.27320", "2")

    def test_another_month(self, capsys):
        assert json.loads(run(capsys, month="2026-10", format="json"))["cost"] == "9.00000"

    @pytest.mark.parametrize("month", ["2026", "2026-13", "11-2026", "2026-11-01", "2026-11\n"])
    def test_a_month_that_is_none(self, month):
        with pytest.raises(CommandError, match="2026-11"):
            call_command("otp_report", month=month)
