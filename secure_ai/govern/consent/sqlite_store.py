"""A consent ledger in a SQLite file; a connection for each operation, so that a missing file is noticed."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from secure_ai.core import sqlite_files
from secure_ai.core.errors import UserError, system_reason
from secure_ai.core.sources import shown
from secure_ai.govern.consent.witness import Row

TABLES = ("consent_header", "consent_events", "consent_texts", "consent_runs")
SCHEMA = (
    "CREATE TABLE consent_header (ledger TEXT NOT NULL)",
    "CREATE TABLE consent_events (sequence INTEGER PRIMARY KEY, body TEXT NOT NULL, mac TEXT NOT NULL)",
    "CREATE TABLE consent_texts (digest TEXT PRIMARY KEY, content TEXT NOT NULL)",
    "CREATE TABLE consent_runs (run TEXT PRIMARY KEY, people BLOB NOT NULL)",
    # A seat belt against slips: whoever owns the file can drop it. The chain and the witness find that out.
    *(
        f"CREATE TRIGGER {table}_{verb.lower()} BEFORE {verb} ON {table} "
        "BEGIN SELECT RAISE(ABORT, 'the consent ledger is append-only'); END"
        for table in TABLES
        for verb in ("UPDATE", "DELETE")
    ),
)


class SqliteStore:
    """A ledger's rows in a SQLite file.

    Args:
        path: the file.
        timeout: seconds to wait for another writer.
    """

    def __init__(self, path: str | Path, *, timeout: float = 10) -> None:
        self.path, self._timeout = Path(path), timeout
        self.name = shown(self.path.name)

    def create(self, ledger: str) -> None:
        """Make the file, for its owner alone.

        Raises:
            UserError: if something is there already, or it cannot be made.
        """
        try:
            os.close(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            raise UserError(f"{self.name} is there already: open it, or name a new file.") from None
        except (OSError, ValueError) as error:
            raise UserError(
                f"The consent ledger {self.name} cannot be made ({system_reason(error)}): take another place."
            ) from None
        with self.writing() as transaction:
            for statement in SCHEMA:
                transaction.execute(statement)
            transaction.execute("INSERT INTO consent_header VALUES (?)", (ledger,))

    def ledger(self) -> str:
        """Return the identifier of the ledger."""
        with self._connected() as connection:
            rows = connection.execute("SELECT ledger FROM consent_header").fetchall()
        if len(rows) != 1 or not isinstance(rows[0][0], str):
            raise self._damaged()
        return rows[0][0]

    def since(self, sequence: int) -> list[Row]:
        """Return the events from that number on, in order."""
        with self._connected() as connection:
            return _since(connection, sequence)

    def content(self, digest: str) -> str | None:
        """Return a consent text by its digest."""
        with self._connected() as connection:
            row = connection.execute(
                "SELECT content FROM consent_texts WHERE digest = ?", (digest,)
            ).fetchone()
        return row[0] if row else None

    def people(self, run: str) -> bytes | None:
        """Return the pseudonyms of a run's people, one after the other; None where they are not known."""
        with self._connected() as connection:
            row = connection.execute("SELECT people FROM consent_runs WHERE run = ?", (run,)).fetchone()
        return row[0] if row else None

    @contextmanager
    def writing(self) -> Iterator[SqliteTransaction]:
        """Become the one writer; committed at the end, undone by an exception."""
        with self._connected() as connection, sqlite_files.transaction(connection):
            yield SqliteTransaction(connection)

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        try:
            # Not mode=rwc: a ledger that is missing must not come back empty.
            address = f"file:{quote(os.fspath(self.path.absolute()))}?mode=rw"
            connection = sqlite3.connect(address, uri=True, timeout=self._timeout, isolation_level=None)
            try:
                connection.execute("PRAGMA synchronous = FULL")
                yield connection
            finally:
                connection.close()
        except sqlite3.Error as error:
            raise self._error(error) from None

    def _error(self, error: sqlite3.Error) -> UserError:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return UserError(
                f"The consent ledger {self.name} is held by another writer: try again; nothing was written."
            )
        if not self.path.exists():
            return UserError(
                f"The consent ledger {self.name} is missing: nothing that rests on consent is allowed until "
                "it is back."
            )
        if code in (
            sqlite3.SQLITE_READONLY,
            sqlite3.SQLITE_CANTOPEN,
            sqlite3.SQLITE_FULL,
            sqlite3.SQLITE_IOERR,
        ):
            return UserError(
                f"The consent ledger {self.name} cannot be opened or written (SQLite code {code}): check its "
                "rights and the disk; nothing was written."
            )
        return self._damaged()

    def _damaged(self) -> UserError:
        return UserError(
            f"{self.name} is no consent ledger, or a damaged one: nothing that rests on consent is allowed; "
            "put a copy back and run recover()."
        )


class SqliteTransaction:
    """The one writer of a ledger in SQLite."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.execute = connection.execute

    def since(self, sequence: int) -> list[Row]:
        """Return the events from that number on, in order."""
        return _since(self._connection, sequence)

    def insert(self, rows: Sequence[Row]) -> None:
        """Add events."""
        self._connection.executemany("INSERT INTO consent_events VALUES (?, ?, ?)", rows)

    def keep_text(self, digest: str, content: str) -> None:
        """Keep a consent text, once."""
        self._connection.execute("INSERT OR IGNORE INTO consent_texts VALUES (?, ?)", (digest, content))

    def keep_people(self, run: str, people: bytes) -> None:
        """Keep the pseudonyms of a run's people."""
        self._connection.execute("INSERT INTO consent_runs VALUES (?, ?)", (run, people))


def _since(connection: sqlite3.Connection, sequence: int) -> list[Row]:
    query = "SELECT sequence, body, mac FROM consent_events WHERE sequence >= ? ORDER BY sequence"
    return connection.execute(query, (sequence,)).fetchall()
