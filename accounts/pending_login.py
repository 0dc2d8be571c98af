"""The pending sign-in: password accepted, second factor not yet. It is no login: `request.user` stays anonymous.

It lives in an anonymous session, for ten minutes at most, and dies with whatever it rests on: another password, an
account that is switched off, a block after wrong codes.
"""

import secrets
import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime

from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from accounts import standing
from accounts.exceptions import SignInOver
from accounts.models import User
from accounts.sessions import start_over
from accounts.waiting import Waiting

KEY = "pending_login"
LIFETIME_SECONDS = 600


@dataclass
class PendingLogin:
    """Who is half-way in. `flow` binds codes, and the forms of this sign-in, to it."""

    user_id: int
    password_stamp: str  # changes with the password
    next_url: str
    started_at: float = field(default_factory=time.time)
    flow: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    waiting: Waiting | None = None
    problem: str = ""  # why no code went out, in a sentence
    methods: list[str] = field(default_factory=list)  # by which it can be finished now; not kept

    def save(self, session: SessionBase) -> None:
        session[KEY] = {**asdict(self), "methods": []}


def start(request: HttpRequest, user: User, methods: list[str], next_url: str) -> PendingLogin:
    """Note that a password was right, in a session of its own. `methods` are those that can finish it now.

    Where the same person's sign-in is pending in this browser already, its code stays good: nobody pays for another.
    """
    kept = _read(request.session)
    pending = PendingLogin(user.pk, user.get_session_auth_hash(), next_url, methods=methods)
    if kept and kept.user_id == user.pk and kept.waiting and kept.waiting.is_live:
        pending.flow, pending.waiting = kept.flow, kept.waiting
    # SECURITY: nothing of an earlier session comes along, and its key is dead.
    start_over(request)
    pending.save(request.session)
    return pending


def find(request: HttpRequest) -> tuple[PendingLogin, User] | None:
    """Find the sign-in that is pending in this session, with the person; one that is over is ended."""
    pending = _read(request.session)
    if pending is None:
        return None
    found = standing.find(pending.user_id)
    started_at = datetime.fromtimestamp(pending.started_at, UTC)
    if (
        found is None
        or not found.methods  # they were all removed meanwhile
        or time.time() - pending.started_at > LIFETIME_SECONDS
        # SECURITY: the password that was accepted is the one the account has.
        or not constant_time_compare(pending.password_stamp, found.user.get_session_auth_hash())
        or found.budget.has_ended(started_at)
    ):
        end(request)
        return None
    pending.methods = found.methods
    return pending, found.user


def get(request: HttpRequest) -> tuple[PendingLogin, User]:
    """Give the sign-in that is pending in this session, with the person.

    :raises SignInOver: there is none
    """
    found = find(request)
    if found is None:
        raise SignInOver
    return found


def end(request: HttpRequest) -> None:
    """Forget the pending sign-in, if there is one."""
    request.session.pop(KEY, None)


def _read(session: SessionBase) -> PendingLogin | None:
    if not (kept := session.get(KEY)):
        return None
    waiting = kept["waiting"] and Waiting(**kept["waiting"])
    return PendingLogin(**{**kept, "waiting": waiting})
