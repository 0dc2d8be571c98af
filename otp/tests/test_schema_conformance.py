"""The OpenAPI document and the API say the same: what is documented happens, and nothing else does."""

import json
from collections import defaultdict
from uuid import UUID

import pytest
import schemathesis
import werkzeug
import werkzeug.test
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.utils import timezone
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from otp import services
from otp.client import Client
from otp.limits import reset_volume_counters
from otp.models import Verification, VerificationAttempt
from otp.sandbox.control import change_state
from otp.sandbox.models import Message
from smartfin.wsgi import application

pytestmark = pytest.mark.django_db(transaction=True)

schema = schemathesis.openapi.from_wsgi("/api/schema", application)
DOCUMENT = schema.raw_schema
OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}
NAMES = ("send-otp", "verify-otp", "register-with-otp", "forgot-password-otp")
# An address works with and without a slash at its end; the document chooses one of them.
PATHS = {path.strip("/").removeprefix("api/"): path for path in DOCUMENT["paths"]}
CHECKS = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    unsupported_method,
]
PHONE, EMAIL, PASSWORD = "+12025550123", "ann@example.com", "a-long-enough-one"
PLAUSIBLE = {
    "to": [PHONE, EMAIL, "+447400123456", "+8801712345678", "+19005550123"],
    "phone": [PHONE, "+12025550124"],
    "email": [EMAIL, "user@example.com"],
    "code": ["123456", "１２３ ４５６"],
    "otp_code": ["123456"],
    "password": [PASSWORD, "password"],
    "new_password": [PASSWORD],
}


@pytest.fixture(autouse=True)
def wide_limits(settings):
    settings.ALLOWED_HOSTS = ["localhost"]
    for name in (
        "SENDS_PER_HOUR",
        "SENDS_PER_COUNTRY_PER_HOUR",
        "SENDS_PER_PREFIX_PER_HOUR",
        "SENDS_PER_ADDRESS_PER_HOUR",
        "CHECKS_PER_ADDRESS_PER_HOUR",
    ):
        setattr(settings, f"OTP_MAX_{name}", 100_000)
    settings.OTP_DAILY_BUDGET = 100_000


def forget_everything():
    VerificationAttempt.objects.all().delete()
    Verification.objects.all().delete()
    change_state({"reset": True})
    reset_volume_counters()


@schema.hook
def map_body(context, body):
    """Put something plausible in place of some of the noise, so that more than the first look at a field is reached."""
    if not isinstance(body, dict):
        return body
    noise = len(json.dumps(body, default=str))
    return {
        name: PLAUSIBLE[name][noise % len(PLAUSIBLE[name])]
        if name in PLAUSIBLE and isinstance(value, str) and (noise + len(name)) % 4
        else value
        for name, value in body.items()
    }


@pytest.mark.requirement("API-06", "API-09")
@schema.parametrize()
@hypothesis_settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_whatever_is_sent_the_answer_is_a_documented_one(case):
    case.call_and_validate(checks=[not_a_server_error, *CHECKS])


@pytest.mark.requirement("API-09")
class TestDocument:
    def test_is_valid_and_complete(self, tmp_path):
        call_command("spectacular", "--validate", "--fail-on-warn", file=str(tmp_path / "schema.yaml"))

        assert set(PATHS) >= set(NAMES)

    def test_every_error_is_the_one_error_object(self):
        for operation in OPERATIONS.values():
            for status, response in operation["responses"].items():
                if status >= "400":
                    reference = response["content"]["application/json"]["schema"]["$ref"]
                    component = DOCUMENT["components"]["schemas"][reference.rsplit("/", 1)[1]]
                    assert {"error", "code"} <= set(component["required"]), reference


