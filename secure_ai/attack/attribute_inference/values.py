"""The values that an attacker chooses from: categories as they are, numbers in groups of about equal size."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from secure_ai.attack.targets import TargetError
from secure_ai.core import UserError

MOST_VALUES = 12
GROUPS = 4
LEAST_EACH = 5


@dataclass(frozen=True)
class SensitiveValues:
    """What the sensitive column may hold.

    Attributes:
        column: its name, or its place in an array.
        values: what is put into a record for each: the category, or the middle of a group of numbers.
        edges: where groups of numbers begin, but the first; None for values as they are.
    """

    column: Any
    values: np.ndarray = field(repr=False)
    edges: np.ndarray | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.values)

    @classmethod
    def of(cls, rows: Any, column: Any, *, groups: int = GROUPS) -> SensitiveValues:
        """Return the values of a column.

        Args:
            rows: a frame or an array; the attacker's own.
            column: name or place of the sensitive column.
            groups: into how many groups numbers of more than twelve values are cut.

        Raises:
            UserError: if there is no such column, or its texts have more than twelve values.
            TargetError: if it holds one value only.
        """
        found = column_of(rows, column)
        distinct = pd.unique(found)
        number = pd.api.types.is_numeric_dtype(found.dtype) and not pd.api.types.is_bool_dtype(found.dtype)
        if len(distinct) < 2:
            raise TargetError(
                f"The sensitive column '{column}' holds one value only in the rows that the attacker has: "
                "there is nothing to guess. Give more rows, or choose another column."
            )
        if len(distinct) <= MOST_VALUES:
            return cls(column, np.sort(distinct) if number else np.array(sorted(distinct, key=str)))
        if not number:
            raise UserError(
                f"The sensitive column '{column}' has {len(distinct):,} different texts: group them into "
                f"{MOST_VALUES} or fewer first, as a generalization does."
            )
        if not 2 <= groups <= MOST_VALUES:
            raise UserError(f"groups={groups!r}: cut numbers into 2 to {MOST_VALUES} groups.")
        edges = np.unique(np.quantile(found, np.linspace(0, 1, groups + 1)[1:-1]))
        codes = np.searchsorted(edges, found, side="right")
        middles = [np.median(found[codes == code]) for code in np.unique(codes)]
        if len(middles) <= len(edges):
            # The smallest value is an edge: nothing lies below it.
            edges = edges[1:]
        middle = np.array(middles)
        return cls(column, middle.round().astype(found.dtype) if found.dtype.kind in "iu" else middle, edges)

    def codes(self, rows: Any) -> np.ndarray:
        """Return (rows,) the place of each row's value; -1 where it is none of them."""
        found = column_of(rows, self.column)
        if self.edges is not None:
            return np.searchsorted(self.edges, found, side="right")
        matches = found[:, None] == self.values[None, :]
        return np.where(matches.any(axis=1), matches.argmax(axis=1), -1)

    def put(self, rows: Any, place: int) -> Any:
        """Return rows that all have the value at ``place``, of the type that the rows have."""
        value = self.values[place]
        if isinstance(rows, pd.DataFrame):
            return rows.assign(
                **{
                    self.column: pd.Series(
                        [value] * len(rows), index=rows.index, dtype=rows[self.column].dtype
                    )
                }
            )
        changed = np.array(rows)
        changed[:, self.column] = value
        return changed

    def without(self, rows: Any) -> Any:
        """Return the rows without the sensitive column."""
        if isinstance(rows, pd.DataFrame):
            return rows.drop(columns=[self.column])
        return np.delete(np.asarray(rows), self.column, axis=1)


def column_of(rows: Any, column: Any) -> np.ndarray:
    """Return the values of a column of a frame or an array.

    Raises:
        UserError: if there is no such column, or a column is not called by a text.
    """
    if isinstance(rows, pd.DataFrame):
        if column not in rows.columns or not isinstance(column, str):
            raise UserError(
                f"There is no column '{column}' in the rows: name one of "
                f"{', '.join(map(str, rows.columns[:8]))}."
            )
        return rows[column].to_numpy()
    array = np.asarray(rows)
    if isinstance(column, bool) or not isinstance(column, (int, np.integer)) or array.ndim != 2:
        raise UserError("Rows in an array: say by its number which column is sensitive, 0 for the first.")
    if not 0 <= column < array.shape[1]:
        raise UserError(f"There is no column {column}: the rows have {array.shape[1]}, counted from 0.")
    return array[:, column]
