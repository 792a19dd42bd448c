"""Turn a table into features without looking at its values: categories and ranges come from outside.

A scaler that is fitted, a list of categories that is collected or a mean that fills gaps is a query to the
data that nobody accounts for. The encoder therefore takes a public data dictionary.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown

MOST_FEATURES = 100_000


@dataclass(frozen=True)
class Range:
    """The range of a number as the data dictionary states it.

    Attributes:
        low: least value; smaller ones count as it.
        high: greatest value; larger ones count as it.
        bins: if above 0, the range is cut into so many equal parts, with one feature each, so that a linear
            model can follow a curve. Otherwise the number becomes one feature from 0 (low) to 1 (high).
    """

    low: float
    high: float
    bins: int = 0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise UserError(f"Range({self.low}, {self.high}): state two finite numbers, the lower one first.")
        if isinstance(self.bins, bool) or not isinstance(self.bins, int) or not 0 <= self.bins <= 1000:
            raise UserError(f"Range(bins={self.bins}): choose a whole number from 0 to 1,000.")


@dataclass(frozen=True)
class PublicEncoder:
    """Encode columns by a public data dictionary; every feature lies between 0 and 1.

    A category has one feature that is 1 where it occurs; a category that the dictionary does not know, and a
    missing one, are 0 everywhere. A missing number is 0 in every bin, or the middle of the range where there
    are no bins. Nothing is learned from the data, so encoding costs no privacy.

    Attributes:
        columns: for each column either a :class:`Range` or the sequence of its categories.

    Raises:
        UserError: if no column is given, or a list of categories is empty or repeats one.
    """

    columns: Mapping[str, Range | Sequence[object]]
    feature_names: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        if not self.columns:
            raise UserError("The encoder has no column: state a range or the categories of at least one.")
        names = []
        for column, values in self.columns.items():
            if isinstance(values, Range):
                step = (values.high - values.low) / max(values.bins, 1)
                names += [
                    f"{column} [{values.low + i * step:g}, {values.low + (i + 1) * step:g}]"
                    for i in range(values.bins)
                ] or [column]
                continue
            if isinstance(values, (str, bytes)) or not isinstance(values, Sequence) or not len(values):
                raise UserError(f"Column '{shown(column)}': give a Range, or a list with its categories.")
            if len({_name(value) for value in values}) < len(values):
                raise UserError(f"Column '{shown(column)}': a category is listed twice.")
            names += [f"{column}={value}" for value in values]
        if len(names) > MOST_FEATURES:
            raise UserError(f"{len(names):,} features are more than the {MOST_FEATURES:,} that fit.")
        object.__setattr__(self, "feature_names", tuple(names))

    def transform(self, table: pd.DataFrame) -> np.ndarray:
        """Return features (rows x ``len(feature_names)``), all from 0 to 1.

        Raises:
            UserError: if a column is absent, or one with a range holds something that is no number, or
                infinity.
        """
        absent = [shown(column) for column in self.columns if column not in table.columns]
        if absent:
            raise UserError(f"The table has no column '{absent[0]}' that the encoder needs.")
        parts = [
            _numbers(table[column], values, shown(column))
            if isinstance(values, Range)
            else _categories(table[column], values)
            for column, values in self.columns.items()
        ]
        return np.concatenate(parts, axis=1)


def _categories(column: pd.Series, categories: Sequence[object]) -> np.ndarray:
    place = {_name(category): number for number, category in enumerate(categories)}
    codes, different = pd.factorize(column)
    known = np.array([place.get(_name(value), -1) for value in different] + [-1])[codes]
    features = np.zeros((len(column), len(categories)))
    rows = np.flatnonzero(known >= 0)
    features[rows, known[rows]] = 1.0
    return features


def _name(value: object) -> str:
    """Return a category as text; 1 and 1.0 are one, because one missing value makes fractions of a column."""
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return str(value)


def _numbers(column: pd.Series, stated: Range, name: str) -> np.ndarray:
    try:
        values = column.to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError):
        raise UserError(f"Column '{name}' has a range but holds something that is no number.") from None
    if np.isinf(values).any():
        raise UserError(f"Column '{name}' holds an infinite number: correct it or drop those rows.")
    share = (np.clip(values, stated.low, stated.high) - stated.low) / (stated.high - stated.low)
    missing = np.isnan(share)
    if not stated.bins:
        return np.where(missing, 0.5, share)[:, None]
    features = np.zeros((len(values), stated.bins))
    rows = np.flatnonzero(~missing)
    features[rows, np.minimum((share[rows] * stated.bins).astype(int), stated.bins - 1)] = 1.0
    return features
