"""What a gradient attack may do to a row: values stay in range, some columns stay, sizes have a unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from secure_ai.attack.targets import TargetError
from secure_ai.core import UserError

Norm = Literal["linf", "l2"]
NORMS = ("linf", "l2")


@dataclass(frozen=True)
class Limits:
    """The range of each column, and what a change of size 1 is.

    Attributes:
        low, high: least and greatest value; one number, or one per column.
        unit: what counts as a change of 1; one number, or one per column; 0 for a column that must stay.
        levels: values are whole multiples of 1 / levels, as in a picture stored in bytes; None for any value.
        unit_name: in words, for axes and sentences.
    """

    low: Any = 0.0
    high: Any = 1.0
    unit: Any = 1.0
    levels: int | None = None
    unit_name: str = "of the grey range"

    @classmethod
    def pictures(cls, levels: int | None = 255) -> Limits:
        """Return the limits of pictures from 0 to 1, stored in ``levels`` + 1 grey levels."""
        return cls(levels=levels)

    @classmethod
    def table(cls, reference_rows: Any, fixed: Sequence[Any] = ()) -> Limits:
        """Return limits learned from rows: the range seen, sizes in standard deviations, ``fixed`` stays.

        Args:
            reference_rows: a frame of numbers, or an array.
            fixed: columns that must not change, by name (frame) or place (array).

        Raises:
            UserError: if a fixed column is not there.
            TargetError: if no column is left that varies and may change.
        """
        values = np.asarray(reference_rows, dtype=float)
        names = list(getattr(reference_rows, "columns", range(values.shape[1])))
        unknown = [name for name in fixed if name not in names]
        if unknown:
            raise UserError(
                f"fixed: there is no column '{unknown[0]}'; the columns are {', '.join(map(str, names))}."
            )
        unit = values.std(axis=0)
        unit[[names.index(name) for name in fixed]] = 0
        if not (unit > 0).any():
            raise TargetError("No column may change and varies: there is nothing that an attack could try.")
        return cls(values.min(axis=0), values.max(axis=0), unit, None, "standard deviations")

    def units(self, columns: int) -> np.ndarray:
        """Return (columns,) the unit of each."""
        return np.broadcast_to(np.asarray(self.unit, dtype=float), (columns,))

    def within(self, start: np.ndarray, change: np.ndarray, size: np.ndarray, norm: Norm) -> np.ndarray:
        """Return rows changed by no more than ``size`` and within range and levels.

        Args:
            start: (n, columns) rows before the change; a value out of range may stay as it is.
            change: (n, columns) in units.
            size: (n,) the greatest change allowed, in units.
            norm: how it is measured.
        """
        if norm == "linf" and self.levels:
            # A change of whole levels: what rounding adds must not exceed the size.
            size = np.floor(size * self.levels + 1e-9) / self.levels
        change = held(change, size, norm)
        unit = self.units(start.shape[1])
        low, high = np.minimum(self.low, start), np.maximum(self.high, start)
        if not self.levels:
            return np.clip(start + change * unit, low, high)
        moved = change * unit * self.levels
        # Toward the row itself in L2, where rounding up could lengthen the change.
        whole = np.round(moved) if norm == "linf" else np.trunc(moved)
        return np.clip(start + whole / self.levels, low, high)

    def distance(self, start: np.ndarray, changed: np.ndarray, norm: Norm) -> np.ndarray:
        """Return (n,) the size of each change, in units; infinite where a fixed column changed."""
        unit = self.units(start.shape[1])
        moved = np.abs(changed - start)
        share = np.divide(moved, unit, out=np.where(moved > 0, np.inf, 0.0), where=unit > 0)
        return share.max(axis=1, initial=0) if norm == "linf" else np.sqrt((share**2).sum(axis=1))


def held(change: np.ndarray, size: np.ndarray, norm: Norm) -> np.ndarray:
    """Return changes (n, columns) shortened to ``size`` (n,) where they are longer."""
    if norm == "linf":
        return np.clip(change, -size[:, None], size[:, None])
    length = np.linalg.norm(change, axis=1)
    return change * np.minimum(1, size / np.maximum(length, 1e-300))[:, None]


def check_norm(norm: str) -> None:
    """Raise UserError unless ``norm`` is known."""
    if norm not in NORMS:
        raise UserError(f"norm='{norm}': choose from {', '.join(NORMS)}.")


def check_sizes(sizes: Any, rows: int | None = None) -> np.ndarray:
    """Return sizes as an array of one or more finite numbers above 0, or one for each of ``rows``.

    Raises:
        UserError: if they are none.
    """
    try:
        found = np.atleast_1d(np.asarray(sizes, dtype=float))
    except (TypeError, ValueError):
        raise UserError(f"A size of change is a number above 0, not {sizes!r}.") from None
    if found.ndim != 1 or not len(found) or not np.isfinite(found).all() or (found <= 0).any():
        raise UserError("A size of change is a number above 0: give one or more.")
    return found if rows is None else np.broadcast_to(found, (rows,))
