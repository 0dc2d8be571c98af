import base64
import re
from urllib.parse import urlencode

import pytest
from django.conf import settings
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from otp.sandbox.http import ROUTES, handle
from otp.sandbox.replies import Reply
from otp.sandbox.tests.support import PHONE

BASE = "https://verify.twilio.com"
FORM = "application/x-www-form-urlencoded"


def basic(username, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()}


def call(method, path, body=b"", *, headers=None, query="", content_type=FORM) -> Reply:
    own = basic(settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN)
    return handle(method, path, query, {**own, "Content-Type": content_type, **(headers or {})}, body, BASE)


@pytest.fixture
def service_path(db):
    return f"/v2/Services/{settings.TWILIO_VERIFY_SERVICE_SID}"


class TestCredentials:
    def test_let_the_account_and_its_api_key_pass(self, service_path, settings):
        settings.TWILIO_API_KEY, settings.TWILIO_API_SECRET = "SK" + "0" * 32, "secret"

        assert call("GET", service_path).status == 200
        assert call("GET", service_path, headers=basic(settings.TWILIO_API_KEY, "secret")).status == 200

    @pytest.mark.parametrize(
        "authorization",
        ["", "Basic", "Basic !", "Basic /w==", "Bearer x", "Basic " + base64.b64encode(b":").decode(), "Basic \xff"],
    )
    def test_stop_everybody_else(self, service_path, authorization):
        reply = call("GET", service_path, headers={"Authorization": authorization})

        assert reply.status == 401
        assert b'"code": 20003' in reply.body
        assert "WWW-Authenticate" in reply.headers

    def test_stop_a_wrong_token_and_an_empty_key(self, service_path, settings):
        settings.TWILIO_API_KEY = settings.TWILIO_API_SECRET = ""

        assert call("GET", service_path, headers=basic(settings.TWILIO_ACCOUNT_SID, "wrong")).status == 401
        assert call("GET", service_path, headers=basic("", "")).status == 401


class TestHandle:
    @pytest.mark.parametrize(
        "path",
        ["/v2", "/v2/", "/v1/Services", "/v2/Services/", "/v2/Services/x", "/v2/Nothing", "/v2/Attempts/VL1", "/\x00"],
    )
    def test_says_404_to_a_path_it_does_not_have(self, db, path):
        reply = call("GET", path)

        assert reply.status == 404
        assert b'"code": 20404' in reply.body

    @pytest.mark.parametrize("method", ["PUT", "PATCH", "HEAD", "OPTIONS", "DELETE", "", "post"])
    def test_says_405_to_a_method_the_path_does_not_have(self, service_path, method):
        reply = call(method, f"{service_path}/Verifications")

        assert reply.status == 405
        assert reply.headers["Allow"] == "POST"

    @pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data", "", "x"])
    def test_says_415_to_a_body_that_is_no_form(self, service_path, content_type):
        assert call("POST", service_path, b"{}", content_type=content_type).status == 415

    def test_takes_a_charset_beside_the_content_type(self, service_path):
        assert call("POST", service_path, b"CodeLength=8", content_type=f"{FORM}; charset=utf-8").status == 200

    def test_says_413_to_a_body_of_more_than_a_megabyte(self, service_path):
        assert call("POST", service_path, b"x" * (1024 * 1024 + 1)).status == 413

    @pytest.mark.parametrize("query", ["PageSize=2", {"PageSize": "2"}])
    def test_takes_a_query_as_text_and_as_pairs(self, db, query):
        assert b'"page_size": 2' in call("GET", "/v2/Services", query=query).body

    def test_answers_after_the_latency(self, service_path, set_control):
        set_control(latency_ms=250)

        assert call("GET", service_path).delay_seconds == 0.25


NAMES = st.sampled_from(
    [
        *("To", "Channel", "Code", "VerificationSid", "Amount", "Payee", "RateLimits", "Tags", "Locale", "Status"),
        *("TemplateSid", "Templates", "CustomCode", "CodeLength", "FriendlyName", "Max", "Interval", "UniqueName"),
        *("PageSize", "Page", "PageToken", "DateCreatedAfter", "PhoneNumber", "CustomFriendlyName", "Totp.Skew"),
    ]
)
VALUES = st.one_of(
    st.text(max_size=60),
    st.sampled_from([PHONE, "a@example.com", "sms", "email", "call", "123456", "true", "-1", "9" * 400]),
    st.sampled_from(["[]", "{}", "[" * 2000, '{"a": "\\u0000"}', '{"\\ud800": 1}', '{"a": NaN}', '[{"sid": 1}]']),
    st.sampled_from(["\x00", "\ud800", "\uff12", "0001-01-01T00:00:00+23:59"]),
)
PATHS = st.sampled_from([pattern for pattern, _ in ROUTES])


class TestAnyInput:
    @pytest.mark.django_db
    @hypothesis_settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        pattern=PATHS,
        method=st.sampled_from(["GET", "POST", "DELETE"]),
        pairs=st.dictionaries(NAMES, VALUES, max_size=6),
        reference=st.text(min_size=1, max_size=40),
        noise=st.binary(max_size=20),
    )
    def test_never_ends_in_a_server_error(self, pattern, method, pairs, reference, noise):
        path = fill_path(pattern, reference)
        text = urlencode(pairs, errors="surrogatepass")

        reply = call(method, path, text.encode() + noise, query=text)

        assert reply.status < 500, reply.body


def fill_path(pattern, reference):
    path = pattern.replace("(?P<service_sid>VA[0-9a-fA-F]{32})", settings.TWILIO_PSD2_SERVICE_SID)
    for prefix in ("RK", "BL", "VL"):
        path = re.sub(r"\(\?P<\w+>" + prefix + r"\[0-9a-fA-F\]\{32\}\)", prefix + "0" * 32, path)
    return re.sub(r"\(\?P<\w+>\[\^/\]\+\)", lambda _: reference, path)
