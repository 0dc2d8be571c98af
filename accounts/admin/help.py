"""The pages of support's actions: whom it is about, what it does, and a reason, behind a fresh proof."""

from typing import Any, cast
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.contrib.admin.helpers import AdminForm
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.assurance import Step, is_fresh, lead_to_proof
from accounts.flows import support
from accounts.forms.base import describe
from accounts.forms.support import FORMS, ReasonForm
from accounts.models import User
from accounts.support.actions import ACTIONS, Action
from otp.exceptions import OtpError

MAX_PEOPLE = 100  # one page of the list


def list_actions(request: HttpRequest, person: User | None = None) -> list[Action]:
    """List what the viewer may do: to a person, or to anybody at all."""
    actor = cast("User", request.user)
    actions = [action for action in ACTIONS.values() if support.may(actor, action)]
    if person is None:
        return [action for action in actions if not action.is_single]
    return [action for action in actions if action.fits(person)]


def begin(action: Action, model_admin: ModelAdmin, request: HttpRequest, people: QuerySet[User]) -> HttpResponse | None:
    """Lead from the list to the page of an action, about those who were chosen there."""
    ids = list(people.order_by("pk").values_list("pk", flat=True)[: MAX_PEOPLE + 1])
    if len(ids) > MAX_PEOPLE:
        text = _("Choose at most %(count)d people at once.") % {"count": MAX_PEOPLE}
        messages.error(request, text)
        return None
    query = urlencode({"person": ids}, doseq=True)
    return HttpResponseRedirect(f"{reverse('admin:accounts_user_help', args=[action.name])}?{query}")


def show(model_admin: ModelAdmin, request: HttpRequest, name: str) -> HttpResponse:
    """Ask for a reason, and do it. Both take the right to, and a fresh proof of who is asking."""
    actor = cast("User", request.user)
    action = _find_action(name)
    # SECURITY: a right of its own for each action, besides the one to see people.
    if not model_admin.has_view_permission(request) or not support.may(actor, action):
        raise PermissionDenied
    if not is_fresh(request, Step.SUPPORT):
        return lead_to_proof(Step.SUPPORT, request.get_full_path())
    chosen = _read_people(request)
    if action.is_single and len(chosen) != 1:
        raise Http404
    obstacles = {person: support.find_obstacle(actor, person) for person in chosen}
    people = [person for person, obstacle in obstacles.items() if not obstacle]
    if not people:
        raise PermissionDenied
    form = FORMS.get(name, ReasonForm)(request.POST if request.method == "POST" else None, people=people)
    if form.is_valid() and _do(request, action, people, form):
        done = ngettext("%(action)s: done for %(count)d person.", "%(action)s: done for %(count)d people.", len(people))
        messages.success(request, done % {"action": action.label, "count": len(people)})
        return HttpResponseRedirect(_get_way_back(chosen))
    return TemplateResponse(
        request,
        "admin/accounts/user/help.html",
        {
            **model_admin.admin_site.each_context(request),
            "title": action.label,
            "opts": model_admin.opts,
            "action": action,
            "people": people,
            "left_out": {person: obstacle for person, obstacle in obstacles.items() if obstacle},
            "form": form,
            "admin_form": AdminForm(cast("Any", form), [(None, {"fields": list(form.fields)})], {}),
            "way_back": _get_way_back(chosen),
        },
    )


def _do(request: HttpRequest, action: Action, people: list[User], form: ReasonForm) -> bool:
    """Do it, or say on the form why it could not be done: then nothing was."""
    try:
        support.act(request, action, people, reason=form.cleaned_data["reason"], **form.get_options())
    except OtpError as error:
        form.add_error(None, describe(error))
        return False
    return True


def _find_action(name: str) -> Action:
    if (action := ACTIONS.get(name)) is None:
        raise Http404
    return action


def _read_people(request: HttpRequest) -> list[User]:
    ids = request.GET.getlist("person")
    if (
        not ids
        or len(ids) > MAX_PEOPLE
        or not all(text.isascii() and text.isdigit() and len(text) < 19 for text in ids)
    ):
        raise Http404
    if not (people := list(User.objects.filter(pk__in=ids).order_by("pk"))):
        raise Http404
    return people


def _get_way_back(people: list[User]) -> str:
    if len(people) == 1:
        return reverse("admin:accounts_user_change", args=[people[0].pk])
    return reverse("admin:accounts_user_changelist")
