"""Signing in while things go wrong: outages, double clicks, the back button. Each gets a clear answer."""

import pytest
from django.test import Client

from accounts.models import FactorBudget
from accounts.tests.people import PASSWORD, show_totp_code, with_backup_codes, with_phone, with_totp
from accounts.tests.steps import LOGIN, LOGIN_CODE, LOGIN_RESEND, call, give_code, give_password, is_signed_in, read
from otp.tests.twilio_double import Answer

pytestmark = pytest.mark.django_db
OUTAGE = Answer.error(500, 20500)
SENTENCE = "Codes can’t be sent or checked right now."


class TestTwilioDown:
    def test_the_page_says_so_and_offers_what_else_the_person_has(self, client, ann, twilio):
        with_phone(with_totp(ann), preferred_channel="sms")
        twilio.always(OUTAGE)

        assert give_password(client)["Location"] == LOGIN_CODE

        page = read(client.get(LOGIN_CODE))
        assert SENTENCE in page
        assert "method=totp" in page
        assert give_code(client, show_totp_code(ann), "totp")["Location"] == "/"

    def test_the_api_says_so_too(self, client, ann, twilio):
        with_backup_codes(with_phone(with_totp(ann), preferred_channel="sms"))
        twilio.always(OUTAGE)

        answer = call(client, "login", email=ann.email, password=PASSWORD)

        assert answer.status_code == 200
        assert answer.json()["methods"] == ["otp", "totp", "backup_code"]
        assert SENTENCE in answer.json()["problem"]
        assert answer.json()["to"] is None
        again = call(client, "login/send")
        assert (again.status_code, again.json()["code"]) == (503, "provider_unavailable")
        assert again["Retry-After"]

    def test_with_the_phone_alone_nobody_gets_in_and_nobody_is_locked_out(self, client, ann, twilio):
        with_phone(ann)
        give_password(client)
        twilio.always(OUTAGE)

        for _ in range(4):
            answer = give_code(client, twilio.code)
            assert answer.status_code == 503
            assert SENTENCE in read(answer)
        assert not is_signed_in(client)
        assert FactorBudget.find(ann).failures == 0

    def test_afterwards_the_next_code_signs_in(self, client, ann, twilio, settings):
        with_phone(ann)
        settings.OTP_BREAKER_FAILURES = 100
        twilio.always(OUTAGE)
        give_password(client)
        twilio.always(None)

        client.post(LOGIN_RESEND, {"channel": "sms"})

        assert SENTENCE not in read(client.get(LOGIN_CODE))
        assert give_code(client, twilio.code)["Location"] == "/"

    def test_resend_says_so_with_the_status_of_an_outage(self, client, ann, twilio):
        with_phone(ann)
        twilio.always(OUTAGE)
        give_password(client)

        answer = client.post(LOGIN_RESEND, {"channel": "sms"})

        assert answer.status_code == 503
        assert SENTENCE in read(answer)


class TestTwice:
    def test_a_code_posted_twice_is_no_fault(self, client, ann, read_code):
        with_phone(ann)
        give_password(client)
        code = read_code()
        twin = Client()
        twin.cookies.update(client.cookies)

        first, second = give_code(client, code), give_code(twin, code)

        assert first["Location"] == "/"
        assert second["Location"] == LOGIN  # its session is over
        assert is_signed_in(client)
        assert not is_signed_in(twin)

    def test_back_and_submit_again(self, client, ann, read_code):
        with_phone(ann)
        give_password(client)
        code = read_code()
        give_code(client, code)

        answer = give_code(client, code)

        assert answer.status_code == 302
        assert is_signed_in(client)

    def test_the_password_posted_twice_sends_one_code(self, client, ann, twilio):
        with_phone(ann)

        for _ in range(2):
            assert give_password(client)["Location"] == LOGIN_CODE

        assert len(twilio.sends) == 1
        assert give_code(client, twilio.code)["Location"] == "/"

    def test_signing_out_twice(self, client, ann):
        give_password(client)
        for _ in range(2):
            assert client.post("/accounts/logout/").status_code == 302


class TestWhoHasLostAFactorMeanwhile:
    def test_the_phone_was_removed_in_another_session(self, client, ann, read_code):
        with_phone(with_totp(ann), preferred_channel="sms")
        give_password(client)
        code = read_code()
        ann.phonedevice_set.all().delete()

        # The page falls back to the app: the phone's code is no code of it.
        assert give_code(client, code).status_code == 200
        answer = call(client, "login/verify", code=code, method="otp")
        assert (answer.status_code, answer.json()["code"]) == (400, "channel_unavailable")
        assert not is_signed_in(client)

    def test_every_factor_was_removed(self, client, ann):
        """Nothing is asked for at the next sign-in; this one starts again."""
        with_totp(ann)
        give_password(client)
        ann.totpdevice_set.all().delete()

        answer = client.get(LOGIN_CODE)

        assert answer["Location"] == LOGIN
        assert not is_signed_in(client)
