"""Signing in and out, for pages and API alike. The one door: whoever is `request.user` came through `sign_in`."""

import time
from contextlib import suppress
from typing import Any

from django.contrib.auth import authenticate, login, logout
from django.http import HttpRequest
from django.utils.translation import get_language
from django.views.decorators.debug import sensitive_variables
from django_otp import login as verify
from django_otp.models import Device

from accounts import browser_cookie, limits, mail, pending_login, policy, standing
from accounts.exceptions import FactorsBlocked, SignInMixedUp, SignInRefused, SignInUnavailable
from accounts.factors import phone
from accounts.factors.checking import check, raise_if_blocked
from accounts.factors.methods import Method
from accounts.models import FactorBudget, KnownBrowser, SecurityEvent, User
from accounts.models.event import EventKind
from accounts.models.session import SIGNED_IN
from accounts.pending_login import PendingLogin
from accounts.sessions import start_over
from otp import services
from otp.client import Client
from otp.destinations import fold_email
from otp.exceptions import ChannelUnavailable, LimitsUnavailable, OtpError, TooManyRequests
from otp.purposes import Purpose

PASSWORD = "password"  # noqa: S105  the name of a method
TRUSTED_BROWSER = "trusted_browser"


def sign_in_with_password(
    request: HttpRequest, *, email: str, password: str, next_url: str = "/"
) -> PendingLogin | None:
    """Take the first step. Signs in whoever needs no second one; otherwise gives the sign-in that is pending now.

    Where the phone is asked for first its code is sent. If that fails the sign-in is pending all the same, and its
    `problem` says why: the password was right, and there may be other factors.

    :raises FactorsBlocked, FactorsDisabled: right password, and too many wrong codes before
    :raises OtpError: see `authenticate_password`
    """
    client = Client.from_request(request)
    cookie = browser_cookie.read(request)
    user = authenticate_password(email=email, password=password, client=client, cookie=cookie)
    if not policy.is_asked_at_sign_in(user):
        sign_in(request, user, methods=[PASSWORD])
        return None
    found = standing.find(user.pk, cookie)
    if found is None:
        raise SignInRefused  # switched off or deleted in this very moment
    if not found.methods:
        sign_in(request, user, methods=[PASSWORD])
        return None
    if found.has_trusted_browser and not user.is_staff:
        sign_in(request, user, methods=[PASSWORD, TRUSTED_BROWSER])
        return None
    if Method.PASSKEY not in found.methods:
        raise_if_blocked(found.budget)
    pending = pending_login.start(request, user, found.methods, next_url)
    if found.methods[0] == Method.OTP and not (pending.waiting and pending.waiting.is_live):
        with suppress(OtpError):  # kept in `pending.problem`
            _send(request, pending, user)
    return pending


def send_code(request: HttpRequest, *, channel: str = "") -> PendingLogin:
    """Send the pending sign-in's code to the phone, the first time or again.

    :raises SignInOver: none is pending
    :raises ChannelUnavailable: the person's phone is no factor, or policy forbids that channel
    :raises OtpError: see `services.send_otp`
    """
    pending, user = pending_login.get(request)
    raise_if_blocked(FactorBudget.find(user))
    if Method.OTP not in pending.methods:
        raise ChannelUnavailable
    _send(request, pending, user, channel)
    return pending


def _send(request: HttpRequest, pending: PendingLogin, user: User, channel: str = "") -> None:
    client = Client.from_request(request)
    pending.problem = ""
    try:
        pending.waiting = phone.send(user, purpose=Purpose.LOGIN, flow=pending.flow, channel=channel, client=client)
    except OtpError as error:
        pending.problem = str(error.user_message)
        raise
    finally:
        pending.save(request.session)


@sensitive_variables("code")
def finish(request: HttpRequest, *, code: str, method: str = "", flow: str = "", trust_browser: bool = False) -> User:
    """Take the second step: check the code, and sign in. `flow` is the one that the form was made for, if any.

    :raises SignInOver: none is pending
    :raises SignInMixedUp: the form is another sign-in's
    :raises FactorsBlocked, FactorsDisabled: too many wrong codes in a row; the pending sign-in is over
    :raises OtpError: see `checking.check`
    """
    pending, user = pending_login.get(request)
    # SECURITY: two people in two tabs of one browser must not be taken for each other.
    if flow and flow != pending.flow:
        raise SignInMixedUp
    method = method or Method.OTP
    client = Client.from_request(request)
    try:
        device = check(
            user,
            method,
            code,
            allowed=pending.methods,
            purpose=Purpose.LOGIN,
            flow=pending.flow,
            channel=pending.waiting.channel if pending.waiting else "",
            client=client,
            is_known_browser=lambda: KnownBrowser.find(user, browser_cookie.read(request)) is not None,
        )
    except FactorsBlocked:
        pending_login.end(request)
        raise
    if method != Method.OTP and pending.waiting:
        services.cancel_codes(user.pk, Purpose.LOGIN)  # one that is out serves nobody any more
    sign_in(request, user, methods=[PASSWORD, method], device=device)
    if trust_browser and not user.is_staff:
        KnownBrowser.trust(user, browser_cookie.give(request))
    return user


