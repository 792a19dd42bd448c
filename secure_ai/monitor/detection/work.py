"""How people work with records: what is learned of it, and how much more likely a curious look would be."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Mapping
from typing import Any

from secure_ai.monitor.detection.baselines import EVERYBODY, Habits
from secure_ai.monitor.detection.context import Context, Person, Subject
from secure_ai.monitor.detection.settings import Settings
from secure_ai.monitor.detection.stream import Row

DAY = 86_400.0
TODAY, OWN_CARE = 0.5 * DAY, 3 * DAY
CARE_BUCKETS = ((1.0, "within a day"), (3.0, "within three days"), (10.0, "within ten days"))
UNKNOWN_PERSON = Person("", "", "", "", -math.inf, math.inf, math.inf, math.inf)
UNKNOWN_SUBJECT = Subject(False, "", "", "")
# What fitting gave on several histories: used where there is none.
WEIGHTS = {
    "relation": 1.25, "today": 0.6, "unit": 0.55, "resource": 0.95, "care": 0.5, "hour": 0.05, "met": 0.25,
    "action": 0.5,
}  # fmt: skip
OFFSET = -3.5
LEAST_SAMPLES = 300
OVERRIDE = "break-glass"
WRITING = frozenset(("update", "create", "delete", "write"))
# Who looks reads, seldom prints and hardly ever writes.
CURIOUS_ACTIONS = {"view": 0.8, "print": 0.14, "read": 0.03, "write": 0.02}
FEATURES = ("relation", "today", "unit", "resource", "care", "hour", "link", "met", "action")


class WorkModel:
    """Compares two explanations of one access: this person's usual work, and a look of their own choice.

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
        self._in_care: dict[str, dict[str, float]] = {}
        self._today: dict[str, dict[str, float]] = {}
        self._met: dict[tuple[str, str], float] = {}
        self._began: float | None = None
        self.weights, self.offset = dict(WEIGHTS), OFFSET
        self._parts: set[str] = set()
        self._unknown_now = settings.usual_unknown_relation
        self._samples: list[tuple[list[float], int]] = []
        self._linked = sorted(
            name for name, subject in context.records_of.items() if subject.prominent or subject.staff_id
        )
        self._rng = random.Random(settings.seed)
        self._care_shares: dict[str, float] = {}
        self._care_counted = -math.inf
        units = Counter(subject.unit for subject in context.records_of.values())
        total = sum(units.values())
        self._unit_shares = {unit: count / total for unit, count in units.items()} if total else {}

    def values(self, row: Row, person: Person, subject: Subject) -> dict[str, str]:
        """Return the features of an access to a record as words."""
        time, target, actor = row["time"], row["target"], row["actor"]
        met = self._met.get((actor, target))
        here = self._today.get(actor, {}).get(subject.unit)
        return {
            "relation": OVERRIDE if row["break_glass"] else row["relation"],
            "today": "yes" if here is not None and time - here < TODAY else "no",
            "unit": subject.unit,
            "resource": row["resource"],
            "care": self._care(time, target, person),
            "hour": str(int(time // 3600) % 24),
            "link": link_of(actor, person, subject),
            "action": "write" if row["action"] in WRITING else row["action"],
            "met": "met" if met is not None and time - met < self.settings.met_days * DAY else "new",
        }

    def bits(self, values: Mapping[str, str], actor: str, person: Person, time: float) -> dict[str, float]:
        """Return the evidence of each feature for a look of one's own choice, in bits, capped."""
        found: dict[str, float] = {}
        relation = values["relation"]
        for name, value in values.items():
            if name == "unit" and values["today"] == "yes":
                found[name] = 0.0
                continue
            if name == "relation" and value and value not in self.settings.claimed_relations:
                # What the system checks itself cannot be had by choice: it speaks for work.
                found[name] = -self.settings.checked_relation_bits
                continue
            if name == "relation" and value == OVERRIDE:
                found[name] = 0.0
                continue
            chance = self._chance(name, value, actor, time)
            usual = self.habits[name].share(*_keys(name, relation, actor, person), value, time)
            found[name] = max(
                -self.settings.most_bits, min(self.settings.most_bits, math.log2(chance / usual))
            )
        return found

    def shares(self, values: Mapping[str, str], actor: str, person: Person, time: float) -> dict[str, float]:
        """Return, for each feature, which share of the accesses of this person and their peers has it."""
        relation = values["relation"]
        return {
            name: self.habits[name].share(*_keys(name, relation, actor, person), value, time)
            for name, value in values.items()
        }

    def weighted(self, bits: Mapping[str, float]) -> dict[str, float]:
        """Return evidence with the learned weights, which allow for features that say the same thing."""
        return {name: value * self.weights.get(name, 1.0) for name, value in bits.items()}

    def sample(self, row: Row, person: Person, values: Mapping[str, str]) -> None:
        """Keep an honest access and, beside it, a made-up look of the same person at the same time."""
        if not self._linked or not self.warm(row["time"]):
            return
        actor, time = row["actor"], row["time"]
        names = list(WEIGHTS)
        honest = self.bits(values, actor, person, time)
        target = self._rng.choice(self._linked)
        parts = sorted(self._parts)
        claimed = self.settings.claimed_relations
        unknown = not claimed or self._rng.random() < self.settings.chosen_unknown_relation
        look = {
            **row, "target": target, "action": "view",
            "resource": self._rng.choice(parts) if parts else row["resource"],
            "relation": "" if unknown else self._rng.choice(claimed),
        }  # fmt: skip
        made = self.bits(self.values(look, person, self.context.records_of[target]), actor, person, time)
        self._samples.append(([honest[name] for name in names], 0))
        self._samples.append(([made[name] for name in names], 1))

    def fit(self) -> None:
        """Weigh the features so that they tell honest accesses of the past from made-up looks.

        Learning without incidents by contrast with a reference distribution: Hastie, Tibshirani and Friedman,
        The Elements of Statistical Learning (2009), section 14.2.4.
        """
        if sum(1 - made for _, made in self._samples) >= LEAST_SAMPLES:
            from sklearn.linear_model import LogisticRegression

            features, labels = zip(*self._samples, strict=True)
            model = LogisticRegression(max_iter=500).fit(features, labels)
            # A feature that speaks for a look may count for nothing, but not for the contrary.
            self.weights = {
                name: max(float(weight), 0.0) / math.log(2)
                for name, weight in zip(WEIGHTS, model.coef_[0], strict=True)
            }
            self.offset = float(model.intercept_[0]) / math.log(2)
        self._samples.clear()

    def _chance(self, name: str, value: str, actor: str, time: float) -> float:
        if name == "relation":
            unknown, claimed = self.settings.chosen_unknown_relation, self.settings.claimed_relations
            return unknown if not value else 0.95 * (1 - unknown) / max(len(claimed), 1)
        if name == "action":
            return CURIOUS_ACTIONS.get(value, 0.03)
        if name == "today":
            units = self._today.get(actor, {})
            share = sum(
                self._unit_shares.get(unit, 0.0) for unit, seen in units.items() if time - seen < TODAY
            )
            share = min(max(share, 0.02), 0.98)
            return share if value == "yes" else 1 - share
        if name == "unit":
            return self._unit_shares.get(value, 1 / (len(self._unit_shares) + 1))
        if name == "resource":
            return 1 / max(len(self._parts), 1)
        if name == "care":
            return self._care_share(value, time)
        if name == "hour":
            # Half at any hour, half in the hours of usual work.
            return 0.5 / 24 + 0.5 * self.habits["hour"].share(EVERYBODY, EVERYBODY, EVERYBODY, value, time)
        if name == "link":
            return 0.3 if value else 0.1
        return 0.03 if value == "met" else 0.97

    def _care(self, time: float, target: str, person: Person) -> str:
        seen = self._in_care.get(target)
        if not seen:
            return "not lately"
        own = seen.get(person.unit)
        if own is not None and time - own < OWN_CARE:
            return "own unit"
        days = (time - max(seen.values())) / DAY
        return next((name for limit, name in CARE_BUCKETS if days < limit), "not lately")

    def _care_share(self, value: str, time: float) -> float:
        if time - self._care_counted > DAY / 4 or not self._care_shares:
            # A subject counts as often as the registers know it, in care or not.
            counts = Counter(self._care(time, target, UNKNOWN_PERSON) for target in self._in_care)
            total = max(len(self.context.records_of), len(self._in_care), 1)
            counts["not lately"] += total - len(self._in_care)
            self._care_shares = {name: (count + 0.5) / (total + 2) for name, count in counts.items()}
            units = max(len(self._unit_shares), 1)
            self._care_shares["own unit"] = self._care_shares.get(CARE_BUCKETS[0][1], 0.5 / total) / units
            self._care_counted = time
        return self._care_shares.get(value, 0.5 / (len(self.context.records_of) + 2))

    def notice(self, relation: str) -> None:
        """Follow the share of accesses just now, of all people, of which the system knows no relation."""
        self._unknown_now += self.settings.downtime_fading * ((not relation) - self._unknown_now)

    def warm(self, time: float) -> bool:
        """Return whether the stream has run long enough to know who is in care."""
        return self._began is not None and time - self._began > self.settings.warm_days * DAY

    def learn(self, row: Row, values: Mapping[str, str], person: Person) -> None:
        """Take an access that is not suspicious into the habits."""
        actor, time = row["actor"], row["time"]
        if self._began is None:
            self._began = time
        warm = self.warm(time)
        relation = values["relation"]
        self._parts.add(values["resource"])
        for name, value in values.items():
            if warm or name not in ("care", "met"):
                self.habits[name].learn(*_keys(name, relation, actor, person), value, time)
        if relation and relation != OVERRIDE:
            self._attend(actor, person, row["target"], values["unit"], time)

    def _attend(self, actor: str, person: Person, target: str, unit: str, time: float) -> None:
        self._in_care.setdefault(target, {})[person.unit] = time
        self._today.setdefault(actor, {})[unit] = time
        self._met[actor, target] = time
        if len(self._met) > self.settings.remembered_ids:
            limit = time - self.settings.met_days * DAY
            self._met = {pair: seen for pair, seen in self._met.items() if seen > limit}

    def state(self) -> dict[str, Any]:
        """Return what was learned as JSON values."""
        return {
            "habits": {name: habit.state() for name, habit in self.habits.items()},
            "in_care": self._in_care,
            "today": self._today,
            "met": [[actor, target, seen] for (actor, target), seen in self._met.items()],
            "began": self._began,
            "parts": sorted(self._parts),
            "unknown_now": self._unknown_now,
            "weights": self.weights,
            "offset": self.offset,
            "care_shares": self._care_shares,
            "care_counted": self._care_counted if math.isfinite(self._care_counted) else None,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what :meth:`state` returned."""
        for name, habit in self.habits.items():
            habit.restore(state["habits"][name])
        self._in_care = {target: dict(seen) for target, seen in state["in_care"].items()}
        self._today = {actor: dict(units) for actor, units in state["today"].items()}
        self._met = {(actor, target): seen for actor, target, seen in state["met"]}
        self._parts, self._unknown_now = set(state["parts"]), state["unknown_now"]
        self.weights, self.offset = dict(state["weights"]), state["offset"]
        self._began, self._care_shares = state["began"], dict(state["care_shares"])
        self._care_counted = -math.inf if state["care_counted"] is None else state["care_counted"]


def link_of(actor: str, person: Person, subject: Subject) -> str:
    """Say what ties a person to a subject beside work: self, household, prominent, colleague, or nothing."""
    if subject.staff_id and subject.staff_id == actor:
        return "self"
    if subject.household and subject.household == person.household:
        return "household"
    if subject.prominent:
        return "prominent"
    return "colleague" if subject.staff_id else ""


def _keys(name: str, relation: str, actor: str, person: Person) -> tuple[str, str, str]:
    """Return whose habits count in a feature: their own, those of their peers and, last, everybody's.

    What a relation explains depends on it: cover is in other units, a care team knows its patients. So all
    but the relation itself and the ties beside work are learned apart for each relation.
    """
    peers = f"{person.role}|{person.unit}" if name in ("unit", "care", "met", "today") else person.role
    if name == "hour":
        return actor, f"{person.role}|{person.shift}", EVERYBODY
    if name in ("relation", "link", "action"):
        return actor, peers, EVERYBODY
    return f"{actor}|{relation}", f"{peers}|{relation}", f"{EVERYBODY}|{relation}"
