"""The rules of consent, written once more and plainly: an oracle for random histories."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from secure_ai.govern.consent import Purposes

PEOPLE = (1, 2, 3, 4)
DECIDED = ("study", "offers", "appeals")
# Two purposes are renamed, one of each kind that people decide about: by their names in time.
NAMES = {
    "study": ("study", "science", "discovery"),
    "appeals": ("appeals", "campaigns", "drives"),
}

State = tuple[str, datetime | None]


def vocabulary(renamed: int) -> Purposes:
    """The purposes after a number of renames."""
    entries = [
        {"word": NAMES["study"][renamed], "basis": "consent", "former_names": NAMES["study"][:renamed]},
        {"word": "offers", "basis": "consent"},
        {"word": NAMES["appeals"][renamed], "basis": "opt_out", "former_names": NAMES["appeals"][:renamed]},
        {"word": "care", "basis": "treatment_payment_operations"},
    ]
    return Purposes.model_validate(
        {"sector": "test", "purposes": [entry | {"means": "-"} for entry in entries]}
    )


class Oracle:
    """Facts in order, judged from the first each time.

    A fact is ``("give", person, purpose, end)``, ``("withdraw", person, purpose)``, ``("merge", one, other)``
    or ``("seen", moment)``: what ended by a moment that was seen has ended, whatever a clock says later.
    """

    def __init__(self) -> None:
        self.facts: list[tuple] = []

    def add(self, *fact: Any) -> None:
        self.facts.append(fact)

    def used_with(self, person: int, purpose: str, now: datetime) -> bool:
        """Whether this person's records may be used at ``now``."""
        if purpose == "care":
            return True
        status, end = self.state(person, purpose)
        if purpose == "appeals":
            return status != "withdrawn"
        return status == "given" and (end is None or now < end)

    def state(self, person: int, purpose: str) -> State:
        """What became of the last decision of a person."""
        return self._judged(purpose)[0].get(person, ("never", None))

    def known(self, person: int) -> bool:
        """Whether the person decided anything."""
        return any(self.state(person, purpose)[0] != "never" for purpose in DECIDED)

    def identities(self, people: Iterable[int]) -> set[frozenset[int]]:
        """The different persons behind some keys."""
        groups = self._judged("care")[1]
        return {groups[person] for person in people}

    def ends_by(self, now: datetime) -> bool:
        """Whether a consent that counts as given ended by ``now``."""
        return any(
            status == "given" and end is not None and end <= now
            for purpose in DECIDED
            for status, end in self._judged(purpose)[0].values()
        )

    def _judged(self, purpose: str) -> tuple[dict[int, State], dict[int, frozenset[int]]]:
        # Each person alone, up to the merge; what one of them withdrew, all of them withdrew.
        state: dict[int, State] = {}
        groups = {person: frozenset({person}) for person in PEOPLE}
        for kind, *rest in self.facts:
            if kind == "merge":
                one, other = rest
                both = groups[one] | groups[other]
                joined = _joined([state[member] for member in (one, other) if member in state])
                for member in both:
                    groups[member] = both
                    if joined:
                        state[member] = joined
            elif kind == "seen":
                for member, (status, end) in state.items():
                    if status == "given" and end is not None and end <= rest[0]:
                        state[member] = ("expired", end)
            elif rest[1] == purpose:
                for member in groups[rest[0]]:
                    state[member] = ("withdrawn", None) if kind == "withdraw" else ("given", rest[2])
        return state, groups


def _joined(states: list[State]) -> State | None:
    kinds = [status for status, _ in states]
    if "withdrawn" in kinds:
        return ("withdrawn", None)
    if "given" in kinds:
        ends = [end for status, end in states if status == "given" and end is not None]
        return ("given", min(ends, default=None))
    return states[0] if states else None
