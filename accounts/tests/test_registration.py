"""Registration over pages, from the first to the last."""

import json
from html import unescape

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.core import mail
from django.utils import timezone

from accounts.tests.people import NUMBER, PASSWORD
from otp.models import Verification
from otp.sandbox.control import change_state
from otp.sandbox.models import Message

pytestmark = pytest.mark.django_db
START, CODE, RESEND, DONE = (f"/accounts/register/{page}" for page in ("", "code/", "code/resend/", "done/"))
ANN = {"email": "ann@example.com", "password": PASSWORD, "phone": NUMBER}


def read(answer):
    return unescape(answer.content.decode())


def count_messages():
    return Message.objects.exclude(code="").count()


def wrong(code):
    return f"{(int(code) + 1) % 1_000_000:06}"


class TestJourney:
    def test_from_the_first_page_to_the_account(self, client, submit, read_code):
        answer = submit(START, **{**ANN, "email": " Ann@Example.com", "phone": "+1 (202) 555-0123"})
        assert answer.request["PATH_INFO"] == CODE
        assert f'We sent a code by text message to <strong class="number">{NUMBER}</strong>' in read(answer)

        code = read_code()
        answer = submit(CODE, code=f"{code[:3]} {code[3:]}")

        assert answer.request["PATH_INFO"] == DONE
        user = get_user_model().objects.get()
        assert (user.email, user.phone) == ("ann@example.com", NUMBER)
        assert user.phone_verified_at is not None
        assert user.check_password(PASSWORD)
        assert "_auth_user_id" not in client.session
        assert "registration" not in client.session

    def test_welcomes_by_mail_with_links_to_the_configured_site(self, client, submit, read_code, settings):
        settings.SITE_URL = "https://smartfin.example"
        submit(START, **ANN)
        submit(CODE, code=read_code())

        (message,) = mail.outbox
        assert (message.subject, message.to) == ("Welcome to SmartFin", ["ann@example.com"])
        assert "https://smartfin.example/accounts/login/" in message.body
        assert "testserver" not in message.body
        # Whoever never registered has not got the phone that a reset asks for.
        assert "password-reset" not in message.body

    def test_the_password_itself_is_kept_nowhere(self, client, submit):
        submit(START, **ANN)

        kept = json.dumps(dict(client.session))
        assert PASSWORD not in kept
        assert client.session["registration"]["password_hash"].startswith("md5$")

    @pytest.mark.requirement("SES-03")
    def test_a_code_counts_in_the_browser_that_asked_for_it_alone(self, client, submit, read_code, post):
        submit(START, **ANN)
        code = read_code()

        assert post("register-with-otp", **ANN, otp_code=code).json()["code"] == "code_expired"
        assert post("verify-otp", to=NUMBER, code=code).json()["code"] == "code_expired"
        assert submit(CODE, code=code).request["PATH_INFO"] == DONE

    def test_a_code_from_elsewhere_does_not_count_here(self, submit, read_code, post, settings):
        settings.OTP_RESEND_WAITS = [1]
        submit(START, **ANN)
        post("send-otp", to=NUMBER, purpose="registration")

        assert "no longer valid" in read(submit(CODE, code=read_code()))

    @pytest.mark.parametrize("page", [CODE, RESEND])
    def test_steps_cannot_be_skipped(self, page, submit):
        assert submit(page, code="123456").request["PATH_INFO"] == START
        assert get_user_model().objects.count() == 0

    @pytest.mark.requirement("API-02")
    def test_protected_fields_are_not_taken(self, submit, read_code):
        extra = {
            "is_staff": "1",
            "is_superuser": "1",
            "two_factor_enabled": "1",
            "id": "77",
            "phone_verified_at": "now",
        }
        submit(START, **ANN, **extra)
        submit(CODE, code=read_code(), **extra)

        user = get_user_model().objects.get()
        assert (user.is_staff, user.is_superuser, user.two_factor_enabled) == (False, False, False)
        assert user.pk != 77


