import pytest
from django.conf import settings

from otp.sandbox.tests.support import PHONE, refused


class TestConfigured:
    def test_exist_without_being_made_and_only_the_payments_one_has_psd2(self, verify):
        services = {service.sid: service for service in verify.services.list()}

        assert set(services) == {
            settings.TWILIO_VERIFY_SERVICE_SID,
            settings.TWILIO_LOGIN_SERVICE_SID,
            settings.TWILIO_PSD2_SERVICE_SID,
        }
        assert {service.friendly_name for service in services.values()} == {"SmartFin"}
        assert [sid for sid, service in services.items() if service.psd2_enabled] == [settings.TWILIO_PSD2_SERVICE_SID]

    @pytest.mark.parametrize("shared_with", ["TWILIO_VERIFY_SERVICE_SID", "TWILIO_LOGIN_SERVICE_SID"])
    def test_have_no_psd2_where_payments_share_another_ones(self, verify, settings, shared_with):
        settings.TWILIO_PSD2_SERVICE_SID = getattr(settings, shared_with)

        assert [service.psd2_enabled for service in verify.services.list()] == [False, False]

    def test_stay_deleted_until_the_reset(self, verify, service, set_control):
        service.delete()
        assert refused(service.fetch) == (404, 20404)
        assert refused(service.verifications.create, to=PHONE, channel="sms") == (404, 20404)
        set_control(reset=True)

        assert service.fetch().friendly_name == "SmartFin"


class TestCreate:
    def test_starts_with_the_defaults_of_a_fresh_service(self, verify):
        made = verify.services.create(friendly_name="Fresh one")

        assert (made.code_length, made.dtmf_input_required) == (6, True)
        assert not any((made.lookup_enabled, made.psd2_enabled, made.skip_sms_to_landlines, made.custom_code_enabled))
        assert not made.do_not_share_warning_enabled

    @pytest.mark.parametrize("name", ["x" * 31, "five 12345", "what?", "   ", ""])
    def test_refuses_a_bad_name(self, verify, name):
        assert refused(verify.services.create, friendly_name=name) == (400, 60200)

    @pytest.mark.parametrize("name", ["x" * 30, "four 1234", "Dash-and_underscore"])
    def test_takes_a_good_name(self, verify, name):
        assert verify.services.create(friendly_name=name).friendly_name == name

    @pytest.mark.parametrize("length", [3, 11, 10**12, -4, "six"])
    def test_refuses_a_bad_code_length(self, verify, length):
        assert refused(verify.services.create, friendly_name="Codes", code_length=length) == (400, 60200)

    def test_keeps_the_settings_of_other_factors(self, verify):
        made = verify.services.create(
            friendly_name="Factors", push_include_date=False, totp_issuer="SmartFin", totp_skew=2, whatsapp_from="x"
        )

        assert made.push["include_date"] is False
        assert (made.totp["issuer"], made.totp["skew"]) == ("SmartFin", 2)
        assert made.whatsapp["from"] == "x"


class TestUpdate:
    def test_changes_what_is_given_and_nothing_else(self, verify):
        made = verify.services.create(friendly_name="Before", code_length=8, lookup_enabled=True)

        updated = verify.services(made.sid).update(lookup_enabled=False)

        assert (updated.friendly_name, updated.code_length, updated.lookup_enabled) == ("Before", 8, False)

    def test_takes_only_templates_that_exist(self, verify, service):
        template = verify.templates.list()[0]

        assert service.update(default_template_sid=template.sid).default_template_sid == template.sid
        assert refused(service.update, default_template_sid="HJ" + "0" * 32) == (400, 60200)
