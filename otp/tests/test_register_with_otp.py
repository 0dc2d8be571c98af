"""`POST /api/register-with-otp` and the flow behind it."""

import pytest
from django.contrib.auth import get_user_model

from otp.models import Verification, VerificationAttempt
from otp.models.lifecycle import Status

pytestmark = pytest.mark.django_db
NUMBER = "+12025550123"
ANN = {"email": "ann@example.com", "password": "securepass123", "phone": NUMBER}


@pytest.fixture
def user_model():
    return get_user_model()


@pytest.fixture
def sent(post, twilio):
    return post("send-otp", to=NUMBER).json()


class TestRegister:
    def test_answers_as_documented(self, post, sent, user_model):
        answer = post("register-with-otp", **ANN, otp_code="123456")

        user = user_model.objects.get()
        assert answer.status_code == 201
        assert answer.json() == {
            "user": {
                "id": user.pk,
                "email": "ann@example.com",
                "phone": NUMBER,
                "phone_verified": True,
                "two_factor_enabled": False,
            }
        }
        assert user.check_password("securepass123")
        assert user.phone_verified_at is not None
        assert Verification.objects.get().status == Status.REDEEMED

    def test_with_a_token(self, post, sent, user_model):
        token = post("verify-otp", to=NUMBER, code="123456").json()["verification_token"]

        assert post("register-with-otp", **ANN, verification_token=token).status_code == 201
        again = post("register-with-otp", **{**ANN, "email": "bob@example.com"}, verification_token=token)
        assert again.json()["code"] == "code_expired"
        assert user_model.objects.count() == 1

    def test_everything_is_folded(self, post, sent, user_model):
        body = {"email": " Ann@EXAMPLE.com ", "password": "securepass123", "phone": "+1 (202) 555-0123"}

        assert post("register-with-otp", **body, otp_code="123 456").status_code == 201
        assert user_model.objects.get().email == "ann@example.com"

    @pytest.mark.requirement("REC-14")
    @pytest.mark.parametrize(
        ("password", "is_good"),
        [
            ("securepass123", True),
            ("tq8vbn4k", True),
            ("correct horse battery staple", True),
            ("пароль из нескольких слов", True),
            ("🐴🔋📎🐴🔋📎🐴🔋", True),
            ("x9" * 32, True),
            ("x9" * 200, True),
            ("  leading and trailing  ", True),
            ("short1x", False),
            ("password", False),
            ("12345678", False),
            ("83746592017", False),
            ("iloveyou1", False),
            ("smartfin2026", False),
            ("ann@example.com", False),
            ("+12025550123", False),
        ],
    )
    def test_passwords_are_judged_before_the_code_is_used(self, password, is_good, post, sent, twilio, user_model):
        answer = post("register-with-otp", **{**ANN, "password": password}, otp_code="123456")

        if is_good:
            assert answer.status_code == 201
            assert user_model.objects.get().check_password(password)
        else:
            assert (answer.status_code, answer.json()["code"]) == (400, "weak_password")
            assert answer.json()["fields"]["password"]
            assert twilio.checks == []

    @pytest.mark.requirement("REC-14")
    def test_no_password_is_cut(self, post, sent, user_model):
        base = "an uncommonly long sentence that goes on and on until it is past seventy-two bytes " * 2
        post("register-with-otp", **{**ANN, "password": base + "A"}, otp_code="123456")

        assert not user_model.objects.get().check_password(base + "B")

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"email": "nobody"}, "email"),
            ({"email": None}, "email"),
            ({"password": ""}, "password"),
            ({"password": 12345678}, "password"),
            ({"phone": []}, "phone"),
            ({"otp_code": "12"}, "otp_code"),
            ({"otp_code": None}, "otp_code"),
            ({"verification_token": "x"}, "otp_code"),
        ],
    )
    def test_shapes_are_judged_before_the_code_is_used(self, changes, field, post, sent, twilio):
        answer = post("register-with-otp", **{**ANN, "otp_code": "123456", **changes})

        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
        assert field in answer.json()["fields"]
        assert twilio.checks == []

    def test_needs_a_proof(self, post, sent):
        assert post("register-with-otp", **ANN).json()["fields"].keys() == {"otp_code"}

    def test_a_wrong_code_makes_no_account(self, post, sent, user_model):
        answer = post("register-with-otp", **ANN, otp_code="000000")

        assert (answer.status_code, answer.json()["code"], answer.json()["attempts_left"]) == (400, "incorrect_code", 4)
        assert user_model.objects.count() == 0

    @pytest.mark.parametrize(
        ("changes", "code"), [({"email": "ANN@example.com"}, "email_taken"), ({"phone": NUMBER}, "phone_taken")]
    )
    def test_what_is_taken_is_said_after_the_proof_and_costs_no_second_message(
        self, changes, code, post, twilio, user_model
    ):
        phone = NUMBER if code == "phone_taken" else "+12025550124"
        other = user_model.objects.create_user("ann@example.com", phone=NUMBER, phone_verified_at="2026-01-01T00:00Z")
        body = {"email": "bob@example.com", "password": "securepass123", "phone": phone, **changes}
        post("send-otp", to=phone)
        assert post("register-with-otp", **body, otp_code="000000").json()["code"] == "incorrect_code"

        answer = post("register-with-otp", **body, otp_code="123456")

        assert (answer.status_code, answer.json()["code"]) == (409, code)
        token = answer.json()["verification_token"]
        other.delete()
        assert post("register-with-otp", **body, verification_token=token).status_code == 201
        assert len(twilio.sends) == 1

    @pytest.mark.requirement("ENU-01")
    def test_one_proof_does_not_tell_of_many_addresses(self, post, sent, user_model):
        emails = [f"customer{n}@example.com" for n in range(6)]
        for email in emails:
            user_model.objects.create_user(email)
        body = {**ANN, "verification_token": post("verify-otp", to=NUMBER, code="123456").json()["verification_token"]}

        answers = [post("register-with-otp", **{**body, "email": email}).json() for email in emails]

        assert [answer["code"] for answer in answers] == ["email_taken"] * 4 + ["code_expired"] * 2
        assert ["verification_token" in answer for answer in answers] == [True] * 3 + [False] * 3

    @pytest.mark.requirement("ENU-01")
    def test_before_the_proof_a_customer_looks_like_anybody(self, post, sent, user_model):
        user_model.objects.create_user("ann@example.com", phone=NUMBER, phone_verified_at="2026-01-01T00:00Z")
        bodies = [ANN, {**ANN, "email": "stranger@example.com"}, {**ANN, "phone": "+12025550188"}]
        post("send-otp", to="+12025550188")

        answers = [post("register-with-otp", **body, otp_code="000000") for body in bodies]

        assert [answer.status_code for answer in answers] == [400, 400, 400]
        assert {answer.json()["error"] for answer in answers} == {answers[0].json()["error"]}

    @pytest.mark.requirement("REC-11")
    def test_the_number_that_was_proven_is_the_number_that_stays(self, post, sent, user_model):
        token = post("verify-otp", to=NUMBER, code="123456").json()["verification_token"]

        answer = post("register-with-otp", **{**ANN, "phone": "+12025550199"}, verification_token=token)

        assert answer.json()["code"] == "code_expired"
        assert user_model.objects.count() == 0

    @pytest.mark.requirement("REC-09", "REC-10")
    def test_whoever_proves_the_number_gets_it(self, post, twilio, user_model):
        # Somebody else starts with the owner's number and address, and stops; nothing of it is left.
        post("send-otp", to=NUMBER, purpose="registration")
        post("register-with-otp", **{**ANN, "password": "attackers-choice-9"}, otp_code="000000")
        post("register-with-otp", **{**ANN, "password": "attackers-choice-9"}, verification_token="made-up")
        assert user_model.objects.count() == 0

        assert post("register-with-otp", **ANN, otp_code="123456").status_code == 201
        user = user_model.objects.get()
        assert user.check_password("securepass123")
        assert not user.check_password("attackers-choice-9")

    @pytest.mark.requirement("REC-09")
    def test_an_unproven_number_on_another_account_reserves_nothing(self, post, sent, user_model):
        user_model.objects.create_user("squatter@example.com", phone=NUMBER)

        assert post("register-with-otp", **ANN, otp_code="123456").status_code == 201

    @pytest.mark.requirement("OTP-03")
    def test_a_code_for_a_reset_does_not_register(self, post, twilio):
        post("send-otp", to=NUMBER, purpose="password_reset")

        answer = post("register-with-otp", **ANN, otp_code="123456")

        assert answer.json()["code"] == "code_expired"
        assert twilio.checks == []

    def test_protected_fields_are_not_taken(self, post, sent, user_model):
        extra = {"is_staff": True, "is_superuser": True, "two_factor_enabled": True, "id": 77, "groups": [1]}
        post("register-with-otp", **ANN, otp_code="123456", **extra)

        user = user_model.objects.get()
        assert (user.is_staff, user.is_superuser, user.two_factor_enabled) == (False, False, False)
        assert user.pk != 77

    @pytest.mark.requirement("API-03")
    def test_answers_hold_no_more_than_documented(self, post, sent):
        text = post("register-with-otp", **ANN, otp_code="123456").content.decode()

        assert "password" not in text
        assert Verification.objects.get().verification_sid not in text

    def test_every_step_left_its_row(self, post, sent):
        post("register-with-otp", **ANN, otp_code="000000")
        post("register-with-otp", **ANN, otp_code="123456")

        rows = VerificationAttempt.objects.order_by("pk").values_list("kind", "outcome")
        assert list(rows) == [("send", "ok"), ("check", "incorrect_code"), ("check", "ok")]
