"""A CSV, JSON-lines or Parquet file as a place of personal data: written anew without a person's records."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from secure_ai.core.errors import UserError
from secure_ai.govern.estate.mentions import RECORD_KIND, Mentions
from secure_ai.govern.estate.rewriting import rewriting
from secure_ai.govern.estate.sqlite_table import ambiguous_note, mask_fields
from secure_ai.govern.estate.store import Holding, Kind, Removal
from secure_ai.govern.estate.subject import Subject
from secure_ai.govern.estate.values import as_day, plain_record, subject_values

METHOD = "file written anew without the records, old file overwritten"
ENDINGS = (".csv", ".jsonl", ".parquet", ".csv.gz", ".jsonl.gz")
Change = Callable[[dict[str, Any]], dict[str, Any] | None]
"""Takes a record; returns it (the same object if nothing changes), or None where it goes."""


class RecordFile:
    """Records in one file, each about one person; what stays, stays as it was written.

    Args:
        path: ``.csv``, ``.jsonl`` (both also ``.gz``) or ``.parquet``.
        column: the field that says whose record it is.
        by: what it holds: ``"key"``, ``"pseudonym"`` or a kind of identifier.
        name: of the store; the file's if not given.
        data_class, date_column, record_column, mentions, identify: as those of :class:`SqliteTable`.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        column: str,
        by: str = "key",
        name: str = "",
        data_class: str = "research_extract",
        date_column: str = "",
        record_column: str = "",
        mentions: Sequence[str] = (),
        identify: Mapping[str, str] | None = None,
        kind: Kind = "file",
    ) -> None:
        self.path, self.column, self.by, self.kind = Path(path), column, by, kind
        if not self.path.name.endswith(ENDINGS):
            raise UserError(f"{self.path.name} is none of {', '.join(ENDINGS)}: convert it first.")
        self.name, self.data_class = name or self.path.name, data_class
        self.date_column, self.record_column, self.mentions = date_column, record_column, tuple(mentions)
        self.identify = {**({record_column: RECORD_KIND} if record_column else {}), **(identify or {})}

    @property
    def files(self) -> tuple[Path, ...]:
        """The file."""
        return (self.path,) if self.path.exists() else ()

    def holding(self, subject: Subject) -> Holding:
        """Count the person's records."""
        found = self._of(subject)
        days = [day for record in found if (day := as_day(record.get(self.date_column)))]
        return Holding(
            self.name, self.data_class, len(found), min(days, default=None), max(days, default=None)
        )

    def export(self, subject: Subject) -> list[Mapping[str, Any]]:
        """Return the person's records."""
        return [plain_record(record.items()) for record in self._of(subject)]

    def identifiers(self, subject: Subject) -> dict[str, tuple[str, ...]]:
        """Return the identifiers that stand in the person's records: kind → values."""
        found: dict[str, tuple[str, ...]] = {}
        for record in self._of(subject) if self.identify else []:
            for column, kind in self.identify.items():
                if record.get(column) not in (None, ""):
                    found[kind] = tuple(dict.fromkeys((*found.get(kind, ()), str(record[column]))))
        return found

    def rows(self, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        """Yield these fields of all records."""
        for record in self.records():
            yield tuple(record.get(column) for column in columns)

    def records(self) -> Iterator[dict[str, Any]]:
        """Yield all records."""
        self._check_there()
        if self.path.suffix == ".parquet":
            with self._parquet() as source:
                for batch in source.iter_batches():
                    yield from batch.to_pylist()
            return
        for _, record in self._lines():
            if record is not None:
                yield record

    def correct(self, subject: Subject, field: str, value: Any, *, record: str | None = None) -> int:
        """Change a field of the person's records, or of one of them.

        Raises:
            UserError: if no record of the person has the field, or it says whose record it is.
        """
        wanted, count = set(subject_values(subject, self.by)), 0
        if field == self.column or not any(field in one for one in self._of(subject)):
            raise UserError(f"{self.name} has no field {field} of this person that can be corrected.")

        def change(one: dict[str, Any]) -> dict[str, Any]:
            nonlocal count
            named = record is None or str(one.get(self.record_column)) == record
            if str(one.get(self.column)) in wanted and named and field in one:
                count += 1
                return {**one, field: value}
            return one

        self._rewrite(change)
        return count

    def erase(self, subjects: Sequence[Subject]) -> Removal:
        """Write the file anew without the persons' records, mentions in others' masked."""
        wanted = {value for subject in subjects for value in subject_values(subject, self.by)}
        finder, records, mentions = Mentions(subjects), 0, 0

        def change(one: dict[str, Any]) -> dict[str, Any] | None:
            nonlocal records, mentions
            owner = str(one.get(self.column))
            if owner in wanted:
                records += 1
                return None
            if self.mentions:
                masked, found = mask_fields(finder, [one.get(name) for name in self.mentions], owner)
                if found:
                    mentions += found
                    return {**one, **dict(zip(self.mentions, masked, strict=True))}
            return one

        self._rewrite(change)
        note = ambiguous_note(finder.ambiguous)
        return Removal(self.name, METHOD, records, mentions, note, finder.ambiguous)

    def expire(self, before: date, keep: frozenset[str] = frozenset()) -> Removal:
        """Write the file anew without records dated before that day, except of persons with these keys."""
        if not self.date_column:
            raise UserError(f"{self.name} has no field with a date: name one, or expire the whole file.")
        gone = 0

        def change(one: dict[str, Any]) -> dict[str, Any] | None:
            nonlocal gone
            day = as_day(one.get(self.date_column))
            if day is not None and day < before and str(one.get(self.column)) not in keep:
                gone += 1
                return None
            return one

        self._rewrite(change)
        return Removal(self.name, METHOD, gone)

    def _of(self, subject: Subject) -> list[dict[str, Any]]:
        wanted = set(subject_values(subject, self.by))
        if not wanted:
            return []
        if self.path.suffix == ".parquet":
            self._check_there()
            with self._parquet() as source:
                table = source.read()
            own = pa.compute.is_in(table[self.column].cast(pa.string()), pa.array(sorted(wanted)))
            return table.filter(own).to_pylist()
        return [record for record in self.records() if str(record.get(self.column)) in wanted]

    def _rewrite(self, change: Change) -> None:
        self._check_there()
        if self.path.suffix == ".parquet":
            self._rewrite_parquet(change)
            return
        with rewriting(self.path) as draft, self._open(draft, "w") as out:
            for raw, record in self._lines():
                changed = record if record is None else change(record)
                if changed is record:
                    out.write(raw)
                elif changed is not None:
                    out.write(self._as_line(changed))

    def _rewrite_parquet(self, change: Change) -> None:
        with (
            self._parquet() as source,
            rewriting(self.path) as draft,
            pq.ParquetWriter(draft, schema := source.schema_arrow) as writer,
        ):
            for number in range(source.num_row_groups):
                old = source.read_row_group(number)
                new = [one for record in old.to_pylist() if (one := change(record)) is not None]
                # Typed as before: a column that is empty now must not change its type.
                if new:
                    writer.write_table(pa.Table.from_pylist(new, schema=schema))

    @contextmanager
    def _parquet(self) -> Iterator[pq.ParquetFile]:
        try:
            with pq.ParquetFile(self.path) as source:
                if self.column not in source.schema_arrow.names:
                    raise self._without_column()
                yield source
        except (pa.ArrowException, OSError):
            # Its message may quote a value.
            raise self._unreadable("no Parquet file, or damaged") from None

    def _check_there(self) -> None:
        if not self.path.exists():
            raise UserError(f"The file {self.path.name} of {self.name} is not there: check the path.")

    def _without_column(self) -> UserError:
        return UserError(
            f"{self.path.name} has no field {self.column} that says whose a record is: check that it is the "
            f"file of {self.name}."
        )

    def _unreadable(self, why: str) -> UserError:
        return UserError(
            f"The file {self.path.name} of {self.name} cannot be read ({why}): put a whole one in its place."
        )

    def _lines(self) -> Iterator[tuple[str, dict[str, Any] | None]]:
        """Yield each line as it stands with its record; None for the header of a CSV file.

        Raises:
            UserError: if a line is no record, or no record says whose it is.
        """
        read = self._csv_lines if ".csv" in self.path.name else self._json_lines
        try:
            with self._open(self.path, "r") as file:
                yield from read(file)
        except (OSError, EOFError, zlib.error):
            raise self._unreadable("cut off, or not packed as its name says") from None
        except (UnicodeDecodeError, csv.Error):
            raise self._unreadable("not a text in UTF-8") from None

    def _json_lines(self, file: Any) -> Iterator[tuple[str, dict[str, Any] | None]]:
        records = known = 0
        for number, line in enumerate(file, 1):
            if not line.strip():
                yield line, None
                continue
            try:
                record = json.loads(line)
            except ValueError:
                record = None
            if not isinstance(record, dict):
                raise self._unreadable(f"line {number} is no JSON object")
            # A record of nobody may leave the field out; a file of which all do is another one.
            records, known = records + 1, known + (self.column in record)
            yield line, record
        if records and not known:
            raise self._without_column()

    def _csv_lines(self, file: Any) -> Iterator[tuple[str, dict[str, Any] | None]]:
        taken: list[str] = []
        reader = csv.reader(_kept(file, taken))
        self._header = next(reader, [])
        if self.column not in self._header:
            raise self._without_column()
        yield "".join(taken), None
        taken.clear()
        for fields in reader:
            if fields and len(fields) != len(self._header):
                raise self._unreadable(
                    f"line {reader.line_num} has {len(fields)} fields, the header {len(self._header)}"
                )
            yield "".join(taken), dict(zip(self._header, fields, strict=True)) if fields else None
            taken.clear()

    def _as_line(self, record: dict[str, Any]) -> str:
        if ".csv" not in self.path.name:
            return json.dumps(record, ensure_ascii=False) + "\n"
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerow([record.get(name, "") for name in self._header])
        return out.getvalue()

    def _open(self, path: Path, mode: str) -> Any:
        if path.suffix == ".gz" and mode == "w":
            # No name and no time in the header: the same content makes the same file.
            return io.TextIOWrapper(gzip.GzipFile(path, "wb", mtime=0), encoding="utf-8", newline="")
        opener = gzip.open if path.suffix == ".gz" else open
        return opener(path, mode + "t", encoding="utf-8", newline="")


def _kept(file: Any, taken: list[str]) -> Iterator[str]:
    for line in file:
        taken.append(line)
        yield line
