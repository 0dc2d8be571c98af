"""How a person stands when they sign in. One statement reads it, and whoever goes on with the sign-in is handed it."""

from dataclasses import dataclass
from typing import Any

from accounts.factors.methods import get_sign_in_conditions, sort
from accounts.models import FactorBudget, KnownBrowser, User


@dataclass(frozen=True)
class Standing:
    """Good for one request, and before anything is counted: `budget` is that of the moment it was read."""

    user: User
    methods: list[str]  # as `list_for_sign_in` gives them
    budget: FactorBudget
    has_trusted_browser: bool


def find(user_id: int, cookie: str = "") -> Standing | None:
    """Find an active person. `cookie` is the browser's; without one it is none that the person trusts."""
    people = User.objects.filter(pk=user_id, is_active=True).select_related("factor_budget")
    conditions = {**get_sign_in_conditions(), "has_trusted_browser": KnownBrowser.is_trusted_condition(user_id, cookie)}
    user: Any = people.annotate(**conditions).first()
    if user is None:
        return None
    budget = getattr(user, "factor_budget", None) or FactorBudget(user=user)
    return Standing(user, sort(user, vars(user)), budget, user.has_trusted_browser)
