"""The session calls: who is signed in, signing in, signing out. Held to the OpenAPI document as well."""

import json

import pytest
import schemathesis
import werkzeug
from django.conf import settings as django_settings
from django.contrib.auth import get_user_model
from rest_framework.test import APIClient
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from accounts.tests.people import PASSWORD
from otp.exceptions import LimitsUnavailable
from smartfin.wsgi import application

pytestmark = pytest.mark.django_db
RIGHT = {"email": "ann@example.com", "password": PASSWORD}
ANN = {"email": "ann@example.com", "phone": "+1 ••• ••• 0123", "phone_verified": True, "two_factor_enabled": False}
CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]

schema = schemathesis.openapi.from_wsgi("/api/schema", application)


class Caller:
    """A page of this site: keeps cookies, sends the CSRF token, and holds each answer to the document."""

    def __init__(self):
        self.client = APIClient(enforce_csrf_checks=True, raise_request_exception=False)
        self.token = ""

    def __call__(self, method, name, body=None, *, raw=None, content_type="application/json", **headers):
        if self.token:
            headers = {"X-CSRFToken": self.token, **headers}
        data = raw if raw is not None else json.dumps(body) if body is not None else None
        answer = self.client.generic(method, f"/api/{name}", data or "", content_type, headers=headers)
        seen = werkzeug.Response(answer.content, status=answer.status_code, content_type=answer["Content-Type"])
        schema[f"/api/{name}"][method].Case().validate_response(werkzeug.test.Client(seen).get(), checks=CHECKS)
        return answer

    def get_token(self):
        self.token = self("GET", "session").json()["csrf_token"]


@pytest.fixture
def call(ann, settings):
    settings.ALLOWED_HOSTS = ["localhost", "testserver"]
    return Caller()


@pytest.fixture
def page(call):
    """The same, with its token."""
    call.get_token()
    return call


class TestSession:
    def test_of_nobody(self, call):
        answer = call("GET", "session")

        assert answer.status_code == 200
        assert answer.json() == {
            "authenticated": False,
            "user": None,
            "csrf_token": answer.json()["csrf_token"],
            "second_factor": {"required": False, "methods": [], "to": None},
        }
        assert answer.cookies[django_settings.CSRF_COOKIE_NAME].value
        assert answer["Cache-Control"] == "no-store"

    def test_of_somebody(self, page, ann):
        page("POST", "login", RIGHT)

        answer = page("GET", "session").json()

        assert answer["authenticated"] is True
        assert answer["user"] == {"id": ann.pk, **ANN}

    def test_a_slash_does_no_harm(self, call):
        assert call.client.get("/api/session/").status_code == 200


