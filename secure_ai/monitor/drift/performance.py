"""How good is the model now, before the labels come? An estimate from its confidence, and its limits."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from secure_ai.core import Measurement, Unassessed, UserError

BINS = 10
FEWEST_REFERENCE = 200
FEWEST_CURRENT = 50
DRAWS = 200
# A calibration error below this is small enough for estimates, whatever a large sample can prove.
GOOD_ENOUGH = 0.02
# A larger miss of the AUC on the reference, where the truth is known, makes every estimate doubtful.
MOST_MISSED = 0.05
METRICS = ("auc", "accuracy", "precision", "recall", "brier")
SOURCE = "confidence-based performance estimation: NannyML documentation (2022)"
BLIND = "Concept drift is invisible to it: if the meaning of the inputs changes, only labels show it."
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Whether scores can be read as probabilities.

    Attributes:
        error: expected calibration error, the mean distance of score and share of outcomes in ten bins.
        chance: what a perfectly calibrated model of as many rows stays under in 95 of 100 cases.
        n: rows.
    """

    error: float
    chance: float
    n: int

    @property
    def good(self) -> bool:
        """Whether the error is within chance, or too small to matter (below 0.02)."""
        return self.error <= max(self.chance, GOOD_ENOUGH)

    def sentence(self) -> str:
        """Return the finding in one sentence."""
        return (
            f"The scores {'can' if self.good else 'cannot'} be read as probabilities: calibration error "
            f"{self.error:.3f}, where chance alone gives up to {self.chance:.3f} with {self.n:,} rows."
        )


@dataclass(frozen=True, slots=True)
class Performance:
    """Measures of a binary classifier, estimated or realized.

    Attributes:
        how: ``"estimated"`` or ``"realized"``.
        n: predictions.
        threshold: score from which a prediction counts as positive.
        figures: auc, accuracy, precision, recall, brier → measurement, or why there is none.
        doubts: why an estimate should not be trusted; empty where nothing speaks against it.
    """

    how: str
    n: int
    threshold: float
    figures: Mapping[str, Measurement | Unassessed]
    doubts: tuple[str, ...] = ()

    def value(self, metric: str) -> float:
        """Return a figure; NaN where there is none."""
        found = self.figures[metric]
        return found.value if isinstance(found, Measurement) else float("nan")

    def to_frame(self) -> pd.DataFrame:
        """Return a row per measure: metric, value, low, high, reference, note."""
        rows = []
        for name, found in self.figures.items():
            if isinstance(found, Measurement):
                rows.append((name, found.value, *found.interval, found.baseline, ""))
            else:
                rows.append((name, *[float("nan")] * 4, found.reason))
        return pd.DataFrame(rows, columns=["metric", "value", "low", "high", "reference", "note"])

    def sentence(self) -> str:
        """Return the AUC, and for an estimate whether it may be trusted."""
        auc = self.figures["auc"]
        if isinstance(auc, Unassessed):
            text = f"No {self.how} AUC: {auc.reason}."
        else:
            text = (
                f"{self.how.capitalize()} AUC {auc.value:.3f} ({auc.interval[0]:.3f} to "
                f"{auc.interval[1]:.3f}) over {self.n:,} predictions; {auc.baseline:.3f} in the reference."
            )
        if self.how == "realized":
            return text
        return f"{text} {'Not to be trusted: ' + '; '.join(self.doubts) + '.' if self.doubts else BLIND}"


def check_calibration(scores: ArrayLike, labels: ArrayLike, *, seed: int = 0) -> Calibration:
    """Compare scores with outcomes in ten quantile bins, and with what chance alone would show.

    Raises:
        UserError: if a score is no probability, a label is not 0 or 1, or there are fewer than 200 rows
            or only one class.

    Source: Naeini, Cooper and Hauskrecht, Obtaining well calibrated probabilities using Bayesian binning
    (2015); the bound by drawing labels from the scores.
    """
    p, y = _reference(scores, labels)
    order = np.argsort(p, kind="stable")
    p, y = p[order], y[order]
    rng = np.random.default_rng(seed)
    drawn = (rng.random((DRAWS, len(p))) < p).astype(float)
    chance = float(np.quantile([_error(p, sample) for sample in drawn], 0.95))
    return Calibration(_error(p, y), chance, len(p))


