"""What a model's answers say of groups of its training records: equal answers as the cells of a table.

Source: sacroml 2.0.1, structural attack: equivalence classes of equal probabilities, their size
    (k-anonymity), their smallest estimated count of a class (small groups), certainty (class disclosure).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from secure_ai.attack.targets import TargetError, open_target
from secure_ai.core import Unassessed
from secure_ai.defend.release.parts import predicts_numbers

SAME = 12  # decimals: sums of the same leaves in another order differ by less


@dataclass(frozen=True, slots=True)
class Cells:
    """The table that the answers about the training records amount to.

    Attributes:
        groups: how many different answers there are.
        smallest: records that share the rarest answer.
        few: records whose answer fewer share than the threshold for equal answers.
        cell: the smallest estimated count of a class above 0 within a group; None from labels alone.
        certain: records of whose answer some class has no probability; None from labels alone.
    """

    groups: int
    smallest: int
    few: int
    cell: float | None
    certain: int | None


def read_cells(model: Any, rows: Any, *, few: float, zero: float, decimals: int | None) -> Cells | Unassessed:
    """Ask the model about its training records and group them by equal answers.

    Args:
        model: a fitted estimator or a contained model.
        rows: its training records.
        few: a group of fewer records is small.
        zero: a probability up to this counts as none.
        decimals: to which answers are given out; None as they are.
    """
    try:
        answers, chances = _answers(model, rows)
    except TargetError as error:
        return Unassessed(str(error))
    if chances:
        answers = np.round(answers, SAME if decimals is None else decimals)
    _, places, counts = np.unique(answers, axis=0, return_inverse=True, return_counts=True)
    groups = counts[np.ravel(places)]
    cell = certain = None
    if chances:
        share = answers * groups[:, None]
        cell = float(share[answers > zero].min())
        certain = int((answers <= zero).any(axis=1).sum())
    return Cells(len(counts), int(counts.min()), int((groups < few).sum()), cell, certain)


def _answers(model: Any, rows: Any) -> tuple[np.ndarray, bool]:
    if predicts_numbers(model):
        try:
            return np.asarray(model.predict(rows), dtype=float).reshape(len(rows), -1), False
        except Exception as error:
            raise TargetError(
                f"The model failed on its training records ({type(error).__name__}): check their columns."
            ) from None
    target = open_target(model)
    if target.answer == "probabilities":
        return np.asarray(target.probabilities(rows), dtype=float), True
    return np.asarray(target.labels(rows)).reshape(-1, 1), False
