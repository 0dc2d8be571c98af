"""Made-up history: the same for the same seed, whole, and gone without a trace."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core.management import CommandError, call_command

from otp.models import Alert, DailyTotal, Delivery, HourlyTotal, Verification, VerificationAttempt
from otp.operations import demo
from otp.operations.analytics import Dashboard
from otp.operations.audit_chain import seal
from otp.tests.records import make_attempt

NOW = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def still_clock():
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


def read_history():
    return list(VerificationAttempt.objects.order_by("created_at").values_list("created_at", "outcome", "attempt_sid"))


def test_shows_everything_that_the_dashboard_has(monkeypatch):
    monkeypatch.setattr("otp.operations.demo_history.VERIFICATIONS_A_DAY", 40)

    demo.fill(days=22)
    dashboard = Dashboard()

    assert {row.name for row in dashboard.by("country")} >= {"US", "GB", "DE", "IN", ""}
    assert {row.name for row in dashboard.by("channel")} == {"sms", "whatsapp", "email", "call"}
    assert dashboard.errors
    assert 0.6 < dashboard.last_month.conversion < 0.95
    by_day = {(NOW.date() - row.name).days: row for row in dashboard.days}
    assert by_day[9].refused > 300  # the attack
    assert by_day[20].failed  # the outage
    assert {(hit.rule, hit.place) for hit in dashboard.guard_hits[0]} == {("prefix", "GB +44797779••••")}
    assert {"conversion", "guard"} <= set(Alert.objects.standing().values_list("rule", flat=True))
    assert Delivery.objects.filter(error_code__isnull=False).exists()
    rolled_up = DailyTotal.objects.filter(dimension="outcome")
    assert sum(rolled_up.values_list("count", flat=True)) + sum(row.count for row in dashboard.totals.tail) == len(
        read_history()
    )


def test_same_seed_same_history():
    demo.fill(days=2, seed=7)
    first = read_history()
    demo.fill(days=2, seed=7)

    assert read_history() == first
    demo.fill(days=2, seed=8)
    assert read_history() != first


def test_goes_away_and_leaves_what_was_real():
    real = make_attempt(ago=timedelta(hours=20))
    demo.fill(days=2)

    assert demo.remove() > 100

    assert list(VerificationAttempt.objects.all()) == [real]
    assert not Verification.objects.exists()
    assert not Delivery.objects.exists()
    assert not Alert.objects.exists()
    assert [total.count for total in HourlyTotal.objects.all()] == [1]
    assert {total.count for total in DailyTotal.objects.all()} == {1}


def test_cannot_be_taken_out_of_a_sealed_audit(settings):
    settings.DEBUG = True
    demo.fill(days=1)
    seal()

    with pytest.raises(CommandError, match="sealed"):
        call_command("demo_data", remove=True)


@pytest.mark.parametrize(("debug", "sandbox"), [(False, True), (True, False), (False, False)])
def test_refuses_a_real_site(debug, sandbox, settings):
    settings.DEBUG, settings.OTP_SANDBOX = debug, sandbox

    with pytest.raises(CommandError, match="--force"):
        call_command("demo_data")
    assert not VerificationAttempt.objects.exists()


def test_says_what_it_made(settings, capsys):
    settings.DEBUG = True

    call_command("demo_data", days=1)
    call_command("demo_data", remove=True)

    assert "attempts and" in capsys.readouterr().out


def test_holds_no_number():
    demo.fill(days=1)

    for attempt in VerificationAttempt.objects.all()[:50]:
        assert "•••" in attempt.destination_masked