def fit_estimator(
    scores: ArrayLike,
    labels: ArrayLike,
    *,
    threshold: float = 0.5,
    recalibrate: bool = False,
    seed: int = 0,
) -> PerformanceEstimator:
    """Prepare estimates from reference predictions whose labels are known and on which nothing was trained.

    Args:
        scores: predicted probabilities.
        labels: 0 or 1.
        threshold: score from which a prediction counts as positive.
        recalibrate: learn a map from scores to probabilities (isotonic regression) on one half of the
            reference, and check it on the other.
        seed: for the halves and for chance.

    Raises:
        UserError: if the reference is too small or wrong, or the scores are no probabilities and
            ``recalibrate`` is off.
    """
    p, y = _reference(scores, labels)
    if not 0 < threshold < 1:
        raise UserError("The threshold is a probability: give a number between 0 and 1.")
    found = check_calibration(p, y, seed=seed)
    if not recalibrate:
        if not found.good:
            raise UserError(
                f"{found.sentence()} An estimate would rest on sand: recalibrate the model, or pass "
                "recalibrate=True."
            )
        return PerformanceEstimator(p, y, threshold, found, None, seed)
    from sklearn.isotonic import IsotonicRegression

    half = np.random.default_rng(seed).random(len(p)) < 0.5
    mapping = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(p[half], y[half])
    found = check_calibration(mapping.predict(p[~half]), y[~half], seed=seed)
    return PerformanceEstimator(p, y, threshold, found, mapping, seed)


@dataclass(frozen=True)
class PerformanceEstimator:
    """Estimates performance from scores alone; made by :func:`fit_estimator`.

    Attributes:
        scores, labels: the reference.
        threshold: score from which a prediction counts as positive.
        calibration: of the probabilities that estimates rest on.
    """

    scores: Floats
    labels: Floats
    threshold: float
    calibration: Calibration
    _mapping: Any = None
    _seed: int = 0

    def reference(self) -> Performance:
        """Return the performance on the reference."""
        return realized_performance(self.scores, self.labels, threshold=self.threshold, seed=self._seed)

    def estimate(self, scores: ArrayLike, *, drifted: bool = False) -> Performance:
        """Estimate the performance of predictions whose labels are not known yet.

        A score of 0.9 is counted as nine tenths of a positive and one tenth of a negative. The interval
        covers the chance of the labels and of the sample, not a change of their meaning.

        Args:
            scores: current predicted probabilities; missing ones are left out and said.
            drifted: whether the inputs have drifted (:func:`measure_drift` says so): then it may fail.

        Raises:
            UserError: if a score is a number outside 0 to 1.
        """
        raw = np.asarray(scores, dtype=float).ravel()
        known = raw[~np.isnan(raw)]
        _probabilities(known)
        usual, own = self._own()
        doubts = self._doubts(raw, known, drifted)
        if len(known) < FEWEST_CURRENT:
            reason = f"only {len(known)} scores; {FEWEST_CURRENT} are needed"
            return Performance(
                "estimated", len(known), self.threshold, {m: Unassessed(reason) for m in METRICS}, doubts
            )
        p = known if self._mapping is None else self._mapping.predict(known)
        rng = np.random.default_rng(self._seed)
        draws = []
        for _ in range(DRAWS):
            rows = rng.integers(0, len(p), len(p))
            outcome = (rng.random(len(p)) < p[rows]).astype(float)
            draws.append(_metrics(known[rows], outcome, self.threshold))
        # What the estimate misses on the reference itself, where the truth is known, is taken off.
        gap = {metric: np.nan_to_num(own[metric] - usual[metric]) for metric in METRICS}
        value, *draws = (
            {metric: float(np.clip(found[metric] - gap[metric], 0, 1)) for metric in METRICS}
            for found in (_expected(known, p, self.threshold), *draws)
        )
        figures = _figures(
            value, draws, usual, len(known), source=SOURCE, control=own,
            method=f"expected over the scores, less what it misses on the reference; {DRAWS} draws; control: "
            "estimate on the reference itself",
        )  # fmt: skip
        return Performance("estimated", len(known), self.threshold, figures, doubts)

    def _own(self) -> tuple[dict[str, float], dict[str, float]]:
        """Truth and estimate on the reference itself."""
        p = self.scores if self._mapping is None else self._mapping.predict(self.scores)
        return _metrics(self.scores, self.labels, self.threshold), _expected(self.scores, p, self.threshold)

    def _doubts(self, raw: Floats, known: Floats, drifted: bool) -> tuple[str, ...]:
        doubts = []
        if not self.calibration.good:
            doubts.append(f"the probabilities are off by {self.calibration.error:.3f} on the reference")
        usual, own = self._own()
        if abs(own["auc"] - usual["auc"]) > MOST_MISSED:
            doubts.append(
                f"on the reference itself it misses the AUC by {abs(own['auc'] - usual['auc']):.3f}"
            )
        if len(known) < len(raw):
            doubts.append(f"{len(raw) - len(known):,} of {len(raw):,} scores are missing")
        outside = ((known < self.scores.min()) | (known > self.scores.max())).mean() if len(known) else 0.0
        if outside > 0.01:
            doubts.append(f"{outside:.0%} of the scores lie outside those of the reference")
        if drifted:
            doubts.append("the inputs have drifted, and calibration was checked on the old ones")
        return tuple(doubts)


