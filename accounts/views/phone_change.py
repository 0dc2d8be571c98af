"""Pages of changing the phone number, and of stopping a change that somebody else has made."""

from typing import cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from accounts import policy
from accounts.assurance import Step, step_up_required
from accounts.flows import phone_change
from accounts.flows.login import end_session
from accounts.forms.base import PageForm
from accounts.forms.code import CodeForm, ResendForm
from accounts.forms.security import PhoneChangeForm
from accounts.middleware import before_enrolment
from accounts.models import User
from accounts.views.pages import closed_page, describe_waiting, keep_token, open_page, post_only, show_form
from otp.client import Client
from otp.destinations import Destination
from otp.exceptions import OtpError

STOP_LINK = "phone_change_stop"  # session key


@closed_page
@before_enrolment
@step_up_required(Step.PHONE_CHANGE)
def change(request: HttpRequest) -> HttpResponse:
    """Take the new number; send a code to it."""
    form = PhoneChangeForm(request.POST if request.method == "POST" else None)
    refusal = None
    if form.is_valid():
        try:
            phone_change.start(request, **form.cleaned_data)
        except OtpError as error:
            form.add_refusal(refusal := error)
        else:
            return redirect("accounts:phone-change-code")
    return show_form(request, "accounts/phone_change/phone_change.html", form, refusal)


@closed_page
@before_enrolment
@step_up_required(Step.PHONE_CHANGE)
def change_code(request: HttpRequest) -> HttpResponse:
    """Take the code; put the number on the account."""
    if (begun := phone_change.find(request)) is None:
        return redirect("accounts:phone-change")
    had_phone = bool(cast("User", request.user).phone)
    form = CodeForm(request.POST if request.method == "POST" else None)
    refusal = None
    if form.is_valid():
        try:
            phone_change.finish(request, **form.cleaned_data)
        except OtpError as error:
            form.add_refusal(refusal := error)
        else:
            return _lead_on(request, had_phone=had_phone)
    return _show_code(request, begun, form, refusal)


@closed_page
@before_enrolment
@post_only("accounts:phone-change-code")
@step_up_required(Step.PHONE_CHANGE)
def change_resend(request: HttpRequest) -> HttpResponse:
    """Send another code to the new number."""
    if (begun := phone_change.find(request)) is None:
        return redirect("accounts:phone-change")
    form = ResendForm(request.POST)
    if not form.is_valid():
        return _show_code(request, begun, form)
    try:
        phone_change.start(request, phone=begun.phone, **form.cleaned_data)
    except OtpError as error:
        form.add_refusal(error)
        return _show_code(request, begun, form, error)
    messages.success(request, _("Another code is on its way."))
    return redirect("accounts:phone-change-code")


@open_page
def stop_link(request: HttpRequest, token: str) -> HttpResponse:
    """Open the link of a mail."""
    return keep_token(request, STOP_LINK, token, phone_change.find_stoppable, "accounts:phone-change-stop")


@open_page
def stop(request: HttpRequest) -> HttpResponse:
    """Ask whether to put the old number back, and do it: whoever can read the mail may."""
    token = request.session.get(STOP_LINK, "")
    try:
        change = phone_change.find_stoppable(token)
        if request.method == "POST":
            person = phone_change.stop(token, client=Client.from_request(request))
            request.session.pop(STOP_LINK, None)
            if request.user == person:
                end_session(request)  # its row has just gone with those of all their sessions
            context = {"phone": Destination(person.phone).masked if person.phone else ""}
            return render(request, "accounts/phone_change/stopped.html", context)
    except OtpError as error:
        context = {"sentence": error.user_message}
        return render(request, "accounts/phone_change/stop_over.html", context, status=error.http_status)
    context = {
        "old": Destination(change.old_phone).masked if change.old_phone else "",
        "new": Destination(change.new_phone).masked,
    }
    return render(request, "accounts/phone_change/stop.html", context)


def _lead_on(request: HttpRequest, *, had_phone: bool) -> HttpResponse:
    messages.success(request, _("Your phone number is changed.") if had_phone else _("Your phone number is proven."))
    # Whoever must set up a second factor came here for that.
    return redirect("accounts:phone-factor" if policy.must_enrol(cast("User", request.user)) else "accounts:security")


def _show_code(
    request: HttpRequest, begun: phone_change.Change, form: PageForm, refusal: OtpError | None = None
) -> HttpResponse:
    return show_form(
        request,
        "accounts/phone_change/phone_change_code.html",
        form,
        refusal,
        code_form=form if isinstance(form, CodeForm) else CodeForm(),
        **describe_waiting(begun.waiting, to=begun.phone),
    )
