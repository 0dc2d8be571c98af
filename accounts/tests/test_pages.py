"""What all pages of accounts have in common: a way back, the language, and how a code is asked for."""

import gzip
import re
from pathlib import Path

import pytest
from django.contrib.staticfiles.finders import find
from django.utils import timezone

from accounts.browser_name import name_browser
from accounts.flows.phone_change import make_stop_token
from accounts.models import PhoneChange
from accounts.tests.people import (
    NUMBER,
    PASSWORD,
    make_person,
    show_totp_code,
    sign_in,
    with_backup_codes,
    with_phone,
    with_totp,
)
from accounts.tests.steps import LOGIN, LOGIN_CODE, give_code, give_password, read, wrong
from otp.models import Verification
from otp.sandbox.models import Message

pytestmark = pytest.mark.django_db


class TestPagesThatTakeAPostOnly:
    """People come to them by a link as well: after signing in anew, after changing the language, by reloading."""

    @pytest.mark.parametrize(
        ("address", "page"),
        [
            ("register/code/resend/", "register/code/"),
            ("login/code/resend/", "login/code/"),
            ("password-reset/code/resend/", "password-reset/code/"),
            ("password-reset/proof/resend/", "password-reset/proof/"),
            ("phone-change/code/resend/", "phone-change/code/"),
            ("confirm/send/", "security/"),
            ("security/two-factor/switch/", "security/"),
        ],
    )
    def test_lead_to_the_page_with_the_button(self, client, ann, address, page):
        answer = sign_in(client, ann).get(f"/accounts/{address}")

        assert (answer.status_code, answer["Location"]) == (302, f"/accounts/{page}")


class TestEnrolment:
    @pytest.mark.requirement("MFA-02")
    def test_leads_on_to_the_page_that_was_wanted(self, client, db):
        root = make_person("root@example.com", "", is_staff=True, is_superuser=True)
        sign_in(client, root)
        assert client.get("/admin/otp/?q=1")["Location"] == "/accounts/security/two-factor/"

        assert "/accounts/security/backup-codes/" not in read(client.get("/accounts/security/two-factor/"))
        assert client.get("/accounts/security/totp/").status_code == 200
        answer = client.post("/accounts/security/totp/", {"code": show_totp_code(root)})

        assert answer["Location"] == "/admin/otp/?q=1"
        assert client.get("/admin/").status_code == 200

    def test_a_number_that_was_just_proven_is_not_proven_again(self, client, read_code):
        root = make_person("root@example.com", "", is_staff=True)
        sign_in(client, root)
        client.post("/accounts/phone-change/", {"phone": NUMBER})

        answer = client.post("/accounts/phone-change/code/", {"code": read_code()})

        assert answer["Location"] == "/accounts/security/phone/"
        assert client.post(answer["Location"])["Location"] == "/accounts/security/"
        root.refresh_from_db()
        assert root.two_factor_enabled
        assert Message.objects.exclude(code="").count() == 1

    @pytest.mark.requirement("MFA-06")
    def test_who_has_a_factor_proves_it_for_each_step(self, client, ann, read_code):
        with_totp(ann)
        sign_in(client, ann)
        client.post("/accounts/confirm/", {"for": "phone_change", "code": show_totp_code(ann), "method": "totp"})
        client.post("/accounts/phone-change/", {"phone": "+12025550199"})

        answer = client.post("/accounts/phone-change/code/", {"code": read_code("+12025550199")})

        assert answer["Location"] == "/accounts/security/"
        assert client.get("/accounts/security/phone/")["Location"].startswith("/accounts/confirm/?for=factors")


