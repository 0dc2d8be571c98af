"""What holds for every page and call: how long a session lasts, and what a person must do first."""

import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from accounts import browser_cookie, policy
from accounts.exceptions import FactorRequired
from accounts.flows.login import end_session
from accounts.models.session import SIGNED_IN, is_over
from accounts.session_time import get_idle_seconds, is_money, say_over
from otp.api.handler import answer

WANTED = "wanted_before_enrolment"  # session key: the path that somebody was on their way to
SEEN_EVERY_SECONDS = 30  # how exactly a session knows when it was last used: each note costs a statement
GetResponse = Callable[[HttpRequest], HttpResponse]


def before_enrolment(view: Any) -> Any:
    """Keep a page open to whoever must set up a second factor first. Viewsets say `is_open_before_enrolment`."""
    view.is_open_before_enrolment = True
    return view


def polled(view: Any) -> Any:
    """Mark a page whose GET pages ask for by themselves: it is no sign of a person. Viewsets say `is_polled`."""
    view.is_polled = True
    return view


def take_wanted(request: HttpRequest) -> str | None:
    """Give the path that somebody was on their way to when they had to set up a second factor; once."""
    return request.session.pop(WANTED, None)


def money_page(view: Any) -> Any:
    """End sessions that nobody has used for five minutes before they see this page. Viewsets say `is_money`."""
    view.is_money = True
    return view


class SessionLifetimeMiddleware:
    """Ends sessions that are over, notes that one is used, and sets the cookie that knows the browser."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        browser_cookie.set_on(request, response)
        return response

    def process_view(self, request: HttpRequest, view: Any, *args: Any) -> None:
        if settings.SESSION_COOKIE_NAME not in request.COOKIES or _is_blind_to_cookies(view):
            return
        signed_in = request.session.get(SIGNED_IN)
        # SECURITY: whoever is signed in came through `sign_in`, which writes it; anything else is no session.
        if is_over(signed_in) if signed_in else request.user.is_authenticated:
            _end(request, get_idle_seconds())
            return
        now = int(time.time())
        limit = get_idle_seconds(is_money=is_money(view))
        if signed_in and now - signed_in["seen_at"] > limit:
            _end(request, limit)
            return
        is_polled = request.method == "GET" and getattr(getattr(view, "cls", view), "is_polled", False)
        if signed_in and not is_polled and now - signed_in["seen_at"] >= SEEN_EVERY_SECONDS:
            request.session[SIGNED_IN] = {**signed_in, "seen_at": now}


class EnrolmentMiddleware:
    """Leads whoever must have a second factor, and has none, to setting one up."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, *args: Any) -> HttpResponse | None:
        if _is_open_before_enrolment(view) or _is_blind_to_cookies(view):
            return None
        user = request.user
        if not user.is_authenticated or user.is_verified() or not policy.must_enrol(user):
            return None
        if request.path.startswith("/api/"):
            return answer(FactorRequired())
        if request.method == "GET":
            request.session[WANTED] = request.get_full_path()
        return HttpResponseRedirect(reverse("accounts:two-factor"))


def _is_open_before_enrolment(view: Any) -> bool:
    return getattr(getattr(view, "cls", view), "is_open_before_enrolment", False)


def _end(request: HttpRequest, limit: int) -> None:
    """End a session by itself, and say so on the next page."""
    end_session(request, "time")
    if not request.path.startswith("/api/"):
        messages.info(request, say_over(limit))


def _is_blind_to_cookies(view: Any) -> bool:
    """Tell whether a call takes nobody for signed in, whatever cookies come along: the public API."""
    return getattr(getattr(view, "cls", None), "authentication_classes", None) == []
