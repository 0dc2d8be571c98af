"""What the pages of all journeys have in common."""

from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from accounts.exceptions import LinkOver
from accounts.forms.base import list_errors, say_wait
from accounts.forms.registration import list_channels
from accounts.waiting import Waiting
from otp.exceptions import OtpError

View = Callable[..., HttpResponse]


def open_page(view: View) -> View:
    """Open a page to everybody, kept by no cache, and its fields by no error report."""
    return login_not_required(never_cache(sensitive_post_parameters()(view)))


def keep_token(request: HttpRequest, key: str, token: str, find: Callable[[str], object], page: str) -> HttpResponse:
    """Take the token of a mail's link out of the address, so that it reaches no history and no other site.

    `find` raises `LinkOver` for one that is no longer good; `page` goes on with what the session then holds at `key`.
    """
    request.session.pop(key, None)
    # SECURITY: only a good one is kept: strangers' nonsense would fill the table of sessions.
    with suppress(LinkOver):
        find(token)
        request.session[key] = token
    response = redirect(page)
    # Only here: on the page itself it would have browsers send its form without an origin, which Django refuses. The
    # page's address holds nothing to hide.
    response["Referrer-Policy"] = "no-referrer"
    return response


def show_form(
    request: HttpRequest, template: str, form: forms.BaseForm, refusal: OtpError | None = None, **context: Any
) -> HttpResponse:
    """Show a form with what is wrong with it.

    What the person can mend is an ordinary page (200); waits and outages say so in the status as well.
    """
    response = render(request, template, {"form": form, "errors": list_errors(form), **context})
    if refusal and refusal.http_status >= 429:
        response.status_code = refusal.http_status
        response["Retry-After"] = str(refusal.retry_after)
    return response


def closed_page(view: View) -> View:
    """Keep a page to whoever is signed in, to no cache, and its fields out of error reports."""
    return never_cache(sensitive_post_parameters()(view))


def post_only(page: str) -> Callable[[View], View]:
    """Lead whoever comes by a link to the page that has the button.

    They come from the sign-in that their session's end made necessary, from changing the language, or by reloading.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            return view(request, *args, **kwargs) if request.method == "POST" else redirect(page)

        return guarded

    return decorate


def describe_waiting(waiting: Waiting | None, *, to: str = "", channels: list[str] | None = None) -> dict[str, Any]:
    """Give a page that waits for a code what it says about it.

    `to` is shown whole where the person has just typed it, and masked otherwise. The way that was used comes first.
    """
    resend_in = waiting.resend_in if waiting else 0
    used = waiting.channel if waiting else ""
    names = channels if channels is not None else [name for name, _ in list_channels()]
    return {
        "waiting": waiting,
        "to": to or (waiting.to if waiting else ""),
        "channels": sorted(names, key=lambda name: name != used),
        "resend_in": resend_in,
        "resend_wait": say_wait(resend_in) if resend_in else "",
        "is_sandbox": settings.OTP_SANDBOX,
    }