class TestLanguage:
    @pytest.mark.parametrize(
        "address", ["/", "/accounts/register/", "/accounts/login/", "/accounts/password-reset/", "/nothing/"]
    )
    def test_can_be_changed_on_every_page_without_scripts(self, client, address):
        page = read(client.get(address))
        form = re.search(r'<form class="languages".*?</form>', page, re.DOTALL)[0]
        assert 'action="/i18n/language/"' in form
        assert f'name="next" value="{address}"' in form
        assert '<button class="link-button" name="language" value="es" lang="es">Español</button>' in form

        answer = client.post("/i18n/language/", {"language": "es", "next": address})

        assert answer["Location"] == address
        page = read(client.get(address))
        assert '<html lang="es">' in page
        assert 'value="en" lang="en">English</button>' in page

    def test_can_be_changed_before_a_second_factor_is_set_up(self, client):
        sign_in(client, make_person(is_staff=True))

        answer = client.post("/i18n/language/", {"language": "es", "next": "/accounts/security/two-factor/"})

        assert answer["Location"] == "/accounts/security/two-factor/"
        assert '<html lang="es">' in read(client.get("/accounts/security/two-factor/"))


class TestCodeField:
    @pytest.mark.requirement("UX-01")
    @pytest.mark.parametrize("page", ["sign-in", "step-up", "app", "reset", "phone change"])
    def test_is_one_field_of_digits_that_phones_fill_in(self, client, ann, page):
        if page == "sign-in":
            with_phone(ann)
            answer = client.get(give_password(client)["Location"])
        elif page == "reset":
            client.post("/accounts/password-reset/", {"email": ann.email, "phone": ann.phone})
            answer = client.get("/accounts/password-reset/code/")
        else:
            session = sign_in(client, ann).session
            session["fresh_proofs"] = dict.fromkeys(["factors", "phone_change"], timezone.now().timestamp())
            session.save()
            if page == "step-up":
                client.post("/accounts/confirm/send/", {"for": "password"})
                answer = client.get("/accounts/confirm/?for=password")
            elif page == "app":
                answer = client.get("/accounts/security/totp/")
            else:
                client.post("/accounts/phone-change/", {"phone": "+12025550199"})
                answer = client.get("/accounts/phone-change/code/")

        (field,) = re.findall(r'<input[^>]*name="code"[^>]*>', read(answer))
        assert 'type="text"' in field
        assert 'inputmode="numeric"' in field
        assert 'autocomplete="one-time-code"' in field
        assert "maxlength" not in field
        assert "value=" not in field

    @pytest.mark.requirement("UX-03")
    def test_each_fault_at_sign_in_has_a_sentence_of_its_own(self, client, ann, read_code):
        with_phone(ann)
        give_password(client)
        code = read_code()
        assert "That code is too short." in read(give_code(client, "12"))
        assert "That code is too long." in read(give_code(client, "1" * 12))
        assert "A code is made of digits only." in read(give_code(client, "12a456"))
        page = read(give_code(client, wrong(code)))
        assert "That code isn’t right. Check it and try again. 4 tries left." in page

        Verification.objects.update(expires_at=timezone.now())
        page = read(give_code(client, code))
        assert "That code is no longer valid. Ask for a new one." in page
        assert "Send again" in page

    @pytest.mark.requirement("UX-03")
    def test_the_fifth_wrong_code_says_how_long_the_block_is(self, client, ann, read_code):
        with_phone(ann)
        give_password(client)
        code = read_code()
        for _ in range(4):
            give_code(client, wrong(code))

        answer = client.post(LOGIN_CODE, {"code": wrong(code), "method": "otp"}, follow=True)

        assert answer.request["PATH_INFO"] == LOGIN
        assert re.search(r"Try again in \d+ (seconds|minutes?)\.", read(answer))

    @pytest.mark.requirement("UX-04")
    def test_at_sign_in_the_number_is_masked_and_cannot_be_changed(self, client, ann):
        with_backup_codes(with_phone(ann))
        page = read(client.get(give_password(client)["Location"]))

        assert NUMBER not in page
        assert "+1 ••• ••• 0123" in page
        assert 'name="phone"' not in page
        assert "?method=backup_code" in page
        assert "Without your phone, a backup code or another device, support can help you" in page
        assert "You have ten minutes to finish signing in" in page

    @pytest.mark.requirement("UX-04")
    def test_where_no_code_is_out_the_page_asks_how_it_should_come(self, client, ann):
        with_phone(with_totp(ann))
        give_password(client)

        page = read(client.get(f"{LOGIN_CODE}?method=otp"))

        assert "How should it come?" in page
        assert 'name="code"' not in page
        assert "Send a text message" in page


