"""Races and crashes over real processes: gunicorn as in production, on the database and the Redis of this test run."""

import threading
import time
from collections import Counter
from itertools import count

import pytest
import requests
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.utils import timezone

from otp.models import Verification, VerificationAttempt
from otp.models.lifecycle import MAX_CHECKS, Status
from otp.sandbox.control import change_state
from otp.sandbox.models import Message, ReceivedCall
from otp.sandbox.models import Verification as AtTwilio
from otp.tests.parallel import run_copies
from otp.tests.processes import SENDS_PER_ADDRESS, run_server, skip_without_services, wait_until

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]

PASSWORD = "a-long-enough-one"


@pytest.fixture(scope="module")
def server(django_db_setup, tmp_path_factory):
    """Each worker loads the code itself."""
    skip_without_services()
    with run_server(tmp_path_factory.mktemp("gunicorn")) as running:
        yield running


@pytest.fixture(scope="module")
def preloaded_server(django_db_setup, tmp_path_factory):
    """The code is loaded once and the workers fork from it, so that a new one is there at once."""
    skip_without_services()
    with run_server(tmp_path_factory.mktemp("preloaded"), "--preload") as running:
        yield running


phones = (f"+1{area}55501{number:02}" for area in (202, 212, 303, 415) for number in range(100))
addresses = (f"192.0.2.{number}" for number in count(10))


@pytest.fixture
def phone():
    return next(phones)


def send(server, phone, purpose="registration"):
    answer = server.post("send-otp", to=phone, purpose=purpose, client_address="192.0.2.2")
    assert answer.status_code == 201, answer.text
    return answer.json()


def code_to(phone):
    return Message.objects.filter(to=phone).exclude(code="").latest("pk").code


def wrong(code):
    return f"{(int(code) + 1) % 1_000_000:06}"


def count_outcomes(kind):
    return Counter(VerificationAttempt.objects.filter(kind=kind).values_list("outcome", flat=True))


def count_statuses(answers):
    return Counter(getattr(answer, "status_code", answer) for answer in answers)


class TestRaces:
    @pytest.mark.requirement("OTP-02")
    def test_one_of_many_right_codes_succeeds_though_twilio_approves_them_all(self, server):
        for _ in range(5):
            phone = next(phones)
            send(server, phone)
            code = code_to(phone)
            change_state({"fault": "approve_all"})

            answers = run_copies(32, lambda _, phone=phone, code=code: server.post("verify-otp", to=phone, code=code))

            change_state({"fault": None})
            statuses = count_statuses(answers)
            assert statuses[200] == 1, statuses
            assert set(statuses) <= {200, 400, 429}, statuses
        assert Verification.objects.filter(status=Status.APPROVED).count() == 5
        assert count_outcomes("check")["ok"] == 5
        assert count_outcomes("check").total() == 5 * 32
        assert len(server.get_workers_that_answered()) > 1

    @pytest.mark.requirement("OTP-08", "THR-03")
    def test_five_of_many_wrong_codes_reach_twilio(self, server):
        for rounds in (1, 2, 3):
            phone = next(phones)
            send(server, phone)
            code = wrong(code_to(phone))

            answers = run_copies(50, lambda _, phone=phone, code=code: server.post("verify-otp", to=phone, code=code))

            assert count_statuses(answers) == {400: MAX_CHECKS, 429: 50 - MAX_CHECKS}
            checks = ReceivedCall.objects.filter(path__endswith="/VerificationCheck")
            assert checks.count() == rounds * MAX_CHECKS
            assert count_outcomes("check").total() == rounds * 50
        assert not Verification.objects.exclude(status=Status.EXHAUSTED).exists()

    @pytest.mark.requirement("OTP-02", "REC-12")
    def test_one_of_many_registrations_makes_the_account(self, server):
        for _ in range(3):
            phone = next(phones)
            send(server, phone)
            answer = server.post("verify-otp", to=phone, code=code_to(phone))
            token = answer.json()["verification_token"]

            answers = run_copies(
                16,
                lambda index, phone=phone, token=token: server.post(
                    "register-with-otp",
                    email=f"u{phone[1:]}-{index}@example.com",
                    password=PASSWORD,
                    phone=phone,
                    verification_token=token,
                ),
            )

            assert count_statuses(answers) == {201: 1, 400: 15}
            assert get_user_model().objects.filter(phone=phone).count() == 1

    @pytest.mark.requirement("THR-04")
    def test_limit_of_one_address_is_exact_over_all_workers(self, server):
        to = [next(phones) for _ in range(3 * SENDS_PER_ADDRESS)]
        address = next(addresses)

        answers = run_copies(len(to), lambda index: server.post("send-otp", to=to[index], client_address=address))

        assert count_statuses(answers) == {201: SENDS_PER_ADDRESS, 429: 2 * SENDS_PER_ADDRESS}
        assert Message.objects.filter(channel="sms").count() == SENDS_PER_ADDRESS
        refusals = VerificationAttempt.objects.filter(outcome="too_many_requests")
        assert set(refusals.values_list("reason", "client_address")) == {("address", address)}
        assert server.post("send-otp", to=next(phones), client_address=next(addresses)).status_code == 201


