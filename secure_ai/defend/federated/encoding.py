"""Agree on features without showing rows: each participant sends sums and lists, the server merges them.

The merged means and deviations are those of the pooled rows. Sums of few rows, and a category that one
participant alone has, tell something: where that matters, take a data dictionary (``PublicEncoder``), or add
the sums under secure aggregation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown

# Beyond this skewness a number that is never below 0 is taken in logarithms.
MOST_SKEWNESS = 3.0
MOST_CATEGORIES = 500


@dataclass(frozen=True)
class TableSummary:
    """What a participant tells of its table before the first round.

    Attributes:
        rows: how many.
        sums: column → sums of x, x^2, x^3, log(1 + x), log(1 + x)^2; the last two NaN if a value is below 0.
        categories: column → its different texts.
    """

    rows: int
    sums: Mapping[str, tuple[float, ...]]
    categories: Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class AgreedEncoder:
    """Turns a table into features: numbers standardized (some in logarithms), one 0/1 for each category.

    A category that nobody had when the encoder was agreed on is 0 everywhere.

    Attributes:
        centers, spreads: of each number column.
        logs: number columns that are taken as log(1 + x).
        categories: text column → its categories, sorted.
    """

    centers: Mapping[str, float]
    spreads: Mapping[str, float]
    logs: frozenset[str]
    categories: Mapping[str, tuple[str, ...]]

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Name of each feature."""
        texts = [f"{column}={value}" for column, known in self.categories.items() for value in known]
        return (*self.centers, *texts)

    def transform(self, table: pd.DataFrame) -> np.ndarray:
        """Return features (rows x ``len(feature_names)``).

        Raises:
            UserError: if a column is absent or holds something unusable.
        """
        parts = []
        for column, center in self.centers.items():
            values = _numbers(table, column)
            values = np.log1p(np.maximum(values, 0)) if column in self.logs else values
            parts.append(((values - center) / self.spreads[column])[:, None])
        for column, known in self.categories.items():
            texts = _texts(table, column)
            parts.append((texts[:, None] == np.asarray(known, dtype=object)[None, :]).astype(float))
        return np.concatenate(parts, axis=1)


def summarize_table(table: pd.DataFrame) -> TableSummary:
    """Return what a participant tells of its columns: sums of numbers, different texts; no row.

    Raises:
        UserError: if there is no row or column, a value is missing or infinite, or texts are too many.
    """
    if not table.shape[0] or not table.shape[1]:
        raise UserError("The table has no rows or no columns.")
    sums, categories = {}, {}
    for column in table.columns:
        if pd.api.types.is_numeric_dtype(table[column]):
            values = _numbers(table, column)
            logs = np.log1p(values) if values.min() >= 0 else np.full(len(values), np.nan)
            sums[column] = tuple(float(part.sum()) for part in (values, values**2, values**3, logs, logs**2))
        else:
            categories[column] = frozenset(_texts(table, column))
            if len(categories[column]) > MOST_CATEGORIES:
                raise UserError(
                    f"Column '{shown(str(column))}' has more than {MOST_CATEGORIES} different texts: it "
                    "looks like an identifier; leave it out or group it."
                )
    return TableSummary(len(table), sums, categories)


def agree_encoder(summaries: Sequence[TableSummary]) -> AgreedEncoder:
    """Merge what the participants told to one encoder that all use.

    Raises:
        UserError: if the participants' columns differ.
    """
    if not summaries:
        raise UserError("There is no summary to agree on: give that of each participant.")
    first = summaries[0]
    for other in summaries[1:]:
        if set(other.sums) != set(first.sums) or set(other.categories) != set(first.categories):
            raise UserError(
                "The participants' tables differ in their columns or kinds: agree on those first."
            )
    rows = sum(each.rows for each in summaries)
    centers, spreads, logs = {}, {}, set()
    for column in first.sums:
        one, two, three, log_one, log_two = (
            sum(each.sums[column][place] for each in summaries) / rows for place in range(5)
        )
        spread = max(two - one**2, 0.0) ** 0.5
        third = three - 3 * one * two + 2 * one**3
        if spread and third / spread**3 > MOST_SKEWNESS and np.isfinite(log_one):
            logs.add(column)
            one, spread = log_one, max(log_two - log_one**2, 0.0) ** 0.5
        centers[column], spreads[column] = one, spread if spread > 1e-9 * max(abs(one), 1) else 1.0
    categories = {
        column: tuple(sorted(set().union(*(each.categories[column] for each in summaries))))
        for column in first.categories
    }
    return AgreedEncoder(centers, spreads, frozenset(logs), categories)


def _column(table: pd.DataFrame, column: str) -> pd.Series:
    if column not in table.columns:
        raise UserError(f"The table has no column '{shown(str(column))}' that the encoder needs.")
    if table[column].isna().any():
        raise UserError(
            f"Column '{shown(str(column))}' has a missing value: fill it in or leave those rows out."
        )
    return table[column]


def _numbers(table: pd.DataFrame, column: str) -> np.ndarray:
    try:
        values = _column(table, column).to_numpy(dtype=float)
    except (TypeError, ValueError):
        raise UserError(f"Column '{shown(str(column))}' holds something that is no number.") from None
    if not np.isfinite(values).all():
        raise UserError(f"Column '{shown(str(column))}' holds an infinite number: correct it.")
    return values


def _texts(table: pd.DataFrame, column: str) -> np.ndarray:
    return _column(table, column).astype(str).to_numpy(dtype=object)
