"""The second step of signing in, over pages: each factor, what it leaves behind, and what cannot be chosen."""

import pytest
import time_machine
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import KnownBrowser, SecurityEvent, UserSession
from accounts.tests.passkey_steps import copy_browser
from accounts.tests.people import PASSWORD, make_person, show_totp_code, with_backup_codes, with_phone, with_totp
from accounts.tests.steps import LOGIN_CODE, call, give_code, give_password, is_signed_in, read, wrong
from otp.models import Verification, VerificationAttempt
from otp.tests.parallel import run_copies

pytestmark = pytest.mark.django_db


class TestEachFactor:
    @pytest.mark.requirement("MFA-01")
    @pytest.mark.parametrize("method", ["otp", "totp", "backup_code"])
    def test_signs_in_and_says_what_proved_the_person(self, method, client, ann, read_code):
        with_phone(with_totp(ann), preferred_channel="sms")
        codes = with_backup_codes(ann)
        answer = give_password(client, next="/accounts/security/")
        assert (answer.status_code, answer["Location"]) == (302, LOGIN_CODE)
        assert not is_signed_in(client)

        code = {"otp": read_code, "totp": lambda: show_totp_code(ann), "backup_code": lambda: codes[0].lower()}[
            method
        ]()
        answer = give_code(client, code, method)

        assert (answer.status_code, answer["Location"]) == (302, "/accounts/security/")
        page = client.get("/accounts/security/")
        assert page.status_code == 200
        assert page.wsgi_request.user.is_verified()
        signed_in = client.session["signed_in"]
        assert [entry["method"] for entry in signed_in["methods"]] == ["password", method]
        assert all(abs(entry["at"] - timezone.now().timestamp()) < 60 for entry in signed_in["methods"])
        assert SecurityEvent.objects.filter(user=ann, kind="signed_in").get().detail == f"password, {method}"

    @pytest.mark.requirement("SES-01", "SES-03")
    def test_the_session_is_a_new_one_and_the_pending_one_is_dead(self, client, ann):
        with_totp(ann)
        session = client.session
        session["planted"] = "before the password"
        session.save()
        give_password(client)
        assert "planted" not in client.session
        pending_key = client.session.session_key

        give_code(client, show_totp_code(ann), "totp")

        assert client.session.session_key != pending_key
        assert "pending_login" not in client.session
        assert not UserSession.objects.filter(session_key=pending_key).exists()
        thief = Client()
        thief.cookies["sessionid"] = pending_key
        assert not is_signed_in(thief)

    @pytest.mark.requirement("OTP-01")
    def test_a_code_that_signed_in_signs_in_no_more(self, client, ann, read_code):
        with_phone(ann)
        give_password(client)
        code = read_code()
        give_code(client, code)
        client.post("/accounts/logout/")

        with time_machine.travel(timezone.now() + timezone.timedelta(seconds=40)):
            give_password(client)
            new_code = read_code()
            if code != new_code:
                assert give_code(client, code).status_code == 200
            assert not is_signed_in(client)

    def test_pasted_digits_are_folded(self, client, ann, read_code):
        with_phone(ann)
        give_password(client)
        code = read_code()

        assert give_code(client, f" {code[:3]}-{code[3:]} ").status_code == 302

    def test_a_code_of_no_digits_costs_no_try(self, client, ann, read_code):
        with_phone(ann)
        give_password(client)

        page = read(give_code(client, "12345x"))

        assert "A code is made of digits only." in page
        assert not hasattr(ann, "factor_budget")
        assert give_code(client, read_code()).status_code == 302


@pytest.mark.requirement("OTP-02", "OTP-16")
@pytest.mark.django_db(transaction=True)
def test_of_sixteen_uses_of_one_code_at_once_one_signs_in(ann, twilio):
    with_phone(ann)
    browser = Client()
    call(browser, "login", email=ann.email, password=PASSWORD)

    # Twilio says yes to each: what decides is our row.
    statuses = run_copies(
        16, lambda _: call(copy_browser(browser, Client), "login/verify", code=twilio.code).status_code
    )

    assert statuses.count(200) == 1
    assert SecurityEvent.objects.filter(user=ann, kind="signed_in").count() == 1
    used = Verification.objects.get()
    assert used.status == "redeemed"
    assert used.redeemed_at == used.approved_at


