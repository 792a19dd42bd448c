"""Records as whole numbers in the order of their classes, read in one pass and in bounded memory.

Every column gets a code per value, in the order of the values with missing last. The codes of the
quasi-identifiers make one number, the class; with the code of a sensitive attribute below it, sorting one
array brings together what belongs together, and no class is ever held as text.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from secure_ai.anonymize.tabular.classes import bounded_memory, give_back_memory
from secure_ai.anonymize.tabular.formulas import ClassHistogram
from secure_ai.anonymize.tabular.summary import RECORDS, infinite_values, value_key
from secure_ai.core.errors import OutOfMemoryError
from secure_ai.core.sources import Result, Source

# Records read at once: 8 bytes each, twice over while they are sorted.
PASS_RECORDS = 12_000_000
CHUNK = 1 << 20
LARGEST_CODE = 2**62


@dataclass(frozen=True)
class CodedRecords:
    """The records of some classes: every class is whole.

    Attributes:
        classes: number of each record's class, in the order of the quasi-identifiers' values.
        sensitive: code of each record's value, by attribute.
        weights: how many records each one stands for; None where each stands for itself.
    """

    classes: NDArray[np.int64]
    sensitive: dict[str, NDArray[np.integer]]
    weights: NDArray[np.int64] | None

    def histograms(self, attribute: str, overall: NDArray[np.int64]) -> Iterator[ClassHistogram]:
        """Return the values of an attribute by class, about a million records at a time."""
        m = len(overall)
        packed = self.classes * m
        packed += self.sensitive[attribute]
        weights = self.weights
        if weights is None:
            packed.sort()
        else:
            order = np.argsort(packed, kind="stable")
            packed, weights = packed[order], weights[order]
        start = 0
        while start < len(packed):
            end = min(start + CHUNK, len(packed))
            end = int(np.searchsorted(packed, (packed[end - 1] // m + 1) * m))
            yield _histogram(packed[start:end], None if weights is None else weights[start:end], overall)
            start = end


@dataclass(frozen=True)
class CodedTable:
    """A table whose columns have codes, ready to be read.

    Attributes:
        n: records.
        overall: records with each value of a sensitive attribute, by code.
    """

    n: int
    overall: dict[str, NDArray[np.int64]]
    _cursor: Result
    _key: str
    _joined: str
    _weighted: bool

    def passes(self, records: int = PASS_RECORDS) -> Iterator[CodedRecords]:
        """Read the table, about ``records`` of them at a time, classes ascending."""
        bounds: list[int] = []
        if self.n > records and not self._weighted:
            shares = [i / math.ceil(self.n / records) for i in range(1, math.ceil(self.n / records))]
            found = self._cursor.execute(f"SELECT approx_quantile({self._key}, {shares}) {self._joined}")
            bounds = sorted(set(found.fetchone()[0]))
        for low, high in zip([None, *bounds], [*bounds, None], strict=True):
            limits = [f"{self._key} >= {low}"] if low is not None else []
            limits += [f"{self._key} < {high}"] if high is not None else []
            read = self._read(f"WHERE {' AND '.join(limits)}" if limits else "")
            if len(read.classes):
                yield read

    def _read(self, where: str) -> CodedRecords:
        names = list(self.overall)
        codes = "".join(
            f", CAST(s{i}.code AS {_integer(len(self.overall[name]))})" for i, name in enumerate(names)
        )
        weight = ", weight" if self._weighted else ""
        table = self._cursor.execute(
            f"SELECT {self._key}{codes}{weight} {self._joined} {where}"
        ).to_arrow_table()
        columns = [column.to_numpy() for column in table.columns]
        return CodedRecords(
            columns[0],
            dict(zip(names, columns[1 : len(names) + 1], strict=True)),
            columns[-1] if self._weighted else None,
        )


@contextmanager
def coded(
    source: Source, quasi_identifiers: Sequence[str], sensitive: Sequence[str], *, weighted: bool = False
) -> Iterator[CodedTable]:
    """Give every column its codes, for the time of a ``with`` block.

    Args:
        source: the table.
        quasi_identifiers: the columns that make the classes.
        sensitive: sensitive attributes.
        weighted: whether the table is a summary with the column ``records``.

    Raises:
        UserError: if a column holds an infinite value.
    """
    weight = f'"{RECORDS}"' if weighted else "1"
    with bounded_memory(source):
        cursor = Result(source.label, source.connection.cursor())
        try:
            sizes = [
                _code_table(cursor, source, f"q{i}", [q], weight) for i, q in enumerate(quasi_identifiers)
            ]
            overall = {}
            for i, name in enumerate(sensitive):
                _code_table(cursor, source, f"s{i}", [name], weight)
                counts = cursor.execute(f"SELECT records FROM s{i} ORDER BY code").fetchnumpy()["records"]
                overall[name] = np.asarray(counts, np.int64)
            most = max([1, *map(len, overall.values())])
            groups = [[i] for i in range(len(sizes))]
            if math.prod(sizes) * most >= LARGEST_CODE:
                # Too many combinations for one number: the combinations that occur are numbered themselves.
                sizes = [_code_table(cursor, source, "q", list(quasi_identifiers), weight)]
                groups = [list(range(len(quasi_identifiers)))]
            tables = ["q"] if len(groups) < len(quasi_identifiers) else [f"q{i}" for i in range(len(groups))]
            terms = [f"{table}.code * {math.prod(sizes[i + 1 :])}" for i, table in enumerate(tables)]
            keys = [(f"q{i}", name) for i, name in enumerate(quasi_identifiers)]
            keys += [(f"s{i}", name) for i, name in enumerate(sensitive)]
            selected = ", ".join(f"{value_key(source, name)} AS {alias}" for alias, name in keys)
            joins = [
                _join(table, [f"q{i}" for i in group]) for table, group in zip(tables, groups, strict=True)
            ]
            joins += [_join(f"s{i}", [f"s{i}"]) for i in range(len(sensitive))]
            joined = f"FROM (SELECT {selected}, {weight} AS weight FROM source) AS r {' '.join(joins)}"
            n = int(cursor.execute(f"SELECT CAST(sum({weight}) AS BIGINT) FROM source").fetchone()[0])
            yield CodedTable(n, overall, cursor, f"({' + '.join(terms)})", joined, weighted)
        finally:
            cursor.close()


def _code_table(cursor: Result, source: Source, table: str, columns: Sequence[str], weight: str) -> int:
    """Make a temporary table of the values of ``columns`` (v0, v1 ...), their code and records."""
    values = [f"v{i}" for i in range(len(columns))]
    keys = ", ".join(f"{value_key(source, name)} AS {v}" for name, v in zip(columns, values, strict=True))
    order = ", ".join(f"{v} ASC NULLS LAST" for v in values)
    query = (
        f"CREATE TEMP TABLE {table} AS "
        f"SELECT *, CAST(row_number() OVER (ORDER BY {order}) - 1 AS BIGINT) AS code FROM "
        f"(SELECT {keys}, CAST(sum({weight}) AS BIGINT) AS records FROM source GROUP BY ALL)"
    )
    try:
        cursor.execute(query)
    except OutOfMemoryError:
        # Millions of combinations of text: more than the bound, though not more than the machine has.
        give_back_memory(source)
        cursor.execute(query)
    types = {name: kind for name, kind, *_ in cursor.execute(f"DESCRIBE {table}").fetchall()}
    infinite_values(cursor, table, dict(zip(values, columns, strict=True)), types, source.label)
    return int(cursor.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def _join(table: str, aliases: Sequence[str]) -> str:
    same = " AND ".join(f"r.{alias} IS NOT DISTINCT FROM {table}.v{i}" for i, alias in enumerate(aliases))
    return f"JOIN {table} ON {same}"


def _integer(size: int) -> str:
    return "UTINYINT" if size <= 2**8 else "USMALLINT" if size <= 2**16 else "BIGINT"


def _histogram(
    packed: NDArray[np.int64], weights: NDArray[np.int64] | None, overall: NDArray[np.int64]
) -> ClassHistogram:
    starts = np.flatnonzero(np.diff(packed, prepend=-1))
    counts = np.diff(starts, append=len(packed)) if weights is None else np.add.reduceat(weights, starts)
    numbers, values = np.divmod(packed[starts], len(overall))
    return ClassHistogram(np.cumsum(np.diff(numbers, prepend=numbers[0]) != 0), values, counts, overall)
