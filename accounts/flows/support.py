"""Helping people with their accounts: who may do what to whom. `accounts.support.actions` says what is done."""

from collections.abc import Iterable
from typing import Any, cast

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts import assurance
from accounts.assurance import Step
from accounts.models import SecurityEvent, User
from accounts.support.actions import SUPERUSERS, Action
from otp.client import Client

SELF = _("This is your own account: use your security settings.")
SUPERUSER = _("Only a superuser may change this account.")
ABOVE = _("This account may do things on this site that you may not.")


def act(request: HttpRequest, action: Action, people: Iterable[User], *, reason: str, **options: Any) -> None:
    """Do one thing to each of these accounts, or to none; record each with the reason, and tell each person by mail.

    :raises PermissionDenied: the staff member may not, or not to one of these
    :raises StepUpRequired, FactorRequired: without a fresh proof of the staff member
    :raises ValueError: without a reason
    """
    assurance.raise_unless_fresh(request, Step.SUPPORT)
    if not reason.strip():
        raise ValueError("Say why.")
    actor = cast("User", request.user)
    if not may(actor, action):
        raise PermissionDenied
    client = Client.from_request(request)
    with transaction.atomic():
        # SECURITY: judged as the accounts are now, under their locks. In one order: two helpers must not deadlock.
        ids = [person.pk for person in people]
        for person in User.objects.select_for_update().filter(pk__in=ids).order_by("pk"):
            if find_obstacle(actor, person):
                raise PermissionDenied
            detail = action.do(person, **options)
            SecurityEvent.record(action.kind, person, client, detail=detail, actor=actor, reason=reason)
            action.send_mail(person, reason)


def may(actor: User, action: Action) -> bool:
    """Tell whether a staff member may do this to anybody at all."""
    return actor.is_superuser if action.permission == SUPERUSERS else actor.has_perm(action.permission)


def find_obstacle(actor: User, person: User) -> Any:
    """Say why a staff member may do nothing to this account; '' where they may.

    Help is for those who may do no more than the helper: else whoever answers the telephone is a way up.
    """
    # SECURITY: nobody helps themself around their own settings, which ask for more.
    if actor.pk == person.pk:
        return SELF
    if actor.is_superuser:
        return ""
    if person.is_superuser:
        return SUPERUSER
    if person.is_staff and not _get_rights(person) <= actor.get_all_permissions():
        return ABOVE
    return ""


def _get_rights(user: User) -> set[str]:
    """Give all rights of somebody, also those that lie dormant while the account is switched off."""
    return User(pk=user.pk).get_all_permissions()
