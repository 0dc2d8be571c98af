"""Pages on which passkeys are set up and named. They are removed on the page for all factors."""

from typing import cast

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from accounts.assurance import Step, step_up_required
from accounts.flows import passkeys
from accounts.forms.passkeys import PasskeyForm, PasskeyNameForm
from accounts.middleware import before_enrolment, take_wanted
from accounts.models import User
from accounts.views.pages import closed_page, show_form
from otp.exceptions import NotFound, OtpError


@closed_page
@before_enrolment
@step_up_required(Step.FACTORS)
def add(request: HttpRequest) -> HttpResponse:
    """Take a name and the passkey that the browser made."""
    form = PasskeyForm(request.POST if request.method == "POST" else None)
    refusal = None
    if form.is_valid():
        try:
            passkeys.add(request, **form.cleaned_data)
        except OtpError as error:
            form.add_refusal(refusal := error)
        else:
            messages.success(request, _("Your passkey is set up."))
            return redirect(take_wanted(request) or "accounts:security")
    return show_form(request, "accounts/passkeys/add.html", form, refusal)


@closed_page
def rename(request: HttpRequest, pk: int) -> HttpResponse:
    """Take another name for a passkey."""
    user = cast("User", request.user)
    try:
        device = passkeys.get(user, pk)
    except NotFound:
        raise Http404 from None
    form = PasskeyNameForm(request.POST if request.method == "POST" else None, initial={"name": device.name})
    if form.is_valid():
        passkeys.rename(user, pk, form.cleaned_data["name"])
        messages.success(request, _("Saved."))
        return redirect("accounts:security")
    return show_form(request, "accounts/passkeys/rename.html", form)
