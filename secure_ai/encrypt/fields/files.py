"""Columns of a table in a file, encrypted and decrypted batch by batch into a CSV or Parquet file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

from secure_ai.core.errors import UserError, system_reason
from secure_ai.core.outputs import atomic_file
from secure_ai.core.sources import Source, TableLike, as_source, column_list, shown
from secure_ai.encrypt.fields.cipher import FieldCipher
from secure_ai.encrypt.fields.columns import (
    check_choice,
    duplicate_keys,
    key_columns,
    refuse_encrypted,
    row_keys_of,
    warn_unavailable,
)
from secure_ai.encrypt.private_files import open_private

BATCH_ROWS = 65_536


@dataclass(frozen=True)
class FieldsWritten:
    """What became of a table.

    Attributes:
        rows: number of rows.
        values: column → how many values were encrypted or decrypted; missing ones are not counted.
        closed: column → how many values stay missing because their data key does not open.
    """

    rows: int
    values: dict[str, int]
    closed: dict[str, int]

    def sentence(self) -> str:
        """Say it in words."""
        done = ", ".join(f"{shown(name)} ({count:,})" for name, count in self.values.items())
        closed = sum(self.closed.values())
        more = f"; {closed:,} values stay closed" if closed else ""
        return f"{self.rows:,} rows; values by column: {done}{more}."


def encrypt_table_file(
    source: TableLike | Source,
    out: str | Path,
    columns: Sequence[str],
    cipher: FieldCipher,
    *,
    keys_file: str | Path,
    row_key: str | Sequence[str],
    person: str | None = None,
) -> FieldsWritten:
    """Write ``source`` to ``out`` (.csv or .parquet) with ``columns`` encrypted, and the wrapped data keys.

    Args:
        source: whatever :func:`secure_ai.core.sources.open_source` opens.
        out: the file to write; it appears whole or not at all.
        columns: what to encrypt.
        cipher: made for this table.
        keys_file: where the wrapped data keys go; written before ``out`` takes its place.
        row_key: the column, or columns, that identify a row.
        person: the column of the person's identifier, where each person has a key of their own.

    Raises:
        UserError: as :func:`encrypt_columns`, or if a file cannot be read or written.
    """
    if Path(keys_file).absolute() == Path(out).absolute():
        raise UserError("The file of keys and the output have the same name: give each its own.")
    table = as_source(source)
    names = key_columns(row_key)
    check_choice(columns, row_key)
    table.require([*names, *columns, *([person] if person else [])])
    same = f"SELECT count(*), (SELECT count(*) FROM (SELECT DISTINCT {column_list(names)} FROM source))"
    rows, distinct = table.sql(f"{same} FROM source").fetchone()
    if distinct < rows:
        raise duplicate_keys(names)
    cipher.keys.types.update({name: str(kind) for name, kind in _types(table, columns).items()})
    count = dict.fromkeys(columns, 0)

    def convert(batch: pa.RecordBatch, first: int) -> pa.RecordBatch:
        keys = row_keys_of([batch.column(name).to_pylist() for name in names])
        persons = batch.column(person).to_pylist() if person else None
        for name in columns:
            values = batch.column(name).to_pylist()
            refuse_encrypted(values, name, first)
            sealed = cipher.encrypt_values(values, name, keys, persons, first)
            count[name] += len(sealed) - sealed.count(None)
            batch = _replaced(batch, name, pa.array(sealed, pa.string()))
        return batch

    done = _rewrite(table, Path(out), convert, lambda: cipher.keys.save(keys_file))
    return FieldsWritten(done, count, dict.fromkeys(columns, 0))


def decrypt_table_file(
    source: TableLike | Source,
    out: str | Path,
    columns: Sequence[str],
    cipher: FieldCipher,
    *,
    row_key: str | Sequence[str],
    unavailable: str = "refuse",
) -> FieldsWritten:
    """Write ``source`` to ``out`` with ``columns`` decrypted, in the types that they had.

    The drafts of ``out`` are readable by their owner only, and so is ``out``.

    Args:
        source: what :func:`encrypt_table_file` wrote.
        out: the file to write, .csv or .parquet.
        columns: what to decrypt.
        cipher: with the keys of the keys file.
        row_key: as when encrypting.
        unavailable: ``"refuse"`` or ``"missing"``, see :func:`decrypt_columns`.

    Raises:
        UserError: as :func:`decrypt_columns`, or if a file cannot be read or written.
    """
    table = as_source(source)
    names = key_columns(row_key)
    check_choice(columns, row_key)
    table.require([*names, *columns])
    if unavailable not in {"refuse", "missing"}:
        raise UserError(f"unavailable is 'refuse' or 'missing', not '{shown(str(unavailable))}'.")
    types = {name: _arrow_type(cipher.keys.types.get(name, "string")) for name in columns}
    count, closed = dict.fromkeys(columns, 0), dict.fromkeys(columns, 0)

    def convert(batch: pa.RecordBatch, first: int) -> pa.RecordBatch:
        keys = row_keys_of([batch.column(name).to_pylist() for name in names])
        for name in columns:
            gone: dict[int, str] | None = {} if unavailable == "missing" else None
            texts = batch.column(name).to_pylist()
            values = cipher.decrypt_values(texts, name, keys, first, gone)
            closed[name] += len(gone or ())
            count[name] += len(values) - values.count(None)
            try:
                array = pa.array(values, types[name])
            except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
                array = None  # The exception holds a value: nothing is raised while it is at hand.
            if array is None:
                raise UserError(
                    f"Column '{shown(name)}' holds values of another type than its file of keys says "
                    f"({types[name]}): use the file of keys that was written with this table."
                )
            batch = _replaced(batch, name, array)
        return batch

    done = _rewrite(table, Path(out), convert)
    for name, number in closed.items():
        warn_unavailable(number, name)
    return FieldsWritten(done, count, closed)


def _rewrite(
    table: Source,
    out: Path,
    convert: Callable[[pa.RecordBatch, int], pa.RecordBatch],
    before_replacing: Callable[[], object] = lambda: None,
) -> int:
    suffix = out.suffix.lower()
    name = shown(out.name)
    if suffix not in {".csv", ".parquet"}:
        raise UserError(f"The output {name} must end in .csv or .parquet: rename it.")
    if out.is_dir():
        raise UserError(f"The output {name} is a folder: name a file in it.")
    rows = 0
    try:
        with atomic_file(out) as draft:
            open_private(draft).close()
            writer = None
            with _closing(lambda: writer):
                for batch in table.batches(rows=BATCH_ROWS):
                    new = convert(batch, rows + 1)
                    rows += len(new)
                    if writer is None:
                        kind = csv.CSVWriter if suffix == ".csv" else pq.ParquetWriter
                        writer = kind(str(draft), new.schema)
                    writer.write_batch(new)
            before_replacing()
    except OSError as error:
        raise UserError(
            f"The output {name} cannot be written ({system_reason(error)}): choose another place."
        ) from None
    return rows


@contextmanager
def _closing(writer: Callable[[], Any]) -> Iterator[None]:
    try:
        yield
    finally:
        if writer() is not None:
            writer().close()


def _replaced(batch: pa.RecordBatch, name: str, array: pa.Array) -> pa.RecordBatch:
    return batch.set_column(batch.schema.get_field_index(name), name, array)


def _types(table: Source, columns: Sequence[str]) -> dict[str, pa.DataType]:
    schema = table.sql(f"SELECT {column_list(columns)} FROM source LIMIT 0").to_arrow_table().schema
    return {name: schema.field(name).type for name in columns}


def _arrow_type(text: str) -> pa.DataType:
    zone = re.fullmatch(r"timestamp\[(s|ms|us|ns), tz=([\w/+:-]+)\]", text)
    decimal = re.fullmatch(r"decimal128\((\d+), (\d+)\)", text)
    try:
        if zone:
            return pa.timestamp(zone[1], zone[2])
        return pa.decimal128(int(decimal[1]), int(decimal[2])) if decimal else pa.type_for_alias(text)
    except ValueError:
        # DuckDB's other types (enumerations, UUIDs) are text in Arrow's lists.
        return pa.string()
