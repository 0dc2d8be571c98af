"""What the pumping guard refused, and what it only noted: the table on the admin's front page."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Q
from django.utils.translation import gettext_lazy as _

from otp import guard
from otp.models import VerificationAttempt

# SECURITY: an attack leaves as many as the attacker likes, and its sum is read with each front page.
MOST_READ = 10_000
NAMES = {"address": _("by network"), "prefix": _("by range of numbers"), "country": _("by country")}
MODES = {guard.OFF: _("switched off"), guard.RECORD: _("only notes"), guard.ENFORCE: _("refuses")}


@dataclass
class GuardHits:
    """What one rule met in one place: a country, or a range of numbers where the rule counts by those."""

    rule: str
    place: str
    refused: int = 0
    noted: int = 0
    last: datetime | None = None

    @property
    def count(self) -> int:
        return self.refused + self.noted

    @property
    def name(self) -> Any:
        return NAMES[self.rule]

    def add(self, row: Any) -> None:
        # An attempt is refused by one rule and noted by all that it broke.
        self.refused += row["refused"]
        self.noted += row["met"] - row["refused"]
        self.last = max(self.last or row["last"], row["last"])


def find_guard_hits(since: datetime) -> tuple[list[GuardHits], bool]:
    """Sum sends that broke a rule, most first; and say whether these are only the newest `MOST_READ` of them."""
    met = VerificationAttempt.objects.filter(guard__gt="", created_at__gte=since)
    newest = met.order_by("-created_at").values("pk")[:MOST_READ]
    rows = (
        VerificationAttempt.objects.filter(pk__in=newest)
        .order_by()
        .values("guard", "country", "prefix")
        .annotate(met=Count("pk"), refused=Count("pk", filter=Q(reason__startswith="guard_")), last=Max("created_at"))
    )
    hits: dict[tuple[str, str], GuardHits] = {}
    read = 0
    for row in rows:
        read += row["met"]
        for rule in set(row["guard"].split(",")) & NAMES.keys():
            place = _describe_place(rule, row["country"], row["prefix"])
            hits.setdefault((rule, place), GuardHits(rule, place)).add(row)
    return sorted(hits.values(), key=lambda hit: (-hit.count, hit.rule, hit.place)), read >= MOST_READ


def find_modes() -> list[tuple[Any, Any]]:
    """Give each rule's name and what it does as things are set."""
    return [(NAMES[rule.name], MODES[rule.mode]) for rule in guard.RULES]


def _describe_place(rule: str, country: str, prefix: str) -> str:
    # SECURITY: the range is as far as a number is shown here: a thousand numbers and more share it.
    return f"{country} {prefix}••••" if rule == "prefix" and prefix else country
