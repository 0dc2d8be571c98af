"""`/metrics`, `/healthz` and `/readyz`, and what is counted."""

import json
import re
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.test import Client
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from otp import metrics
from otp.checks import check_metrics
from otp.operations.exposition import expose
from otp.tests.twilio_double import Answer
from otp.verify_api.service import twilio_verify
from otp.volume import get_counters

TOKEN = "a-token-of-the-tests"
NUMBER = "+12025550123"
OPERATIONS = Path(django_settings.BASE_DIR, "docs", "operations")


def read(name, **labels):
    return REGISTRY.get_sample_value(name, labels) or 0.0


@pytest.fixture
def count():
    """How much a series has grown since the test began, or since it was asked for last."""
    before = {}

    def grown(name, **labels):
        key = (name, *sorted(labels.items()))
        value = read(name, **labels)
        growth, before[key] = value - before.get(key, 0.0), value
        return growth

    return grown


class TestWhoMayRead:
    def test_nobody_unless_it_is_switched_on(self, client):
        assert client.get("/metrics").status_code == 404

    @pytest.mark.parametrize(
        ("header", "status"),
        [(f"Bearer {TOKEN}", 200), (f"bearer  {TOKEN}", 200), ("Bearer nonsense", 403), (TOKEN, 403), ("", 403)],
    )
    def test_who_has_the_token(self, header, status, client, settings):
        settings.METRICS_TOKEN = TOKEN

        assert client.get("/metrics", headers={"Authorization": header}).status_code == status

    @pytest.mark.parametrize(("address", "status"), [("10.1.2.3", 200), ("fd00::7", 200), ("11.1.2.3", 403), ("", 403)])
    def test_who_comes_from_the_network(self, address, status, client, settings):
        settings.METRICS_NETWORKS = ["10.0.0.0/8", "fd00::/8"]

        assert client.get("/metrics", REMOTE_ADDR=address).status_code == status

    def test_a_forwarded_address_is_believed_from_our_proxy_alone(self, client, settings):
        settings.METRICS_NETWORKS = ["10.0.0.0/8"]
        forged = {"HTTP_X_FORWARDED_FOR": "10.1.2.3", "REMOTE_ADDR": "198.51.100.7"}

        assert client.get("/metrics", **forged).status_code == 403

    def test_over_plain_http_by_the_machine_s_own_address(self, settings):
        settings.METRICS_TOKEN, settings.SECURE_SSL_REDIRECT, settings.ALLOWED_HOSTS = TOKEN, True, ["smartfin.example"]
        client = Client(headers={"Authorization": f"Bearer {TOKEN}", "Host": "10.0.0.7:8000"})

        assert client.get("/metrics").status_code == 200
        assert client.get("/healthz").status_code == 200
        assert client.get("/elsewhere").status_code in {301, 400}

    def test_reading_is_all_one_can_do(self, client, settings):
        settings.METRICS_TOKEN = TOKEN

        assert [client.post(path).status_code for path in ("/metrics", "/healthz", "/readyz")] == [405] * 3

    @pytest.mark.parametrize(
        ("name", "value", "ids"),
        [
            ("METRICS_TOKEN", "short", ["otp.E060"]),
            ("METRICS_NETWORKS", ["10.0.0.0/8", "everybody"], ["otp.E061"]),
            ("METRICS_NETWORKS", ["0.0.0.0/0"], ["otp.W062"]),
            ("METRICS_NETWORKS", ["10.0.0.7"], []),
        ],
    )
    def test_dangerous_values_are_named(self, name, value, ids, settings):
        setattr(settings, name, value)

        assert [message.id for message in check_metrics()] == ids


