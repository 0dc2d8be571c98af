"""Races for one payment: real threads, on the database of this run. Money moves once, or not at all."""

from collections import Counter
from decimal import Decimal

import pytest
from django.db import transaction
from django.test import Client
from rest_framework.test import APIClient

from accounts.tests.people import NUMBER, make_person, sign_in
from examples.transfer.models import Account
from otp.exceptions import PaymentOver
from otp.models import TransactionApproval, Verification, VerificationAttempt
from otp.payments import redeem_approval
from otp.sandbox.control import change_state
from otp.sandbox.models import Message, ReceivedCall
from otp.tests.parallel import run_copies

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls("examples.transfer.site_urls")]

PAYMENT = {"amount": "120.00", "currency": "EUR", "payee": "Bob"}
AMOUNT = Decimal("120.00")
COPIES = 32


@pytest.fixture(autouse=True)
def wide_limits(settings):
    """What is raced for here are approvals, not the limits on volume."""
    for name in (
        "OTP_MAX_SENDS_PER_ADDRESS_PER_HOUR",
        "OTP_MAX_CHECKS_PER_ADDRESS_PER_HOUR",
        "OTP_MAX_SENDS_PER_DESTINATION_PER_MINUTE",
        "OTP_MAX_SENDS_PER_DESTINATION_PER_HOUR",
        "OTP_MAX_SENDS_PER_DESTINATION_PER_DAY",
        "OTP_MAX_WRONG_CODES_PER_DESTINATION_PER_HOUR",
    ):
        setattr(settings, name, 1000)


@pytest.fixture
def ann(db):
    person = make_person()
    Account.objects.create(owner=person, name="Ann")
    Account.objects.create(name="Bob")
    return person


@pytest.fixture
def key(ann):
    """The key of Ann's session, which each of her browsers' requests brings along."""
    return sign_in(Client(), ann).session.session_key


@pytest.fixture
def post(key, settings):
    """Make one call as one of many: with a client of its own."""

    def post(path, **body):
        client = APIClient(raise_request_exception=False)
        client.cookies[settings.SESSION_COOKIE_NAME] = key
        return client.post(path, body, format="json")

    return post


def open_payment(post, **changes):
    answer = post("/api/approvals", **{**PAYMENT, **changes})
    assert answer.status_code == 201, answer.json()
    return answer.json()["id"]


def read_code():
    return Message.objects.filter(to=NUMBER).exclude(code="").latest("pk").code


def count_statuses(answers):
    return Counter(getattr(answer, "status_code", answer) for answer in answers)


def count_checks():
    return ReceivedCall.objects.filter(path__endswith="/VerificationCheck").count()


def get_balances():
    return dict(Account.objects.values_list("name", "balance"))


class TestConfirming:
    @pytest.mark.requirement("TXN-04", "OTP-02")
    @pytest.mark.parametrize("fault", [None, "approve_all"])
    def test_one_of_many_right_codes_confirms(self, post, fault):
        approval_id = open_payment(post)
        code = read_code()
        change_state({"fault": fault})

        answers = run_copies(COPIES, lambda _: post(f"/api/approvals/{approval_id}/confirm", code=code))

        statuses = count_statuses(answers)
        assert statuses[200] == 1, statuses
        assert set(statuses) <= {200, 400, 429}
        assert TransactionApproval.objects.get().status == "approved"
        assert Verification.objects.get().status == "redeemed"
        outcomes = Counter(VerificationAttempt.objects.filter(kind="check").values_list("outcome", flat=True))
        assert outcomes["ok"] == 1
        assert outcomes["crashed"] == 0
        assert outcomes.total() == COPIES

    @pytest.mark.requirement("TXN-06", "OTP-08")
    def test_five_of_many_wrong_codes_are_compared_and_void_the_payment(self, post):
        approval_id = open_payment(post)
        wrong = f"{(int(read_code()) + 1) % 1_000_000:06}"

        answers = run_copies(COPIES, lambda _: post(f"/api/approvals/{approval_id}/confirm", code=wrong))

        assert count_statuses(answers) == {400: 5, 429: COPIES - 5}
        assert count_checks() == 5
        approval = TransactionApproval.objects.get()
        assert (approval.status, approval.tries, approval.wrong_codes) == ("exhausted", 5, 5)

    @pytest.mark.requirement("TXN-05", "TXN-06")
    def test_confirming_and_canceling_at_once_leave_nothing_to_redeem(self, post):
        for _ in range(6):
            approval_id = open_payment(post)
            code = read_code()
            steps = [f"/api/approvals/{approval_id}/{step}" for step in ("confirm", "cancel")]

            answers = run_copies(2, lambda index, steps=steps, code=code: post(steps[index], code=code))

            status = TransactionApproval.objects.get(pk=approval_id).status
            # A cancel may come after the confirm; a confirm never after a cancel.
            assert (status, answers[1].status_code) == ("canceled", 200)
            with pytest.raises(PaymentOver), transaction.atomic():
                redeem_approval(answers[0].json().get("approval_token", ""), **PAYMENT)

    @pytest.mark.requirement("TXN-06")
    def test_of_many_opened_at_once_one_is_left(self, post):
        answers = run_copies(8, lambda index: post("/api/approvals", **{**PAYMENT, "amount": f"{index + 1}.00"}))

        assert set(count_statuses(answers)) <= {201, 400, 409, 429}, count_statuses(answers)
        assert TransactionApproval.objects.filter(status="pending").count() <= 1
        # Whatever became of the eight, the next one stands and can be confirmed.
        Verification.objects.update(next_send_at="2026-01-01T00:00:00Z")
        approval_id = open_payment(post)
        assert post(f"/api/approvals/{approval_id}/confirm", code=read_code()).status_code == 200


