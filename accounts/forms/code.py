"""Forms of the step in which a code is awaited."""

from typing import Any

from django import forms

from accounts.factors.methods import Method
from accounts.forms.base import PageForm
from accounts.forms.fields import BackupCodeField, CodeField, PasskeyField, PasswordField
from accounts.forms.registration import list_channels


class CodeForm(PageForm):
    code = CodeField()


class FactorForm(PageForm):
    """A proof by one method: digits, a backup code, a passkey's answer, or the password of who has nothing else."""

    code = CodeField()

    def __init__(self, *args: Any, method: str, **options: Any) -> None:
        super().__init__(*args, **options)
        if method == Method.BACKUP_CODE:
            self.fields["code"] = BackupCodeField()
        elif method == Method.PASSKEY:
            self.fields["code"] = PasskeyField()
        elif method == "password":
            self.fields["code"] = PasswordField(autocomplete="current-password")


class ResendForm(PageForm):
    """A button: another code, the same way or another."""

    channel = forms.ChoiceField(required=False)

    def __init__(self, *args: Any, channels: list[str] | None = None, **options: Any) -> None:
        super().__init__(*args, auto_id=False, **options)
        self.fields["channel"].choices = [  # type: ignore[attr-defined]
            (channel, channel) for channel in channels or [name for name, _ in list_channels()]
        ]
