"""What reaches the log, and what never does: all journeys, then a search through every line."""

import json
import logging
import re
from io import StringIO

import pytest
import structlog
from django.core.signals import request_started
from django.test import Client, RequestFactory
from django.utils.functional import SimpleLazyObject
from django.views.debug import get_exception_reporter_class

from accounts.tests.authenticator import with_passkey
from accounts.tests.passkey_steps import ask, call, give, start_sign_in
from accounts.tests.people import NUMBER, PASSWORD, make_person, sign_in, with_phone
from otp.models import VerificationAttempt
from otp.tests.twilio_double import Answer
from smartfin import logs
from smartfin.request_log import RequestLogMiddleware

OTHER_NUMBER = "+12025550188"
CODE = "739164"
CREDENTIAL = "s3cr3t-credential"
EVIL = "a\r\nFAKE\x1b[31m\u2028\x9bred"


def make_formatter(*, is_json):
    config = logs.configure(is_json=is_json)["formatters"]["line"]
    return structlog.stdlib.ProcessorFormatter(
        processors=config["processors"], foreign_pre_chain=config["foreign_pre_chain"]
    )


@pytest.fixture
def lines():
    """Every line as it would be written in production, whoever writes it, at every level."""
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(make_formatter(is_json=True))
    root = logging.getLogger()
    levels = {name: logging.getLogger(name).level for name in ("", "otp", "accounts", "django", "django_structlog")}
    for name in levels:
        logging.getLogger(name).setLevel(logging.DEBUG)
    root.addHandler(handler)
    yield lambda: stream.getvalue().splitlines()
    root.removeHandler(handler)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture
def addresses():
    """Every address that was asked for, as an access log of a proxy would hold it."""
    asked = []

    def note(sender, environ, **kwargs):
        asked.append(f"{environ['PATH_INFO']}?{environ['QUERY_STRING']}")

    request_started.connect(note)
    yield asked
    request_started.disconnect(note)


@pytest.fixture
def journeys(client, submit, post, twilio, django_capture_on_commit_callbacks):
    """All journeys, over pages and over the API, with right and wrong turns."""
    twilio.code = CODE
    with django_capture_on_commit_callbacks(execute=True):
        submit("/accounts/register/", email="ann@example.com", password=PASSWORD, phone=NUMBER)
        submit("/accounts/register/code/", code="000000")
        submit("/accounts/register/code/", code=CODE)
        submit("/accounts/login/", email="ann@example.com", password="wrong" + PASSWORD)
        submit("/accounts/login/", email="ann@example.com", password=PASSWORD)
        submit("/accounts/phone-change/", phone=OTHER_NUMBER)
        submit("/accounts/logout/")
        submit("/accounts/password-reset/", email="ann@example.com", phone=NUMBER)
        submit("/accounts/password-reset/code/", code=CODE, new_password=PASSWORD + "2")
        token = post("send-otp", to=OTHER_NUMBER) and post("verify-otp", to=OTHER_NUMBER, code=CODE).json()
        post(
            "register-with-otp",
            email="bob@example.com",
            password=PASSWORD,
            phone=OTHER_NUMBER,
            verification_token=token["verification_token"],
        )
        post("login", email="bob@example.com", password=PASSWORD)
        twilio.always(Answer.error(400, 60200, f"Invalid parameter `To`: {NUMBER}"))
        post("send-otp", to="+12025550189")
    return token["verification_token"]


