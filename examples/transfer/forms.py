"""What to pay, and to whom."""

from typing import Any

from django import forms

from accounts.forms.base import PageForm
from examples.transfer.models import CURRENCY, Account


class TransferForm(PageForm):
    payee = forms.ModelChoiceField(Account.objects.none(), label="To", empty_label=None)
    # Text: approvals read it strictly, where a DecimalField would take `1e3`.
    amount = forms.CharField(
        label=f"Amount in {CURRENCY}",
        max_length=32,
        strip=False,
        widget=forms.TextInput({"inputmode": "decimal", "autocomplete": "off"}),
    )

    def __init__(self, *args: Any, payer: Account, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["payee"].queryset = Account.objects.exclude(pk=payer.pk)  # type: ignore[attr-defined]
