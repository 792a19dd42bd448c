"""Rows of a frame or an array as the numbers that a copy learns from; fitted on the attacker's own rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from secure_ai.core import UserError

MOST_VALUES = 200


class InputCoder:
    """Numbers scaled by mean and standard deviation, a column of 0 and 1 for each value of a category.

    The attacker does not know how the model prepares its inputs and needs not: any coding that tells the
    rows apart will do.

    Args:
        rows: a frame, or an array rows x features; numbers and booleans are numbers, all else is a category.
        drop_first: leave the first value of each category out, so that no column follows from the others.
        scale: scale the numbers.

    Attributes:
        names: of the coded columns: the column, or ``column=value``.
        numeric: positions of the rows' columns that are numbers.
    """

    def __init__(self, rows: Any, *, drop_first: bool = False, scale: bool = True) -> None:
        frame = as_frame(rows)
        self.columns = list(frame.columns)
        self.numeric = [place for place, name in enumerate(frame) if is_number(frame[name])]
        self.names: list[str] = []
        self._center: dict[Any, tuple[float, float]] = {}
        self._values: dict[Any, np.ndarray] = {}
        for place, name in enumerate(frame):
            if place in self.numeric:
                column = frame[name].to_numpy(dtype=float)
                spread = float(column.std()) if scale else 1.0
                self._center[name] = (float(column.mean()) if scale else 0.0, spread or 1.0)
                self.names.append(str(name))
            else:
                found = frame[name].astype(str).value_counts().index[:MOST_VALUES].to_numpy()
                self._values[name] = np.sort(found)[1 if drop_first else 0 :]
                self.names.extend(f"{name}={value}" for value in self._values[name])

    def __call__(self, rows: Any) -> np.ndarray:
        """Return (rows, coded columns) numbers.

        Raises:
            UserError: if a column is missing.
        """
        frame = as_frame(rows)
        missing = [name for name in self.columns if name not in frame]
        if missing:
            raise UserError(
                f"The rows lack the column '{missing[0]}': give the columns of the attacker's rows."
            )
        coded = np.empty((len(frame), len(self.names)))
        place = 0
        for name in self.columns:
            if name in self._center:
                center, spread = self._center[name]
                coded[:, place] = (frame[name].to_numpy(dtype=float) - center) / spread
                place += 1
            else:
                values = self._values[name]
                texts = frame[name].astype(str).to_numpy()
                coded[:, place : place + len(values)] = texts[:, None] == values[None, :]
                place += len(values)
        return coded

    def scale(self) -> tuple[np.ndarray, np.ndarray]:
        """Return center and spread of each coded column; 0 and 1 of those that are no numbers."""
        pairs = []
        for name in self.columns:
            pairs += [self._center[name]] if name in self._center else [(0.0, 1.0)] * len(self._values[name])
        center, spread = np.array(pairs).reshape(-1, 2).T
        return center, spread

    def number_scale(self) -> tuple[np.ndarray, np.ndarray]:
        """Return center and spread of the columns that are numbers."""
        pairs = [self._center[self.columns[place]] for place in self.numeric]
        center, spread = np.array(pairs).reshape(-1, 2).T
        return center, spread

    def unit_rows(self, rows: Any) -> pd.DataFrame:
        """Return rows whose codes are the origin and one step along each coded column, if nothing is scaled.

        Args:
            rows: rows of the right columns, for the values of each category's origin.
        """
        frame = as_frame(rows)
        origin = {}
        for name in self.columns:
            values = frame[name].astype(str)
            others = ~values.isin(self._values.get(name, []))
            origin[name] = 0.0 if name in self._center else frame[name][others].iloc[0]
        made = [dict(origin)]
        for name in self.columns:
            if name in self._center:
                made.append(origin | {name: 1.0})
            else:
                first = {str(value): value for value in frame[name].unique()}
                made += [origin | {name: first[value]} for value in self._values[name]]
        return pd.DataFrame(made, columns=self.columns)


def as_frame(rows: Any) -> pd.DataFrame:
    """Return rows as a frame; the columns of an array are numbered."""
    if isinstance(rows, pd.DataFrame):
        return rows
    array = np.asarray(rows)
    return pd.DataFrame(array.reshape(len(array), -1))


def like(frame: pd.DataFrame, rows: Any) -> Any:
    """Return ``frame`` in the kind of ``rows``: a frame, or an array of its shape."""
    if isinstance(rows, pd.DataFrame):
        return frame
    array = np.asarray(rows)
    return frame.to_numpy(dtype=array.dtype).reshape(len(frame), *array.shape[1:])


def is_number(column: pd.Series) -> bool:
    """Say whether a column is coded as a number."""
    return pd.api.types.is_numeric_dtype(column.dtype)
