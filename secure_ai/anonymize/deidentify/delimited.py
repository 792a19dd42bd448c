"""CSV and TSV files: read as text, row by row, so that every value that stays is written as it was."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import pyarrow as pa

from secure_ai.anonymize.deidentify.actions import Actions
from secure_ai.anonymize.deidentify.receipt import Journal
from secure_ai.anonymize.deidentify.tables import TableCleaner, plan_table
from secure_ai.core.errors import UserError
from secure_ai.core.sources import open_source, shown
from secure_ai.discover.inventory import inventory

BATCH_ROWS = 50_000
MAX_FIELD = 4_000_000
"""Most characters of one cell."""
DELIMITERS = ",;\t|"


def clean_delimited(path: Path, out: Path, actions: Actions, journal: Journal, person: str | None) -> None:
    """De-identify the delimited file ``path`` into ``out``.

    Raises:
        UserError: if the file is no table in UTF-8, a header stands twice, or a row has other fields
            than the header; with the line, never with its content.
    """
    label = shown(path.name)
    with _large_fields(), _lines(path) as lines:
        first = next(lines, "")
        delimiter = _delimiter(path, first)
        newline = "\r\n" if first.endswith("\r\n") else "\n"
        header = _header(first, delimiter, label)
        source = open_source(path, delimiter=delimiter)
        if len(source.columns) != len(header):
            raise UserError(f"{label} has a header that cannot be read as one line: write it in one line.")
        found = inventory(source)
    renamed = dict(zip(source.columns, header, strict=True))
    found = type(found)(
        found.label,
        found.n_rows,
        tuple(_named(column, renamed[column.name]) for column in found.columns),
        found.sampled,
    )
    source.connection.close()
    plan = plan_table(actions, found, journal, person)
    cleaner = TableCleaner(actions, plan, journal)
    kept = [column.column for column in plan.columns if column.mode != "drop"]
    with _large_fields(), _lines(path) as lines, out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter, lineterminator=newline)
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        writer.writerow(kept)
        for rows in _batches(reader, len(header), label):
            columns = [pa.array(values, pa.string()) for values in zip(*rows, strict=True)]
            new = cleaner.batch(pa.table(columns, names=header))
            writer.writerows(zip(*(column.to_pylist() for column in new.columns), strict=True))


def _named(column, name: str):
    from dataclasses import replace

    return replace(column, name=name)


def _batches(reader, width: int, label: str) -> Iterator[list[list[str]]]:
    try:
        next(reader)
        while rows := [row for row in islice(reader, BATCH_ROWS) if row]:
            bad = next((row for row in rows if len(row) != width), None)
            if bad is not None:
                raise UserError(
                    f"{label} has a row of {len(bad)} fields under a header of {width} (near line "
                    f"{reader.line_num - len(rows) + 1 + rows.index(bad):,}): check quotes and separators."
                )
            yield rows
    except csv.Error as error:
        reason = (
            "a cell is too long" if "field larger" in str(error) else "a quote is never closed or misplaced"
        )
        raise UserError(f"{label} cannot be read near line {reader.line_num:,}: {reason}.") from None


@contextmanager
def _lines(path: Path) -> Iterator[Iterator[str]]:
    label = shown(path.name)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield _checked(file, label)
    except UnicodeDecodeError:
        raise UserError(f"{label} is not UTF-8 text all through: save it as UTF-8.") from None
    except OSError as error:
        if error.filename is None or Path(error.filename) != path:
            raise
        raise UserError(f"{label} cannot be read: check its rights.") from None


def _checked(file, label: str) -> Iterator[str]:
    number = 0
    while line := file.readline(MAX_FIELD + 1):
        number += 1
        if len(line) > MAX_FIELD:
            raise UserError(f"{label} has a line of more than {MAX_FIELD:,} characters (line {number:,}).")
        if "\0" in line:
            raise UserError(f"{label} holds null bytes (line {number:,}): it is no text table.")
        yield line


def _delimiter(path: Path, first: str) -> str:
    if path.suffix.lower() == ".tsv":
        return "\t"
    return max(DELIMITERS, key=lambda mark: (first.count(mark), -DELIMITERS.index(mark)))


def _header(first: str, delimiter: str, label: str) -> list[str]:
    try:
        header = next(csv.reader([first], delimiter=delimiter, strict=True), [])
    except csv.Error:
        raise UserError(
            f"{label} has a header that cannot be read as one line: write it in one line."
        ) from None
    seen: set[str] = set()
    for name in header:
        if name.lower() in seen:
            raise UserError(f"{label} has the column '{shown(name)}' twice: give every column its own name.")
        seen.add(name.lower())
    if any(not name.strip() for name in header):
        raise UserError(f"{label} has a column without a name: name every column.")
    return header


@contextmanager
def _large_fields() -> Iterator[None]:
    before = csv.field_size_limit(MAX_FIELD)
    try:
        yield
    finally:
        csv.field_size_limit(before)
