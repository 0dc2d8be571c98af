"""The page on which somebody who is signed in changes their password."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from accounts.assurance import Step, step_up_required
from accounts.exceptions import SignInRefused
from accounts.flows import password_change
from accounts.forms.security import PasswordChangeForm
from accounts.views.pages import closed_page, show_form
from otp.exceptions import OtpError


@closed_page
@step_up_required(Step.PASSWORD)
def change(request: HttpRequest) -> HttpResponse:
    """Take the current password and a new one."""
    form = PasswordChangeForm(request.POST if request.method == "POST" else None)
    refusal = None
    if form.is_valid():
        try:
            password_change.change(request, **form.cleaned_data)
        except SignInRefused:
            form.add_error("password", _("That isn’t your current password. Check it and try again."))
        except OtpError as error:
            form.add_refusal(refusal := error)
        else:
            messages.success(request, _("Your password is changed. You are signed out everywhere else."))
            return redirect("accounts:security")
    return show_form(request, "accounts/password_change/password_change.html", form, refusal)
