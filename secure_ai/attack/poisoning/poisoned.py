"""Training rows as an attacker left them, and which of them are his: the truth for detections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from secure_ai.attack.targets import TargetError
from secure_ai.core import UserError


@dataclass(frozen=True)
class Poisoned:
    """Training data after an attack.

    Attributes:
        rows: features, in the order of the original: a frame or an array.
        labels: (rows,) what the attacker says they are.
        changed: (rows,) booleans: which rows he changed.
        attack: what he did, in words.
    """

    rows: Any
    labels: np.ndarray
    changed: np.ndarray
    attack: str

    @property
    def share(self) -> float:
        """The share of rows that were changed."""
        return float(self.changed.mean())

    def sentence(self) -> str:
        """Say what was done to how many rows."""
        count = int(self.changed.sum())
        return (
            f"{count:,} of {len(self.changed):,} training rows ({self.share:.2%}) were changed: "
            f"{self.attack}."
        )


def how_many(rows: int, share: float, available: int, what: str) -> int:
    """Return the number of rows that ``share`` of ``rows`` makes.

    Raises:
        UserError: if it is no share, makes no row, or more than are ``available``.
    """
    if not 0 < share < 1:
        raise UserError(f"share={share!r}: choose a share of the rows between 0 and 1.")
    count = round(rows * share)
    if count < 1:
        raise UserError(f"share={share} of {rows:,} rows is no row: choose a larger one.")
    if count > available:
        raise UserError(
            f"share={share} are {count:,} rows, and there are {available:,} {what}: choose a smaller one."
        )
    return count


def take(rows: Any, chosen: np.ndarray) -> Any:
    """Return some rows of a frame (by place) or of an array."""
    return rows.iloc[chosen] if hasattr(rows, "iloc") else np.asarray(rows)[chosen]


def put(rows: Any, chosen: np.ndarray, new: Any) -> Any:
    """Return a copy of the rows in which those at the places ``chosen`` are ``new``."""
    if not hasattr(rows, "iloc"):
        changed = np.array(rows)
        changed[chosen] = new
        return changed
    changed = rows.copy()
    for number, column in enumerate(rows.columns):
        values = rows[column].copy()
        values.iloc[chosen] = new[column].to_numpy()
        changed.isetitem(number, values)
    return changed


def label_array(labels: Any, rows: Any) -> np.ndarray:
    """Return the labels as an array of their own.

    Raises:
        UserError: if there is not one for each row.
        TargetError: if one is missing, there are none, or all are the same.
    """
    import pandas as pd

    found = np.array(labels).ravel()
    if len(found) != len(rows):
        raise UserError(f"There are {len(rows):,} rows and {len(found):,} labels: give one for each.")
    if pd.isna(found).any():
        raise TargetError("Some labels are missing: leave those rows out.")
    if not len(found):
        raise TargetError("0 rows are too few to judge an attack: give 10 or more.")
    if len(np.unique(found)) < 2:
        raise TargetError(
            "All labels are the same: there is nothing to learn that poison could change. Give rows of two "
            "classes or more."
        )
    return found
