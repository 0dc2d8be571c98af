"""Fresh proof for sensitive steps: "it was them, within five minutes, for this very thing".

Being signed in is not enough to change how one signs in: a session can be stolen or left open. The proof is kept in the
session, on the server, apart for each kind of step.
"""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.db.models import TextChoices
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.exceptions import FactorRequired, StepUpRequired
from accounts.factors.methods import Method, list_provable
from accounts.models.session import SIGNED_IN

KEY = "fresh_proofs"  # session key: step → seconds since 1970
FRESH_SECONDS = 300
PASSWORD = "password"  # noqa: S105  the name of a method


class Step(TextChoices):
    """What a proof may be for. A proof for one step is none for another."""

    TWO_FACTOR = "two_factor", _("turn the second factor on or off")
    FACTORS = "factors", _("change how you sign in")
    ADD_PHONE = "add_phone", _("use your phone to sign in")
    BACKUP_CODES = "backup_codes", _("make new backup codes")
    PHONE_CHANGE = "phone_change", _("change your phone number")
    PASSWORD = "password", _("change your password")
    SESSIONS = "sessions", _("sign out elsewhere")
    PAYMENT = "payment", _("confirm a payment")
    STAFF = "staff", _("open the admin site")
    SUPPORT = "support", _("change somebody’s account")


# Steps by which somebody who has nothing to prove themself with but the password gets something.
ENROLLING = {Step.TWO_FACTOR, Step.FACTORS, Step.PHONE_CHANGE, Step.PASSWORD}


def list_methods(user: Any, step: str) -> list[str]:
    """List by what a person can prove themself for a step; the password counts only where there is nothing else."""
    if step == Step.ADD_PHONE:
        return [str(Method.OTP)] if user.phone_verified_at else []
    return list_provable(user) or ([PASSWORD] if step in ENROLLING else [])


def note(request: HttpRequest, step: str) -> None:
    """Note a proof for one step. The session gets a new key, so that whoever had the old one has nothing."""
    # SECURITY: Django changes the key at sign-in alone.
    request.session.cycle_key()
    request.session[KEY] = {**request.session.get(KEY, {}), step: int(time.time())}


def is_fresh(request: HttpRequest, step: str) -> bool:
    """Tell whether the person was proven for this step within five minutes, in this session."""
    proven_at = request.session.get(KEY, {}).get(step, 0)
    if time.time() - proven_at <= FRESH_SECONDS:
        return True
    # Somebody with no factor at all who has just typed the password is not asked for it again.
    signed_in_at = request.session.get(SIGNED_IN, {}).get("at", 0)
    return time.time() - signed_in_at <= FRESH_SECONDS and list_methods(request.user, step) == [PASSWORD]


def raise_unless_fresh(request: HttpRequest, step: str) -> None:
    """Insist on a fresh proof.

    :raises StepUpRequired: with the methods that the person can prove themself by
    :raises FactorRequired: there is none: one must be set up first
    """
    if is_fresh(request, step):
        return
    if methods := list_methods(request.user, step):
        raise StepUpRequired(methods=methods)
    raise FactorRequired(methods=[])


def step_up_required(step: str) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """Open a page only to a fresh proof; whoever has none is led to giving it and back."""

    def decorate(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not is_fresh(request, step):
                return lead_to_proof(step, request.get_full_path() if request.method == "GET" else "")
            return view(request, *args, **kwargs)

        return guarded

    return decorate


def lead_to_proof(step: str, next_url: str = "") -> HttpResponse:
    """Lead to the page where the person confirms that it is them, and from there back."""
    query = urlencode({"for": step, "next": next_url or reverse("accounts:security")})
    return HttpResponseRedirect(f"{reverse('accounts:confirm')}?{query}")
