"""The model as an explanation asks it: answers on one scale, in batches, and checked first."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from secure_ai.attack.targets import Target, TargetError, check_rows, open_target
from secure_ai.core import UserError

Scale = Literal["probability", "log-odds"]
SCALES = ("probability", "log-odds")
BATCH = 50_000
REPEATED = 20


@dataclass
class Scorer:
    """The answer of a model about one label, as a number.

    Attributes:
        target: the model.
        label: which class the number is about.
        scale: ``"probability"`` (0 or 1 where the model gives labels only) or ``"log-odds"``.
        as_array: whether the model takes arrays without column names.
    """

    target: Target
    label: Any
    scale: Scale = "probability"
    as_array: bool = False
    asked: int = field(default=0, init=False)

    def __call__(self, rows: pd.DataFrame) -> np.ndarray:
        """Return (rows,) answers.

        Raises:
            TargetError: if the model does not answer, or is certain where log-odds are wanted.
        """
        self.asked += len(rows)
        parts = []
        for start in range(0, len(rows), BATCH):
            part = rows.iloc[start : start + BATCH]
            parts.append(self.target.scores(part.to_numpy() if self.as_array else part, self.label))
        chance = np.concatenate(parts) if parts else np.zeros(0)
        if self.scale == "probability":
            return chance
        if ((chance <= 0) | (chance >= 1)).any():
            raise TargetError(
                f"The {self.target.name} is certain of some answers (0 or 1), and certainty has no log-odds: "
                "explain it with scale='probability'."
            )
        return np.log(chance) - np.log1p(-chance)


def open_scorer(model: Any, row: Any, *, label: Any, scale: Scale, as_array: bool) -> Scorer:
    """Return the model as a :class:`Scorer`; without a label, of the one it gives to ``row``.

    Raises:
        TargetError: if the model cannot be asked.
        UserError: if the scale or the label is unknown.
    """
    if scale not in SCALES:
        raise UserError(f"scale='{scale}': choose from {', '.join(SCALES)}.")
    target = open_target(model)
    if label is None:
        label = target.labels(row.to_numpy() if as_array else row)[0]
    target.index_of(label)
    return Scorer(target, label, scale, as_array)


def check_explainable(scorer: Scorer, row: pd.DataFrame, others: pd.DataFrame) -> np.ndarray:
    """Check rows and model, and return the answers about the row and all the others, in this order.

    Raises:
        TargetError: if values are missing, the model gives all of them the same answer (nothing is to be
            explained), or another answer when it is asked again.
    """
    check_rows(others, what="background rows")
    check_rows(row, least=1, what="rows to explain")
    rows = pd.concat([row, others], ignore_index=True)
    answers = scorer(rows)
    if np.ptp(answers) < 1e-12:
        raise TargetError(
            f"The {scorer.target.name} gives the same answer for the row and for all {len(others):,} "
            "background rows: there is no difference to explain. Check the model, or give other rows."
        )
    again = scorer(rows.iloc[:REPEATED])
    if np.abs(again - answers[: len(again)]).max() > 1e-6 * max(1.0, np.abs(answers).max()):
        raise TargetError(
            f"The {scorer.target.name} answers otherwise when asked again about the same rows: its answers "
            "cannot be explained by the features. Fix its seed, or ask it without noise."
        )
    return answers
