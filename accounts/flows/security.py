"""The small settings, and what happened lately."""

from django.db.models import QuerySet

from accounts.models import SecurityEvent, User
from accounts.models.event import EventKind


def prefer_channel(user: User, channel: str) -> None:
    """Send codes at sign-in this way from now on. It moves no number: a proof is not asked for."""
    user.preferred_channel = channel
    user.save(update_fields=["preferred_channel"])


def list_events(user: User) -> list[SecurityEvent]:
    """List the last twenty things that happened to the account, newest first.

    Wrong passwords are left out: strangers could type enough of them to push out what the person has to see.
    """
    return list(_recent(user).exclude(kind=EventKind.SIGN_IN_FAILED)[:20])


def list_events_for_support(user: User) -> list[SecurityEvent]:
    """List the last twenty, wrong passwords included, with who of the staff did what."""
    return list(_recent(user).select_related("actor")[:20])


def _recent(user: User) -> QuerySet[SecurityEvent]:
    return SecurityEvent.objects.filter(user=user).order_by("-id")