@pytest.mark.django_db
class TestCounted:
    def test_sends_checks_and_twilio(self, post, twilio, count):
        sent = {"purpose": "registration", "channel": "sms", "outcome": "ok"}
        wrong, right = sent | {"outcome": "incorrect_code"}, sent
        series = [("otp_sends_total", sent), ("otp_checks_total", wrong), ("otp_checks_total", right)]
        for name, labels in series:
            count(name, **labels)
        count("otp_twilio_seconds_count", kind="send")

        post("send-otp", to=NUMBER, purpose="registration")
        post("verify-otp", to=NUMBER, code="000000")
        post("verify-otp", to=NUMBER, code="123456")

        assert [count(name, **labels) for name, labels in series] == [1, 1, 1]
        assert count("otp_twilio_seconds_count", kind="send") == 1

    def test_refusals_by_limit_and_rule(self, post, twilio, settings, count):
        settings.OTP_MAX_SENDS_PER_COUNTRY_PER_HOUR, settings.OTP_GUARD_COUNTRY_FLOOR = 1, 0
        for name, labels in (
            ("otp_refusals_total", {"limit": "country"}),
            ("otp_guard_exceeded_total", {"rule": "country"}),
        ):
            count(name, **labels)

        post("send-otp", to=NUMBER)
        post("send-otp", to="+12025550124")

        assert count("otp_refusals_total", limit="country") == 1
        assert count("otp_guard_exceeded_total", rule="country") == 1

    def test_twilio_s_errors_by_code_and_unknown_ones_together(self, post, twilio, count):
        count("otp_twilio_errors_total", code="60410"), count("otp_twilio_errors_total", code="other")
        twilio.always(Answer.error(403, 60410))
        post("send-otp", to=NUMBER)
        twilio.always(Answer.error(400, 987654))
        post("send-otp", to="+12025550124")

        assert count("otp_twilio_errors_total", code="60410") == 1
        assert count("otp_twilio_errors_total", code="other") == 1

    def test_a_crash_is_counted_as_one(self, post, twilio, monkeypatch, count):
        labels = {"purpose": "any_public", "channel": "sms", "outcome": "crashed"}
        count("otp_sends_total", **labels)
        monkeypatch.setattr(type(twilio_verify), "send_otp", lambda *args, **kwargs: 1 / 0)

        assert post("send-otp", to=NUMBER).status_code == 500
        assert count("otp_sends_total", **labels) == 1

    def test_the_breaker_says_until_when(self, post, twilio, settings):
        settings.OTP_BREAKER_FAILURES = 1
        metrics.BREAKER_OPEN_UNTIL.labels("verify").set(0)
        twilio.always(Answer.error(503, 20503))
        post("send-otp", to=NUMBER)
        refused = post("send-otp", to="+12025550124")

        assert refused.status_code == 503
        assert read("otp_breaker_open_until_timestamp_seconds", api="verify") > 1_700_000_000

    def test_the_budget_as_a_share(self, post, twilio, settings):
        settings.OTP_DAILY_BUDGET, settings.OTP_PRICES = 1.0, {"sms": "0.25"}
        post("send-otp", to=NUMBER)

        assert "otp_budget_spent_ratio 0.25" in expose().decode()

    def test_requests_by_view_and_no_label_that_a_client_makes_up(self, client, settings, count):
        settings.METRICS_TOKEN = TOKEN
        for n in range(30):
            client.generic(f"METHOD{n}", f"/nothing/{n}/", HTTP_USER_AGENT=f"agent {n}")
        client.get("/")

        families = {family.name: family for family in text_string_to_metric_families(expose().decode())}
        labels = [sample.labels for sample in families["smartfin_http_requests"].samples]
        assert {"view": "none", "method": "other", "status": "404"} in labels
        assert {"view": "home", "method": "GET", "status": "200"} in labels
        assert not any("nothing" in str(label) or "METHOD" in str(label) for label in labels)

    @pytest.mark.requirement("CFG-09")
    def test_nobody_s_data_is_in_it(self, post, twilio, settings):
        settings.METRICS_TOKEN = TOKEN
        post("send-otp", to=NUMBER)
        post("send-otp", to="ann@example.com", channel="email")

        text = expose().decode()
        assert "otp_sends_total" in text
        for secret in (NUMBER, NUMBER[1:-4], "0123", "ann@", "example.com", "127.0.0.1"):
            assert secret not in text


class TestHealth:
    def test_alive_needs_nothing(self, client):
        """Not even the database, which this test may not touch."""
        answer = client.get("/healthz")

        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
        assert answer["Cache-Control"] == "no-store"

    @pytest.mark.django_db
    def test_ready_names_its_parts(self, client):
        answer = client.get("/readyz")

        assert answer.status_code == 200
        assert answer.json() == {"status": "ok", "parts": {"database": "ok", "cache": "ok", "twilio": "ok"}}

    @pytest.mark.django_db
    def test_not_ready_says_which_part_and_nothing_more(self, client, settings, monkeypatch, post, twilio):
        settings.OTP_BREAKER_FAILURES = 1
        twilio.always(Answer.error(503, 20503))
        post("send-otp", to=NUMBER)
        settings.CACHE_URL = "redis://:secret@127.0.0.1:1/0"

        answer = client.get("/readyz")

        assert answer.status_code == 503
        parts = {"database": "ok", "cache": "unavailable", "twilio": "breaker_open"}
        assert answer.json() == {"status": "unavailable", "parts": parts}

    def test_a_database_that_is_away(self, client, monkeypatch):
        from django.db.utils import OperationalError

        def fail():
            raise OperationalError("could not connect to server: host db.internal, user smartfin")

        monkeypatch.setattr(connection, "cursor", fail)

        answer = client.get("/readyz")

        assert answer.status_code == 503
        assert answer.json()["parts"]["database"] == "unavailable"
        assert b"internal" not in answer.content
        assert get_counters()


def find_metrics(text):
    """Find what a query names that could be a metric of ours."""
    return set(re.findall(r"\b(?:otp|smartfin)_[a-z_]+\b", text))


def find_exposed():
    exposed = set()
    for family in [*REGISTRY.collect(), *text_string_to_metric_families(expose().decode())]:
        suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}.get(family.type, [""])
        exposed |= {family.name + suffix for suffix in suffixes}
    return exposed


class TestShippedFiles:
    def test_the_dashboard_asks_for_nothing_that_is_not_there(self):
        dashboard = json.loads((OPERATIONS / "grafana-dashboard.json").read_text(encoding="utf-8"))
        queries = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]

        named = set().union(*map(find_metrics, queries))
        assert len(named) > 8
        assert named <= find_exposed()

    def test_the_alert_rules_ask_for_nothing_that_is_not_there(self):
        rules = (OPERATIONS / "prometheus-alerts.yml").read_text(encoding="utf-8")
        queries = re.findall(r"expr: (.+|>-\n(?:\s{10,}.+\n)+)", rules)

        assert len(queries) == rules.count("- alert:") > 6
        assert set().union(*map(find_metrics, queries)) <= find_exposed()

    def test_the_page_names_every_metric(self):
        page = (OPERATIONS / "README.md").read_text(encoding="utf-8")
        ours = {name for name in find_exposed() if name.startswith(("otp_", "smartfin_"))}

        assert {re.sub(r"_(bucket|sum|count)$", "", name) for name in ours} <= find_metrics(page)
