"""Signing in with a second factor in a browser: each way, and whatever can come between."""

import pytest
from django.contrib.auth import get_user_model
from playwright.sync_api import expect

from accounts.models import UserSession
from accounts.tests.browser.steps import (
    control,
    expect_heading,
    expect_signed_in,
    fill_in,
    give_password,
    read_code,
    sign_out,
)
from accounts.tests.people import (
    NUMBER,
    PASSWORD,
    make_person,
    show_totp_code,
    with_backup_codes,
    with_phone,
    with_totp,
)

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
both = pytest.mark.parametrize("has_scripts", [True, False], ids=["scripts", "no scripts"])


def make_all_round_person():
    """Somebody with a phone, which they prefer, an app and backup codes; gives the codes too."""
    ann = with_phone(with_totp(make_person()), preferred_channel="sms")
    return ann, with_backup_codes(ann)


@both
class TestEachWay:
    @pytest.mark.requirement("UX-01", "UX-04")
    def test_signs_in(self, has_scripts, new_page, settings):
        settings.OTP_RESEND_WAITS = [0]
        ann, backup_codes = make_all_round_person()
        page = new_page(java_script_enabled=has_scripts)

        give_password(page, address="/accounts/login/?next=/accounts/security/")
        expect_heading(page, "Confirm that it is you")
        expect(page.get_by_role("main")).to_contain_text("We sent a code by text message to +1 ••• ••• 0123.")
        page.get_by_role("button", name="Call me instead").click()
        expect(page.get_by_role("main")).to_contain_text("We are calling +1 ••• ••• 0123")
        code = read_code(page)
        fill_in(page, code=f"{code[:3]} {code[3:]}")
        expect_heading(page, "Security")
        sign_out(page)

        give_password(page)
        page.get_by_role("link", name="Authenticator app").click()
        code = show_totp_code(ann)
        fill_in(page, code=f"{code[:3]}-{code[3:]}")
        expect_signed_in(page)
        sign_out(page)

        give_password(page)
        expect(page.get_by_role("main")).to_contain_text("Without your phone, a backup code or another device")
        page.get_by_role("link", name="Backup code").click()
        fill_in(page, backup_code=backup_codes[0].lower())
        expect_signed_in(page)

    def test_an_outage_is_said_and_another_way_still_works(self, has_scripts, new_page):
        ann, _ = make_all_round_person()
        page = new_page(java_script_enabled=has_scripts)
        control(page, fault="reset_connection")

        give_password(page)

        expect(page.get_by_role("alert")).to_contain_text("You can use another way below.")
        expect(page.get_by_label("Code", exact=True)).to_have_count(0)
        page.get_by_role("link", name="Authenticator app").click()
        fill_in(page, code=show_totp_code(ann))
        expect_signed_in(page)

    def test_a_browser_that_is_trusted_is_not_asked_again(self, has_scripts, new_page):
        with_phone(make_person())
        page = new_page(java_script_enabled=has_scripts)
        give_password(page)
        page.get_by_label("Don’t ask for a code in this browser for 30 days").check()
        fill_in(page, code=read_code(page))
        expect_signed_in(page)
        sign_out(page)

        page.goto("/accounts/login/")
        fill_in(page, email="ann@example.com", password=PASSWORD)

        expect_signed_in(page)


class TestWhatComesBetween:
    @pytest.mark.requirement("MFA-08")
    def test_two_people_in_two_tabs_are_never_taken_for_each_other(self, page):
        with_phone(make_person())
        with_phone(make_person("bob@example.com", "+12025550199"))
        give_password(page)
        code = read_code(page)
        other_tab = page.context.new_page()
        give_password(other_tab, "bob@example.com")

        fill_in(page, code=code)

        expect_heading(page, "Sign in")
        expect(page.get_by_role("status")).to_contain_text("Another sign-in was begun in this browser.")
        assert not UserSession.objects.filter(user__isnull=False).exists()
        fill_in(other_tab, code=read_code(other_tab, "+12025550199"))
        expect_signed_in(other_tab, "bob@example.com")

    def test_a_sign_in_that_took_too_long_starts_anew(self, page):
        with_phone(make_person())
        give_password(page)
        for row in UserSession.objects.all():
            session = row.get_session_store_class()(row.session_key)
            session["pending_login"] = {**session["pending_login"], "started_at": 0}
            session.save()

        fill_in(page, code=read_code(page))

        expect_heading(page, "Sign in")
        expect(page.get_by_role("status")).to_contain_text("That sign-in is over.")

    def test_an_account_that_is_switched_off_meanwhile(self, page):
        with_phone(make_person())
        give_password(page)
        get_user_model().objects.update(is_active=False)

        fill_in(page, code=read_code(page))

        expect_heading(page, "Sign in")
        expect(page.get_by_role("status")).to_contain_text("That sign-in is over.")

    def test_somebody_deleted_while_signed_in(self, sign_in_page):
        ann = make_person()
        page = sign_in_page(ann)
        page.goto("/accounts/security/channel/")
        ann.delete()

        page.get_by_role("button", name="Save").click()

        expect_heading(page, "Sign in")

    def test_the_back_button_after_signing_in_shows_no_form_of_before(self, page):
        with_phone(make_person())
        give_password(page)
        fill_in(page, code=read_code(page))
        expect_signed_in(page)

        page.go_back()

        expect_signed_in(page)
        expect(page.get_by_label("Code", exact=True)).to_have_count(0)

    def test_a_double_click_signs_in_without_a_complaint(self, page):
        with_phone(make_person())
        give_password(page)
        page.get_by_label("Code", exact=True).fill(read_code(page))
        page.wait_for_load_state()  # without scripts the second click is sent as well

        page.get_by_role("main").get_by_role("button", name="Sign in", exact=True).dblclick()

        expect_signed_in(page)
        expect(page.get_by_role("alert")).to_have_count(0)

    def test_next_never_leaves_the_site(self, page, other_site):
        origin, _ = other_site
        with_totp(make_person())

        for address in (origin, f"//{origin.removeprefix('http://')}", "/\\evil.example", "javascript:alert(1)"):
            page.goto("/accounts/login/")
            page.goto(f"/accounts/login/?next={address}")
            expect(page.get_by_role("main").locator("input[name=next]")).to_have_value("/")


class TestNumber:
    @pytest.mark.requirement("UX-04")
    def test_stays_on_one_line(self, new_page):
        with_phone(make_person())
        page = new_page(viewport={"width": 320, "height": 800})
        give_password(page)

        heights = page.locator(".number").evaluate_all("numbers => numbers.map((one) => one.getClientRects().length)")

        assert heights == [1]
        assert NUMBER not in page.content()
