"""The wrapper around the twilio SDK: what goes over the wire, and what each answer becomes."""

import base64
import socket
import threading
from urllib.parse import urlsplit

import circuitbreaker
import pytest
import requests

from otp.exceptions import (
    CodeExpired,
    IncorrectCode,
    NotConfigured,
    OtpError,
    ProviderBusy,
    ProviderMisbehaved,
    ProviderUnavailable,
    TooManyAttempts,
    TooManyRequests,
)
from otp.tests.twilio_double import Answer
from otp.verify_api.errors import CHECK_ERRORS, SEND_ERRORS
from otp.verify_api.http import VerifyHttpClient
from otp.verify_api.service import twilio_verify

NUMBER = "+12025550123"
SID = "VE" + "0" * 32


class TestSendOtp:
    def test_puts_on_the_wire_what_twilio_documents(self, twilio, settings):
        sent = twilio_verify.send_otp(NUMBER, "whatsapp", locale="es")

        (received,) = twilio.received
        assert received.method == "POST"
        assert received.path == f"/v2/Services/{settings.TWILIO_VERIFY_SERVICE_SID}/Verifications"
        assert received.form == {"To": NUMBER, "Channel": "whatsapp", "Locale": "es"}
        pair = f"{settings.TWILIO_ACCOUNT_SID}:{settings.TWILIO_AUTH_TOKEN}".encode()
        assert received.headers["Authorization"] == f"Basic {base64.b64encode(pair).decode()}"
        assert sent.to == NUMBER
        assert sent.verification_sid.startswith("VE")

    def test_prefers_an_api_key(self, twilio, settings):
        settings.TWILIO_API_KEY, settings.TWILIO_API_SECRET = "SK" + "1" * 32, "secret"

        twilio_verify.send_otp(NUMBER)

        assert (
            twilio.received[0]
            .headers["Authorization"]
            .endswith(base64.b64encode(f"SK{'1' * 32}:secret".encode()).decode())
        )

    def test_needs_credentials(self, twilio, settings):
        settings.TWILIO_AUTH_TOKEN = ""

        with pytest.raises(NotConfigured):
            twilio_verify.send_otp(NUMBER)
        assert twilio.received == []

    def test_needs_a_service(self, twilio, settings):
        settings.TWILIO_VERIFY_SERVICE_SID = ""

        with pytest.raises(NotConfigured):
            twilio_verify.send_otp(NUMBER)

    @pytest.mark.parametrize(("status", "code"), [(404, 20404), (400, 60200)])
    def test_leaves_out_a_language_that_twilio_lacks(self, status, code, twilio):
        twilio.answer = lambda received: Answer.error(status, code) if "Locale" in received.form else None

        twilio_verify.send_otp(NUMBER, locale="xx")

        assert [received.form.get("Locale") for received in twilio.received] == ["xx", None]

    @pytest.mark.parametrize("code", sorted(SEND_ERRORS))
    def test_every_code_of_the_table_becomes_its_exception(self, code, twilio):
        twilio.always(Answer.error(429 if code in {20429, 60202, 60203, 60212} else 400, code))

        with pytest.raises(SEND_ERRORS[code]) as caught:
            twilio_verify.send_otp(NUMBER)

        assert type(caught.value) is SEND_ERRORS[code]
        assert caught.value.provider_code == code
        assert (caught.value.retry_after is not None) == (caught.value.http_status in {429, 503}) or code in {
            other for other, kind in SEND_ERRORS.items() if kind is NotConfigured
        }

    @pytest.mark.requirement("TOL-07")
    def test_keeps_the_wait_that_twilio_asks_for(self, twilio):
        twilio.always(Answer.error(429, 20429, Retry_After="17"))

        with pytest.raises(ProviderBusy) as caught:
            twilio_verify.send_otp(NUMBER)

        assert caught.value.retry_after == 17
        assert len(twilio.received) == 1

    def test_lets_none_of_twilios_words_out(self, twilio):
        twilio.always(Answer.error(400, 60200, f"Invalid parameter `To`: {NUMBER}"))

        with pytest.raises(OtpError) as caught:
            twilio_verify.send_otp(NUMBER)

        error = caught.value
        assert NUMBER not in str(error)
        assert error.__suppress_context__


