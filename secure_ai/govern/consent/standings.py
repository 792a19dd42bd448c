"""What stands: events folded into one status for each person and purpose."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from secure_ai.govern.consent.events import Event, moment

Status = Literal["given", "withdrawn", "expired"]


@dataclass(frozen=True, slots=True)
class Decision:
    """The last decision of one person about one purpose.

    Attributes:
        status: ``given``, ``withdrawn`` or ``expired``.
        since: number of the event.
        expires: from when it no longer stands; None where it stands until withdrawn.
    """

    status: Status
    since: int
    expires: datetime | None = None

    def stands(self, at: datetime) -> bool:
        """Whether it is a consent that stands at that moment."""
        return self.status == "given" and (self.expires is None or at < self.expires)


@dataclass
class Run:
    """A training run, or an extract, in which people's records were used.

    Attributes:
        run, purpose, artifact: which.
        digest: over the pseudonyms of its people.
        status: ``started``, ``published`` or ``discarded``.
        unlearned: the people taken out of it again, under each key they were known by then.
        since: number of the event that started it.
        published: number of the event that published it; 0 where none did.
    """

    run: str
    purpose: str
    artifact: str
    digest: str
    status: str = "started"
    unlearned: set[str] = field(default_factory=set)
    since: int = 0
    published: int = 0


class Standings:
    """All decisions that stand after a number of events, each event applied once and in order."""

    def __init__(self, former: Mapping[str, str]) -> None:
        self.former = dict(former)
        self.sequence = 0
        self.last_time: datetime | None = None
        self.decisions: dict[str, dict[str, Decision]] = {}
        self._ends: list[tuple[datetime, str, str]] = []
        self.merged: dict[str, str] = {}
        self.runs: dict[str, Run] = {}
        self.words: dict[str, str] = {}
        self.former_in_ledger: dict[str, str] = {}
        self.ever: dict[str, str] = {}
        self.ever_former: dict[str, str] = {}

    def purpose(self, word: str) -> str:
        """Return the word that a purpose has today."""
        return self.former.get(word, word)

    def resolved(self, person: str) -> str:
        """Return the identity that a person's records were merged into, or the person."""
        while person in self.merged:
            person = self.merged[person]
        return person

    def decision(self, person: str, purpose: str) -> Decision | None:
        """Return the last decision of a person about a purpose; None where there is none."""
        return self.decisions.get(self.purpose(purpose), {}).get(self.resolved(person))

    def due(self, at: datetime) -> list[tuple[str, str, Decision]]:
        """Return person, purpose and decision of what ended by that moment and is not recorded as such."""
        found = {}
        while self._ends and self._ends[0][0] <= at:
            end = heapq.heappop(self._ends)
            decision = self.decisions[end[2]].get(end[1])
            if decision is not None and decision.status == "given" and decision.expires == end[0]:
                found[end] = decision
        # They stay until their expiry is recorded, which may fail.
        for end in found:
            heapq.heappush(self._ends, end)
        return [(person, purpose, decision) for (_, person, purpose), decision in found.items()]

    def _put(self, person: str, purpose: str, decision: Decision) -> None:
        self.decisions.setdefault(purpose, {})[person] = decision
        if decision.status == "given" and decision.expires is not None:
            heapq.heappush(self._ends, (decision.expires, person, purpose))

    def apply(self, event: Event) -> None:
        """Take in the next event."""
        self.sequence += 1
        time = moment(event.time)
        self.last_time = time if self.last_time is None else max(self.last_time, time)
        if event.kind in ("given", "renewed", "withdrawn", "expired"):
            self._decide(event)
        elif event.kind == "merged":
            self._merge(event.person, event.other)
        elif event.kind == "vocabulary":
            self._adopt(event.words, event.former)
        else:
            self._run(event)

    def _adopt(self, words: Mapping[str, str], former: Mapping[str, str]) -> None:
        self.words, self.former_in_ledger = dict(words), dict(former)
        self.ever_former |= former
        for name, basis in words.items():
            # Once a decision of the person, always one: see purposes.check_change.
            if self.ever.get(name) not in ("consent", "opt_out"):
                self.ever[name] = basis

    def _decide(self, event: Event) -> None:
        person, purpose = self.resolved(event.person), self.purpose(event.purpose)
        before = self.decisions.get(purpose, {}).get(person)
        expires = moment(event.expires) if event.expires else None
        if event.kind == "withdrawn":
            self._put(person, purpose, Decision("withdrawn", self.sequence))
        elif event.kind == "expired":
            if before is not None and before.status == "given" and before.expires == expires:
                self._put(person, purpose, Decision("expired", self.sequence, expires))
        elif event.kind == "given" or (before is not None and before.status != "withdrawn"):
            # A renewal continues a consent; after a withdrawal there is none to continue.
            self._put(person, purpose, Decision("given", self.sequence, expires))

    def _merge(self, person: str, other: str) -> None:
        person, other = self.resolved(person), self.resolved(other)
        if person == other:
            return
        self.merged[person] = other
        for purpose, people in self.decisions.items():
            if (moved := people.pop(person, None)) is not None:
                self._put(other, purpose, _stricter(moved, people.get(other)))

    def _keys_of(self, person: str) -> set[str]:
        """Return all that a person was known by until now: an identity merged in later was not meant."""
        identity = self.resolved(person)
        return {person, identity, *(key for key in self.merged if self.resolved(key) == identity)}

    def _run(self, event: Event) -> None:
        if event.kind == "started":
            self.runs[event.run] = Run(
                event.run, event.purpose, event.artifact, event.digest, since=self.sequence
            )
        elif (run := self.runs.get(event.run)) is not None:
            if event.kind == "unlearned":
                run.unlearned |= self._keys_of(event.person)
            else:
                run.status = event.kind
                run.published = self.sequence if event.kind == "published" else run.published


def _stricter(one: Decision, other: Decision | None) -> Decision:
    """Return what stands of two decisions of one person under two identities: a withdrawal wins."""
    if other is None:
        return one
    rank = {"withdrawn": 0, "given": 1, "expired": 2}
    first, second = sorted((one, other), key=lambda decision: rank[decision.status])
    if first.status == second.status == "given":
        ends = [decision.expires for decision in (first, second) if decision.expires is not None]
        return replace(first, expires=min(ends, default=None), since=max(first.since, second.since))
    return first
