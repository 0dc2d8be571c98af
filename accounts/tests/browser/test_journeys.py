"""People's journeys in a browser, with scripts and without: the pages are complete either way."""

from urllib.parse import urlsplit

import pytest
from django.contrib.auth import get_user_model
from playwright.sync_api import expect

from accounts.tests.browser.steps import expect_heading, fill_in, read_code
from accounts.tests.people import NUMBER, PASSWORD, make_person, with_phone

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
both = pytest.mark.parametrize("has_scripts", [True, False], ids=["scripts", "no scripts"])


def expect_admin(page, address):
    """See that somebody is on a page of the admin site, whatever its heading is."""
    expect(page.get_by_role("button", name="Log out")).to_be_visible()
    assert urlsplit(page.url).path == address


@both
class TestJourneys:
    def test_register_sign_in_and_out(self, has_scripts, new_page):
        page = new_page(java_script_enabled=has_scripts)
        page.goto("/")
        page.get_by_role("navigation").get_by_role("link", name="Register").click()
        fill_in(page, email="ann@example.com", password=PASSWORD, phone="+1 (202) 555-0123")
        expect_heading(page, "Enter the code")
        code = read_code(page)
        fill_in(page, code=f"{code[:3]} {code[3:]}")
        expect_heading(page, "Your account is ready")
        page.get_by_role("main").get_by_role("link", name="Sign in").click()
        fill_in(page, email="ann@example.com", password=PASSWORD)
        expect(page.get_by_role("banner")).to_contain_text("ann@example.com")

        page.get_by_role("button", name="Sign out").click()

        expect_heading(page, "You are signed out")
        assert {cookie["name"] for cookie in page.context.cookies()} == {"csrftoken", "browser"}
        page.goto("/")
        expect(page.get_by_role("navigation").get_by_role("link", name="Sign in")).to_be_visible()

    def test_reset_the_password_and_sign_in_with_it(self, has_scripts, new_page):
        make_person()
        page = new_page(java_script_enabled=has_scripts)
        page.goto("/accounts/login/")
        page.get_by_role("link", name="Forgot your password?").click()
        fill_in(page, email="ann@example.com", phone=NUMBER)
        expect_heading(page, "Choose a new password")
        fill_in(page, code=read_code(page), new="another-good-one")
        expect_heading(page, "Your password is changed")

        page.get_by_role("main").get_by_role("link", name="Sign in").click()
        fill_in(page, email="ann@example.com", password="another-good-one")

        expect(page.get_by_role("banner")).to_contain_text("ann@example.com")

    @pytest.mark.requirement("REC-01")
    def test_reset_the_password_where_the_phone_is_not_enough(self, has_scripts, new_page):
        ann = with_phone(make_person())
        page = new_page(java_script_enabled=has_scripts)
        page.goto("/accounts/password-reset/")
        fill_in(page, email=ann.email, phone=NUMBER)
        expect_heading(page, "Choose a new password")
        fill_in(page, code=read_code(page), new="another-good-one")
        expect_heading(page, "One more proof")

        fill_in(page, code=read_code(page, ann.email))

        expect_heading(page, "Your password is changed")
        ann.refresh_from_db()
        assert ann.check_password("another-good-one")

    @pytest.mark.requirement("MFA-01")
    def test_a_new_superuser_is_led_to_a_second_factor_and_then_to_the_admin_site(self, has_scripts, new_page):
        get_user_model().objects.create_superuser("root@example.com", PASSWORD)
        page = new_page(java_script_enabled=has_scripts)
        page.goto("/admin/")
        fill_in(page, email="root@example.com", password=PASSWORD)
        expect_heading(page, "Set up a second factor")

        page.get_by_role("link", name="Add a phone number").click()
        expect_heading(page, "Add your phone number")
        page.get_by_label("New phone number").fill(NUMBER)
        page.keyboard.press("Enter")
        expect_heading(page, "Enter the code")
        fill_in(page, code=read_code(page))
        expect_heading(page, "Use your phone as a second factor")
        page.get_by_role("button", name="Use this phone").click()

        expect_admin(page, "/admin/")
        expect(page.get_by_text("Your phone is set up as a second factor.")).to_be_visible()
        page.get_by_role("button", name="Log out").click()
        expect_heading(page, "You are signed out")

    def test_staff_with_a_second_factor_come_to_the_admin_site_through_the_same_door(self, has_scripts, new_page):
        with_phone(make_person(is_staff=True, is_superuser=True))
        page = new_page(java_script_enabled=has_scripts)
        page.goto("/admin/accounts/user/")
        fill_in(page, email="ann@example.com", password=PASSWORD)
        expect_heading(page, "Confirm that it is you")
        expect(page.get_by_label("Don’t ask for a code in this browser")).to_have_count(0)

        fill_in(page, code=read_code(page))

        expect_admin(page, "/admin/accounts/user/")

    @pytest.mark.requirement("UX-05")
    def test_errors_take_the_focus_and_lead_to_their_fields(self, has_scripts, new_page):
        page = new_page(java_script_enabled=has_scripts)
        page.goto("/accounts/register/")

        fill_in(page, email="nobody", password="password", phone="12")

        summary = page.get_by_role("alert")
        expect(summary).to_be_focused()
        expect(page).to_have_title("Error: Register · SmartFin")
        summary.get_by_role("link", name="That is no phone number").click()
        field = page.get_by_label("Phone number", exact=True)
        expect(field).to_be_focused()
        expect(field).to_have_accessible_description(
            "With the country code, like +1 202 555 0123. "
            "That is no phone number we can read. Write it with the country code, like +1 202 555 0123."
        )
        expect(field).to_have_attribute("aria-invalid", "true")
        expect(page.get_by_label("Password", exact=True)).to_have_value("")

    @pytest.mark.requirement("UX-01")
    def test_a_code_can_be_pasted_as_it_came(self, has_scripts, new_page):
        page = new_page(java_script_enabled=has_scripts, permissions=["clipboard-read", "clipboard-write"])
        page.goto("/accounts/register/")
        fill_in(page, email="ann@example.com", password=PASSWORD, phone=NUMBER)
        expect_heading(page, "Enter the code")
        code = read_code(page)
        field = page.get_by_label("Code", exact=True)
        field.focus()

        page.keyboard.insert_text(f" {code[:3]}-{code[3:]} ")
        page.keyboard.press("Enter")

        expect_heading(page, "Your account is ready")