class TestFirstStep:
    @pytest.mark.requirement("UX-02")
    def test_asks_with_the_right_fields(self, client):
        page = read(client.get(START))

        assert 'type="tel" name="phone" autocomplete="tel"' in page
        assert 'type="password" name="password" autocomplete="new-password"' in page
        assert "At least 8 characters, not digits alone." in page

    def test_password_rules_are_all_said(self, settings):
        rules = {
            entry["NAME"].rpartition(".")[2]: entry.get("OPTIONS", {}) for entry in settings.AUTH_PASSWORD_VALIDATORS
        }

        assert rules.pop("MinimumLengthValidator") == {"min_length": 8}
        assert rules.pop("UserAttributeSimilarityValidator") == {"user_attributes": ["email", "phone"]}
        assert rules.keys() == {"CommonPasswordValidator", "NumericPasswordValidator", "ProductNameValidator"}

    @pytest.mark.requirement("UX-05")
    @pytest.mark.parametrize(
        ("changes", "field", "sentence"),
        [
            ({"email": ""}, "email", "Enter your email address."),
            ({"email": "nobody"}, "email", "That is no email address."),
            ({"email": "a" * 300 + "@example.com"}, "email", "at most 254"),
            ({"password": ""}, "password", "Enter a password."),
            ({"password": "password"}, "password", "too common"),
            ({"password": "ann@example.com"}, "password", "too similar"),
            ({"phone": ""}, "phone", "Enter your phone number."),
            ({"phone": "12"}, "phone", "no phone number we can read"),
            ({"phone": "ann@example.com"}, "phone", "no phone number we can read"),
            ({"phone": "+12025550123 ext. 5"}, "phone", "no phone number we can read"),
            ({"phone": "+8801712345678"}, "phone", "numbers in that country"),
            ({"phone": "+19005550123"}, "phone", "can’t be sent to that number"),
            ({"channel": "email"}, "channel", "valid choice"),
        ],
    )
    def test_refuses_before_anything_is_sent_and_says_where(self, changes, field, sentence, client):
        answer = client.post(START, {**ANN, **changes})

        page = read(answer)
        assert answer.status_code == 200
        assert f'<a href="#id_{field}">' in page
        assert f'id="id_{field}_error"' in page
        assert 'aria-invalid="true"' in page
        assert page.count(sentence) == 2  # in the summary and beside the field
        assert "<title>Error: Register" in page
        assert PASSWORD not in page
        assert count_messages() == 0
        assert "registration" not in client.session

    def test_can_call_instead(self, submit):
        answer = submit(START, **ANN, channel="call")

        assert "We are calling" in read(answer)
        assert Verification.objects.get().channel == "call"

    def test_says_what_must_wait(self, client, settings):
        settings.OTP_MAX_SENDS_PER_DESTINATION_PER_HOUR = 0

        answer = client.post(START, ANN)

        assert answer.status_code == 429
        assert answer["Retry-After"] == "3600"
        assert "Try again in 60 minutes." in read(answer)

    def test_says_when_nothing_can_be_sent(self, client):
        change_state({"fault": "http_503"})

        answer = client.post(START, ANN)

        assert answer.status_code == 503
        assert "right now" in read(answer)

    @pytest.mark.requirement("UX-04")
    def test_the_number_can_be_changed_and_the_address_stays(self, client, submit, read_code):
        submit(START, **{**ANN, "phone": "+12025550199"})
        page = read(client.get(START))
        assert 'value="ann@example.com"' in page
        assert 'value="+12025550199"' in page

        assert submit(START, **ANN).request["PATH_INFO"] == CODE
        assert submit(CODE, code=read_code()).request["PATH_INFO"] == DONE
        assert get_user_model().objects.get().phone == NUMBER

    def test_a_proof_of_one_number_does_not_serve_another(self, submit, read_code, ann):
        submit(START, **{**ANN, "phone": "+12025550199"})
        submit(CODE, code=read_code("+12025550199"))  # email taken; the proof is kept

        answer = submit(START, **{**ANN, "email": "bob@example.com", "phone": "+12025550177"})

        assert answer.request["PATH_INFO"] == CODE
        assert get_user_model().objects.count() == 1

    def test_changing_the_address_sends_nothing_while_the_code_is_good(self, submit, read_code):
        submit(START, **ANN)
        submit(START, **{**ANN, "email": "bob@example.com"})
        assert count_messages() == 1

        submit(CODE, code=read_code())
        assert get_user_model().objects.get().email == "bob@example.com"


