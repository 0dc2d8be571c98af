"""A front end on another origin, with its own copy of the module."""

import shutil
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

NUMBER = "+12025550123"
MODULE = Path(django_settings.BASE_DIR) / "otp" / "static" / "otp"
TRY = """
() => window.api.sendOTP("+12025550123").then(
  (answer) => answer.status,
  ({ code, status, retryAfter }) => [code, status, typeof retryAfter],
)
"""


@pytest.fixture
def front_end(other_site, live_server) -> str:
    origin, folder = other_site
    shutil.copytree(MODULE, folder / "otp")
    (folder / "index.html").write_text(
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Shop</title><link rel="icon" href="data:,">'
        f'<phone-verification base-url="{live_server.url}/api"></phone-verification>'
        '<script type="module" src="app.js"></script>'
    )
    (folder / "app.js").write_text(
        f'import api from "./otp/api.js";\napi.configure({{ baseURL: "{live_server.url}" }});\nwindow.api = api;\n'
    )
    (folder / "worker.js").write_text(
        f'import {{ configure, sendOTP }} from "./otp/api.js";\nconfigure({{ baseURL: "{live_server.url}/api/" }});\n'
        f'sendOTP("{NUMBER}").then(({{ status }}) => postMessage(status), ({{ code }}) => postMessage(code));\n'
    )
    return origin


class TestAllowedOrigin:
    @pytest.fixture(autouse=True)
    def _allowed(self, front_end, settings):
        settings.CORS_ALLOWED_ORIGINS = [front_end]

    def test_functions_work(self, front_end, page):
        page.goto(front_end)

        assert page.evaluate(TRY) == "pending"

    def test_errors_say_how_long_to_wait(self, front_end, page):
        page.goto(front_end)
        page.evaluate(TRY)

        assert page.evaluate(TRY) == ["too_many_requests", 429, "number"]

    def test_element_works(self, front_end, page, inbox):
        page.goto(front_end)
        page.evaluate("addEventListener('verified', ({ detail }) => { window.proven = detail.phone; })")

        page.get_by_label("Phone number").fill(NUMBER)
        page.keyboard.press("Enter")
        expect(page.get_by_label("Code", exact=True)).to_be_focused()
        page.get_by_label("Code", exact=True).fill(inbox(NUMBER)[0]["code"])
        page.keyboard.press("Enter")

        expect(page.get_by_text("Your phone number is verified.")).to_be_visible()
        assert page.evaluate("proven") == NUMBER

    def test_functions_work_where_there_are_no_elements(self, front_end, page):
        page.goto(front_end)

        status = page.evaluate(
            """() => new Promise((resolve) => {
              const worker = new Worker("worker.js", { type: "module" });
              worker.onmessage = ({ data }) => resolve(data);
              worker.onerror = () => resolve("broken");
            })"""
        )

        assert status == "pending"


class TestOtherOrigin:
    def test_is_refused_by_the_browser(self, front_end, page, browser, inbox):
        # Chromium logs the refusal as an error, so not in a page whose console must stay empty.
        with browser.new_context() as context:
            stranger = context.new_page()
            stranger.goto(front_end)

            assert stranger.evaluate(TRY) == ["network_error", 0, "undefined"]

        assert inbox(NUMBER) == []
