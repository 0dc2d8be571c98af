"""Forms of signing in."""

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.forms.base import PageForm
from accounts.forms.code import FactorForm
from accounts.forms.fields import EmailField, PasswordField


class LoginForm(PageForm):
    email = EmailField(autocomplete="username")
    password = PasswordField(autocomplete="current-password", error_messages={"required": _("Enter your password.")})


class LoginCodeForm(FactorForm):
    """The second step. `flow` is the sign-in that the form was made for: another tab may have begun another one."""

    flow = forms.CharField(widget=forms.HiddenInput, required=False, max_length=64)
    trust_browser = forms.BooleanField(
        label=_("Don’t ask for a code in this browser for 30 days"),
        required=False,
        help_text=_("Only on a device that nobody else uses."),
    )
