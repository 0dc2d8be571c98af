"""Numbers per account and accounts per number: neither is a way to reach, or to be, a crowd."""

from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.utils import timezone

from accounts.tests.people import make_person
from otp import services
from otp.client import Client
from otp.exceptions import TooManyRequests
from otp.models import VerificationAttempt
from otp.purposes import Purpose
from otp.tests.parallel import run_copies

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.requirement("TOL-08")]
NUMBER = "+12025550123"
DAY = timedelta(days=1)


@pytest.fixture
def ann():
    return make_person().pk


@pytest.fixture
def ben():
    return make_person("ben@example.com", "+12025550124").pk


def ask(number, user_id, purpose=Purpose.PHONE_CHANGE):
    return services.send_otp(number, "sms", purpose=purpose, user_id=user_id, client=Client())


def number(n):
    return f"+120255501{n:02}"


class TestNumbersPerAccount:
    def test_ten_changes_a_day_are_refused(self, twilio, ann):
        for n in range(5):
            ask(number(n), ann)

        for n in range(5, 10):
            with pytest.raises(TooManyRequests) as refused:
                ask(number(n), ann)
            assert refused.value.retry_after > 3600
        assert len(twilio.sends) == 5
        assert (
            VerificationAttempt.objects.filter(reason="numbers_per_account", outcome="too_many_requests").count() == 5
        )

    def test_the_same_number_again_is_no_other_number(self, twilio, settings, ann):
        settings.OTP_MAX_NUMBERS_PER_ACCOUNT_PER_DAY = 1
        with time_machine.travel(timezone.now(), tick=False) as clock:
            ask(NUMBER, ann)
            clock.shift(60)
            ask(NUMBER, ann)
            clock.shift(3600)
            ask(NUMBER, ann)

        assert len(twilio.sends) == 3

    def test_accounts_do_not_count_for_each_other_nor_sign_ins_at_all(self, twilio, settings, ann, ben):
        settings.OTP_MAX_NUMBERS_PER_ACCOUNT_PER_DAY = 1
        ask(number(1), ann)

        ask(number(2), user_id=ben)
        ask(number(3), ann, purpose=Purpose.LOGIN)

        assert len(twilio.sends) == 3

    def test_room_comes_back_with_time(self, twilio, settings, ann):
        settings.OTP_MAX_NUMBERS_PER_ACCOUNT_PER_DAY = 1
        with time_machine.travel(timezone.now(), tick=False) as clock:
            ask(number(1), ann)
            with pytest.raises(TooManyRequests) as refused:
                ask(number(2), ann)
            clock.shift(refused.value.retry_after)
            ask(number(2), ann)

    def test_simultaneous_requests_do_not_slip_through(self, twilio, settings, ann):
        settings.OTP_MAX_NUMBERS_PER_ACCOUNT_PER_DAY = 2

        results = run_copies(8, lambda n: ask(number(n), ann))

        assert sum(isinstance(result, TooManyRequests) for result in results) == 6
        assert len(twilio.sends) == 2


class TestAccountsPerNumber:
    def register(self, post, twilio, n):
        """Make an account with the number that others had before, and let it go again."""
        post("send-otp", to=NUMBER, purpose="registration")
        answer = post(
            "register-with-otp",
            email=f"u{n}@example.com",
            password="a longer way home",
            phone=NUMBER,
            otp_code=twilio.code,
        )
        get_user_model().objects.filter(phone=NUMBER).update(phone="", phone_verified_at=None)
        return answer

    def test_one_number_does_not_vouch_for_a_crowd(self, post, twilio, settings):
        settings.OTP_MAX_ACCOUNTS_PER_NUMBER_PER_MONTH = 2
        with time_machine.travel(timezone.now(), tick=False) as clock:
            statuses = []
            for n in range(3):
                answer = self.register(post, twilio, n)
                statuses.append((answer.status_code, answer.json().get("code")))
                clock.shift(DAY)

            assert statuses == [(201, None), (201, None), (429, "too_many_requests")]
            # Two are one too many for the third until the first of them is thirty days old.
            assert answer.json()["retry_after"] == 28 * 24 * 3600
            clock.shift(28 * DAY)
            assert self.register(post, twilio, 3).status_code == 201

    def test_is_said_only_to_whoever_holds_the_phone(self, post, twilio, settings):
        settings.OTP_MAX_ACCOUNTS_PER_NUMBER_PER_MONTH = 0

        assert post("send-otp", to=NUMBER, purpose="registration").status_code == 201
        wrong = post(
            "register-with-otp", email="a@example.com", password="a longer way home", phone=NUMBER, otp_code="000000"
        )

        assert wrong.json()["code"] == "incorrect_code"
