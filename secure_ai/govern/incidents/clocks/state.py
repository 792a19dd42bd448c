"""The state of one legal clock: whether it runs, why, since when and until when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Status = Literal["applies", "not_applicable", "undecided"]
STATUS_WORDS = {"applies": "applies", "not_applicable": "does not apply", "undecided": "undecided"}


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that must be so for a duty to exist.

    Attributes:
        fact: the name of the fact in ``IncidentFacts``.
        holds: whether it is so; None if the fact is not known.
        words: the condition, as "protected health information was affected".
        otherwise: why the duty does not exist if it is not so.
        presumed: where the law presumes it until the contrary is shown: the words to say so; an unknown fact
            then counts as holding.
    """

    fact: str
    holds: bool | None
    words: str
    otherwise: str
    presumed: str = ""


@dataclass(frozen=True, slots=True)
class ClockState:
    """One legal clock as it stands.

    Attributes:
        id: its name, such as ``"gdpr_authority"``.
        name: what has to be done, in words.
        recipient: who is told.
        status: ``"applies"``, ``"not_applicable"`` or ``"undecided"``.
        condition: when the law asks for it, in words.
        start_event: what starts it, in words.
        started: when that was; None if not known, or it has not happened.
        deadline: the last moment; None where the law names none, or the start is not known. Of an undecided
            clock: the last moment if it should apply.
        limit: the law's words for the time, such as "72 hours".
        decided_by: the fact that decided; empty while undecided.
        why: the reason, in a sentence.
        missing: names of facts that are not known and matter.
        reference: the framework id of its source.
    """

    id: str
    name: str
    recipient: str
    status: Status
    condition: str
    start_event: str
    started: datetime | None
    deadline: datetime | None
    limit: str
    decided_by: str
    why: str
    missing: tuple[str, ...]
    reference: str

    def remaining_minutes(self, now: datetime) -> float | None:
        """Return the minutes that are left at ``now``; negative when overdue, None without a deadline."""
        return None if self.deadline is None else (self.deadline - now).total_seconds() / 60

    def sentence(self) -> str:
        """Say how the clock stands."""
        until = f" by {self.deadline:%a %d %b %Y %H:%M %Z}" if self.deadline is not None else ""
        if self.status == "not_applicable":
            return f"{self.name} ({self.reference}): not applicable because {self.why}."
        if self.status == "undecided":
            facts = ", ".join(self.missing)
            last = f"; if it applies, it is due{until}" if until else ""
            return (
                f"{self.name} ({self.reference}): undecided, missing: {facts}{last}. "
                "Until then act as if it applies."
            )
        return f"{self.name} ({self.reference}): {self.limit}{', so' + until if until else ''}; {self.why}."


def decide_clock(
    *,
    id: str,
    name: str,
    recipient: str,
    conditions: Sequence[Condition],
    start_event: str,
    start_facts: Sequence[str],
    started: datetime | None,
    deadline: datetime | None,
    limit: str,
    reference: str,
    also_missing: Sequence[str] = (),
) -> ClockState:
    """Return the state of a clock from its conditions.

    One condition that fails decides that it does not apply, whatever else is unknown. Otherwise every unknown
    fact that the law does not presume leaves it undecided, and so does an unknown start.

    Args:
        id, name, recipient, start_event, started, deadline, limit, reference: see :class:`ClockState`.
        conditions: all must hold.
        start_facts: the facts that would give the start.
        also_missing: further facts that are not known and on which the deadline depends.
    """
    words = "; ".join(item.words for item in conditions)
    failed = next((item for item in conditions if item.holds is False), None)
    if failed is not None:
        return ClockState(
            id, name, recipient, "not_applicable", words, start_event, started, None, limit,
            failed.fact, failed.otherwise, (), reference,
        )  # fmt: skip
    missing = [item.fact for item in conditions if item.holds is None and not item.presumed]
    missing += list(also_missing)
    if started is None:
        missing += list(start_facts)
    if missing:
        return ClockState(
            id, name, recipient, "undecided", words, start_event, started, deadline, limit,
            "", "facts are missing", tuple(dict.fromkeys(missing)), reference,
        )  # fmt: skip
    presumed = [item for item in conditions if item.holds is None]
    deciding = presumed[0] if presumed else conditions[-1]
    why = "; ".join(item.presumed for item in presumed) or deciding.words
    return ClockState(
        id, name, recipient, "applies", words, start_event, started, deadline, limit,
        deciding.fact, why, (), reference,
    )  # fmt: skip
