"""Signing in and out, for pages and API alike. The one door: whoever is `request.user` came through `sign_in`."""

import time

from django.contrib.auth import authenticate, login, logout
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from accounts import limits
from accounts.exceptions import SignInRefused, SignInUnavailable
from accounts.models import User
from otp.client import Client
from otp.exceptions import LimitsUnavailable

SIGNED_IN_AT = "signed_in_at"  # session key: seconds since 1970


def sign_in_with_password(request: HttpRequest, *, email: str, password: str) -> User:
    """Sign in whoever the e-mail address and password belong to.

    :raises OtpError: see `authenticate_password`
    """
    user = authenticate_password(email=email, password=password, client=Client.from_request(request))
    sign_in(request, user)
    return user


@sensitive_variables("email", "password")
def authenticate_password(*, email: str, password: str, client: Client) -> User:
    """Find the active account that an e-mail address and password belong to. Signs nobody in.

    One password is hashed whether there is an account or not (`ModelBackend` sees to it), and no reason is given.

    :raises SignInRefused: unknown address, wrong password, or an account that is switched off
    :raises TooManyRequests: too many failures, for this account or from this network
    :raises SignInUnavailable: failures cannot be counted
    """
    try:
        counted = limits.take_sign_in(email, client)
        user = authenticate(username=email, password=password)
        if user is None:
            raise SignInRefused
        limits.give_sign_in_back(counted)
    except LimitsUnavailable:
        raise SignInUnavailable from None
    return user


def sign_in(request: HttpRequest, user: User) -> None:
    """Make a person `request.user` of a new session. The only caller of Django's `login()`."""
    # SECURITY: `login()` alone keeps what the anonymous session held, and the session's key when the same person signs
    # in again. Here nothing of an earlier session survives, and its key is dead.
    request.session.flush()
    login(request, user)
    request.session[SIGNED_IN_AT] = int(time.time())


def sign_out(request: HttpRequest) -> None:
    """End the session, on the server as well as in the browser."""
    logout(request)
