"""Security settings: what one signs in with, the switch of the second factor, sessions, and what happened lately."""

from typing import cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts import policy
from accounts.assurance import Step, lead_to_proof, step_up_required
from accounts.exceptions import FactorRequired, StepUpRequired
from accounts.factors import overview
from accounts.flows import security, sessions, two_factor
from accounts.forms.base import describe
from accounts.forms.security import ChannelForm
from accounts.middleware import before_enrolment
from accounts.models import User
from accounts.views.pages import closed_page, post_only, show_form
from otp.exceptions import NotFound, OtpError

WANTED = "two_factor_wanted"  # session key: on or off, while the proof for it is awaited


@closed_page
@before_enrolment
@require_safe
def overview_page(request: HttpRequest) -> HttpResponse:
    """Show everything at a glance."""
    user = cast("User", request.user)
    context = {
        "factors": overview.describe(user),
        "is_required": policy.is_required(user),
        "must_enrol": policy.must_enrol(user),
        "sessions": sessions.list_sessions(user),
        "own_session": request.session.session_key,
        "events": security.list_events(user),
    }
    return render(request, "accounts/security/security.html", context)


@closed_page
@before_enrolment
@require_safe
def two_factor_page(request: HttpRequest) -> HttpResponse:
    """Offer the ways to sign in with a second factor, for whoever turns it on or must have one."""
    user = cast("User", request.user)
    context = {"factors": overview.describe(user), "must_enrol": policy.must_enrol(user)}
    return render(request, "accounts/security/two_factor.html", context)


@closed_page
@before_enrolment
@post_only("accounts:security")
def two_factor_switch(request: HttpRequest) -> HttpResponse:
    """Turn the second factor on or off."""
    return _switch(request, is_on=request.POST.get("enabled") == "on")


def switch_as_wanted(request: HttpRequest) -> HttpResponse | None:
    """Do what the switch was pressed for, once the proof that it took is there. None where it was not pressed.

    # SECURITY: what is done was posted to the switch in this session; an address alone turns nothing off.
    """
    is_on = request.session.pop(WANTED, None)
    return None if is_on is None else _switch(request, is_on=is_on)


def _switch(request: HttpRequest, *, is_on: bool) -> HttpResponse:
    try:
        two_factor.switch(request, is_on=is_on)
    except StepUpRequired:
        request.session[WANTED] = is_on
        return lead_to_proof(Step.TWO_FACTOR)
    except FactorRequired:
        return redirect("accounts:two-factor")
    except OtpError as error:
        messages.error(request, describe(error))
    else:
        messages.success(request, _("The second factor is on.") if is_on else _("The second factor is off."))
    return redirect("accounts:security")


@closed_page
def channel(request: HttpRequest) -> HttpResponse:
    """Choose how codes come at sign-in."""
    user = cast("User", request.user)
    form = ChannelForm(
        request.POST if request.method == "POST" else None, initial={"channel": user.preferred_channel or "sms"}
    )
    if form.is_valid():
        security.prefer_channel(user, form.cleaned_data["channel"])
        messages.success(request, _("Saved."))
        return redirect("accounts:security")
    return show_form(request, "accounts/security/channel.html", form)


@closed_page
@step_up_required(Step.SESSIONS)
def end_other_sessions(request: HttpRequest) -> HttpResponse:
    """Ask whether to sign out everywhere else, and do it."""
    if request.method != "POST":
        return render(request, "accounts/security/end_sessions.html")
    count = sessions.end_others(request)
    messages.success(request, _("Signed out elsewhere. Sessions ended: %(count)d.") % {"count": count})
    return redirect("accounts:security")


@closed_page
@step_up_required(Step.SESSIONS)
def end_other_session(request: HttpRequest, handle: str) -> HttpResponse:
    """Ask whether to sign out one other session, and do it."""
    try:
        if request.method != "POST":
            context = {"session": sessions.get_other(request, handle)}
            return render(request, "accounts/security/end_session.html", context)
        sessions.end_one(request, handle)
    except NotFound:  # it has ended meanwhile, or the form was sent twice
        messages.info(request, _("That session has ended already."))
    else:
        messages.success(request, _("It is signed out."))
    return redirect("accounts:security")
