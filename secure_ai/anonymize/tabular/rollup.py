"""The classes of a table at any levels of its hierarchies, each made from those at lower levels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from secure_ai.anonymize.tabular.formulas import ClassHistogram
from secure_ai.anonymize.tabular.lattice import Node

Integers = NDArray[np.int64]
Codes = NDArray[np.int32]

# Keys are 64-bit; beyond this they are numbered anew.
KEY_SPACE = 1 << 62
# Up to this many possible keys, or four for each record, are counted in a table instead of sorted.
COUNTED_KEYS = 1 << 16
CACHED_CELLS = 20_000_000


@dataclass(frozen=True, eq=False)
class SensitiveColumns:
    """The sensitive attributes of a table, combined: one code for each combination that occurs.

    Attributes:
        values: for each attribute the code of its value in each combination.
        overall: for each attribute the records with each of its values.
        ordered: for each attribute whether its codes are in the order of the values.
    """

    values: tuple[Codes, ...]
    overall: tuple[Integers, ...]
    ordered: tuple[bool, ...]

    @property
    def n_combinations(self) -> int:
        """Number of combinations; 1 where there is no sensitive attribute."""
        return len(self.values[0]) if self.values else 1


@dataclass(frozen=True, eq=False)
class GeneralizedClasses:
    """Classes at one node of the lattice.

    Attributes:
        codes: for each quasi-identifier the group of each pair of class and sensitive combination.
        sensitive: sensitive combination of each pair.
        records: records of each pair.
        classes: class of each pair, ascending from 0.
    """

    codes: tuple[Codes, ...]
    sensitive: Codes
    records: Integers
    classes: Integers

    @cached_property
    def starts(self) -> Integers:
        """First pair of each class."""
        return np.flatnonzero(np.diff(self.classes, prepend=-1))

    @cached_property
    def sizes(self) -> Integers:
        """Records of each class."""
        return np.add.reduceat(self.records, self.starts)

    def histogram(self, attributes: SensitiveColumns, number: int) -> ClassHistogram:
        """Return how often each value of one sensitive attribute occurs in each class."""
        overall = attributes.overall[number]
        values = attributes.values[number][self.sensitive].astype(np.int64)
        if len(attributes.values) == 1:
            return ClassHistogram(self.classes, values, self.records, overall)
        return pair_histogram(self.classes, values, self.records, overall)


class LevelTables:
    """The classes of one table at every node: grouped once from the table, then from one another.

    Args:
        groups: for each quasi-identifier and level the group of each value's code; the groups of a level
            must be unions of those of the level below.
        codes: combinations of the table, one array of codes per quasi-identifier.
        sensitive: sensitive combination of each combination of the table.
        records: records of each combination.
        n_sensitive: number of sensitive combinations.
    """

    def __init__(
        self,
        groups: Sequence[Sequence[Codes]],
        codes: Sequence[Codes],
        sensitive: Codes,
        records: Integers,
        n_sensitive: int,
    ) -> None:
        self._groups = groups
        self._sizes = [[int(level.max()) + 1 for level in levels] for levels in groups]
        self._n_sensitive = n_sensitive
        bottom = (0,) * len(groups)
        self._cached = {bottom: self._grouped(bottom, codes, sensitive, records)}
        self._cells = self._cost(self._cached[bottom])
        self._lifts: dict[tuple[int, int, int], Codes] = {}

    def at(self, node: Node) -> GeneralizedClasses:
        """Return the classes at ``node``."""
        if node in self._cached:
            return self._cached[node]
        known = list(self._cached)
        below = np.flatnonzero((np.array(known) <= np.array(node)).all(axis=1))
        start = min((known[i] for i in below), key=lambda lower: len(self._cached[lower].records))
        table = self._cached[start]
        codes = [
            codes if start[i] == node[i] else self._lift(i, start[i], node[i])[codes]
            for i, codes in enumerate(table.codes)
        ]
        made = self._grouped(node, codes, table.sensitive, table.records)
        # Small tables are the ones that others are best made from; a large one is not kept for long.
        if 2 * len(made.records) <= len(table.records) and self._cells + self._cost(made) <= CACHED_CELLS:
            self._cached[node] = made
            self._cells += self._cost(made)
        return made

    def _lift(self, column: int, low: int, high: int) -> Codes:
        key = (column, low, high)
        if key not in self._lifts:
            lift = np.zeros(self._sizes[column][low], dtype=np.int32)
            lift[self._groups[column][low]] = self._groups[column][high]
            self._lifts[key] = lift
        return self._lifts[key]

    def _grouped(
        self, node: Node, codes: Sequence[Codes], sensitive: Codes, records: Integers
    ) -> GeneralizedClasses:
        sizes = [self._sizes[i][level] for i, level in enumerate(node)]
        space = math.prod(sizes) * self._n_sensitive
        counted = space <= max(COUNTED_KEYS, 4 * len(records))
        if space <= KEY_SPACE or counted:
            keys = np.zeros(len(records), dtype=np.int64)
            for size, column in zip(sizes, codes, strict=True):
                keys = keys * size + column
        else:
            keys = _numbered(codes, sizes)
        keys = keys * self._n_sensitive + sensitive
        if counted:
            counts = np.bincount(keys, weights=records, minlength=space)
            found = np.flatnonzero(counts)
            quotient, pair = np.divmod(found, self._n_sensitive)
            classes = np.cumsum(np.diff(quotient, prepend=-1) != 0) - 1
            digits: list[Codes] = []
            for size in reversed(sizes):
                quotient, digit = np.divmod(quotient, size)
                digits.append(digit.astype(np.int32))
            return GeneralizedClasses(
                tuple(reversed(digits)), pair.astype(np.int32), counts[found].astype(np.int64), classes
            )
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        starts = np.flatnonzero(np.diff(keys, prepend=-1))
        first = order[starts]
        classes = np.cumsum(np.diff(keys[starts] // self._n_sensitive, prepend=-1) != 0) - 1
        return GeneralizedClasses(
            tuple(column[first] for column in codes),
            sensitive[first],
            np.add.reduceat(records[order], starts),
            classes,
        )

    @staticmethod
    def _cost(table: GeneralizedClasses) -> int:
        return len(table.records) * (len(table.codes) + 4)


def pair_histogram(
    classes: Integers, values: Integers, records: Integers, overall: Integers
) -> ClassHistogram:
    """Return the histogram of pairs of class and value that may occur several times."""
    n_values = len(overall)
    keys, place = np.unique(classes * n_values + values, return_inverse=True)
    counts = np.bincount(place, weights=records).astype(np.int64)
    return ClassHistogram(keys // n_values, keys % n_values, counts, overall)


def combined(columns: Sequence[Codes], sizes: Sequence[int]) -> tuple[Integers, Integers]:
    """Return one number for each row's combination of codes, in the order of the codes, and a row of each."""
    _, first, place = np.unique(_numbered(columns, sizes), return_index=True, return_inverse=True)
    return place, first


def _numbered(columns: Sequence[Codes], sizes: Sequence[int]) -> Integers:
    """Return a number for each row's combination of codes, however many combinations are possible."""
    keys = np.zeros(len(columns[0]), dtype=np.int64)
    space = 1
    for size, column in zip(sizes, columns, strict=True):
        if space * size > KEY_SPACE // (1 << 24):
            found, keys = np.unique(keys, return_inverse=True)
            space = len(found)
        keys = keys * size + column
        space *= size
    return np.unique(keys, return_inverse=True)[1]