class TestCode:
    @pytest.mark.requirement("UX-01")
    def test_is_one_field_that_phones_can_fill(self, client, submit):
        page = read(submit(START, **ANN))

        assert page.count("one-time-code") == 1
        assert 'type="text" name="code" inputmode="numeric" autocomplete="one-time-code"' in page
        assert "maxlength" not in page.split("one-time-code")[1].split(">")[0]

    @pytest.mark.requirement("UX-01")
    @pytest.mark.parametrize("style", ["{0}{1}", "{0} {1}", "{0}-{1}", " {0}·{1} ", "full-width"])
    def test_may_be_pasted_as_it_came(self, style, submit, read_code):
        submit(START, **ANN)
        code = read_code()
        typed = style.format(code[:3], code[3:])
        if style == "full-width":
            typed = code.translate({ord(digit): ord(digit) + 0xFEE0 for digit in "0123456789"})

        assert submit(CODE, code=typed).request["PATH_INFO"] == DONE

    @pytest.mark.requirement("UX-03")
    @pytest.mark.parametrize(
        ("typed", "sentence"),
        [
            ("", "Enter the code."),
            ("12", "too short"),
            ("1" * 11, "too long"),
            ("1" * 100, "too long"),
            ("12345a", "digits only"),
        ],
    )
    def test_what_is_no_code_costs_no_try(self, typed, sentence, submit):
        submit(START, **ANN)

        assert sentence in read(submit(CODE, code=typed))
        assert Verification.objects.get().checks == 0

    @pytest.mark.requirement("UX-03")
    def test_wrong_codes_count_down_and_then_block_with_a_wait(self, submit, read_code):
        submit(START, **ANN)
        code = wrong(read_code())
        pages = [read(submit(CODE, code=code)) for _ in range(4)]

        assert ["4 tries left" in pages[0], "1 try left" in pages[3]] == [True, True]
        submit(CODE, code=code)
        last = submit(CODE, code=code)
        assert last.status_code == 429
        assert "Too many wrong codes" in read(last)
        assert "Try again in 10 minutes." in read(last)
        assert get_user_model().objects.count() == 0

    @pytest.mark.requirement("UX-03")
    def test_an_old_code_is_said_to_be_old(self, submit, read_code):
        submit(START, **ANN)
        code = read_code()
        with time_machine.travel(timezone.now() + timezone.timedelta(minutes=11)):
            page = read(submit(CODE, code=code))

        assert "no longer valid. Ask for a new one." in page
        assert "Send again" in page


class TestResend:
    @pytest.mark.requirement("UX-04")
    def test_waits_as_long_as_the_server_says(self, client, submit):
        answer = submit(START, **ANN)
        assert "You can ask for another code in 30 seconds." in read(answer)

        answer = submit(RESEND)
        assert answer.status_code == 429
        assert "still good. You can ask for another in" in read(answer)
        assert count_messages() == 1

        with time_machine.travel(timezone.now() + timezone.timedelta(seconds=31)):
            answer = submit(RESEND)
        assert "Another code is on its way." in read(answer)
        assert "in 40 seconds" in read(answer)
        assert count_messages() == 2

    def test_can_come_another_way_and_stays_with_it(self, submit, read_code):
        submit(START, **ANN)
        for seconds in (31, 80):
            with time_machine.travel(timezone.now() + timezone.timedelta(seconds=seconds)):
                answer = submit(RESEND, **({"channel": "call"} if seconds == 31 else {}))
            assert "We are calling" in read(answer)

        assert submit(CODE, code=read_code()).request["PATH_INFO"] == DONE

    def test_takes_no_other_channel(self, submit):
        submit(START, **ANN)

        assert "valid choice" in read(submit(RESEND, channel="email"))
        assert count_messages() == 1


