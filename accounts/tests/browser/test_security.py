"""Security settings in a browser, with scripts and without."""

import re
from urllib.parse import unquote

import pytest
from django.core import mail
from django.test import Client
from playwright.sync_api import expect

from accounts.models import UserSession
from accounts.tests.browser.steps import expect_heading, fill_in, read_code
from accounts.tests.people import NUMBER, PASSWORD, make_person, show_totp_code, sign_in, with_totp
from otp.tests.browser.test_pages import find_barriers

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
NEW_NUMBER = "+12025550199"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0"


def get_row(page, title, item):
    return page.get_by_role("region", name=title).get_by_role("listitem").filter(has_text=item)


@pytest.mark.parametrize("has_scripts", [True, False], ids=["scripts", "no scripts"])
class TestSettings:
    @pytest.mark.requirement("MFA-03", "MFA-06")
    def test_the_switch_takes_a_proof_and_then_does_what_it_was_pressed_for(self, has_scripts, sign_in_page, settings):
        settings.OTP_RESEND_WAITS = [0]
        ann = make_person()
        page = sign_in_page(ann, java_script_enabled=has_scripts)
        page.goto("/accounts/security/")
        expect(page.get_by_text("Off: your password alone opens your account.")).to_be_visible()

        for button, said, is_on in (
            ("Turn on", "The second factor is on.", True),
            ("Turn off", "The second factor is off.", False),
        ):
            page.get_by_role("button", name=button).click()
            if is_on:  # the proof is good for both, within five minutes
                expect_heading(page, "Confirm that it is you")
                expect(page.get_by_role("main")).to_contain_text("To turn the second factor on or off, prove once more")
                page.get_by_role("button", name="Send a text message").click()
                fill_in(page, code=read_code(page))

            expect(page.get_by_role("status").filter(has_text=said)).to_be_visible()
            ann.refresh_from_db()
            assert ann.two_factor_enabled is is_on
        events = page.get_by_role("region", name="What happened lately")
        expect(events).to_contain_text("Second factor turned off")
        expect(events).to_contain_text("Identity confirmed")

    @pytest.mark.requirement("BKP-01", "OTP-15")
    def test_an_app_and_backup_codes_are_set_up(self, has_scripts, sign_in_page):
        ann = make_person()
        page = sign_in_page(ann, java_script_enabled=has_scripts, proven=["factors", "backup_codes"])
        page.goto("/accounts/security/")
        page.get_by_role("link", name="Set up an authenticator app").click()

        picture = page.get_by_role("img", name="QR code with the secret that is written below")
        expect(picture.locator("svg path").first).to_be_visible()
        secret = page.locator(".secret").inner_text().replace(" ", "")
        assert re.fullmatch("[A-Z2-7]{32}", secret)
        link = page.get_by_role("link", name="Is the app on this device?").get_attribute("href")
        assert f"secret={secret}" in unquote(link)
        fill_in(page, code="12")
        expect(page.get_by_role("alert")).to_contain_text("That code is too short.")
        assert page.locator(".secret").inner_text().replace(" ", "") == secret
        fill_in(page, code=show_totp_code(ann))

        expect(page.get_by_role("status").filter(has_text="Your authenticator app is set up.")).to_be_visible()
        page.get_by_role("link", name="Make backup codes").click()
        page.get_by_role("button", name="Make ten codes").click()
        expect_heading(page, "Your backup codes")
        codes = page.locator(".codes code").all_inner_texts()
        assert len(set(codes)) == 10
        with page.expect_download() as download:
            page.get_by_role("link", name="Download").click()
        assert download.value.suggested_filename == "smartfin-backup-codes.txt"
        assert download.value.path().read_text().split() == codes
        if has_scripts:
            page.evaluate("window.print = () => { window.printed = true; }")
            page.get_by_role("button", name="Print").click()
            assert page.evaluate("window.printed")
        else:
            expect(page.get_by_role("button", name="Print")).to_have_count(0)
        page.emulate_media(media="print")
        expect(page.get_by_role("banner")).to_be_hidden()
        expect(page.get_by_text(codes[0])).to_be_visible()
        page.emulate_media(media="screen")
        page.get_by_role("link", name="I have kept them").click()
        expect(page.get_by_text("10 codes left")).to_be_visible()
        page.goto("/accounts/security/backup-codes/")
        expect_heading(page, "Make new backup codes")
        expect(page.get_by_text(codes[0])).to_have_count(0)

    @pytest.mark.requirement("REC-07")
    def test_the_number_is_changed_and_the_mail_s_link_puts_it_back(
        self, has_scripts, sign_in_page, live_server, settings
    ):
        settings.SITE_URL = live_server.url
        ann = make_person()
        page = sign_in_page(ann, java_script_enabled=has_scripts, proven=["phone_change"])
        page.goto("/accounts/security/")
        page.get_by_role("link", name="Change the phone number").click()
        page.get_by_label("New phone number").fill("+1 202 555 0199")
        page.keyboard.press("Enter")
        expect_heading(page, "Enter the code")
        fill_in(page, code=read_code(page, NEW_NUMBER))
        expect(page.get_by_role("status").filter(has_text="Your phone number is changed.")).to_be_visible()
        expect(page.get_by_text("+1 ••• ••• 0199")).to_be_visible()

        message = next(message for message in mail.outbox if "/phone-change/stop/" in message.body)
        page.goto(re.search(r"http\S+/phone-change/stop/\S+", message.body)[0])
        expect_heading(page, "Stop the change of your phone number")
        assert page.url.endswith("/accounts/phone-change/stop/")
        assert not has_scripts or find_barriers(page) == []
        page.get_by_role("button", name="Stop the change").click()

        expect_heading(page, "The change is stopped")
        ann.refresh_from_db()
        assert ann.phone == NUMBER
        assert not UserSession.objects.filter(user=ann).exists()

    @pytest.mark.requirement("SES-07")
    def test_channel_password_and_other_sessions(self, has_scripts, sign_in_page):
        ann = make_person()
        other = sign_in(Client(), ann)
        session = other.session
        session["signed_in"] = {**session["signed_in"], "user_agent": FIREFOX}
        session.save()
        page = sign_in_page(ann, java_script_enabled=has_scripts, proven=["password", "sessions"])
        page.goto("/accounts/security/")

        page.get_by_role("link", name="Choose how codes come").click()
        page.get_by_label("Phone call").check()
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("Phone call")).to_be_visible()

        expect(get_row(page, "Where you are signed in", "Firefox on Linux")).to_be_visible()
        expect(get_row(page, "Where you are signed in", "This one")).to_have_count(1)
        page.get_by_role("link", name="Sign out everywhere else").click()
        page.get_by_role("button", name="Sign out everywhere else").click()
        expect(page.get_by_role("status").filter(has_text="Sessions ended: 1")).to_be_visible()
        expect(get_row(page, "Where you are signed in", "Firefox on Linux")).to_have_count(0)

        page.get_by_role("link", name="Change the password").click()
        page.get_by_label("Current password").fill(PASSWORD)
        page.get_by_label("New password").fill("another-good-one")
        page.keyboard.press("Enter")
        expect(page.get_by_role("status").filter(has_text="Your password is changed.")).to_be_visible()
        expect(page.get_by_role("region", name="What happened lately")).to_contain_text("Password changed")

    def test_a_wrong_code_takes_the_focus_and_a_factor_can_be_removed(self, has_scripts, sign_in_page):
        ann = with_totp(make_person(), two_factor_enabled=False)
        page = sign_in_page(ann, java_script_enabled=has_scripts)
        page.goto("/accounts/security/")
        page.get_by_role("link", name="Remove the app").click()
        expect_heading(page, "Confirm that it is you")
        fill_in(page, code="000000" if show_totp_code(ann) != "000000" else "111111")
        expect(page.get_by_role("alert")).to_be_focused()
        expect(page.get_by_role("alert")).to_contain_text("4 tries left.")
        fill_in(page, code=show_totp_code(ann))
        expect_heading(page, "Remove a way to sign in")

        page.get_by_role("button", name="Remove").click()

        expect(page.get_by_role("status").filter(has_text="It can’t be used to sign in any more.")).to_be_visible()
        expect(page.get_by_role("link", name="Remove the app")).to_have_count(0)