class Caller:
    """Calls the API, holds every answer to the document, and remembers which statuses it saw."""

    def __init__(self):
        self.seen = defaultdict(set)

    def __call__(self, name, body=None, *, raw=None, content_type="application/json", **fields):
        raw = json.dumps(body or fields) if raw is None else raw
        response = werkzeug.test.Client(application).post(
            PATHS[name], data=raw, content_type=content_type, environ_base={"REMOTE_ADDR": "192.0.2.1"}
        )
        schema[PATHS[name]]["POST"].Case().validate_response(response, checks=CHECKS)
        self.seen[name].add(response.status_code)
        return response.status_code, response.json


@pytest.fixture
def call():
    return Caller()


def code_to(to):
    return Message.objects.filter(to=to).exclude(code="").latest("pk").code


def wrong(code):
    return f"{(int(code) + 1) % 1_000_000:06}"


@pytest.mark.requirement("API-09")
class TestEveryDocumentedStatus:
    """Each status of the document is brought about by the real thing, and each answer conforms."""

    def test_happens(self, call, settings):
        self.walk_send(call)
        self.walk_verify(call)
        self.walk_register(call)
        self.walk_forgot(call)
        for name in NAMES:
            self.walk_malformed(call, name)
        self.walk_refusals_of_all(call, settings)

        documented = {name: {int(status) for status in get_post(name)["responses"]} for name in NAMES}
        # Only two simultaneous sends can conflict; their race has a test of its own.
        documented["send-otp"].discard(409)
        assert dict(call.seen) == documented

    @staticmethod
    def walk_send(call):
        assert call("send-otp", to=PHONE)[0] == 201
        assert call("send-otp", to=PHONE)[0] == 429
        assert call("send-otp", to="12")[1]["code"] == "invalid_destination"
        assert call("send-otp", to=EMAIL, channel="sms")[1]["code"] == "channel_unavailable"
        assert call("send-otp", to="+8801712345678")[1]["code"] == "country_not_allowed"
        assert call("send-otp", to="+19005550123")[1]["code"] == "destination_blocked"

    @staticmethod
    def walk_verify(call):
        code = code_to(PHONE)
        for _ in range(4):
            assert call("verify-otp", to=PHONE, code=wrong(code))[1]["code"] == "incorrect_code"
        assert call("verify-otp", to=PHONE, code=code)[0] == 200
        assert call("verify-otp", to=PHONE, code=code)[1]["code"] == "code_expired"
        unknown = "0c5d7d3a-3b68-4c47-9f1b-6a1f0f0b5c11"
        assert call("verify-otp", verification_id=unknown, code=code)[0] == 404
        assert call("send-otp", to=EMAIL)[0] == 201
        for _ in range(5):
            call("verify-otp", to=EMAIL, code=wrong(code_to(EMAIL)))
        assert call("verify-otp", to=EMAIL, code=code_to(EMAIL))[1]["code"] == "too_many_attempts"

    @staticmethod
    def walk_register(call):
        forget_everything()
        person = {"email": EMAIL, "password": PASSWORD, "phone": PHONE}
        services.send_otp(PHONE, purpose="registration", client=Client())
        code = code_to(PHONE)
        weak = {**person, "password": "password"}
        assert call("register-with-otp", **weak, otp_code=code)[1]["code"] == "weak_password"
        assert call("register-with-otp", **person, otp_code=wrong(code))[1]["code"] == "incorrect_code"
        assert call("register-with-otp", **person, otp_code=code)[0] == 201
        services.send_otp(PHONE, client=Client())
        status, answer = call("register-with-otp", **person, otp_code=code_to(PHONE))
        assert (status, answer["code"]) == (409, "phone_taken")
        other = {**person, "email": "other@example.com", "verification_token": answer["verification_token"]}
        assert call("register-with-otp", **other)[1]["code"] == "phone_taken"
        services.send_otp("+12025550124", client=Client())
        stranger = {**person, "phone": "+12025550124", "otp_code": wrong(code_to("+12025550124"))}
        for _ in range(5):
            call("register-with-otp", **stranger)
        assert call("register-with-otp", **stranger)[0] == 429

    @staticmethod
    def walk_forgot(call):
        forget_everything()
        pair = {"email": EMAIL, "phone": PHONE}
        assert call("forgot-password-otp", **pair)[0] == 202
        assert call("forgot-password-otp", **pair)[0] == 429
        assert call("forgot-password-otp", email=EMAIL, phone="+8801712345678")[0] == 403
        code = code_to(PHONE)
        finish = {**pair, "new_password": "another-good-one"}
        assert call("forgot-password-otp", **finish, otp_code=wrong(code))[0] == 400
        assert call("forgot-password-otp", **finish, otp_code=code)[0] == 200
        assert get_user_model().objects.get(email=EMAIL).check_password("another-good-one")

    @staticmethod
    def walk_malformed(call, name):
        for raw in (b"", b"[]", b"null", b'{"to": "\\ud800"}', b"[" * 100_000, b'{"to": 1, "to": 2}', b"\xff", b"{}"):
            assert call(name, raw=raw)[0] == 400
        assert call(name, raw=b" " * 1_100_000)[0] == 413
        assert call(name, raw=b"to=1", content_type="application/x-www-form-urlencoded")[0] == 415

    @staticmethod
    def walk_refusals_of_all(call, settings):
        forget_everything()
        pair = {"email": EMAIL, "phone": "+12025550125"}
        services.send_otp(pair["phone"], client=Client())
        change_state({"fault": "http_503"})
        assert call("send-otp", to=PHONE)[0] == 503
        assert call("verify-otp", to=pair["phone"], code="123456")[0] == 503
        assert call("register-with-otp", **pair, password=PASSWORD, otp_code="123456")[0] == 503
        assert call("forgot-password-otp", **pair, new_password=PASSWORD, otp_code="123456")[0] == 503
        change_state({"fault": None})
        settings.OTP_MAX_CHECKS_PER_ADDRESS_PER_HOUR = 0
        assert call("forgot-password-otp", **pair, new_password=PASSWORD, otp_code="123456")[0] == 429


