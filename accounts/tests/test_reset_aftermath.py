"""Resetting a password: what a proof is good for, what ends with it, and what a new number alone cannot do."""

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.models import KnownBrowser, PhoneDevice, User
from accounts.tests.people import (
    NUMBER,
    PASSWORD,
    make_person,
    show_totp_code,
    sign_in,
    turn_on,
    with_backup_codes,
    with_phone,
    with_totp,
)
from accounts.tests.steps import LOGIN, LOGIN_CODE, ask_for_proof, call, give_code, give_password, is_signed_in, read
from otp.models import Verification
from otp.sandbox.models import Message

pytestmark = pytest.mark.django_db
START, CODE, PROOF, DONE = (f"/accounts/password-reset/{page}" for page in ("", "code/", "proof/", "done/"))
NEW = "another-good-one"


def has_password(user, password):
    return User.objects.get(pk=user.pk).check_password(password)


class TestNewNumber:
    @pytest.mark.requirement("REC-08")
    @pytest.mark.parametrize(("hours", "is_enough"), [(0, False), (23.9, False), (24.1, True)])
    def test_alone_is_not_enough_for_a_day(self, hours, is_enough, ann, begin_reset, finish_reset):
        User.objects.update(phone_changed_at=timezone.now())

        with time_machine.travel(timezone.now() + timezone.timedelta(hours=hours)):
            answer = finish_reset(**begin_reset())

        assert answer.status_code == (200 if is_enough else 403)
        assert has_password(ann, NEW if is_enough else PASSWORD)

    @pytest.mark.requirement("REC-06")
    @pytest.mark.parametrize("state", ["unproven", "the old one", "somebody else's"])
    def test_only_the_proven_number_of_the_account_gets_a_code(self, state, ann, django_capture_on_commit_callbacks):
        phone = ann.phone
        if state == "unproven":
            User.objects.update(phone_verified_at=None)
        elif state == "the old one":
            User.objects.update(phone="+12025550188")
        else:
            phone = make_person("bob@example.com", "+12025550177").phone

        with django_capture_on_commit_callbacks(execute=True):
            assert call(Client(), "forgot-password-otp", email=ann.email, phone=phone).status_code == 202

        assert not Message.objects.exists()


