"""Passkeys in a real browser, with Chromium's own virtual authenticator in the place of a phone's."""

import pytest
from django_otp_webauthn.models import WebAuthnCredential
from playwright.sync_api import expect

from accounts.tests.authenticator import with_passkey
from accounts.tests.browser.steps import expect_heading, fill_in, press
from accounts.tests.people import PASSWORD, make_person, with_backup_codes
from otp.tests.browser.test_pages import find_barriers

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PLATFORM = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


class Device:
    """The virtual authenticator of one page (https://chromedevtools.github.io/devtools-protocol/tot/WebAuthn/)."""

    def __init__(self, page):
        self.page = page
        self.cdp = page.context.new_cdp_session(page)
        self.cdp.send("WebAuthn.enable", {"enableUI": False})
        self.id = self.cdp.send("WebAuthn.addVirtualAuthenticator", {"options": PLATFORM})["authenticatorId"]

    def list_credentials(self):
        return self.cdp.send("WebAuthn.getCredentials", {"authenticatorId": self.id})["credentials"]

    def refuse_to_unlock(self, *, is_refused=True):
        """Have the person's finger not recognized."""
        self.cdp.send("WebAuthn.setUserVerified", {"authenticatorId": self.id, "isUserVerified": not is_refused})


@pytest.fixture
def device(page, live_server, settings):
    settings.OTP_WEBAUTHN_RP_ID = "localhost"
    settings.OTP_WEBAUTHN_ALLOWED_ORIGINS = [live_server.url]
    return Device(page)


def start_sign_in(page):
    page.goto("/accounts/login/")
    fill_in(page, email="ann@example.com", password=PASSWORD)


def sign_in_without(page):
    """Sign in somebody who has no second factor yet."""
    start_sign_in(page)
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


class TestPasskeys:
    @pytest.mark.requirement("MFA-03", "OTP-15", "OTP-16")
    def test_set_up_sign_in_and_remove(self, page, device):
        ann = make_person("ann@example.com", "")
        sign_in_without(page)
        page.goto("/accounts/security/")
        page.get_by_role("link", name="Set up a passkey").click()
        page.get_by_label("Name", exact=True).fill("My phone")
        assert find_barriers(page) == []
        press(page, "Set up a passkey")
        expect(page.get_by_role("status").get_by_text("Your passkey is set up.")).to_be_visible()
        expect(page.get_by_text("On: signing in takes your password")).to_be_visible()
        assert len(device.list_credentials()) == 1
        page.goto("/accounts/security/")
        assert find_barriers(page) == []
        page.get_by_role("button", name="Sign out").click()

        start_sign_in(page)
        expect_heading(page, "Confirm that it is you")
        assert find_barriers(page) == []
        press(page, "Use a passkey")
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        row = WebAuthnCredential.objects.get(user=ann)
        assert row.sign_count == device.list_credentials()[0]["signCount"] > 0

        page.goto("/accounts/security/")
        page.get_by_role("button", name="Turn off").click()
        expect_heading(page, "Confirm that it is you")
        press(page, "Use a passkey")
        expect(page.get_by_text("The second factor is off.")).to_be_visible()
        page.get_by_role("link", name="Remove My phone").click()
        press(page, "Use a passkey")
        expect_heading(page, "Remove a way to sign in")
        page.get_by_role("button", name="Remove").click()
        expect(page.get_by_role("link", name="Set up a passkey")).to_be_visible()
        assert not WebAuthnCredential.objects.exists()

    def test_a_device_that_stays_locked_is_said_and_can_be_tried_again(self, page, device):
        ann = make_person("ann@example.com", "")
        sign_in_without(page)
        page.goto("/accounts/security/passkey/")
        page.get_by_label("Name", exact=True).fill("My phone")
        device.refuse_to_unlock()

        press(page, "Set up a passkey")

        expect(page.get_by_role("alert")).to_contain_text("No passkey was used: it was canceled, or took too long.")
        assert find_barriers(page) == []
        device.refuse_to_unlock(is_refused=False)
        press(page, "Set up a passkey")
        expect_heading(page, "Security")
        assert WebAuthnCredential.objects.filter(user=ann).count() == 1

    def test_without_a_name_nothing_is_made(self, page, device):
        make_person("ann@example.com", "")
        sign_in_without(page)
        page.goto("/accounts/security/passkey/")

        press(page, "Set up a passkey")

        expect(page.get_by_role("alert").get_by_role("link", name="Give it a name.")).to_be_visible()
        assert device.list_credentials() == []

    def test_a_device_that_has_one_already_is_told_so(self, page, device):
        make_person("ann@example.com", "")
        sign_in_without(page)
        page.goto("/accounts/security/passkey/")
        page.get_by_label("Name", exact=True).fill("My phone")
        press(page, "Set up a passkey")
        expect_heading(page, "Security")
        page.get_by_role("link", name="Set up another passkey").click()
        press(page, "Use a passkey")
        page.get_by_label("Name", exact=True).fill("The same phone")

        press(page, "Set up a passkey")

        expect(page.get_by_role("alert")).to_contain_text("This device has a passkey for your account already.")

    def test_at_another_address_the_page_says_where_it_works(self, page, device, settings):
        with_passkey(make_person("ann@example.com", ""))
        settings.OTP_WEBAUTHN_RP_ID = "smartfin.example"
        start_sign_in(page)

        press(page, "Use a passkey")

        expect(page.get_by_role("alert")).to_contain_text("Passkeys of this site work at smartfin.example only.")

    def test_a_sign_in_that_is_over_is_said_in_the_server_s_words(self, page, device):
        with_passkey(make_person("ann@example.com", ""))
        start_sign_in(page)
        expect_heading(page, "Confirm that it is you")
        page.context.clear_cookies(name="sessionid")

        press(page, "Use a passkey")

        expect(page.get_by_role("alert")).to_contain_text("That sign-in is over.")

    def test_a_site_that_cannot_be_reached_is_said(self, page, device):
        with_passkey(make_person("ann@example.com", ""))
        start_sign_in(page)
        expect_heading(page, "Confirm that it is you")
        page.route("**/api/login/passkey/options", lambda route: route.abort())

        press(page, "Use a passkey")

        expect(page.get_by_role("alert")).to_contain_text("The site can’t be reached.")

    @pytest.mark.requirement("UX-07")
    def test_without_scripts_the_page_says_so_and_the_other_ways_work(self, new_page):
        ann = make_person("ann@example.com", "")
        with_passkey(ann)
        codes = with_backup_codes(ann)
        page = new_page(java_script_enabled=False)
        start_sign_in(page)
        expect_heading(page, "Confirm that it is you")
        # Playwright finds nothing inside of <noscript>, though Chromium shows it.
        assert "Passkeys need JavaScript. Turn it on to use one." in page.locator("main").inner_text()

        press(page, "Use a passkey")

        expect(page.get_by_role("alert")).to_contain_text("Your browser used no passkey: it needs JavaScript for that.")
        page.get_by_role("link", name="Backup code").click()
        page.get_by_label("Backup code", exact=True).fill(codes[0])
        page.keyboard.press("Enter")

        expect(page.get_by_role("button", name="Sign out")).to_be_visible()
