"""All that was written down of a soak, and what is found when it is compared."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from benchmarks.calls import Answer

FIELDS = (
    "created_at", "kind", "outcome", "purpose", "channel", "country", "reason", "request_id", "cost",
    "destination_hash", "verification_id", "verification__status", "verification_sid",
)  # fmt: skip
OK, CRASHED, UNAVAILABLE = "ok", "crashed", "provider_unavailable"


@dataclass(frozen=True)
class Verdict:
    """What one comparison found. `broken` is empty where all of it agrees."""

    name: str
    figures: str
    broken: list[str]

    def __str__(self) -> str:
        lines = [f"{'BROKEN' if self.broken else 'kept'}  {self.name}: {self.figures}"]
        return "\n".join([*lines, *(f"        {sentence}" for sentence in self.broken)])


@dataclass(frozen=True)
class Story:
    """All that was written down. `was_cut` says of an answer whether it fell into the restart of the database."""

    rows: list[Any]
    answers: list[Answer]
    messages: list[dict[str, str]]
    checks: list[dict[str, Any]]
    was_cut: Callable[[Answer], bool]

    @property
    def sends(self) -> list[Any]:
        return [row for row in self.rows if row.kind == "send"]

    @property
    def own(self) -> list[Answer]:
        """The answers of calls that send or check."""
        return [answer for answer in self.answers if answer.call.kind]


def read_rows() -> list[Any]:
    """Read the audit, with Django set up."""
    from otp.models import VerificationAttempt

    return list(VerificationAttempt.objects.order_by("pk").values_list(*FIELDS, named=True))


def list_broken(**found: Iterable[str]) -> list[str]:
    """Say what was found, how often, and three examples of it."""
    sentences = []
    for name, examples in found.items():
        if listed := list(examples):
            sentences.append(f"{name.replace('_', ' ')}: {len(listed)}, such as {'; '.join(listed[:3])}")
    return sentences
