"""The small settings, and what happened lately."""

from accounts.models import SecurityEvent, User


def prefer_channel(user: User, channel: str) -> None:
    """Send codes at sign-in this way from now on. It moves no number: a proof is not asked for."""
    user.preferred_channel = channel
    user.save(update_fields=["preferred_channel"])


def list_events(user: User) -> list[SecurityEvent]:
    """List the last twenty things that happened to the account, newest first."""
    return list(SecurityEvent.objects.filter(user=user).select_related("actor").order_by("-id")[:20])
