"""Alerts: each rule, telling of it once, the past, and the banner."""

import hashlib
import hmac
import json
import threading
import time
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import StringIO

import pytest
import time_machine
from django.core import mail
from django.core.management import CommandError, call_command
from django.utils import timezone

from otp import services
from otp.checks import check_alerts, check_watch
from otp.client import Client
from otp.models import Alert, Verification, VerificationAttempt
from otp.models.alert import AlertRule
from otp.models.attempt import Kind, Outcome
from otp.operations import alert_delivery, alerts
from otp.tests.parallel import run_copies
from otp.tests.twilio_double import Answer

pytestmark = pytest.mark.django_db
SECRET = "a-secret-of-the-tests"
NOW = timezone.now()


def make_verifications(count, *, at=NOW, approved=0, country="GB", prefix="+44740012"):
    Verification.objects.bulk_create(
        Verification(
            purpose="registration",
            channel="sms",
            status="expired",
            verification_sid="VE" + "0" * 32,
            destination_hash=f"{n}{at}",
            country=country,
            prefix=prefix,
            created_at=at - timedelta(minutes=5),
            expires_at=at,
            next_send_at=at,
            approved_at=at - timedelta(minutes=4) if n < approved else None,
        )
        for n in range(count)
    )


def make_attempts(count, *, at=NOW, **fields):
    values = {"kind": Kind.SEND, "outcome": Outcome.OK, "duration_ms": 200, "country": "GB", **fields}
    VerificationAttempt.objects.bulk_create(
        VerificationAttempt(created_at=at - timedelta(minutes=5), **values) for _ in range(count)
    )


def find(*, at=NOW):
    return {(alert.rule, alert.subject) for alert in alerts.find(at)}


def run(*args):
    """Run the command; gives its exit code and what it wrote."""
    out = StringIO()
    try:
        call_command("check_alerts", *args, stdout=out, stderr=out)
    except CommandError as error:
        return error.returncode, f"{out.getvalue()}{error}"
    return 0, out.getvalue()


