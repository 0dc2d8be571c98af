"""Pages of signing in and out. The admin site's own are led here."""

from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts import pending_login
from accounts.assurance import Step, lead_to_proof
from accounts.exceptions import FactorsBlocked, SignInOver
from accounts.factors.methods import Method
from accounts.factors.phone import list_channels
from accounts.flows import login as flow
from accounts.forms.base import PageForm, describe
from accounts.forms.code import ResendForm
from accounts.forms.login import LoginCodeForm, LoginForm
from accounts.middleware import before_enrolment
from accounts.models import User
from accounts.pending_login import PendingLogin
from accounts.views.pages import describe_waiting, open_page, post_only, show_form
from otp.exceptions import OtpError
from otp.purposes import Purpose

# Not "cookies": the session's goes by itself, and with them would go the language and what makes this browser a known
# one, so that its next sign-in would look like a stranger's. Not "cache": nothing of an account is in it (every page
# says no-store), and Chromium holds the answer back for seconds while it empties the whole cache.
CLEAR_SITE_DATA = '"storage"'


@open_page
def login(request: HttpRequest) -> HttpResponse:
    """Take e-mail and password; sign in, or lead on to the second step."""
    next_url = get_safe_next(request)
    form = LoginForm(request.POST if request.method == "POST" else None)
    refusal = None
    if form.is_valid():
        try:
            pending = flow.sign_in_with_password(request, **form.cleaned_data, next_url=next_url)
        except OtpError as error:
            form.add_refusal(refusal := error)
        else:
            return redirect("accounts:login-code") if pending else HttpResponseRedirect(next_url)
    # Somebody who is signed in gets here as well: staff pages lead here whoever may not see them.
    return show_form(request, "accounts/login/login.html", form, refusal, next_url=next_url)


@open_page
def login_code(request: HttpRequest) -> HttpResponse:
    """Take the code of the second factor; sign in; lead on."""
    if (found := pending_login.find(request)) is None:
        return _start_again(request, SignInOver())
    pending, user = found
    method = _choose_method(request, pending)
    form = LoginCodeForm(
        request.POST if request.method == "POST" else None, method=method, initial={"flow": pending.flow}
    )
    refusal = None
    if form.is_valid():
        try:
            flow.finish(request, **form.cleaned_data, method=method)
        except (SignInOver, FactorsBlocked) as error:
            return _start_again(request, error)
        except OtpError as error:
            form.add_refusal(refusal := error)
        else:
            return HttpResponseRedirect(pending.next_url)
    return _show_code(request, pending, user, form, refusal)


@open_page
@post_only("accounts:login-code")
def login_resend(request: HttpRequest) -> HttpResponse:
    """Send another code, the same way or another."""
    if (found := pending_login.find(request)) is None:
        return _start_again(request, SignInOver())
    pending, user = found
    form = ResendForm(request.POST, channels=list_channels(user, Purpose.LOGIN))
    if not form.is_valid():
        return _show_code(request, pending, user, form, asked=Method.OTP)
    is_first = pending.waiting is None
    try:
        flow.send_code(request, **form.cleaned_data)
    except OtpError as error:
        form.add_refusal(error)
        return _show_code(request, pending, user, form, error, asked=Method.OTP)
    messages.success(request, _("A code is on its way.") if is_first else _("Another code is on its way."))
    # The page by itself asks for what comes first, which may be an app.
    return HttpResponseRedirect(f"{reverse('accounts:login-code')}?{urlencode({'method': Method.OTP})}")


@open_page
def admin_login(request: HttpRequest) -> HttpResponse:
    """Lead from the admin site's sign-in to ours: there is one door.

    Staff who are signed in, and are sent here for want of a second factor, are led to proving it or to setting one up.
    """
    next_url = get_safe_next(request, default=reverse("admin:index"))
    user = request.user
    if user.is_authenticated and user.is_staff and not user.is_verified():
        return lead_to_proof(Step.STAFF, next_url)
    return HttpResponseRedirect(f"{reverse('accounts:login')}?{urlencode({'next': next_url})}")


@open_page
@before_enrolment
@require_POST
def logout(request: HttpRequest) -> HttpResponse:
    """End the session and have the browser forget what it kept of it."""
    flow.sign_out(request)
    response = redirect("accounts:logout-done")
    response["Clear-Site-Data"] = CLEAR_SITE_DATA
    return response


@open_page
@require_safe
def logout_done(request: HttpRequest) -> HttpResponse:
    """Say that nobody is signed in."""
    return render(request, "accounts/login/logout_done.html")


def get_safe_next(request: HttpRequest, default: str = "/") -> str:
    """Give where to go after signing in: a path of this site, whatever was asked for.

    # SECURITY: only a path, so no host, scheme or userinfo can be smuggled in; Django knows the other tricks.
    """
    target = request.POST.get("next") or request.GET.get("next") or ""
    is_safe = target.startswith("/") and url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return target if is_safe else default


def _choose_method(request: HttpRequest, pending: PendingLogin, asked: str = "") -> str:
    asked = asked or request.POST.get("method") or request.GET.get("method") or ""
    return asked if asked in pending.methods else pending.methods[0]


def _start_again(request: HttpRequest, error: OtpError) -> HttpResponse:
    if request.user.is_authenticated:  # the back button, or a form that was sent twice
        return redirect("home")
    messages.error(request, describe(error))
    return redirect("accounts:login")


def _show_code(
    request: HttpRequest,
    pending: PendingLogin,
    user: User,
    form: PageForm,
    refusal: OtpError | None = None,
    *,
    asked: str = "",
) -> HttpResponse:
    method = _choose_method(request, pending, asked)
    channels = list_channels(user, Purpose.LOGIN) if Method.OTP in pending.methods else []
    is_code_form = isinstance(form, LoginCodeForm)
    return show_form(
        request,
        "accounts/login/login_code.html",
        form,
        refusal,
        code_form=form if is_code_form else LoginCodeForm(method=method, initial={"flow": pending.flow}),
        method=method,
        other_methods=[other for other in pending.methods if other != method],
        problem=pending.problem,
        can_trust=not user.is_staff,
        **describe_waiting(pending.waiting, channels=channels),
    )
