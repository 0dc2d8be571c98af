"""Searching by what must not be in a URL. What was typed comes in a body and becomes a hash or a number at once."""

import re
from collections.abc import Sequence
from typing import Any, cast

from django import forms
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables

from otp.admin.filters import SID, UUID_TEXT, AddressFilter
from otp.destinations import fold_email, parse_destination
from otp.exceptions import InvalidDestination


class FindForm(forms.Form):
    """`query` holds the filter that what was typed means, such as `{"user": "17"}`, once the form is valid."""

    DESTINATION, USER, ADDRESS, TWILIO, APPROVAL = "destination", "user", "address", "sid", "approval"

    what = forms.ChoiceField(label=_("Find by"))
    text = forms.CharField(
        label=_("Whole and exact"),
        max_length=254,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "size": 36}),
    )

    def __init__(self, finds: Sequence[str], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        what = cast(forms.ChoiceField, self.fields["what"])
        what.choices = [choice for choice in CHOICES if choice[0] in finds]

    @sensitive_variables()
    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if "what" in cleaned and "text" in cleaned:
            find = {
                self.DESTINATION: _find_destination,
                self.USER: _find_user,
                self.ADDRESS: _find_address,
                self.TWILIO: _find_sid,
                self.APPROVAL: _find_approval,
            }
            self.query = find[cleaned["what"]](cleaned["text"].strip())
        return cleaned


CHOICES = [
    (FindForm.DESTINATION, _("phone number or e-mail address it went to")),
    (FindForm.USER, _("user: e-mail address or number")),
    (FindForm.ADDRESS, _("client address")),
    (FindForm.TWILIO, _("Twilio id (VE… or VL…)")),
    (FindForm.APPROVAL, _("id of the payment")),
]


@sensitive_variables("text")
def _find_destination(text: str) -> dict[str, str]:
    try:
        return {"to": ",".join(parse_destination(text).hashes)}
    except InvalidDestination:
        message = _("That is no phone number or e-mail address. Write the number with its country code: +12025550123.")
        raise ValidationError(message) from None


@sensitive_variables("text")
def _find_user(text: str) -> dict[str, str]:
    people = get_user_model()._default_manager
    if re.fullmatch(r"[0-9]{1,18}", text):
        # Not looked up: attempts keep the number of an account that is gone.
        return {"user": text}
    found = people.filter(email=fold_email(text)).values_list("pk", flat=True).first()
    if found is None:
        raise ValidationError(_("Nobody has an account with that e-mail address."))
    return {"user": str(found)}


def _find_address(text: str) -> dict[str, str]:
    if not AddressFilter.is_valid(text):
        raise ValidationError(_("That is no IP address."))
    return {"address": text}


def _find_sid(text: str) -> dict[str, str]:
    if not SID.fullmatch(text):
        raise ValidationError(_("A Twilio id is VE or VL and 32 letters and digits."))
    return {"sid": text}


def _find_approval(text: str) -> dict[str, str]:
    if not UUID_TEXT.fullmatch(text.lower()):
        raise ValidationError(_("The id of a payment is 32 letters and digits with four dashes."))
    return {"approval": text.lower()}
