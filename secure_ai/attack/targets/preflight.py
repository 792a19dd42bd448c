"""What must hold before an attack is worth running: usable rows, and a model that answers and tells apart."""

from __future__ import annotations

from typing import Any

import numpy as np

from secure_ai.attack.targets.errors import TargetError
from secure_ai.attack.targets.target import Target

LEAST_ROWS = 10
REPEATED = 50
MOST_OTHERS = 200
DISAGREEMENT = 0.02
SAME = 1e-12
CHANGED = 1e-6


def check_rows(rows: Any, *, least: int = LEAST_ROWS, what: str = "rows") -> None:
    """Refuse rows that no attack can be judged on.

    Args:
        rows: a frame, or an array rows x features; texts are fine, missing values are not.
        least: how few are too few.
        what: what they are, for the sentence.

    Raises:
        TargetError: if there are too few, or a feature is missing or infinite (the column is named).
    """
    import pandas as pd

    if len(rows) < least:
        raise TargetError(f"{len(rows):,} {what} are too few to judge an attack: give {least:,} or more.")
    frame = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(np.asarray(rows).reshape(len(rows), -1))
    missing = frame.isna().any()
    if missing.any():
        column, count = missing.idxmax(), int(frame.isna().any(axis=1).sum())
        raise TargetError(
            f"{count:,} of {len(frame):,} {what} have missing values (first in column '{column}'): "
            "fill them in as the model's own preparation does, or leave those rows out."
        )
    numbers = frame.select_dtypes("number")
    infinite = ~np.isfinite(numbers.to_numpy(dtype=float))
    if infinite.any():
        column = numbers.columns[int(infinite.any(axis=0).argmax())]
        raise TargetError(f"Column '{column}' of the {what} holds infinite values: leave those rows out.")


def check_target(target: Target, rows: Any, others: Any = None, *, repeated: int = REPEATED) -> np.ndarray:
    """Ask about the rows, part of them twice, and return the labels.

    Args:
        target: what is attacked.
        rows: rows as the model takes them.
        others: further rows, of which up to 200 are asked about where ``rows`` all have the same answer: the
            cases that somebody wants to change usually have.
        repeated: how many rows are asked about a second time.

    Raises:
        TargetError: if the target fails, gives the same class for all rows, or answers otherwise the second
            time in more than 2 % of the repeated rows: then no change of an answer means anything.
    """
    labels = target.labels(rows)
    if len(np.unique(labels)) < 2 and not _tells_apart(target, labels, others):
        raise TargetError(
            f"The {target.name} gives the same class for all {len(rows):,} rows: it does not decide anything "
            "that an attack could change. Check the model and its threshold."
        )
    again = rows[: min(repeated, len(rows))]
    share = float(np.mean(target.labels(again) != labels[: len(again)]))
    if share > DISAGREEMENT:
        raise TargetError(
            f"The {target.name} answers otherwise when asked again about the same rows ({share:.0%} of "
            f"{len(again)}): an attack on it cannot be told from chance. Fix its seed, or ask without noise."
        )
    return labels


def check_probabilities(target: Target, rows: Any, *, repeated: int = REPEATED) -> np.ndarray:
    """Ask for the probabilities of the rows, part of them twice, and return them.

    Raises:
        TargetError: if the target gives none, the same for all rows, or others when asked again.
    """
    chances = target.probabilities(rows)
    if not np.ptp(chances, axis=0).max(initial=0) > SAME:
        raise TargetError(
            f"The {target.name} gives the same probabilities for all {len(rows):,} rows: it tells none of "
            "them apart. Check the model and its columns."
        )
    again = target.probabilities(rows[: min(repeated, len(rows))])
    if np.abs(again - chances[: len(again)]).max(initial=0) > CHANGED:
        raise TargetError(
            f"The {target.name} answers otherwise when asked again about the same rows: nothing can be "
            "told from chance. Fix its seed, or ask it without noise."
        )
    return chances


def _tells_apart(target: Target, labels: np.ndarray, others: Any) -> bool:
    if others is None or not len(others):
        return False
    return bool((target.labels(others[:MOST_OTHERS]) != labels[0]).any())
