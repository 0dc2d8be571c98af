"""Pages of a new password by the link in a mail from support."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from accounts.exceptions import LinkOver
from accounts.flows import password_link
from accounts.forms.password_link import PasswordLinkForm
from accounts.views.pages import keep_token, open_page, show_form
from otp.client import Client
from otp.exceptions import OtpError, SecondProofRequired

KEY = "password_link"


@open_page
def link(request: HttpRequest, token: str) -> HttpResponse:
    """Open the link of a mail."""
    return keep_token(request, KEY, token, password_link.find, "accounts:password-link")


@open_page
def choose(request: HttpRequest) -> HttpResponse:
    """Take the new password, and a code where the account has factors."""
    token = request.session.get(KEY, "")
    try:
        methods = password_link.list_proofs(password_link.find(token))
    except (LinkOver, SecondProofRequired) as error:
        return _show_over(request, error)
    asked = request.POST.get("method") or request.GET.get("method") or ""
    method = asked if asked in methods else next(iter(methods), "")
    form = PasswordLinkForm(request.POST if request.method == "POST" else None, method=method)
    refusal = None
    if form.is_valid():
        try:
            password_link.finish(token, **form.cleaned_data, method=method, client=Client.from_request(request))
        except LinkOver as error:
            return _show_over(request, error)
        except OtpError as error:
            form.add_refusal(refusal := error)
        else:
            del request.session[KEY]
            messages.success(request, _("Your password is set. Sign in with it."))
            return redirect("accounts:login")
    others = [other for other in methods if other != method]
    context = {"method": method, "other_methods": others}
    return show_form(request, "accounts/password_link/password_link.html", form, refusal, **context)


def _show_over(request: HttpRequest, error: OtpError) -> HttpResponse:
    context = {"sentence": error.user_message}
    return render(request, "accounts/password_link/over.html", context, status=error.http_status)
