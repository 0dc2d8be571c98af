"""Support's pages in a browser: no barriers and no broken policy, dark and light, wide and on a phone."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from accounts.factors import phone
from accounts.flows.password_link import make_token
from accounts.models import FactorBudget, SecurityEvent
from accounts.models.event import EventKind
from accounts.tests.people import (
    make_person,
    prove,
    show_totp_code,
    sign_in,
    with_backup_codes,
    with_phone,
    with_totp,
)
from otp.client import Client as Caller
from otp.tests.browser.fixtures import PHONE

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
WIDE = {"width": 1280, "height": 900}


def find_barriers(page, part):
    """Look at a part of the page: the frame around it is Django's own."""
    violations = Axe().run(page, context=part).response["violations"]
    return [f"{violation['id']}: {node['html']}" for violation in violations for node in violation["nodes"]]


@pytest.fixture
def bob(db):
    """Somebody who has typed five wrong codes, and is signed in at home."""
    bob = with_totp(with_phone(make_person("bob@example.com", "+12025550188")))
    with_backup_codes(bob)
    for _ in range(5):
        FactorBudget.take(bob)
        SecurityEvent.record(EventKind.FACTOR_FAILED, bob, Caller("198.51.100.7"), detail="authenticator app")
    SecurityEvent.record(EventKind.FACTOR_BLOCKED, bob, Caller("198.51.100.7"))
    return bob


@pytest.fixture
def cookie(client, settings, bob, admin_user, live_server):
    """The cookie of a superuser who has just confirmed that it is them."""
    sign_in(client, bob)
    client.cookies.clear()
    prove(sign_in(client, admin_user, device=phone.enrol(admin_user)))
    name = settings.SESSION_COOKIE_NAME
    return {"name": name, "value": client.cookies[name].value, "url": live_server.url}


@pytest.mark.parametrize("options", [{"viewport": WIDE}, {"color_scheme": "dark"}], ids=["wide", "dark phone"])
def test_somebody_is_unlocked_from_their_page(options, new_page, cookie, bob):
    page = new_page(**options)
    page.context.add_cookies([cookie])
    page.goto("/admin/accounts/user/?q=bob")
    page.get_by_role("link", name="bob@example.com").click()
    expect(page.locator(".field-locked_until")).to_contain_text("until")
    page.get_by_role("link", name="Unlock").click()
    page.get_by_role("button", name="Unlock").click()
    expect(page.get_by_text("Say why.")).to_be_visible()
    page.get_by_label("Reason").fill("Called back, named the last payee")

    page.get_by_role("button", name="Unlock").click()

    expect(page.get_by_text("Unlock: done for 1 person.")).to_be_visible()
    expect(page.locator(".field-events_table")).to_contain_text("Called back, named the last payee")
    assert FactorBudget.find(bob).failures == 0


@pytest.mark.parametrize(
    "options",
    [{"viewport": WIDE}, {"color_scheme": "dark", "viewport": PHONE}],
    ids=["wide", "dark phone"],
)
def test_no_page_has_barriers(options, browser, cookie, bob, live_server):
    # axe writes styles of its own, which the policy of these pages forbids it: a context that nobody listens to.
    with browser.new_context(base_url=live_server.url, **options) as context:
        context.add_cookies([cookie])
        page = context.new_page()
        for path, part in {
            "user/": "#result_list",
            "user/add/": "#content",
            f"user/{bob.pk}/change/": "#content",
            f"user/help/remove-factors/?person={bob.pk}": "#content",
            f"user/help/end-sessions/?person={bob.pk}": "#content",
            f"user/help/change-rights/?person={bob.pk}": "#content",
            "securityevent/": "#result_list",
        }.items():
            page.goto(f"/admin/accounts/{path}")
            assert find_barriers(page, part) == [], path


@pytest.mark.requirement("REC-01")
def test_a_password_is_chosen_by_the_link_of_a_mail(new_page, live_server):
    """Chromium sends the form of a page without referrers from nowhere, and Django refuses that."""
    dan = with_totp(make_person("dan@example.com", ""))
    page = new_page()
    page.goto(f"/accounts/password-link/{make_token(dan)}/")

    page.get_by_label("New password").fill("another-good-one")
    page.get_by_label("Code").fill(show_totp_code(dan))
    page.keyboard.press("Enter")

    expect(page.get_by_text("Your password is set.")).to_be_visible()
    dan.refresh_from_db()
    assert dan.check_password("another-good-one")
