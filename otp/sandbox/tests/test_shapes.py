import re

import pytest
from django.conf import settings

from otp.sandbox.models import Message
from otp.sandbox.tests.support import PHONE

ROOT = "https://verify.twilio.com/v2"
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")

VERIFICATION = {
    *("sid", "service_sid", "account_sid", "to", "channel", "status", "valid", "lookup", "amount", "payee"),
    *("send_code_attempts", "date_created", "date_updated", "sna", "url"),
}
CHECK = {
    *("sid", "service_sid", "account_sid", "to", "channel", "status", "valid", "amount", "payee"),
    *("sna_attempts_error_codes", "date_created", "date_updated"),
}
ATTEMPT = {
    *("sid", "account_sid", "service_sid", "verification_sid", "date_created", "date_updated", "conversion_status"),
    *("channel", "price", "channel_data", "url"),
}
SMS_DATA = {
    *("verification_sid", "to", "status", "message_status", "error_code", "country", "code_length", "locale"),
    *("mcc", "mnc", "carrier"),
}
SERVICE = {
    *("sid", "account_sid", "friendly_name", "code_length", "lookup_enabled", "psd2_enabled"),
    *("skip_sms_to_landlines", "dtmf_input_required", "tts_name", "do_not_share_warning_enabled"),
    *("custom_code_enabled", "push", "totp", "whatsapp", "passkeys", "default_template_sid"),
    *("verify_event_subscription_enabled", "date_created", "date_updated", "url", "links"),
}
SERVICE_LINKS = {
    *("verification_checks", "verifications", "rate_limits", "messaging_configurations", "entities", "webhooks"),
    "access_tokens",
}
RATE_LIMIT = {
    *("sid", "service_sid", "account_sid", "unique_name", "description", "date_created", "date_updated"),
    *("url", "links"),
}
BUCKET = {
    *("sid", "rate_limit_sid", "service_sid", "account_sid", "max", "interval", "date_created", "date_updated"),
    "url",
}
TEMPLATE = {"sid", "account_sid", "friendly_name", "channels", "translations"}
TRANSLATION = {"is_default_translation", "status", "locale", "text", "date_updated", "date_created"}
SUMMARY = {"total_attempts", "total_converted", "total_unconverted", "conversion_rate_percentage", "url"}
META = {"key", "page", "page_size", "first_page_url", "previous_page_url", "next_page_url", "url"}
ENVELOPE = {"code", "message", "more_info", "status"}


@pytest.fixture
def call(db, plain_session):
    def make(method, path, expected, **form):
        answer = plain_session.request(method, f"{ROOT}{path}", data=form or None)
        assert answer.status_code == expected, answer.text
        assert answer.headers["Content-Type"] == "application/json"
        assert re.fullmatch("RQ[0-9a-f]{32}", answer.headers["Twilio-Request-Id"])
        return answer.json()

    return make


@pytest.fixture
def service_path():
    return f"/Services/{settings.TWILIO_VERIFY_SERVICE_SID}"


class TestShapes:
    def test_a_verification_has_exactly_twilios_keys(self, call, service_path):
        made = call("POST", f"{service_path}/Verifications", 201, To=PHONE, Channel="sms")

        assert set(made) == VERIFICATION
        assert re.fullmatch("VE[0-9a-f]{32}", made["sid"])
        assert MOMENT.fullmatch(made["date_created"])
        assert (made["lookup"], made["sna"], made["amount"], made["payee"]) == ({}, None, None, None)
        assert set(made["send_code_attempts"][0]) == {"time", "channel", "attempt_sid"}
        assert re.fullmatch("VL[0-9a-f]{32}", made["send_code_attempts"][0]["attempt_sid"])
        assert made["url"] == f"{ROOT}{service_path}/Verifications/{made['sid']}"
        assert call("GET", f"{service_path}/Verifications/{made['sid']}", 200) == made

    def test_a_check_has_exactly_twilios_keys(self, call, service_path):
        call("POST", f"{service_path}/Verifications", 201, To=PHONE, Channel="sms")

        check = call("POST", f"{service_path}/VerificationCheck", 200, To=PHONE, Code=Message.objects.get().code)

        assert set(check) == CHECK
        assert check["sna_attempts_error_codes"] == []

    def test_an_attempt_and_the_summary_have_exactly_twilios_keys(self, call, service_path):
        call("POST", f"{service_path}/Verifications", 201, To=PHONE, Channel="sms")

        listed = call("GET", "/Attempts", 200)

        assert set(listed) == {"attempts", "meta"}
        assert set(listed["meta"]) == META
        attempt = listed["attempts"][0]
        assert set(attempt) == ATTEMPT
        assert set(attempt["channel_data"]) == SMS_DATA
        assert call("GET", f"/Attempts/{attempt['sid']}", 200) == attempt
        assert set(call("GET", "/Attempts/Summary", 200)) == SUMMARY

    def test_a_service_has_exactly_twilios_keys(self, call, service_path):
        service = call("GET", service_path, 200)

        assert set(service) == SERVICE
        assert set(service["links"]) == SERVICE_LINKS

    def test_rate_limits_and_buckets_have_exactly_twilios_keys(self, call, service_path):
        limit = call("POST", f"{service_path}/RateLimits", 201, UniqueName="ip")
        bucket = call("POST", f"{service_path}/RateLimits/{limit['sid']}/Buckets", 201, Max="1", Interval="60")

        assert set(limit) == RATE_LIMIT
        assert set(limit["links"]) == {"buckets"}
        assert set(bucket) == BUCKET
        assert (bucket["max"], bucket["interval"]) == (1, 60)

    def test_a_template_has_exactly_twilios_keys(self, call):
        template = call("GET", "/Templates", 200)["templates"][0]

        assert set(template) == TEMPLATE
        assert set(template["translations"]["en"]) == TRANSLATION

    def test_an_error_has_exactly_twilios_envelope(self, call, service_path):
        error = call("POST", f"{service_path}/VerificationCheck", 404, To=PHONE, Code="123456")

        assert set(error) == ENVELOPE
        assert error["message"] == f"The requested resource /v2{service_path}/VerificationCheck was not found"
        assert error["more_info"] == "https://www.twilio.com/docs/errors/20404"

    def test_no_answer_carries_the_code(self, call, service_path):
        made = call("POST", f"{service_path}/Verifications", 201, To=PHONE, Channel="sms")
        code = Message.objects.get().code

        answers = [
            made,
            call("GET", f"{service_path}/Verifications/{made['sid']}", 200),
            call("GET", "/Attempts", 200),
            call("POST", f"{service_path}/VerificationCheck", 200, To=PHONE, Code=code),
        ]

        assert not any(value == code for answer in answers for value in answer.values())
        assert "code" not in {key for answer in answers for key in answer}
