"""Queries whose inputs do not belong together: each value is usual, their combination is not.

Who steals a model asks about many records and owns few. So they mix: the age of one, the diagnosis of
another. A classifier learns from a quiet past to tell its records from mixtures of them; its log odds are the
evidence of one query, and they add up for each client (a cumulative sum, Page 1954). Records of people pull
the sum down, however many there are: so a slow theft is seen as well as a quick one.
What is not seen: a thief who asks about records of people alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from secure_ai.core.errors import UserError
from secure_ai.monitor.detection.queries import input_columns
from secure_ai.monitor.detection.result import Detection, Reason
from secure_ai.monitor.detection.stream import Row, iso

LEAST_HISTORY = 200
MOST_EVIDENCE = 3.0
LEAST_MIXED = 0.2
PARTS = 5


@dataclass
class _Sum:
    """The evidence against one client and the events that it rests on."""

    total: float = 0.0
    events: tuple[str, ...] = ()


class RecombinedDetector:
    """Watches the combination of inputs; see :class:`secure_ai.monitor.detection.stream.Detector`.

    Args:
        evidence: sum, in natural logarithms of odds, at which the score is 0.5; the highest sum of any client
            in the past, times ``margin``, where that is more.
        margin: how far above the highest sum of the past the limit lies.
        drift: what each query takes off the sum, in the same unit.
        seed: of the mixtures.

    Attributes:
        separation: share of held-back pairs of a record and a mixture that the classifier tells apart (0.5
            where inputs do not depend on each other: then nothing can be seen here).
    """

    family = "model_query"
    table = "queries"

    def __init__(
        self, *, evidence: float = 12.0, margin: float = 1.5, drift: float = 0.02, seed: int = 0
    ) -> None:
        if evidence <= 0 or margin < 1 or drift < 0:
            raise UserError("Evidence is above 0, the margin 1 or more, the drift 0 or more: correct it.")
        self.evidence, self.margin, self.drift, self.seed = evidence, margin, drift, seed
        self.limit, self.separation = evidence, 0.5
        self.inputs: tuple[str, ...] = ()
        self._model: Any = None
        self._sums: dict[str, _Sum] = {}

    def learn(self, history: pd.DataFrame) -> None:
        """Learn from queries of a quiet past what belongs together, and how high sums rise by chance.

        The sums are of queries that the classifier did not learn from (five parts, one at a time), so that
        the limit is not too low.
        """
        from sklearn.ensemble import HistGradientBoostingClassifier
        from sklearn.metrics import roc_auc_score
        from sklearn.model_selection import PredefinedSplit, cross_val_predict
        from threadpoolctl import threadpool_limits

        self.inputs = input_columns(history)
        rows = history[list(self.inputs)].apply(pd.to_numeric, errors="coerce").to_numpy(dtype=float)
        usable = np.isfinite(rows).all(axis=1)
        rows = rows[usable]
        if len(rows) < LEAST_HISTORY or len(self.inputs) < 2:
            self._model = None
            return
        rng = np.random.default_rng(self.seed)
        # A part is mixed from its own records: no value of what is judged was learned from.
        parts = rng.permutation(len(rows)) % PARTS
        mixed = np.empty_like(rows)
        for part in range(PARTS):
            mixed[parts == part] = _mixtures(rows[parts == part], rng)
        both = np.concatenate([rows, mixed])
        truth = np.repeat([0, 1], len(rows))
        model = HistGradientBoostingClassifier(
            max_iter=60, learning_rate=0.1, max_leaf_nodes=12, min_samples_leaf=20, random_state=self.seed
        )
        with threadpool_limits(1):
            split = PredefinedSplit(np.tile(parts, 2))
            chances = cross_val_predict(model, both, truth, cv=split, method="predict_proba")[:, 1]
            self._model = model.fit(both, truth)
        self.separation = float(roc_auc_score(truth, chances))
        actors = history.loc[usable, "actor"].astype(str).to_numpy()
        sums: dict[str, float] = {}
        highest = 0.0
        for actor, step in zip(actors, self._steps(chances[: len(rows)]), strict=True):
            sums[actor] = max(0.0, sums.get(actor, 0.0) + step)
            highest = max(highest, sums[actor])
        self.limit = max(self.evidence, self.margin * highest)

    def observe(self, event: Row) -> Sequence[Detection]:
        """Judge one query."""
        try:
            x = np.array([[float(event[name]) for name in self.inputs]])
        except (KeyError, TypeError, ValueError):
            return ()
        if self._model is None or not np.isfinite(x).all():
            return ()
        return self.judge(event, float(self.chances(x)[0]))

    def chances(self, inputs: np.ndarray) -> np.ndarray:
        """Return how likely each row of inputs is a mixture; many at once are quicker than one by one."""
        if self._model is None or not len(inputs):
            return np.full(len(inputs), math.nan)
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1):
            return self._model.predict_proba(inputs)[:, 1]

    def judge(self, event: Row, chance: float) -> Sequence[Detection]:
        """Add the evidence of one query whose chance to be a mixture is known."""
        if not math.isfinite(chance):
            return ()
        actor, one = str(event["actor"]), self._sums.setdefault(str(event["actor"]), _Sum())
        step = float(self._steps(np.array([chance]))[0])
        one.total = max(0.0, one.total + step)
        if one.total == 0.0:
            one.events = ()
            return ()
        if step <= 0:
            return ()
        one.events = (*one.events, str(event.get("event_id", "")))[-50:]
        score = 1.0 - 0.5 ** (one.total / self.limit)
        if score < 0.1:
            return ()
        reason = Reason(
            "recombined",
            "the inputs of many queries do not belong together, as where records are mixed",
            round(one.total, 1),
            round(self.limit / self.margin, 1),
        )
        severity = "high" if score >= 0.75 else "medium" if score >= 0.5 else "low"
        return (
            Detection(
                iso(float(event["time"])), self.family, "extraction", actor,
                str(event.get("model") or "unknown model"), severity, round(score, 4), (reason,),
                one.events[-20:],
            ),
        )  # fmt: skip

    def _steps(self, chances: np.ndarray) -> np.ndarray:
        held = np.clip(chances, 1e-6, 1 - 1e-6)
        return np.clip(np.log(held / (1 - held)), -MOST_EVIDENCE, MOST_EVIDENCE) - self.drift

    def state(self) -> dict[str, Any]:
        """Return the sums; the classifier is learned again from the history."""
        return {"sums": {actor: [one.total, list(one.events)] for actor, one in self._sums.items()}}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what :meth:`state` returned.

        Raises:
            UserError: if it is damaged.
        """
        try:
            self._sums = {a: _Sum(float(t), tuple(e)) for a, (t, e) in state["sums"].items()}
        except (KeyError, TypeError, ValueError, AttributeError):
            raise UserError(
                "The saved state of the watch over mixed records is damaged: learn it again."
            ) from None


def _mixtures(rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return rows of which a part of the values, from a fifth to all of them, is another row's."""
    others = rows[rng.permutation(len(rows))]
    share = rng.uniform(LEAST_MIXED, 1.0, (len(rows), 1))
    from_other = rng.random(rows.shape) < share
    mixed = np.where(from_other, others, rows)
    whole = np.column_stack([rng.permutation(column) for column in rows.T])
    return np.where(rng.random((len(rows), 1)) < 0.5, mixed, whole)
