"""The form of signing in."""

from django.utils.translation import gettext_lazy as _

from accounts.forms.base import PageForm
from accounts.forms.fields import EmailField, PasswordField


class LoginForm(PageForm):
    email = EmailField(autocomplete="username")
    password = PasswordField(autocomplete="current-password", error_messages={"required": _("Enter your password.")})
