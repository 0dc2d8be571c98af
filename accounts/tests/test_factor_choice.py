"""What a client can't choose in the second step, and what it learns before it."""

import pytest
import time_machine
from django.utils import timezone
from django_otp_webauthn.models import WebAuthnCredential

from accounts.tests.people import with_backup_codes, with_phone, with_totp
from accounts.tests.steps import LOGIN_CODE, LOGIN_RESEND, call, give_code, give_password, is_signed_in, read
from otp.sandbox.models import Message

pytestmark = pytest.mark.django_db


class TestTheWayThatWasChosen:
    @pytest.mark.requirement("UX-03")
    def test_whoever_has_an_app_and_asks_for_a_message_gets_the_page_for_it(self, client, ann, read_code):
        with_phone(with_totp(ann))
        give_password(client)
        assert "authenticator app" in read(client.get(LOGIN_CODE))

        page = client.post(LOGIN_RESEND, {"channel": "sms"}, follow=True)

        assert page.context["method"] == "otp"
        assert "by text message to" in read(page)
        client.post(LOGIN_CODE, {"code": read_code(), "method": page.context["method"]})
        assert is_signed_in(client)

    @pytest.mark.requirement("UX-03")
    def test_and_stays_there_when_none_can_be_sent(self, client, ann):
        with_phone(with_totp(ann))
        give_password(client)

        page = client.post(LOGIN_RESEND, {"channel": "fax"}, follow=True)

        assert page.context["method"] == "otp"


class TestNoChoiceOfSomethingWeaker:
    @pytest.mark.requirement("MFA-05")
    @pytest.mark.parametrize("channel", ["sms", "call", "whatsapp", "email"])
    def test_who_has_an_app_alone_gets_no_code_by_any_channel(self, channel, client, ann):
        with_totp(ann)
        give_password(client)

        client.post(LOGIN_RESEND, {"channel": channel})
        answer = call(client, "login/send", channel=channel)

        assert (answer.status_code, answer.json()["code"]) == (400, "channel_unavailable")
        assert not Message.objects.exists()

    @pytest.mark.requirement("MFA-05")
    @pytest.mark.parametrize("method", ["otp", "backup_code", "passkey", "password", "email"])
    def test_a_factor_that_the_person_has_not_is_none(self, method, client, ann):
        with_totp(ann)
        give_password(client)

        give_code(client, "123456", method)
        call(client, "login/verify", code="123456", method=method)

        assert not is_signed_in(client)
        # On a page the unknown method falls back to the app, and counts there.
        assert ann.security_events.filter(kind="factor_failed").count() == 1

    @pytest.mark.requirement("MFA-05")
    @pytest.mark.parametrize("is_allowed", [False, True])
    @pytest.mark.parametrize("is_staff", [False, True])
    def test_mail_is_a_way_only_where_policy_says_so_and_never_for_staff(
        self, is_allowed, is_staff, client, ann, settings
    ):
        settings.LOGIN_EMAIL_CODES = is_allowed
        with_phone(ann, is_staff=is_staff)
        give_password(client)
        Message.objects.all().delete()

        with time_machine.travel(timezone.now() + timezone.timedelta(seconds=31)):
            call(client, "login/send", channel="email")

        assert Message.objects.filter(to=ann.email).exists() is (is_allowed and not is_staff)

    @pytest.mark.requirement("MFA-05")
    def test_a_code_by_mail_signs_in_and_is_no_second_factor(self, client, ann, settings, read_code):
        settings.LOGIN_EMAIL_CODES = True
        with_phone(ann)
        give_password(client)
        with time_machine.travel(timezone.now() + timezone.timedelta(seconds=31)):
            call(client, "login/send", channel="email")
            give_code(client, read_code(ann.email))

        assert is_signed_in(client)
        assert not client.get("/accounts/security/").wsgi_request.user.is_verified()

    @pytest.mark.requirement("MFA-05")
    def test_a_code_of_the_phone_is_not_taken_for_a_passkey(self, client, ann, read_code):
        with_phone(ann)
        WebAuthnCredential.objects.create(
            user=ann, name="key", confirmed=True, credential_id=b"1", public_key=b"2", sign_count=0
        )
        give_password(client)
        call(client, "login/send")

        answer = give_code(client, read_code(), "passkey")

        assert answer.status_code == 200
        assert not is_signed_in(client)


class TestBeforeThePassword:
    @pytest.mark.requirement("ENU-05")
    def test_nothing_is_known_of_the_second_factor(self, client, ann):
        with_backup_codes(with_phone(with_totp(ann)))

        answers = [
            client.post("/accounts/login/", {"email": ann.email, "password": "wrong"}),
            call(client, "login", email=ann.email, password="wrong"),
            client.get("/api/session"),
            client.get(LOGIN_CODE, follow=True),
            call(client, "login/send"),
        ]

        for answer in answers:
            for word in ("0123", "•", "totp", "backup", "authenticator", "second_factor_required"):
                assert word not in read(answer), (answer.request["PATH_INFO"], word)

    @pytest.mark.requirement("ENU-05")
    def test_after_it_the_number_is_masked(self, client, ann):
        with_phone(ann)

        give_password(client)

        for answer in (client.get(LOGIN_CODE), client.get("/api/session")):
            assert "+1 ••• ••• 0123" in read(answer) or "\\u2022" in read(answer)
            assert "202555" not in read(answer)
            assert "(202" not in read(answer)
