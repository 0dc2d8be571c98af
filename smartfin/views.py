"""The front page, and errors in the shape that each part of the site speaks."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
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
server_error = partial(_answer, status=500, page=defaults.server_error)