class TestCountdown:
    def test_resending_is_off_until_the_server_would_do_it(self, page):
        page.clock.install()
        page.goto("/accounts/register/")
        fill_in(page, email="ann@example.com", password=PASSWORD, phone=NUMBER)
        expect(page.get_by_role("button", name="Send again")).to_be_disabled()
        expect(page.get_by_role("button", name="Call me instead")).to_be_disabled()
        expect(page.locator("#resend-wait")).to_contain_text("seconds")

        page.clock.fast_forward(31_000)

        expect(page.get_by_role("button", name="Send again")).to_be_enabled()
        expect(page.get_by_role("status")).to_have_text("You can ask for another code now.")

    def test_without_scripts_the_button_works_and_says_how_long(self, new_page, settings):
        settings.OTP_RESEND_WAITS = [1]
        page = new_page(java_script_enabled=False)
        page.goto("/accounts/register/")
        fill_in(page, email="ann@example.com", password=PASSWORD, phone=NUMBER)
        expect(page.locator("#resend-wait")).to_contain_text("You can ask for another code")
        page.wait_for_timeout(1100)

        page.get_by_role("button", name="Call me instead").click()

        expect(page.get_by_role("status")).to_have_text("Another code is on its way.")
        expect(page.get_by_text("We are calling")).to_be_visible()
        fill_in(page, code=read_code(page))
        expect_heading(page, "Your account is ready")


class TestSendingOnce:
    def test_a_double_click_makes_one_account_and_no_complaint(self, page):
        page.goto("/accounts/register/")
        fill_in(page, email="ann@example.com", password=PASSWORD, phone=NUMBER)
        expect_heading(page, "Enter the code")
        page.get_by_label("Code", exact=True).fill(read_code(page))

        page.get_by_role("button", name="Register").dblclick()

        expect_heading(page, "Your account is ready")


class TestComingBack:
    def test_to_the_code_of_an_account_that_is_made_by_now(self, page):
        page.goto("/accounts/register/")
        fill_in(page, email="ann@example.com", password=PASSWORD, phone=NUMBER)
        expect_heading(page, "Enter the code")
        fill_in(page, code=read_code(page))
        expect_heading(page, "Your account is ready")

        page.go_back()

        expect_heading(page, "Register")
        expect(page.get_by_label("Password", exact=True)).to_have_value("")
