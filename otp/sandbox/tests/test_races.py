import pytest

from otp.sandbox.models import Attempt, Message, Verification
from otp.sandbox.tests.clients import InProcessClient, connect
from otp.sandbox.tests.support import PHONE, at_once, wrong

THREADS = 32

pytestmark = pytest.mark.django_db(transaction=True)


def codes_of(results):
    return sorted(getattr(result, "code", None) or 0 for result in results if isinstance(result, Exception))


class TestSimultaneousSends:
    def test_are_one_verification_with_one_code_and_five_messages(self, service, settings):
        # Made beforehand, or else the threads queue up behind the making of it.
        service.fetch()

        def send(_):
            own = connect(InProcessClient(timeout=30))
            return own.services(settings.TWILIO_VERIFY_SERVICE_SID).verifications.create(to=PHONE, channel="sms")

        results = at_once(THREADS, send)

        sent = [result for result in results if not isinstance(result, Exception)]
        assert len(sent) == Attempt.objects.count() == 5
        assert len({result.sid for result in sent}) == Verification.objects.count() == 1
        assert len(set(Message.objects.values_list("code", flat=True))) == 1
        assert codes_of(results) == [60203] * (THREADS - 5)


class TestSimultaneousChecks:
    def test_count_five_wrong_codes_and_no_more(self, service, newest_code):
        service.verifications.create(to=PHONE, channel="sms")
        code = newest_code()

        results = at_once(THREADS, lambda _: service.verification_checks.create(to=PHONE, code=wrong(code)).status)

        assert [result for result in results if not isinstance(result, Exception)] == ["pending"] * 5
        assert codes_of(results) == [60202] * (THREADS - 5)
        assert Verification.objects.get().check_count == 5

    def test_approve_once(self, service, newest_code):
        service.verifications.create(to=PHONE, channel="sms")
        code = newest_code()

        results = at_once(THREADS, lambda _: service.verification_checks.create(to=PHONE, code=code).status)

        assert [result for result in results if not isinstance(result, Exception)] == ["approved"]
        assert codes_of(results) == [20404] * (THREADS - 1)

    def test_approve_all_of_them_under_the_fault(self, service, newest_code, set_control):
        sent = service.verifications.create(to=PHONE, channel="sms")
        code = newest_code()
        set_control(fault="approve_all")

        results = at_once(THREADS, lambda _: service.verification_checks.create(to=PHONE, code=code))

        assert {(result.status, result.sid, result.to) for result in results} == {("approved", sent.sid, PHONE)}
