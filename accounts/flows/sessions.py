"""A person's own sessions: to see, and to end."""

from typing import Any, cast

from django.http import HttpRequest

from accounts import assurance
from accounts.assurance import Step
from accounts.models import KnownBrowser, SecurityEvent, User, UserSession
from accounts.models.event import EventKind
from otp import services
from otp.client import Client
from otp.exceptions import NotFound


def list_sessions(user: Any) -> list[UserSession]:
    """List a person's live sessions, the one used last in front."""
    return [session for session in UserSession.objects.filter(user=user).order_by("-last_seen_at") if session.is_live]


def end_others(request: HttpRequest) -> int:
    """End all sessions of the person but this one, and trust in other browsers; gives how many there were.

    :raises StepUpRequired, FactorRequired: without a fresh proof
    """
    assurance.raise_unless_fresh(request, Step.SESSIONS)
    count = end_elsewhere(request)
    SecurityEvent.record(EventKind.SESSION_ENDED, request.user, Client.from_request(request), detail=count)
    return count


def get_other(request: HttpRequest, handle: str) -> UserSession:
    """Give one live session of the person, not the one of this request; see `UserSession.handle`.

    :raises NotFound: there is none by that handle
    """
    for session in list_sessions(request.user):
        if session.handle == handle and session.pk != request.session.session_key:
            return session
    raise NotFound


def end_one(request: HttpRequest, handle: str) -> None:
    """End one other session of the person, all that is open for them, and trust in browsers: which is whose is unknown.

    :raises StepUpRequired, FactorRequired: without a fresh proof
    :raises NotFound: see `get_other`
    """
    assurance.raise_unless_fresh(request, Step.SESSIONS)
    user = cast("User", request.user)
    session = get_other(request, handle)
    KnownBrowser.end_trust(user)
    services.cancel_all(user.pk)
    session.delete()
    SecurityEvent.record(EventKind.SESSION_ENDED, user, Client.from_request(request), detail=1)


def end_elsewhere(request: HttpRequest) -> int:
    """End a person's other sessions, what is open in them, and trust in browsers: any change of how they sign in does.

    Whoever calls it records why.
    """
    user = cast("User", request.user)
    KnownBrowser.end_trust(user)
    # Whoever signs out elsewhere may have seen somebody else there: what that one began must not go on.
    services.cancel_all(user.pk)
    count, _ = UserSession.objects.filter(user=user).exclude(pk=request.session.session_key).delete()
    return count


def end_all_sessions(user: Any) -> int:
    """End every session of a person, what is open in them, and trust in every browser. Its caller records why."""
    services.cancel_all(user.pk)
    KnownBrowser.objects.filter(user=user).delete()
    count, _ = UserSession.objects.filter(user=user).delete()
    return count


def end_some_sessions(user: Any, handles: list[str]) -> int:
    """End the sessions with these handles, where they are the person's. Whoever calls it records why."""
    keys = [session.pk for session in UserSession.objects.filter(user=user) if session.handle in handles]
    return UserSession.objects.filter(user=user, pk__in=keys).delete()[0]
