"""Fields that several forms share. They check shape and say in one sentence each what is not right."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.factors.passkey import MAX_ANSWER_LENGTH
from otp.api.serializers import MAX_PASSWORD_LENGTH
from otp.codes import MAX_CODE_LENGTH, MAX_TYPED_CODE_LENGTH, MIN_CODE_LENGTH, fold_code, is_digits
from otp.destinations import MAX_TYPED_LENGTH, fold_email, parse_phone
from otp.exceptions import InvalidDestination


class EmailField(forms.EmailField):
    """An e-mail address, folded to the spelling that accounts are kept under."""

    default_error_messages = {
        "required": _("Enter your email address."),
        "invalid": _("That is no email address. Write it like ann@example.com."),
    }

    def __init__(self, *, autocomplete: str) -> None:
        widget = forms.EmailInput({"autocomplete": autocomplete, "autocapitalize": "none", "spellcheck": "false"})
        super().__init__(label=_("Email"), max_length=MAX_TYPED_LENGTH, widget=widget)

    def to_python(self, value: Any) -> str:
        return fold_email(super().to_python(value) or "")


class PasswordField(forms.CharField):
    """A password, taken to the letter."""

    default_error_messages = {"required": _("Enter a password.")}

    def __init__(self, *, autocomplete: str, **options: Any) -> None:
        widget = forms.PasswordInput({"autocomplete": autocomplete})
        super().__init__(
            **{"label": _("Password"), **options}, max_length=MAX_PASSWORD_LENGTH, strip=False, widget=widget
        )


class NewPasswordField(PasswordField):
    """A password to be chosen. Whether it is strong enough, flows decide; this says what they will ask for."""

    def __init__(self, **options: Any) -> None:
        rules = _(
            "At least 8 characters, not digits alone. No common password, and nothing like your email, your phone "
            "number or the name of this site."
        )
        super().__init__(autocomplete="new-password", help_text=rules, **options)


class PhoneField(forms.CharField):
    """A phone number in any spelling; gives E.164."""

    default_error_messages = {
        "required": _("Enter your phone number."),
        "invalid": _("That is no phone number we can read. Write it with the country code, like +1 202 555 0123."),
    }

    def __init__(self, **options: Any) -> None:
        widget = forms.TextInput({"type": "tel", "autocomplete": "tel"})
        super().__init__(
            **{"label": _("Phone number"), **options},
            help_text=_("With the country code, like +1 202 555 0123."),
            max_length=MAX_TYPED_LENGTH,
            widget=widget,
        )

    def clean(self, value: Any) -> str:
        typed = super().clean(value)
        try:
            return parse_phone(typed).address
        except InvalidDestination:
            raise ValidationError(self.error_messages["invalid"], code="invalid") from None


class CodeField(forms.CharField):
    """The digits, however they are written or pasted."""

    default_error_messages = {
        "required": _("Enter the code."),
        "not_digits": _("A code is made of digits only. Check it and try again."),
        "too_short": _("That code is too short. Check that all of its digits are there."),
        "too_long": _("That code is too long. Enter only the digits of the code."),
        "max_length": _("That code is too long. Enter only the digits of the code."),
    }

    def __init__(self) -> None:
        widget = forms.TextInput(
            {"inputmode": "numeric", "autocomplete": "one-time-code", "autocapitalize": "none", "spellcheck": "false"}
        )
        super().__init__(label=_("Code"), max_length=MAX_TYPED_CODE_LENGTH, widget=widget)
        # What is pasted may be longer than the code: the form says so, the browser would cut it.
        self.widget.attrs.pop("maxlength", None)

    def clean(self, value: Any) -> str:
        code = fold_code(super().clean(value))
        if not is_digits(code):
            raise ValidationError(self.error_messages["not_digits"], code="not_digits")
        if len(code) < MIN_CODE_LENGTH:
            raise ValidationError(self.error_messages["too_short"], code="too_short")
        if len(code) > MAX_CODE_LENGTH:
            raise ValidationError(self.error_messages["too_long"], code="too_long")
        return code


class BackupCodeField(forms.CharField):
    """A backup code, however it was copied from paper."""

    default_error_messages = {
        "required": _("Enter a backup code."),
        "max_length": _("That is too long for a backup code. Enter one of them."),
    }

    def __init__(self) -> None:
        widget = forms.TextInput({"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"})
        super().__init__(label=_("Backup code"), max_length=MAX_TYPED_CODE_LENGTH, widget=widget)
        self.widget.attrs.pop("maxlength", None)


class PasskeyField(forms.CharField):
    """What the browser gave for a passkey, as JSON: a script puts it here. It comes empty where none could run."""

    default_error_messages = {
        "required": _(
            "Your browser used no passkey: it needs JavaScript for that. Wait until the page is complete, or turn it "
            "on, then try again."
        ),
        "max_length": _("That is too long for a passkey."),
    }

    def __init__(self) -> None:
        super().__init__(max_length=MAX_ANSWER_LENGTH, widget=forms.HiddenInput)
