"""How long a session has left, and what is said to people about it."""

import math
import time
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts.forms.base import say_wait
from accounts.models.session import SIGNED_IN


@dataclass(frozen=True)
class SessionTime:
    """Seconds until a session ends by itself; `is_final` where using it makes that no later."""

    left: int
    is_final: bool


# Where money is moved, a session that nobody has used for this long is over (RTS 2018/389 article 4(3)(d)).
MONEY_IDLE_SECONDS = 300
OVER = SessionTime(left=0, is_final=True)


def is_money(view: Any) -> bool:
    """Tell whether a view moves money: `accounts.middleware.money_page`, or a viewset's `is_money`."""
    return getattr(getattr(view, "cls", view), "is_money", False)


def get_idle_seconds(*, is_money: bool = False) -> int:
    """Say for how long a session may go unused."""
    return min(settings.SESSION_IDLE_SECONDS, MONEY_IDLE_SECONDS) if is_money else settings.SESSION_IDLE_SECONDS


def measure(request: HttpRequest, *, is_money: bool = False) -> SessionTime:
    """Say how long whoever is signed in stays so without doing anything; nothing is left where nobody is."""
    session = getattr(request, "session", {})  # an error page may have none
    if not (signed_in := session.get(SIGNED_IN)):
        return OVER
    idle_end = signed_in["seen_at"] + get_idle_seconds(is_money=is_money)
    last_end = signed_in["at"] + settings.SESSION_COOKIE_AGE
    left = math.ceil(min(idle_end, last_end) - time.time())
    return SessionTime(left=max(0, left), is_final=last_end <= idle_end)


def get_warning_seconds(idle_seconds: int) -> int:
    """Say how long before the end people are warned: a minute, never less than 20 seconds (WCAG 2.2, 2.2.1)."""
    return max(20, min(60, idle_seconds // 3))


def say_limit(idle_seconds: int) -> str:
    """Say the limit in words, for a page that can't count."""
    return _("You are signed out after %(limit)s without use.") % {"limit": say_wait(idle_seconds)}


def say_over(idle_seconds: int) -> str:
    """Say that a session has ended by itself."""
    return _("You were signed out: nothing was done for %(limit)s, or the sign-in was too long ago. Sign in again.") % {
        "limit": say_wait(idle_seconds)
    }
