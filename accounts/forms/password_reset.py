"""Forms of password reset."""

from django.utils.translation import gettext_lazy as _

from accounts.forms.base import PageForm
from accounts.forms.fields import CodeField, EmailField, NewPasswordField, PhoneField


class ResetForm(PageForm):
    email = EmailField(autocomplete="username")
    phone = PhoneField()


class NewPasswordForm(PageForm):
    code = CodeField()
    new_password = NewPasswordField(label=_("New password"))