class TestRules:
    def test_nothing_is_wrong_with_nothing_and_with_an_ordinary_hour(self):
        assert find() == set()
        for day in range(15):
            make_verifications(60, at=NOW - timedelta(days=day), approved=50)
        make_attempts(60)

        assert find() == set()

    @pytest.mark.requirement("TOL-05")
    def test_fifty_starts_and_no_approval(self):
        make_verifications(49)
        assert find() == set()
        make_verifications(1, approved=0)

        assert find() == {("conversion", "GB"), ("conversion", "GB +44740012••••")}

    def test_a_range_can_be_pumped_in_a_country_that_is_well(self):
        make_verifications(50, prefix="+44740012")
        make_verifications(200, approved=150, prefix="+44770090")

        assert find() == {("conversion", "GB +44740012••••")}

    def test_a_country_can_have_a_floor_of_its_own(self, settings):
        make_verifications(100, approved=20, prefix="")
        assert ("conversion", "GB") in find()
        settings.OTP_ALERT_CONVERSION_FLOORS = {"GB": "0.15"}

        assert find() == set()

    def test_what_never_went_out_and_what_is_past_is_no_sign(self):
        make_verifications(60, at=NOW - timedelta(hours=2))
        make_verifications(60, country="US")
        Verification.objects.filter(country="US").update(verification_sid="")

        assert find() == set()

    def test_a_spike_against_the_same_hours_of_days_before(self):
        for day in range(1, 15):
            make_verifications(40, at=NOW - timedelta(days=day), approved=30)
            make_verifications(300, at=NOW - timedelta(days=day, hours=3), approved=250)  # busy, but at another time
        make_verifications(119, approved=100)
        assert find() == set()
        make_verifications(2, approved=2)

        assert find() == {("spike", "*"), ("spike", "GB")}

    def test_a_new_site_has_no_usual(self):
        make_verifications(500, approved=400, prefix="")

        assert find() == set()

    def test_provider_errors_above_their_share(self):
        make_attempts(18)
        make_attempts(2, outcome=Outcome.PROVIDER_UNAVAILABLE, provider_code=20500)
        assert find() == set()
        make_attempts(1, outcome=Outcome.NOT_CONFIGURED, provider_code=20003)

        assert find() == {("provider", "")}

    def test_budget_at_80_and_at_100(self, settings):
        settings.OTP_DAILY_BUDGET = 10
        make_attempts(1, at=NOW - timedelta(hours=20), cost="7.99")
        make_attempts(1, at=NOW - timedelta(hours=30), cost="50")
        assert find() == set()
        make_attempts(1, cost="0.01")
        assert find() == {("budget", "80%")}
        make_attempts(1, cost="2")

        assert find() == {("budget", "100%")}

    def test_an_open_breaker_as_its_refusals_show(self, post, twilio, settings):
        settings.OTP_BREAKER_FAILURES = 1
        twilio.always(Answer.error(503, 20503))
        post("send-otp", to="+12025550123")
        post("send-otp", to="+12025550124")

        assert find(at=timezone.now()) == {("breaker", "")}

    @pytest.mark.requirement("TOL-05")
    def test_what_the_guard_met(self, twilio, settings):
        settings.OTP_GUARD_COUNTRY_FLOOR, settings.OTP_GUARD_PREFIX = 2, "off"
        for n in range(8):
            services.send_otp(f"+1202555{100 + n:04}", client=Client(f"198.51.100.{n}"))

        (alert,) = alerts.find(timezone.now())
        assert (alert.rule, alert.subject, alert.figures["sends"]) == ("guard", "US country", 6)
        assert "rule “sends to one country” was broken by 6 sends to US" in alert.sentence
        assert alert.figures["by"] == "country"

    def test_a_changed_audit(self):
        from otp.operations.audit_chain import seal
        from otp.operations.audit_guard import chain_transaction, opened

        make_attempts(3)
        seal()
        assert list(alerts.find_audit_faults()) == []
        with chain_transaction(), opened():
            VerificationAttempt.objects.filter(pk=VerificationAttempt.objects.first().pk).update(outcome="crashed")

        assert [alert.rule for alert in alerts.find()] == ["audit"]

    def test_every_rule_has_a_sentence_that_its_figures_fill(self, settings):
        settings.OTP_DAILY_BUDGET, settings.OTP_ALERT_SPIKE_SENDS = 1, 10
        make_verifications(5, at=NOW - timedelta(days=1))
        make_verifications(60)
        make_attempts(30, outcome=Outcome.PROVIDER_UNAVAILABLE, cost="1", reason="breaker_open", guard="country")

        found = list(alerts.find(NOW))
        assert {alert.rule for alert in found} == set(AlertRule.values) - {"audit"}
        assert all("%(" not in alert.sentence for alert in found)

    def test_six_rules_take_nine_queries_however_much_there_is(self, django_assert_max_num_queries):
        make_verifications(60)
        make_verifications(60, country="US", at=NOW - timedelta(days=1))
        with django_assert_max_num_queries(9):
            alerts.find(NOW)


