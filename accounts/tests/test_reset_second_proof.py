"""Resetting a password where the phone is not enough: what else must be proven, on pages and over the API."""

import pytest
from django.test import Client

from accounts.models import BackupCode, FactorBudget, User
from accounts.tests.people import PASSWORD, make_person, show_totp_code, with_backup_codes, with_phone, with_totp
from accounts.tests.steps import LOGIN, LOGIN_CODE, call, give_password, wrong
from otp.sandbox.models import Message

pytestmark = pytest.mark.django_db
START, CODE, PROOF, DONE = (f"/accounts/password-reset/{page}" for page in ("", "code/", "proof/", "done/"))
NEW = "another-good-one"


def has_password(user, password):
    return User.objects.get(pk=user.pk).check_password(password)


class TestWhoNeedsIt:
    @pytest.mark.requirement("REC-01", "REC-06")
    def test_the_phone_alone_resets_nothing_where_it_is_the_second_factor(self, ann, begin_reset, finish_reset):
        with_phone(ann)
        body = begin_reset()

        for _ in range(2):
            answer = finish_reset(**body)
            assert (answer.status_code, answer.json()["code"]) == (403, "second_proof_required")
            assert answer.json()["methods"] == ["email"]

        assert has_password(ann, PASSWORD)
        assert Message.objects.filter(to=ann.email).exclude(code="").count() == 1

    @pytest.mark.requirement("REC-01")
    @pytest.mark.parametrize("method", ["email", "totp", "backup_code"])
    def test_with_something_else_it_does(self, method, ann, begin_reset, finish_reset, read_code):
        with_phone(with_totp(ann))
        codes = with_backup_codes(ann)
        body = begin_reset()
        answer = finish_reset(**body)
        assert answer.json()["methods"] == ["email", "totp", "backup_code"]
        code = {
            "email": lambda: read_code(ann.email),
            "totp": lambda: show_totp_code(ann),
            "backup_code": lambda: codes[0],
        }

        answer = finish_reset(**body, **{f"{method}_code".replace("code_code", "code"): code[method]()})

        assert (answer.status_code, answer.json()) == (200, {"status": "password_changed"})
        assert has_password(ann, NEW)
        assert ann.security_events.get(kind="password_reset").detail == method

    @pytest.mark.requirement("REC-01")
    @pytest.mark.parametrize("proof", ["email_code", "totp_code", "backup_code"])
    def test_a_wrong_one_is_none(self, proof, ann, begin_reset, finish_reset):
        with_phone(with_totp(ann))
        with_backup_codes(ann)
        body = begin_reset()
        finish_reset(**body)

        answer = finish_reset(**body, **{proof: "AAAA-AAAA-AAAAA" if proof == "backup_code" else "000000"})

        assert (answer.status_code, answer.json()["code"]) == (400, "incorrect_code")
        assert has_password(ann, PASSWORD)

    @pytest.mark.requirement("REC-01")
    def test_the_phone_twice_is_one_channel(self, ann, begin_reset, finish_reset, read_code):
        """The code of the phone again, in every place a second proof could stand."""
        with_phone(ann)
        body = begin_reset()
        finish_reset(**body)

        for name in ("email_code", "totp_code", "backup_code"):
            assert finish_reset(**body, **{name: body["otp_code"]}).status_code in {400, 403}
        assert has_password(ann, PASSWORD)

    @pytest.mark.requirement("REC-01", "API-04")
    def test_somebody_else_s_proof_is_none(self, ann, begin_reset, finish_reset, read_code):
        bob = with_totp(make_person("bob@example.com", "+12025550177"))
        bobs_codes = with_backup_codes(bob)
        with_phone(with_totp(ann))
        with_backup_codes(ann)
        call(Client(), "send-otp", to=bob.email, purpose="password_reset")
        body = begin_reset()

        for proof in (
            {"email_code": read_code(bob.email)},
            {"totp_code": show_totp_code(bob)},
            {"backup_code": bobs_codes[0]},
        ):
            assert finish_reset(**body, **proof).status_code == 400
        assert has_password(ann, PASSWORD)
        assert BackupCode.objects.filter(used_at=None).count() == 20

    @pytest.mark.requirement("REC-01", "REC-02")
    def test_who_has_an_app_alone_resets_by_phone_and_signs_in_with_the_app(self, ann, begin_reset, finish_reset):
        with_totp(ann)

        assert finish_reset(**begin_reset()).status_code == 200

        client = Client()
        assert client.post(LOGIN, {"email": ann.email, "password": NEW})["Location"] == LOGIN_CODE
        ann.refresh_from_db()
        assert ann.two_factor_enabled

    @pytest.mark.requirement("REC-01")
    def test_without_mail_and_other_factors_support_is_all_there_is(self, ann, begin_reset, finish_reset, settings):
        settings.OTP_CHANNELS = ["sms"]
        with_phone(ann)

        answer = finish_reset(**begin_reset())

        assert (answer.status_code, answer.json()["methods"]) == (403, [])
        assert "Ask support" in answer.json()["error"]
        assert has_password(ann, PASSWORD)


class TestLimits:
    @pytest.mark.requirement("THR-09", "BKP-04")
    def test_wrong_second_proofs_share_the_budget_of_signing_in(self, ann, begin_reset, finish_reset):
        with_phone(with_totp(ann))
        with_backup_codes(ann)
        body = begin_reset()
        for _ in range(2):
            finish_reset(**body, totp_code="000000")
            finish_reset(**body, backup_code="AAAA-AAAA-AAAAA")
        assert FactorBudget.find(ann).failures == 4

        answer = finish_reset(**body, totp_code="000000")

        assert (answer.status_code, answer.json()["code"]) == (429, "too_many_attempts")
        assert give_password(Client()).status_code == 429
        assert finish_reset(**body, totp_code=show_totp_code(ann)).status_code == 429
        assert has_password(ann, PASSWORD)

    @pytest.mark.requirement("OTP-08")
    def test_five_wrong_codes_by_mail_are_all_there_are(self, ann, begin_reset, finish_reset, read_code):
        with_phone(ann)
        body = begin_reset()
        finish_reset(**body)
        for _ in range(5):
            finish_reset(**body, email_code=wrong(read_code(ann.email)))

        assert finish_reset(**body, email_code=read_code(ann.email)).status_code in {400, 429}
        assert has_password(ann, PASSWORD)
