"""The site's own settings, but for what a measurement must not meet: limits, and the cost of password hashing."""

import sys
from collections.abc import Callable
from typing import Any

from django.db import connection
from django.http import HttpRequest, HttpResponse

from smartfin.settings import *  # noqa: F403
from smartfin.settings import MIDDLEWARE

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
UNREACHABLE = sys.maxsize >> 16
for name in [name for name in globals() if name.startswith(("OTP_MAX_", "LOGIN_MAX_"))]:
    globals()[name] = UNREACHABLE
OTP_DAILY_BUDGET = float(UNREACHABLE)


class CountStatements:
    """Says in a header how many statements an answer took."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        count = 0

        def note(execute: Callable[..., Any], *args: Any) -> Any:
            nonlocal count
            count += 1
            return execute(*args)

        with connection.execute_wrapper(note):
            answer = self.get_response(request)
        answer["X-Statements"] = str(count)
        return answer


MIDDLEWARE = ["benchmarks.site_settings.CountStatements", *MIDDLEWARE]
