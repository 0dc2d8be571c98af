import json

import pytest
from django.test import Client

from otp.sandbox import models
from otp.sandbox.control import SWITCHES
from otp.sandbox.faults import FAULTS
from otp.sandbox.tests.support import PHONE

CALM = {"latency_ms": 0, "fault": None, "clock_offset_seconds": 0}
URL = "/sandbox/control"


@pytest.fixture
def post_control(client, db):
    return lambda change, content_type="application/json": client.post(
        URL, change if isinstance(change, (str, bytes)) else json.dumps(change), content_type=content_type
    )


class TestControl:
    def test_shows_the_state_and_every_switch(self, client, db):
        shown = client.get(URL).json()

        assert {key: shown[key] for key in CALM} == CALM
        assert shown["switches"] == {name: choices[0] for name, choices in SWITCHES.items()}

    def test_changes_only_what_is_named_and_answers_with_the_state(self, post_control, client):
        post_control({"latency_ms": 5, "fault": "http_500"})

        answer = post_control({"advance_seconds": 7, "switches": {"unsupported_locale": "not_found"}}).json()
        answer = post_control({"advance_seconds": 3}).json()

        assert (answer["latency_ms"], answer["fault"], answer["clock_offset_seconds"]) == (5, "http_500", 10)
        assert answer["switches"]["unsupported_locale"] == "not_found"
        assert client.get(URL).json() == answer
        assert post_control({"fault": None}).json()["fault"] is None

    @pytest.mark.parametrize("fault", FAULTS)
    def test_takes_every_fault(self, post_control, fault):
        assert post_control({"fault": fault}).json()["fault"] == fault

    def test_takes_json_under_any_content_type(self, post_control):
        assert post_control({"latency_ms": 1}, "text/plain").json()["latency_ms"] == 1

    @pytest.mark.parametrize(
        "change",
        [
            {"fault": "fire"},
            {"fault": ""},
            {"fault": 7},
            {"fault": ["http_500"]},
            {"latency_ms": -1},
            {"latency_ms": "5"},
            {"latency_ms": 1.5},
            {"latency_ms": True},
            {"latency_ms": 10**9},
            {"advance_seconds": -1},
            {"advance_seconds": None},
            {"advance_seconds": 10**12},
            {"reset": 1},
            {"switches": []},
            {"switches": {"gravity": "off"}},
            {"switches": {"unsupported_locale": "maybe"}},
            {"switches": {"unsupported_locale": ["invalid"]}},
            {"speed": 1},
            [],
            None,
            "{",
            b"\xff",
            "[" * 100000,
        ],
        ids=lambda change: str(change)[:40],
    )
    def test_refuses_anything_else_and_changes_nothing(self, post_control, client, change):
        post_control({"latency_ms": 3})
        whole = {**change, "latency_ms": change.get("latency_ms", 4)} if isinstance(change, dict) else change

        answer = post_control(whole)

        assert answer.status_code == 400
        assert answer.json().keys() == {"error", "code"}
        assert answer.json()["code"] == "invalid_request"
        assert client.get(URL).json()["latency_ms"] == 3

    def test_does_not_run_the_clock_past_its_end_in_several_steps(self, post_control, client):
        step = {"advance_seconds": 3650 * 86400}
        post_control(step)

        assert post_control(step).status_code == 400
        assert client.get(URL).json()["clock_offset_seconds"] == 3650 * 86400

    def test_refuses_other_methods(self, client, db):
        assert client.delete(URL).status_code == 405

    def test_is_open_to_a_stranger_with_no_csrf_token_and_is_never_cached(self, db):
        answer = Client(enforce_csrf_checks=True).post(URL, "{}", content_type="application/json")

        assert answer.status_code == 200
        assert "no-store" in answer["Cache-Control"]


class TestReset:
    def test_empties_the_sandbox(self, post_control, verify, service):
        limit = service.rate_limits.create(unique_name="ip")
        service.rate_limits(limit.sid).buckets.create(max=1, interval=60)
        service.verifications.create(to=PHONE, channel="sms", rate_limits={"ip": "10.0.0.1"})
        verify.services.create(friendly_name="Extra")
        verify.safelist.create(phone_number=PHONE)
        post_control({"latency_ms": 1, "fault": "long_ttl", "advance_seconds": 9})

        answer = post_control({"reset": True}).json()

        assert {key: answer[key] for key in CALM} == CALM
        for model in (models.Message, models.Attempt, models.Verification, models.Counter, models.SafeNumber):
            assert not model.objects.exists()
        assert len(verify.services.list()) == 3
        assert service.rate_limits.list() == []

    def test_comes_before_the_other_keys(self, post_control):
        post_control({"latency_ms": 9, "advance_seconds": 9})

        answer = post_control({"fault": "http_503", "advance_seconds": 2, "reset": True}).json()

        assert answer["fault"] == "http_503"
        assert (answer["latency_ms"], answer["clock_offset_seconds"]) == (0, 2)

    def test_lets_the_site_forget_its_counters(self, post_control, monkeypatch):
        forgotten = []
        monkeypatch.setattr("otp.limits.reset_volume_counters", lambda: forgotten.append("counters"))
        monkeypatch.setattr(
            "otp.verify_api.service.twilio_verify.reset_breaker", lambda: forgotten.append("breaker"), raising=False
        )

        post_control({"reset": False})
        post_control({"reset": True})

        assert forgotten == ["counters", "breaker"]
