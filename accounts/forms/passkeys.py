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
    code = PasskeyField()
