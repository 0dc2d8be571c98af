import phonenumbers
import pytest

from otp.sandbox.models import Message
from otp.sandbox.numbers import MAGIC_NUMBERS, UNDELIVERED_NUMBERS
from otp.sandbox.tests.support import refusal_of, refused

STATUSES = {
    "+16045550110": (403, 60410),
    "+16065550105": (403, 60605),
    "+16025550105": (403, 60205),
    "+12165550108": (403, 21608),
    "+16025550123": (400, 60223),
    "+12045550129": (429, 20429),
    "+16025550112": (429, 60212),
    "+16025550142": (400, 60242),
    "+12145550108": (400, 21408),
    "+12165550110": (400, 21610),
    "+12165550114": (400, 21614),
    "+12055550100": (500, 20500),
    "+12055550103": (503, 20503),
}


class TestMagicNumbers:
    @pytest.mark.parametrize("number", MAGIC_NUMBERS)
    def test_each_answers_with_its_error_and_sends_nothing(self, service, number):
        channel = MAGIC_NUMBERS[number].channels[0]

        assert refused(service.verifications.create, to=number, channel=channel) == STATUSES[number]
        assert not Message.objects.exists()

    @pytest.mark.parametrize("number", ["+16045550110", "+16025550105", "+16025550123", "+12165550114"])
    def test_some_can_still_be_called(self, service, number):
        assert service.verifications.create(to=number, channel="call").status == "pending"

    @pytest.mark.parametrize("number", [*MAGIC_NUMBERS, *UNDELIVERED_NUMBERS])
    def test_each_is_valid_and_can_be_a_mobile(self, number):
        kind = phonenumbers.number_type(phonenumbers.parse(number))

        assert kind == phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE

    @pytest.mark.parametrize(("number", "magic"), MAGIC_NUMBERS.items(), ids=str)
    def test_each_spells_its_error(self, number, magic):
        code = str(magic.code)

        assert number == f"+1{code[:3]}55501{code[3:]}"

    def test_a_fraud_block_carries_the_number_in_its_message(self, service):
        error = refusal_of(service.verifications.create, to="+16045550110", channel="sms")

        assert "+16045550110 prefix is blocked for the SMS channel" in error.msg

    def test_a_fraud_block_is_lifted_by_the_safe_list_and_by_risk_check(self, verify, service):
        assert service.verifications.create(to="+16045550110", channel="sms", risk_check="disable").sid
        assert service.verifications.create(to="+16065550105", channel="sms", risk_check="disable").sid
        verify.safelist.create(phone_number="+16045550110")
        assert service.verifications.create(to="+16045550110", channel="sms").sid
        verify.safelist("+16045550110").delete()
        assert refused(service.verifications.create, to="+16045550110", channel="sms") == (403, 60410)
