"""A payment over real processes: however a worker dies, money has moved with its approval, or neither has."""

import subprocess
import sys
import threading
import time
from collections import Counter
from decimal import Decimal

import pytest
import requests
from django.conf import settings
from django.db import connection, connections, transaction
from django.test import Client
from django.utils import timezone

from accounts.models.session import SIGNED_IN
from accounts.tests.people import NUMBER, make_person, sign_in
from examples.transfer.models import Account
from otp.models import TransactionApproval, Verification, VerificationAttempt
from otp.sandbox.control import change_state
from otp.sandbox.models import Message, ReceivedCall
from otp.sandbox.models import Verification as AtTwilio
from otp.tests.parallel import run_copies
from otp.tests.processes import get_environment, run_server, skip_without_services, wait_until

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]

CSRF = "c" * 32
PAYMENT = {"amount": "120.00", "currency": "EUR", "payee": "Bob"}
LIMITS = ("ADDRESS_PER_HOUR", "DESTINATION_PER_MINUTE", "DESTINATION_PER_HOUR", "DESTINATION_PER_DAY")


@pytest.fixture(scope="module")
def server(django_db_setup, tmp_path_factory):
    skip_without_services()
    directory = tmp_path_factory.mktemp("transfer")
    values = {
        "DJANGO_SETTINGS_MODULE": "examples.transfer.settings",
        "STATIC_ROOT": str(directory / "static"),
        **{f"OTP_MAX_SENDS_PER_{name}": "1000" for name in LIMITS},
    }
    # The page that answers 403 names files.
    command = [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity=0"]
    subprocess.run(command, cwd=settings.BASE_DIR, env=get_environment(**values), check=True)
    with run_server(directory, "--preload", **values) as running:
        yield running


class Payer:
    """Ann in her browser: signed in, about to pay Bob."""

    def __init__(self, server):
        self.server = server
        ann = make_person()
        bob = Account.objects.create(name="Bob")
        Account.objects.create(name="Ann", owner=ann)
        client = sign_in(Client(), ann)
        session = client.session
        session["transfer"] = {"payee": bob.pk, "amount": PAYMENT["amount"]}
        # Nothing else of the session is written while workers are killed.
        session[SIGNED_IN] = {**session[SIGNED_IN], "seen_at": int(time.time())}
        session.save()
        self.headers = {
            "Cookie": f"__Host-sessionid={session.session_key}; __Host-csrftoken={CSRF}",
            "X-CSRFToken": CSRF,
            "Origin": server.url.replace("http:", "https:"),
        }

    def post(self, path, headers=None, **body):
        return self.server.send(path, body, {**self.headers, **(headers or {})})

    def open(self):
        answer = self.post("/api/approvals", **PAYMENT)
        assert answer.status_code == 201, answer.text
        self.approval_id = answer.json()["id"]

    def confirm(self):
        code = Message.objects.filter(to=NUMBER).exclude(code="").latest("pk").code
        return self.post(f"/api/approvals/{self.approval_id}/confirm", code=code)

    def pay(self, token):
        return self.post("/transfer/pay/", {"Approval-Token": token})


class Background(threading.Thread):
    """A request under way: its answer, or None if the connection died with the worker."""

    def __init__(self, work):
        super().__init__()
        self.work, self.answer = work, None
        self.start()

    def run(self):
        try:
            self.answer = self.work()
        except requests.ConnectionError:
            self.answer = None
        finally:
            connections.close_all()  # one that is left to the collector keeps the test's database from going


@pytest.fixture
def payer(server, db):
    return Payer(server)


@pytest.fixture
def approved(payer):
    """A payment that is confirmed, and its token."""
    payer.open()
    return payer, payer.confirm().json()["approval_token"]


def assert_all_or_nothing():
    balances = dict(Account.objects.values_list("name", "balance"))
    redeemed = TransactionApproval.objects.filter(status="redeemed").count()
    assert balances == {"Ann": 1000 - 120 * redeemed, "Bob": 1000 + 120 * redeemed}
    assert redeemed <= 1


def assert_ends_paid_once(payer):
    """Whatever was left, the person can begin again and pay; never twice for one approval."""
    if not TransactionApproval.objects.filter(status="redeemed").exists():
        Verification.objects.update(next_send_at=timezone.now())
        payer.open()
        payer.pay(payer.confirm().json()["approval_token"])
    assert_all_or_nothing()
    assert Account.objects.get(name="Bob").balance == Decimal(1120)


@pytest.mark.requirement("TXN-04")
class TestKilledWorkers:
    def test_before_twilio_answers(self, server, payer):
        payer.open()
        change_state({"fault": "hang"})

        self.kill_when(server, payer.confirm, ReceivedCall.objects.filter(fault="hang").exists)

        change_state({"fault": None})
        assert TransactionApproval.objects.get().status == "pending"
        assert Counter(VerificationAttempt.objects.values_list("kind", "outcome")) == {
            ("send", "ok"): 1,
            ("check", "crashed"): 1,
        }
        assert_all_or_nothing()
        assert payer.confirm().status_code == 200  # the code is still good, one try is gone
        assert TransactionApproval.objects.get().tries == 2

    def test_between_twilios_approval_and_ours(self, server, payer):
        payer.open()
        change_state({"latency_ms": 20_000})

        self.kill_when(server, payer.confirm, AtTwilio.objects.filter(status="approved").exists)

        change_state({"latency_ms": 0})
        assert TransactionApproval.objects.get().status == "pending"
        assert_all_or_nothing()
        assert_ends_paid_once(payer)

    def test_between_redeeming_and_the_transfer(self, server, approved):
        payer, token = approved

        # The lock stops the worker at the balance, after it has redeemed the approval and before it could commit.
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("LOCK TABLE transfer_account IN SHARE MODE")
            self.kill_when(server, lambda: payer.pay(token), lambda: self.is_somebody_waiting(cursor))

        assert TransactionApproval.objects.get().status == "approved"
        assert_all_or_nothing()
        assert payer.pay(token).status_code == 302  # the same token, once more
        assert TransactionApproval.objects.get().status == "redeemed"
        assert_ends_paid_once(payer)

    @pytest.mark.parametrize("moment", range(6))
    def test_at_any_moment_of_paying(self, server, approved, moment):
        """Later and later: 8 ms apart over what paying takes."""
        payer, token = approved
        paying = Background(lambda: payer.pay(token))
        began_at = time.monotonic()
        wait_until(lambda: time.monotonic() >= began_at + moment * 8 / 1000)
        server.kill_workers()
        paying.join()

        assert_all_or_nothing()
        if paying.answer is not None:
            assert TransactionApproval.objects.get().status == "redeemed"
        if TransactionApproval.objects.get().status == "approved":
            assert payer.pay(token).status_code == 302
        assert_ends_paid_once(payer)

    @staticmethod
    def kill_when(server, work, is_time):
        background = Background(work)
        wait_until(is_time)
        server.kill_workers()
        background.join()
        assert background.answer is None

    @staticmethod
    def is_somebody_waiting(cursor):
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'transfer_account'::regclass")
        return cursor.fetchone()[0] > 0


@pytest.mark.requirement("TXN-04", "OTP-02")
class TestRaces:
    def test_one_of_many_confirms_over_all_workers(self, server, payer):
        payer.open()
        change_state({"fault": "approve_all"})

        answers = run_copies(32, lambda _: payer.confirm())

        change_state({"fault": None})
        statuses = Counter(answer.status_code for answer in answers)
        assert statuses[200] == 1, statuses
        assert set(statuses) <= {200, 400, 429}
        assert TransactionApproval.objects.get().status == "approved"

    def test_one_of_many_payments_over_all_workers(self, server, approved):
        payer, token = approved

        answers = run_copies(32, lambda _: payer.pay(token))

        assert set(Counter(answer.status_code for answer in answers)) <= {302, 403}
        assert_ends_paid_once(payer)
        assert len(server.get_workers_that_answered()) > 1
