"""The cookie that tells one browser from another. It signs nobody in."""

import secrets
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

AGE_SECONDS = 400 * 24 * 3600  # as long as browsers keep any
LENGTH = 22  # of token_urlsafe(16): 128 bits


def read(request: HttpRequest) -> str:
    """Give the cookie's value, '' where there is none or it is not one that we could have made."""
    value: str = request.COOKIES.get(settings.BROWSER_COOKIE_NAME, "")
    return value if len(value) == LENGTH and value.isascii() else ""


def give(request: HttpRequest) -> str:
    """Give the browser's value, and have the answer set one where there is none."""
    # Django REST framework wraps the request; the middleware knows the one inside.
    inner: Any = getattr(request, "_request", request)
    value = read(inner) or getattr(inner, "new_browser_cookie", "")
    if not value:
        value = inner.new_browser_cookie = secrets.token_urlsafe(16)
    return value


def set_on(request: HttpRequest, response: HttpResponseBase) -> None:
    """Set what `give` has made. Called by `accounts.middleware`."""
    if value := getattr(request, "new_browser_cookie", ""):
        response.set_cookie(
            settings.BROWSER_COOKIE_NAME,
            value,
            max_age=AGE_SECONDS,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
