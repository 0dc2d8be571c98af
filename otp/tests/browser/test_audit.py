"""The audit in a browser: nothing of what strangers send runs, and everybody can read it."""

import pytest
from django.test import Client
from playwright.sync_api import expect

from accounts.tests.people import make_person, sign_in_staff
from otp.destinations import parse_destination
from otp.tests.browser.test_pages import find_barriers
from otp.tests.records import make_attempt, make_check, make_verification
from otp.tests.test_audit_inert import CORPUS

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LIST = "/admin/otp/verificationattempt/"
NUMBER = "+12025550123"


@pytest.fixture
def sign_in(live_server):
    """Give a browser the session of a superuser."""

    def give(page):
        root = make_person("root@example.com", "+12025550177", is_staff=True, is_superuser=True)
        session = sign_in_staff(Client(), root).cookies["sessionid"]
        page.context.add_cookies([{"name": "sessionid", "value": session.value, "url": live_server.url}])
        return root

    return give


@pytest.fixture
def verification():
    destination = parse_destination(NUMBER)
    found = make_verification(NUMBER)
    own = {"verification": found, "destination_hash": destination.hash, "client_address": "198.51.100.7"}
    make_attempt(**own)
    make_attempt(destination_hash=destination.hash, outcome="too_many_requests", reason="resend_wait")
    make_check(outcome="incorrect_code", **own)
    return found


@pytest.mark.requirement("AUD-04")
def test_nothing_of_what_strangers_send_runs(page, sign_in, verification):
    dialogs = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    user = sign_in(page)
    for text in CORPUS:
        attempt = make_attempt(
            verification=verification, user_agent=text, destination_masked=text, reason=text[:40], user=user
        )

    for address in (LIST, f"{LIST}{attempt.pk}/change/", f"/admin/otp/verification/{verification.pk}/change/"):
        page.goto(address)
        page.locator("body").hover()

    assert dialogs == []
    assert page.evaluate("document.querySelectorAll('img[src=x], svg[onload], [onmouseover]').length") == 0


@pytest.mark.requirement("CFG-10")
def test_support_finds_the_story_of_a_code_that_did_not_arrive(page, sign_in, verification):
    sign_in(page)
    page.goto(LIST)

    page.get_by_label("Whole and exact").fill("+1 (202) 555-0123")
    page.keyboard.press("Enter")
    expect(page.locator("#result_list tbody tr")).to_have_count(3)
    assert "5550123" not in page.url
    page.get_by_role("link", name="Timeline").first.click()

    expect(page.get_by_text("The code is out and can be entered.")).to_be_visible()
    expect(page.get_by_text("Asked again before the waiting time was over.")).to_be_visible()


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_has_no_barriers(new_page, sign_in, verification, color_scheme):
    # What reads the page for barriers brings styles of its own.
    page = new_page(color_scheme=color_scheme, bypass_csp=True)
    sign_in(page)
    for address in (LIST, f"/admin/otp/verification/{verification.pk}/change/"):
        page.goto(address)
        expect(page.locator("#content")).to_be_visible()

        assert find_barriers(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), address
