"""Races: real threads against the real thing. Of any number of simultaneous requests the right number gets through."""

from collections import Counter
from contextlib import suppress
from functools import partial

import pytest
from django.conf import settings as django_settings
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import check_password
from django.db import transaction
from django.utils import timezone
from rest_framework.test import APIClient

from otp import services
from otp.client import Client
from otp.exceptions import CodeExpired
from otp.models import Verification, VerificationAttempt
from otp.models.lifecycle import MAX_CHECKS, Status
from otp.sandbox.control import change_state
from otp.sandbox.models import Message, ReceivedCall
from otp.tests.parallel import run_copies, run_together
from otp.volume import Bucket
from otp.volume.memory_counters import MemoryCounters
from otp.volume.redis_counters import RedisCounters

pytestmark = pytest.mark.django_db(transaction=True)

PASSWORD = "a-long-enough-one"
PURPOSES = ("verification", "registration", "password_reset")
VOLUME_LIMITS = (
    "OTP_MAX_SENDS_PER_HOUR",
    "OTP_MAX_SENDS_PER_COUNTRY_PER_HOUR",
    "OTP_MAX_SENDS_PER_PREFIX_PER_HOUR",
    "OTP_MAX_SENDS_PER_ADDRESS_PER_HOUR",
    "OTP_MAX_CHECKS_PER_ADDRESS_PER_HOUR",
    "OTP_MAX_SENDS_PER_DESTINATION_PER_MINUTE",
    "OTP_DAILY_BUDGET",
)


@pytest.fixture(autouse=True)
def wide_volume_limits(settings):
    """What is raced for here are the exact limits, not the ones on volume."""
    for name in VOLUME_LIMITS:
        setattr(settings, name, 100_000)


def post(path, **body):
    """Call the API as one of many: with a client of its own, for an answer rather than an exception."""
    return APIClient(raise_request_exception=False).post(f"/api/{path}", body, format="json")


def phone_of(number):
    return f"+120255501{number:02}"


def send(to, purpose=""):
    return services.send_otp(to, purpose=purpose, client=Client())


def prove(to, purpose=""):
    """Send a code, check it, and give the token that carries the proof."""
    send(to, purpose)
    answer = post("verify-otp", to=to, code=code_to(to))
    assert answer.status_code == 200, answer.json()
    return answer.json()["verification_token"]


def code_to(to):
    return Message.objects.filter(to=to).exclude(code="").latest("pk").code


def wrong(code):
    return f"{(int(code) + 1) % 1_000_000:06}"


def make_user(email, phone):
    return get_user_model().objects.create_user(
        email, "the-old-password", phone=phone, phone_verified_at=timezone.now()
    )


def count_statuses(answers):
    """Count answers by status, and hold each refusal to the shape of all errors."""
    for answer in answers:
        if answer.status_code >= 400:
            body = answer.json()
            assert body["error"], body
            assert body["code"], body
            if answer.status_code == 429:
                assert body["retry_after"] >= 1, body
                assert int(answer["Retry-After"]) == body["retry_after"]
    return Counter(answer.status_code for answer in answers)


def count_outcomes(kind):
    return Counter(VerificationAttempt.objects.filter(kind=kind).values_list("outcome", flat=True))


def count_checks_at_provider():
    return ReceivedCall.objects.filter(path__endswith="/VerificationCheck").count()


def forget_rounds():
    """Empty ledger and sandbox between two rounds of a race."""
    VerificationAttempt.objects.all().delete()
    Verification.objects.all().delete()
    change_state({"reset": True})


