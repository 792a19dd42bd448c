"""What an anonymization method decided: which records share a class, and what each class is released as."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from secure_ai.anonymize.tabular.released import (
    MISSING,
    SUPPRESSED,
    Texts,
    interval_texts,
    set_texts,
    value_texts,
)
from secure_ai.anonymize.tabular.requirements import Requirements
from secure_ai.core import UserError

if TYPE_CHECKING:
    import pandas as pd

Integers = NDArray[np.int64]
Codes = NDArray[np.int32]
Floats = NDArray[np.float64]
NO_CLASS = -1
ALL_WRITTEN = 100_000


class Kind(StrEnum):
    """What the values of a column are, and so how a range of them is written and measured."""

    NUMBER = "number"
    DATE = "date"
    CATEGORY = "category"


class Representation(StrEnum):
    """How a class is written in the released table.

    ``interval``: numbers and dates as ``[17, 25]``, categories as ``{a, b}``. ``set``: every value that the
    class holds, numbers too. ``midpoint`` and ``mean``: numbers as the middle of their range or the mean of
    the class, fit for a model (missing stays missing); dates and categories as with ``interval``.
    """

    INTERVAL = "interval"
    SET = "set"
    MIDPOINT = "midpoint"
    MEAN = "mean"


@dataclass(frozen=True, eq=False)
class CodedColumn:
    """A column whose values are numbered in their natural order.

    Attributes:
        name: its name.
        kind: number, date or category.
        values: distinct known values, by code 0 to ``len(values) - 1``.
        positions: where each value lies on a line (numbers themselves, dates in days); None for categories.
        has_missing: whether the column has gaps; they have the code ``len(values)``.
    """

    name: str
    kind: Kind
    values: NDArray[Any]
    positions: Floats | None
    has_missing: bool

    @property
    def n_codes(self) -> int:
        """Number of codes, that of a gap included."""
        return len(self.values) + self.has_missing

    @property
    def ordered(self) -> bool:
        """Whether distances between values have a meaning: numbers and dates."""
        return self.positions is not None

    @cached_property
    def texts(self) -> Texts:
        """Text of each code, as it is released where it need not be generalized."""
        return np.append(value_texts(self.values), np.array([MISSING] * self.has_missing, dtype=object))

    def written(self, codes: Codes) -> Texts:
        """Return the text of each of ``codes``; of a column of very many values only those are written."""
        if self.n_codes <= ALL_WRITTEN or self.n_codes <= len(codes) or "texts" in self.__dict__:
            return self.texts[codes]
        texts = np.full(len(codes), MISSING, dtype=object)
        known = codes < len(self.values)
        texts[known] = value_texts(self.values[codes[known]])
        return texts

    @property
    def span(self) -> float:
        """Width of the whole column: largest less smallest value, or number of categories less one."""
        if self.positions is None:
            return float(max(self.n_codes - 1, 0))
        if not len(self.positions):
            return 0.0
        # A range can be beyond the largest number.
        return float(min(2 * (self.positions[-1] / 2 - self.positions[0] / 2), np.finfo(float).max))


@dataclass(frozen=True, eq=False)
class Partitioning:
    """Classes of records that are released alike.

    Attributes:
        method: name of the method, as reports show it.
        requirements: what every class satisfies.
        columns: the quasi-identifiers, in order.
        codes: combinations × columns; the values of each combination of quasi-identifiers.
        records: how many records have each combination.
        class_of_combination: class of each combination, 0 to ``n_classes - 1``; -1 where it is suppressed.
        recoded: for each column None (a class is written as the range or set of what it holds), or the text
            in which each code is released wherever it occurs (a level of a hierarchy).
        in_record_order: whether each combination stands for one record, in the order of the table; equal ones
            may then occur several times. Otherwise they are distinct.
    """

    method: str
    requirements: Requirements
    columns: tuple[CodedColumn, ...]
    codes: Codes
    records: Integers
    class_of_combination: Integers
    recoded: tuple[Texts | None, ...] = field(default=())
    in_record_order: bool = False

    @property
    def quasi_identifiers(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(column.name for column in self.columns)

    @cached_property
    def n_classes(self) -> int:
        """Number of classes, without the suppressed records."""
        return int(self.class_of_combination.max(initial=-1)) + 1

    @property
    def n_records(self) -> int:
        """Number of records, suppressed ones included."""
        return int(self.records.sum())

    @property
    def suppressed_records(self) -> int:
        """Number of records whose quasi-identifiers are all released as ``*``."""
        return int(self.records[self.class_of_combination == NO_CLASS].sum())

    @cached_property
    def class_sizes(self) -> Integers:
        """Records of each class."""
        kept = self.class_of_combination != NO_CLASS
        sizes = np.bincount(self.class_of_combination[kept], self.records[kept], minlength=self.n_classes)
        return sizes.astype(np.int64)

    @cached_property
    def by_class(self) -> tuple[Integers, Integers]:
        """Combinations ordered by class, without the suppressed ones, and where each class begins."""
        kept = np.flatnonzero(self.class_of_combination != NO_CLASS)
        # Class and place in one number: sorting those takes half as long as sorting places by class.
        bits = max(len(self.class_of_combination), 1).bit_length()
        order = (self.class_of_combination[kept] << bits) | kept
        order.sort()
        sizes = np.bincount(self.class_of_combination[kept], minlength=self.n_classes)
        order &= (1 << bits) - 1
        return order, np.cumsum(sizes) - sizes

    def bounds(self, column: int) -> tuple[Codes, Codes, NDArray[np.bool_], NDArray[np.bool_]]:
        """Return for each class lowest and highest known code, whether it has known values, whether gaps.

        Where a class has no known value both codes are that of a gap.
        """
        order, starts = self.by_class
        codes = self.codes[order, column]
        coded = self.columns[column]
        gap = len(coded.values)
        low = np.minimum.reduceat(codes, starts) if len(starts) else codes[:0]
        high = np.maximum.reduceat(codes, starts) if len(starts) else codes[:0]
        if not coded.has_missing:
            none = np.zeros(len(low), dtype=bool)
            return low, high, ~none, none
        has_missing = high == gap
        high = np.maximum.reduceat(np.where(codes == gap, -1, codes), starts) if len(starts) else high
        return low, np.where(low == gap, gap, high), low != gap, has_missing

    def members(self, column: int) -> tuple[Integers, Codes]:
        """Return the distinct pairs of class and code of one column, ordered by class, then code."""
        order, starts = self.by_class
        n_codes = self.columns[column].n_codes
        keys = np.repeat(np.arange(len(starts)) * n_codes, np.diff(starts, append=len(order)))
        keys += self.codes[order, column]
        if self.n_classes * n_codes <= 4 * len(keys):
            keys = np.flatnonzero(np.bincount(keys, minlength=self.n_classes * n_codes))
        else:
            keys.sort()
            new = np.ones(len(keys), dtype=bool)
            np.not_equal(keys[1:], keys[:-1], out=new[1:])
            keys = keys[new]
        return keys // n_codes, (keys % n_codes).astype(np.int32)

    def widths(self) -> Floats:
        """Return classes × columns: how much of its column a cell covers, 0 (one value) to 1 (all).

        Numbers and dates: width of the range over that of the column; a class that mixes known and missing
        values counts as the whole column. Categories: number of categories less one over that of the column.
        Suppressed records are not in here; each of their cells counts as 1.
        """
        widths = np.zeros((self.n_classes, len(self.columns)))
        for i, column in enumerate(self.columns):
            recoded = self.recoded[i] if self.recoded else None
            if recoded is not None:
                order, starts = self.by_class
                _, node = np.unique(np.asarray(recoded, dtype=str), return_inverse=True)
                widths[:, i] = group_widths(column, node)[node[self.codes[order[starts], i]]]
            elif column.positions is None:
                classes, _ = self.members(i)
                sizes = np.bincount(classes, minlength=self.n_classes)
                widths[:, i] = (sizes - 1) / max(column.span, 1.0)
            else:
                low, high, known, missing = self.bounds(i)
                # Halves, because the range of a column can be beyond the largest number.
                halves = np.append(column.positions / 2, 0.0)
                covered = (halves[high] - halves[low]) / (column.span / 2 or 1.0)
                widths[:, i] = np.where(known & missing, 1.0, covered)
        return widths

    def released(self, column: int | str, representation: str = Representation.INTERVAL) -> NDArray[Any]:
        """Return what each class is released as in one quasi-identifier.

        Returns:
            Texts by class; floats for numbers with ``midpoint`` or ``mean``, where gaps are NaN unless the
            class has known values as well. Suppressed records are ``*`` (NaN as numbers) and not in here.

        Raises:
            UserError: if the representation is not known.
        """
        if representation not in list(Representation):
            raise UserError(
                f"The representation '{representation}' is not known: choose {', '.join(Representation)}."
            )
        i = self.quasi_identifiers.index(column) if isinstance(column, str) else column
        coded = self.columns[i]
        numeric = representation in {Representation.MIDPOINT, Representation.MEAN}
        if numeric and coded.kind is Kind.NUMBER:
            return self._numbers(i, representation)
        recoded = self.recoded[i] if self.recoded else None
        if recoded is not None:
            order, starts = self.by_class
            return recoded[self.codes[order[starts], i]]
        if coded.positions is None or representation == Representation.SET:
            classes, codes = self.members(i)
            return set_texts(classes, coded.written(codes), self.n_classes, everything=coded.n_codes)
        low, high, known, missing = self.bounds(i)
        return interval_texts(coded.written(low), coded.written(high), known, missing)

    def _numbers(self, column: int, representation: str) -> Floats:
        positions = np.append(self.columns[column].positions, np.nan)
        if representation == Representation.MIDPOINT and not (
            self.recoded and self.recoded[column] is not None
        ):
            low, high, _, _ = self.bounds(column)
            return positions[low] / 2 + positions[high] / 2
        recoded = self.recoded[column] if self.recoded else None
        kept = self.class_of_combination != NO_CLASS
        codes, classes = self.codes[kept, column], self.class_of_combination[kept]
        if recoded is not None and representation == Representation.MIDPOINT:
            order, starts = self.by_class
            return _recoded_midpoints(positions, recoded)[self.codes[order[starts], column]]
        known = codes < len(positions) - 1
        weights = self.records[kept][known]
        sums = np.bincount(classes[known], positions[codes[known]] * weights, minlength=self.n_classes)
        counts = np.bincount(classes[known], weights, minlength=self.n_classes)
        with np.errstate(invalid="ignore"):
            return sums / counts

    def to_frame(self, representation: str = Representation.INTERVAL) -> pd.DataFrame:
        """Return one row per class: each quasi-identifier as it is released, and the number of records."""
        import pandas as pd

        values = {name: self.released(i, representation) for i, name in enumerate(self.quasi_identifiers)}
        return pd.DataFrame({**values, "records": self.class_sizes})

    def sentence(self) -> str:
        """Return in words how many classes there are, and how large."""
        sizes = self.class_sizes
        if not len(sizes):
            asked = self.requirements.describe()
            return f"{self.method} with {asked} suppressed all {self.n_records:,} records."
        suppressed = (
            f"; {self.suppressed_records:,} records are suppressed" if self.suppressed_records else ""
        )
        return (
            f"{self.method} with {self.requirements.describe()} made {len(sizes):,} classes of "
            f"{sizes.min():,} to {sizes.max():,} records ({sizes.mean():.1f} on average){suppressed}."
        )


def suppressed_value(column: CodedColumn, representation: str) -> str | float:
    """Return what a suppressed record shows in ``column``."""
    numeric = representation in {Representation.MIDPOINT, Representation.MEAN}
    return float("nan") if numeric and column.kind is Kind.NUMBER else SUPPRESSED


def group_widths(column: CodedColumn, group: NDArray[np.integer]) -> Floats:
    """Return for each group of values how much of the column a cell covers that shows the group.

    Args:
        column: the column.
        group: group of each code, 0 and up; the last code may be the missing value.
    """
    size = int(group.max()) + 1
    if column.positions is None:
        return (np.bincount(group, minlength=size) - 1) / max(column.span, 1.0)
    known = group[: len(column.values)]
    low, high = np.full(size, np.inf), np.full(size, -np.inf)
    np.minimum.at(low, known, column.positions)
    np.maximum.at(high, known, column.positions)
    some = np.isfinite(low)
    widths = np.subtract(high, low, out=np.zeros(size), where=some) / (column.span or 1.0)
    if column.has_missing and some[group[-1]]:
        widths[group[-1]] = 1.0
    return widths


def _recoded_midpoints(positions: Floats, recoded: Texts) -> Floats:
    _, node = np.unique(np.asarray(recoded, dtype=str), return_inverse=True)
    known = np.flatnonzero(~np.isnan(positions[: len(node)]))
    low, high = np.full(node.max() + 1, np.inf), np.full(node.max() + 1, -np.inf)
    np.minimum.at(low, node[known], positions[known])
    np.maximum.at(high, node[known], positions[known])
    with np.errstate(invalid="ignore"):
        return np.where(np.isfinite(low), low / 2 + high / 2, np.nan)[node]
