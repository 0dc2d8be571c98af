"""The site's own pages: readable by everybody, with scripts or without, and true to the Content-Security-Policy."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.views import defaults
from django.views.csrf import csrf_failure
from playwright.sync_api import APIResponse, Page, Route, expect

browser_test = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

NUMBER = "+12025550123"


def find_barriers(page: Page) -> list[str]:
    violations = Axe().run(page).response["violations"]
    return [
        f"{violation['id']}: {node['html']}"
        for violation in violations
        if violation["impact"] in {"serious", "critical"}
        for node in violation["nodes"]
    ]


def show_noscript(route: Route, answer: APIResponse) -> None:
    route.fulfill(response=answer, body=answer.text().replace("noscript>", "div>"))


class TestHome:
    pytestmark = browser_test

    @pytest.mark.parametrize("color_scheme", ["light", "dark"])
    @pytest.mark.parametrize("width", [320, 390, 1280])
    def test_has_no_barriers_at_any_step(self, new_page, color_scheme, width):
        page = new_page(color_scheme=color_scheme, viewport={"width": width, "height": 844})
        page.goto("/")
        expect(page.get_by_label("Phone number")).to_be_visible()
        assert find_barriers(page) == []

        page.get_by_role("button", name="Send code").click()
        assert find_barriers(page) == []

        page.get_by_label("Phone number").fill(NUMBER)
        page.keyboard.press("Enter")
        expect(page.get_by_label("Code", exact=True)).to_be_focused()
        assert find_barriers(page) == []

        code = page.request.get("/sandbox/messages.json", params={"to": NUMBER}).json()["messages"][0]["code"]
        page.get_by_label("Code", exact=True).fill(code)
        page.keyboard.press("Enter")
        expect(page.locator("#confirmation")).to_be_visible()
        assert find_barriers(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    def test_works_without_scripts(self, new_page):
        page = new_page(java_script_enabled=False)
        # Playwright turns scripts off without telling the parser, which then still hides what is in <noscript>.
        page.route("**/", lambda route: show_noscript(route, route.fetch()))

        page.goto("/")

        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.get_by_text("The form needs JavaScript.")).to_be_visible()
        expect(page.get_by_text("/api/send-otp")).to_be_visible()
        expect(page.get_by_label("Phone number")).to_have_count(0)
        expect(page.locator("#confirmation")).to_be_hidden()

    def test_leads_everywhere(self, page):
        page.goto("/")

        addresses = page.locator("main a").evaluate_all("links => links.map((link) => link.getAttribute('href'))")
        assert set(addresses) == {
            "/accounts/register/",
            "/accounts/login/",
            "/api/",
            "/admin/",
            "/sandbox/",
        }
        for address in addresses:
            assert page.request.get(address).ok

    def test_says_nothing_of_the_sandbox_where_there_is_none(self, page, settings):
        settings.OTP_SANDBOX = False

        page.goto("/")

        expect(page.get_by_text("sandbox")).to_have_count(0)

    def test_can_be_skipped_into(self, page):
        page.goto("/")

        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to content")).to_be_in_viewport()
        page.keyboard.press("Enter")

        expect(page.locator("main")).to_be_focused()


class TestContentSecurityPolicy:
    pytestmark = browser_test

    @pytest.mark.parametrize("address", ["/", "/api/docs", "/sandbox/", "/admin/login/"])
    def test_is_kept(self, page, address):
        page.goto(address, wait_until="networkidle")

        expect(page.locator("body")).to_be_visible()


class TestErrorPages:
    @pytest.mark.browser
    @pytest.mark.django_db(transaction=True)
    def test_unknown_address(self, browser, live_server):
        with browser.new_context(base_url=live_server.url, color_scheme="dark") as context:
            page = context.new_page()

            answer = page.goto("/nothing/")

            assert answer.status == 404
            expect(page.get_by_role("heading", name="There is nothing here")).to_be_visible()
            assert find_barriers(page) == []

    @pytest.mark.parametrize(
        ("view", "args", "status", "sentence"),
        [
            (defaults.bad_request, [ValueError()], 400, "That request can’t be read"),
            (defaults.permission_denied, [PermissionError()], 403, "You can’t open this page"),
            (csrf_failure, [], 403, "That form was open for too long"),
            (defaults.page_not_found, [ValueError()], 404, "There is nothing here"),
            (defaults.server_error, [], 500, "Something went wrong here"),
        ],
    )
    def test_need_nothing_that_may_be_broken(self, rf, view, args, status, sentence):
        # No database, no session, no user: just what an error leaves standing.
        answer = view(rf.get("/somewhere/"), *args)

        assert answer.status_code == status
        assert f"<h1>{sentence}</h1>" in answer.content.decode()