def realized_performance(
    scores: ArrayLike, labels: ArrayLike, *, threshold: float = 0.5, baseline: Performance | None = None,
    seed: int = 0,
) -> Performance:  # fmt: skip
    """Measure performance where labels are known, with bootstrap intervals.

    Args:
        scores, labels: of the same predictions; rows where either is missing are left out.
        threshold: score from which a prediction counts as positive.
        baseline: performance on the reference, to stand beside.
        seed: for the bootstrap.

    Raises:
        UserError: if lengths differ, a score is no probability or a label is not 0 or 1.
    """
    p, y = _pairs(scores, labels)
    if len(p) < FEWEST_CURRENT or len(set(y.tolist())) < 2:
        reason = (
            f"only {len(p)} labels; {FEWEST_CURRENT} are needed"
            if len(p) < FEWEST_CURRENT
            else "all labels are the same"
        )
        return Performance("realized", len(p), threshold, {m: Unassessed(reason) for m in METRICS})
    rng = np.random.default_rng(seed)
    draws = []
    for _ in range(DRAWS):
        rows = rng.integers(0, len(p), len(p))
        draws.append(_metrics(p[rows], y[rows], threshold))
    value = _metrics(p, y, threshold)
    usual = {m: baseline.value(m) for m in METRICS} if baseline else value
    figures = _figures(
        value, draws, usual, len(p), method=f"bootstrap, {DRAWS} draws", source="Fawcett (2006); Brier (1950)"
    )
    return Performance("realized", len(p), threshold, figures)


def _figures(
    value: Mapping[str, float], draws: list[dict[str, float]], usual: Mapping[str, float],
    n: int, *, method: str, source: str, control: Mapping[str, float] | None = None,
) -> dict[str, Measurement | Unassessed]:  # fmt: skip
    figures: dict[str, Measurement | Unassessed] = {}
    for metric in METRICS:
        drawn = np.array([draw[metric] for draw in draws])
        drawn = drawn[~np.isnan(drawn)]
        if np.isnan(value[metric]) or np.isnan(usual[metric]) or len(drawn) < DRAWS / 2:
            figures[metric] = Unassessed("no prediction is positive, or no outcome")
            continue
        low, high = np.quantile(drawn, [0.025, 0.975])
        figures[metric] = Measurement(
            metric, value[metric], "share" if metric != "brier" else "score", n, usual[metric],
            (min(float(low), value[metric]), max(float(high), value[metric])), method, source,
            control=None if control is None or np.isnan(control[metric]) else control[metric],
        )  # fmt: skip
    return figures