class TestReset:
    def test_another_code_comes_by_the_way_that_was_chosen(self, client, submit, ann, settings):
        settings.OTP_RESEND_WAITS = [0]
        submit("/accounts/password-reset/", email=ann.email, phone=ann.phone)

        answer = submit("/accounts/password-reset/code/resend/", channel="call")

        assert "another code is on its way" in read(answer)
        assert [message.channel for message in Message.objects.order_by("pk")] == ["sms", "call"]

    def test_a_way_that_is_none_sends_nothing(self, client, submit, ann):
        submit("/accounts/password-reset/", email=ann.email, phone=ann.phone)

        answer = submit("/accounts/password-reset/code/resend/", channel="email")

        assert answer.status_code == 200
        assert Message.objects.count() == 1


@pytest.mark.requirement("OTP-15")
class TestPhoneAsAFactor:
    def test_says_what_a_phone_risks_and_offers_what_has_not_that_risk(self, client, ann):
        page = read(sign_in(client, ann).get("/accounts/security/two-factor/"))

        assert "Text messages and calls can be intercepted" in page
        assert "/accounts/security/totp/" in page

    def test_says_it_again_where_the_phone_is_chosen(self, client, ann):
        session = sign_in(client, ann).session
        session["fresh_proofs"] = dict.fromkeys(["factors", "add_phone"], timezone.now().timestamp())
        session.save()

        page = read(client.get("/accounts/security/phone/"))

        assert "Text messages and calls can be intercepted" in page
        assert "/accounts/security/totp/" in page

    def test_a_number_that_is_not_proven_cannot_be_chosen(self, client):
        person = make_person(phone_number="", phone=NUMBER)
        sign_in(client, person)

        assert "/accounts/security/phone/" not in read(client.get("/accounts/security/two-factor/"))
        client.post("/accounts/security/phone/")

        assert not person.phonedevice_set.exists()


class TestNames:
    @pytest.mark.parametrize(
        ("user_agent", "name"),
        [
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36",
                "Chrome on Windows",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile Safari/604.1",
                "Safari on iPhone",
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36",
                "Chrome on Android",
            ),
            ("Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0", "Firefox on Linux"),
            ("curl/8.5.0", "curl"),
            ("Some program of ours/1.0", "Some program of ours/1.0"),
            ("", "Unknown browser"),
        ],
    )
    def test_of_browsers_are_those_that_people_know(self, user_agent, name):
        assert name_browser(user_agent) == name


class TestStopLink:
    @pytest.mark.requirement("REC-07", "REC-13")
    @pytest.mark.parametrize("is_signed_in", [True, False])
    def test_stops_the_change_from_any_browser_and_hides_its_token(self, client, ann, is_signed_in):
        change = PhoneChange.objects.create(user=ann, old_phone=NUMBER, new_phone="+12025550199")
        if is_signed_in:
            sign_in(client, ann)

        answer = client.get(f"/accounts/phone-change/stop/{make_stop_token(change)}/")
        assert answer["Referrer-Policy"] == "no-referrer"
        page = client.get(answer["Location"])
        # With "no-referrer" here browsers would send the form from an origin "null", which is refused.
        assert page["Referrer-Policy"] == "same-origin"
        answer = client.post(answer["Location"])

        assert answer.status_code == 200
        assert "The change is stopped" in read(answer)
        assert client.get("/accounts/security/").status_code == 302


class TestWeight:
    """One bar of signal: a page with all that it loads is a few packets."""

    @pytest.mark.parametrize("address", [LOGIN, "/accounts/register/code/"])
    def test_is_small(self, client, address):
        client.post("/accounts/register/", {"email": "ann@example.com", "password": PASSWORD, "phone": NUMBER})

        page = client.get(address).content
        files = {find(name) for name in re.findall(r'(?:href|src)="/static/([^"]+)"', page.decode())}

        assert len(files) == 3
        assert sum(len(gzip.compress(part)) for part in [page, *(Path(file).read_bytes() for file in files)]) < 8_000
