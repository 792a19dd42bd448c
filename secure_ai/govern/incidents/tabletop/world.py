"""The world of a tabletop: the kit's rooms run under a fixed clock, and the events that they write "
"are kept."""

from __future__ import annotations

import hashlib
import heapq
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import numpy as np

from secure_ai.access.policy import AccessPolicy, Sector, sector
from secure_ai.core.audit import AuditEvent, AuditLog
from secure_ai.govern.incidents.facts import IncidentFacts
from secure_ai.govern.incidents.notifications import Story
from secure_ai.monitor.detection.result import Detection

Detector = Callable[[Sequence[AuditEvent]], Sequence[Detection]]
BEFORE = 30
"""Minutes of log that exist before the alarm."""
STATES = ("NY", "NJ", "CT")


@dataclass(frozen=True, slots=True)
class Message:
    """Something that reaches the team: an alarm, a call, a result.

    Attributes:
        minute: when, in minutes after the alarm.
        source: from whom, such as ``"monitoring"``; a role or an office, never a person's name.
        text: what it says.
    """

    minute: int
    source: str
    text: str


@cache
def policy_of(name: str) -> AccessPolicy:
    """Return the sector's policy, read once."""
    return AccessPolicy.load(name)


class World(ABC):
    """One course of an incident; what the team does changes it.

    Events come from the kit's own rooms, which write to ``log`` while :meth:`run_until` lets time pass.

    Args:
        sector_name: ``"healthcare"`` or ``"finance"``.
        seed: decides numbers, hours and which laws apply.
    """

    title = ""
    briefing: ClassVar[dict[str, str]] = {}
    told: ClassVar[dict[str, Story]] = {}
    """What a notification can say, once it is established."""
    useful: frozenset[str] = frozenset()
    """Actions that are about containment and serve in this scenario."""
    total_records = 0

    def __init__(self, sector_name: str, seed: int) -> None:
        self.sector_name, self.seed = sector_name, seed
        self.sector: Sector = sector(sector_name)
        self.policy = policy_of(sector_name)
        self.rng = np.random.default_rng([seed, 4_211])
        # A working day at nine in New York; which one depends on the seed.
        weeks, day = divmod(int(self.rng.integers(0, 12)), 5)
        monday_at_nine = datetime(2026, 3, 2, 9, 0, tzinfo=ZoneInfo("America/New_York"))
        self.start = (monday_at_nine + timedelta(days=7 * weeks + day)).astimezone(UTC)
        self.minute = -BEFORE
        self.log = AuditLog(clock=lambda: self.start + timedelta(minutes=self.minute), on_event=self._keep)
        self.events: list[tuple[int, AuditEvent]] = []
        self.messages: list[Message] = []
        self.done: dict[str, int] = {}
        self.preserved: list[tuple[int, AuditEvent]] = []
        self.digest = ""
        self.lost_before: int | None = None
        self.records: dict[str, int] = {}
        """Record → minute when the wrongdoer first read it."""
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._number = 0
        self.laws = self._laws()

    # ------------------------------------------------------------ time

    def at(self, minute: int, happen: Callable[[], None]) -> None:
        """Let something happen at a minute."""
        self._number += 1
        heapq.heappush(self._queue, (minute, self._number, happen))

    def run_until(self, minute: int) -> None:
        """Let time pass up to and with ``minute``, each happening at its own."""
        while self._queue and self._queue[0][0] <= minute:
            at, _, happen = heapq.heappop(self._queue)
            self.minute = max(self.minute, at)
            happen()
        self.minute = max(self.minute, minute)

    def moment(self, minute: int) -> datetime:
        """Return the time of a minute, in UTC."""
        return self.start + timedelta(minutes=minute)

    def say(self, source: str, text: str) -> None:
        """Send the team a message now."""
        self.messages.append(Message(self.minute, source, text))

    # ------------------------------------------------------------ what the log shows

    def _keep(self, event: AuditEvent) -> None:
        # Names of wrapped keys are random; nothing else that differs from run to run is kept.
        kept = {name: value for name, value in event.details.items() if name != "context"}
        self.events.append((self.minute, replace(event, details=kept)))

    def visible_events(self) -> list[tuple[int, AuditEvent]]:
        """Return what the team can still look at: the log, and what was copied before it was lost."""
        if self.lost_before is None:
            return list(self.events)
        lost = self.lost_before
        return [*self.preserved, *(pair for pair in self.events[lost:] if pair not in self.preserved)]

    def preserve(self) -> str:
        """Copy the log as it is, and return the SHA-256 digest of the copy."""
        if self.lost_before is None:
            self.preserved = list(self.events)
        text = "\n".join(event.to_json() for _, event in self.preserved)
        self.digest = hashlib.sha256(text.encode()).hexdigest()
        return self.digest

    def destroy_log(self) -> int:
        """Lose the log up to now; return how many events were not copied before."""
        kept = len(self.preserved)
        self.lost_before = len(self.events)
        return self.lost_before - kept

    def touched(self, record: str) -> None:
        """Note that the wrongdoer has read a record."""
        self.records.setdefault(record, self.minute)

    def records_by(self, minute: int) -> int:
        """Return how many different records the wrongdoer had read by then."""
        return sum(at <= minute for at in self.records.values())

    def state_of(self, record: str) -> str:
        """Return the state in which the person of a record lives."""
        place = int(hashlib.sha256(f"{self.seed}:{record}".encode()).hexdigest()[:8], 16) % 10
        return STATES[0 if place < 7 else 1 if place < 9 else 2]

    def states_of(self, records: Sequence[str]) -> dict[str, int]:
        """Return how many of the records' persons live in which state."""
        counted: dict[str, int] = {}
        for record in records:
            counted[self.state_of(record)] = counted.get(self.state_of(record), 0) + 1
        return dict(sorted(counted.items()))

    def evidence_records(self) -> list[str] | None:
        """Return the records that the log at hand shows as touched; None if it was lost in part."""
        missing = self.lost_before is not None and len(self.preserved) < self._needed_events()
        if missing:
            return None
        return sorted(
            {r for _, event in self.visible_events() if self.is_hostile(event) for r in event.records}
        )

    def _needed_events(self) -> int:
        lost = self.events[: self.lost_before]
        return max((i + 1 for i, (_, event) in enumerate(lost) if self.is_hostile(event)), default=0)

    # ------------------------------------------------------------ law

    def _laws(self) -> dict[str, Any]:
        european = bool(self.rng.random() < 0.5)
        laws: dict[str, Any] = {
            "timezone": "America/New_York",
            "gdpr_applies": european,
            "gdpr_role": "controller",
            "dora_entity": False,
            "nis2_entity": False,
        }
        if self.sector_name == "healthcare":
            return {**laws, "hipaa_role": "covered_entity", "bank_role": "none", "sec_registrant": False}
        return {
            **laws,
            "hipaa_role": "none",
            "bank_role": "banking_organization",
            "bank_regulator": ("OCC", "FRB", "FDIC")[int(self.rng.integers(3))],
            "sec_registrant": bool(self.rng.random() < 0.5),
        }

    # ------------------------------------------------------------ what a scenario says

    @abstractmethod
    def is_hostile(self, event: AuditEvent) -> bool:
        """Return whether an event is the wrongdoer's, and was allowed."""

    @abstractmethod
    def detect(self, events: Sequence[AuditEvent]) -> Sequence[Detection]:
        """Return what a detector says of the events so far."""

    @abstractmethod
    def contained(self) -> bool:
        """Return whether the wrongdoer can read nothing more."""

    @abstractmethod
    def apply(self, action: str) -> str:
        """Let a decision take effect and return what the team learns of it."""

    @abstractmethod
    def answer(self, question: str) -> tuple[str, dict[str, Any]]:
        """Return an answer in words, and the facts that it establishes."""

    @abstractmethod
    def risk_facts(self) -> dict[str, Any]:
        """Return what the assessment of the risk establishes."""

    @abstractmethod
    def determination_facts(self) -> dict[str, Any]:
        """Return what the executive's decision establishes, without its time."""

    @abstractmethod
    def data_facts(self) -> dict[str, Any]:
        """Return what is true of the data: kind, encryption."""

    def truth(self) -> IncidentFacts:
        """Return all facts as they are, whatever the team knows of them."""
        records = sorted(self.records)
        aware = self.moment(min(self.done.get("confirm_alert", 60), 60))
        facts: dict[str, Any] = {
            **self.laws,
            **self.data_facts(),
            **self.risk_facts(),
            **self.determination_facts(),
            "occurred": self.moment(-BEFORE),
            "discovered": self.moment(0),
            "aware": aware,
            "individuals": len(records),
            "residents_by_state": self.states_of(records),
        }
        determined = self.moment(self.done.get("decide_disclosure", 480))
        if facts.get("material_disruption"):
            facts["notification_incident_determined"] = determined
        if facts.get("material"):
            facts["materiality_determined"] = determined
        return IncidentFacts(**facts)
