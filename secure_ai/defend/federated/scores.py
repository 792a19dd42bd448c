"""How well a model does on held-out rows: loss, accuracy, and the area under the ROC curve."""

from __future__ import annotations

from typing import Any

import numpy as np

from secure_ai.core.errors import UserError

LEAST_CHANCE = 1e-12


def scores_of(model: Any, rows: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Return records, loss (mean cross-entropy, nats), accuracy and auc of a fitted classifier.

    The AUC is that of the second class of two; NaN with more classes, or where the rows hold one class only.

    Raises:
        UserError: if there are no rows.
    """
    if not len(rows):
        raise UserError("There is no held-out row to measure on.")
    chances = np.asarray(model.predict_proba(rows), dtype=float)
    codes = np.searchsorted(model.classes_, labels)
    own = np.clip(chances[np.arange(len(codes)), codes], LEAST_CHANCE, 1)
    return {
        "records": len(codes),
        "loss": float(-np.log(own).mean()),
        "accuracy": float(np.mean(chances.argmax(axis=1) == codes)),
        "auc": area(chances[:, 1], codes) if chances.shape[1] == 2 else float("nan"),
    }


def area(scores: np.ndarray, positive: np.ndarray) -> float:
    """Return the probability that a positive row scores above another one (ties count half), or NaN."""
    from scipy.stats import rankdata

    wanted = np.asarray(positive).astype(bool)
    ones, zeros = int(wanted.sum()), int((~wanted).sum())
    if not ones or not zeros:
        return float("nan")
    return float((rankdata(scores)[wanted].sum() - ones * (ones + 1) / 2) / (ones * zeros))


def area_interval(
    scores: np.ndarray, positive: np.ndarray, *, draws: int = 300, seed: int = 0
) -> tuple[float, float]:
    """Return the interval at 95 % of :func:`area`, by resampling rows within each class."""
    wanted = np.asarray(positive).astype(bool)
    ones, zeros = np.flatnonzero(wanted), np.flatnonzero(~wanted)
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(draws):
        chosen = np.concatenate([rng.choice(ones, len(ones)), rng.choice(zeros, len(zeros))])
        found.append(area(scores[chosen], wanted[chosen]))
    low, high = np.percentile(found, [2.5, 97.5])
    value = area(scores, wanted)
    return float(min(low, value)), float(max(high, value))