class TestVerifyOtp:
    @pytest.mark.requirement("OTP-06")
    def test_asks_by_sid(self, twilio):
        sent = twilio_verify.send_otp(NUMBER)

        checked = twilio_verify.verify_otp(None, "123456", verification_sid=sent.verification_sid)

        assert twilio.checks[0].form == {"VerificationSid": sent.verification_sid, "Code": "123456"}
        assert checked.status == "approved"

    def test_asks_by_number_like_the_guide(self, twilio):
        twilio.answer = lambda received: Answer.of(
            200, twilio.describe(received.path.split("/")[3], SID, NUMBER, "approved")
        )

        twilio_verify.verify_otp(NUMBER, "123456")

        assert twilio.checks[0].form == {"To": NUMBER, "Code": "123456"}

    def test_wrong_code(self, twilio):
        sent = twilio_verify.send_otp(NUMBER)

        with pytest.raises(IncorrectCode):
            twilio_verify.verify_otp(None, "000000", verification_sid=sent.verification_sid)

    @pytest.mark.parametrize("code", sorted(CHECK_ERRORS))
    def test_every_code_of_the_table_becomes_its_exception(self, code, twilio):
        twilio.always(Answer.error(429 if code in {20429, 60202, 60212} else 404, code))

        with pytest.raises(OtpError) as caught:
            twilio_verify.verify_otp(None, "123456", verification_sid=SID)

        assert type(caught.value) is CHECK_ERRORS[code]

    @pytest.mark.requirement("OTP-10")
    @pytest.mark.parametrize(
        ("changes", "error"),
        [
            ({"sid": "VE" + "1" * 32}, ProviderMisbehaved),
            ({"service_sid": "VA" + "1" * 32}, ProviderMisbehaved),
            ({"status": "fulfilled", "valid": True}, ProviderMisbehaved),
            ({"status": "pending", "valid": True}, IncorrectCode),
            ({"status": "Approved", "valid": True}, ProviderMisbehaved),
            ({"status": None, "valid": True}, ProviderUnavailable),
            ({"sid": None}, ProviderUnavailable),
            ({"to": None}, ProviderUnavailable),
            ({"status": "canceled"}, CodeExpired),
            ({"status": "max_attempts_reached"}, TooManyAttempts),
        ],
    )
    def test_only_a_full_approval_counts(self, changes, error, twilio):
        sid = twilio_verify.send_otp(NUMBER).verification_sid
        twilio.answer = lambda received: Answer.of(
            200, {**twilio.describe(received.path.split("/")[3], sid, NUMBER, "approved"), **changes}
        )

        with pytest.raises(error) as caught:
            twilio_verify.verify_otp(None, "123456", verification_sid=sid)
        assert type(caught.value) is error

    @pytest.mark.requirement("OTP-10")
    @pytest.mark.parametrize(
        "body", [b"", b"{", b"[]", b"null", b'"approved"', b"<html>approved</html>", b"{}", b"\xff\xfe"]
    )
    @pytest.mark.parametrize("status", [200, 201])
    def test_what_cannot_be_read_is_no_approval(self, status, body, twilio):
        twilio.always(Answer(status, body))

        with pytest.raises(ProviderUnavailable):
            twilio_verify.verify_otp(None, "123456", verification_sid=SID)

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 418, 429, 500, 502, 503])
    @pytest.mark.parametrize(
        "body",
        [b"", b"[]", b"<html>", b'{"code": null}', b'{"code": [1]}', b'{"code": "x", "message": 1}', b'{"type": "x"}'],
    )
    def test_errors_without_a_known_code_become_ours_too(self, status, body, twilio):
        twilio.always(Answer(status, body))

        with pytest.raises(OtpError):
            twilio_verify.verify_otp(None, "123456", verification_sid=SID)


