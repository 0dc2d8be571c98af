"""Between password and code: what the pending sign-in opens, how long it lasts, and whose it is."""

import pytest
import time_machine
from django.test import Client
from django.urls import get_resolver
from django.utils import timezone

from accounts.models import UserSession
from accounts.tests.people import PASSWORD, make_person, show_totp_code, with_phone, with_totp
from accounts.tests.steps import (
    LOGIN,
    LOGIN_CODE,
    LOGIN_RESEND,
    call,
    give_code,
    give_password,
    give_proof,
    is_signed_in,
    read,
)
from accounts.tests.test_one_door import OPEN, find_addresses
from otp.sandbox.models import Message

pytestmark = pytest.mark.django_db


class TestOpensNothing:
    @pytest.mark.requirement("SES-02", "API-01")
    @pytest.mark.parametrize("method", ["get", "post", "patch"])
    def test_but_the_second_step(self, method, ann):
        with_totp(ann, is_staff=True, is_superuser=True)
        client = Client(raise_request_exception=False)
        give_password(client)
        addresses = set(find_addresses(get_resolver().url_patterns)) - {"/api/logout", "/accounts/logout/"}

        answers = {}
        for address in addresses:
            if "pending_login" not in client.session:
                give_password(client)
            answers[address] = getattr(client, method)(address, {}, content_type="application/json").status_code

        assert max(answers.values()) < 500
        opened = {address for address, status in answers.items() if 200 <= status < 300}
        if method == "get":
            assert opened == {*OPEN, LOGIN_CODE}
        else:
            closed = (
                "/admin",
                "/accounts/security",
                "/accounts/phone-change",
                "/accounts/confirm",
                "/api/me",
                "/api/step",
            )
            assert not [address for address in opened if address.startswith(closed)]
        assert not is_signed_in(client)

    @pytest.mark.requirement("SES-02")
    def test_nobody_is_in_it_for_a_view(self, client, ann):
        with_totp(ann)
        give_password(client)

        assert client.get("/").wsgi_request.user.is_anonymous
        assert UserSession.objects.get().user is None
        assert call(client, "step-up/verify", code=show_totp_code(ann), method="totp").status_code == 403

    @pytest.mark.requirement("SES-02")
    @pytest.mark.parametrize(("seconds", "is_good"), [(595, True), (605, False)])
    def test_lasts_ten_minutes(self, seconds, is_good, client, ann):
        with_totp(ann)
        give_password(client)

        with time_machine.travel(timezone.now() + timezone.timedelta(seconds=seconds)):
            answer = give_code(client, show_totp_code(ann), "totp")
            assert answer["Location"] == ("/" if is_good else LOGIN)
            assert is_signed_in(client) is is_good
            if not is_good:
                page = read(client.get(LOGIN))
                assert "That sign-in is over. Enter your email and password again." in page

    @pytest.mark.requirement("SES-02")
    def test_another_code_does_not_prolong_it(self, client, ann, read_code):
        with_phone(ann)
        give_password(client)
        with time_machine.travel(timezone.now() + timezone.timedelta(seconds=590)):
            client.post(LOGIN_RESEND, {"channel": "sms"})
            code = read_code()

        with time_machine.travel(timezone.now() + timezone.timedelta(seconds=605)):
            assert give_code(client, code)["Location"] == LOGIN


class TestEndsWithTheAccount:
    @pytest.mark.requirement("OTP-11", "SES-05")
    @pytest.mark.parametrize("end", ["switched off", "deleted", "password"])
    def test_a_clear_answer_and_nobody_in(self, end, ann, read_code):
        with_phone(ann)
        client, api = Client(), Client()
        give_password(client)
        code = read_code()
        call(api, "login", email=ann.email, password=PASSWORD)
        if end == "deleted":
            ann.delete()
        else:
            ann.is_active = end != "switched off"
            if end == "password":
                ann.set_password("another-good-one")
            ann.save()

        for answer in (give_code(client, code), client.get(LOGIN_CODE), client.post(LOGIN_RESEND, {"channel": "sms"})):
            assert (answer.status_code, answer["Location"]) == (302, LOGIN)
        for path, body in (("login/verify", {"code": code}), ("login/send", {})):
            answer = call(api, path, **body)
            assert (answer.status_code, answer.json()["code"]) == (403, "not_authenticated")
        if end == "switched off":
            # Switched on again, the code of before is no use.
            ann.is_active = True
            ann.save()
            assert give_code(client, code)["Location"] == LOGIN
        assert not is_signed_in(client)
        assert not is_signed_in(api)

    @pytest.mark.requirement("OTP-11")
    def test_signing_out_ends_it(self, client, ann, read_code):
        with_phone(ann)
        give_password(client)
        code = read_code()

        client.post("/accounts/logout/")

        assert give_code(client, code)["Location"] == LOGIN
        give_password(client)
        assert read_code() != code or Message.objects.filter(to=ann.phone).count() == 2