class TestRedeeming:
    @pytest.fixture
    def token(self, post):
        approval_id = open_payment(post)
        return post(f"/api/approvals/{approval_id}/confirm", code=read_code()).json()["approval_token"]

    @pytest.mark.requirement("TXN-04")
    def test_one_of_many_moves_the_money(self, ann, token):
        def pay(_):
            with transaction.atomic():
                redeem_approval(token, user=ann, **PAYMENT)
                Account.objects.get(name="Ann").pay(Account.objects.get(name="Bob"), AMOUNT)
            return "paid"

        results = run_copies(COPIES, pay)

        assert Counter(map(str, results)) == {"paid": 1, "code_expired": COPIES - 1}
        assert {type(result) for result in results if result != "paid"} == {PaymentOver}
        assert get_balances() == {"Ann": Decimal(880), "Bob": Decimal(1120)}
        assert TransactionApproval.objects.get().status == "redeemed"

    @pytest.mark.requirement("TXN-04")
    def test_one_of_many_clicks_on_the_page_moves_the_money(self, ann, client, key, settings, token):
        sign_in(client, ann)
        session = client.session
        session["transfer"] = {"payee": Account.objects.get(name="Bob").pk, "amount": "120.00"}
        session.save()

        def click(_):
            browser = Client(raise_request_exception=False)
            browser.cookies[settings.SESSION_COOKIE_NAME] = session.session_key
            return browser.post("/transfer/pay/", {"approval_token": token})

        answers = run_copies(COPIES, click)

        assert set(count_statuses(answers)) <= {302, 403}
        assert get_balances() == {"Ann": Decimal(880), "Bob": Decimal(1120)}

    @pytest.mark.requirement("TXN-04")
    def test_redeeming_and_canceling_at_once_end_in_one_of_the_two(self, ann, post):
        for _ in range(5):
            approval_id = open_payment(post)
            token = post(f"/api/approvals/{approval_id}/confirm", code=read_code()).json()["approval_token"]
            before = get_balances()["Ann"]

            def run(index, token=token, approval_id=approval_id):
                if index:
                    return post(f"/api/approvals/{approval_id}/cancel").status_code
                with transaction.atomic():
                    redeem_approval(token, user=ann, **PAYMENT)
                    Account.objects.get(name="Ann").pay(Account.objects.get(name="Bob"), AMOUNT)
                return "paid"

            paid, canceled = run_copies(2, run)

            status = TransactionApproval.objects.get(pk=approval_id).status
            assert (paid == "paid", canceled == 200) in {(True, False), (False, True)}
            assert status == ("redeemed" if paid == "paid" else "canceled")
            assert get_balances()["Ann"] == before - (AMOUNT if paid == "paid" else 0)

    @pytest.mark.requirement("TXN-04")
    def test_people_who_pay_each_other_at_once_keep_the_sum(self, ann):
        accounts = list(Account.objects.order_by("pk"))

        def pay(index):
            payer, payee = accounts[index % 2], accounts[1 - index % 2]
            with transaction.atomic():
                payer.pay(payee, Decimal("1.00"))

        assert run_copies(16, pay) == [None] * 16
        assert sum(get_balances().values()) == Decimal(2000)