@pytest.mark.django_db
class TestJourneys:
    @pytest.mark.requirement("CFG-09")
    def test_every_line_is_one_object_without_a_secret(self, lines, journeys):
        written = lines()

        assert len(written) > 40
        assert {json.loads(line)["event"] for line in written} >= {"attempt", "request_finished"}
        everything = "\n".join(written)
        for secret in (CODE, PASSWORD, journeys, NUMBER[1:], OTHER_NUMBER[1:], "ann@example", "csrftoken"):
            assert secret not in everything

    @pytest.mark.requirement("CFG-10")
    def test_no_address_holds_a_number_a_code_or_a_token(self, addresses, journeys):
        assert len(addresses) > 20
        for secret in (CODE, PASSWORD, journeys, NUMBER[1:], OTHER_NUMBER[1:], "555", "ann@", "ann%40", "@example"):
            assert not any(secret in address for address in addresses)

    @pytest.mark.requirement("AUD-01")
    def test_a_request_its_answer_its_lines_and_its_attempt_share_an_id(self, lines, post, twilio):
        answer = post("send-otp", to=NUMBER)

        ids = {json.loads(line)["request_id"] for line in lines() if "request_id" in line}
        assert ids == {answer["X-Request-ID"]} == {VerificationAttempt.objects.get().request_id}

    def test_what_runs_after_the_answer_carries_the_id(self, lines, client, submit, twilio):
        answer = client.post("/api/forgot-password-otp", {"email": "a@b.example", "phone": NUMBER}, "application/json")

        assert answer.status_code == 202
        assert VerificationAttempt.objects.get().request_id == answer["X-Request-ID"]

    def test_says_who_it_was(self, lines, client):
        user = make_person()
        sign_in(client, user)
        client.get("/accounts/security/")

        finished = [json.loads(line) for line in lines() if "request_finished" in line]
        assert finished[-1]["user_id"] == user.pk
        assert finished[-1]["request"] == "GET accounts/security/"

    @pytest.mark.parametrize(
        ("path", "request_line"),
        [
            ("/accounts/phone-change/stop/a-secret-token/", "GET accounts/phone-change/stop/<str:token>/"),
            ("/accounts/login/?to=%2B12025550123&code=123456", "GET accounts/login/"),
            ("/nowhere/+12025550123/", "GET /nowhere/+1•••0123/"),
        ],
    )
    @pytest.mark.requirement("CFG-10")
    def test_no_query_and_no_part_of_a_link_is_written(self, path, request_line, lines, client):
        client.get(path)

        finished = [json.loads(line) for line in lines() if "request_finished" in line]
        assert [line["request"] for line in finished] == [request_line]


@pytest.mark.django_db
@pytest.mark.requirement("CFG-09", "CFG-10")
def test_passkeys_and_payments_put_nothing_into_addresses_or_lines(lines, addresses, api, ann, read_code):
    key = with_passkey(with_phone(ann))
    start_sign_in(api)
    credential = key.sign(ask(api))
    assert give(api, credential).status_code == 200
    body = {"amount": "1250.00", "currency": "EUR", "payee": "Zoltan Quist", "reference": "Invoice 7731"}
    typed = call(api, "approvals", **body).json()["id"]
    sent = call(api, f"approvals/{typed}/send", channel="sms")
    assert sent.status_code == 200, sent.json()
    code = read_code()
    wrong = call(api, f"approvals/{typed}/confirm", code="000000" if code != "000000" else "111111")
    confirmed = call(api, f"approvals/{typed}/confirm", code=code)
    assert (wrong.status_code, confirmed.status_code) == (400, 200), (wrong.json(), confirmed.json())
    to_sign = call(api, "approvals", **body).json()["id"]
    options = call(api, f"approvals/{to_sign}/passkey/options").json()
    signed = call(api, f"approvals/{to_sign}/confirm", method="passkey", credential=key.sign(options))
    assert signed.status_code == 200, signed.json()
    tokens = [answer.json()["approval_token"] for answer in (confirmed, signed)]
    api.get(f"/accounts/approve/{typed}/")

    assert len(addresses) > 9
    secrets = [
        code,
        *tokens,
        credential["id"],
        credential["response"]["signature"],
        "1250",
        "Zoltan",
        "7731",
        NUMBER[1:],
    ]
    for secret in secrets:
        assert not any(secret in address for address in addresses)
    everything = "\n".join(line for line in lines() if "request_finished" in line or '"attempt"' in line)
    assert len(everything) > 1000
    for secret in [code, *tokens, credential["response"]["signature"], "Zoltan", "7731", NUMBER[1:]]:
        assert secret not in everything


@pytest.mark.django_db
class TestRequestId:
    def test_a_client_cannot_choose_it(self, client):
        assert client.get("/", headers={"X-Request-ID": "chosen-by-me"})["X-Request-ID"] != "chosen-by-me"

    @pytest.mark.parametrize(("given", "is_taken"), [("abc-123.def_456", True), ("short", False), ("a\x1b" * 9, False)])
    def test_a_proxy_of_ours_can(self, given, is_taken, settings):
        settings.TRUSTED_PROXY_COUNT = 1
        client = Client(headers={"X-Request-ID": given, "X-Forwarded-For": "198.51.100.7"})

        assert (client.get("/")["X-Request-ID"] == given) is is_taken

    def test_the_log_asks_for_nobody(self):
        def ask():
            raise AssertionError("asking costs statements")

        request = RequestFactory().get("/")
        request.user = SimpleLazyObject(ask)

        RequestLogMiddleware.bind_user_id(request)