class TestTwoPeople:
    @pytest.fixture
    def bob(self, db):
        return with_phone(make_person("bob@example.com", "+12025550177"))

    @pytest.mark.requirement("MFA-08", "OTP-04")
    @pytest.mark.parametrize("has_flow", [True, False])
    def test_in_two_tabs_are_never_taken_for_each_other(self, has_flow, client, ann, bob, read_code):
        with_phone(ann)
        give_password(client, ann.email)
        page_of_ann = client.get(LOGIN_CODE).context["code_form"].initial["flow"]
        code = read_code(ann.phone)
        give_password(client, bob.email)

        answer = give_code(client, code, flow=page_of_ann if has_flow else "")

        assert not is_signed_in(client)
        if has_flow:
            assert answer["Location"] == LOGIN
            assert "Another sign-in was begun in this browser." in read(client.get(LOGIN))
            # That was nobody's wrong code.
            assert not bob.security_events.filter(kind="factor_failed").exists()
        # The newer one goes on.
        assert give_code(client, read_code(bob.phone))["Location"] == "/"
        assert client.get("/api/me").json()["email"] == bob.email

    @pytest.mark.requirement("MFA-08")
    def test_nor_over_the_api(self, client, ann, bob, read_code):
        with_phone(ann)
        call(client, "login", email=ann.email, password=PASSWORD)
        code = read_code(ann.phone)
        call(client, "login", email=bob.email, password=PASSWORD)

        assert call(client, "login/verify", code=code).status_code == 400
        assert not is_signed_in(client)

    @pytest.mark.requirement("OTP-04")
    def test_a_code_belongs_to_the_session_that_asked_for_it(self, client, ann, read_code):
        with_phone(ann)
        give_password(client)
        code = read_code()
        thief = Client()
        # The thief has the password and the code, and not the browser: sending them one of their own voids this one.
        thief.post(LOGIN, {"email": ann.email, "password": "wrong"})

        assert give_code(thief, code)["Location"] == LOGIN
        assert call(thief, "login/verify", code=code).status_code == 403
        assert give_code(client, code)["Location"] == "/"

    @pytest.mark.requirement("OTP-04")
    def test_of_two_browsers_of_one_person_each_has_its_own_code(self, client, ann, read_code):
        with_phone(ann)
        give_password(client)
        first = read_code()
        other = Client()
        with time_machine.travel(timezone.now() + timezone.timedelta(seconds=31)):
            give_password(other)
            second = read_code()
            assert first != second
            assert give_code(other, first).status_code == 200
            assert not is_signed_in(other)
            assert give_code(other, second)["Location"] == "/"

    def test_the_same_person_again_keeps_the_code(self, client, ann):
        with_phone(ann)
        give_password(client)

        give_password(client)

        assert Message.objects.filter(to=ann.phone).exclude(code="").count() == 1

    @pytest.mark.requirement("SES-03")
    def test_a_proof_of_one_is_none_for_the_next(self, client, ann, bob):
        """A pending sign-in never stands on what another person's session held."""
        with_totp(ann)
        give_password(client, ann.email)
        give_code(client, show_totp_code(ann), "totp")
        give_proof(client, "two_factor", show_totp_code(ann, step=1), "totp")
        assert client.session["fresh_proofs"]

        give_password(client, bob.email)

        assert set(client.session.keys()) == {"pending_login"}
        assert not is_signed_in(client)
