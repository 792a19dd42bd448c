"""A table in a DuckDB file as a place of personal data: the file is built anew, without its free blocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from secure_ai.core.errors import UserError
from secure_ai.govern.estate.mentions import RECORD_KIND, Mentions
from secure_ai.govern.estate.rewriting import rewriting
from secure_ai.govern.estate.sqlite_table import ambiguous_note, mask_fields, quoted
from secure_ai.govern.estate.store import Holding, Kind, Removal
from secure_ai.govern.estate.subject import Subject
from secure_ai.govern.estate.values import as_day, plain_record, subject_values

METHOD = "rows deleted, file built anew without free blocks, old file overwritten"


class DuckdbTable:
    """Rows of one table of a DuckDB file; arguments as those of :class:`SqliteTable`."""

    kind: Kind = "table"

    def __init__(
        self,
        path: str | Path,
        table: str,
        *,
        column: str,
        by: str = "key",
        name: str = "",
        data_class: str = "medical_record",
        date_column: str = "",
        record_column: str = "",
        mentions: Sequence[str] = (),
        identify: Mapping[str, str] | None = None,
    ) -> None:
        self.path, self.table, self.column, self.by = Path(path), table, column, by
        self.name, self.data_class = name or table, data_class
        self.date_column, self.record_column, self.mentions = date_column, record_column, tuple(mentions)
        self.identify = {**({record_column: RECORD_KIND} if record_column else {}), **(identify or {})}

    @property
    def files(self) -> tuple[Path, ...]:
        """The file, and its write-ahead log where there is one."""
        log = self.path.with_name(self.path.name + ".wal")
        return tuple(path for path in (self.path, log) if path.exists())

    @property
    def container(self) -> Path:
        """The file that :meth:`compact` builds anew."""
        return self.path

    def holding(self, subject: Subject) -> Holding:
        """Count the person's rows."""
        where, values = self._of(subject)
        day = quoted(self.date_column) if self.date_column else "NULL"
        with self._opened() as connection:
            count, oldest, newest = connection.execute(
                f"SELECT count(*), min({day}), max({day}) FROM {quoted(self.table)} WHERE {where}", values
            ).fetchone()
        return Holding(self.name, self.data_class, count, as_day(oldest), as_day(newest))

    def export(self, subject: Subject) -> list[Mapping[str, Any]]:
        """Return the person's rows."""
        where, values = self._of(subject)
        with self._opened() as connection:
            found = connection.execute(f"SELECT * FROM {quoted(self.table)} WHERE {where}", values)
            names = [column[0] for column in found.description]
            return [plain_record(zip(names, row, strict=True)) for row in found.fetchall()]

    def identifiers(self, subject: Subject) -> dict[str, tuple[str, ...]]:
        """Return the identifiers that stand in the person's rows: kind → values."""
        found: dict[str, tuple[str, ...]] = {}
        if not self.identify:
            return found
        where, values = self._of(subject)
        listed = ", ".join(map(quoted, self.identify))
        with self._opened() as connection:
            rows = connection.execute(f"SELECT {listed} FROM {quoted(self.table)} WHERE {where}", values)
            for row in rows.fetchall():
                for kind, value in zip(self.identify.values(), row, strict=True):
                    if value not in (None, ""):
                        found[kind] = tuple(dict.fromkeys((*found.get(kind, ()), str(value))))
        return found

    def rows(self, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        """Yield these columns of all rows."""
        with self._opened() as connection:
            yield from connection.execute(
                f"SELECT {', '.join(map(quoted, columns))} FROM {quoted(self.table)}"
            ).fetchall()

    def correct(self, subject: Subject, field: str, value: Any, *, record: str | None = None) -> int:
        """Change a column of the person's rows, or of one of them.

        Raises:
            UserError: if there is no such column, or it says whose row it is.
        """
        where, values = self._of(subject)
        with self._opened(write=True) as connection:
            listed = connection.execute(f"PRAGMA table_info({quoted(self.table)})").fetchall()
            known = [row[1] for row in listed]
            if field not in known or field == self.column or (record is not None and not self.record_column):
                raise UserError(
                    f"{self.name} has no column {field} that can be corrected so: look at its export."
                )
            if record is not None:
                where, values = f"{where} AND {quoted(self.record_column)} = ?", [*values, record]
            changed = connection.execute(
                f"UPDATE {quoted(self.table)} SET {quoted(field)} = ? WHERE {where}", [value, *values]
            ).fetchone()[0]
        self.compact()
        return changed

    def erase(self, subjects: Sequence[Subject]) -> Removal:
        """Delete the persons' rows, mask mentions of them in others', and build the file anew."""
        removal = self.remove(subjects)
        self.compact()
        return removal

    def remove(self, subjects: Sequence[Subject]) -> Removal:
        """Delete and mask in one transaction; :meth:`compact` must follow."""
        records, finder, mentions = 0, Mentions(subjects), 0
        with self._opened(write=True) as connection:
            connection.execute("BEGIN")
            for subject in subjects:
                where, values = self._of(subject)
                deleted = connection.execute(f"DELETE FROM {quoted(self.table)} WHERE {where}", values)
                records += deleted.fetchone()[0]
            if self.mentions:
                mentions = self._mask(connection, finder)
            connection.execute("COMMIT")
        return Removal(
            self.name, METHOD, records, mentions, ambiguous_note(finder.ambiguous), finder.ambiguous
        )

    def compact(self) -> None:
        """Build the file anew: deleted rows stay in a DuckDB file until their blocks are used again."""
        with self._opened(write=True) as connection:
            connection.execute("CHECKPOINT")
        with rewriting(self.path) as draft, closing(duckdb.connect()) as connection:
            connection.execute(f"ATTACH '{_escaped(self.path)}' AS old (READ_ONLY)")
            connection.execute(f"ATTACH '{_escaped(draft)}' AS new")
            connection.execute("COPY FROM DATABASE old TO new")
            connection.execute("DETACH new")
            connection.execute("DETACH old")

    def expire(self, before: date, keep: frozenset[str] = frozenset()) -> Removal:
        """Delete rows dated before that day, except of the persons with these keys."""
        if not self.date_column:
            raise UserError(f"{self.name} has no column with a date: name one, or expire it with its table.")
        with self._opened(write=True) as connection:
            gone = connection.execute(
                f"DELETE FROM {quoted(self.table)} WHERE CAST({quoted(self.date_column)} AS DATE) < ? "
                f"AND NOT coalesce(list_contains(?, {quoted(self.column)}::VARCHAR), false)",
                [before, sorted(keep)],
            ).fetchone()[0]
        self.compact()
        return Removal(self.name, METHOD, gone)

    def _mask(self, connection: duckdb.DuckDBPyConnection, finder: Mentions) -> int:
        listed = ", ".join(map(quoted, (self.column, *self.mentions)))
        total = 0
        found = connection.execute(f"SELECT rowid, {listed} FROM {quoted(self.table)}").fetchall()
        for rowid, owner, *texts in found:
            masked, count = mask_fields(finder, texts, str(owner or ""))
            if count:
                total += count
                changed = ", ".join(f"{quoted(name)} = ?" for name in self.mentions)
                connection.execute(
                    f"UPDATE {quoted(self.table)} SET {changed} WHERE rowid = ?", [*masked, rowid]
                )
        return total

    def _of(self, subject: Subject) -> tuple[str, list[str]]:
        values = subject_values(subject, self.by)
        if not values:
            return "false", []
        return f"{quoted(self.column)}::VARCHAR IN ({', '.join('?' * len(values))})", list(values)

    @contextmanager
    def _opened(self, *, write: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        if not self.path.exists():
            raise UserError(f"The file {self.path.name} of {self.name} is not there: check its path.")
        try:
            with closing(duckdb.connect(str(self.path), read_only=not write)) as connection:
                yield connection
        except duckdb.Error as error:
            # Its message may quote a value.
            raise UserError(
                f"{self.name} ({self.path.name}) cannot be used ({type(error).__name__}): check that it is a "
                "DuckDB database with this table, and that no other process has it open."
            ) from None


def _escaped(path: Path) -> str:
    return str(path.resolve()).replace("'", "''")
