"""How people work with records: what is learned of it, and how much more likely a curious look would be."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

from secure_ai.monitor.detection.baselines import EVERYBODY, Habits
from secure_ai.monitor.detection.context import Context, Person, Subject
from secure_ai.monitor.detection.settings import Settings
from secure_ai.monitor.detection.stream import Row

DAY = 86_400.0
CARE_BUCKETS = ((1.0, "within a day"), (3.0, "within three days"), (10.0, "within ten days"))
UNKNOWN_PERSON = Person("", "", "", "", -math.inf, math.inf, math.inf, math.inf)
UNKNOWN_SUBJECT = Subject(False, "", "", "")
FEATURES = ("relation", "unit", "resource", "care", "hour", "link", "met")


class WorkModel:
    """Compares two explanations of one access: this person's usual work, and a look of her own choice.

    Usual work is learned (:class:`Habits`: by person, peers, everybody). Who looks out of curiosity chooses
    any subject, part of the record and hour, and has no reason that the system knows; what the alternatives
    would be is read from the registers and the stream, not from any incident. The logarithm of the ratio of
    the two likelihoods is the evidence, in bits.

    Args:
        context: staff and subjects.
        settings: half life of habits, their strength and the cap of a single surprise.
    """

    def __init__(self, context: Context, settings: Settings) -> None:
        self.context, self.settings = context, settings
        half_life, strength = settings.half_life_days * DAY, settings.own_strength
        self.habits = {name: Habits(half_life, strength) for name in FEATURES}
        self.habits["relation"].prior = {"": settings.usual_unknown_relation}
        self.habits["link"].prior = dict.fromkeys(("household", "prominent", "colleague"), 0.01)
        self._in_care: dict[str, float] = {}
        self._met: dict[tuple[str, str], float] = {}
        self._began: float | None = None
        self._care_shares: dict[str, float] = {}
        self._care_counted = -math.inf
        units = Counter(subject.unit for subject in context.records_of.values())
        total = sum(units.values())
        self._unit_shares = {unit: count / total for unit, count in units.items()} if total else {}

    def values(self, row: Row, person: Person, subject: Subject) -> dict[str, str]:
        """Return the features of an access to a record as words."""
        time, target, actor = row["time"], row["target"], row["actor"]
        seen = self._in_care.get(target)
        met = self._met.get((actor, target))
        return {
            "relation": row["relation"],
            "unit": subject.unit,
            "resource": row["resource"],
            "care": _care(time, seen),
            "hour": str(int(time // 3600) % 24),
            "link": link_of(actor, person, subject),
            "met": "met" if met is not None and time - met < self.settings.met_days * DAY else "new",
        }

    def bits(self, values: Mapping[str, str], actor: str, person: Person, time: float) -> dict[str, float]:
        """Return the evidence of each feature for a look of one's own choice, in bits, capped."""
        found = {}
        for name, value in values.items():
            chance = self._chance(name, value, time)
            usual = self.habits[name].share(actor, peers_of(name, person), value, time)
            found[name] = max(
                -self.settings.most_bits, min(self.settings.most_bits, math.log2(chance / usual))
            )
        return found

    def _chance(self, name: str, value: str, time: float) -> float:
        if name == "relation":
            known = self.habits["relation"].kinds() - 1
            return (
                self.settings.chosen_unknown_relation
                if not value
                else ((1 - self.settings.chosen_unknown_relation) / max(known, 1))
            )
        if name == "unit":
            return self._unit_shares.get(value, 1 / (len(self._unit_shares) + 1))
        if name == "resource":
            return 1 / max(self.habits["resource"].kinds(), 1)
        if name == "care":
            return self._care_share(value, time)
        if name == "hour":
            # Half at any hour, half in the hours of usual work.
            return 0.5 / 24 + 0.5 * self.habits["hour"].share(EVERYBODY, EVERYBODY, value, time)
        if name == "link":
            return 0.3 if value else 0.1
        return 0.03 if value == "met" else 0.97

    def _care_share(self, value: str, time: float) -> float:
        if time - self._care_counted > DAY / 4 or not self._care_shares:
            # A subject counts as often as the registers know it, in care or not.
            counts = Counter(_care(time, seen) for seen in self._in_care.values())
            total = max(len(self.context.records_of), len(self._in_care), 1)
            counts["not lately"] += total - len(self._in_care)
            self._care_shares = {name: (count + 0.5) / (total + 2) for name, count in counts.items()}
            self._care_counted = time
        return self._care_shares.get(value, 0.5 / (len(self.context.records_of) + 2))

    def warm(self, time: float) -> bool:
        """Return whether the stream has run long enough to know who is in care."""
        return self._began is not None and time - self._began > self.settings.warm_days * DAY

    def learn(self, row: Row, values: Mapping[str, str], person: Person) -> None:
        """Take an access that is not suspicious into the habits."""
        actor, time = row["actor"], row["time"]
        if self._began is None:
            self._began = time
        warm = self.warm(time)
        for name, value in values.items():
            if warm or name not in ("care", "met"):
                self.habits[name].learn(actor, peers_of(name, person), value, time)
        if values["relation"]:
            self.attend(actor, row["target"], time)

    def attend(self, actor: str, target: str, time: float) -> None:
        """Note that somebody with a known relation worked on this record."""
        self._in_care[target] = time
        self._met[actor, target] = time
        if len(self._met) > self.settings.remembered_ids:
            limit = time - self.settings.met_days * DAY
            self._met = {pair: seen for pair, seen in self._met.items() if seen > limit}

    def state(self) -> dict[str, Any]:
        """Return what was learned as JSON values."""
        return {
            "habits": {name: habit.state() for name, habit in self.habits.items()},
            "in_care": self._in_care,
            "met": [[actor, target, seen] for (actor, target), seen in self._met.items()],
            "began": self._began,
            "care_shares": self._care_shares,
            "care_counted": self._care_counted if math.isfinite(self._care_counted) else None,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what :meth:`state` returned."""
        for name, habit in self.habits.items():
            habit.restore(state["habits"][name])
        self._in_care = dict(state["in_care"])
        self._met = {(actor, target): seen for actor, target, seen in state["met"]}
        self._began, self._care_shares = state["began"], dict(state["care_shares"])
        self._care_counted = -math.inf if state["care_counted"] is None else state["care_counted"]


def link_of(actor: str, person: Person, subject: Subject) -> str:
    """Say what ties a person to a subject beside work: "self", "household", "prominent", "colleague" or ""."""
    if subject.staff_id and subject.staff_id == actor:
        return "self"
    if subject.household and subject.household == person.household:
        return "household"
    if subject.prominent:
        return "prominent"
    return "colleague" if subject.staff_id else ""


def peers_of(feature: str, person: Person) -> str:
    """Return the peer group that is compared in a feature: who shares the role, and where it matters the unit."""
    if feature in ("unit", "care", "met"):
        return f"{person.role}|{person.unit}"
    return f"{person.role}|{person.shift}" if feature == "hour" else person.role


def _care(time: float, seen: float | None) -> str:
    if seen is None:
        return "not lately"
    days = (time - seen) / DAY
    return next((name for limit, name in CARE_BUCKETS if days < limit), "not lately")