class TestCancel:
    def test_tells_twilio(self, twilio):
        sent = twilio_verify.send_otp(NUMBER)

        twilio_verify.cancel(sent.verification_sid)

        assert twilio.received[1].path.endswith(f"/Verifications/{sent.verification_sid}")
        assert twilio.received[1].form == {"Status": "canceled"}

    def test_takes_a_destination_too_whatever_is_in_it(self, twilio):
        twilio_verify.send_otp("a/b+c?d@example.com", "email")

        twilio_verify.cancel("a/b+c?d@example.com")

        assert twilio.received[1].path.endswith("/Verifications/a%2Fb%2Bc%3Fd%40example.com")
        assert twilio.sids == {}

    def test_does_not_mind_what_is_gone_already(self, twilio):
        twilio_verify.cancel(SID)

    def test_minds_an_outage(self, twilio):
        twilio.always(Answer(503, b""))

        with pytest.raises(ProviderUnavailable):
            twilio_verify.cancel(SID)


class TestBreaker:
    @pytest.fixture
    def clock(self, monkeypatch):
        now = [1000.0]
        monkeypatch.setattr(circuitbreaker, "monotonic", lambda: now[0])
        return now

    @pytest.mark.requirement("TOL-07")
    def test_opens_after_outages_and_closes_again(self, twilio, clock):
        twilio.always(Answer(503, b""))
        for _ in range(5):
            with pytest.raises(ProviderUnavailable):
                twilio_verify.send_otp(NUMBER)

        with pytest.raises(ProviderUnavailable) as refused:
            twilio_verify.send_otp(NUMBER)
        assert len(twilio.received) == 5
        assert not refused.value.was_sent
        assert refused.value.retry_after == 15

        twilio.always(None)
        clock[0] += 16
        twilio_verify.send_otp(NUMBER)
        twilio_verify.send_otp(NUMBER)
        assert len(twilio.received) == 7

    @pytest.mark.parametrize(("status", "code"), [(429, 20429), (400, 60200), (403, 60410), (401, 20003)])
    def test_stays_closed_on_refusals(self, status, code, twilio):
        twilio.always(Answer.error(status, code))

        for _ in range(8):
            with pytest.raises(OtpError):
                twilio_verify.send_otp(NUMBER)

        assert len(twilio.received) == 8


