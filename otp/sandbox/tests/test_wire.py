import socket
import threading
import time

import pytest
import requests
from django.conf import settings

from otp.sandbox.control import change_state
from otp.sandbox.models import Message, Verification
from otp.sandbox.tests.clients import RedirectedClient, connect
from otp.sandbox.tests.support import PHONE, refused, wrong
from otp.sandbox.wire import find_socket


@pytest.fixture
def form():
    return {"To": PHONE, "Channel": "sms"}


@pytest.fixture
def sends_url(remote_url):
    return f"{remote_url}/v2/Services/{settings.TWILIO_VERIFY_SERVICE_SID}/Verifications"


class TestAnswerOverHttp:
    def test_serves_twilios_own_client(self, remote_service, newest_code):
        sent = remote_service.verifications.create(to=PHONE, channel="sms")

        assert remote_service.verification_checks.create(to=PHONE, code=wrong(newest_code())).status == "pending"
        assert remote_service.verifications(PHONE).fetch().sid == sent.sid
        assert remote_service.verification_checks.create(to=PHONE, code=newest_code()).status == "approved"
        assert refused(remote_service.verification_checks.create, to=PHONE, code=newest_code()) == (404, 20404)

    def test_pages_with_addresses_of_its_own_host(self, remote_url):
        http_client = RedirectedClient(remote_url)
        verify = connect(http_client)
        addresses = []
        forward = http_client.session.send
        http_client.session.send = lambda request, **how: addresses.append(request.url) or forward(request, **how)

        services = verify.services.list(page_size=1)

        assert len(services) == 3
        assert [address.partition("?")[0] for address in addresses] == [f"{remote_url}/v2/Services"] * 3
        assert services[0].url == f"{remote_url}/v2/Services/{services[0].sid}"
        http_client.session.close()

    def test_shares_its_state_with_the_other_face(self, remote_service, service):
        sent = remote_service.verifications.create(to=PHONE, channel="sms")

        assert service.verifications.create(to=PHONE, channel="sms").sid == sent.sid

    @pytest.mark.parametrize(
        ("fault", "count"), [("reset_connection", 0), ("drop_reply_after_commit", 1), ("truncated_json", 1)]
    )
    def test_breaks_or_cuts_what_goes_over_the_wire(self, sends_url, plain_session, form, set_control, fault, count):
        set_control(fault=fault)

        with pytest.raises((requests.exceptions.ConnectionError, ValueError)) as caught:
            plain_session.post(sends_url, form, timeout=5).json()

        is_broken = isinstance(caught.value, requests.exceptions.ConnectionError)
        assert is_broken == (fault != "truncated_json")
        assert Message.objects.count() == Verification.objects.count() == count

    def test_hangs_until_the_fault_is_lifted_and_then_answers(self, sends_url, plain_session, form, set_control):
        set_control(fault="hang")
        with pytest.raises(requests.exceptions.ReadTimeout):
            plain_session.post(sends_url, form, timeout=(3, 0.05))
        answers = []
        waiting = threading.Thread(
            target=lambda: answers.append(plain_session.post(sends_url, form, timeout=20).status_code)
        )
        waiting.start()

        change_state({"fault": None})
        waiting.join(timeout=20)

        assert answers == [201]
        # The one whose caller gave up goes through as well; it must not do so in the middle of another test.
        deadline = time.monotonic() + 20
        while Message.objects.count() < 2 and time.monotonic() < deadline:
            pass
        assert Message.objects.count() == 2

    def test_cuts_the_connection_when_a_hang_lasts_too_long(
        self, sends_url, plain_session, form, set_control, monkeypatch
    ):
        monkeypatch.setattr("otp.sandbox.wire.MAX_HANG_SECONDS", 0.0)
        set_control(fault="hang")

        with pytest.raises(requests.exceptions.ConnectionError):
            plain_session.post(sends_url, form, timeout=5)

    def test_says_413_to_a_body_of_more_than_a_megabyte(self, sends_url, plain_session):
        answer = plain_session.post(sends_url, data=b"x" * (1024 * 1024 + 1), timeout=5)

        assert (answer.status_code, answer.json()["status"]) == (413, 413)

    def test_is_open_without_a_session_and_never_cached(self, client, db):
        answer = client.get("/sandbox/twilio/v2/Services")

        assert (answer.status_code, answer.json()["code"]) == (401, 20003)
        assert "no-store" in answer["Cache-Control"]

    def test_leaves_numbers_out_of_the_log(self, client, db, caplog):
        answer = client.get(f"/sandbox/twilio/v2/Services/x/Verifications/{PHONE}")

        assert answer.status_code == 401
        assert PHONE not in caplog.text

    def test_promises_more_than_it_gives_where_no_socket_is_in_reach(self, client, set_control):
        set_control(fault="reset_connection")

        answer = client.get("/sandbox/twilio/v2/Services")

        assert int(answer["Content-Length"]) > len(answer.content)


class TestFindSocket:
    def test_takes_the_one_that_gunicorn_names(self):
        with socket.socket() as found:
            assert find_socket({"gunicorn.socket": found}) is found

    def test_finds_none_where_there_is_none(self):
        assert find_socket({"wsgi.input": object()}) is None
