"""When what was broken in a soak, and which answers fell into it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from http import HTTPStatus

from benchmarks.calls import NO_ANSWER, Answer
from benchmarks.parts import Fault

# Until everything is as before: the breaker alone stays open for fifteen.
SETTLING_SECONDS = 20
WARM_SHARE = 1 / 3


@dataclass(frozen=True)
class Stretch:
    """When one fault began and ended, in Unix time."""

    fault: Fault
    began_at: float
    ended_at: float

    def covers(self, answer: Answer) -> bool:
        return answer.ended_at >= self.began_at and answer.began_at <= self.ended_at + SETTLING_SECONDS


@dataclass
class Timeline:
    """A calm quarter, faults in turn, a calm quarter. Before `began_at` the peak was measured."""

    began_at: float = 0.0
    first_fault_at: float = 0.0
    last_fault_at: float = 0.0
    stretches: list[Stretch] = field(default_factory=list)

    @property
    def by_name(self) -> dict[str, list[Stretch]]:
        names = dict.fromkeys(stretch.fault.name for stretch in self.stretches)
        return {name: [stretch for stretch in self.stretches if stretch.fault.name == name] for name in names}

    @property
    def first_calm(self) -> tuple[float, float]:
        """When the first calm stretch began, once the site was warm, and when it ended."""
        return self.began_at + (self.first_fault_at - self.began_at) * WARM_SHARE, self.first_fault_at

    @property
    def last_calm(self) -> tuple[float, float]:
        return self.last_fault_at, float("inf")

    def is_calm(self, answer: Answer) -> bool:
        return not any(stretch.covers(answer) for stretch in self.stretches)

    def was_cut(self, answer: Answer) -> bool:
        """Tell whether the database was away while this was answered."""
        return any(stretch.fault.cuts_database and stretch.covers(answer) for stretch in self.stretches)

    def may_be_missing(self, answer: Answer) -> bool:
        return any(stretch.fault.closes_connections and stretch.covers(answer) for stretch in self.stretches)

    def count_in_flight(self, answers: Iterable[Answer]) -> int:
        """Count the answers that a kill or a restart of the database has cut off."""
        failures = {NO_ANSWER, HTTPStatus.SERVICE_UNAVAILABLE}
        return sum(
            answer.status in failures and (self.was_cut(answer) or self.may_be_missing(answer)) for answer in answers
        )