class TestVerifyHttpClient:
    @pytest.mark.parametrize(("edge", "region"), [("", ""), ("dublin", "ie1"), ("sydney", ""), ("", "au1")])
    def test_goes_where_settings_say_whatever_edge_and_region(self, edge, region, twilio, monkeypatch):
        monkeypatch.setenv("TWILIO_EDGE", edge)
        monkeypatch.setenv("TWILIO_REGION", region)

        twilio_verify.send_otp(NUMBER)

        assert len(twilio.sends) == 1

    def test_leaves_twilios_own_address_alone(self):
        client = VerifyHttpClient("https://verify.twilio.com", 10)

        assert client.point("https://verify.dublin.ie1.twilio.com/v2/x?y=z") == (
            "https://verify.dublin.ie1.twilio.com/v2/x?y=z"
        )

    def test_keeps_the_path_of_another_address(self):
        client = VerifyHttpClient("https://proxy.example/twilio/", 10)

        assert client.point("https://verify.twilio.com/v2/x?y=z") == "https://proxy.example/twilio/v2/x?y=z"
        assert client.point("https://api.twilio.com/v2/x") == "https://api.twilio.com/v2/x"

    def test_sends_all_of_twilio_to_a_stand_in(self):
        client = VerifyHttpClient("http://127.0.0.1:8000/sandbox/twilio", 10)

        for host in ("api.twilio.com", "api.dublin.ie1.twilio.com", "verify.twilio.com"):
            assert client.point(f"https://{host}/x") == "http://127.0.0.1:8000/sandbox/twilio/x"
        assert client.point("https://api.example/x") == "https://api.example/x"

    @pytest.mark.requirement("CFG-13")
    def test_follows_no_redirect(self, twilio):
        twilio.always(Answer(302, b"", {"Location": f"{twilio.url}/elsewhere"}))

        with pytest.raises(OtpError):
            twilio_verify.send_otp(NUMBER)
        assert len(twilio.received) == 1

    @pytest.mark.requirement("CFG-13")
    def test_checks_certificates(self):
        assert VerifyHttpClient("https://verify.twilio.com", 10).session.verify is True

    @pytest.mark.requirement("CFG-13", "TOL-07")
    @pytest.mark.parametrize("reply", [b"", b"HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{"])
    def test_gives_up_in_time_on_a_server_that_hangs(self, reply, settings):
        with socket.create_server(("127.0.0.1", 0)) as server:
            settings.TWILIO_TIMEOUT = 0.2
            settings.TWILIO_VERIFY_URL = f"http://127.0.0.1:{server.getsockname()[1]}"
            held = []

            def accept() -> None:
                connection, _ = server.accept()
                connection.sendall(reply)
                held.append(connection)

            thread = threading.Thread(target=accept)
            thread.start()
            with pytest.raises(ProviderUnavailable) as caught:
                twilio_verify.send_otp(NUMBER)
            thread.join()
            held[0].close()
        assert caught.value.was_sent

    @pytest.mark.requirement("CFG-13")
    def test_gives_up_in_time_on_a_server_that_drips(self, settings):
        with socket.create_server(("127.0.0.1", 0)) as server:
            settings.TWILIO_TIMEOUT = 0.3
            settings.TWILIO_VERIFY_URL = f"http://127.0.0.1:{server.getsockname()[1]}"
            stop = threading.Event()

            def drip() -> None:
                connection, _ = server.accept()
                connection.sendall(b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n")
                try:
                    while not stop.wait(0.05):
                        connection.sendall(b"1\r\n \r\n")
                except OSError:
                    pass  # they hung up, as they should
                connection.close()

            thread = threading.Thread(target=drip)
            thread.start()
            try:
                with pytest.raises(ProviderUnavailable):
                    twilio_verify.send_otp(NUMBER)
            finally:
                stop.set()
                thread.join()

    def test_knows_a_call_that_never_left(self, settings):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        settings.TWILIO_VERIFY_URL = f"http://127.0.0.1:{port}"

        with pytest.raises(ProviderUnavailable) as caught:
            twilio_verify.send_otp(NUMBER)
        assert not caught.value.was_sent

    def test_ignores_the_machines_proxies_for_a_stand_in(self, twilio, monkeypatch):
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")

        twilio_verify.send_otp(NUMBER)

        assert len(twilio.sends) == 1

    def test_keeps_connections(self, twilio):
        for _ in range(3):
            twilio_verify.send_otp(NUMBER)

        assert len({received.peer for received in twilio.received}) == 1

    def test_writes_no_number_to_any_log(self, twilio, caplog):
        caplog.set_level(0)

        twilio_verify.send_otp(NUMBER)

        assert NUMBER not in caplog.text
        assert NUMBER[1:] not in caplog.text


@pytest.mark.parametrize("table", [SEND_ERRORS, CHECK_ERRORS])
def test_tables_hold_exceptions_of_ours(table):
    assert all(issubclass(kind, OtpError) for kind in table.values())


def test_a_refused_send_that_says_too_many_has_a_wait():
    assert {kind for code, kind in SEND_ERRORS.items() if code in {60203, 60212}} == {TooManyRequests}


def test_the_double_is_on_this_machine(twilio):
    assert urlsplit(twilio.url).hostname == "127.0.0.1"
    assert requests.post(f"{twilio.url}/v2/Services/VA/Nothing", data={}, timeout=5).status_code == 404