class TestLines:
    @pytest.mark.requirement("CFG-09")
    @pytest.mark.parametrize("is_json", [True, False])
    def test_what_a_client_sends_ends_no_line_and_colors_no_terminal(self, is_json):
        formatter = make_formatter(is_json=is_json)
        record = logging.LogRecord("otp", logging.INFO, __file__, 1, "agent %s", (EVIL,), None)

        line = formatter.format(record)

        assert "FAKE" in line
        # The console colors what is its own.
        own = re.compile(r"\x1b\[[0-9;]*m")
        assert not re.search(r"[\r\n\x80-\x9f\u2028]|\x1b", own.sub("", line) if not is_json else line)
        assert "\x1b[31m" not in line.partition("FAKE")[2][:5]

    @pytest.mark.requirement("CFG-09")
    def test_a_user_agent_stays_what_it_is(self, db, lines, client):
        client.get("/", HTTP_USER_AGENT="a%0d%0aFAKE\x1b[31m")

        (line,) = [line for line in lines() if "request_finished" in line]
        assert json.loads(line)["user_agent"] == "a%0d%0aFAKE\x1b[31m"
        assert "\x1b" not in line

    @pytest.mark.parametrize(
        ("text", "masked"),
        [
            ("to +12025550123.", "to +1•••0123."),
            ("%2B12025550123", "%2•••0123"),
            ("+1 (202) 555-0123 rang", "+1•••0123 rang"),
            ("Key (email)=(ann.b+c@mail.example.com) exists", "Key (email)=(a•••@mail.example.com) exists"),
            ("ann%40example.com", "a•••%40example.com"),
            ("Authorization: Bearer abcdef0123456789", "Authorization: Bearer •••"),
            ("Basic QUM6c2VjcmV0", "Basic •••"),
            ("redis://user:secret@host:6379/0", "redis://•••@host:6379/0"),
            ("2026-11-26T17:34:24+00:00 took 1234567890 ms", "2026-11-26T17:34:24+00:00 took 1234567890 ms"),
            ("+1 ••• ••• 0123 and a•••@example.com", "+1 ••• ••• 0123 and a•••@example.com"),
        ],
    )
    def test_numbers_addresses_and_credentials_are_masked_whoever_wrote_them(self, text, masked):
        assert logs.mask(text) == masked

    def test_a_traceback_is_one_line_and_masked_too(self):
        error = ValueError(f"Key (phone)=({NUMBER}) already exists")
        record = logging.LogRecord("x", logging.ERROR, __file__, 1, "failed", (), (type(error), error, None))

        line = make_formatter(is_json=True).format(record)

        assert "\n" not in line
        assert "already exists" in json.loads(line)["exception"]
        assert NUMBER not in line


def divide(local):
    """Fail with something worth hiding in a variable."""
    return 1 / 0 if local else None


@pytest.mark.django_db
class TestBug:
    @pytest.mark.requirement("CFG-09", "OTP-13")
    def test_is_one_line_without_what_was_sent(self, lines, client, twilio, monkeypatch):
        client.raise_request_exception = False
        monkeypatch.setattr("otp.services.send_otp", lambda **values: 1 / 0)
        body = {"to": NUMBER}

        answer = client.post("/api/send-otp", body, "application/json", headers={"Authorization": "Bearer abcdefgh12"})

        assert answer.status_code == 500
        failed = [json.loads(line) for line in lines() if "ZeroDivisionError" in line]
        assert [(line["event"], line["status"]) for line in failed] == [("request_failed", 500)]
        for secret in (NUMBER[1:], "abcdefgh12"):
            assert secret not in "\n".join(lines())

    @pytest.mark.requirement("CFG-09")
    def test_a_report_of_it_holds_nothing_that_was_sent(self, settings):
        request = RequestFactory().post(
            f"/x/?to={NUMBER}",
            {"code": CODE, "password": PASSWORD},
            headers={"Authorization": f"Bearer {CREDENTIAL}", "Cookie": f"sessionid={CREDENTIAL}"},
        )
        settings.DEBUG = False
        try:
            divide(f"{CODE} {PASSWORD}")
        except ZeroDivisionError as error:
            reporter = get_exception_reporter_class(request)(request, type(error), error, error.__traceback__)
            reports = [reporter.get_traceback_text(), reporter.get_traceback_html()]

        for report in reports:
            assert "ZeroDivisionError" in report
            for secret in (CODE, PASSWORD, NUMBER[1:], CREDENTIAL):
                assert secret not in report

    def test_the_middleware_is_where_every_answer_passes(self, settings):
        path = f"{RequestLogMiddleware.__module__}.{RequestLogMiddleware.__name__}"

        assert settings.MIDDLEWARE.index(path) == 1
