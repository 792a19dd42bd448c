"""Exports: more records, or another destination, than this person and her peers ever needed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from secure_ai.monitor.detection.baselines import EVERYBODY, Habits, Levels
from secure_ai.monitor.detection.context import Context
from secure_ai.monitor.detection.evidence import Evidence
from secure_ai.monitor.detection.result import Detection
from secure_ai.monitor.detection.settings import Settings
from secure_ai.monitor.detection.stream import Row, rows_of
from secure_ai.monitor.detection.work import DAY


class ExportDetector:
    """Judges each export by destination, number of records and known reason against what is usual.

    Usual is learned for the person, her role and the destination, apart for scheduled work and the rest.
    A feed that was announced is judged by its announcement until it has a past of its own.

    Args:
        context: the registers.
        settings: thresholds.
    """

    family = "export"
    table = "events"

    def __init__(self, context: Context, settings: Settings | None = None) -> None:
        self.context, self.settings = context, settings or Settings()
        half_life, strength = self.settings.half_life_days * DAY, self.settings.own_strength
        self._relation = Habits(half_life, strength)
        self._relation.prior = {"": self.settings.usual_unknown_relation}
        self._destination = Habits(half_life * 4, strength)
        self._size = Levels(self.settings.fading, 4.0, self.settings.least_spread)
        self._size_there = Levels(self.settings.fading, 4.0, self.settings.least_spread)

    def learn(self, history: pd.DataFrame) -> None:
        """Take what is usual from a table of past events."""
        for row in rows_of(history[history["action"] == "export"]):
            self._learn(row, self._role(row))

    def observe(self, event: Row) -> Sequence[Detection]:
        """Judge one export; other events are none of its business."""
        if event["action"] != "export":
            return ()
        row, settings, role = event, self.settings, self._role(event)
        actor, time, destination = row["actor"], row["time"], row["destination"]
        count, relation = float(row["record_count"]), row["relation"]
        evidence = Evidence()
        feed = next((f for f in self.context.announced.get(actor, ()) if f.destination == destination), None)
        if feed is not None and time < feed.starts_on:
            feed = None
        where = how = 0.0
        share = self._destination.share(actor, role, EVERYBODY, destination, time)
        if feed is None:
            chance = 1 / (self._destination.kinds() + 1)
            where = _capped(math.log2(chance / share), settings.most_bits)
            if not self._destination.seen(EVERYBODY, destination, time):
                where += settings.new_destination_bits
            evidence.add(
                "destination", f"the destination {destination or 'unknown'} is not usual for her role", where,
                share, None,
            )  # fmt: skip
            unknown = self._relation.share(actor, role, EVERYBODY, relation, time)
            chance = settings.chosen_unknown_relation
            chance = chance if not relation else (1 - chance) / max(self._relation.kinds() - 1, 1)
            evidence.add(
                "relation", "no task or case that the system knows",
                _capped(math.log2(chance / unknown), settings.most_bits), 1.0, unknown,
            )  # fmt: skip
        usual, _, _ = self._size.usual(f"{actor}|{relation}", f"{role}|{relation}")
        excess = self._size.excess(f"{actor}|{relation}", f"{role}|{relation}", count)
        if feed is not None and not math.isnan(feed.typical_records):
            announced = math.log(max(count, 1) / max(feed.typical_records, 1)) / settings.least_spread
            excess = min(excess, announced) if not math.isnan(excess) else announced
            usual = feed.typical_records
        there = self._size_there.excess(destination, destination, count)
        how = max(_tail_bits(excess), min(_tail_bits(there), settings.most_bits))
        evidence.add("records", f"{count:,.0f} records where about {usual:,.0f} are usual", how, count, usual)
        kind = "export_destination" if where > how else "export_volume"
        found = evidence.detection(row, self.family, kind, settings, target=destination or row["target"])
        if not row["late"] and not any(item.score >= settings.threshold for item in found):
            self._learn(row, role)
        return found

    def _role(self, row: Row) -> str:
        person = self.context.people.get(row["actor"])
        return person.role if person is not None else row["role"]

    def _learn(self, row: Row, role: str) -> None:
        actor, time, relation = row["actor"], row["time"], row["relation"]
        count = float(row["record_count"])
        self._relation.learn(actor, role, EVERYBODY, relation, time)
        self._destination.learn(actor, role, EVERYBODY, row["destination"], time)
        self._size.learn(f"{actor}|{relation}", f"{role}|{relation}", count)
        self._size_there.learn(row["destination"], row["destination"], count)

    def state(self) -> dict[str, Any]:
        """Return what is usual as JSON values."""
        return {
            name: getattr(self, f"_{name}").state()
            for name in ("relation", "destination", "size", "size_there")
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what :meth:`state` returned."""
        for name in ("relation", "destination", "size", "size_there"):
            getattr(self, f"_{name}").restore(state[name])


def _tail_bits(excess: float) -> float:
    """Return how rare a figure so many spreads above what is usual is, in bits beyond the middle of it."""
    if math.isnan(excess) or excess <= 0:
        return 0.0
    tail = 0.5 * math.erfc(min(excess, 20) / math.sqrt(2))
    # Logarithms of sizes have heavier tails than a normal distribution: far out, count linearly.
    return min(-math.log2(2 * tail), 2.5 * excess) if tail > 0 else 2.5 * excess


def _capped(bits: float, most: float) -> float:
    return max(-most, min(most, bits))