class TestLogin:
    def test_signs_in_and_the_token_is_a_new_one(self, page):
        before = page.token
        cookie = page.client.cookies["csrftoken"].value

        answer = page("POST", "login", RIGHT)

        assert (answer.status_code, answer.json()) == (200, {"status": "authenticated"})
        assert page.client.cookies["csrftoken"].value != cookie
        assert page("POST", "logout", **{"X-CSRFToken": before}).status_code == 403
        page.get_token()
        assert page("POST", "logout").status_code == 200

    @pytest.mark.requirement("API-05")
    @pytest.mark.parametrize("name", ["login", "logout"])
    def test_asks_strangers_for_a_csrf_token_too(self, name, call):
        answer = call("POST", name, RIGHT)
        assert (answer.status_code, answer.json()["code"]) == (403, "not_authenticated")
        assert "csrf_token" in answer.json()["error"]

        call.get_token()
        assert call("POST", name, RIGHT, **{"X-CSRFToken": "x" * 64}).status_code == 403
        assert call("GET", "session").json()["authenticated"] is False

    @pytest.mark.requirement("API-05")
    @pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
    def test_takes_json_alone(self, content_type, page):
        answer = page("POST", "login", RIGHT, content_type=content_type)

        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
        assert page("GET", "session").json()["authenticated"] is False

    @pytest.mark.requirement("ENU-01", "ENU-05")
    def test_refusals_are_all_alike(self, page):
        answers = [page("POST", "login", {**RIGHT, **change}) for change in ({"password": "x"}, {"email": "x@y.zz"})]
        get_user_model().objects.update(is_active=False)
        answers.append(page("POST", "login", RIGHT))

        assert {answer.status_code for answer in answers} == {403}
        assert [answer.json() for answer in answers] == 3 * [
            {"error": "E-mail or password isn’t right. Check both and try again.", "code": "not_authenticated"}
        ]

    @pytest.mark.parametrize(
        "raw", [b"", b"[]", b"null", b'{"email": 1, "password": 2}', b'{"email": "\\ud800"}', b"\xff"]
    )
    def test_what_cannot_be_read_is_refused(self, raw, page):
        answer = page("POST", "login", raw=raw)

        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")

    def test_what_is_too_large_is_refused(self, page):
        assert page("POST", "login", raw=b" " * 1_100_000).status_code == 413

    @pytest.mark.requirement("THR-09")
    def test_is_limited_together_with_the_page(self, page, client, settings):
        settings.LOGIN_MAX_FAILURES_PER_ACCOUNT_PER_HOUR = 2
        for _ in range(2):
            client.post("/accounts/login/", {**RIGHT, "password": "wrong"})

        answer = page("POST", "login", RIGHT)

        assert (answer.status_code, answer.json()["code"]) == (429, "too_many_requests")
        assert answer["Retry-After"] == str(answer.json()["retry_after"])

    def test_counters_down(self, page, monkeypatch):
        def fail():
            raise LimitsUnavailable

        monkeypatch.setattr("accounts.limits.get_counters", fail)

        assert page("POST", "login", RIGHT).status_code == 503


class TestLogout:
    @pytest.mark.requirement("SES-04")
    def test_ends_the_session_everywhere(self, page):
        page("POST", "login", RIGHT)
        key = page.client.cookies["sessionid"].value
        page.get_token()

        answer = page("POST", "logout")

        assert (answer.status_code, answer.json()) == (200, {"status": "signed_out"})
        assert answer["Clear-Site-Data"] == '"storage"'
        page.client.cookies["sessionid"] = key
        assert page("GET", "session").json()["authenticated"] is False

    def test_a_get_does_nothing(self, page):
        page("POST", "login", RIGHT)

        assert page.client.get("/api/logout").status_code == 405
        assert page("GET", "me").status_code == 200


class TestMe:
    def test_needs_a_sign_in(self, call):
        answer = call("GET", "me")

        assert (answer.status_code, answer.json()) == (403, {"error": "Sign in first.", "code": "not_authenticated"})

    def test_says_who(self, page, ann):
        page("POST", "login", RIGHT)

        assert page("GET", "me").json() == {"id": ann.pk, **ANN}

    @pytest.mark.requirement("API-02")
    @pytest.mark.parametrize("method", ["put", "patch", "post", "delete"])
    def test_takes_nothing(self, method, page, ann):
        page("POST", "login", RIGHT)
        page.get_token()

        answer = getattr(page.client, method)(
            "/api/me", {"is_staff": True, "email": "x@y.zz"}, format="json", headers={"X-CSRFToken": page.token}
        )

        assert answer.status_code == 405
        ann.refresh_from_db()
        assert not ann.is_staff

    def test_without_a_number(self, page, ann):
        ann.phone, ann.phone_verified_at = "", None
        ann.save()
        page("POST", "login", RIGHT)

        answer = page("GET", "me").json()
        assert (answer["phone"], answer["phone_verified"]) == ("", False)


class TestExamples:
    @pytest.mark.requirement("API-09")
    @pytest.mark.parametrize(
        ("method", "name"), [("get", "session"), ("post", "login"), ("post", "logout"), ("get", "me")]
    )
    def test_responses_conform(self, method, name):
        operation = schema.raw_schema["paths"][f"/api/{name}"][method]
        examples = [
            (status, example["value"])
            for status, response in operation["responses"].items()
            for example in response["content"]["application/json"].get("examples", {}).values()
        ]

        assert examples
        for status, body in examples:
            answer = werkzeug.Response(json.dumps(body), status=int(status), content_type="application/json")
            schema[f"/api/{name}"][method.upper()].validate_response(werkzeug.test.Client(answer).get())