class TestChecks:
    @pytest.mark.requirement("OTP-02")
    def test_one_of_many_right_codes_succeeds_though_twilio_approves_them_all(self):
        for number in range(3):
            forget_rounds()
            phone = phone_of(number)
            send(phone)
            code = code_to(phone)
            change_state({"fault": "approve_all"})

            answers = run_copies(32, lambda _, phone=phone, code=code: post("verify-otp", to=phone, code=code))

            statuses = count_statuses(answers)
            assert statuses[200] == 1, statuses
            assert set(statuses) <= {200, 400, 429}
            assert all(answer.json()["valid"] is (answer.status_code == 200) for answer in answers)
            assert Verification.objects.get().status == Status.APPROVED
            outcomes = count_outcomes("check")
            assert outcomes["ok"] == 1
            assert outcomes.total() == 32
            assert outcomes["crashed"] == 0

    @pytest.mark.requirement("OTP-02")
    def test_one_of_a_few_right_codes_succeeds(self):
        """As many as there are tries: none of them is refused for the count alone."""
        for number in range(5):
            forget_rounds()
            phone = phone_of(number)
            send(phone)
            code = code_to(phone)
            change_state({"fault": "approve_all"})

            answers = run_copies(MAX_CHECKS, lambda _, phone=phone, code=code: post("verify-otp", to=phone, code=code))

            assert count_statuses(answers) == {200: 1, 400: MAX_CHECKS - 1}
            assert Verification.objects.get().status == Status.APPROVED

    @pytest.mark.requirement("OTP-02")
    def test_a_double_click_succeeds_once(self):
        """Twilio approves the first and no longer knows the second; that must not undo what it approved."""
        for number in range(20):
            phone = phone_of(number)
            send(phone)
            code = code_to(phone)

            answers = run_copies(2, lambda _, phone=phone, code=code: post("verify-otp", to=phone, code=code))

            assert count_statuses(answers) == {200: 1, 400: 1}

    @pytest.mark.requirement("OTP-08", "THR-03")
    @pytest.mark.parametrize("by", ["to", "verification_id"])
    def test_five_of_many_wrong_codes_reach_the_sandbox(self, by):
        for number in range(2):
            forget_rounds()
            verification = send(phone_of(number))
            target = {"to": phone_of(number)} if by == "to" else {"verification_id": str(verification.pk)}
            code = wrong(code_to(phone_of(number)))

            answers = run_copies(50, lambda _, target=target, code=code: post("verify-otp", **target, code=code))

            statuses = count_statuses(answers)
            assert set(statuses) == {400, 429}, statuses
            assert statuses[400] == MAX_CHECKS
            assert count_checks_at_provider() == MAX_CHECKS
            verification.refresh_from_db()
            assert (verification.status, verification.checks) == (Status.EXHAUSTED, MAX_CHECKS)
            assert count_outcomes("check") == {"incorrect_code": MAX_CHECKS, "too_many_attempts": 50 - MAX_CHECKS}

    @pytest.mark.requirement("OTP-08", "THR-03")
    def test_five_of_many_wrong_codes_leave_on_the_wire(self, twilio):
        send(phone_of(0))

        answers = run_copies(50, lambda _: post("verify-otp", to=phone_of(0), code="000000"))

        assert len(twilio.checks) == MAX_CHECKS
        assert count_statuses(answers) == {400: MAX_CHECKS, 429: 50 - MAX_CHECKS}
        assert count_outcomes("check") == {"incorrect_code": MAX_CHECKS, "too_many_attempts": 50 - MAX_CHECKS}

    @pytest.mark.requirement("OTP-08", "THR-03")
    def test_outages_do_not_buy_more_than_five_calls(self):
        """Each of these calls is processed and its answer is lost: nobody knows what became of it."""
        send(phone_of(0))
        code = wrong(code_to(phone_of(0)))
        change_state({"fault": "truncated_json"})

        answers = run_copies(20, lambda _: post("verify-otp", to=phone_of(0), code=code))

        assert count_checks_at_provider() <= MAX_CHECKS
        assert set(count_statuses(answers)) <= {400, 429, 503}
        assert Verification.objects.get().calls <= MAX_CHECKS
        assert count_outcomes("check").total() == 20

    @pytest.mark.requirement("OTP-01", "OTP-02")
    def test_a_right_code_among_wrong_ones_counts_at_most_once(self):
        for number in range(4):
            forget_rounds()
            send(phone_of(number))
            code = code_to(phone_of(number))
            codes = [code] * 4 + [wrong(code)] * 12

            answers = run_together([partial(post, "verify-otp", to=phone_of(number), code=typed) for typed in codes])

            statuses = count_statuses(answers)
            assert statuses[200] <= 1
            assert set(statuses) <= {200, 400, 429}
            assert count_checks_at_provider() <= MAX_CHECKS
            assert all(answer.status_code != 200 for answer in answers[4:])
            # What Twilio approved and we did not would be lost for the person who typed it right.
            at_twilio = ReceivedCall.objects.filter(path__endswith="/VerificationCheck", params__Code=code).count()
            assert statuses[200] == (1 if at_twilio else 0)
            assert count_outcomes("check").total() == len(codes)