def _metrics(p: Floats, y: Floats, threshold: float) -> dict[str, float]:
    positive = p >= threshold
    found = y[positive].sum()
    return {
        "auc": _auc(p, y, 1 - y),
        "accuracy": float((positive == (y == 1)).mean()),
        "precision": float(found / positive.sum()) if positive.any() else float("nan"),
        "recall": float(found / y.sum()) if y.any() else float("nan"),
        "brier": float(((p - y) ** 2).mean()),
    }


def _expected(scores: Floats, p: Floats, threshold: float) -> dict[str, float]:
    """Return the measures expected where row i is positive with probability ``p[i]``."""
    positive = scores >= threshold
    found = p[positive].sum()
    return {
        "auc": _auc(scores, p, 1 - p),
        "accuracy": float(np.where(positive, p, 1 - p).mean()),
        "precision": float(found / positive.sum()) if positive.any() else float("nan"),
        "recall": float(found / p.sum()) if p.sum() > 0 else float("nan"),
        "brier": float((p * (1 - scores) ** 2 + (1 - p) * scores**2).mean()),
    }


def _auc(scores: Floats, positives: Floats, negatives: Floats) -> float:
    """Return the area under the ROC curve of rows that are both classes by weight; ties count half."""
    values, place = np.unique(scores, return_inverse=True)
    up = np.bincount(place, positives, minlength=len(values))
    down = np.bincount(place, negatives, minlength=len(values))
    total = up.sum() * down.sum()
    if total <= 0:
        return float("nan")
    return float((up * (np.cumsum(down) - down / 2)).sum() / total)


def _error(p: Floats, y: Floats) -> float:
    """Expected calibration error over bins of equal size; ``p`` must be sorted."""
    parts = zip(np.array_split(p, BINS), np.array_split(y, BINS), strict=True)
    return float(sum(len(a) * abs(a.mean() - b.mean()) for a, b in parts) / len(p))


def _reference(scores: ArrayLike, labels: ArrayLike) -> tuple[Floats, Floats]:
    p, y = _pairs(scores, labels)
    if len(p) < FEWEST_REFERENCE:
        raise UserError(
            f"The reference has {len(p)} predictions with a label: {FEWEST_REFERENCE} are needed."
        )
    if len(set(y.tolist())) < 2:
        raise UserError("All labels of the reference are the same: performance cannot be measured on them.")
    return p, y


def _pairs(scores: ArrayLike, labels: ArrayLike) -> tuple[Floats, Floats]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            p = np.asarray(pd.Series(scores), dtype=float).ravel()
            y = np.asarray(pd.Series(labels), dtype=float).ravel()
    except (TypeError, ValueError):
        raise UserError("Scores and labels must be numbers: scores from 0 to 1, labels 0 or 1.") from None
    if len(p) != len(y):
        raise UserError(
            f"There are {len(p):,} scores and {len(y):,} labels: give one of each per prediction."
        )
    known = ~np.isnan(p) & ~np.isnan(y)
    p, y = p[known], y[known]
    _probabilities(p)
    if not np.isin(y, (0.0, 1.0)).all():
        raise UserError("A label is neither 0 nor 1: performance is estimated for two classes.")
    return p, y


def _probabilities(p: Floats) -> None:
    if len(p) and not (p.min() >= 0 and p.max() <= 1):
        raise UserError("A score lies outside 0 to 1: give probabilities, not log-odds or percentages.")
