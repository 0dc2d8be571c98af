"""Pages of registration: details, then the code, then done."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.flows import registration
from accounts.forms.base import PageForm
from accounts.forms.code import CodeForm, ResendForm
from accounts.forms.registration import RegistrationForm
from accounts.views.pages import describe_waiting, open_page, post_only, show_form
from otp.exceptions import EmailTaken, OtpError, PhoneTaken


@open_page
def register(request: HttpRequest) -> HttpResponse:
    """Take e-mail, password and number; send a code."""
    kept = registration.find_application(request.session)
    initial = {"email": kept.email, "phone": kept.phone} if kept else {}
    form = RegistrationForm(request.POST if request.method == "POST" else None, initial=initial)
    refusal = None
    if form.is_valid():
        try:
            user = registration.start(request, **form.cleaned_data)
        except (EmailTaken, PhoneTaken) as error:
            return _show_taken(request, error)
        except OtpError as error:
            form.add_refusal(refusal := error)
        else:
            return redirect("accounts:register-done" if user else "accounts:register-code")
    return show_form(request, "accounts/registration/register.html", form, refusal, is_proven=bool(kept and kept.token))


@open_page
def register_code(request: HttpRequest) -> HttpResponse:
    """Take the code; make the account."""
    application = registration.find_application(request.session)
    if application is None or application.token:
        return redirect("accounts:register")
    form = CodeForm(request.POST if request.method == "POST" else None)
    refusal = None
    if form.is_valid():
        try:
            registration.finish(request, application, **form.cleaned_data)
        except (EmailTaken, PhoneTaken) as error:
            return _show_taken(request, error)
        except OtpError as error:
            form.add_refusal(refusal := error)
        else:
            return redirect("accounts:register-done")
    return _show_code(request, application, form, refusal)


@open_page
@post_only("accounts:register-code")
def register_resend(request: HttpRequest) -> HttpResponse:
    """Send another code, the same way or another."""
    application = registration.find_application(request.session)
    if application is None or application.token:
        return redirect("accounts:register")
    form = ResendForm(request.POST)
    if not form.is_valid():
        return _show_code(request, application, form)
    try:
        registration.resend(request, application, **form.cleaned_data)
    except OtpError as error:
        form.add_refusal(error)
        return _show_code(request, application, form, error)
    messages.success(request, _("Another code is on its way."))
    return redirect("accounts:register-code")


@open_page
@require_safe
def register_done(request: HttpRequest) -> HttpResponse:
    """Say that there is an account now."""
    return render(request, "accounts/registration/register_done.html")


def _show_code(
    request: HttpRequest, application: registration.Application, form: PageForm, refusal: OtpError | None = None
) -> HttpResponse:
    return show_form(
        request,
        "accounts/registration/register_code.html",
        form,
        refusal,
        # Whichever form was posted, the page is the one with the code's field; errors of either go into its summary.
        code_form=form if isinstance(form, CodeForm) else CodeForm(),
        **describe_waiting(application.waiting, to=application.phone),
    )


def _show_taken(request: HttpRequest, error: OtpError) -> HttpResponse:
    context = {"sentence": error.user_message, "is_email": error.code == EmailTaken.code}
    return render(request, "accounts/registration/register_taken.html", context)
