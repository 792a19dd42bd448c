"""Generalized values as inputs of a model: a range or a set stands for each of its values alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from secure_ai.anonymize.minimize.ladders import MOST_CATEGORIES, is_date, is_number
from secure_ai.anonymize.tabular.partitioning import CodedColumn, Partitioning
from secure_ai.anonymize.tabular.released import MISSING, value_text

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

QUANTILES = (0.2, 0.4, 0.6, 0.8)


@dataclass(frozen=True)
class NumberCells:
    """A column of numbers, ranges of numbers, or dates (as days since 1970).

    Attributes:
        codes: the cell of each row.
        low: least value of each cell; NaN where it can only be missing.
        high: greatest value of each cell.
        missing: share of each cell to take as missing: 0, 1, or in between where it may be.
    """

    codes: Integers
    low: Floats
    high: Floats
    missing: Floats


@dataclass(frozen=True)
class CategoryCells:
    """A column of categories, or sets of them.

    Attributes:
        codes: the cell of each row.
        members: the categories of each cell, as text; missing is one of its own.
    """

    codes: Integers
    members: tuple[tuple[str, ...], ...]


Cells = NumberCells | CategoryCells


def cells_of(values: pd.Series, *, number: bool | None = None) -> Cells:
    """Return a column as it is: each value a cell of its own.

    Args:
        values: the column.
        number: whether to read it as numbers or dates; by its type and content if not given.
    """
    import pandas as pd

    if is_number(values) if number is None else number:
        numbers = as_numbers(values)
        distinct, codes = np.unique(numbers, return_inverse=True)
        return NumberCells(codes, distinct, distinct, np.isnan(distinct).astype(float))
    codes, distinct = pd.factorize(values.astype(object), use_na_sentinel=False)
    return CategoryCells(codes, tuple((MISSING if pd.isna(v) else value_text(v),) for v in distinct))


def generalized_cells(partitioning: Partitioning, column: int, class_of_record: Integers) -> Cells:
    """Return what a released table shows of one quasi-identifier.

    Args:
        partitioning: the classes.
        column: position among its quasi-identifiers.
        class_of_record: class of each released record.
    """
    coded = partitioning.columns[column]
    classes, codes = partitioning.members(column)
    recoded = partitioning.recoded[column] if partitioning.recoded else None
    if recoded is not None:
        # Who sees a node of a hierarchy knows no more than what lies below it.
        _, node = np.unique(np.asarray(recoded, dtype=str), return_inverse=True)
        of_class = node[codes[np.flatnonzero(np.diff(classes, prepend=-1))]]
        below = np.argsort(node, kind="stable")
        cells = _cells(coded, node[below], below, class_of_record)
        return replace(cells, codes=of_class[class_of_record])
    return _cells(coded, classes, codes, class_of_record)


def _cells(coded: CodedColumn, groups: Integers, codes: Integers, rows: Integers) -> Cells:
    """Return one cell for each group of codes, in the order of ``groups``, which ascends."""
    starts = np.flatnonzero(np.diff(groups, prepend=-1))
    if coded.positions is None:
        texts = coded.texts[codes].tolist()
        ends = np.append(starts[1:], len(texts)).tolist()
        members = tuple(tuple(texts[a:b]) for a, b in zip(starts.tolist(), ends, strict=True))
        return CategoryCells(rows, members)
    positions = np.append(coded.positions, np.nan)[codes]
    gaps = np.isnan(positions)
    # fmin and fmax pass over gaps where there is anything else.
    low, high = np.fmin.reduceat(positions, starts), np.fmax.reduceat(positions, starts)
    missing = np.logical_or.reduceat(gaps, starts) * np.where(np.isnan(low), 1.0, 0.5)
    return NumberCells(rows, low, high, missing)


def cells_of_rows(cells: Cells, rows: Integers) -> Cells:
    """Return the cells of some rows, in their order."""
    return replace(cells, codes=cells.codes[rows])


def as_numbers(values: pd.Series) -> Floats:
    """Return numbers as floats and dates as days since 1970, NaN where missing or infinite."""
    import pandas as pd

    if is_date(values):
        dates = pd.to_datetime(
            values, errors="coerce", format=None if values.dtype.kind == "M" else "ISO8601"
        )
        dates = dates.dt.tz_localize(None) if getattr(dates.dt, "tz", None) is not None else dates
        return ((dates - pd.Timestamp("1970-01-01")) / pd.Timedelta(days=1)).to_numpy(float)
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(float, na_value=np.nan)
    return np.where(np.isfinite(numbers), numbers, np.nan)


class ColumnEncoder:
    """Turns cells of one column into inputs of a linear model; what it knows is from the training rows.

    Each input is the expectation of what it would be if the value lay anywhere in its cell with the same
    chance: a number becomes the middle of its range, and for four steps at its quintiles the share of the
    range above the step; a category becomes one column for each frequent value, with 1/m for each of the m
    values of a set. A single value so becomes what it always is, and held-out rows that were never
    generalized fit in.

    Args:
        cells: the training rows.
    """

    def __init__(self, cells: Cells) -> None:
        if isinstance(cells, NumberCells):
            middles = _middles(cells)[cells.codes]
            present = middles[np.isfinite(middles)]
            self._middle = float(np.median(present)) if len(present) else 0.0
            self._center = float(present.mean()) if len(present) else 0.0
            self._spread = (float(present.std()) if len(present) else 0.0) or 1.0
            self._steps = np.unique(np.quantile(present, QUANTILES)) if len(np.unique(present)) > 2 else []
        else:
            weights: dict[str, float] = {}
            counts = np.bincount(cells.codes, minlength=len(cells.members)).tolist()
            for members, rows in zip(cells.members, counts, strict=True):
                for member in members:
                    weights[member] = weights.get(member, 0.0) + rows / len(members)
            ranked = sorted(weights, key=lambda member: (-weights[member], member))
            most = MOST_CATEGORIES - (len(ranked) > MOST_CATEGORIES)
            self._place = {member: place for place, member in enumerate(ranked[:most])}

    def encode(self, cells: Cells) -> Floats:
        """Return one row of inputs for each row of ``cells``, of the same kind as the training rows'."""
        by_cell = self._numbers(cells) if isinstance(cells, NumberCells) else self._categories(cells.members)
        return by_cell[cells.codes]

    def _numbers(self, cells: NumberCells) -> Floats:
        known = np.isfinite(cells.low)
        low = np.where(known, cells.low, self._middle)
        high = np.where(known, cells.high, self._middle)
        middles = np.where(known, _middles(cells), self._middle)
        parts = [(middles - self._center) / self._spread]
        for step in self._steps:
            with np.errstate(invalid="ignore", divide="ignore"):
                above = (high - step) / (high - low)
            parts.append(np.where(high > low, np.clip(above, 0, 1), (low > step).astype(float)))
        return np.column_stack([*parts, cells.missing])

    def _categories(self, cells: Sequence[tuple[str, ...]]) -> Floats:
        made = np.zeros((len(cells), len(self._place) + 1))
        for row, members in enumerate(cells):
            for member in members:
                made[row, self._place.get(member, len(self._place))] += 1 / len(members)
        return made


def _middles(cells: NumberCells) -> Floats:
    return cells.low / 2 + cells.high / 2
