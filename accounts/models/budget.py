"""How many wrong codes a person has in a row, over all factors, pages, calls and sessions together.

Kept apart from wrong passwords: a right password never clears it. Only somebody who has the password can add to it, or
who has got as far as the second proof of a reset.
"""

from datetime import datetime, timedelta
from functools import cache
from typing import Any, ClassVar

from django.conf import settings
from django.db import IntegrityError, models, transaction
from django.db.models import Case, F, When
from django.db.models.functions import Mod
from django.db.models.lookups import Exact
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from otp.models.prepared import Given, Prepared, insert

FAILURES_PER_BLOCK = 5  # RTS 2018/389 article 4(3)(b)
# Minutes. The first block is over before a person has given up; later ones leave a guesser five tries a day.
BLOCK_MINUTES = (5, 15, 60, 240, 1440)
FAILURES_UNTIL_DISABLED = 100  # NIST SP 800-63B-4 section 3.2.2


class FactorBudget(models.Model):
    """One person's failures in a row. Moves only by guarded updates: parallel tries can't get through together."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="factor_budget")
    failures = models.PositiveIntegerField(default=0, help_text=_("Wrong codes in a row."))
    blocked_at = models.DateTimeField(null=True, blank=True, help_text=_("When the last block began."))
    blocked_until = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[models.Manager["FactorBudget"]] = models.Manager()

    class Meta:
        verbose_name = _("second factor failures")
        verbose_name_plural = _("second factor failures")

    def __str__(self) -> str:
        return f"{self.failures}"

    @classmethod
    def find(cls, user: Any) -> "FactorBudget":
        """Give a person's row; one that has none yet gets an unsaved one, which counts as no failures."""
        return cls.objects.filter(user=user).first() or cls(user=user)

    @property
    def is_blocked(self) -> bool:
        return self.blocked_until is not None and self.blocked_until > timezone.now()

    @property
    def is_disabled(self) -> bool:
        """Guessable factors are off until one of them is set up anew, or support unlocks the account."""
        return self.failures >= FAILURES_UNTIL_DISABLED

    @property
    def tries_left(self) -> int:
        """Tries until the next block."""
        return 0 if self.is_blocked else FAILURES_PER_BLOCK - self.failures % FAILURES_PER_BLOCK

    def has_ended(self, started_at: datetime) -> bool:
        """Tell whether a pending sign-in that began then was ended by a block."""
        return self.blocked_at is not None and self.blocked_at >= started_at

    @classmethod
    def take(cls, user: Any) -> bool:
        """Count one try as failed before anything is compared. False while blocked or disabled.

        The fifth in a row begins the block at once; `clear` takes it back if the try was right.
        """
        # What was read with the person serves as well: `_count` finds out if it is so no longer.
        budget = getattr(user, "factor_budget", None) or cls(user_id=user.pk)
        while not budget.is_blocked and not budget.is_disabled:
            if budget._count() if budget.pk else budget._begin():
                return True
            budget = cls.find(user)
            if not budget.pk:
                break  # nobody has begun it, and it can't be begun: the person was deleted
        return False

    @classmethod
    def give_back(cls, user: Any) -> None:
        """Uncount one try that compared nothing: an outage is not the person's fault."""
        began_block = Exact(Mod(F("failures"), FAILURES_PER_BLOCK), 0)
        cls.objects.filter(user=user, failures__gt=0).update(
            failures=F("failures") - 1,
            blocked_at=Case(When(began_block, then=None), default=F("blocked_at")),
            blocked_until=Case(When(began_block, then=None), default=F("blocked_until")),
        )

    @classmethod
    def clear(cls, user: Any) -> None:
        """Forget the row of failures: a right code, a factor set up anew, or support."""
        CLEAR.update(user=user.pk)

    def _begin(self) -> bool:
        """Write the row with a person's first failure. False where there is one by now."""
        self.failures = 1
        try:
            with transaction.atomic():
                insert(self)
        except IntegrityError:
            return False
        return True

    def _count(self) -> bool:
        """Count one failure more than this row says. False where it says so no longer."""
        now = timezone.now()
        begins_block = self.tries_left == 1
        given: dict[str, Any] = {"user": self.user_id, "failures": self.failures, "counted": self.failures + 1}
        if self.blocked_until:
            given["seen"] = self.blocked_until
        if begins_block:
            minutes = BLOCK_MINUTES[min(self.failures // FAILURES_PER_BLOCK, len(BLOCK_MINUTES) - 1)]
            given |= {"now": now, "until": now + timedelta(minutes=minutes)}
        # SECURITY: one guarded statement; the row count says who got a try. Of parallel ones that saw the same, one.
        return _prepare_count(self.blocked_until is not None, begins_block).update(**given) == 1


CLEAR = Prepared(
    lambda: FactorBudget.objects.filter(user=Given("user")), failures=0, blocked_at=None, blocked_until=None
)


@cache
def _prepare_count(was_blocked: bool, begins_block: bool) -> Prepared[FactorBudget]:
    seen = Given("seen") if was_blocked else None
    changes = {"blocked_at": Given("now"), "blocked_until": Given("until")} if begins_block else {}
    return Prepared(
        lambda: FactorBudget.objects.filter(user=Given("user"), failures=Given("failures"), blocked_until=seen),
        failures=Given("counted"),
        **changes,
    )