def get_post(name):
    return DOCUMENT["paths"][PATHS[name]]["post"]


def get_request_examples():
    return [
        pytest.param(call_name, example["value"], id=f"{call_name}: {name}")
        for call_name in NAMES
        for name, example in get_post(call_name)["requestBody"]["content"]["application/json"]["examples"].items()
    ]


def get_response_examples():
    return [
        pytest.param(call_name, status, example["value"], id=f"{call_name} {status}: {name}")
        for call_name in NAMES
        for status, response in get_post(call_name)["responses"].items()
        for name, example in response["content"]["application/json"].get("examples", {}).items()
    ]


@pytest.mark.requirement("API-09")
class TestExamples:
    @pytest.mark.parametrize(("name", "body"), get_request_examples())
    def test_request_is_accepted(self, name, body, call):
        """With a code out and the person known where the call is about one, each example does what it says."""
        if "code" in body or "otp_code" in body:
            verification = services.send_otp(body.get("to") or body.get("phone") or PHONE, client=Client())
            if "verification_id" in body:
                VerificationAttempt.objects.all().delete()
                verification.delete()
                verification.pk = UUID(body["verification_id"])
                verification.save(force_insert=True)
            change_state({"fault": "approve_all"})
        if name == "forgot-password-otp":
            get_user_model().objects.create_user(
                body["email"], "the-old-password", phone=body["phone"], phone_verified_at=timezone.now()
            )

        status, answer = call(name, body)

        assert 200 <= status < 300, answer

    @pytest.mark.parametrize(("name", "status", "body"), get_response_examples())
    def test_response_conforms(self, name, status, body):
        answer = werkzeug.Response(json.dumps(body), status=int(status), content_type="application/json")

        schema[PATHS[name]]["POST"].validate_response(werkzeug.test.Client(answer).get())
