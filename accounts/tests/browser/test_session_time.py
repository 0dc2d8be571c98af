"""The warning before a session ends by itself, in a browser."""

import pytest
from playwright.sync_api import expect

from accounts.models import UserSession
from accounts.models.session import SIGNED_IN
from accounts.tests.people import make_person
from otp.tests.browser.test_pages import find_barriers

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.requirement("UX-06")]
IDLE = 1800


@pytest.fixture
def page(sign_in_page):
    """Ann's security settings, on a clock that the test moves."""
    page = sign_in_page(make_person())
    page.clock.install()
    page.goto("/accounts/security/")
    return page


def pass_time(page, seconds, *, on_server=True):
    """Let the browser's clock run; the session on the server grows older by as much, unless another tab is in use."""
    if on_server:
        row = UserSession.objects.get()
        session = row.get_session_store_class()(row.session_key)
        signed_in = session[SIGNED_IN]
        session[SIGNED_IN] = {**signed_in, "seen_at": signed_in["seen_at"] - seconds}
        session.save()
    page.clock.fast_forward(seconds * 1000)


def test_comes_in_time_and_the_button_puts_the_end_off(page):
    warning = page.get_by_role("alertdialog", name="Are you still there?")
    page.get_by_role("link", name="Change the password").focus()
    pass_time(page, IDLE - 70)
    expect(warning).to_be_hidden()

    pass_time(page, 15)

    expect(warning).to_be_visible()
    expect(warning).to_contain_text("You will be signed out in 5")
    expect(warning.get_by_role("status")).to_contain_text("You will be signed out in 5")
    expect(page.get_by_role("button", name="Stay signed in")).to_be_focused()
    assert find_barriers(page) == []
    page.get_by_role("button", name="Stay signed in").click()
    expect(warning).to_be_hidden()
    expect(page.get_by_role("link", name="Change the password")).to_be_focused()
    page.clock.fast_forward((IDLE - 100) * 1000)
    expect(warning).to_be_hidden()
    page.reload()
    expect(page.get_by_role("heading", level=1, name="Security")).to_be_visible()


def test_does_not_come_while_another_tab_is_in_use(page):
    with page.expect_response("**/accounts/session/") as asked:
        pass_time(page, IDLE - 30, on_server=False)

    assert asked.value.json()["left"] > IDLE - 100
    page.clock.run_for(2000)
    expect(page.get_by_role("alertdialog")).to_have_count(0)


def test_at_the_end_the_page_goes_and_says_why(page):
    pass_time(page, IDLE - 50)
    expect(page.get_by_role("alertdialog")).to_be_visible()

    pass_time(page, 60)

    expect(page.get_by_role("heading", level=1, name="Sign in")).to_be_visible()
    expect(page.get_by_role("status")).to_contain_text("You were signed out: nothing was done for 30 minutes")
    assert page.url.endswith("/accounts/login/?next=/accounts/security/")


def test_at_the_end_the_page_goes_once_however_slow_the_line(page):
    # A second navigation drops the answer to the first, and the message in it.
    asked = []
    page.route("**/accounts/security/", lambda route: asked.append(route))

    pass_time(page, IDLE + 10)

    # Long enough for a page that does not stop to ask and to go some ten times more.
    elsewhere = page.context.new_page()
    for _ in range(10):
        elsewhere.goto("/static/accounts/session-time.js")
    assert len(asked) == 1
    asked[0].continue_()
    expect(page.get_by_role("status")).to_contain_text("You were signed out: nothing was done for 30 minutes")


def test_at_the_end_the_page_goes_again_where_it_was_stopped(page):
    page.route("**/accounts/security/", lambda route: route.abort("aborted"), times=1)  # as the Stop button does
    with page.expect_event("requestfailed", lambda request: request.url.endswith("/accounts/security/")):
        pass_time(page, IDLE + 10)
    expect(page.get_by_role("heading", level=1, name="Security")).to_be_visible()

    page.clock.fast_forward(60_000)

    expect(page.get_by_role("status")).to_contain_text("You were signed out: nothing was done for 30 minutes")


def test_without_scripts_the_page_says_the_limit(sign_in_page):
    page = sign_in_page(make_person(), java_script_enabled=False)

    page.goto("/accounts/security/")

    expect(page.get_by_role("contentinfo")).to_contain_text("You are signed out after 30 minutes without use.")
    expect(page.get_by_text("Are you still there?")).to_be_hidden()
