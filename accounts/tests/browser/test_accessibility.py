"""Every page of accounts, light on the smallest phone and dark on a wide screen: no barriers, and nothing cut off."""

import pytest
from playwright.sync_api import expect

from accounts.tests.browser.steps import expect_heading, fill_in, give_password, read_code
from accounts.tests.people import NUMBER, PASSWORD, make_person, with_backup_codes, with_phone, with_totp
from otp.tests.browser.test_pages import find_barriers

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.requirement("UX-05", "UX-07"),
    pytest.mark.parametrize(("color_scheme", "width"), [("light", 320), ("dark", 1280)]),
]
STEPS = ["two_factor", "factors", "add_phone", "backup_codes", "phone_change", "password", "sessions"]
CLOSED = [
    "security/two-factor/",
    "security/channel/",
    "security/password/",
    "security/sessions/end/",
    "security/phone/",
    "security/passkey/",
    "phone-change/",
    "confirm/?for=staff",
    "confirm/?for=staff&method=backup_code",
    "confirm/?for=staff&method=otp",
]


def look(page):
    assert find_barriers(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_pages_of_strangers(color_scheme, width, new_page):
    make_person()
    page = new_page(color_scheme=color_scheme, viewport={"width": width, "height": 844})

    for address in ("register/done/", "logout/done/", "password-reset/done/"):
        page.goto(f"/accounts/{address}")
        look(page)
    page.goto("/accounts/register/")
    look(page)
    fill_in(page, email="x", password="x", phone="x")
    expect(page.get_by_role("alert")).to_be_visible()
    look(page)
    fill_in(page, email="ann@example.com", password=PASSWORD, phone="+12025550199")
    expect_heading(page, "Enter the code")
    look(page)
    fill_in(page, code="1")
    expect(page.get_by_role("alert")).to_be_visible()
    look(page)
    fill_in(page, code=read_code(page, "+12025550199"))
    expect_heading(page, "There is an account already")
    look(page)
    page.goto("/accounts/password-reset/")
    look(page)
    fill_in(page, email="ann@example.com", phone=NUMBER)
    expect_heading(page, "Choose a new password")
    look(page)


def test_pages_of_the_second_step(color_scheme, width, new_page):
    ann = with_phone(with_totp(make_person()), preferred_channel="sms")
    with_backup_codes(ann)
    page = new_page(color_scheme=color_scheme, viewport={"width": width, "height": 844})
    page.goto("/accounts/login/")
    look(page)
    give_password(page)
    look(page)
    for method in ("totp", "backup_code"):
        page.goto(f"/accounts/login/code/?method={method}")
        look(page)
    page.goto("/accounts/password-reset/")
    fill_in(page, email="ann@example.com", phone=NUMBER)
    expect_heading(page, "Choose a new password")
    fill_in(page, code=read_code(page), new="another-good-one")
    expect_heading(page, "One more proof")
    look(page)


def test_pages_of_the_settings(color_scheme, width, sign_in_page):
    ann = with_phone(with_totp(make_person()))
    page = sign_in_page(ann, proven=STEPS, color_scheme=color_scheme, viewport={"width": width, "height": 844})

    page.goto("/accounts/security/backup-codes/")
    look(page)
    page.get_by_role("button", name="Make ten codes").click()
    expect_heading(page, "Your backup codes")
    look(page)
    page.goto("/accounts/security/totp/")
    look(page)
    page.goto("/accounts/security/")
    look(page)
    page.get_by_role("link", name="Remove the app").click()
    expect_heading(page, "Remove a way to sign in")
    look(page)
    for address in CLOSED:
        answer = page.goto(f"/accounts/{address}")
        assert answer.status == 200
        look(page)
    page.goto("/accounts/phone-change/")
    page.get_by_label("New phone number").fill("+12025550199")
    page.keyboard.press("Enter")
    expect_heading(page, "Enter the code")
    look(page)
