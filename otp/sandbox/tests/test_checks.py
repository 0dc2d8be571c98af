import pytest

from otp.sandbox.models import Verification
from otp.sandbox.tests.support import OTHER_PHONE, PHONE, refusal_of, refused, wrong


@pytest.fixture
def started(service):
    return service.verifications.create(to=PHONE, channel="sms")


class TestCreate:
    def test_approves_the_right_code_once(self, service, started, newest_code):
        approved = service.verification_checks.create(to=PHONE, code=newest_code())

        assert (approved.status, approved.valid, approved.sid, approved.to) == ("approved", True, started.sid, PHONE)
        assert refused(service.verification_checks.create, to=PHONE, code=newest_code()) == (404, 20404)
        assert refused(service.verifications(started.sid).fetch) == (404, 20404)

    def test_answers_a_wrong_code_with_200_pending(self, service, started, newest_code):
        check = service.verification_checks.create_with_http_info(to=PHONE, code=wrong(newest_code()))

        assert (check.status_code, check.data.status, check.data.valid) == (200, "pending", False)

    def test_refuses_the_sixth_check_even_when_right_and_until_expiry(self, service, started, newest_code, set_control):
        code = newest_code()
        answers = [service.verification_checks.create(to=PHONE, code=wrong(code)).status for _ in range(5)]

        assert answers == ["pending"] * 5
        assert refused(service.verification_checks.create, to=PHONE, code=code) == (429, 60202)
        assert service.verifications(started.sid).fetch().status == "max_attempts_reached"
        assert refused(service.verifications.create, to=PHONE, channel="sms") == (429, 60202)
        set_control(advance_seconds=600)
        assert refused(service.verification_checks.create, to=PHONE, code=code) == (404, 20404)
        assert service.verifications.create(to=PHONE, channel="sms").sid != started.sid

    def test_deletes_a_used_up_verification_when_the_switch_says_so(self, service, started, newest_code, set_control):
        set_control(switches={"after_max_checks": "gone"})
        for _ in range(5):
            service.verification_checks.create(to=PHONE, code=wrong(newest_code()))

        assert refused(service.verification_checks.create, to=PHONE, code=newest_code()) == (404, 20404)
        assert refused(service.verifications(started.sid).fetch) == (404, 20404)

    def test_renews_a_used_up_verification_when_the_switch_says_so(self, service, started, newest_code, set_control):
        set_control(switches={"create_after_max_checks": "renew"})
        for _ in range(5):
            service.verification_checks.create(to=PHONE, code=wrong(newest_code()))

        renewed = service.verifications.create(to=PHONE, channel="sms")

        assert renewed.sid != started.sid
        assert service.verification_checks.create(to=PHONE, code=newest_code()).sid == renewed.sid

    def test_knows_nothing_after_ten_minutes(self, still_clock, service, started, newest_code, set_control):
        set_control(advance_seconds=599)
        assert service.verification_checks.create(to=PHONE, code=wrong(newest_code())).status == "pending"
        set_control(advance_seconds=1)

        assert refused(service.verification_checks.create, to=PHONE, code=newest_code()) == (404, 20404)
        assert refused(service.verifications(started.sid).fetch) == (404, 20404)

    def test_knows_nothing_that_was_never_sent(self, service):
        error = refusal_of(service.verification_checks.create, to=PHONE, code="123456")

        assert (error.status, error.code) == (404, 20404)
        assert error.msg.endswith("/VerificationCheck was not found")
        assert "resource /v2/Services/VA" in error.msg

    def test_refuses_an_impossible_number_before_looking(self, service):
        error = refusal_of(service.verification_checks.create, to="+19995551234", code="123456")

        assert (error.status, error.code) == (400, 60200)

    def test_needs_a_destination_or_a_sid(self, service):
        assert refused(service.verification_checks.create, code="123456") == (400, 60221)

    @pytest.mark.parametrize("code", ["123", "12345678901", "", "12 456", "12\x003456"])
    def test_refuses_a_code_of_impossible_length_without_counting_it(self, service, started, code):
        error = refusal_of(service.verification_checks.create, to=PHONE, code=code)

        assert (error.status, error.code) == (400, 60200)
        assert error.msg.endswith("Invalid parameter: Code")
        assert Verification.objects.get().check_count == 0

    def test_prefers_the_sid_when_both_are_given(self, service, started, newest_code):
        code = newest_code()
        service.verifications.create(to=OTHER_PHONE, channel="sms")

        check = service.verification_checks.create(verification_sid=started.sid, to=OTHER_PHONE, code=code)

        assert (check.status, check.to) == ("approved", PHONE)

    def test_keeps_services_apart(self, verify, service, started, newest_code):
        other = verify.services(verify.services.create(friendly_name="Other").sid)

        check = {"verification_sid": started.sid, "code": newest_code()}
        assert refused(other.verification_checks.create, **check) == (404, 20404)

    def test_finds_an_email_address_in_any_case(self, service, newest_code):
        service.verifications.create(to="Alice@Example.com", channel="email")

        assert service.verification_checks.create(to="alice@example.com", code=newest_code()).status == "approved"


class TestPsd2:
    @pytest.fixture
    def payment(self, psd2_service):
        psd2_service.verifications.create(to=PHONE, channel="sms", amount="€39.99", payee="Acme Inc")
        return psd2_service.verification_checks

    def test_approves_for_the_same_amount_and_payee(self, payment, newest_code):
        check = payment.create(to=PHONE, code=newest_code(), amount="€39.99", payee="Acme Inc")

        assert (check.status, check.amount, check.payee) == ("approved", "€39.99", "Acme Inc")

    @pytest.mark.parametrize(
        "details",
        [{}, {"amount": "€39.99"}, {"amount": "€399.9", "payee": "Acme Inc"}, {"amount": "€39.99", "payee": ""}],
    )
    def test_takes_other_details_for_a_wrong_code(self, payment, newest_code, details):
        assert payment.create(to=PHONE, code=newest_code(), **details).status == "pending"
        assert Verification.objects.get().check_count == 1