class TestRegistrations:
    @pytest.mark.requirement("OTP-02", "REC-12")
    def test_one_code_makes_one_account(self):
        for number in range(3):
            forget_rounds()
            phone = phone_of(number)
            send(phone, "registration")
            code = code_to(phone)
            change_state({"fault": "approve_all"})

            answers = run_copies(
                16,
                lambda index, phone=phone, code=code: post(
                    "register-with-otp", email=f"u{index}@example.com", password=PASSWORD, phone=phone, otp_code=code
                ),
            )

            statuses = count_statuses(answers)
            assert statuses[201] == 1, statuses
            assert set(statuses) <= {201, 400, 429}
            assert get_user_model().objects.filter(phone=phone).count() == 1
            assert Verification.objects.get().status == Status.REDEEMED
            assert count_outcomes("check").total() == 16
            get_user_model().objects.all().delete()

    @pytest.mark.requirement("OTP-02", "REC-12")
    def test_one_token_makes_one_account(self):
        for number in range(3):
            phone = phone_of(number)
            token = prove(phone)

            answers = run_copies(
                16,
                lambda index, phone=phone, token=token: post(
                    "register-with-otp",
                    email=f"u{phone[1:]}-{index}@example.com",
                    password=PASSWORD,
                    phone=phone,
                    verification_token=token,
                ),
            )

            assert count_statuses(answers) == {201: 1, 400: 15}
            assert {answer.json()["code"] for answer in answers if answer.status_code == 400} == {"code_expired"}
            assert get_user_model().objects.filter(phone=phone).count() == 1

    @pytest.mark.requirement("REC-12")
    def test_one_number_makes_one_account_however_often_it_was_proven(self, settings):
        settings.OTP_MAX_SENDS_PER_DESTINATION_PER_HOUR = 100
        settings.OTP_MAX_SENDS_PER_DESTINATION_PER_DAY = 100
        tokens = [prove(phone_of(0)) for _ in range(8)]

        answers = run_copies(
            16,
            lambda index: post(
                "register-with-otp",
                email=f"u{index}@example.com",
                password=PASSWORD,
                phone=phone_of(0),
                verification_token=tokens[index // 2],
            ),
        )

        statuses = count_statuses(answers)
        assert statuses[201] == 1
        assert set(statuses) <= {201, 400, 409}
        assert get_user_model().objects.count() == 1
        # Whoever only lost to another proof keeps his own: account and proof, both or neither.
        assert Verification.objects.filter(status=Status.REDEEMED).count() == 1
        assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"phone_taken"}

    @pytest.mark.requirement("REC-12")
    def test_one_address_makes_one_account_whoever_asks(self):
        tokens = [prove(phone_of(number)) for number in range(16)]

        answers = run_copies(
            16,
            lambda index: post(
                "register-with-otp",
                email="Same@Example.com" if index % 2 else "same@example.com",
                password=PASSWORD,
                phone=phone_of(index),
                verification_token=tokens[index],
            ),
        )

        assert count_statuses(answers) == {201: 1, 409: 15}
        assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"email_taken"}
        assert get_user_model().objects.get().email == "same@example.com"
        assert Verification.objects.filter(status=Status.APPROVED).count() == 15


class TestSends:
    def test_one_purpose_gets_one_message(self):
        for number in range(5):
            forget_rounds()

            answers = run_copies(16, lambda _, number=number: post("send-otp", to=phone_of(number)))

            assert count_statuses(answers) == {201: 1, 429: 15}
            assert Message.objects.count() == 1
            assert Verification.objects.get().sends == 1
            assert count_outcomes("send") == {"ok": 1, "too_many_requests": 15}

    def test_simultaneous_resends_are_one_message(self):
        send(phone_of(0))
        Verification.objects.update(next_send_at=timezone.now())

        answers = run_copies(16, lambda _: post("send-otp", to=phone_of(0)))

        assert count_statuses(answers) == {201: 1, 429: 15}
        assert Message.objects.count() == 2
        assert Verification.objects.get().sends == 2

    @pytest.mark.requirement("OTP-03", "OTP-06")
    def test_no_two_purposes_ever_stand_on_the_same_digits(self):
        for number in range(5):
            forget_rounds()

            answers = run_copies(
                16, lambda index, number=number: post("send-otp", to=phone_of(number), purpose=PURPOSES[index % 3])
            )

            assert set(count_statuses(answers)) <= {201, 409, 429}
            pending = Verification.objects.filter(status=Status.PENDING).exclude(verification_sid="")
            assert len({row.verification_sid for row in pending}) == len(pending)
            assert count_outcomes("send").total() == 16
            assert count_outcomes("send")["crashed"] == 0

    @pytest.mark.requirement("OTP-03")
    def test_after_a_race_of_purposes_each_code_still_serves_one_alone(self):
        for number in range(5):
            forget_rounds()
            phone = phone_of(number)

            run_together([partial(post, "send-otp", to=phone, purpose=purpose) for purpose in PURPOSES])

            for code in set(Message.objects.values_list("code", flat=True)):
                for purpose in PURPOSES:
                    with suppress(Exception):
                        services.verify_otp(phone, code, purpose=purpose, client=Client())
            approved = list(Verification.objects.filter(status=Status.APPROVED))
            assert len({row.verification_sid for row in approved}) == len(approved)


