"""System checks of the otp app."""

import pytest
from django.core.checks import run_checks
from django.db import connection, models

from otp import checks

VA = "VA" + "0" * 32


def get_ids(found):
    return [message.id for message in found]


class TestChecks:
    @pytest.mark.django_db
    def test_the_project_is_clean(self, settings):
        settings.DEBUG = True

        assert [found for found in run_checks(databases=["default"]) if not found.is_silenced()] == []

    @pytest.mark.parametrize(
        ("setting", "value", "expected"),
        [
            ("TWILIO_ACCOUNT_SID", "AC123", "otp.E001"),
            ("TWILIO_VERIFY_SERVICE_SID", "AC" + "0" * 32, "otp.E001"),
            ("OTP_CHANNELS", ["sms", "pigeon"], "otp.E003"),
            ("OTP_CHANNELS", [], "otp.E003"),
            ("OTP_RESEND_WAITS", [], "otp.E004"),
            ("OTP_ALLOWED_COUNTRIES", ["us"], "otp.E010"),
            ("OTP_DEFAULT_COUNTRY", "USA", "otp.E010"),
            ("OTP_PRICES", {"sms": "free"}, "otp.E011"),
            ("OTP_PRICES", {"fax": "0.05"}, "otp.E011"),
            ("OTP_RESEND_WAITS", [0], "otp.E004"),
            ("TWILIO_TIMEOUT", 0, "otp.E005"),
            ("TWILIO_TIMEOUT", 60, "otp.E005"),
            ("TWILIO_MESSAGING_SERVICE_SID", VA, "otp.E001"),
            ("TWILIO_NOTICE_FROM", "12025550123", "otp.E030"),
        ],
    )
    def test_wrong_settings_are_found(self, setting, value, expected, settings):
        settings.DEBUG = True
        setattr(settings, setting, value)

        assert get_ids(checks.check_settings() + checks.check_tables()) == [expected]

    @pytest.mark.requirement("OTP-14")
    def test_the_sandbox_on_a_real_site_is_found(self, settings):
        settings.DEBUG = False

        assert get_ids(checks.check_settings()) == ["otp.W002"]

    def test_requests_in_transactions_are_found(self, settings):
        settings.DATABASES["default"]["ATOMIC_REQUESTS"] = True
        try:
            assert get_ids(checks.check_transactions()) == ["otp.E006"]
        finally:
            settings.DATABASES["default"]["ATOMIC_REQUESTS"] = False

    def test_a_user_model_without_what_flows_need_is_found(self, monkeypatch):
        class Stranger:
            class _meta:  # noqa: N801  Django's name for it
                @staticmethod
                def get_field(name):
                    if name != "email":
                        raise checks.FieldDoesNotExist
                    return models.EmailField()

        monkeypatch.setattr(checks, "get_user_model", lambda: Stranger)

        (found,) = checks.check_user_model()
        assert found.id == "otp.E007"
        assert "phone, phone_verified_at, is_active" in found.msg

    def test_purposes_that_share_a_service_are_found(self, settings):
        settings.TWILIO_LOGIN_SERVICE_SID = settings.TWILIO_VERIFY_SERVICE_SID

        assert get_ids(checks.check_services()) == ["otp.W008"]

    @pytest.mark.requirement("REC-07")
    def test_notices_without_a_sender_are_found(self, settings):
        settings.TWILIO_MESSAGING_SERVICE_SID = settings.TWILIO_NOTICE_FROM = ""

        assert get_ids(checks.check_services()) == ["otp.W031"]

        settings.TWILIO_NOTICE_FROM = "+12025550100"
        assert checks.check_services() == []

    def test_a_ledger_in_a_file_is_found(self):
        assert get_ids(checks.check_ledger()) == (["otp.W014"] if connection.vendor == "sqlite" else [])

    def test_mail_to_nowhere_is_found(self, settings):
        settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"

        assert get_ids(checks.check_services()) == ["otp.W009"]
