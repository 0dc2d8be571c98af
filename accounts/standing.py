"""How a person stands when they sign in. One statement reads it, and whoever goes on with the sign-in is handed it."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db.models import Exists, F, OuterRef, QuerySet, Subquery
from django.utils import timezone

from accounts.factors.methods import Method, get_conditions, sort
from accounts.models import BackupCodeDevice, FactorBudget, KnownBrowser, User
from otp.models.prepared import Given, Prepared, given_each


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
    given: dict[str, Any] = {"pk": user_id}
    if cookie:
        given |= {"browser": KnownBrowser.make_keys(user_id, cookie), "now": timezone.now()}
    found = _prepare(len(given.get("browser", []))).find(**given)
    if not found:
        return None
    user: Any = found[0]
    is_paused = user.backup_codes_paused_until is not None and user.backup_codes_paused_until > timezone.now()
    methods = [method for method in sort(user, vars(user)) if method != Method.BACKUP_CODE or not is_paused]
    budget = FactorBudget(
        pk=user.budget_id,
        user=user,
        failures=user.failures or 0,
        blocked_at=user.blocked_at,
        blocked_until=user.blocked_until,
    )
    return Standing(user, methods, budget, getattr(user, "has_trusted_browser", False))


@cache
def _prepare(browser_keys: int) -> Prepared[User]:
    paused = BackupCodeDevice.objects.filter(user=OuterRef("pk")).values("paused_until")
    trusted = KnownBrowser.objects.filter(
        user=OuterRef("pk"), key__in=given_each("browser", browser_keys), trusted_until__gt=Given("now")
    )

    def make() -> QuerySet[Any]:
        people = User.objects.filter(is_active=True, pk=Given("pk")).annotate(
            **get_conditions(),
            backup_codes_paused_until=Subquery(paused),
            budget_id=F("factor_budget__pk"),
            failures=F("factor_budget__failures"),
            blocked_at=F("factor_budget__blocked_at"),
            blocked_until=F("factor_budget__blocked_until"),
        )
        return people.annotate(has_trusted_browser=Exists(trusted)) if browser_keys else people

    return Prepared(make)
