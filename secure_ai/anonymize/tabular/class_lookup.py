"""The class of any record of a table that was divided: the same on every part of it, in any order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from secure_ai.anonymize.tabular.partitioning import Codes, Integers, Partitioning
from secure_ai.anonymize.tabular.value_codes import NOT_FOUND, Encoder
from secure_ai.core import UserError

LARGEST_KEY = 1 << 62
# A table of classes by combination is used up to this many entries, or eight for each combination.
DENSE = 1 << 24


@dataclass(frozen=True, eq=False)
class _Step:
    """Columns whose codes make one key with the place that the step before found, and the keys that occur.

    ``table`` holds the place of each key, -1 where it does not occur; None where keys are too many.
    """

    columns: list[int]
    known: Integers
    table: Codes | None

    @staticmethod
    def of(columns: list[int], known: Integers) -> _Step:
        largest = int(known[-1])
        if largest >= max(DENSE, 8 * len(known)):
            return _Step(columns, known, None)
        table = np.full(largest + 1, NOT_FOUND, dtype=np.int32)
        table[known] = np.arange(len(known), dtype=np.int32)
        return _Step(columns, known, table)


@dataclass(frozen=True, eq=False)
class ClassLookup:
    """Finds the class of any record whose combination of values was in the table that was divided."""

    partitioning: Partitioning

    @cached_property
    def _encoders(self) -> tuple[Encoder, ...]:
        return tuple(Encoder(column) for column in self.partitioning.columns)

    @cached_property
    def _steps(self) -> list[_Step]:
        """How the codes of a combination become its place among those that occur, columns by columns."""
        steps: list[_Step] = []
        keys = np.zeros(len(self.partitioning.codes), dtype=np.int64)
        columns: list[int] = []
        bound = 1
        for i, column in enumerate(self.partitioning.columns):
            if columns and bound * column.n_codes > LARGEST_KEY:
                known, keys = np.unique(keys, return_inverse=True)
                steps.append(_Step.of(columns, known))
                columns, bound = [], len(known)
            columns.append(i)
            bound *= column.n_codes
            keys = keys * column.n_codes + self.partitioning.codes[:, i]
        keys.sort()
        return [*steps, _Step.of(columns, keys[np.flatnonzero(np.diff(keys, prepend=-1))])]

    @cached_property
    def _classes(self) -> Integers:
        """Class of each combination that occurs, in the order of the last step's keys."""
        keys = self._keys(self.partitioning.codes)
        classes = np.zeros(len(self._steps[-1].known), dtype=np.int64)
        classes[keys] = self.partitioning.class_of_combination
        return classes

    def _keys(self, codes: Codes) -> Integers:
        """Return the place of each combination among those that occur, -1 where it does not."""
        keys = np.zeros(len(codes), dtype=np.int64)
        there = codes.min(axis=1) > NOT_FOUND
        for step in self._steps:
            for i in step.columns:
                keys *= self.partitioning.columns[i].n_codes
                keys += codes[:, i]
            there &= keys <= step.known[-1]
            keys[~there] = 0
            if step.table is not None:
                keys = step.table.take(keys).astype(np.int64)
                there &= keys >= 0
            else:
                found = np.minimum(np.searchsorted(step.known, keys), len(step.known) - 1)
                there &= step.known[found] == keys
                keys = found
            keys[~there] = 0
        keys[~there] = NOT_FOUND
        return keys

    def prepare(self) -> None:
        """Compute before several threads would what all of them need."""
        if not self.partitioning.in_record_order:
            self._encoders, self._classes  # noqa: B018

    def __getstate__(self) -> dict[str, Any]:
        """Leave what can be computed again behind when the lookup travels to a worker."""
        return {"partitioning": self.partitioning}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take the decision alone."""
        self.__dict__.update(state)

    def classes(self, columns: Sequence[pa.Array | pa.ChunkedArray], start: int | None = None) -> Integers:
        """Return the class of each record, -1 where it is suppressed.

        Args:
            columns: the values of each quasi-identifier.
            start: place of the first record in the table, where known: a nearly unique table is then
                compared record by record instead of searched.

        Raises:
            UserError: if a combination of values was not in the table that was divided.
        """
        n = len(columns[0])
        if start is not None and self.partitioning.in_record_order:
            expected = self.partitioning.codes[start : start + n]
            if len(expected) == n and all(
                encoder.agrees(values, expected[:, i])
                for i, (encoder, values) in enumerate(zip(self._encoders, columns, strict=True))
            ):
                return self.partitioning.class_of_combination[start : start + n]
        codes = np.empty((n, len(columns)), dtype=np.int32, order="F")
        for i, (encoder, values) in enumerate(zip(self._encoders, columns, strict=True)):
            codes[:, i] = encoder.encode(values)
        keys = self._keys(codes)
        if (keys == NOT_FOUND).any():
            unknown = np.count_nonzero(keys == NOT_FOUND)
            raise UserError(
                f"{unknown:,} records have quasi-identifiers that were not in the table that was divided: "
                "anonymize this table by itself."
            )
        return self._classes[keys]
