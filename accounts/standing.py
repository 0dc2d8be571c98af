"""How a person stands when they sign in. One statement reads it, and whoever goes on with the sign-in is handed it."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db.models import OuterRef, Subquery
from django.utils import timezone

from accounts.factors.methods import Method, get_conditions, sort
from accounts.models import BackupCodeDevice, FactorBudget, KnownBrowser, User


@dataclass(frozen=True)
class Standing:
    """Good for one request, and before anything is counted: `budget` is that of the moment it was read.

    `methods` are those that the person may sign in with after the password. One backup code serves one recovery step
    only: after a password reset with one the others wait for a day.
    """

    user: User
    methods: list[str]
    budget: FactorBudget
    has_trusted_browser: bool


def find(user_id: int, cookie: str = "") -> Standing | None:
    """Find an active person. `cookie` is the browser's; without one it is none that the person trusts."""
    people = _get_people().filter(pk=user_id)
    if cookie:
        people = people.annotate(has_trusted_browser=KnownBrowser.is_trusted_condition(user_id, cookie))
    user = people.first()
    if user is None:
        return None
    is_paused = user.backup_codes_paused_until is not None and user.backup_codes_paused_until > timezone.now()
    methods = [method for method in sort(user, vars(user)) if method != Method.BACKUP_CODE or not is_paused]
    budget = getattr(user, "factor_budget", None) or FactorBudget(user=user)
    return Standing(user, methods, budget, getattr(user, "has_trusted_browser", False))


@cache
def _get_people() -> Any:
    """Give the active people, with what is asked about them, to filter from.

    The question is kept, never an answer: Django takes longer to put it together than the database to answer it.
    """
    paused = BackupCodeDevice.objects.filter(user=OuterRef("pk")).values("paused_until")
    return (
        User.objects.filter(is_active=True)
        .select_related("factor_budget")
        .annotate(**get_conditions(), backup_codes_paused_until=Subquery(paused))
    )
