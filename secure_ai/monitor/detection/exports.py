"""Exports: more records, or another destination, than this person and their peers ever needed."""

from __future__ import annotations

import math
from calendar import monthrange
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from secure_ai.monitor.detection.baselines import EVERYBODY, Habits, Levels
from secure_ai.monitor.detection.context import Context, Feed
from secure_ai.monitor.detection.evidence import Evidence, code
from secure_ai.monitor.detection.result import Detection
from secure_ai.monitor.detection.settings import Settings
from secure_ai.monitor.detection.stream import Row, rows_of
from secure_ai.monitor.detection.work import DAY


class ExportDetector:
    """Judges each export by destination, number of records and known reason against what is usual.

    Usual is learned for the person, their role and the destination, apart for scheduled work and the rest.
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
        self._size = Levels(self.settings.fading, 10.0, self.settings.least_spread)
        self._there = Levels(self.settings.fading, 4.0, self.settings.least_spread)

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
        count = float(row["record_count"])
        feed = next((f for f in self.context.announced.get(actor, ()) if f.destination == destination), None)
        if feed is not None and time < feed.starts_on:
            feed = None
        task = self._task_bits(row, role) if feed is None else 0.0
        both = [self._volume(row, role, feed, count, task)]
        if feed is None:
            both.append(self._where(row, role, count, task))
        kind, evidence = max(both, key=lambda item: item[1].bits)
        found = evidence.detection(row, self.family, kind, settings, target=destination or row["target"])
        if not row["late"] and not any(item.score >= settings.threshold for item in found):
            self._learn(row, role)
        return found

    def _volume(
        self, row: Row, role: str, feed: Feed | None, count: float, task: float
    ) -> tuple[str, Evidence]:
        settings, evidence = self.settings, Evidence()
        keys = self._size_keys(row, role)
        usual, _, _ = self._size.usual(*keys)
        excess = self._size.excess(*keys, count)
        if feed is not None and not math.isnan(feed.typical_records):
            ratio = math.log(max(count, 1) / max(feed.typical_records, 1))
            announced = ratio / max(settings.least_spread, 0.5)
            excess = announced if math.isnan(excess) else min(excess, announced)
            usual = feed.typical_records
        bits = tail_bits(excess) if count >= settings.least_export_records else 0.0
        if calendar_edge(row["time"], settings.month_edge_days):
            bits = max(0.0, bits - settings.month_edge_bits)
        evidence.add(
            "records", f"{count:,.0f} records where about {usual:,.0f} are usual", bits, count, usual
        )
        evidence.add("relation", "no task or case that the system knows", task)
        evidence.bits += settings.export_offset_bits if feed is None and bits else 0.0
        return "export_volume", evidence

    def _where(self, row: Row, role: str, count: float, task: float) -> tuple[str, Evidence]:
        settings, evidence = self.settings, Evidence()
        time, destination = row["time"], row["destination"]
        name = code(destination)
        share = self._destination.share(row["actor"], role, EVERYBODY, destination, time)
        if not self._destination.seen(EVERYBODY, destination, time):
            evidence.add("destination", f"nobody sent data to {name} before", settings.new_destination_bits)
        else:
            bits = _capped(math.log2(1 / (self._destination.kinds() + 1) / share), settings.most_bits)
            evidence.add("destination", f"{name} is not usual for this role", 0.5 * bits)
        few = count < settings.least_export_records
        typical, _, _ = self._there.usual(*_there_keys(row))
        sent = tail_bits(self._there.excess(*_there_keys(row), count))
        if few or share > self.settings.regular_share:
            sent = 0.0  # where they usually send to, their usual volume decides
        if calendar_edge(time, settings.month_edge_days):
            sent = max(0.0, sent - settings.month_edge_bits)
        evidence.add(
            "records",
            f"{count:,.0f} records to {name}, where about {typical:,.0f} are usual",
            sent,
            count,
            typical,
        )
        evidence.add("relation", "no task or case that the system knows", task)
        evidence.bits += settings.export_offset_bits - (settings.few_records_bits if few else 0.0)
        return "export_destination", evidence

    def figures(self, row: Row) -> tuple[float, float]:
        """Return how far the size is above what is usual, and the surprise of the destination; then learn."""
        role, time = self._role(row), row["time"]
        excess = self._size.excess(*self._size_keys(row, role), float(row["record_count"]))
        share = self._destination.share(row["actor"], role, EVERYBODY, row["destination"], time)
        self._learn(row, role)
        return (0.0 if math.isnan(excess) else excess), -math.log2(share)

    def _role(self, row: Row) -> str:
        person = self.context.people.get(row["actor"])
        return person.role if person is not None else row["role"]

    def _task_bits(self, row: Row, role: str) -> float:
        """Return what the known task, or the lack of one, speaks for."""
        settings, relation = self.settings, row["relation"]
        if relation in settings.scheduled_relations:
            return -settings.checked_relation_bits
        if relation:
            return -settings.claimed_task_bits
        usual = self._relation.share(row["actor"], role, EVERYBODY, relation, row["time"])
        return _capped(math.log2(settings.chosen_unknown_relation / usual), settings.most_bits)

    def _size_keys(self, row: Row, role: str) -> tuple[str, str, str]:
        planned = "planned" if row["relation"] in self.settings.scheduled_relations else "unplanned"
        return f"{row['actor']}|{planned}", f"{role}|{planned}", f"{EVERYBODY}|{planned}"

    def _learn(self, row: Row, role: str) -> None:
        actor, time = row["actor"], row["time"]
        count = float(row["record_count"])
        self._relation.learn(actor, role, EVERYBODY, row["relation"], time)
        self._destination.learn(actor, role, EVERYBODY, row["destination"], time)
        self._size.learn(*self._size_keys(row, role), count)
        self._there.learn(*_there_keys(row), count)

    def state(self) -> dict[str, Any]:
        """Return what is usual as JSON values."""
        return {
            name: getattr(self, f"_{name}").state() for name in ("relation", "destination", "size", "there")
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what :meth:`state` returned."""
        for name in ("relation", "destination", "size", "there"):
            getattr(self, f"_{name}").restore(state[name])


def tail_bits(excess: float) -> float:
    """Return how rare a figure so many spreads above what is usual is, in bits beyond the middle of it."""
    if math.isnan(excess) or excess <= 0:
        return 0.0
    tail = 0.5 * math.erfc(min(excess, 20) / math.sqrt(2))
    # Logarithms of sizes have heavier tails than a normal distribution: far out, count linearly.
    return min(-math.log2(2 * tail), 2.5 * excess) if tail > 0 else 2.5 * excess


def calendar_edge(time: float, days: float) -> bool:
    """Return whether a time is within so many days of the turn of a month, when books are closed."""
    day = datetime.fromtimestamp(time, UTC)
    last = monthrange(day.year, day.month)[1]
    return day.day <= days or day.day > last - days


def _there_keys(row: Row) -> tuple[str, str, str]:
    return f"{row['destination']}|{row['relation']}", row["destination"], EVERYBODY


def _capped(bits: float, most: float) -> float:
    return max(-most, min(most, bits))
