"""Payments to confirm, over the API: opening them, and how they end."""

import pytest
from django.db import transaction
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.tests.payments import PAYMENT, confirm, get_status, open_payment
from accounts.tests.people import (
    NUMBER,
    make_person,
    sign_in,
)
from otp import services
from otp.exceptions import PaymentOver
from otp.models import TransactionApproval, Verification, VerificationAttempt
from otp.models.approval import ApprovalStatus
from otp.payments import redeem_approval
from otp.sandbox.models import Message, ReceivedCall

pytestmark = pytest.mark.django_db


@pytest.fixture
def api(payer):
    return sign_in(APIClient(raise_request_exception=False), payer, device=payer.phonedevice_set.get())


class TestOpening:
    def test_answers_with_what_it_is_for_and_where_the_code_went(self, api):
        answer = api.post("/api/approvals", {**PAYMENT, "reference": "Invoice 7"}, format="json")

        assert answer.status_code == 201
        body = answer.json()
        assert body == {
            "id": body["id"],
            "status": "pending",
            **PAYMENT,
            "reference": "Invoice 7",
            "to": "+1 ••• ••• 0123",
            "channel": "sms",
            "methods": ["otp"],
            "expires_in": body["expires_in"],
            "resend_in": body["resend_in"],
            "attempts_left": 5,
        }
        assert 290 < body["expires_in"] <= 300
        assert 20 < body["resend_in"] <= 30
        assert answer["Cache-Control"] == "no-store"

    @pytest.mark.requirement("TXN-01")
    def test_message_and_twilio_get_amount_and_payee(self, api, settings):
        open_payment(api)

        call = ReceivedCall.objects.get(path__endswith="/Verifications")
        assert settings.TWILIO_PSD2_SERVICE_SID in call.path
        assert (call.params["Amount"], call.params["Payee"]) == ("120.00 EUR", "Alice GmbH")
        message = Message.objects.get(to=NUMBER)
        assert "120.00 EUR" in message.body
        assert "Alice GmbH" in message.body

    def test_another_one_voids_the_one_that_is_open(self, api, read_code):
        first = open_payment(api)
        code = read_code()

        second = open_payment(api, amount="5.00")

        assert (get_status(first), get_status(second)) == ("canceled", "pending")
        assert confirm(api, first, code).json()["code"] == "code_expired"
        assert confirm(api, second, code).json()["code"] == "incorrect_code"
        assert confirm(api, second, read_code()).status_code == 200

    @pytest.mark.parametrize("channel", ["whatsapp", "call", "email"])
    def test_a_channel_that_cannot_carry_a_payment_is_refused(self, api, channel):
        answer = api.post("/api/approvals", {**PAYMENT, "channel": channel}, format="json")

        assert (answer.status_code, answer.json()["code"]) == (400, "channel_unavailable")
        assert not TransactionApproval.objects.exists()

    def test_whoever_prefers_another_channel_gets_a_text_message(self, api, payer):
        payer.preferred_channel = "whatsapp"
        payer.save()

        open_payment(api)

        assert Message.objects.get(to=NUMBER).channel == "sms"

    def test_a_send_that_fails_leaves_nothing_open(self, api, settings):
        settings.OTP_MAX_SENDS_PER_HOUR = 0

        answer = api.post("/api/approvals", PAYMENT, format="json")

        assert (answer.status_code, answer.json()["code"]) == (429, "too_many_requests")
        assert TransactionApproval.objects.get().status == ApprovalStatus.CANCELED
        assert VerificationAttempt.objects.get().approval == TransactionApproval.objects.get()

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("amount", "1e3"),
            ("amount", 120),
            ("currency", "eur"),
            ("currency", "XXX"),
            ("payee", " "),
            ("payee", "…"),
            ("payee", "Alice\u202eHbmG"),
            ("payee", "x" * 71),
            ("reference", "x" * 141),
            ("reference", "two\nlines"),
        ],
    )
    def test_what_cannot_be_read_is_refused_by_name(self, api, field, value):
        answer = api.post("/api/approvals", {**PAYMENT, field: value}, format="json")

        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
        assert list(answer.json()["fields"]) == [field]
        assert not TransactionApproval.objects.exists()

    def test_strangers_are_refused(self):
        answer = APIClient().post("/api/approvals", PAYMENT, format="json")

        assert (answer.status_code, answer.json()["code"]) == (403, "not_authenticated")


class TestEnding:
    def test_cancel_voids_payment_and_code(self, api, read_code):
        approval_id = open_payment(api)

        answer = api.post(f"/api/approvals/{approval_id}/cancel", format="json")

        assert (answer.status_code, answer.json()["status"], answer.json()["expires_in"]) == (200, "canceled", 0)
        assert confirm(api, approval_id, read_code()).json()["code"] == "code_expired"
        assert Verification.objects.get().status == "canceled"
        again = api.post(f"/api/approvals/{approval_id}/cancel", format="json")
        assert (again.status_code, again.json()["code"]) == (400, "code_expired")

    def test_cancel_voids_a_token_too(self, api, payer, read_code):
        approval_id = open_payment(api)
        token = confirm(api, approval_id, read_code()).json()["approval_token"]
        api.post(f"/api/approvals/{approval_id}/cancel", format="json")

        with pytest.raises(PaymentOver), transaction.atomic():
            redeem_approval(token, user=payer, **PAYMENT)

    @pytest.mark.requirement("OTP-11")
    @pytest.mark.parametrize("is_confirmed", [False, True], ids=["pending", "approved"])
    @pytest.mark.parametrize("end", ["sign_out", "cancel_all", "end_all_sessions", "end_others"])
    def test_what_ends_sessions_voids_payments(self, api, payer, read_code, end, is_confirmed, rf):
        from accounts.flows import sessions

        approval_id = open_payment(api)
        if is_confirmed:
            confirm(api, approval_id, read_code())
        if end == "sign_out":
            api.post("/api/logout", format="json")
        elif end == "cancel_all":
            services.cancel_all(payer.pk)
        elif end == "end_all_sessions":
            sessions.end_all_sessions(payer)
        else:
            session = api.session
            session["fresh_proofs"] = {"sessions": int(timezone.now().timestamp())}
            session.save()
            assert api.post("/accounts/security/sessions/end/").status_code == 302

        assert get_status(approval_id) == "canceled"

    @pytest.mark.requirement("OTP-11")
    def test_an_account_that_is_switched_off_redeems_nothing(self, api, payer, read_code):
        token = confirm(api, open_payment(api), read_code()).json()["approval_token"]
        payer.is_active = False
        payer.save()

        with pytest.raises(PaymentOver), transaction.atomic():
            redeem_approval(token, user=payer, **PAYMENT)

    def test_somebody_else_cannot_redeem_a_token(self, api, read_code):
        token = confirm(api, open_payment(api), read_code()).json()["approval_token"]
        bob = make_person("bob@example.com", "+12025550199")

        with pytest.raises(PaymentOver), transaction.atomic():
            redeem_approval(token, user=bob, **PAYMENT)

    @pytest.mark.parametrize("token", ["", "x", "WzEsMl0:1:x"])
    def test_what_is_no_token_redeems_nothing(self, payer, token):
        with pytest.raises(PaymentOver), transaction.atomic():
            redeem_approval(token, user=payer, **PAYMENT)
