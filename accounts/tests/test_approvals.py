"""Payments to confirm, over the API: what is sent, what counts, what is refused."""

from datetime import timedelta
from uuid import uuid4

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import FactorBudget, KnownBrowser, SecurityEvent, TotpDevice, UserSession
from accounts.tests.people import (
    NUMBER,
    make_person,
    show_totp_code,
    sign_in,
    with_phone,
    with_totp,
)
from otp import services
from otp.exceptions import PaymentOver
from otp.models import TransactionApproval, Verification, VerificationAttempt
from otp.models.approval import ApprovalStatus
from otp.payments import redeem_approval
from otp.purposes import PUBLIC_PURPOSES, Purpose
from otp.sandbox.models import Message, ReceivedCall

pytestmark = pytest.mark.django_db
OTHER_PURPOSES = ["", *(purpose for purpose in Purpose if purpose != Purpose.TRANSACTION)]
PAYMENT = {"amount": "120.00", "currency": "EUR", "payee": "Alice GmbH"}


@pytest.fixture
def payer(ann):
    """Somebody whose phone is a second factor, signed in with it."""
    return with_phone(ann)


@pytest.fixture
def api(payer):
    return sign_in(APIClient(raise_request_exception=False), payer, device=payer.phonedevice_set.get())


def open_payment(api, **changes):
    answer = api.post("/api/approvals", {**PAYMENT, **changes}, format="json")
    assert answer.status_code == 201, answer.json()
    return answer.json()["id"]


def confirm(api, approval_id, code, **fields):
    return api.post(f"/api/approvals/{approval_id}/confirm", {"code": code, **fields}, format="json")


def wrong(code):
    return f"{(int(code) + 1) % 1_000_000:06}"


def get_status(approval_id):
    return TransactionApproval.objects.get(pk=approval_id).status


def count_checks():
    return ReceivedCall.objects.filter(path__endswith="/VerificationCheck").count()


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


class TestFactors:
    @pytest.fixture
    def payer(self, ann):
        return with_totp(ann)

    @pytest.fixture
    def api(self, payer):
        return sign_in(APIClient(raise_request_exception=False), payer, device=TotpDevice.objects.get())

    def test_an_authenticator_app_confirms_and_no_message_is_paid(self, api, payer):
        answer = api.post("/api/approvals", PAYMENT, format="json").json()
        assert (answer["methods"], answer["to"], answer["channel"]) == (["totp"], None, None)

        answer = confirm(api, answer["id"], show_totp_code(payer))

        assert answer.status_code == 200
        assert TransactionApproval.objects.get().method == "totp"
        assert not Message.objects.exclude(code="").exists()
        row = VerificationAttempt.objects.get()
        assert (row.kind, row.outcome, row.approval_id) == ("check", "ok", TransactionApproval.objects.get().pk)

    @pytest.mark.requirement("TXN-06")
    def test_five_wrong_codes_of_the_app_void_the_payment_and_block_codes(self, api, payer):
        approval_id = open_payment(api)

        answers = [confirm(api, approval_id, wrong(show_totp_code(payer, step=9))) for _ in range(5)]

        assert [answer.json()["attempts_left"] for answer in answers] == [4, 3, 2, 1, 0]
        assert get_status(approval_id) == "exhausted"
        assert FactorBudget.find(payer).is_blocked
        again = open_payment(api)
        assert confirm(api, again, show_totp_code(payer)).json()["code"] == "too_many_attempts"
        assert TransactionApproval.objects.get(pk=again).tries == 0

    @pytest.mark.requirement("TXN-06")
    def test_wrong_codes_count_over_all_factors_together(self, api, payer, read_code):
        with_phone(payer)
        approval_id = open_payment(api)
        for number in range(5):
            method = ["otp", "totp"][number % 2]
            confirm(api, approval_id, wrong(read_code()), method=method)

        assert get_status(approval_id) == "exhausted"
        assert confirm(api, approval_id, show_totp_code(payer), method="totp").status_code == 429

    @pytest.mark.requirement("TXN-07")
    def test_a_refusal_does_not_say_what_was_wrong(self, api, payer, read_code):
        with_phone(payer)
        sign_in(api, payer, device=payer.phonedevice_set.get())
        bodies = []
        for method, tamper in [("otp", {}), ("totp", {}), ("otp", {"payee": "Mallory"})]:
            approval_id = open_payment(api)
            TransactionApproval.objects.filter(pk=approval_id).update(**tamper)
            code = read_code() if tamper else wrong(read_code())
            bodies.append(confirm(api, approval_id, code, method=method).json())
        TotpDevice.objects.all().delete()
        bodies.append(confirm(api, open_payment(api), "123456", method="totp").json())

        assert bodies == 4 * [
            {
                "error": "The payment could not be confirmed with that. Check it and try again.",
                "code": "incorrect_code",
                "attempts_left": 4,
            }
        ]

    def test_the_app_serves_when_no_message_can_be_sent(self, api, payer, settings):
        with_phone(payer)
        settings.OTP_MAX_SENDS_PER_HOUR = 0

        answer = api.post("/api/approvals", PAYMENT, format="json")

        assert answer.status_code == 201
        assert answer.json()["problem"].startswith("Too many codes")
        assert answer.json()["methods"] == ["otp", "totp"]
        assert confirm(api, answer.json()["id"], show_totp_code(payer), method="totp").status_code == 200


