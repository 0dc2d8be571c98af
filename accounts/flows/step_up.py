"""Giving a fresh proof: by a code of a factor, or by the password of whoever has none."""

import secrets
from dataclasses import asdict, dataclass, field
from typing import cast

from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from accounts import assurance, browser_cookie
from accounts.assurance import Step
from accounts.exceptions import FactorRequired, FactorsBlocked
from accounts.factors import phone
from accounts.factors.checking import check, raise_if_blocked
from accounts.factors.methods import Method
from accounts.flows.login import authenticate_password, end_session, mark_verified
from accounts.models import FactorBudget, SecurityEvent, User
from accounts.models.event import EventKind
from accounts.waiting import Waiting
from otp.client import Client
from otp.exceptions import ChannelUnavailable
from otp.purposes import Purpose

KEY = "step_up"


@dataclass
class StepUp:
    """A proof that was begun. `flow` binds its code to this session and this step."""

    step: str
    flow: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    waiting: Waiting | None = None


def find(request: HttpRequest, step: str) -> StepUp:
    """Find the proof that was begun for a step, or begin one."""
    kept = request.session.get(KEY)
    if not kept or kept["step"] != step:
        return StepUp(step)
    return StepUp(**{**kept, "waiting": kept["waiting"] and Waiting(**kept["waiting"])})


def list_methods(request: HttpRequest, step: str) -> list[str]:
    """List by what the person can be proven.

    :raises FactorRequired: by nothing: a factor must be set up first
    """
    methods = assurance.list_methods(request.user, step)
    if not methods:
        raise FactorRequired(methods=[])
    return methods


def send(request: HttpRequest, step: str, *, channel: str = "") -> StepUp:
    """Send a code for one step to the phone.

    :raises FactorRequired: there is nothing to prove the person by
    :raises ChannelUnavailable: their phone is not among it, or not by that channel
    :raises OtpError: see `services.send_otp`
    """
    if Method.OTP not in list_methods(request, step):
        raise ChannelUnavailable
    user = cast("User", request.user)
    raise_if_blocked(FactorBudget.find(user))
    begun = find(request, step)
    client = Client.from_request(request)
    begun.waiting = phone.send(user, purpose=Purpose.STEP_UP, flow=begun.flow, channel=channel, client=client)
    request.session[KEY] = asdict(begun)
    return begun


@sensitive_variables("code")
def prove(request: HttpRequest, step: str, *, code: str, method: str = "") -> None:
    """Check a proof, and note it for this step alone.

    :raises SignInRefused: the password was wrong, where that is the proof
    :raises FactorsBlocked, FactorsDisabled: too many wrong codes in a row; the session is over
    :raises OtpError: see `list_methods` and `checking.check`
    """
    user = cast("User", request.user)
    methods = list_methods(request, step)
    method = method or methods[0]
    client = Client.from_request(request)
    if methods == [assurance.PASSWORD] and method == assurance.PASSWORD:
        authenticate_password(email=user.email, password=code, client=client, cookie=browser_cookie.read(request))
        device = None
    else:
        begun = find(request, step)
        channel = begun.waiting.channel if begun.waiting else ""
        try:
            device = check(
                user,
                method,
                code,
                allowed=methods,
                purpose=Purpose.STEP_UP,
                flow=begun.flow,
                channel=channel,
                client=client,
            )
        except FactorsBlocked:
            # Whoever sits here may not be the person: a block at the next sign-in is all they get.
            end_session(request, "wrong codes")
            raise
    complete(request, step, detail=method)
    if device:
        mark_verified(request, device)


def complete(request: HttpRequest, step: str, *, detail: str) -> None:
    """Note a proof that was checked."""
    request.session.pop(KEY, None)
    assurance.note(request, step)
    if step == Step.FACTORS and detail == Method.OTP:
        assurance.note(request, Step.ADD_PHONE)  # the phone has just been proven: not twice in a row
    SecurityEvent.record(EventKind.PROVEN, request.user, Client.from_request(request), detail=detail)
