"""No input makes the API stumble: what is wrong is a 4xx in the one error shape, and nothing of it reaches Twilio."""

import json

import pytest
from django.db import OperationalError, connection

from accounts.tests.people import sign_in_staff
from otp.models import VerificationAttempt

pytestmark = pytest.mark.django_db
PATHS = ["send-otp", "verify-otp", "register-with-otp", "forgot-password-otp"]
BODIES = {
    "empty": b"",
    "space": b"  ",
    "array": b"[]",
    "null": b"null",
    "true": b"true",
    "number": b"1",
    "text": b'"x"',
    "empty object": b"{}",
    "half an object": b'{"to": "+1',
    "deep arrays": b"[" * 100_000,
    "deep objects": b'{"a":' * 100_000,
    "deep and closed": b"[" * 5_000 + b"]" * 5_000,
    "deep inside": b'{"to": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "lone surrogate": rb'{"to": "\ud800", "code": "\udfff", "email": "\ud800@b.cd", "phone": "\ud800"}',
    "surrogate key": rb'{"\ud800": 1}',
    "nul": rb'{"to": "+1202\u00005550123", "email": "a\u0000@b.cd", "phone": "\u0000", "password": "\u0000"}',
    "long integer": b'{"to": ' + b"9" * 5_000 + b"}",
    "long float": b'{"to": 1e' + b"9" * 50 + b"}",
    "not a number": b'{"to": NaN, "code": Infinity, "phone": -Infinity}',
    "same key twice": b'{"to": "+12025550123", "to": "+12025550124", "code": "123456", "code": "1"}',
    "bad utf-8": b'{"to": "\xff\xfe"}',
    "utf-16": '{"to": "+12025550123"}'.encode("utf-16"),
    "byte order mark": b'\xef\xbb\xbf{"to": "+12025550123"}',
    "objects for text": b'{"to": {}, "code": {}, "email": {}, "phone": {}, "password": {}, "otp_code": {}}',
    "arrays for text": b'{"to": [], "code": [], "email": [], "phone": [], "password": [], "otp_code": []}',
    "booleans for text": b'{"to": true, "code": true, "email": true, "phone": true, "password": true}',
    "numbers for text": b'{"to": 12025550123, "code": 123456, "email": 1, "phone": 12025550123, "password": 12345678}',
    "bad id": b'{"verification_id": "x", "code": "123456"}',
    "id of another type": b'{"verification_id": [1], "code": "123456"}',
    "unknown choice": b'{"to": "+12025550123", "channel": "pigeon", "purpose": {"a": 1}}',
    "bad locale": b'{"to": "+12025550123", "locale": "../../etc"}',
    "very long text": json.dumps({"to": "+1" * 5_000, "code": "1" * 5_000, "email": "a" * 5_000}).encode(),
    "form": b"to=%2B12025550123",
    "xml": b"<to>+12025550123</to>",
}


@pytest.fixture
def send(api):
    def send(path, body, content_type="application/json", **headers):
        return api.generic("POST", f"/api/{path}", body, content_type=content_type, **headers)

    return send


def assert_refused(answer, status=None):
    assert 400 <= answer.status_code < 500, answer.content
    assert answer["Content-Type"] == "application/json"
    assert answer.json().keys() >= {"error", "code"}
    assert answer.json()["error"]
    if status:
        assert answer.status_code == status


class TestBodies:
    @pytest.mark.requirement("API-06")
    @pytest.mark.parametrize("path", PATHS)
    @pytest.mark.parametrize("name", BODIES)
    def test_a_wrong_one_is_refused_in_our_shape(self, path, name, send, twilio):
        assert_refused(send(path, BODIES[name]), 400)
        assert twilio.received == []

    @pytest.mark.requirement("API-05")
    @pytest.mark.parametrize("path", PATHS)
    @pytest.mark.parametrize(
        "content_type",
        [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
            "application/xml",
            "text/html",
            "",
            "*/*",
            "application/*",
        ],
    )
    def test_only_json_is_read(self, path, content_type, send, twilio):
        answer = send(path, b'{"to": "+12025550123"}', content_type)

        assert_refused(answer, 415)
        assert answer.json()["code"] == "unsupported_media_type"
        assert twilio.received == []

    @pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "application/json;charset=nonsense"])
    def test_json_is_utf8_whatever_a_header_says(self, content_type, send, twilio):
        assert send("send-otp", b'{"to": "+12025550123"}', content_type).status_code == 201

    @pytest.mark.requirement("CFG-08")
    @pytest.mark.parametrize("path", PATHS)
    @pytest.mark.parametrize("size", [1024 * 1024 + 1, 50 * 1024 * 1024])
    def test_a_large_one_is_not_read(self, path, size, send, twilio):
        assert_refused(send(path, b'{"to": "' + b"1" * size + b'"}'), 413)

    @pytest.mark.requirement("CFG-08")
    def test_a_length_that_lies_is_refused(self, send):
        assert_refused(send("send-otp", b'{"to": "+12025550123"}', CONTENT_LENGTH="5"), 400)


