"""What can be asked: count, sum, mean, quantile, histogram, contingency table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise

from secure_ai.anonymize.differential_privacy.bounds import Bounds, checked_bounds
from secure_ai.core.errors import UserError

MOST_CELLS = 100_000
Conditions = Mapping[str, object]
"""Column → the value that its rows must have, a list of such values, or a tuple (lowest, highest)."""


@dataclass(frozen=True)
class Count:
    """How many rows there are.

    Attributes:
        where: conditions of the rows, chosen without looking at the data.
    """

    where: Conditions = field(default_factory=dict)
    name = "count"

    def __post_init__(self) -> None:
        _check_where(self.where)

    @property
    def columns(self) -> list[str]:
        """Columns that are read besides those of the conditions."""
        return []


@dataclass(frozen=True)
class _OfOneColumn:
    column: str
    bounds: Bounds | Sequence[float] | None = None

    def __post_init__(self) -> None:
        _check_column(self.column)
        _check_where(getattr(self, "where", {}))
        object.__setattr__(self, "bounds", checked_bounds(self.bounds, self.column))

    @property
    def columns(self) -> list[str]:
        """Columns that are read besides those of the conditions."""
        return [self.column]


@dataclass(frozen=True)
class Sum(_OfOneColumn):
    """The sum of a column; missing values count for nothing, values outside the bounds as the bound."""

    where: Conditions = field(default_factory=dict)
    name = "sum"


@dataclass(frozen=True)
class Mean(_OfOneColumn):
    """The mean of a column's values that are not missing.

    Attributes:
        known_size: number of the values, where it is public; the whole budget then goes to the sum.
            Without it half of the budget goes to the sum and half to the count.
    """

    known_size: int | None = None
    where: Conditions = field(default_factory=dict)
    name = "mean"

    def __post_init__(self) -> None:
        super().__post_init__()
        size = self.known_size
        if size is not None and (isinstance(size, bool) or not isinstance(size, int) or size < 1):
            raise UserError("The known size must be a whole number of at least 1.")


@dataclass(frozen=True)
class Quantile(_OfOneColumn):
    """The value below which a share of a column lies, chosen among evenly spaced candidates.

    Attributes:
        share: 0.5 for the median.
        candidates: how many values from the lower to the upper bound may be the answer.
    """

    share: float = 0.5
    candidates: int = 101
    where: Conditions = field(default_factory=dict)
    name = "quantile"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.share, int | float) or not 0 <= self.share <= 1:
            raise UserError("The share of a quantile must be from 0 to 1: 0.5 is the median.")
        if isinstance(self.candidates, bool) or not isinstance(self.candidates, int):
            raise UserError("The candidates of a quantile must be a whole number from 2 to 10,000.")
        if not 2 <= self.candidates <= 10_000:
            raise UserError("The candidates of a quantile must be from 2 to 10,000.")

    @property
    def fraction(self) -> Fraction:
        """The share as a fraction of small numbers, so that scores are whole numbers."""
        return Fraction(self.share).limit_denominator(1000)

    @property
    def grid(self) -> list[float]:
        """The values that may be the answer."""
        low, high = self.bounds.low, self.bounds.high
        return [low + place * (high - low) / (self.candidates - 1) for place in range(self.candidates)]


@dataclass(frozen=True)
class Histogram:
    """How many rows fall into each category, or between edges.

    Attributes:
        column: what is counted.
        categories: the values to count, from the data dictionary; all else is counted together as
            "any other". A category listed from the data would itself disclose that somebody has it.
        edges: for numbers: intervals [a, b) between increasing edges, the last one closed.
            With neither, only categories with enough rows appear; this needs a delta (stability histogram).
    """

    column: str
    categories: Sequence[object] | None = None
    edges: Sequence[float] | None = None
    where: Conditions = field(default_factory=dict)
    name = "histogram"

    def __post_init__(self) -> None:
        _check_column(self.column)
        _check_where(self.where)
        if self.categories is not None and self.edges is not None:
            raise UserError(f"The histogram of '{self.column}' has categories and edges: give one of them.")
        if self.categories is not None:
            _check_categories(self.column, self.categories)
        if self.edges is not None:
            edges = [edge.item() if hasattr(edge, "item") else edge for edge in self.edges]
            finite = all(isinstance(e, int | float) and math.isfinite(e) for e in edges)
            if not finite or len(edges) < 2 or any(a >= b for a, b in pairwise(edges)):
                raise UserError(
                    f"The edges of '{self.column}' must be at least two finite numbers, each above the last."
                )
            if len(edges) > 1001:
                raise UserError(f"The histogram of '{self.column}' has {len(edges):,} edges: 1,001 at most.")

    @property
    def columns(self) -> list[str]:
        """Columns that are read besides those of the conditions."""
        return [self.column]


@dataclass(frozen=True)
class ContingencyTable:
    """How many rows fall into each combination of categories of several columns.

    Attributes:
        categories: column → its categories, from the data dictionary.
    """

    categories: Mapping[str, Sequence[object]]
    where: Conditions = field(default_factory=dict)
    name = "contingency table"

    def __post_init__(self) -> None:
        _check_where(self.where)
        if not isinstance(self.categories, Mapping) or not self.categories:
            raise UserError("A contingency table needs columns with their categories.")
        for column, categories in self.categories.items():
            _check_categories(column, categories)
        cells = math.prod(len(categories) + 1 for categories in self.categories.values())
        if cells > MOST_CELLS:
            raise UserError(
                f"The contingency table has {cells:,} cells, more than {MOST_CELLS:,}: give fewer categories."
            )

    @property
    def columns(self) -> list[str]:
        """Columns that are read besides those of the conditions."""
        return list(self.categories)


Query = Count | Sum | Mean | Quantile | Histogram | ContingencyTable


def describe(query: Query) -> str:
    """Return what is asked, by columns alone: a condition's value may be somebody's."""
    of = f" of {', '.join(query.columns)}" if query.columns else ""
    where = f" where {', '.join(query.where)} is given" if query.where else ""
    return f"{query.name}{of}{where}"


def _check_column(column: object) -> None:
    if not isinstance(column, str):
        raise UserError("Name one column, as text.")


def _check_where(where: object) -> None:
    if not isinstance(where, Mapping) or not all(isinstance(column, str) for column in where):
        raise UserError("where needs columns with the values that their rows must have: {column: value}.")


def _check_categories(column: str, categories: Sequence[object]) -> None:
    if isinstance(categories, str) or not isinstance(categories, Sequence) or not categories:
        raise UserError(f"The categories of '{column}' must be a list of at least one value.")
    if "any other" in categories:
        raise UserError(
            f"All values of '{column}' that are not listed are counted as 'any other': leave that out of its "
            "categories."
        )
    if len({str(category) for category in categories}) != len(categories):
        raise UserError(f"The categories of '{column}' hold a value twice: list each once.")
    if len(categories) > MOST_CELLS:
        raise UserError(f"'{column}' has {len(categories):,} categories: {MOST_CELLS:,} at most.")
