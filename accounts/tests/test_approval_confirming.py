"""Which code confirms a payment: the one made for it, once."""

from datetime import timedelta
from uuid import uuid4

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.tests.payments import PAYMENT, confirm, count_checks, get_status, open_payment, wrong
from accounts.tests.people import (
    NUMBER,
    make_person,
    sign_in,
)
from otp import services
from otp.exceptions import PaymentOver
from otp.models import TransactionApproval, VerificationAttempt
from otp.payments import redeem_approval
from otp.purposes import PUBLIC_PURPOSES, Purpose
from otp.sandbox.models import Message, ReceivedCall

pytestmark = pytest.mark.django_db
OTHER_PURPOSES = ["", *(purpose for purpose in Purpose if purpose != Purpose.TRANSACTION)]


@pytest.fixture
def api(payer):
    return sign_in(APIClient(raise_request_exception=False), payer, device=payer.phonedevice_set.get())


class TestConfirming:
    def test_gives_a_token_that_is_redeemed_once(self, api, payer, read_code):
        approval_id = open_payment(api)

        answer = confirm(api, approval_id, read_code())

        assert answer.status_code == 200
        assert answer.json().keys() == {"status", "approval_token"}
        assert answer.json()["status"] == "approved"
        token = answer.json()["approval_token"]
        with transaction.atomic():
            assert str(redeem_approval(token, user=payer, **PAYMENT).pk) == approval_id
        with pytest.raises(PaymentOver), transaction.atomic():
            redeem_approval(token, user=payer, **PAYMENT)
        assert get_status(approval_id) == "redeemed"

    @pytest.mark.requirement("TXN-02")
    def test_twilio_is_asked_for_the_same_amount_and_payee(self, api, read_code):
        confirm(api, open_payment(api), read_code())

        call = ReceivedCall.objects.get(path__endswith="/VerificationCheck")
        assert (call.params["Amount"], call.params["Payee"]) == ("120.00 EUR", "Alice GmbH")

    @pytest.mark.requirement("TXN-02")
    @pytest.mark.parametrize(
        "change", [{"amount": "1200.00"}, {"currency": "USD"}, {"payee": "Mallory"}, {"reference": "another"}]
    )
    def test_a_row_changed_by_hand_confirms_nothing(self, api, read_code, change):
        approval_id = open_payment(api)
        TransactionApproval.objects.filter(pk=approval_id).update(**change)

        answer = confirm(api, approval_id, read_code())

        assert answer.status_code == 400
        assert get_status(approval_id) == "pending"

    @pytest.mark.requirement("TXN-02")
    @pytest.mark.parametrize(
        "change", [{"amount": "120.01"}, {"amount": "nonsense"}, {"currency": "USD"}, {"payee": "alice GmbH"}]
    )
    def test_a_token_pays_nothing_else(self, api, payer, read_code, change):
        token = confirm(api, open_payment(api), read_code()).json()["approval_token"]

        with pytest.raises(PaymentOver), transaction.atomic():
            redeem_approval(token, user=payer, **{**PAYMENT, **change})

        with transaction.atomic():
            redeem_approval(token, user=payer, **PAYMENT)

    @pytest.mark.requirement("TXN-03")
    def test_extra_fields_change_nothing(self, api, read_code):
        approval_id = open_payment(api)

        answer = confirm(
            api, approval_id, read_code(), amount="9.00", payee="Mallory", status="redeemed", user=1, currency="USD"
        )

        assert answer.status_code == 200
        approval = TransactionApproval.objects.get()
        assert (approval.amount_text, approval.payee, approval.status) == ("120.00", "Alice GmbH", "approved")

    @pytest.mark.requirement("TXN-02", "TXN-03")
    @pytest.mark.parametrize("method", ["put", "patch"])
    def test_nothing_can_be_changed(self, api, method):
        approval_id = open_payment(api)

        answer = getattr(api, method)(f"/api/approvals/{approval_id}", {"amount": "1.00"}, format="json")

        assert answer.status_code == 405
        assert TransactionApproval.objects.get().amount_text == "120.00"

    @pytest.mark.requirement("TXN-03")
    @pytest.mark.parametrize("call", ["", "/send", "/confirm", "/cancel"])
    def test_somebody_else_s_is_not_found_like_one_that_does_not_exist(self, api, read_code, call):
        approval_id = open_payment(api)
        code = read_code()
        bob = make_person("bob@example.com", "+12025550199")
        others = sign_in(APIClient(raise_request_exception=False), bob)
        ask = others.post if call else others.get

        answers = [ask(f"/api/approvals/{pk}{call}", {"code": code}, format="json") for pk in (approval_id, uuid4())]

        assert [answer.status_code for answer in answers] == [404, 404]
        assert answers[0].json() == answers[1].json()
        assert answers[0].json()["code"] == "not_found"
        assert get_status(approval_id) == "pending"

    @pytest.mark.requirement("TXN-06")
    def test_five_wrong_codes_void_the_payment_itself(self, api, read_code):
        approval_id = open_payment(api)
        code = read_code()

        answers = [confirm(api, approval_id, wrong(code)) for _ in range(5)]
        late = confirm(api, approval_id, code)

        assert [answer.json()["code"] for answer in answers] == ["incorrect_code"] * 5
        assert [answer.json()["attempts_left"] for answer in answers] == [4, 3, 2, 1, 0]
        assert (late.status_code, late.json()["code"]) == (429, "too_many_attempts")
        assert get_status(approval_id) == "exhausted"
        assert count_checks() == 5

    @pytest.mark.requirement("TXN-06")
    def test_a_resend_gives_neither_time_nor_tries(self, api, read_code):
        with time_machine.travel(timezone.now(), tick=False) as clock:
            approval_id = open_payment(api)
            for _ in range(4):
                confirm(api, approval_id, wrong(read_code()))
            clock.shift(timedelta(seconds=60))

            answer = api.post(f"/api/approvals/{approval_id}/send", {}, format="json")

            assert answer.status_code == 200
            assert (answer.json()["expires_in"], answer.json()["attempts_left"]) == (240, 1)
            assert "Alice GmbH" in Message.objects.latest("pk").body
            clock.shift(timedelta(seconds=241))
            assert confirm(api, approval_id, read_code()).json()["code"] == "code_expired"
            assert get_status(approval_id) == "expired"

    @pytest.mark.requirement("TXN-06")
    @pytest.mark.parametrize(("age", "status"), [(299, 200), (300, 400)])
    def test_lives_for_five_minutes(self, api, read_code, age, status):
        with time_machine.travel(timezone.now(), tick=False) as clock:
            approval_id = open_payment(api)
            clock.shift(timedelta(seconds=age))

            assert confirm(api, approval_id, read_code()).status_code == status

    @pytest.mark.requirement("TXN-06")
    def test_a_token_lives_for_five_minutes(self, api, payer, read_code):
        with time_machine.travel(timezone.now(), tick=False) as clock:
            token = confirm(api, open_payment(api), read_code()).json()["approval_token"]
            clock.shift(timedelta(seconds=301))

            with pytest.raises(PaymentOver), transaction.atomic():
                redeem_approval(token, user=payer, **PAYMENT)

    @pytest.mark.requirement("TXN-06", "OTP-03")
    @pytest.mark.parametrize("purpose", OTHER_PURPOSES)
    def test_codes_for_anything_else_confirm_nothing(self, api, payer, read_code, purpose):
        approval_id = open_payment(api)
        services.send_otp(
            NUMBER,
            purpose=purpose,
            user_id=None if purpose in {"", *PUBLIC_PURPOSES} else payer.pk,
            client=services.Client(),
        )
        assert read_code() != Message.objects.exclude(code="").earliest("pk").code

        answer = confirm(api, approval_id, read_code())

        assert answer.json()["code"] == "incorrect_code"
        assert get_status(approval_id) == "pending"

    @pytest.mark.requirement("OTP-03")
    @pytest.mark.parametrize("purpose", OTHER_PURPOSES)
    def test_its_code_serves_nothing_else(self, api, payer, post, read_code, purpose):
        open_payment(api)
        code = read_code()
        approval = TransactionApproval.objects.get()

        for flow, user_id in [("", None), ("", payer.pk), (approval.flow, payer.pk)]:
            with pytest.raises(services.CodeExpired):
                services.verify_otp(NUMBER, code, purpose=purpose, flow=flow, user_id=user_id, client=services.Client())

        assert post("verify-otp", to=NUMBER, code=code).json()["code"] == "code_expired"
        assert count_checks() == 0

    def test_each_step_leaves_one_row_of_its_approval(self, api, read_code):
        approval_id = open_payment(api)
        confirm(api, approval_id, wrong(read_code()))
        confirm(api, approval_id, read_code())
        confirm(api, approval_id, read_code())

        rows = VerificationAttempt.objects.filter(approval_id=approval_id, purpose="transaction").order_by("pk")
        assert list(rows.values_list("kind", "outcome")) == [
            ("send", "ok"),
            ("check", "incorrect_code"),
            ("check", "ok"),
            ("check", "code_expired"),
        ]
        assert VerificationAttempt.objects.count() == 4
        assert {row.user_id for row in rows} == {TransactionApproval.objects.get().user_id}
