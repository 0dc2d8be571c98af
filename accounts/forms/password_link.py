"""The form of a new password by the link in a mail."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from accounts.forms.code import FactorForm
from accounts.forms.fields import NewPasswordField


class PasswordLinkForm(FactorForm):
    """A new password, and a code by `method` where the account has factors."""

    new_password = NewPasswordField(label=_("New password"))

    def __init__(self, *args: Any, method: str = "", **options: Any) -> None:
        super().__init__(*args, method=method, **options)
        if not method:
            del self.fields["code"]
