"""What all forms of these pages have in common: how refusals become sentences beside a field."""

import math
from typing import Any

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from otp.exceptions import OtpError

FIELD_BY_CODE = {
    "invalid_destination": "phone",
    "channel_unavailable": "channel",
    "country_not_allowed": "phone",
    "destination_blocked": "phone",
    "incorrect_code": "code",
    "code_expired": "code",
    "too_many_attempts": "code",
}


class PageForm(forms.Form):
    """A form whose every error stands beside its field and in the summary above."""

    # The browser's own bubbles cannot be linked to or read again.
    use_required_attribute = False

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **options})

    def add_refusal(self, error: OtpError) -> None:
        """Show a refusal where the person can mend it."""
        if error.fields:
            for name, sentences in error.fields.items():
                self.add_error(name if name in self.fields else None, sentences)
            return
        field = FIELD_BY_CODE.get(error.code)
        self.add_error(field if field in self.fields else None, describe(error))


def describe(error: OtpError) -> str:
    """Give a refusal as the person reads it: what happened, how many tries are left, how long to wait."""
    if error.reason == "resend_wait":
        return _("A code was sent a moment ago and is still good. You can ask for another in %(wait)s.") % {
            "wait": say_wait(error.retry_after or 1)
        }
    parts = [str(error.user_message)]
    if error.attempts_left is not None:
        left = error.attempts_left
        parts.append(ngettext("%(count)d try left.", "%(count)d tries left.", left) % {"count": left})
    if error.retry_after:
        parts.append(_("Try again in %(wait)s.") % {"wait": say_wait(error.retry_after)})
    return " ".join(parts)


def say_wait(seconds: int) -> str:
    """Say a wait in words: seconds below two minutes, minutes above."""
    if seconds < 120:
        return ngettext("%(count)d second", "%(count)d seconds", seconds) % {"count": seconds}
    minutes = math.ceil(seconds / 60)
    return ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}


def list_errors(form: forms.BaseForm) -> list[dict[str, Any]]:
    """List all errors of a form for the summary: the sentence, and the id of the field it leads to."""
    return [
        {
            "sentence": sentence,
            "target": None if _is_unseen(form, name) else form[name].id_for_label or form[name].auto_id,
        }
        for name, sentences in form.errors.items()
        for sentence in sentences
    ]


def _is_unseen(form: forms.BaseForm, name: str) -> bool:
    return name == NON_FIELD_ERRORS or form[name].is_hidden
