"""Fixtures for journeys in a browser."""

import time
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Page

from accounts.assurance import KEY
from accounts.tests.people import sign_in


@pytest.fixture
def sign_in_page(new_page: Callable[..., Page], live_server: Any) -> Callable[..., Page]:
    """Open a page on which somebody is signed in already: `sign_in_page(user, device=device, proven=["factors"])`.

    `proven` are the steps that they have just confirmed.
    """

    def open_page(user: Any, *, device: Any = None, proven: Iterable[str] = (), **options: Any) -> Page:
        page = new_page(**options)
        session = sign_in(Client(), user, device=device).session
        session[KEY] = dict.fromkeys(proven, int(time.time()))
        session.save()
        key = session.session_key or ""
        page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": key, "url": live_server.url}])
        return page

    return open_page
