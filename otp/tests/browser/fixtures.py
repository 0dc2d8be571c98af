"""Fixtures for tests that drive a real Chromium: `new_page` and `page`, the sandbox's `inbox`, and `other_site`.

A page that writes an error to its console, throws, or breaks the Content-Security-Policy fails its test at the end.
"""

import http.server
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright, expect, sync_playwright

PHONE = {"width": 390, "height": 844}
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# Long, for machines that do much else at the time. What is there already is never waited for.
WAIT_MS = 20_000
NO_CHROMIUM = "No Chromium here. Install one: `apt-get install chromium`, or `.venv/bin/playwright install chromium`."


def find_chromium(playwright: Playwright) -> str | None:
    """Find the system's Chromium, or else the one that Playwright installed."""
    found = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    own = playwright.chromium.executable_path
    return found or (own if Path(own).exists() else None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The one Chromium of a test process."""
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright keeps an event loop in this thread, and Django refuses its database where it sees one.
        patch.setitem(os.environ, "DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        executable = find_chromium(playwright)
        if executable is None:
            pytest.skip(NO_CHROMIUM)
        expect.set_options(timeout=WAIT_MS)
        browser = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def new_page(browser: Browser, live_server: Any) -> Iterator[Callable[..., Page]]:
    """Open a page in a context of its own: `new_page(color_scheme="dark")`. Its addresses start at the live server."""
    contexts = []
    complaints: list[str] = []

    def open_page(**options: Any) -> Page:
        context = browser.new_context(**{"base_url": live_server.url, "viewport": PHONE, **options})
        context.set_default_timeout(WAIT_MS)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.extend(_read_complaint(message)))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield open_page
    for context in contexts:
        context.close()
    if complaints:
        pytest.fail("\n".join(["The page complained:", *complaints]))


@pytest.fixture
def page(new_page: Callable[..., Page]) -> Page:
    """One page on the live server, as large as a phone."""
    return new_page()


@pytest.fixture
def inbox(page: Page) -> Callable[..., list[dict[str, Any]]]:
    """Read what the sandbox delivered to a destination, newest first: `inbox("+12025550123")[0]["code"]`."""

    def read(to: str) -> list[dict[str, Any]]:
        return page.request.get("/sandbox/messages.json", params={"to": to}).json()["messages"]

    return read


@pytest.fixture
def other_site(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A site of another origin: its address, and the folder that it serves."""
    handler = partial(QuietHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", tmp_path
        server.shutdown()
        thread.join()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        """Keep the test's output to the test's own."""


def _read_complaint(message: ConsoleMessage) -> list[str]:
    # Chromium itself logs each refusal of the API, which the tests look at, and the icon that it asks for unasked.
    address = message.location["url"]
    is_expected = message.text.startswith("Failed to load") and ("/api/" in address or "/favicon.ico" in address)
    return [f"{message.text} ({address})"] if message.type in {"error", "warning"} and not is_expected else []
