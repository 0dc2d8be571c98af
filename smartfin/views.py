"""The front page, and errors in the shape that each part of the site speaks."""

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views import defaults
from django.views.decorators.cache import never_cache
from django.views.generic import RedirectView

from otp.api.handler import answer_error


@login_not_required
@never_cache  # it names whoever is signed in
def home(request: HttpRequest) -> HttpResponse:
    """Show where everything is, with a form to try a code."""
    return render(request, "home.html", {"is_sandbox": settings.OTP_SANDBOX})


# Browsers ask for it on pages that are not ours to put a <link> in.
icon = login_not_required(RedirectView.as_view(url=f"/{settings.STATIC_URL.strip('/')}/smartfin/icon.svg"))


def _answer(
    request: HttpRequest, *args: Any, status: int, page: Callable[..., HttpResponse], **kwargs: Any
) -> HttpResponse:
    if request.path.startswith("/api/"):
        return answer_error(request, status)
    return page(request, *args, **kwargs)


bad_request = partial(_answer, status=400, page=defaults.bad_request)
permission_denied = partial(_answer, status=403, page=defaults.permission_denied)
page_not_found = partial(_answer, status=404, page=defaults.page_not_found)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer for what no view caught: 503 while the database is away, for trying again is all that helps; else 500."""
    # Django calls this while it handles the exception, and hands over nothing of it.
    is_away = isinstance(sys.exc_info()[1], OperationalError | InterfaceError)
    if request.path.startswith("/api/"):
        return answer_error(request, 503 if is_away else 500)
    if not is_away:
        return defaults.server_error(request)
    # Without the request: who is signed in cannot be asked now.
    return HttpResponse(render_to_string("503.html"), status=503, headers={"Retry-After": "5"})