class TestPolicy:
    @pytest.mark.requirement("TXN-06")
    def test_a_trusted_browser_opens_no_payment(self, payer):
        """The session is signed in, and no second factor has proven it."""
        KnownBrowser.trust(payer, "x" * 43)
        api = sign_in(APIClient(), payer)

        answer = api.post("/api/approvals", PAYMENT, format="json")

        assert (answer.status_code, answer.json()["code"]) == (403, "step_up_required")
        assert answer.json()["methods"] == ["otp"]
        assert not TransactionApproval.objects.exists()

    @pytest.mark.requirement("TXN-06")
    def test_a_step_up_lets_a_payment_be_opened_and_confirms_none(self, payer, read_code):
        api = sign_in(APIClient(), payer)
        api.post("/api/step-up/send", {"step": "payment"}, format="json")
        answer = api.post("/api/step-up/verify", {"code": read_code(), "step": "payment"}, format="json")
        assert answer.status_code == 200

        approval_id = open_payment(api)

        assert get_status(approval_id) == "pending"
        assert confirm(api, approval_id, read_code()).status_code == 200

    def test_without_a_second_factor_the_proven_phone_confirms(self, ann, read_code):
        api = sign_in(APIClient(), ann)

        assert confirm(api, open_payment(api), read_code()).status_code == 200

    def test_without_phone_and_factor_there_is_no_payment(self, db):
        api = sign_in(APIClient(), make_person(phone_number=""))

        answer = api.post("/api/approvals", PAYMENT, format="json")

        assert (answer.status_code, answer.json()["code"]) == (403, "step_up_required")

    @pytest.mark.requirement("REC-08")
    def test_a_phone_changed_within_the_day_confirms_nothing_alone(self, api, payer):
        with time_machine.travel(timezone.now(), tick=False) as clock:
            payer.phone_changed_at = timezone.now()
            payer.save()

            answer = api.post("/api/approvals", PAYMENT, format="json")

            assert (answer.status_code, answer.json()["code"]) == (403, "second_proof_required")
            assert answer.json()["methods"] == []
            assert answer.json()["retry_after"] == 24 * 3600
            with_totp(payer)  # set up after the change: by whoever made it
            assert api.post("/api/approvals", PAYMENT, format="json").status_code == 403
            clock.shift(timedelta(days=1, seconds=1))
            sign_in(api, payer, device=payer.phonedevice_set.get())
            open_payment(api)

    @pytest.mark.requirement("REC-08")
    def test_a_factor_from_before_the_change_confirms(self, api, payer):
        with_totp(payer)
        payer.phone_changed_at = timezone.now()
        payer.save()

        answer = api.post("/api/approvals", PAYMENT, format="json")

        assert answer.json()["methods"] == ["totp"]
        assert confirm(api, answer.json()["id"], "000000", method="otp").json()["code"] == "incorrect_code"
        assert confirm(api, answer.json()["id"], show_totp_code(payer)).status_code == 200

    @pytest.mark.requirement("REC-08", "TXN-06")
    def test_a_phone_that_reset_the_password_within_the_day_confirms_nothing_alone(self, ann, reset):
        """Whoever has taken the number over has the password by it, and must not have the money by it too."""
        with time_machine.travel(timezone.now(), tick=False) as clock:
            reset()
            with_phone(ann)  # what is set up afterwards was set up by whoever did it
            with_totp(ann)
            api = sign_in(APIClient(), ann, device=ann.totpdevice_set.get())

            answer = api.post("/api/approvals", PAYMENT, format="json")

            assert (answer.status_code, answer.json()["code"]) == (403, "second_proof_required")
            assert answer.json()["retry_after"] == 24 * 3600
            assert "reset with your phone alone" in answer.json()["error"]
            clock.shift(timedelta(days=1, seconds=1))
            sign_in(api, ann, device=ann.totpdevice_set.get())
            open_payment(api)

    @pytest.mark.requirement("REC-08")
    def test_a_reset_with_two_proofs_holds_nothing_back(self, ann, reset):
        reset()
        SecurityEvent.objects.update(detail="email")

        open_payment(sign_in(APIClient(), ann))

    @pytest.mark.requirement("REC-08")
    def test_a_factor_from_before_the_reset_confirms(self, ann, reset):
        with_totp(ann)
        reset()

        answer = sign_in(APIClient(), ann, device=ann.totpdevice_set.get()).post("/api/approvals", PAYMENT)

        assert answer.json()["methods"] == ["totp"]

    @pytest.fixture
    def reset(self, ann, begin_reset, finish_reset):
        """Have the password reset with a code to the phone and nothing else."""

        def reset():
            assert finish_reset(**begin_reset()).status_code == 200
            ann.refresh_from_db()

        return reset

    @pytest.mark.requirement("SES-06")
    @pytest.mark.parametrize(("idle", "status"), [(290, 201), (301, 403)])
    def test_a_session_idle_for_five_minutes_is_over_here(self, payer, idle, status):
        api = sign_in(APIClient(), payer, device=payer.phonedevice_set.get(), ago=idle)

        answer = api.post("/api/approvals", PAYMENT, format="json")

        assert answer.status_code == status
        assert UserSession.objects.filter(user=payer).exists() is (status == 201)

    @pytest.mark.requirement("SES-06")
    def test_polling_keeps_no_session_alive(self, api):
        with time_machine.travel(timezone.now(), tick=False) as clock:
            approval_id = open_payment(api)
            clock.shift(timedelta(seconds=200))
            assert api.get(f"/api/approvals/{approval_id}").status_code == 200
            clock.shift(timedelta(seconds=101))

            assert api.get(f"/api/approvals/{approval_id}").status_code == 403


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
