"""Forms of the security settings."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.forms.base import PageForm
from accounts.forms.fields import NewPasswordField, PasswordField, PhoneField
from accounts.forms.registration import list_channels


class ChannelForm(PageForm):
    """How codes should come at sign-in."""

    channel = forms.ChoiceField(label=_("How should codes come?"), widget=forms.RadioSelect)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["channel"].choices = list_channels()  # type: ignore[attr-defined]


class PhoneChangeForm(PageForm):
    phone = PhoneField(label=_("New phone number"))
    channel = forms.ChoiceField(label=_("How should the code come?"), required=False, widget=forms.RadioSelect)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        channels = list_channels()
        self.fields["channel"].choices = channels  # type: ignore[attr-defined]
        self.initial.setdefault("channel", channels[0][0] if channels else "")


class PasswordChangeForm(PageForm):
    password = PasswordField(
        autocomplete="current-password",
        label=_("Current password"),
        error_messages={"required": _("Enter your current password.")},
    )
    new_password = NewPasswordField(label=_("New password"))
