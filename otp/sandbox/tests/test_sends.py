import json

import pytest

from otp.sandbox.models import Attempt, Message, Verification
from otp.sandbox.tests.support import OTHER_PHONE, PHONE, refusal_of, refused


class TestCreate:
    def test_starts_a_pending_verification_and_delivers_its_code(self, service):
        verification = service.verifications.create(to=PHONE, channel="sms")

        message = Message.objects.get()
        assert (verification.status, verification.valid, verification.to) == ("pending", False, PHONE)
        assert message.verification_sid == verification.sid
        assert len(message.code) == 6
        assert message.body == f"Your SmartFin verification code is: {message.code}. Don't share it with anyone."

    def test_keeps_sid_and_code_on_a_resend_over_any_channel(self, service):
        first = service.verifications.create(to=PHONE, channel="sms")

        resends = [service.verifications.create(to=PHONE, channel=name) for name in ("call", "whatsapp", "sms")]

        assert {first.sid} == {resend.sid for resend in resends}
        assert len(set(Message.objects.values_list("code", flat=True))) == 1
        assert [entry["channel"] for entry in resends[-1].send_code_attempts] == ["SMS", "CALL", "whatsapp", "SMS"]
        assert resends[0].channel == "call"

    def test_does_not_extend_the_expiry_on_a_resend(self, service, set_control):
        first = service.verifications.create(to=PHONE, channel="sms")
        set_control(advance_seconds=599)
        assert service.verifications.create(to=PHONE, channel="sms").sid == first.sid
        set_control(advance_seconds=1)

        assert service.verifications.create(to=PHONE, channel="sms").sid != first.sid

    def test_keeps_services_and_destinations_apart(self, service, verify):
        other = verify.services(verify.services.create(friendly_name="Other").sid)

        sids = {
            service.verifications.create(to=PHONE, channel="sms").sid,
            service.verifications.create(to=OTHER_PHONE, channel="sms").sid,
            other.verifications.create(to=PHONE, channel="sms").sid,
        }

        assert len(sids) == 3

    def test_refuses_the_sixth_send_with_60203_until_it_is_closed(self, service):
        for _ in range(5):
            first = service.verifications.create(to=PHONE, channel="sms")

        assert refused(service.verifications.create, to=PHONE, channel="sms") == (429, 60203)
        assert Message.objects.count() == Attempt.objects.count() == 5
        service.verifications(first.sid).update(status="canceled")
        assert service.verifications.create(to=PHONE, channel="sms").sid != first.sid

    @pytest.mark.parametrize(
        ("to", "channel", "message"),
        [
            ("+19995551234", "sms", "Invalid parameter `To`: +19995551234"),
            ("2025550123", "sms", "Invalid parameter `To`: 2025550123"),
            ("+12025550123x9", "sms", "Invalid parameter `To`: +12025550123x9"),
            ("a@example.com", "sms", "Invalid parameter `To`: a@example.com"),
            (PHONE, "email", f"Invalid parameter `To`: {PHONE}"),
            ("not an address", "email", "Invalid parameter `To`: not an address"),
            (PHONE, "pigeon", "Invalid parameter: Channel"),
            (PHONE, "auto", "Invalid parameter: Channel"),
            (PHONE, "rcs", "Invalid parameter: Channel"),
        ],
    )
    def test_refuses_an_impossible_destination_or_channel(self, service, to, channel, message):
        error = refusal_of(service.verifications.create, to=to, channel=channel)

        assert (error.status, error.code) == (400, 60200)
        assert error.msg == f"Unable to create record: {message}"
        assert not Verification.objects.exists()

    def test_takes_the_numbers_that_settings_name(self, service):
        assert service.verifications.create(to="+1234567890", channel="sms").status == "pending"

    def test_says_that_silent_network_auth_is_not_there(self, service):
        assert refused(service.verifications.create, to=PHONE, channel="sna") == (403, 60001)

    def test_keeps_leading_zeros_and_the_length_of_the_service(self, verify):
        service = verify.services(verify.services.create(friendly_name="Short", code_length=4).sid)

        for number in range(100, 140):
            service.verifications.create(to=f"+120255501{number - 100:02}", channel="sms")

        assert {len(code) for code in Message.objects.values_list("code", flat=True)} == {4}

    @pytest.mark.parametrize(
        "parameters",
        [
            {"send_digits": "12a"},
            {"custom_friendly_name": "x" * 31},
            {"rate_limits": {"unknown": "x"}},
            {"risk_check": "maybe"},
            {"tags": json.dumps({str(number): "x" for number in range(11)})},
            {"tags": "[]"},
            {"tags": '{"a": "\\ud800"}'},
            {"tags": "[" * 3000},
            {"app_hash": "x" * 12},
            {"templates": "{}"},
            {"template_custom_substitutions": "no", "template_sid": "HJ" + "0" * 32},
        ],
        ids=str,
    )
    def test_refuses_parameters_out_of_bounds(self, service, parameters):
        assert refused(service.verifications.create, to=PHONE, channel="sms", **parameters) == (400, 60200)

    def test_answers_with_lookup_data_where_the_service_looks_up(self, verify):
        service = verify.services(verify.services.create(friendly_name="Lookup", lookup_enabled=True).sid)

        verification = service.verifications.create(to=PHONE, channel="sms")

        assert set(verification.lookup["carrier"]) == {
            "mobile_country_code",
            "type",
            "error_code",
            "mobile_network_code",
            "name",
        }

    def test_spares_landlines_where_the_service_says_so(self, verify):
        made = verify.services.create(friendly_name="Lines", lookup_enabled=True, skip_sms_to_landlines=True)
        service = verify.services(made.sid)

        assert refused(service.verifications.create, to="+442079460123", channel="sms") == (403, 60205)
        assert service.verifications.create(to="+442079460123", channel="call").status == "pending"


