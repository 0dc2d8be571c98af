"""Pages on which factors are set up and taken away. Passkeys have pages of their own."""

from typing import cast

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from accounts.assurance import Step, step_up_required
from accounts.exceptions import FactorRequired
from accounts.factors import overview, totp
from accounts.flows import factors
from accounts.forms.base import describe
from accounts.forms.code import CodeForm
from accounts.middleware import before_enrolment, take_wanted
from accounts.models import User
from accounts.views.pages import closed_page, show_form
from otp.exceptions import OtpError


@closed_page
@before_enrolment
@step_up_required(Step.FACTORS)
def add_totp(request: HttpRequest) -> HttpResponse:
    """Show the QR code and the secret; take the first code."""
    user = cast("User", request.user)
    form = CodeForm(request.POST if request.method == "POST" else None)
    refusal = None
    if form.is_valid():
        try:
            factors.add_totp(request, **form.cleaned_data)
        except OtpError as error:
            form.add_refusal(refusal := error)
        else:
            messages.success(request, _("Your authenticator app is set up."))
            return redirect(take_wanted(request) or "accounts:security")
    device = factors.begin_totp(request)
    return show_form(
        request,
        "accounts/factors/totp.html",
        form,
        refusal,
        qr_code=totp.draw_qr_code(device, user.email),
        secret=totp.get_secret_text(device),
        uri=totp.get_uri(device, user.email),
    )


@closed_page
@before_enrolment
@step_up_required(Step.FACTORS)
@step_up_required(Step.ADD_PHONE)
def add_phone(request: HttpRequest) -> HttpResponse:
    """Make the phone a second factor: the proof that leads here is all it takes."""
    if request.method != "POST":
        return render(request, "accounts/factors/phone.html", {"factors": overview.describe(request.user)})
    factors.add_phone(request)
    messages.success(request, _("Your phone is set up as a second factor."))
    return redirect(take_wanted(request) or "accounts:security")


@closed_page
@step_up_required(Step.BACKUP_CODES)
def backup_codes(request: HttpRequest) -> HttpResponse:
    """Make new backup codes and show them: this once."""
    if request.method != "POST":
        return render(request, "accounts/factors/backup_codes.html", {"factors": overview.describe(request.user)})
    try:
        codes = factors.make_backup_codes(request)
    except FactorRequired:
        return redirect("accounts:two-factor")
    return render(request, "accounts/factors/backup_codes_made.html", {"codes": codes, "text": "%0A".join(codes)})


@closed_page
@step_up_required(Step.FACTORS)
def remove(request: HttpRequest, method: str, pk: int) -> HttpResponse:
    """Ask whether to take a factor away, and do it."""
    if method not in factors.MODELS:
        raise Http404
    if request.method != "POST":
        return render(request, "accounts/factors/remove.html", {"method": method, "pk": pk})
    try:
        factors.remove(request, method=method, pk=pk)
    except OtpError as error:
        messages.error(request, describe(error))
    else:
        messages.success(request, _("It can’t be used to sign in any more."))
    return redirect("accounts:security")
