"""Forms of the actions of support, in the admin site. Each asks for a reason."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django import forms
from django.contrib.auth.models import Group, Permission
from django.core.exceptions import ValidationError
from django.template.defaultfilters import date as format_date
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.flows.sessions import list_sessions
from accounts.models import User
from accounts.models.event import MAX_REASON_LENGTH
from accounts.support.actions import LABELS, NUMBER
from accounts.support.rights import describe_rights

MAX_GRACE = timedelta(days=90)


def make_reason_field() -> forms.CharField:
    return forms.CharField(
        label=_("Reason"),
        min_length=5,
        max_length=MAX_REASON_LENGTH,
        widget=forms.Textarea({"rows": 3, "cols": 60}),
        help_text=_("How you know who is asking, and what for. The person gets it by mail, and it is kept."),
        error_messages={"required": _("Say why.")},
    )


class ReasonForm(forms.Form):
    """What every action asks for. `people` are those it will be done to."""

    reason = make_reason_field()

    def __init__(self, *args: Any, people: list[User], **options: Any) -> None:
        super().__init__(*args, **options)
        self.people = people

    def get_options(self) -> dict[str, Any]:
        """Give what the action takes beside people and reason."""
        return {name: value for name, value in self.cleaned_data.items() if name != "reason"}


class RequireForm(ReasonForm):
    grace_until = forms.DateField(
        label=_("Required from"),
        required=False,
        widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
        help_text=_("Empty: at once. At most 90 days ahead."),
    )
    field_order = ["grace_until", "reason"]

    def clean_grace_until(self) -> datetime | None:
        """Give the beginning of that day, UTC."""
        day: date | None = self.cleaned_data["grace_until"]
        if day is None:
            return None
        today = timezone.now().date()
        if not today < day <= today + MAX_GRACE:
            raise ValidationError(_("Name a day after today, at most 90 days ahead."), code="out_of_range")
        return datetime.combine(day, time(), UTC)


class RemoveForm(ReasonForm):
    methods = forms.MultipleChoiceField(
        label=_("What to remove"),
        widget=forms.CheckboxSelectMultiple,
        choices=[*LABELS.items(), (NUMBER, _("the phone number too, lost for good"))],
        error_messages={"required": _("Choose what to remove.")},
    )
    field_order = ["methods", "reason"]


class EndSessionsForm(ReasonForm):
    """One person's sessions can be chosen from; those of several people end all together."""

    sessions = forms.MultipleChoiceField(
        label=_("Sessions"),
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text=_("None chosen: all end, and no browser is trusted any more."),
    )
    field_order = ["sessions", "reason"]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if len(self.people) != 1:
            del self.fields["sessions"]
            return
        self.fields["sessions"].choices = [  # type: ignore[attr-defined]
            (
                session.handle,
                gettext("%(browser)s from %(address)s, used %(when)s UTC")
                % {
                    "browser": session.browser,
                    "address": session.client_address,
                    "when": format_date(session.last_seen_at, "SHORT_DATETIME_FORMAT"),
                },
            )
            for session in list_sessions(self.people[0])
        ]

    def get_options(self) -> dict[str, Any]:
        return {"sessions": self.cleaned_data.get("sessions") or None}


class RightsForm(ReasonForm):
    is_staff = forms.BooleanField(label=_("Staff: may open the admin site"), required=False)
    is_superuser = forms.BooleanField(label=_("Superuser: may do everything there"), required=False)
    groups = forms.ModelMultipleChoiceField(
        Group.objects.order_by("name"), label=_("Groups"), required=False, widget=forms.CheckboxSelectMultiple
    )
    user_permissions = forms.ModelMultipleChoiceField(
        Permission.objects.select_related("content_type"),
        label=_("Rights of their own"),
        required=False,
        widget=forms.SelectMultiple({"size": 12}),
        help_text=_("Rather give a group than single rights."),
    )
    field_order = ["is_staff", "is_superuser", "groups", "user_permissions", "reason"]

    def __init__(self, *args: Any, people: list[User], **options: Any) -> None:
        super().__init__(*args, people=people, initial=describe_rights(people[0]), **options)


class AddForm(forms.ModelForm):
    """A new account: an address, and why. Nobody chooses a password for somebody else."""

    reason = make_reason_field()

    class Meta:
        model = User
        fields = ["email"]


FORMS: dict[str, type[ReasonForm]] = {
    "require-two-factor": RequireForm,
    "remove-factors": RemoveForm,
    "end-sessions": EndSessionsForm,
    "change-rights": RightsForm,
}
