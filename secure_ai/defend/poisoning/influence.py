"""Influence ranking: which training rows push the model towards mistakes on rows known to be right.

For a model that is linear in its features the effect of leaving out a row is known without training again:
one step of Newton's method. Networks are judged by their last layer, other models by a linear one of the
same rows.

Source: Koh & Liang, Understanding black-box predictions via influence functions (2017); for single linear
    models: Cook & Weisberg, Residuals and influence in regression (1982).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from secure_ai.attack.poisoning.poisoned import label_array
from secure_ai.attack.targets import TargetError, check_rows, check_target, open_target, reason_instead
from secure_ai.core import UserError
from secure_ai.core.figures import percent
from secure_ai.defend.poisoning.activations import activations_of
from secure_ai.defend.poisoning.expectation import additive_model, as_frame

STRENGTH = 1.0


@dataclass(frozen=True)
class InfluenceRanking:
    """Training rows by the harm they do.

    Attributes:
        harm: (training rows,): how much the summed cross-entropy of the trusted rows would fall, to first
            order, if the row were left out; above 0 it harms.
        order: (training rows,) places, the most harmful first.
        trusted: how many rows were trusted.
        layer: what the linear model saw.
    """

    harm: np.ndarray
    order: np.ndarray
    trusted: int
    layer: str

    def to_frame(self, first: int = 20) -> pd.DataFrame:
        """Return the most harmful rows: row (place), harm."""
        chosen = self.order[:first]
        return pd.DataFrame({"row": chosen, "harm": self.harm[chosen]})

    def found(self, changed: Any, inspected: float = 0.1) -> float:
        """Return the share of truly changed rows that stand in the first ``inspected`` of the ranking."""
        marks = np.asarray(changed, dtype=bool)
        return float(marks[self.order[: round(len(marks) * inspected)]].sum() / max(marks.sum(), 1))

    def sentence(self) -> str:
        """Say how concentrated the harm is."""
        harmful = np.maximum(self.harm[self.order], 0)
        worst = max(1, len(harmful) // 100)
        share = harmful[:worst].sum() / harmful.sum() if harmful.sum() > 0 else 0.0
        return (
            f"The most harmful 1% of {len(harmful):,} training rows ({worst:,}) carry "
            f"{percent(float(share))} of all harm done to {self.trusted:,} trusted rows, "
            f"judged by {self.layer}."
        )


@reason_instead
def rank_influence(
    model: Any, rows: Any, labels: Any, trusted_rows: Any, trusted_labels: Any
) -> InfluenceRanking:
    """Rank training rows by how much they harm the answers on trusted rows.

    Args:
        model: the trained model; a network is judged by its last hidden layer, anything else (also None) by a
            linear model of the same rows.
        rows: the training rows, a frame or an array.
        labels: (rows,) their labels; two classes.
        trusted_rows: rows whose labels somebody has checked (a hundred or more serve well).
        trusted_labels: their labels.

    Returns:
        The ranking, or ``Unassessed`` with the reason.

    Raises:
        UserError: if labels do not fit their rows.
    """
    known, truth = label_array(labels, rows), np.asarray(trusted_labels).ravel()
    if len(truth) != len(trusted_rows):
        raise UserError(
            f"There are {len(trusted_rows):,} trusted rows and {len(truth):,} labels: give one for each."
        )
    check_rows(rows)
    check_rows(trusted_rows, what="trusted rows")
    classes = np.unique(known)
    if len(classes) != 2:
        raise TargetError(
            f"Influence is ranked for two classes, and there are {len(classes)}: join some of them."
        )
    if not np.isin(truth, classes).all():
        raise UserError("A trusted row has a class that no training row has: leave it out.")
    if callable(getattr(model, "hidden_activations", None)):
        check_target(open_target(model, name="network"), rows)
        features, checked = activations_of(model, rows), activations_of(model, trusted_rows)
        center, scale = features.mean(axis=0), features.std(axis=0)
        scale = np.where(scale > 1e-9, scale, 1.0)
        features, checked, layer = (
            (features - center) / scale,
            (checked - center) / scale,
            "the network's last layer",
        )
    else:
        frame, other = as_frame(rows), as_frame(trusted_rows)
        prepare = additive_model(frame).named_steps["prepare"].fit(frame)
        features, checked = (_dense(prepare.transform(part)) for part in (frame, other))
        layer = "a linear model of the rows"
    harm = leave_one_out_harm(features, known == classes[1], checked, truth == classes[1])
    return InfluenceRanking(harm, np.argsort(-harm, kind="stable"), len(truth), layer)


def leave_one_out_harm(
    features: np.ndarray,
    labels: np.ndarray,
    checked: np.ndarray,
    truth: np.ndarray,
    *,
    strength: float = STRENGTH,
) -> np.ndarray:
    """Return (rows,): fall of the summed cross-entropy on ``checked`` if a row were left out, to first order.

    Args:
        features: (rows, columns) of training rows.
        labels: (rows,) booleans.
        checked: (trusted, columns).
        truth: (trusted,) booleans.
        strength: of the ridge penalty (half its square is added to the loss), intercept excepted.

    Raises:
        TargetError: if the linear model cannot be fitted.
    """
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        model = LogisticRegression(C=1 / strength, max_iter=2_000, tol=1e-8).fit(features, labels)
        x = np.column_stack([features, np.ones(len(features))])
        z = np.column_stack([checked, np.ones(len(checked))])
        chance, believed = model.predict_proba(features)[:, 1], model.predict_proba(checked)[:, 1]
        penalty = np.full(x.shape[1], strength)
        penalty[-1] = 1e-9
        weight = chance * (1 - chance)
        curvature = (x * weight[:, None]).T @ x + np.diag(penalty)
        pull = z.T @ (believed - truth)
        solved = np.linalg.solve(curvature, pull)
        # A row takes its own curvature with it: Newton's step divides by what is left.
        leverage = weight * np.einsum("ij,ji->i", x, np.linalg.solve(curvature, x.T))
        return -(x @ solved) * (chance - labels) / np.maximum(1 - leverage, 1e-6)


def _dense(matrix: Any) -> np.ndarray:
    return matrix.toarray() if hasattr(matrix, "toarray") else np.asarray(matrix, dtype=float)
