"""Break-glass: an override that the situation explains, and one that nothing before or after it does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import inf, log2
from typing import Any

from secure_ai.monitor.detection.baselines import EVERYBODY, Habits
from secure_ai.monitor.detection.cases import Case
from secure_ai.monitor.detection.context import Person
from secure_ai.monitor.detection.evidence import Evidence
from secure_ai.monitor.detection.result import Detection
from secure_ai.monitor.detection.settings import Settings
from secure_ai.monitor.detection.stream import Row

DAY = 86_400.0
WORDS = {
    "today": "not where they worked today",
    "unit": "a unit whose records are seldom opened so",
    "care": "a record that nobody in care works on now",
    "resource": "a part of the record that is seldom opened so",
    "link": "a record with a tie to them beside work",
    "before": "other records under break-glass before",
    "unfollowed": "nobody with a known relation took over the record",
}


@dataclass(slots=True)
class Pending:
    """An override that waits for somebody to take over, until a time; ``told`` once that was judged."""

    actor: str
    target: str
    until: float
    role: str
    share: float
    case: Case
    told: bool = False


class OverrideWatch:
    """Judges overrides twice: at once, and when nobody has taken over in the time that it usually takes.

    An emergency brings others to the record; how often they came after overrides in the past is learned, so
    that silence counts only where it is unusual. At once only evidence far beyond the threshold counts.

    Args:
        settings: thresholds.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        half_life = settings.half_life_days * DAY
        self._used = Habits(half_life, settings.own_strength)
        self._used.prior = {"yes": 0.002, "no": 0.998}
        self._followed = Habits(4 * half_life, settings.own_strength)
        self._followed.prior = {"yes": 0.7, "no": 0.3}
        self._pending: dict[str, Pending] = {}
        self._next = inf

    def learn(self, row: Row, person: Person) -> None:
        """Count one access, with or without override."""
        used = "yes" if row["break_glass"] else "no"
        self._used.learn(row["actor"], f"{person.role}|{person.unit}", EVERYBODY, used, row["time"])

    def observe(self, row: Row, bits: Mapping[str, float], person: Person) -> Sequence[Detection]:
        """Judge one access under break-glass at once, and note it for later."""
        settings, actor, target, time = self.settings, row["actor"], row["target"], row["time"]
        share = self._used.share(actor, f"{person.role}|{person.unit}", EVERYBODY, "yes", time)
        key = f"{actor}|{target}"
        pending = self._pending.get(key)
        if pending is None:
            case = Case()
            case.add(
                {
                    "override": min(settings.most_override_bits, -log2(share) - settings.usual_override_bits),
                    **{name: bits[name] for name in ("today", "unit", "care", "resource")},
                    "link": max(bits["link"], 0.0),
                },
                row["event_id"],
                time,
            )
            others = [p for p in self._pending.values() if p.actor == actor]
            if others:
                case.reasons["before"] = settings.again_bits * len(others)
                case.bits += case.reasons["before"]
            pending = Pending(actor, target, time + settings.follow_hours * 3600, person.role, share, case)
            if not row["late"]:
                self._pending[key] = pending
                self._next = min(self._next, pending.until)
        else:
            pending.case.note(row["event_id"], time)
        return self._told(pending, row, -settings.wait_bits)

    def follow(self, row: Row) -> None:
        """Note that somebody with a checked relation works on a record: an override there is explained."""
        if not self._pending:
            return
        target = row["target"]
        for key in [key for key, item in self._pending.items() if item.target == target and not item.told]:
            pending = self._pending.pop(key)
            self._followed.learn(pending.actor, pending.role, EVERYBODY, "yes", row["time"])

    def due(self, row: Row) -> list[Detection]:
        """Judge the overrides whose time is over when ``row`` comes: nobody took over."""
        found: list[Detection] = []
        time, keep = row["time"], self.settings.case_days * DAY
        if time < self._next:
            return found
        for key, item in list(self._pending.items()):
            if item.until > time:
                continue
            if not item.told:
                item.told = True
                usual = self._followed.share(item.actor, item.role, EVERYBODY, "no", time)
                # Abuse is hardly ever followed.
                item.case.reasons["unfollowed"] = min(log2(0.9 / usual), self.settings.most_override_bits)
                item.case.bits += item.case.reasons["unfollowed"]
                said = self._told(item, row, 0.0)
                found += said
                if not any(one.score >= self.settings.threshold for one in said):
                    self._followed.learn(item.actor, item.role, EVERYBODY, "no", time)
            if time - item.until > keep:
                del self._pending[key]
        waits = (i.until + keep if i.told else i.until for i in self._pending.values())
        self._next = min(waits, default=inf)
        return found

    def _told(self, item: Pending, row: Row, extra: float) -> list[Detection]:
        evidence = Evidence()
        for name, bits in item.case.reasons.items():
            if name == "override":
                words = "break-glass, which they and their peers seldom use"
                evidence.add(name, words, bits, 1.0, item.share)
            else:
                evidence.add(name, WORDS[name], bits)
        evidence.bits += extra
        said = {"time": row["time"], "actor": item.actor, "target": item.target, "event_id": ""}
        return evidence.detection(
            said, "access", "break_glass_abuse", self.settings, events=tuple(item.case.events)
        )

    def forget(self) -> None:
        """Drop what is open, after learning from a quiet past."""
        self._pending.clear()
        self._next = inf

    def state(self) -> dict[str, Any]:
        """Return habits and open overrides as JSON values."""
        return {
            "used": self._used.state(),
            "followed": self._followed.state(),
            "pending": {key: asdict(item) for key, item in self._pending.items()},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what :meth:`state` returned."""
        self._used.restore(state["used"])
        self._followed.restore(state["followed"])
        self._next = -inf
        self._pending = {
            key: Pending(**{**item, "case": Case(**item["case"])}) for key, item in state["pending"].items()
        }
