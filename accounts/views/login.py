"""Pages of signing in and out. The admin site's own are led here."""

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from accounts.flows import login as flow
from accounts.forms.login import LoginForm
from accounts.views.pages import open_page, show_form
from otp.exceptions import OtpError

# Not "cache": nothing of an account is in it (every page says no-store), and Chromium holds the answer back for
# seconds while it empties the whole cache.
CLEAR_SITE_DATA = '"cookies", "storage"'


@open_page
def login(request: HttpRequest) -> HttpResponse:
    """Take e-mail and password; sign in; lead on to `next`."""
    next_url = get_safe_next(request)
    form = LoginForm(request.POST if request.method == "POST" else None)
    refusal = None
    if form.is_valid():
        try:
            flow.sign_in_with_password(request, **form.cleaned_data)
        except OtpError as error:
            form.add_refusal(refusal := error)
        else:
            return HttpResponseRedirect(next_url)
    # Somebody who is signed in gets here as well: staff pages lead here whoever may not see them.
    return show_form(request, "accounts/login/login.html", form, refusal, next_url=next_url)


@open_page
def admin_login(request: HttpRequest) -> HttpResponse:
    """Lead from the admin site's sign-in to ours: there is one door."""
    query = urlencode({"next": get_safe_next(request, default=reverse("admin:index"))})
    return HttpResponseRedirect(f"{reverse('accounts:login')}?{query}")


@open_page
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
