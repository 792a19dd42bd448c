"""A SQLite trail as evidence: one state of it, read without trusting any of it, damaged pages included."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown
from secure_ai.monitor.trail.entries import COLUMNS, Row
from secure_ai.monitor.trail.signatures import VERSION
from secure_ai.monitor.trail.sqlite_store import APPLICATION_ID, SCHEMA, open_to_read, trail_error
from secure_ai.monitor.trail.store import TABLES, NoTrail

MOST_ODDITIES = 50
UNREADABLE = (sqlite3.Error, UnicodeError)  # SQLite's own messages may quote what is no text any more.
LONGEST_SEARCH = 5_000_000  # numbers tried one by one behind a damaged page
_ROWS = f"SELECT {', '.join(COLUMNS)} FROM trail_entries"
_ROW = re.compile(r"\b(?:row|Rowid) (\d+)")


class SqliteEvidence:
    """One state of a SQLite trail; a context manager.

    Raises:
        UserError: if there is no such file, it cannot be opened, or it is no SQLite database at all.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.name = path, shown(path.name)
        if not path.is_file():
            raise NoTrail(f"There is no audit trail {self.name}: check the path.")
        try:
            self._connection = open_to_read(path)
        except sqlite3.Error as error:
            raise trail_error(error, self.name) from None
        try:
            self._connection.execute("PRAGMA cell_size_check = ON")
            self._connection.execute("BEGIN")
            query = "SELECT count(*) FROM sqlite_master WHERE name LIKE 'trail\\_%' ESCAPE '\\'"
            ours = self._connection.execute(query).fetchone()[0]
        except UNREADABLE as error:
            self._connection.close()
            raise trail_error(error, self.name) from None
        if not ours:
            self._connection.close()
            raise UserError(f"{self.name} holds no audit trail: name another file.")

    def __enter__(self) -> SqliteEvidence:
        return self

    def __exit__(self, *exception: object) -> None:
        self._connection.close()

    def header(self) -> Sequence[Any] | None:
        """Return the row of the header."""
        return self._only_row("trail_header")

    def head(self) -> Sequence[Any] | None:
        """Return the row of the head."""
        return self._only_row("trail_head")

    def checkpoints(self) -> Iterator[Sequence[Any]]:
        """Return the rows of the checkpoints by number, as far as they can be read."""
        # Their numbers first: one that cannot be read must not hide those behind it.
        columns, last = ", ".join(TABLES["trail_checkpoints"]), None
        with suppress(*UNREADABLE):
            last = self._connection.execute("SELECT max(number) FROM trail_checkpoints").fetchone()[0]
        for number in range(1, (last if isinstance(last, int) and last < LONGEST_SEARCH else 0) + 1):
            query = f"SELECT {columns} FROM trail_checkpoints WHERE number = ?"
            try:
                row = self._connection.execute(query, (number,)).fetchone()
            except UNREADABLE:
                row = (number,)
            if row is not None:
                yield row
        query = f"SELECT {columns} FROM trail_checkpoints WHERE number < 1"
        with suppress(*UNREADABLE):
            yield from self._connection.execute(query).fetchall()

    def entries(self) -> Iterator[Row]:
        """Return the rows of the entries as they lie in the table; one that cannot be read as its number."""
        query, parameters = f"{_ROWS} ORDER BY sequence", ()
        last: int | None = 0
        while last is not None:
            try:
                for row in self._connection.execute(query, parameters):
                    last = row[0]
                    yield row
                return
            except UNREADABLE:
                last = yield from self._past_damage(last)
                query, parameters = f"{_ROWS} WHERE sequence > ? ORDER BY sequence", (last,)

    def oddities(self) -> Iterator[tuple[int, str]]:
        """Return what SQLite finds wrong with its pages and indexes, and what differs from our tables."""
        try:
            yield from self._schema()
            for (message,) in self._connection.execute(f"PRAGMA integrity_check({MOST_ODDITIES})"):
                if message != "ok":
                    row = _ROW.search(message)
                    yield int(row[1]) if row else 0, "SQLite finds its pages or indexes damaged"
        except UNREADABLE:
            yield 0, "SQLite cannot read all pages of the file"

    def _schema(self) -> Iterator[tuple[int, str]]:
        expected = {_plain(statement) for statement in SCHEMA}
        query = "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        present = {_plain(sql): name for name, sql in self._connection.execute(query)}
        missing, foreign = len(expected - set(present)), len(set(present) - expected)
        if missing or foreign:
            yield (
                0,
                (
                    f"{missing} of the trail's tables, indexes and triggers are missing or changed, "
                    f"{foreign} are not the trail's"
                ),
            )
        for name, expected_number in (("application_id", APPLICATION_ID), ("user_version", VERSION)):
            if self._connection.execute(f"PRAGMA {name}").fetchone()[0] != expected_number:
                yield 0, f"the file's {name} is not the one of an audit trail of version {VERSION}"

    def _only_row(self, table: str) -> Sequence[Any] | None:
        try:
            rows = self._connection.execute(f"SELECT {', '.join(TABLES[table])} FROM {table}").fetchall()
        except UNREADABLE:
            return None
        return rows[0] if len(rows) == 1 else None

    def _past_damage(self, last: int) -> Generator[Row, None, int | None]:
        """Ask for each number until one is readable behind one that is not; return it, None at the end."""
        damaged = False
        for sequence in range(last + 1, self._end(last) + 1):
            try:
                row = self._connection.execute(f"{_ROWS} WHERE sequence = ?", (sequence,)).fetchone()
            except UNREADABLE:
                row, damaged = (sequence,), True
            if row is not None:
                yield row
            if row is not None and len(row) > 1 and damaged:
                return sequence
        return None

    def _end(self, last: int) -> int:
        ends, head = [last], self.head()
        if head and isinstance(head[0], int):
            ends.append(head[0])
        with suppress(*UNREADABLE):
            ends.append(
                self._connection.execute("SELECT max(sequence) FROM trail_entries").fetchone()[0] or 0
            )
        return min(max(ends), last + LONGEST_SEARCH)


def _plain(sql: str | None) -> str:
    return "" if sql is None else " ".join(sql.split())


def is_sqlite(path: Path) -> bool:
    """Say whether a file starts as SQLite's do.

    Raises:
        UserError: if it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(16) == b"SQLite format 3\0"
    except OSError:
        raise UserError(f"The audit trail {shown(path.name)} cannot be read: check its rights.") from None
