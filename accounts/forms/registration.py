"""Forms of registration."""

from typing import Any

from django import forms
from django.conf import settings
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from accounts.forms.base import PageForm
from accounts.forms.fields import EmailField, NewPasswordField, PhoneField
from otp.purposes import PHONE_CHANNELS


def list_channels() -> list[tuple[str, str]]:
    """List the ways by which a code can reach a phone here."""
    return [
        (channel.value, str(capfirst(channel.label))) for channel in PHONE_CHANNELS if channel in settings.OTP_CHANNELS
    ]


class RegistrationForm(PageForm):
    email = EmailField(autocomplete="email")
    password = NewPasswordField()
    phone = PhoneField()
    channel = forms.ChoiceField(label=_("How should the code come?"), required=False, widget=forms.RadioSelect)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        channels = list_channels()
        self.fields["channel"].choices = channels  # type: ignore[attr-defined]
        self.initial.setdefault("channel", channels[0][0] if channels else "")

    def clean_channel(self) -> str:
        return self.cleaned_data["channel"] or self.initial["channel"]
