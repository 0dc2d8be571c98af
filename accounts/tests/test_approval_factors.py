"""By what a person may confirm a payment, and by what they may not."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import FactorBudget, KnownBrowser, SecurityEvent, TotpDevice, UserSession
from accounts.tests.payments import PAYMENT, confirm, get_status, open_payment, wrong
from accounts.tests.people import (
    make_person,
    show_totp_code,
    sign_in,
    with_phone,
    with_totp,
)
from otp.models import TransactionApproval, VerificationAttempt
from otp.sandbox.models import Message

pytestmark = pytest.mark.django_db


@pytest.fixture
def api(payer):
    return sign_in(APIClient(raise_request_exception=False), payer, device=payer.phonedevice_set.get())


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
