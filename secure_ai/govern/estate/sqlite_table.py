"""A table in a SQLite file as a place of personal data: deleted rows are overwritten, free pages go."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from secure_ai.core.errors import UserError
from secure_ai.core.sqlite_files import connected, transaction
from secure_ai.govern.estate.mentions import RECORD_KIND, Mentions
from secure_ai.govern.estate.store import Holding, Kind, Removal
from secure_ai.govern.estate.subject import Subject
from secure_ai.govern.estate.values import as_day, plain_record, subject_values

METHOD = "rows deleted and overwritten, file rebuilt without free pages"


class SqliteTable:
    """Rows of one table, each of them about one person.

    Args:
        path: the file; several stores may be tables of one file.
        table: its name.
        column: the column that says whose row it is.
        by: what that column holds: ``"key"``, ``"pseudonym"`` or a kind of identifier (``"account_id"``).
        name: of the store; the table's if not given.
        data_class: of the retention schedule.
        date_column: the day that a period counts from, if there is one.
        record_column: the identifier of a row.
        mentions: columns of text, or of a name or number of somebody else, in which the rows of others may
            mention the person.
        identify: further columns whose values know the person, such as an account number → kind.
        kind: ``"table"``, or ``"notes"`` where the rows are texts.
    """

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
        kind: Kind = "table",
    ) -> None:
        self.path, self.table, self.column, self.by = Path(path), table, column, by
        self.name, self.data_class, self.kind = name or table, data_class, kind
        self.date_column, self.record_column, self.mentions = date_column, record_column, tuple(mentions)
        self.identify = {**({record_column: RECORD_KIND} if record_column else {}), **(identify or {})}

    @property
    def files(self) -> tuple[Path, ...]:
        """The file with its write-ahead log, index of that log and rollback journal, as far as they exist."""
        names = [self.path.with_name(self.path.name + end) for end in ("", "-wal", "-shm", "-journal")]
        return tuple(path for path in names if path.exists())

    @property
    def container(self) -> Path:
        """The file that :meth:`compact` rebuilds, which other tables may share."""
        return self.path

    def columns(self) -> list[str]:
        """Return the names of the columns."""
        with self.opened() as connection:
            return [row[1] for row in connection.execute(f"PRAGMA table_info({quoted(self.table)})")]

    def holding(self, subject: Subject) -> Holding:
        """Count the person's rows."""
        where, values = self._of(subject)
        day = (
            f"min({quoted(self.date_column)}), max({quoted(self.date_column)})"
            if self.date_column
            else "NULL, NULL"
        )
        with self.opened() as connection:
            count, oldest, newest = connection.execute(
                f"SELECT count(*), {day} FROM {quoted(self.table)} WHERE {where}", values
            ).fetchone()
        return Holding(self.name, self.data_class, count, as_day(oldest), as_day(newest))

    def export(self, subject: Subject) -> list[Mapping[str, Any]]:
        """Return the person's rows."""
        where, values = self._of(subject)
        with self.opened() as connection:
            found = connection.execute(f"SELECT * FROM {quoted(self.table)} WHERE {where}", values)
            names = [column[0] for column in found.description]
            return [plain_record(zip(names, row, strict=True)) for row in found]

    def identifiers(self, subject: Subject) -> dict[str, tuple[str, ...]]:
        """Return the identifiers that stand in the person's rows: kind → values."""
        if not self.identify:
            return {}
        where, values = self._of(subject)
        listed = ", ".join(map(quoted, self.identify))
        found: dict[str, tuple[str, ...]] = {}
        with self.opened() as connection:
            for row in connection.execute(f"SELECT {listed} FROM {quoted(self.table)} WHERE {where}", values):
                for kind, value in zip(self.identify.values(), row, strict=True):
                    if value not in (None, ""):
                        found[kind] = tuple(dict.fromkeys((*found.get(kind, ()), str(value))))
        return found

    def rows(self, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        """Yield these columns of all rows."""
        listed = ", ".join(map(quoted, columns))
        with self.opened() as connection:
            yield from connection.execute(f"SELECT {listed} FROM {quoted(self.table)}")

    def correct(self, subject: Subject, field: str, value: Any, *, record: str | None = None) -> int:
        """Change a column of the person's rows, or of one of them; the old value is overwritten.

        Raises:
            UserError: if there is no such column, or it says whose row it is.
        """
        if field not in self.columns() or field == self.column:
            raise UserError(
                f"{self.name} has no column {field} that can be corrected: look at its export for the names."
            )
        where, values = self._of(subject)
        if record is not None:
            if not self.record_column:
                raise UserError(f"{self.name} has no column that identifies a row: leave record out.")
            where, values = f"{where} AND {quoted(self.record_column)} = ?", [*values, record]
        with self._changing() as connection:
            done = connection.execute(
                f"UPDATE {quoted(self.table)} SET {quoted(field)} = ? WHERE {where}", [value, *values]
            )
        # Overwriting a cell leaves bytes where the page was rearranged before.
        self.compact()
        return done.rowcount

    def erase(self, subjects: Sequence[Subject]) -> Removal:
        """Delete the persons' rows, mask mentions of them in others', and rebuild the file."""
        removal = self.remove(subjects)
        self.compact()
        return removal

    def remove(self, subjects: Sequence[Subject]) -> Removal:
        """Delete and mask in one transaction; :meth:`compact` must follow."""
        records = mentions = ambiguous = 0
        with self._changing() as connection:
            for subject in subjects:
                where, values = self._of(subject)
                deleted = connection.execute(f"DELETE FROM {quoted(self.table)} WHERE {where}", values)
                records += deleted.rowcount
            if self.mentions and subjects:
                mentions, ambiguous = self._mask(connection, Mentions(subjects))
            self.after_delete(connection)
        return Removal(self.name, METHOD, records, mentions, ambiguous_note(ambiguous), ambiguous)

    def after_delete(self, connection: sqlite3.Connection) -> None:
        """Do what else belongs to a deletion, in its transaction; nothing here."""

    def compact(self) -> None:
        """Rebuild the file: what older deletions left in free pages and in the log goes, too."""
        with self.opened() as connection:
            connection.execute("VACUUM")
        self._checkpoint()

    def expire(self, before: date, keep: frozenset[str] = frozenset()) -> Removal:
        """Delete rows dated before that day, except of the persons with these keys."""
        if not self.date_column:
            raise UserError(f"{self.name} has no column with a date: name one, or expire it with its table.")
        day, owner = quoted(self.date_column), quoted(self.column)
        with self._changing() as connection:
            connection.execute("CREATE TEMP TABLE kept (key PRIMARY KEY)")
            connection.executemany("INSERT INTO kept VALUES (?)", [(key,) for key in sorted(keep)])
            gone = connection.execute(
                f"DELETE FROM {quoted(self.table)} WHERE {day} < ? "
                f"AND ({owner} IS NULL OR {owner} NOT IN (SELECT key FROM kept))",
                [before.isoformat()],
            ).rowcount
            self.after_delete(connection)
        self.compact()
        return Removal(self.name, METHOD, gone)

    def _mask(self, connection: sqlite3.Connection, finder: Mentions) -> tuple[int, int]:
        listed = ", ".join(map(quoted, (self.column, *self.mentions)))
        changes, total = [], 0
        for rowid, owner, *texts in connection.execute(f"SELECT rowid, {listed} FROM {quoted(self.table)}"):
            masked, found = mask_fields(finder, texts, str(owner or ""))
            if found:
                changes.append((*masked, rowid))
                total += found
        if changes:
            listed = ", ".join(f"{quoted(name)} = ?" for name in self.mentions)
            connection.executemany(f"UPDATE {quoted(self.table)} SET {listed} WHERE rowid = ?", changes)
        return total, finder.ambiguous

    def _of(self, subject: Subject) -> tuple[str, list[str]]:
        values = subject_values(subject, self.by)
        marks = ", ".join("?" * len(values))
        return f"{quoted(self.column)} IN ({marks})", list(values)

    @contextmanager
    def opened(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection in autocommit, with overwriting of what is deleted."""
        if not self.path.exists():
            raise UserError(
                f"The database file {self.path.name} of {self.name} is not there: check the path."
            )
        try:
            with connected(self.path) as connection:
                yield connection
        except sqlite3.Error as error:
            raise UserError(
                f"{self.name} ({self.path.name}) cannot be used ({_reason(error)}): check that it is a "
                "SQLite database with this table, and that nobody locks it."
            ) from None

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        with self.opened() as connection, transaction(connection):
            yield connection

    def _checkpoint(self) -> None:
        with self.opened() as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def mask_fields(finder: Mentions, texts: Sequence[Any], owner: str) -> tuple[list[Any], int]:
    """Mask mentions in the fields of one record, judged together: a name beside its telephone is one."""
    joined = _JOIN.join("" if text is None else str(text) for text in texts)
    masked, found = finder.mask(joined, owner)
    if not found:
        return list(texts), 0
    parts = masked.split(_JOIN)
    return [old if new == str(old or "") else new for old, new in zip(texts, parts, strict=True)], found


_JOIN = "\n\x00\x00\n"


def ambiguous_note(count: int) -> str:
    """Say how many records name somebody of that name of whom it is not known who is meant."""
    if not count:
        return ""
    return (
        f"{count:,} record{'' if count == 1 else 's'} of others hold a value that other people have, "
        "too, and nothing that says who is meant: left as they are."
    )


def quoted(name: str) -> str:
    """Return a name of a table or column as SQL takes it."""
    return '"' + name.replace('"', '""') + '"'


def _reason(error: sqlite3.Error) -> str:
    # The message of a constraint names columns only; values never stand in it.
    return str(error).split("\n")[0][:80]