class TestPreload:
    def test_workers_that_share_loaded_code_share_no_connection(self, preloaded_server):
        to = [next(phones) for _ in range(16)]

        sends = run_copies(16, lambda index: preloaded_server.post("send-otp", to=to[index]))
        codes = [code_to(phone) for phone in to]
        checks = run_copies(16, lambda index: preloaded_server.post("verify-otp", to=to[index], code=codes[index]))

        assert count_statuses(sends) == {201: 16}
        assert count_statuses(checks) == {200: 16}
        assert Verification.objects.filter(status=Status.APPROVED).count() == 16


class Registration(threading.Thread):
    """A registration under way: its answer, or None if the connection died with the worker."""

    def __init__(self, server, phone):
        super().__init__()
        self.server, self.phone, self.code = server, phone, code_to(phone)
        self.answer = None

    def run(self):
        try:
            self.answer = self.server.post(
                "register-with-otp",
                email=f"u{self.phone[1:]}@example.com",
                password=PASSWORD,
                phone=self.phone,
                otp_code=self.code,
            )
        except requests.ConnectionError:
            self.answer = None


class TestKilledWorkers:
    """Workers die by SIGKILL in the middle of a registration: what is left is everything or nothing."""

    def test_before_twilio_answers(self, preloaded_server, phone):
        send(preloaded_server, phone)
        change_state({"fault": "hang"})

        self.kill_when(preloaded_server, phone, lambda: ReceivedCall.objects.filter(fault="hang").exists())

        change_state({"fault": None})
        assert Verification.objects.get().status == Status.PENDING
        self.assert_all_or_nothing(phone, checks={"crashed": 1})
        self.assert_works_again(preloaded_server, phone)

    def test_between_twilios_approval_and_ours(self, preloaded_server, phone):
        send(preloaded_server, phone)
        change_state({"latency_ms": 20_000})

        self.kill_when(preloaded_server, phone, lambda: AtTwilio.objects.filter(status="approved").exists())

        change_state({"latency_ms": 0})
        assert Verification.objects.get().status == Status.PENDING
        self.assert_all_or_nothing(phone, checks={"crashed": 1})
        self.assert_works_again(preloaded_server, phone)

    def test_between_redeeming_and_commit(self, preloaded_server, phone):
        send(preloaded_server, phone)

        # The lock stops the worker at its INSERT, after it has redeemed the proof and before it could commit.
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("LOCK TABLE accounts_user IN SHARE MODE")
            self.kill_when(preloaded_server, phone, lambda: self.is_somebody_waiting_for_a_lock(cursor))

        assert Verification.objects.get().status == Status.APPROVED
        self.assert_all_or_nothing(phone, checks={"ok": 1})
        assert not get_user_model().objects.exists()
        self.assert_works_again(preloaded_server, phone)

    def test_while_a_message_is_sent(self, preloaded_server, phone):
        change_state({"latency_ms": 20_000})
        sending = threading.Thread(target=run_copies, args=(1, lambda _: preloaded_server.post("send-otp", to=phone)))
        sending.start()
        wait_until(Message.objects.filter(to=phone).exists)
        preloaded_server.kill_workers()
        sending.join()

        change_state({"latency_ms": 0})
        assert count_outcomes("send") == {"crashed": 1}
        self.assert_works_again(preloaded_server, phone)

    @pytest.mark.parametrize("moment", range(6))
    def test_at_any_moment(self, preloaded_server, phone, moment):
        """Later and later: 10 ms apart over what a registration takes."""
        send(preloaded_server, phone)
        change_state({"latency_ms": 20})
        registration = Registration(preloaded_server, phone)
        registration.start()
        wait_until(lambda: VerificationAttempt.objects.filter(kind="check").exists())
        seen_at = time.monotonic()
        wait_until(lambda: time.monotonic() >= seen_at + moment / 100)
        preloaded_server.kill_workers()
        registration.join()

        change_state({"latency_ms": 0})
        outcomes = count_outcomes("check")
        assert outcomes.total() == 1
        assert set(outcomes) <= {"crashed", "ok"}
        self.assert_all_or_nothing(phone, checks=outcomes)
        if registration.answer is not None:
            assert registration.answer.status_code == 201
            assert get_user_model().objects.filter(phone=phone).exists()
        if not get_user_model().objects.exists():
            self.assert_works_again(preloaded_server, phone)

    @staticmethod
    def kill_when(server, phone, is_time):
        registration = Registration(server, phone)
        registration.start()
        wait_until(is_time)
        server.kill_workers()
        registration.join()
        assert registration.answer is None

    @staticmethod
    def is_somebody_waiting_for_a_lock(cursor):
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'accounts_user'::regclass")
        return cursor.fetchone()[0] > 0

    @staticmethod
    def assert_all_or_nothing(phone, checks):
        users = get_user_model().objects.filter(phone=phone).count()
        assert users == Verification.objects.filter(status=Status.REDEEMED).count()
        assert count_outcomes("check") == checks
        assert count_outcomes("send") == {"ok": 1}

    @staticmethod
    def assert_works_again(server, phone):
        """Once the wait for another code is over, the person gets one and registers with it."""
        Verification.objects.update(next_send_at=timezone.now())
        send(server, phone)
        registration = Registration(server, phone)
        registration.run()
        assert registration.answer.status_code == 201, registration.answer.text
        assert get_user_model().objects.get().phone == phone
        assert Verification.objects.filter(status=Status.REDEEMED).count() == 1
        # The welcome goes out after the answer: left alone, it would arrive in the middle of the next test.
        wait_until(Message.objects.filter(to=f"u{phone[1:]}@example.com").exists)