class TestNotices:
    @pytest.mark.requirement("MFA-07")
    def test_a_stranger_with_the_right_password_and_a_wrong_code_is_told_of(
        self, client, ann, read_code, django_capture_on_commit_callbacks
    ):
        with_phone(ann)
        give_password(client)

        with django_capture_on_commit_callbacks(execute=True):
            give_code(client, wrong(read_code()))

        assert [(message.to, message.subject) for message in mail.outbox] == [
            ([ann.email], "Somebody knows your SmartFin password")
        ]

    @pytest.mark.requirement("MFA-07")
    def test_a_typing_mistake_at_home_is_not(self, client, ann, read_code, django_capture_on_commit_callbacks):
        with_phone(ann)
        client.cookies["browser"] = "x" * 22
        KnownBrowser.objects.create(user=ann, key="-")
        give_password(client)
        code = read_code()
        with django_capture_on_commit_callbacks(execute=True):
            give_code(client, code)
        client.post("/accounts/logout/")
        mail.outbox.clear()

        with time_machine.travel(timezone.now() + timezone.timedelta(seconds=40)):
            give_password(client)
            with django_capture_on_commit_callbacks(execute=True):
                give_code(client, wrong(read_code()))

        assert mail.outbox == []

    @pytest.mark.requirement("MFA-07")
    def test_a_new_browser_is_told_of_after_the_first(self, ann, django_capture_on_commit_callbacks):
        with_totp(ann)
        for step in (-1, 0, 1):
            with django_capture_on_commit_callbacks(execute=True):
                client = Client()
                give_password(client)
                give_code(client, show_totp_code(ann, step=step), "totp")

        assert [message.subject for message in mail.outbox] == ["New sign-in to your SmartFin account"] * 2


def test_a_code_leaves_one_attempt_for_each_send_and_check(client, ann, read_code):
    with_phone(ann)
    give_password(client)
    give_code(client, wrong(read_code()))
    give_code(client, read_code())

    rows = VerificationAttempt.objects.order_by("pk").values_list("kind", "purpose", "outcome", "user_id")
    assert list(rows) == [
        ("send", "login", "ok", ann.pk),
        ("check", "login", "incorrect_code", ann.pk),
        ("check", "login", "ok", ann.pk),
    ]


@pytest.mark.requirement("OTP-05")
def test_whatever_a_form_says_of_who_the_pending_sign_in_decides(client, ann, read_code):
    bob = with_phone(make_person("bob@example.com", "+12025550177"))
    with_phone(ann)
    give_password(client)

    give_code(client, read_code(), user_id=bob.pk, email=bob.email, phone=bob.phone, to=bob.phone, user=bob.pk)

    assert client.get("/api/me").json()["email"] == ann.email


class TestStatements:
    """How many statements signing in takes, both steps together. A change of these numbers is a decision."""

    @pytest.mark.parametrize(("is_first", "expected"), [(False, [10, 14]), (True, [8, 17])])
    def test_with_password_and_code(self, is_first, expected, client, ann, twilio):
        with_phone(ann)
        if not is_first:
            call(client, "login", email=ann.email, password=PASSWORD)
            call(client, "login/verify", code=twilio.code)  # from here on browser, language and budget are known
            call(client, "logout")
            Verification.objects.update(status="canceled")
            VerificationAttempt.objects.all().delete()

        counts = []
        for path, body in (
            ("login", {"email": ann.email, "password": PASSWORD}),
            ("login/verify", {"code": twilio.code}),
        ):
            with CaptureQueriesContext(connection) as queries:
                assert call(client, path, **body).status_code == 200
            statements = [query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]]
            counts.append(len(statements))

        # SQLite can't write two rows in one, which each step does once.
        assert counts == [count + (connection.vendor == "sqlite") for count in expected]