@sensitive_variables("email", "password")
def authenticate_password(*, email: str, password: str, client: Client, cookie: str = "") -> User:
    """Find the active account that an e-mail address and password belong to. Signs nobody in.

    One password is hashed whether there is an account or not (`ModelBackend` sees to it), and no reason is given.

    :raises SignInRefused: unknown address, wrong password, or an account that is switched off
    :raises TooManyRequests: too many failures, for this account or from this network
    :raises SignInUnavailable: failures cannot be counted
    """
    try:
        counted = limits.take_sign_in(email, client, lambda: _find_browser_key(email, cookie))
        user = authenticate(username=email, password=password)
        if user is None:
            SecurityEvent.record_typed(EventKind.SIGN_IN_FAILED, email, client)
            raise SignInRefused
        limits.give_sign_in_back(counted)
    except TooManyRequests as error:
        _record_block(error, email, client)
        raise
    except LimitsUnavailable:
        raise SignInUnavailable from None
    return user


def sign_in(request: HttpRequest, user: User, *, methods: list[str], device: Device | None = None) -> None:
    """Make a person `request.user` of a new session. The only caller of Django's `login()`.

    `methods` are what proved them; `device` is the second factor among it, and makes `user.is_verified()` true.
    """
    client = Client.from_request(request)
    # SECURITY: `login()` alone keeps what the anonymous session held, and the session's key when the same person signs
    # in again. Here nothing of an earlier session survives, and its key is dead.
    start_over(request)
    login(request, user)
    now = int(time.time())
    request.session[SIGNED_IN] = {
        "user_id": user.pk,
        "at": now,
        "seen_at": now,
        "methods": [{"method": str(method), "at": now} for method in methods],
        "address": client.address,
        "user_agent": client.user_agent,
    }
    if device:
        mark_verified(request, device)
    if (language := get_language()) != user.language:
        user.language = language
        user.save(update_fields=["language"])
    if KnownBrowser.note(user, browser_cookie.give(request), client):
        mail.send_new_sign_in(user, client)
    SecurityEvent.record(EventKind.SIGNED_IN, user, client, detail=", ".join(map(str, methods)))


def mark_verified(request: HttpRequest, device: Device) -> None:
    """Mark the session for django-otp: a factor has proven who this is."""
    verify(request, device)


def sign_out(request: HttpRequest) -> None:
    """End the session, on the server as well as in the browser, and a sign-in that is pending."""
    if request.user.is_authenticated:
        SecurityEvent.record(EventKind.SIGNED_OUT, request.user, Client.from_request(request))
        services.cancel_all(request.user.pk)
    end_session(request)


def end_session(request: HttpRequest, why: str = "") -> None:
    """End a session, and treat this request as a stranger's. `why` is recorded, where nobody ended it themself."""
    if why and request.user.is_authenticated:
        SecurityEvent.record(EventKind.SESSION_ENDED, request.user, Client.from_request(request), detail=why)
    logout(request)


def describe_pending(pending: PendingLogin) -> dict[str, Any]:
    """Say what a pending sign-in waits for, as the API gives it; `problem` only where there is one."""
    waiting = pending.waiting
    return {
        "methods": pending.methods,
        "channel": waiting.channel if waiting else None,
        "to": waiting.to if waiting else None,
        "resend_in": waiting.resend_in if waiting else 0,
        **({"problem": pending.problem} if pending.problem else {}),
    }


def describe_session(request: HttpRequest) -> dict[str, Any]:
    """Say who is signed in, and what a sign-in that is pending waits for."""
    found = None if request.user.is_authenticated else pending_login.find(request)
    waiting = found[0].waiting if found else None
    return {
        "authenticated": request.user.is_authenticated,
        "user": request.user if request.user.is_authenticated else None,
        "second_factor": {
            "required": found is not None,
            "methods": found[0].methods if found else [],
            "to": waiting.to if waiting else None,
        },
    }


def _record_block(error: TooManyRequests, email: str, client: Client) -> None:
    """Record a block once: whoever goes on trying must not fill the table."""
    with suppress(LimitsUnavailable):
        if limits.take_note(error, email, client):
            SecurityEvent.record_typed(EventKind.SIGN_IN_BLOCKED, email, client, detail=error.reason)


def _find_browser_key(email: str, cookie: str) -> str:
    user = User.objects.filter(email=fold_email(email)).first()
    browser = KnownBrowser.find(user, cookie) if user else None
    return browser.key if browser else ""
