"""When labels come late: what was estimated beside what came true, and where the two part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from secure_ai.core import Measurement, Unassessed, UserError
from secure_ai.monitor.drift.performance import (
    Performance,
    PerformanceEstimator,
    realized_performance,
)

FEWEST_ROWS = 50


@dataclass(frozen=True, slots=True)
class Comparison:
    """An estimate beside the truth that came later, for the same predictions.

    Attributes:
        metric: which measure.
        reference: on the reference.
        estimated, realized: with their intervals.
    """

    metric: str
    reference: float
    estimated: Measurement | Unassessed
    realized: Measurement | Unassessed

    @property
    def concept_drift(self) -> bool:
        """Whether the truth is worse than the estimate can explain: the intervals do not touch."""
        e, r = self.estimated, self.realized
        if isinstance(e, Unassessed) or isinstance(r, Unassessed):
            return False
        if self.metric == "brier":
            return r.interval[0] > e.interval[1]
        return r.interval[1] < e.interval[0]

    @property
    def worse(self) -> bool:
        """Whether the realized performance is certainly below that of the reference."""
        r = self.realized
        if isinstance(r, Unassessed):
            return False
        return r.interval[0] > self.reference if self.metric == "brier" else r.interval[1] < self.reference

    @property
    def estimated_worse(self) -> bool:
        """Whether the estimate is certainly below the reference."""
        e = self.estimated
        if isinstance(e, Unassessed):
            return False
        return e.interval[0] > self.reference if self.metric == "brier" else e.interval[1] < self.reference

    def sentence(self) -> str:
        """Say what was estimated, what came true, and what follows."""
        e, r = self.estimated, self.realized
        name = (
            "AUC"
            if self.metric == "auc"
            else f"{self.metric} score"
            if self.metric == "brier"
            else self.metric
        )
        if isinstance(e, Unassessed):
            return f"No estimate: {e.reason}."
        if isinstance(r, Unassessed):
            return f"Estimated {name} {e.value:.3f}; not yet known what came true: {r.reason}."
        text = (
            f"Estimated {name} {e.value:.3f} ({e.interval[0]:.3f} to {e.interval[1]:.3f}), realized "
            f"{r.value:.3f} ({r.interval[0]:.3f} to {r.interval[1]:.3f}): "
        )
        if self.concept_drift:
            return text + "the inputs do not explain it; their meaning has changed (concept drift)."
        return text + "they agree."


def compare_performance(
    estimator: PerformanceEstimator,
    scores: pd.Series | np.ndarray,
    labels: pd.Series | np.ndarray,
    *,
    metric: str = "auc",
) -> Comparison:
    """Compare what is estimated from scores alone with what the labels show, row by row the same.

    Rows whose label has not come count for neither side.

    Raises:
        UserError: as :func:`realized_performance`.
    """
    s, y = np.asarray(scores, dtype=float), np.asarray(labels, dtype=float)
    reference = estimator.reference()
    realized = realized_performance(s, y, threshold=estimator.threshold, baseline=reference)
    estimated = estimator.estimate(s[~np.isnan(y) & ~np.isnan(s)])
    return Comparison(metric, reference.value(metric), estimated.figures[metric], realized.figures[metric])


def performance_over_time(
    estimator: PerformanceEstimator,
    predictions: pd.DataFrame,
    *,
    now: str | None = None,
    chunks: int = 10,
    metric: str = "auc",
) -> pd.DataFrame:
    """Follow estimated and realized performance over time, as they were known at one moment.

    Args:
        estimator: fitted on the reference.
        predictions: columns time, score, label (missing where unknown) and, where labels come late,
            label_time.
        now: labels that arrive later than this are not known yet; None for all.
        chunks: parts of equal size in the order of time.
        metric: auc, accuracy, precision, recall or brier.

    Returns:
        A row per chunk: chunk, start, end, n, labelled, estimated, estimated_low, estimated_high,
        realized, realized_low, realized_high, reference, concept_drift. Realized figures are NaN where
        too few labels have come.

    Raises:
        UserError: if a column is missing, no time can be read, or a chunk would be too small.
    """
    missing = next((name for name in ("time", "score", "label") if name not in predictions.columns), None)
    if missing:
        raise UserError(f"The predictions have no column '{missing}'.")
    frame = predictions.assign(
        time=pd.to_datetime(predictions["time"], utc=True, errors="coerce", format="mixed")
    )
    frame = frame.dropna(subset=["time", "score"]).sort_values("time", kind="stable")
    if chunks < 1 or len(frame) < chunks * FEWEST_ROWS:
        raise UserError(
            f"{len(frame):,} predictions with a time and a score make no {chunks} chunks of at least "
            f"{FEWEST_ROWS}: choose fewer chunks."
        )
    label = frame["label"].astype(float)
    if now is not None:
        if "label_time" not in frame.columns:
            raise UserError("To look at one moment, the predictions need a column 'label_time'.")
        arrived = pd.to_datetime(frame["label_time"], utc=True, errors="coerce", format="mixed")
        label = label.where(arrived <= pd.Timestamp(now, tz="UTC"))
    reference = estimator.reference()
    rows = []
    for chunk, places in enumerate(np.array_split(np.arange(len(frame)), chunks)):
        scores = frame["score"].to_numpy(dtype=float)[places]
        truth = label.to_numpy()[places]
        times = frame["time"].iloc[places]
        estimated = estimator.estimate(scores).figures[metric]
        realized = realized_performance(
            scores, truth, threshold=estimator.threshold, baseline=reference
        ).figures[metric]
        compared = Comparison(metric, reference.value(metric), estimated, realized)
        rows.append(
            (
                chunk, times.iloc[0], times.iloc[-1], len(places), int((~np.isnan(truth)).sum()),
                *_three(estimated), *_three(realized), reference.value(metric), compared.concept_drift,
            )
        )  # fmt: skip
    names = [
        "chunk", "start", "end", "n", "labelled", "estimated", "estimated_low", "estimated_high",
        "realized", "realized_low", "realized_high", "reference", "concept_drift",
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=names)


def _three(found: Measurement | Unassessed) -> tuple[float, float, float]:
    if isinstance(found, Unassessed):
        return (float("nan"),) * 3
    return found.value, *found.interval


__all__ = ["Comparison", "Performance", "compare_performance", "performance_over_time"]