class TestCommand:
    def test_says_when_nothing_is_wrong(self):
        assert run() == (0, "Nothing is wrong.\n")
        assert not Alert.objects.exists()

    def test_tells_once_an_hour_and_says_so_meanwhile(self, settings):
        settings.ADMINS = [("ops", "ops@example.com")]
        with time_machine.travel(NOW, tick=False) as clock:
            make_verifications(50, prefix="")
            first, again = run(), run()
            clock.shift(3599)
            make_verifications(50, prefix="", at=timezone.now())
            late = run()
            clock.shift(2)
            due = run()

        assert [code for code, _ in (first, again, late, due)] == [1, 1, 1, 1]
        assert "(told within the hour)" not in first[1]
        assert all("(told within the hour)" in text for _, text in (again, late))
        assert len(mail.outbox) == 2
        assert (mail.outbox[0].to, mail.outbox[0].subject) == (
            ["ops@example.com"],
            "[SmartFin] 1 alert: few codes are typed in",
        )
        assert "Only 0% of 50 codes to GB were typed in" in mail.outbox[0].body

    def test_what_comes_back_after_an_hour_is_told_anew(self, settings):
        settings.ADMINS = [("ops", "ops@example.com")]
        with time_machine.travel(NOW, tick=False) as clock:
            make_verifications(50, prefix="")
            run()
            clock.shift(2 * 3600)
            assert run()[0] == 0
            make_verifications(50, prefix="", at=timezone.now())
            run()

            assert Alert.objects.get().first_seen_at == timezone.now()
        assert len(mail.outbox) == 2

    def test_without_anybody_to_tell_it_says_so(self):
        make_verifications(50, prefix="")

        assert "Nobody is told: set ADMINS" in run()[1]
        assert "Nobody is told: set ADMINS" in run()[1]
        assert "otp.W074" in [message.id for message in check_watch()]

    @pytest.mark.django_db(transaction=True)
    def test_of_many_hosts_at_once_one_tells(self):
        make_verifications(50, prefix="")

        claims = run_copies(6, lambda _: [alert.note().claim() for alert in alerts.find(NOW)])

        assert sorted(claim for host in claims for claim in host) == [False] * 5 + [True]
        assert Alert.objects.count() == 1

    def test_a_database_that_is_away_is_no_all_clear(self, monkeypatch):
        from django.db import OperationalError

        def fail(at=None):
            raise OperationalError("host db.internal")

        monkeypatch.setattr(alerts, "find", fail)

        code, text = run()
        assert code == 2
        assert "internal" not in text

    def test_shows_the_past_and_tells_nobody(self, settings):
        settings.ADMINS = [("ops", "ops@example.com")]
        start = NOW.replace(minute=0, second=0, microsecond=0) - timedelta(days=9)
        for hour in range(2):
            make_verifications(50, prefix="", at=start + timedelta(hours=hour))
        make_attempts(30, at=start - timedelta(days=5), outcome=Outcome.PROVIDER_UNAVAILABLE)
        make_verifications(50, prefix="", at=start - timedelta(days=25))

        code, text = run("--dry-run")

        assert code == 0
        begin, end = start - timedelta(hours=1), start + timedelta(hours=1)
        assert f"{begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC  conversion: Only 0% of 50 codes to GB" in text
        assert "provider: 100% of 30 calls" in text
        assert "In the past 30 days 2 alerts would have fired" in text
        assert (len(mail.outbox), Alert.objects.count()) == (0, 0)


@contextmanager
def run_webhook(status=204, headers=(), delay=None):
    """A server that takes posts and answers with a status."""
    received = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append((self.path, dict(self.headers), body))
            if delay:
                delay.wait(30)
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=[0.01])
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook", received
    finally:
        if delay:
            delay.set()
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def targets(settings):
    """Mail and webhook are set up; the address of the webhook is the test's to give."""
    settings.ADMINS = [("ops", "ops@example.com")]
    settings.OTP_ALERT_WEBHOOK_SECRET = SECRET
    make_verifications(50, prefix="")
    return settings


