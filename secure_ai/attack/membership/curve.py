"""What privacy costs and buys: accuracy of a model and success of a membership attack against epsilon."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import train_test_split

from secure_ai.anonymize.differential_privacy.learning.training import PrivateNetwork
from secure_ai.attack.membership.bounds import most_advantage
from secure_ai.attack.membership.loss_threshold import loss_threshold_attack
from secure_ai.core.errors import UserError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class PrivacyUtilityCurve:
    """Accuracy and membership advantage for several epsilons.

    Attributes:
        frame: one row per epsilon, ascending; columns ``epsilon``, then ``accuracy``, ``advantage`` and
            ``auc`` (means over seeds) with ``_low`` and ``_high`` (least and greatest over seeds), and
            ``most_advantage`` (what no attack can exceed at this epsilon).
        members: records that each model was trained on.
        majority: share of the most frequent class, which a model without features reaches.
        seeds: number of splits, each with a training of its own.
    """

    frame: pd.DataFrame
    members: int
    majority: float
    seeds: int

    def to_frame(self) -> pd.DataFrame:
        """Return the rows, one per epsilon."""
        return self.frame.copy()

    def sentence(self) -> str:
        """Say how both ends of the curve compare."""
        first, last = self.frame.iloc[0], self.frame.iloc[-1]
        return (
            f"From {_named(last['epsilon'])} to {_named(first['epsilon'])} the attacker's advantage goes "
            f"from {last['advantage']:.3f} to {first['advantage']:.3f} and accuracy from "
            f"{last['accuracy']:.3f} to {first['accuracy']:.3f} (always the most frequent class: "
            f"{self.majority:.3f}); means of {self.seeds} splits with {self.members:,} training records."
        )


def privacy_utility_curve(
    X: Any,
    y: Any,
    epsilons: Sequence[float] = (0.5, 1.0, 2.0, 4.0, 8.0, math.inf),
    seeds: Sequence[int] = (0, 1, 2),
    *,
    bounds: tuple[Any, Any] | None = None,
    delta: float = 1e-5,
    model: Any | None = None,
) -> PrivacyUtilityCurve:
    """Train with each epsilon on one half of the records, and attack and score with the other half.

    Training has a fixed seed, so that the figures can be repeated: these models must not be released.

    Args:
        X: features (records x columns).
        y: classes.
        epsilons: budgets of one training each; infinity is training without noise and clipping.
        seeds: of splits and trainings.
        bounds: bounds of the features, from outside.
        delta: probability with which the bound of epsilon may fail.
        model: a private classifier; by default a network that is wide enough to learn its records by heart.

    Raises:
        UserError: if there is no epsilon or seed, one is repeated, or training or attack refuse their input.
    """
    import pandas as pd

    if not len(epsilons) or not len(seeds) or len({*epsilons}) < len(epsilons) or len({*seeds}) < len(seeds):
        raise UserError("Give at least one epsilon and one seed, each of them once.")
    x, y = np.asarray(X), np.asarray(y).ravel()
    if len(x) != len(y) or len(x) < 40:
        raise UserError(f"There are {len(x):,} records and {len(y):,} classes: give 40 or more of each.")
    model = PrivateNetwork(hidden_layers=(64,), steps=600, sampling_rate=0.5) if model is None else model
    classes, counts = np.unique(y, return_counts=True)
    if len(classes) < 2:
        raise UserError("The target has one class only: there is nothing to learn.")
    rows = []
    for seed in seeds:
        inside, outside, y_inside, y_outside = train_test_split(x, y, test_size=0.5, random_state=seed)
        for epsilon in sorted(float(value) for value in epsilons):
            settings = {
                "epsilon": epsilon,
                "delta": delta,
                "bounds": bounds,
                "seed": seed,
                "classes": list(classes),
            }
            if math.isinf(epsilon):
                settings["max_grad_norm"] = math.inf
            fitted = clone(model).set_params(**settings).fit(inside, y_inside)
            found = loss_threshold_attack(fitted, (inside, y_inside), (outside, y_outside), seed=seed)
            score = float((fitted.predict(outside) == y_outside).mean())
            rows.append((epsilon, score, found.advantage.value, found.auc.value))
    runs = pd.DataFrame(rows, columns=["epsilon", "accuracy", "advantage", "auc"])
    spread = runs.groupby("epsilon").agg(["mean", "min", "max"])
    ends = {"mean": "", "min": "_low", "max": "_high"}
    spread.columns = [f"{name}{ends[end]}" for name, end in spread.columns]
    frame = spread.reset_index()
    frame["most_advantage"] = [most_advantage(epsilon, delta) for epsilon in frame["epsilon"]]
    return PrivacyUtilityCurve(frame, len(inside), float(counts.max() / len(y)), len(seeds))


def _named(epsilon: float) -> str:
    return "no noise" if math.isinf(epsilon) else f"epsilon {epsilon:g}"
