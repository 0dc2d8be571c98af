"""Pages of password reset: address and number, then code and new password, then done. The same for everybody."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.flows import password_reset
from accounts.forms.base import PageForm, describe
from accounts.forms.code import FactorForm, ResendForm
from accounts.forms.password_reset import NewPasswordForm, ResetForm
from accounts.views.pages import describe_waiting, open_page, post_only, show_form
from otp.exceptions import OtpError, SecondProofRequired


@open_page
def reset(request: HttpRequest) -> HttpResponse:
    """Take e-mail and number; have a code sent to whoever both belong to."""
    kept = password_reset.find_reset(request.session)
    initial = {"email": kept.email, "phone": kept.phone} if kept else {}
    form = ResetForm(request.POST if request.method == "POST" else None, initial=initial)
    refusal = None
    if form.is_valid():
        try:
            password_reset.start(request, **form.cleaned_data)
        except OtpError as error:
            form.add_refusal(refusal := error)
        else:
            return redirect("accounts:password-reset-code")
    return show_form(request, "accounts/password_reset/password_reset.html", form, refusal)


@open_page
def reset_code(request: HttpRequest) -> HttpResponse:
    """Take the code and the new password."""
    kept = password_reset.find_reset(request.session)
    if kept is None:
        return redirect("accounts:password-reset")
    form = NewPasswordForm(request.POST if request.method == "POST" else None)
    refusal: OtpError | None = None
    if form.is_valid():
        try:
            password_reset.finish(request, kept, **form.cleaned_data)
        except SecondProofRequired as error:
            if kept.methods:
                return redirect("accounts:password-reset-proof")
            form.add_refusal(refusal := error)
        except OtpError as error:
            form.add_refusal(refusal := error)
        else:
            return redirect("accounts:password-reset-done")
    return _show_code(request, kept, form, refusal)


@open_page
def reset_proof(request: HttpRequest) -> HttpResponse:
    """Take what else must prove the person, where the phone is not enough."""
    kept = password_reset.find_reset(request.session)
    if kept is None or not kept.token:
        return redirect("accounts:password-reset")
    asked = request.POST.get("method") or request.GET.get("method")
    method = asked if asked in kept.methods else kept.methods[0]
    form = FactorForm(request.POST if request.method == "POST" else None, method=method)
    refusal = None
    if form.is_valid():
        try:
            password_reset.finish_with_proof(request, kept, method=method, **form.cleaned_data)
        except OtpError as error:
            form.add_refusal(refusal := error)
        else:
            return redirect("accounts:password-reset-done")
    others = [other for other in kept.methods if other != method]
    context = {"method": method, "other_methods": others, "is_sandbox": settings.OTP_SANDBOX}
    return show_form(request, "accounts/password_reset/password_reset_proof.html", form, refusal, **context)


@open_page
@post_only("accounts:password-reset-proof")
def reset_proof_resend(request: HttpRequest) -> HttpResponse:
    """Send another code by e-mail."""
    kept = password_reset.find_reset(request.session)
    if kept is None or not kept.token:
        return redirect("accounts:password-reset")
    try:
        password_reset.send_second_code(request, kept)
    except OtpError as error:
        messages.error(request, describe(error))
    else:
        messages.success(request, _("If the last code is older than the wait between two, another one is on its way."))
    return redirect("accounts:password-reset-proof")


@open_page
@post_only("accounts:password-reset-code")
def reset_resend(request: HttpRequest) -> HttpResponse:
    """Ask for another code, the same way or another."""
    kept = password_reset.find_reset(request.session)
    if kept is None:
        return redirect("accounts:password-reset")
    form = ResendForm(request.POST)
    if not form.is_valid():
        return _show_code(request, kept, form)
    try:
        password_reset.resend(request, kept, **form.cleaned_data)
    except OtpError as error:
        form.add_refusal(error)
        return _show_code(request, kept, form, error)
    messages.success(request, _("If the two belong to one account, another code is on its way."))
    return redirect("accounts:password-reset-code")


@open_page
@require_safe
def reset_done(request: HttpRequest) -> HttpResponse:
    """Say that the password is a new one."""
    return render(request, "accounts/password_reset/password_reset_done.html")


def _show_code(
    request: HttpRequest, kept: password_reset.Reset, form: PageForm, refusal: OtpError | None = None
) -> HttpResponse:
    code_form = form if isinstance(form, NewPasswordForm) else NewPasswordForm()
    return show_form(
        request,
        "accounts/password_reset/password_reset_code.html",
        form,
        refusal,
        code_form=code_form,
        **describe_waiting(kept.waiting),
    )