class TestCustomCode:
    def test_is_sent_and_checked_where_the_service_has_it(self, verify):
        service = verify.services(verify.services.create(friendly_name="Custom", custom_code_enabled=True).sid)

        service.verifications.create(to=PHONE, channel="sms", custom_code="A1B2C3")

        assert Message.objects.get().code == "A1B2C3"
        assert service.verification_checks.create(to=PHONE, code="A1B2C3").status == "approved"

    def test_is_refused_with_60204_elsewhere(self, service):
        assert refused(service.verifications.create, to=PHONE, channel="sms", custom_code="123456") == (403, 60204)

    def test_is_ignored_elsewhere_when_the_switch_says_so(self, service, set_control):
        set_control(switches={"custom_code_disabled": "ignore"})

        service.verifications.create(to=PHONE, channel="sms", custom_code="ABCDEF")

        assert Message.objects.get().code.isdigit()


class TestPsd2:
    def test_needs_amount_and_payee(self, psd2_service):
        assert refused(psd2_service.verifications.create, to=PHONE, channel="sms") == (400, 60206)
        assert refused(psd2_service.verifications.create, to=PHONE, channel="sms", amount="€1") == (400, 60206)

    @pytest.mark.parametrize(("channel", "answer"), [("call", (400, 60214)), ("sna", (400, 60329))])
    def test_goes_over_no_channel_that_cannot_show_them(self, psd2_service, channel, answer):
        assert refused(psd2_service.verifications.create, to=PHONE, channel=channel, amount="€1", payee="A") == answer

    def test_names_both_in_message_and_answer(self, psd2_service):
        verification = psd2_service.verifications.create(to=PHONE, channel="sms", amount="€39.99", payee="Acme Inc")

        assert (verification.amount, verification.payee) == ("€39.99", "Acme Inc")
        assert "€39.99 to Acme Inc" in Message.objects.get().body

    def test_does_not_fill_placeholders_inside_a_payee(self, psd2_service):
        psd2_service.verifications.create(to=PHONE, channel="sms", amount="€1", payee="{{code}}")

        message = Message.objects.get()
        assert "to {{code}} is" in message.body

    def test_forgets_them_after_a_day(self, psd2_service, set_control):
        made = psd2_service.verifications.create(to=PHONE, channel="sms", amount="€39.99", payee="Acme Inc")
        psd2_service.verifications(made.sid).update(status="canceled")
        set_control(advance_seconds=86400)

        fetched = psd2_service.verifications(made.sid).fetch()

        assert (fetched.amount, fetched.payee) == (None, None)


class TestConcurrentSends:
    def test_are_refused_with_60212_while_one_is_answered_when_the_switch_says_so(self, service, set_control):
        set_control(switches={"concurrent_sends": "refuse"}, latency_ms=1)
        service.verifications.create(to=PHONE, channel="sms")
        Verification.objects.update(busy_until="2100-01-01T00:00:00Z")

        assert refused(service.verifications.create, to=PHONE, channel="sms") == (429, 60212)
        assert service.verifications.create(to=OTHER_PHONE, channel="sms").status == "pending"
