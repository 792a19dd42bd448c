"""Clean retraining: suspicious rows are left out, the model is trained again, and the price is counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from secure_ai.attack.poisoning import train_copy
from secure_ai.attack.poisoning.poisoned import label_array, take
from secure_ai.core import UserError

MOST_REMOVED = 0.5


@dataclass(frozen=True)
class Sanitized:
    """A model trained without suspicious rows.

    Attributes:
        model: the new model.
        rows: what it was trained on.
        labels: their labels.
        kept: (all rows,) booleans.
    """

    model: Any
    rows: Any
    labels: np.ndarray
    kept: np.ndarray

    def sentence(self) -> str:
        """Say how much was left out."""
        removed = int((~self.kept).sum())
        return (
            f"{removed:,} of {len(self.kept):,} training rows ({removed / len(self.kept):.2%}) were left out."
        )


def sanitize_and_retrain(model: Any, rows: Any, labels: Any, suspicious: Any) -> Sanitized:
    """Train a copy of ``model`` without the suspicious rows.

    Args:
        model: a classifier with ``fit`` (copied, not changed), or a function that returns one.
        rows: the training rows, a frame or an array.
        labels: (rows,) their labels.
        suspicious: (rows,) booleans, as the searches of this package give them.

    Raises:
        UserError: if marks do not fit the rows, or mark more than half of them: then the question is whether
            any of the data can be trusted.
        TargetError: if the model cannot be trained, or one class remains.
    """
    known, marks = label_array(labels, rows), np.asarray(suspicious, dtype=bool).ravel()
    if len(marks) != len(known):
        raise UserError(
            f"There are {len(known):,} rows and {len(marks):,} marks in suspicious=: give one for each."
        )
    if marks.mean() > MOST_REMOVED:
        raise UserError(
            f"{marks.mean():.0%} of the rows are suspicious: retraining on the rest would not make a good "
            "model. Go back to data whose origin is proven."
        )
    kept = np.flatnonzero(~marks)
    fitted = train_copy(model, take(rows, kept), known[kept])
    return Sanitized(fitted, take(rows, kept), known[kept], ~marks)
