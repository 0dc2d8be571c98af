import pytest
import requests
from django.conf import settings
from django.db import connection

from otp.sandbox.models import Service
from otp.sandbox.transport import SandboxAdapter, read_timeout

URL = "https://verify.twilio.com/v2/Services"


class TestReadTimeout:
    @pytest.mark.parametrize(("timeout", "seconds"), [(2.5, 2.5), ((1, 3), 3), ((1, None), 60.0), (None, 60.0)])
    def test_takes_the_read_part(self, timeout, seconds):
        assert read_timeout(timeout) == seconds


class TestSend:
    def test_gives_back_a_real_response(self, db, plain_session):
        answer = plain_session.get(URL)

        assert isinstance(answer, requests.Response)
        assert (answer.status_code, answer.reason, answer.ok, answer.url) == (200, "OK", True, URL)
        assert answer.request.headers["Authorization"].startswith("Basic ")
        assert answer.json()["meta"]["first_page_url"].startswith(URL)
        assert answer.headers["content-length"] == str(len(answer.content))

    def test_can_be_read_as_a_stream(self, db, plain_session):
        with plain_session.get(URL, stream=True) as answer:
            assert b"".join(answer.iter_content(64)).startswith(b'{"services"')

    def test_sends_no_body_after_a_delete(self, db, plain_session):
        answer = plain_session.delete(f"{URL}/{settings.TWILIO_VERIFY_SERVICE_SID}")

        assert (answer.status_code, answer.content) == (204, b"")

    def test_waits_as_long_as_the_latency(self, db, plain_session, set_control, monkeypatch):
        waited = []
        monkeypatch.setattr("otp.sandbox.transport.time.sleep", waited.append)
        set_control(latency_ms=1500)

        plain_session.get(URL, timeout=2)

        assert waited == [1.5]

    def test_times_out_where_the_latency_is_longer_and_has_processed_the_call(self, db, plain_session, set_control):
        set_control(latency_ms=5000)

        with pytest.raises(requests.exceptions.ReadTimeout):
            plain_session.post(URL, {"FriendlyName": "Late"}, timeout=(3, 0.01))

        assert Service.objects.filter(friendly_name="Late").exists()

    @pytest.mark.django_db(transaction=True)
    def test_waits_with_no_database_connection(self, plain_session, set_control, monkeypatch):
        held = []
        monkeypatch.setattr(
            "otp.sandbox.transport.time.sleep", lambda seconds: held.append(connection.connection is not None)
        )
        set_control(latency_ms=1)

        plain_session.get(URL)

        assert held == [False]

    def test_closes_without_complaint(self):
        SandboxAdapter().close()