def test_each_request_is_answered_in_its_own_language(api):
    """One serializer reads for all requests, and a field keeps what it once said of its length."""

    def ask(language):
        body = {"to": "1" * 300}
        return api.post("/api/send-otp", body, format="json", HTTP_ACCEPT_LANGUAGE=language).json()["fields"]["to"]

    english, spanish = ask("en"), ask("es")

    assert english != spanish
    assert (ask("en"), ask("es")) == (english, spanish)


class TestDatabaseAway:
    def test_is_an_outage_not_a_bug(self, post):
        def fail(*args):
            raise OperationalError("server closed the connection")

        with connection.execute_wrapper(fail):
            answer = post("send-otp", to="+12025550123")

        assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (503, "provider_unavailable", "5")
        assert "closed the connection" not in answer.content.decode()


class TestMethods:
    @pytest.mark.requirement("CFG-07")
    @pytest.mark.parametrize("path", PATHS)
    @pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "BREW"])
    def test_only_post_does_anything(self, path, method, api, twilio):
        answer = api.generic(method, f"/api/{path}", b'{"to": "+12025550123"}', content_type="application/json")

        assert_refused(answer, 405)

    @pytest.mark.requirement("CFG-07")
    def test_methods_are_not_overridden(self, api, twilio):
        answer = api.get("/api/send-otp?_method=POST", HTTP_X_HTTP_METHOD_OVERRIDE="POST")

        assert answer.status_code == 405

    @pytest.mark.parametrize("path", [f"/api/{path}/" for path in PATHS])
    def test_a_trailing_slash_does_no_harm(self, path, api):
        assert_refused(api.post(path, {}), 400)


class TestAddresses:
    @pytest.mark.parametrize(
        "path", ["/api/nothing", "/api/send-otp/1", "/api/send-otp.json", "/api//", "/api/\x00", "/api/%ff"]
    )
    def test_unknown_ones_are_not_found_in_our_shape(self, path, api):
        answer = api.post(path, {})

        assert_refused(answer, 404)
        assert answer.json()["code"] == "not_found"

    @pytest.mark.parametrize("accept", ["application/xml", "image/png"])
    def test_answers_are_json_or_nothing(self, accept, api):
        assert_refused(api.post("/api/send-otp", {}, HTTP_ACCEPT=accept))

    def test_an_unknown_format_is_not_found(self, api):
        assert_refused(api.post("/api/send-otp?format=yaml", {}))

    @pytest.mark.requirement("CFG-04")
    @pytest.mark.parametrize("header", ["HTTP_HOST", "HTTP_X_FORWARDED_HOST"])
    def test_a_foreign_host_is_never_repeated(self, header, api, settings):
        settings.ALLOWED_HOSTS = ["testserver"]

        answer = api.get("/api/", **{header: "evil.example"})

        assert b"evil.example" not in answer.content
        assert answer.status_code == (400 if header == "HTTP_HOST" else 200)

    def test_the_root_lists_the_calls(self, api):
        assert [*api.get("/api/").json()] == PATHS
        assert api.get("/api").status_code in {200, 301}


class TestCookies:
    @pytest.mark.requirement("API-05")
    def test_public_calls_neither_read_nor_set_any(self, api, twilio, admin_user):
        sign_in_staff(api, admin_user)
        answer = api.post("/api/send-otp", {"to": "+12025550123"})

        assert answer.status_code == 201
        assert not answer.cookies
        assert VerificationAttempt.objects.get().user is None


class TestCors:
    ORIGIN = "https://app.example"

    def preflight(self, api, origin):
        return api.options(
            "/api/send-otp",
            HTTP_ORIGIN=origin,
            HTTP_ACCESS_CONTROL_REQUEST_METHOD="POST",
            HTTP_ACCESS_CONTROL_REQUEST_HEADERS="content-type",
        )

    def test_only_named_origins_may_call_from_a_browser(self, api, settings):
        settings.CORS_ALLOWED_ORIGINS = [self.ORIGIN]

        assert self.preflight(api, self.ORIGIN)["Access-Control-Allow-Origin"] == self.ORIGIN
        assert "Access-Control-Allow-Origin" not in self.preflight(api, "https://evil.example")
        answer = api.post("/api/send-otp", {}, HTTP_ORIGIN=self.ORIGIN)
        assert "retry-after" in answer["Access-Control-Expose-Headers"].lower()
        assert "Access-Control-Allow-Credentials" not in answer

    def test_other_parts_of_the_site_are_not_opened(self, api, settings):
        settings.CORS_ALLOWED_ORIGINS = [self.ORIGIN]

        assert "Access-Control-Allow-Origin" not in api.get("/admin/login/", HTTP_ORIGIN=self.ORIGIN)


class TestBrowsableApi:
    @pytest.mark.parametrize("path", ["/api/", "/api/send-otp", "/api/register-with-otp", "/api/docs"])
    def test_is_there_in_development(self, path, api):
        answer = api.get(path, HTTP_ACCEPT="text/html")

        assert answer["Content-Type"].startswith("text/html")
        assert answer.status_code in {200, 405}