class TestAfterwards:
    @pytest.mark.requirement("REC-02", "REC-03", "SES-09", "OTP-11")
    def test_nobody_is_signed_in_and_everything_that_was_open_is_closed(
        self, ann, begin_reset, finish_reset, read_code
    ):
        with_totp(ann)
        jars = [sign_in(Client(), ann) for _ in range(2)]
        trusting = Client()
        give_password(trusting)
        give_code(trusting, show_totp_code(ann, step=-1), "totp", trust_browser="on")
        pending = Client()
        give_password(pending)
        ask_for_proof(jars[0], "password")
        call(Client(), "send-otp", to=ann.phone)
        body = begin_reset()

        answer = finish_reset(**body)

        assert answer.status_code == 200
        assert not answer.cookies
        assert not any(is_signed_in(jar) for jar in (*jars, trusting, pending))
        assert give_code(pending, show_totp_code(ann), "totp")["Location"] == LOGIN
        assert not KnownBrowser.objects.filter(user=ann).exists()
        assert not Verification.objects.filter(status__in=["pending", "approved"]).exists()
        # The browser that was trusted is asked for the code again.
        assert trusting.post(LOGIN, {"email": ann.email, "password": NEW})["Location"] == LOGIN_CODE
        assert "Your SmartFin password was changed" in [message.subject for message in mail.outbox]

    @pytest.mark.requirement("REC-04")
    def test_a_grant_resets_one_account_once(self, ann, begin_reset, finish_reset):
        with_phone(ann)
        bob = make_person("bob@example.com", "+12025550177")
        body = begin_reset()
        token = finish_reset(**body).json()["verification_token"]
        grant = {"verification_token": token, "new_password": NEW}

        answer = finish_reset(email=bob.email, phone=bob.phone, **grant)
        assert (answer.status_code, answer.json()["code"]) == (400, "code_expired")
        answer = finish_reset(email=bob.email, phone=ann.phone, **grant)
        assert (answer.status_code, answer.json()["code"]) == (400, "code_expired")
        for path, more in (
            ("register-with-otp", {"email": "new@example.com", "password": NEW, "phone": ann.phone}),
            ("login/verify", {"code": token[:6]}),
        ):
            assert call(Client(), path, **more, verification_token=token).status_code in {400, 403}
        PhoneDevice.objects.all().delete()

        assert finish_reset(email=ann.email, phone=ann.phone, **grant).status_code == 200
        assert (
            finish_reset(email=ann.email, phone=ann.phone, **{**grant, "new_password": "yet-another-one"}).status_code
            == 400
        )
        assert has_password(ann, NEW)
        assert has_password(bob, PASSWORD)

    @pytest.mark.requirement("REC-04")
    def test_a_grant_is_over_after_ten_minutes(self, ann, begin_reset, finish_reset):
        with_phone(ann)
        token = finish_reset(**begin_reset()).json()["verification_token"]
        PhoneDevice.objects.all().delete()
        body = {"email": ann.email, "phone": ann.phone, "verification_token": token, "new_password": NEW}

        with time_machine.travel(timezone.now() + timezone.timedelta(seconds=610)):
            assert finish_reset(**body).status_code == 400
        assert has_password(ann, PASSWORD)

    @pytest.mark.requirement("BKP-05")
    def test_one_backup_code_serves_one_leg(self, ann, begin_reset, finish_reset):
        with_phone(ann)
        codes = with_backup_codes(ann)
        finish_reset(**begin_reset(), backup_code=codes[0])
        assert has_password(ann, NEW)

        # Neither the same code nor another signs in for a day: the phone does.
        client = Client()
        client.post(LOGIN, {"email": ann.email, "password": NEW})
        for code in codes[:2]:
            answer = call(client, "login/verify", code=code, method="backup_code")
            assert (answer.status_code, answer.json()["code"]) == (400, "channel_unavailable")
        assert "Use a backup code" not in read(client.get(LOGIN_CODE))

        with time_machine.travel(timezone.now() + timezone.timedelta(hours=25)):
            client.post(LOGIN, {"email": ann.email, "password": NEW})
            assert call(client, "login/verify", code=codes[0], method="backup_code").status_code == 400
            assert call(client, "login/verify", code=codes[1], method="backup_code").status_code == 200

    @pytest.mark.requirement("REC-05", "THR-12")
    def test_starting_one_ends_nothing(self, client, ann, begin_reset, read_code):
        with_phone(ann)
        sign_in(client, ann)
        pending = Client()
        give_password(pending)
        code = read_code()

        for n in range(3):
            with time_machine.travel(timezone.now() + timezone.timedelta(minutes=n)):
                begin_reset()

        assert is_signed_in(client)
        assert has_password(ann, PASSWORD)
        with time_machine.travel(timezone.now() + timezone.timedelta(minutes=3)):
            assert give_code(pending, code)["Location"] == "/"


class TestPages:
    @pytest.mark.requirement("REC-01", "REC-02")
    def test_ask_for_it_in_a_step_of_its_own(self, client, submit, ann, read_code):
        with_phone(ann)
        submit(START, email=ann.email, phone=NUMBER)
        answer = submit(CODE, code=read_code(), new_password=NEW)
        assert answer.request["PATH_INFO"] == PROOF
        assert has_password(ann, PASSWORD)
        assert NEW not in str(dict(client.session))

        answer = submit(PROOF, code=read_code(ann.email), method="email")

        assert answer.request["PATH_INFO"] == DONE
        assert has_password(ann, NEW)
        assert not is_signed_in(client)
        assert not [key for key in dict(client.session) if "reset" in key]

    @pytest.mark.requirement("REC-04")
    def test_another_browser_cannot_go_on_with_it(self, client, submit, ann, read_code):
        with_phone(ann)
        submit(START, email=ann.email, phone=NUMBER)
        submit(CODE, code=read_code(), new_password=NEW)

        answer = Client().post(PROOF, {"code": read_code(ann.email), "method": "email"})

        assert answer["Location"] == START
        assert has_password(ann, PASSWORD)

    @pytest.mark.requirement("REC-08")
    def test_a_number_changed_in_the_middle_ends_it(self, client, submit, ann, read_code):
        with_phone(ann)
        submit(START, email=ann.email, phone=NUMBER)
        submit(CODE, code=read_code(), new_password=NEW)
        turn_on(ann, phone="+12025550188")

        page = read(submit(PROOF, code=read_code(ann.email), method="email"))

        assert "no longer valid" in page
        assert has_password(ann, PASSWORD)