class TestWebhook:
    def test_gets_a_signed_body(self, targets):
        with run_webhook() as (targets.OTP_ALERT_WEBHOOK_URL, received):
            assert run()[0] == 1

        ((path, headers, body),) = received
        timestamp = headers["X-SmartFin-Timestamp"]
        expected = hmac.new(SECRET.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
        assert headers["X-SmartFin-Signature"] == f"v1={expected}"
        assert abs(int(timestamp) - time.time()) < 60
        (alert,) = json.loads(body)["alerts"]
        assert (alert["rule"], alert["subject"], alert["figures"]["sends"]) == ("conversion", "GB", 50)
        assert alert["message"].startswith("Only 0% of 50 codes")
        assert path == "/hook"
        assert len(mail.outbox) == 1

    @pytest.mark.parametrize("status", [301, 302, 307, 404, 500])
    def test_one_that_refuses_or_redirects_is_named_and_mail_goes_out(self, status, targets):
        with (
            run_webhook() as (elsewhere, redirected),
            run_webhook(status, [("Location", elsewhere)]) as (url, received),
        ):
            targets.OTP_ALERT_WEBHOOK_URL = url
            code, text = run()

        assert code == 2
        assert f"Could not tell: webhook (status {status})." in text
        assert (len(received), len(redirected), len(mail.outbox)) == (1, 0, 1)
        # Somebody was told: no second mail within the hour.
        assert "(told within the hour)" in run()[1]

    def test_one_that_hangs_is_left(self, targets, monkeypatch):
        monkeypatch.setattr(alert_delivery, "READ_SECONDS", 0.2)
        with run_webhook(delay=threading.Event()) as (targets.OTP_ALERT_WEBHOOK_URL, _):
            assert "webhook (ReadTimeout)" in run()[1]
        assert len(mail.outbox) == 1

    def test_with_nobody_reached_the_next_run_tries_again(self, targets, monkeypatch):
        targets.OTP_ALERT_WEBHOOK_URL = "http://127.0.0.1:1/with-a-secret-in-it"
        targets.EMAIL_BACKEND = "otp.tests.no_such_backend"
        code, text = run()
        targets.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"

        assert code == 2
        assert "Could not tell: mail (" in text
        assert "secret" not in text
        assert "(told within the hour)" not in run()[1]
        assert len(mail.outbox) == 1

    def test_a_mail_server_that_is_away_does_not_stop_the_webhook(self, targets):
        targets.EMAIL_BACKEND = "otp.tests.no_such_backend"
        with run_webhook() as (targets.OTP_ALERT_WEBHOOK_URL, received):
            assert run()[0] == 2
        assert len(received) == 1


class TestBanner:
    @pytest.fixture
    def standing(self):
        Alert(
            rule="conversion", subject="GB", figures={"share": "0%", "sends": 50, "floor": "30%", "minutes": 60}
        ).note()

    def test_staff_see_it_on_the_front_page(self, admin_client, standing):
        page = admin_client.get("/admin/").content.decode()

        assert "Needs attention" in page
        assert "Only 0% of 50 codes to GB were typed in" in page

    def test_it_goes_after_an_hour(self, admin_client, standing):
        Alert.objects.update(last_seen_at=timezone.now() - timedelta(minutes=61))

        assert "Needs attention" not in admin_client.get("/admin/").content.decode()

    def test_what_a_row_holds_is_inert(self, admin_client):
        Alert(
            rule="guard",
            subject="<svg onload=alert(1)>",
            figures={"sends": 1, "refused": 0, "by": "x", "place": "<svg onload=alert(1)>", "minutes": 1},
        ).note()

        assert "<svg onload" not in admin_client.get("/admin/").content.decode()

    @pytest.mark.parametrize("rule", AlertRule.values)
    def test_a_row_that_lacks_a_figure_fails_no_page(self, rule):
        assert "–" in Alert(rule=rule, figures={}).sentence

    def test_staff_without_the_right_see_none(self, standing):
        from django.test import Client as Browser

        from accounts.tests.people import make_person, sign_in_staff

        clerk = make_person("clerk@example.com", "+12025550178", is_staff=True)
        page = sign_in_staff(Browser(), clerk).get("/admin/")

        assert page.status_code == 200
        assert "Needs attention" not in page.content.decode()


class TestCheck:
    @pytest.mark.parametrize(
        ("name", "value", "ids"),
        [
            ("OTP_ALERT_CONVERSION_FLOOR", 30, ["otp.E070"]),
            ("OTP_ALERT_CONVERSION_FLOORS", {"IN": "lots"}, ["otp.E070"]),
            ("OTP_ALERT_MINUTES", 0, ["otp.E071"]),
            ("OTP_ALERT_BUDGET", [0.8, -1.0], ["otp.E071"]),
            ("OTP_ALERT_BUDGET", [], []),
            ("OTP_ALERT_WEBHOOK_URL", "https://hooks.example/x", ["otp.E073"]),
            ("OTP_ALERT_WEBHOOK_URL", "http://hooks.example/x", ["otp.E072", "otp.E073"]),
        ],
    )
    def test_names_what_cannot_be(self, name, value, ids, settings):
        settings.DEBUG = False
        setattr(settings, name, value)

        assert [message.id for message in check_alerts()] == ids
