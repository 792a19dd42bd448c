"""A snooping insider: rights that fit the work are used for curiosity, then emergency access "
"without emergency."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from secure_ai.access.policy import BreakGlass
from secure_ai.core.audit import AuditEvent
from secure_ai.core.errors import UserError
from secure_ai.govern.incidents.notifications import Story
from secure_ai.govern.incidents.tabletop.world import BEFORE, World
from secure_ai.monitor.detection.result import Detection, Reason

INSIDER = "staff-0417"
COLLEAGUES = ("staff-0102", "staff-0233", "staff-0310")
END_OF_SHIFT = 420
GLASS_EVERY = 4
"""Every fourth record is opened as an emergency."""


@dataclass(frozen=True)
class _Words:
    """What the insider does in a sector."""

    role: str
    unit: dict[str, str]
    kind: str
    record: dict[str, Any]
    purpose: str
    glass_kind: str
    told: str
    honest: dict[str, Any]
    honest_purpose: str


_WORDS = {
    "healthcare": _Words(
        role="nurse",
        unit={"department": "Cardiology"},
        kind="Labs",
        record={"department": "Cardiology", "admitted": True},
        purpose="treatment",
        glass_kind="Chart",
        told="Found confused in the corridor, history unknown to us",
        honest={"relationship": "care_team"},
        honest_purpose="treatment",
    ),
    "finance": _Words(
        role="fraud analyst",
        unit={"branch": "B001"},
        kind="Transactions",
        record={},
        purpose="fraud review",
        glass_kind="CustomerProfile",
        told="Stolen card in use now, customer waits on the line",
        honest={"relationship": "present"},
        honest_purpose="fraud review",
    ),
}


class Insider(World):
    """Somebody of the house reads about acquaintances, by ordinary rights and by breaking the glass.

    Rooms that run: ``access.policy`` (the sector's Cedar policy decides every request) and its break-glass,
    whose openings, uses and refusals stand in the trail. No store is exposed and no key is known: what helps
    against a thief does not help here.
    """

    title = "The snooping insider"
    briefing: ClassVar[dict[str, str]] = {
        "healthcare": "A nurse's account opens far more emergency accesses than any other. The "
        "first alarm comes in the "
        "middle of a shift.",
        "finance": "A fraud analyst's account opens far more emergency accesses than any other. The "
        "first alarm comes in "
        "the middle of a working day.",
    }
    told: ClassVar[dict[str, Story]] = {
        "healthcare": Story(
            "A member of staff opened records without a reason that belongs to their work.",
            ("laboratory results", "charts"),
            "Health information may have become known to somebody of your surroundings.",
            (),
            ("tell us if you notice that somebody knows of your treatment",),
        ),
        "finance": Story(
            "A member of staff opened records without a reason that belongs to their work.",
            ("transactions", "customer profiles"),
            "Your finances may have become known to somebody of your surroundings.",
            (),
            ("tell us if you notice that somebody knows of your finances",),
        ),
    }
    useful = frozenset({"disable_account", "start_continuity"})

    def __init__(self, sector_name: str, seed: int) -> None:
        super().__init__(sector_name, seed)
        self.words = _WORDS[sector_name]
        self.account_active, self.everything_down, self.warned = True, False, False
        self.every = int(self.rng.integers(2, 5))
        self.order = [f"rec-{number:05d}" for number in self.rng.permutation(400)]
        self.total_records = len(self.order)
        self.glass = BreakGlass(self.policy, self.log, clock=lambda: self.moment(self.minute))
        self._next = 0
        self.at(-BEFORE, self._look)
        for minute in range(-BEFORE + 1, END_OF_SHIFT, 10):
            self.at(minute, self._colleague)
        self.at(
            40,
            lambda: self.say(
                "unit", "The colleague concerned asks why somebody is looking at their account."
            ),
        )
        self.at(90, lambda: self.say("staff council", "We hear of an investigation. Who may see whose log?"))
        self.at(
            150,
            lambda: self.say("press office", "A reader says that staff talk about a known person's record."),
        )

    # ------------------------------------------------------------ what happens

    def _request(self, who: str, record: str, kind: str, purpose: str, **circumstances: Any):
        active = self.account_active or who != INSIDER
        person = {"roles": self.words.role, "id": who, "active": active, **self.words.unit}
        facts = self.words.record if kind == self.words.kind else {}
        return self.sector.request(
            person, "view", {"kind": kind, "id": record, **facts}, purpose, **circumstances
        )

    def _decided(self, request: Any, record: str, relation: str) -> bool:
        """Ask the policy, write the decision to the trail, and return it: the enforcement point of "
        "the unit."""
        decision = self.glass.decide(request)
        if request.purpose != "emergency":  # the glass has written its own
            self.log.record(
                request.principal.id,
                "view",
                record,
                "allowed" if decision.allowed else "denied",
                purpose=request.purpose,
                reason=", ".join(decision.rules) or "no rule permits it",
                alert=decision.alert,
                records=(record,),
                kind=request.resource.kind,
                relation=relation,
            )
        return decision.allowed

    def _look(self) -> None:
        if self._next >= len(self.order) or self.minute > END_OF_SHIFT or self.everything_down:
            return
        record = self.order[self._next]
        self._next += 1
        if self._next % GLASS_EVERY == 0:
            seen = self._emergency(record)
        else:
            ask = self._request(INSIDER, record, self.words.kind, self.words.purpose, relationship="none")
            seen = self._decided(ask, record, "")
        if seen:
            self.touched(record)
        self.at(self.minute + (1 if self.warned else self.every), self._look)

    def _emergency(self, record: str) -> bool:
        ask = self._request(INSIDER, record, self.words.glass_kind, "emergency", relationship="none")
        try:
            self.glass.open(ask, self.words.told)
        except UserError:
            return False  # The refusal stands in the trail.
        return self._decided(ask, record, "")

    def _colleague(self) -> None:
        number = (self.minute + BEFORE) // 10
        who, record = COLLEAGUES[number % len(COLLEAGUES)], f"rec-{500 + number:05d}"
        if not self.everything_down:
            relation = str(self.words.honest["relationship"])
            ask = self._request(who, record, self.words.kind, self.words.honest_purpose, **self.words.honest)
            self._decided(ask, record, relation)

    # ------------------------------------------------------------ World

    def is_hostile(self, event: AuditEvent) -> bool:
        return event.actor == INSIDER and event.action == "view" and event.outcome == "allowed"

    def evidence_records(self) -> list[str] | None:
        if super().evidence_records() is None:
            return None
        return sorted({event.target for _, event in self.visible_events() if self.is_hostile(event)})

    def contained(self) -> bool:
        return not self.account_active or self.everything_down

    def detect(self, events: Sequence[AuditEvent]) -> Sequence[Detection]:
        glass = [e for e in events if e.action == "open emergency access" and e.outcome == "allowed"]
        found = []
        for actor in sorted({event.actor for event in glass}):
            opened = [event for event in glass if event.actor == actor]
            if len(opened) < 2:
                continue
            views = [e for e in events if e.actor == actor and e.action == "view" and e.outcome == "allowed"]
            lone = sum(event.details.get("relation", "") == "" for event in views)
            reasons = (
                Reason("break_glass", f"{len(opened)} emergency accesses", float(len(opened)), 0.0),
                Reason(
                    "no_relation", f"{lone} records without a relation that the system knows", float(lone)
                ),
            )
            found.append(
                Detection(opened[-1].time, "access", "break_glass_abuse", actor, f"{len(views)} records",
                          "high", 0.9, reasons)
            )  # fmt: skip
        return found

    def apply(self, action: str) -> str:
        if action == "disable_account":
            self.account_active = False
            return f"The account {INSIDER} is disabled: the policy refuses it from now on."
        if action == "revoke_key_use":
            return "No key is misused here; the account goes on reading with its own rights."
        if action == "close_share":
            return "There is no exposed share here; nothing changes."
        if action == "rotate_key":
            return "The key is rotated; who has rights reads as before."
        if action == "shut_down_everything":
            self.everything_down = True
            return "Every system is down. So is the work of every unit."
        if action == "confront_suspect":
            self.warned = True
            return "The person denies everything, goes back to the unit, and the account reads faster."
        if action == "delete_export":
            return "Printouts and local copies at the workstation are deleted."
        if action == "rebuild_server":
            return "The workstation and the log server of the unit are built anew."
        return ""

    def answer(self, question: str) -> tuple[str, dict[str, Any]]:
        if question == "is_it_over":
            seen = [minute for minute, event in self.visible_events() if self.is_hostile(event)]
            last = f"the last record was opened at minute {max(seen)}" if seen else "the log shows nothing"
            return (f"{'It has stopped' if self.contained() else 'It goes on'}; {last}.", {})
        if question == "was_it_encrypted":
            return (
                "The records are encrypted at rest; a person with rights reads them decrypted, so "
                "that does not help.",
                {"data_unintelligible": False},
            )
        if question == "is_service_affected":
            return "No. Every system works.", {"actual_harm": True, "material_disruption": False}
        kind = (
            "laboratory results and charts"
            if self.sector_name == "healthcare"
            else "transactions and profiles"
        )
        return f"It is {kind}.", {key: self.data_facts()[key] for key in ("personal_data", "phi")}

    def data_facts(self) -> dict[str, Any]:
        return {"personal_data": True, "phi": self.sector_name == "healthcare", "data_unintelligible": False}

    def risk_facts(self) -> dict[str, Any]:
        return {
            "risk_to_persons": "high" if self.seed % 2 else "risk",
            "low_probability_of_compromise": False,
            "hipaa_exception": "none",
            "risk_removed_afterwards": False,
        }

    def determination_facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = {"actual_harm": True, "material_disruption": False}
        if self.laws["sec_registrant"]:
            facts["material"] = False
        return facts