class TestRedeem:
    @pytest.mark.requirement("OTP-02")
    def test_one_of_many(self):
        for number in range(5):
            prove(phone_of(number))
            verification = Verification.objects.get(status=Status.APPROVED)

            def redeem(_, pk=verification.pk):
                with transaction.atomic():
                    services.redeem(Verification.objects.get(pk=pk))
                return True

            results = run_copies(32, redeem)

            assert results.count(True) == 1
            assert all(result is True or isinstance(result, CodeExpired) for result in results)
            verification.refresh_from_db()
            assert verification.status == Status.REDEEMED

    @pytest.mark.requirement("OTP-02")
    @pytest.mark.parametrize("with_token", [True, False])
    def test_one_of_many_password_resets(self, with_token, mailoutbox):
        phone = phone_of(0)
        user = make_user("ann@example.com", phone)
        proof = {"verification_token": prove(phone)} if with_token else {}
        if not with_token:
            post("forgot-password-otp", email=user.email, phone=phone)
            proof = {"otp_code": code_to(phone)}
        change_state({"fault": "approve_all"})

        answers = run_copies(
            16,
            lambda index: post(
                "forgot-password-otp", email=user.email, phone=phone, new_password=f"{PASSWORD}-{index}", **proof
            ),
        )

        statuses = count_statuses(answers)
        assert statuses[200] == 1, statuses
        assert set(statuses) <= {200, 400, 429}
        winner = [answer.status_code for answer in answers].index(200)
        user.refresh_from_db()
        assert check_password(f"{PASSWORD}-{winner}", user.password)
        assert len(mailoutbox) == 1
        assert Verification.objects.get().status == Status.REDEEMED


def _redis_counters():
    if not django_settings.CACHE_URL.startswith("redis"):
        pytest.skip("CACHE_URL names no Redis (make test-services)")
    return RedisCounters(django_settings.CACHE_URL)


@pytest.mark.requirement("THR-03", "THR-04")
@pytest.mark.parametrize("make", [MemoryCounters, _redis_counters], ids=["memory", "redis"])
class TestVolumeCounters:
    def test_exactly_as_many_as_the_limit_are_taken(self, make):
        counters = make()
        for number in range(10):
            bucket = Bucket(f"race-{number}", 10, 3600)

            results = run_copies(50, lambda _, bucket=bucket: counters.take([bucket]))

            assert results.count(None) == 10
            assert all(result is None or result.retry_after >= 1 for result in results)

    def test_limit_holds_for_threads_that_do_not_let_up(self, make):
        counters = make()
        for number in range(10):
            bucket = Bucket(f"long-{number}", 700, 3600)

            results = run_copies(8, lambda _, bucket=bucket: [counters.take([bucket]) for _ in range(100)])

            assert sum(taken.count(None) for taken in results) == 700

    def test_all_buckets_are_taken_or_none(self, make):
        counters = make()
        wide, narrow = Bucket("wide", 40, 3600), Bucket("narrow", 10, 3600)

        results = run_copies(50, lambda _: counters.take([wide, narrow]))

        assert results.count(None) == 10
        # The forty refused ones took nothing from the other bucket: thirty places are left in it.
        assert [counters.take([wide]) for _ in range(31)].count(None) == 30

    def test_what_is_given_back_can_be_taken_again(self, make):
        counters = make()
        bucket = Bucket("given-back", 10, 3600)
        assert [counters.take([bucket]) for _ in range(11)].count(None) == 10

        run_copies(4, lambda _: counters.give_back(bucket))

        assert run_copies(20, lambda _: counters.take([bucket])).count(None) == 4
