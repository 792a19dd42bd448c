"""The released table: every record with the values of its class, in memory, in a file or on Dask."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pyarrow import csv

from secure_ai.anonymize.tabular import cluster
from secure_ai.anonymize.tabular.class_lookup import ClassLookup
from secure_ai.anonymize.tabular.partitioning import (
    Integers,
    Kind,
    Partitioning,
    Representation,
    suppressed_value,
)
from secure_ai.anonymize.tabular.summary import value_key
from secure_ai.anonymize.tabular.value_codes import arrow_columns
from secure_ai.core import UserError
from secure_ai.core.outputs import atomic_directory, atomic_file
from secure_ai.core.sources import Source, as_source, quote_identifier, readable

if TYPE_CHECKING:
    import pandas as pd

BATCH_ROWS = 262_144
# Every group of rows in a Parquet file repeats the texts of the classes: a group has so many rows for each
# text, at least ``GROUP_ROWS``, but no more than fit in ``GROUP_BYTES``.
GROUP_ROWS, ROWS_PER_TEXT, GROUP_BYTES = 1_000_000, 16, 600_000_000
# Batches that wait to be written.
AHEAD = 8
TEXT_BYTES = 1 << 30


def class_of_records(partitioning: Partitioning, frame: pd.DataFrame | pa.Table) -> Integers:
    """Return the class of each row of ``frame``, -1 where it is suppressed.

    Raises:
        UserError: if a combination of values was not in the table that was divided.
    """
    return ClassLookup(partitioning).classes(arrow_columns(frame, partitioning.quasi_identifiers), 0)


@dataclass(frozen=True, eq=False)
class Release:
    """A decision with the values of every class, ready to be applied to any part of the table.

    Attributes:
        partitioning: the decision.
        representation: how ranges are written, see :class:`Representation`.
    """

    partitioning: Partitioning
    representation: str = Representation.INTERVAL

    @cached_property
    def lookup(self) -> ClassLookup:
        """The class of each combination."""
        return ClassLookup(self.partitioning)

    @cached_property
    def values(self) -> tuple[NDArray[Any], ...]:
        """What each class is released as, one array per quasi-identifier; last what is suppressed."""
        return self._values()

    def _values(self) -> tuple[NDArray[Any], ...]:

        def of(i: int) -> NDArray[Any]:
            suppressed = suppressed_value(self.partitioning.columns[i], self.representation)
            last = np.array([suppressed], dtype=float if self._is_number(i) else object)
            return np.append(self.partitioning.released(i, self.representation), last)

        self.partitioning.by_class  # noqa: B018
        with ThreadPoolExecutor(min(os.cpu_count() or 1, 2)) as pool:
            return tuple(pool.map(of, range(len(self.partitioning.columns))))

    @cached_property
    def _texts(self) -> tuple[tuple[pa.Array, NDArray[Any] | None], ...]:
        """Different texts and the number of each class's, last of what is suppressed; or numbers alone."""
        import pandas as pd

        arrays: list[tuple[pa.Array, NDArray[Any] | None]] = []
        for i, values in enumerate(self._values()):
            if self._is_number(i):
                arrays.append((pa.array(values, from_pandas=True), None))
                continue
            numbers, distinct = pd.factorize(values)
            arrays.append((pa.array(distinct, pa.large_string()), _narrow(numbers, len(distinct))))
        return tuple(arrays)

    def _is_number(self, column: int) -> bool:
        numeric = self.representation in {Representation.MIDPOINT, Representation.MEAN}
        return numeric and self.partitioning.columns[column].kind is Kind.NUMBER

    def __getstate__(self) -> dict[str, Any]:
        """Leave what can be computed again behind when the release travels to a worker."""
        return {"partitioning": self.partitioning, "representation": self.representation}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take the decision alone."""
        self.__dict__.update(state)

    def frame(self, frame: pd.DataFrame, start: int | None = None) -> pd.DataFrame:
        """Return ``frame`` with generalized quasi-identifiers: same index, order and other columns."""
        import pandas as pd

        names = self.partitioning.quasi_identifiers
        classes = self.lookup.classes(arrow_columns(frame, names), start)
        replaced = {
            name: pd.Series(
                values[classes] if self._is_number(i) else pd.array(values, dtype="str").take(classes),
                index=frame.index,
            )
            for i, (name, values) in enumerate(zip(names, self.values, strict=True))
        }
        return frame.assign(**{str(name): column for name, column in replaced.items()})

    def batch(self, batch: pa.RecordBatch, start: int | None = None) -> pa.Table:
        """Return a batch of the table with generalized quasi-identifiers."""
        names = self.partitioning.quasi_identifiers
        # Columns that stay are copied: while one is referred to, no column of the batch is given back.
        table = pa.Table.from_batches([batch])
        for i, field in enumerate(table.schema):
            if field.name not in names:
                chunks = table.column(i).chunks
                table = table.set_column(i, field, pa.concat_arrays([*chunks, chunks[0].slice(0, 0)]))
        classes = self.lookup.classes([table.column(name) for name in names], start)
        for name, (values, numbers) in zip(names, self._texts, strict=True):
            if numbers is None:
                rows = np.where(classes < 0, len(values) - 1, classes)
                column = values.take(pa.array(rows))
            else:
                column = pa.DictionaryArray.from_arrays(pa.array(numbers[classes]), values)
            table = table.set_column(table.schema.get_field_index(name), name, column)
        return table


def _narrow(numbers: Integers, n: int) -> NDArray[Any]:
    """Return numbers below ``n`` in as few bytes as hold them."""
    return numbers.astype(np.int8 if n <= 1 << 7 else np.int16 if n <= 1 << 15 else np.int32)


def released_frame(
    partitioning: Partitioning, frame: pd.DataFrame, representation: str = Representation.INTERVAL
) -> pd.DataFrame:
    """Return ``frame`` as it can be shared: quasi-identifiers generalized, everything else untouched.

    Args:
        partitioning: what was decided on this table.
        frame: the table, or a part of it.
        representation: how ranges are written, see :class:`Representation`.

    Raises:
        UserError: if a column is missing, or a combination of values was not in the table that was divided.
    """
    Source("the table", None, dict.fromkeys(map(str, frame.columns), "")).require(
        partitioning.quasi_identifiers
    )
    return Release(partitioning, representation).frame(frame, 0)


def write_released(
    partitioning: Partitioning,
    source: Source | Any,
    out: Path | str,
    representation: str = Representation.INTERVAL,
    *,
    engine: str = "duckdb",
    scheduler: str | None = None,
) -> Path:
    """Write the released table to a Parquet or CSV file, batch by batch, in the order of its records.

    With ``engine="dask"`` the workers write a folder of Parquet files, one for each partition; they must
    see the folder, and Parquet sources, under the same path.

    Args:
        partitioning: what was decided on this table.
        source: the table: anything :func:`open_source` opens.
        out: file ending in .parquet or .csv; with Dask a folder.
        representation: how ranges are written, see :class:`Representation`.
        engine: ``"duckdb"`` or ``"dask"``.
        scheduler: address of a Dask scheduler.

    Raises:
        UserError: if the ending is another, the place cannot be written, or the table is another one.
    """
    cluster.check_engine(engine, scheduler)
    opened = as_source(source)
    opened.require(partitioning.quasi_identifiers)
    target = Path(out)
    release = Release(partitioning, representation)
    if engine == "dask":
        _write_on_dask(release, opened, target, scheduler)
        return target
    suffix = target.suffix.lower()
    if suffix not in {".parquet", ".csv"}:
        raise UserError(f"The output {target.name} must end in .parquet or .csv: choose one of the two.")
    with atomic_file(target) as draft:
        batches = _released_batches(release, opened)
        if suffix == ".csv":
            _write_csv(batches, draft)
        else:
            _write_parquet(batches, draft, partitioning.quasi_identifiers)
    return target


def _write_csv(batches: Iterator[pa.Table], path: Path) -> None:
    first = _without_dictionaries(next(batches))
    with csv.CSVWriter(path, first.schema) as writer:
        writer.write_table(first)
        for table in batches:
            writer.write_table(_without_dictionaries(table))


def _write_parquet(batches: Iterator[pa.Table], path: Path, names: Sequence[str]) -> None:
    """Write batches; of the columns ``names``, which are of a few texts, without smallest and largest."""
    writer: pq.ParquetWriter | None = None
    group: list[pa.Table] = []
    rows = held = 0
    try:
        for table in batches:
            if writer is None:
                with_statistics = [name for name in table.schema.names if name not in names]
                writer = pq.ParquetWriter(
                    path,
                    table.schema,
                    store_schema=False,
                    write_statistics=with_statistics,
                    dictionary_pagesize_limit=TEXT_BYTES,
                )
            group.append(table)
            rows += len(table)
            held += _own_bytes(table)
            if held >= GROUP_BYTES or rows >= max(GROUP_ROWS, ROWS_PER_TEXT * _texts_of(table)):
                writer.write_table(_joined(group), rows)
                group, rows, held = [], 0, 0
        if group and writer is not None:
            writer.write_table(_joined(group), max(rows, 1))
    finally:
        if writer is not None:
            writer.close()


def _own_bytes(table: pa.Table) -> int:
    """Bytes of a table without the texts that it shares with others."""
    return sum(
        chunk.indices.nbytes if pa.types.is_dictionary(column.type) else chunk.nbytes
        for column in table.columns
        for chunk in column.chunks
    )


def _texts_of(table: pa.Table) -> int:
    """Number of texts that are repeated with each group of rows."""
    return sum(
        len(column.chunk(0).dictionary) for column in table.columns if pa.types.is_dictionary(column.type)
    )


def _joined(tables: list[pa.Table]) -> pa.Table:
    """Return tables below one another; columns of the same texts as one array of numbers of texts."""
    joined = pa.concat_tables(tables)
    for i, field in enumerate(joined.schema):
        if pa.types.is_dictionary(field.type) and joined.column(i).num_chunks > 1:
            chunks = joined.column(i).chunks
            if all(chunk.dictionary.equals(chunks[0].dictionary) for chunk in chunks[1:]):
                numbers = pa.concat_arrays([chunk.indices for chunk in chunks])
                whole = pa.DictionaryArray.from_arrays(numbers, chunks[0].dictionary)
                joined = joined.set_column(i, field.name, whole)
    return joined


def _released_batches(release: Release, source: Source) -> Iterator[pa.Table]:
    """Generalize batches on all processors, and hand them on in order."""
    start = 0
    waiting: deque[Any] = deque()
    release._texts  # noqa: B018
    release.lookup.prepare()
    with ThreadPoolExecutor(min(os.cpu_count() or 1, 4)) as pool:
        for batch in _batches(source, release.partitioning.quasi_identifiers):
            waiting.append(pool.submit(release.batch, batch, start))
            start += batch.num_rows
            if len(waiting) > AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _batches(source: Source, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Stream the table; quasi-identifiers in the form in which they were summarized."""
    keys = ", ".join(
        f"{value_key(source, name) if name in names else quote_identifier(name)} AS {quote_identifier(name)}"
        for name in source.columns
    )
    reader = source.sql(f"SELECT {keys} FROM source").to_arrow_reader(BATCH_ROWS)
    while True:
        with readable(source.label):
            batch = next(reader, None)
        if batch is None:
            return
        yield batch


def _write_on_dask(release: Release, source: Source, target: Path, scheduler: str | None) -> None:
    import dask

    parts = cluster.partitions(source, source.columns)
    with atomic_directory(target) as folder:
        shared = dask.delayed(release, pure=True)
        written = [
            dask.delayed(write_partition, pure=True)(part, shared, str(folder / f"part-{i:05d}.parquet"))
            for i, part in enumerate(parts)
        ]
        cluster.computed(cluster.merged(written, sum), scheduler)


def write_partition(frame: pd.DataFrame, release: Release, path: str) -> int:
    """Write one partition as it is released; return its number of records."""
    table = pa.Table.from_pandas(release.frame(frame), preserve_index=False)
    pq.write_table(table, path, store_schema=False)
    return len(frame)


def _without_dictionaries(table: pa.Table) -> pa.Table:
    for i, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            table = table.set_column(i, field.name, table.column(i).cast(field.type.value_type))
    return table
