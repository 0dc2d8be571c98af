"""Changing the password, signed in: the old one, and a fresh proof of who has a factor."""

from typing import cast

from django.db import transaction
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from accounts import assurance, browser_cookie, mail
from accounts.assurance import Step
from accounts.flows.login import authenticate_password, sign_in
from accounts.flows.sessions import end_all_sessions
from accounts.models import SecurityEvent, User
from accounts.models.event import EventKind
from accounts.models.session import SIGNED_IN
from otp.client import Client
from otp.flows.registration import raise_if_weak


@sensitive_variables("password", "new_password")
def change(request: HttpRequest, *, password: str, new_password: str) -> None:
    """Set a new password. Every other session ends; this one goes on, under a new key.

    :raises StepUpRequired, FactorRequired: without a fresh proof
    :raises WeakPassword: the new one breaks a rule
    :raises SignInRefused: the old one is wrong
    :raises TooManyRequests: too many wrong ones
    """
    assurance.raise_unless_fresh(request, Step.PASSWORD)
    client = Client.from_request(request)
    signed_in = cast("User", request.user)
    raise_if_weak(new_password, signed_in, "new_password")
    cookie = browser_cookie.read(request)
    user = authenticate_password(email=signed_in.email, password=password, client=client, cookie=cookie)
    methods = [entry["method"] for entry in request.session[SIGNED_IN]["methods"]]
    device = signed_in.otp_device
    user.set_password(new_password)
    with transaction.atomic():
        user.save(update_fields=["password"])
        end_all_sessions(user)
        SecurityEvent.record(EventKind.PASSWORD_CHANGED, user, client)
        mail.send_password_changed(user)
    sign_in(request, user, methods=methods, device=device)
