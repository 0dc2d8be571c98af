"""The dashboard in a real browser: readable by everybody, in both schemes, on a phone, by keyboard."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.test import Client
from playwright.sync_api import expect

from accounts.tests.people import make_person, sign_in_staff
from otp.operations import demo

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def open_board(new_page, live_server, monkeypatch):
    """Open the admin's front page as staff, with some history behind it."""
    monkeypatch.setattr("otp.operations.demo_history.VERIFICATIONS_A_DAY", 60)
    demo.fill(days=10)
    boss = make_person("root@example.com", "+12025550177", is_staff=True, is_superuser=True)
    cookie = sign_in_staff(Client(), boss).cookies["sessionid"].value

    def open_page(**options):
        page = new_page(**options)
        page.context.add_cookies([{"name": "sessionid", "value": cookie, "url": live_server.url}])
        page.goto("/admin/")
        expect(page.get_by_role("heading", name="One-time codes", level=2).first).to_be_visible()
        return page

    return open_page


def find_barriers(page):
    violations = Axe().run(page, context=".otp-board").response["violations"]
    return [f"{violation['id']}: {node['html']}" for violation in violations for node in violation["nodes"]]


def test_has_no_barriers_in_either_scheme(open_board):
    for scheme, width in (("light", 360), ("dark", 1280)):
        page = open_board(color_scheme=scheme, viewport={"width": width, "height": 800})
        page.locator(".otp-board details").evaluate_all("all => all.forEach((one) => { one.open = true; })")

        assert find_barriers(page) == [], (scheme, width)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (scheme, width)
        page.context.close()


def test_tables_open_by_keyboard_and_say_what_the_drawing_shows(open_board):
    page = open_board(viewport={"width": 360, "height": 800})
    drawing = page.get_by_role("img", name="Last 30 days, UTC")
    expect(drawing).to_be_visible()
    figure = page.locator("#otp-days")
    summary = figure.locator("summary")
    expect(figure.get_by_role("table")).to_be_hidden()

    summary.focus()
    page.keyboard.press("Enter")

    expect(figure.get_by_role("row")).to_have_count(31)
    expect(figure.get_by_role("columnheader", name="Conversion")).to_be_visible()
    page.keyboard.press("Tab")
    expect(figure.get_by_role("region")).to_be_focused()


def test_letters_in_drawings_are_large_enough_on_a_phone(open_board):
    page = open_board(viewport={"width": 360, "height": 800})

    heights = page.locator(".otp-picture svg text").evaluate_all(
        "all => all.map((text) => text.getBoundingClientRect().height)"
    )
    assert min(heights) >= 11
