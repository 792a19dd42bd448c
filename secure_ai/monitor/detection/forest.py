"""What an IsolationForest makes of the same features: the comparison that a learned detector must win."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from secure_ai.monitor.detection.context import Context, parts
from secure_ai.monitor.detection.evaluation import Evaluation
from secure_ai.monitor.detection.exports import ExportDetector
from secure_ai.monitor.detection.logs import events_from
from secure_ai.monitor.detection.purposes import PurposeDetector
from secure_ai.monitor.detection.result import Detection, Reason
from secure_ai.monitor.detection.settings import Settings
from secure_ai.monitor.detection.stream import Row, iso, merged
from secure_ai.monitor.detection.work import DAY, FEATURES, UNKNOWN_PERSON, WorkModel

NAMES = (
    *(f"bits of {name}" for name in FEATURES), "break-glass", "denied", "log records", "away or unknown",
    "days idle", "records above usual", "destination surprise", "undeclared fields", "undeclared resource",
)  # fmt: skip
FIT_ROWS, TREES, BUDGET = 50_000, 100, 5.0


class EventFeatures:
    """The figures that the detectors of accesses, exports and purposes look at, as one row of numbers.

    Args:
        context: the registers.
        settings: thresholds.
    """

    def __init__(self, context: Context, settings: Settings | None = None) -> None:
        self.context, self.settings = context, settings or Settings()
        self._work = WorkModel(context, self.settings)
        self._export = ExportDetector(context, self.settings)
        self._purpose = PurposeDetector(context, self.settings)
        self._last: dict[str, float] = {}

    def of(self, row: Row) -> list[float]:
        """Return the features of one event (see ``NAMES``), and learn from it."""
        actor, time = row["actor"], row["time"]
        person = self.context.people.get(actor)
        subject = self.context.records_of.get(row["target"])
        bits = [0.0] * len(FEATURES)
        if subject is not None and row["action"] != "query":
            someone = person or UNKNOWN_PERSON
            values = self._work.values(row, someone, subject)
            found = self._work.bits(values, actor, someone, time)
            bits = [found[name] for name in FEATURES]
            self._work.learn(row, values, someone)
        idle = (time - self._last.get(actor, time)) / DAY
        self._last[actor] = max(time, self._last.get(actor, time))
        excess = destination = 0.0
        if row["action"] == "export":
            excess, destination = self._export.figures(row)
        fields = resource = 0.0
        if row["action"] == "read" and (service := self._purpose.declaration(row)) is not None:
            fields = float(len(parts(row["fields"]) - service.fields))
            resource = float(row["resource"] not in service.resources)
            excess = self._purpose.excess(row)
        away = 0.0 if person is None else float(bool(person.away(time)))
        return [
            *bits, float(row["break_glass"]), float(row["outcome"] == "denied"),
            math.log1p(float(row["record_count"])), away, idle, excess, destination, fields, resource,
        ]  # fmt: skip


def isolation_forest(month: Any, *, seed: int = 0, settings: Settings | None = None) -> list[Detection]:
    """Return candidates of scikit-learn's IsolationForest for the events of a month.

    It is fitted to the month's history and sees the same features. Each event is a candidate whose score is
    the logarithm of its rank in the month, which is more than a stream could know, in its favor.

    Args:
        month: has ``events``, ``history`` and the registers.
        seed: of the forest.
        settings: as of the watch it is compared with.
    """
    from sklearn.ensemble import IsolationForest

    features = EventFeatures(Context.of(month), settings)
    past = [features.of(row) for _, row in merged(events=events_from(month.history).events)]
    rows, figures = [], []
    for _, row in merged(events=events_from(month.events).events):
        if math.isnan(row["time"]):
            continue
        rows.append((row["time"], row["actor"], row["target"], row["event_id"], row["action"]))
        figures.append(features.of(row))
    if not past or not rows:
        return []
    # The first days of a history have no baselines yet.
    settled = np.nan_to_num(np.array(past[len(past) // 4 :]))
    chosen = np.random.default_rng(seed).permutation(len(settled))[:FIT_ROWS]
    forest = IsolationForest(n_estimators=TREES, random_state=seed).fit(settled[chosen])
    odd = -forest.score_samples(np.nan_to_num(np.array(figures)))
    rank = pd.Series(odd).rank(ascending=False, method="first").to_numpy()
    scores = 1 - np.log(rank) / math.log(len(rows) + 1)
    return [
        Detection(
            iso(time), _family(action, actor, features), "anomaly", actor, target, "medium",
            round(float(score), 4), (Reason("isolation", "easily isolated from other events"),), (event_id,),
        )
        for (time, actor, target, event_id, action), score in zip(rows, scores, strict=True)
        if score > 0.1
    ]  # fmt: skip


def _family(action: str, actor: str, features: EventFeatures) -> str:
    if action == "export":
        return "export"
    return "access" if actor in features.context.people else "purpose"


def side_by_side(ours: Evaluation, others: dict[str, Evaluation], *, budget: float = BUDGET) -> pd.DataFrame:
    """Return what each detector finds within a budget of false alerts.

    Args:
        ours: the watch, at its chosen threshold.
        others: name → evaluation; each at the best threshold that its own curve has within the budget, which
            only somebody who knows the truth could choose.
        budget: false alerts a day for every 1,000 members of staff.

    Returns:
        detector, threshold, recall, false_per_day, planted; no threshold where none keeps the budget.
    """
    rows: list[tuple[str, float, float, float, int]] = [
        ("watch", ours.threshold, ours.recall.share, ours.false_per_day, ours.recall.planted)
    ]
    for name, other in others.items():
        within = other.curve[other.curve["false_per_day"] <= budget]
        if within.empty:
            rows.append((name, math.nan, 0.0, math.nan, other.recall.planted))
            continue
        best = within.sort_values(["recall", "false_per_day"], ascending=[False, True]).iloc[0]
        rows.append((name, best["threshold"], best["recall"], best["false_per_day"], other.recall.planted))
    return pd.DataFrame(rows, columns=["detector", "threshold", "recall", "false_per_day", "planted"])