class TestTaken:
    @pytest.mark.requirement("ENU-01")
    def test_is_said_only_after_the_proof(self, submit, read_code, ann):
        page = read(submit(START, **{**ANN, "phone": "+12025550199"}))
        assert "already" not in page
        page = read(submit(CODE, code=wrong(read_code("+12025550199"))))
        assert "already" not in page

        page = read(submit(CODE, code=read_code("+12025550199")))

        assert "That e-mail address already has an account." in page
        assert 'href="/accounts/login/"' in page
        assert 'href="/accounts/password-reset/"' in page

    def test_another_address_needs_no_second_message(self, client, submit, read_code, ann):
        submit(START, **{**ANN, "phone": "+12025550199"})
        submit(CODE, code=read_code("+12025550199"))
        assert "proven already" in read(client.get(START))
        assert client.get(CODE)["Location"] == START

        answer = submit(START, email="bob@example.com", password="another-good-one", phone="+12025550199")

        assert answer.request["PATH_INFO"] == DONE
        bob = get_user_model().objects.get(email="bob@example.com")
        assert bob.check_password("another-good-one")
        assert count_messages() == 1

    def test_after_ten_minutes_the_proof_is_old_and_a_code_is_sent(self, submit, read_code, ann):
        submit(START, **{**ANN, "phone": "+12025550199"})
        submit(CODE, code=read_code("+12025550199"))

        with time_machine.travel(timezone.now() + timezone.timedelta(minutes=11)):
            answer = submit(START, **{**ANN, "email": "bob@example.com", "phone": "+12025550199"})

        assert answer.request["PATH_INFO"] == CODE
        assert count_messages() == 2

    def test_a_number_with_an_account_is_said_to_have_one_and_another_gets_a_code(self, client, submit, read_code, ann):
        submit(START, **{**ANN, "email": "bob@example.com"})

        page = read(submit(CODE, code=read_code()))

        assert "That phone number already belongs to an account." in page
        assert "Use another phone number" in page
        assert "proven already" not in read(client.get(START))
        answer = submit(START, **{**ANN, "email": "bob@example.com", "phone": "+12025550199"})
        assert answer.request["PATH_INFO"] == CODE
        assert submit(CODE, code=read_code("+12025550199")).request["PATH_INFO"] == DONE

    def test_one_proof_does_not_tell_of_many_addresses(self, submit, read_code, ann):
        submit(START, **{**ANN, "phone": "+12025550199"})
        submit(CODE, code=read_code("+12025550199"))

        for _ in range(3):
            assert "already has an account" in read(submit(START, **{**ANN, "phone": "+12025550199"}))

        assert submit(START, **{**ANN, "phone": "+12025550199"}).request["PATH_INFO"] == CODE


class TestEveryPage:
    @pytest.mark.requirement("SES-10", "CFG-03")
    @pytest.mark.parametrize(
        "address", [START, DONE, "/accounts/login/", "/accounts/logout/done/", "/accounts/password-reset/"]
    )
    def test_is_kept_by_no_cache_and_held_to_the_policy(self, address, client):
        answer = client.get(address)

        assert answer.status_code == 200
        assert "no-store" in answer["Cache-Control"]
        assert "default-src 'self'" in answer["Content-Security-Policy"]
        assert "style=" not in read(answer)
        assert "<script>" not in read(answer)
        assert answer["X-Content-Type-Options"] == "nosniff"

    @pytest.mark.parametrize(
        "address", [START, CODE, RESEND, "/accounts/login/", "/accounts/logout/", "/accounts/password-reset/"]
    )
    def test_takes_nothing_without_a_csrf_token(self, address, client):
        client.handler.enforce_csrf_checks = True

        assert client.post(address, ANN).status_code == 403
