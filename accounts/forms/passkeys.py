"""Forms of passkeys."""

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.forms.base import PageForm
from accounts.forms.fields import PasskeyField
from accounts.models.devices import NAME_LENGTH


class PasskeyNameForm(PageForm):
    name = forms.CharField(
        label=_("Name"),
        max_length=NAME_LENGTH,
        help_text=_("So that you know it again: My phone, Blue key."),
        error_messages={"required": _("Give it a name.")},
        widget=forms.TextInput({"autocomplete": "off"}),
    )


class PasskeyForm(PasskeyNameForm):
    """A new passkey. The page asks the browser for it once there is a name: what is made and refused stays behind."""

    code = PasskeyField()

    def clean(self) -> None:
        if "name" in self.errors:
            self.errors.pop("code", None)
