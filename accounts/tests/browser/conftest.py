"""Fixtures for journeys in a browser."""

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Page

from accounts.tests.people import sign_in


@pytest.fixture
def sign_in_page(new_page: Callable[..., Page], live_server: Any) -> Callable[..., Page]:
    """Open a page on which somebody is signed in already: `sign_in_page(user, device=device)`."""

    def open_page(user: Any, *, device: Any = None, **options: Any) -> Page:
        page = new_page(**options)
        key = sign_in(Client(), user, device=device).session.session_key or ""
        page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": key, "url": live_server.url}])
        return page

    return open_page
