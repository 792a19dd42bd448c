"""The trail in a SQLite file: one writer at a time, and a commit is on the disk when it returns."""

from __future__ import annotations

import os
import random
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from secure_ai.core.errors import UserError, system_reason
from secure_ai.core.sources import shown
from secure_ai.encrypt.private_files import open_private, sync_folder
from secure_ai.monitor.trail.entries import COLUMNS, Row
from secure_ai.monitor.trail.signatures import VERSION, Checkpoint, Head, Header, rebuilt
from secure_ai.monitor.trail.store import TABLES, Condition, Conflict, NoTrail

APPLICATION_ID = 0x53414154  # "SAAT", in the header of the file
_TYPES = {"alert": "INTEGER", "previous": "BLOB", "hash": "BLOB"}
SCHEMA = (
    "CREATE TABLE trail_header (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL, "
    "log_id TEXT NOT NULL, public_key TEXT NOT NULL, created TEXT NOT NULL, signature BLOB NOT NULL)",
    "CREATE TABLE trail_head (id INTEGER PRIMARY KEY CHECK (id = 1), sequence INTEGER NOT NULL, "
    "hash BLOB NOT NULL, checkpoints INTEGER NOT NULL, checkpoint BLOB NOT NULL, signature BLOB NOT NULL)",
    "CREATE TABLE trail_checkpoints (number INTEGER PRIMARY KEY, sequence INTEGER NOT NULL, "
    "hash BLOB NOT NULL, previous BLOB NOT NULL, time TEXT NOT NULL, signature BLOB NOT NULL)",
    "CREATE TABLE trail_entries (sequence INTEGER PRIMARY KEY, "
    + ", ".join(f"{name} {_TYPES.get(name, 'TEXT')} NOT NULL" for name in COLUMNS[1:])
    + ")",
    "CREATE UNIQUE INDEX trail_event_ids ON trail_entries (event_id) WHERE event_id <> ''",
    "CREATE INDEX trail_times ON trail_entries (time)",
    # A seat belt against slips; who can write the file can drop them, and the chain is what finds that.
    *(
        f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
        "BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END"
        for table, verbs in (
            ("trail_entries", ("UPDATE", "DELETE")),
            ("trail_checkpoints", ("UPDATE", "DELETE")),
            ("trail_header", ("UPDATE", "DELETE")),
            ("trail_head", ("DELETE",)),
        )
        for verb in verbs
    ),
)
WAL_PAGES = 4_000  # 16 MB between two moves of the write-ahead log into the file
LONGEST_PAUSE = 0.005  # s between two tries to become the writer; each costs some 50 us of a processor
_COLUMNS = ", ".join(COLUMNS)
_INSERT = f"INSERT INTO trail_entries ({_COLUMNS}) VALUES ({', '.join('?' * len(COLUMNS))})"
_SELECT = {table: f"SELECT {', '.join(columns)} FROM {table}" for table, columns in TABLES.items()}
_KEPT_FOR_THE_PARENT: list[object] = []
_LOCKED = "another process holds it locked: end that one or try again; nothing was written"
_REASONS = {
    sqlite3.SQLITE_FULL: "the disk is full: make room, then record again; nothing of this was written",
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_READONLY: "it may only be read: give this account the right to write it and its folder",
    sqlite3.SQLITE_NOTADB: "it is no SQLite database: name the file of an audit trail",
    sqlite3.SQLITE_CORRUPT: "the file is damaged: run verify_trail on it, and fetch the backup",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened: check the path and the rights of its folder",
    sqlite3.SQLITE_PERM: "it cannot be opened: check its rights",
    sqlite3.SQLITE_IOERR: "the disk refused: check its space and health; nothing of this was written",
}


def trail_error(error: Exception, name: str) -> UserError:
    """Return what SQLite said as a sentence without any value."""
    code = getattr(error, "sqlite_errorcode", None)
    reason = _REASONS.get((code or 0) & 0xFF, f"SQLite says {getattr(error, 'sqlite_errorname', 'no')}")
    return UserError(f"The audit trail {name} cannot be used: {reason}.")


class SqliteStore:
    """A trail in one file, and the two that SQLite keeps beside it while it is open; all of mode 0600.

    Args:
        path: the file.
        timeout: how many seconds to wait for another writer.
    """

    def __init__(self, path: Path, *, timeout: float = 10) -> None:
        self.path, self.name = path, shown(path.name)
        self._timeout = timeout
        self._connection: sqlite3.Connection | None = None
        self._files: tuple = ()

    def create(self, header: Header, head: Head) -> None:
        """Make file and tables with header and head, unless a trail is there.

        Raises:
            UserError: if it cannot be made, or something else is there.
        """
        self._make_file()
        try:
            with self._writes() as connection:
                if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                    return
                for statement in SCHEMA:
                    connection.execute(statement)
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                connection.execute(f"PRAGMA user_version = {VERSION}")
                values = (header.version, header.log_id, header.public_key, header.created, header.signature)
                connection.execute("INSERT INTO trail_header VALUES (1, ?, ?, ?, ?, ?)", values)
                connection.execute("INSERT INTO trail_head VALUES (1, ?, ?, ?, ?, ?)", _head_values(head))
            # A copy of the file alone is then a trail that was cut short, not nothing.
            self._opened().execute("PRAGMA wal_checkpoint")
        except sqlite3.Error as error:
            raise trail_error(error, self.name) from None

    def header(self) -> Header:
        """Return the header.

        Raises:
            NoTrail: if there is no file, or an empty one.
            UserError: if the file is no trail, or of another version.
        """
        if not self.path.is_file() or not self.path.stat().st_size:
            raise NoTrail(f"There is no audit trail {self.name}: check the path.")
        with self.reading() as connection:
            try:
                row = connection.execute(_SELECT["trail_header"]).fetchone()
            except sqlite3.OperationalError:
                names = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
                if not names:
                    raise NoTrail(f"There is no audit trail in {self.name}: check the path.") from None
                raise UserError(
                    f"{self.name} is a database, but no audit trail: name another file."
                ) from None
        header = rebuilt(Header, row)
        if header is None:
            raise UserError(f"The header of the audit trail {self.name} is damaged: run verify_trail on it.")
        return header

    def head(self) -> Head | None:
        """Return the head as it stands, unchecked."""
        with self.reading() as connection:
            return rebuilt(Head, connection.execute(_SELECT["trail_head"]).fetchone())

    @contextmanager
    def transaction(self) -> Iterator[SqliteTransaction]:
        """Become the writer, and commit at the end.

        Raises:
            UserError: if that cannot be done; nothing was written then.
        """
        try:
            with self._writes() as connection:
                yield SqliteTransaction(connection)
        except sqlite3.Error as error:
            raise trail_error(error, self.name) from None

    def checkpoints(self, after: int = 0) -> Iterator[Checkpoint]:
        """Return the checkpoints with a higher number."""
        query = f"{_SELECT['trail_checkpoints']} WHERE number > ? ORDER BY number"
        with self.reading() as connection:
            for row in connection.execute(query, (after,)):
                if (checkpoint := rebuilt(Checkpoint, row)) is not None:
                    yield checkpoint

    def rows(self, conditions: Sequence[Condition], limit: int | None = None) -> Iterator[Row]:
        """Return the entries that meet all conditions, in order of arrival."""
        where = "".join(f" AND {part.column} {part.comparison} ?" for part in conditions)
        query = f"SELECT {_COLUMNS} FROM trail_entries WHERE 1{where} ORDER BY sequence LIMIT ?"
        values = [*(part.value for part in conditions), -1 if limit is None else limit]
        with self.reading() as connection:
            yield from connection.execute(query, values)

    def durability(self) -> str:
        """Say what an acknowledgment means here."""
        return "An event is acknowledged once SQLite has written it to the disk (synchronous = FULL)."

    def reopen(self) -> None:
        """Forget the connection after a fork: SQLite must not be closed by the child."""
        _KEPT_FOR_THE_PARENT.append(self._connection)
        self._connection = None

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection of its own that cannot write."""
        try:
            connection = open_to_read(self.path, self._timeout)
            try:
                yield connection
            finally:
                connection.close()
        except sqlite3.Error as error:
            raise trail_error(error, self.name) from None

    def _make_file(self) -> None:
        try:
            open_private(self.path).close()
            sync_folder(self.path.parent)
        except FileExistsError:
            pass  # An empty one becomes a trail, another is looked at.
        except (OSError, ValueError) as error:
            raise UserError(
                f"The audit trail {self.name} cannot be made ({system_reason(error)}): choose another place."
            ) from None

    @contextmanager
    def _writes(self) -> Iterator[sqlite3.Connection]:
        connection = self._opened()
        self._retry(connection, "BEGIN IMMEDIATE")
        try:
            self._check_files()
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
            raise

    def _check_files(self) -> None:
        """Refuse where file or write-ahead log were taken away: nobody would find what is written there."""
        files = tuple(_identity(path) for path in (self.path, Path(f"{self.path}-wal")))
        self._files = self._files or files
        if files != self._files or None in files:
            raise UserError(
                f"The audit trail {self.name} was replaced, moved or deleted while it was open, or its "
                "write-ahead log was: nothing was written; run verify_trail on it, then open it again."
            )

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self._files = ()
            connection = sqlite3.connect(
                self.path, timeout=0, isolation_level=None, check_same_thread=False, cached_statements=32
            )
            try:
                self._retry(connection, "PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = FULL")
                connection.execute("PRAGMA fullfsync = ON")  # macOS: fsync alone stays in the drive's cache
                connection.execute("PRAGMA checkpoint_fullfsync = ON")
                connection.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}")
                connection.execute("PRAGMA recursive_triggers = ON")
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _retry(self, connection: sqlite3.Connection, statement: str) -> None:
        # SQLite's own waiting sleeps up to 100 ms between two tries: too long for many small commits.
        deadline, pause = time.monotonic() + self._timeout, 0.0002
        while True:
            try:
                connection.execute(statement)
                return
            except sqlite3.OperationalError as error:
                busy = error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
                if not busy or time.monotonic() > deadline:
                    raise
            time.sleep(pause * (0.5 + random.random()))
            pause = min(pause * 1.5, LONGEST_PAUSE)


class SqliteTransaction:
    """The one writer of a SQLite trail."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def head(self) -> Head | None:
        """Return the head as it stands."""
        return rebuilt(Head, self._connection.execute(_SELECT["trail_head"]).fetchone())

    def last_checkpoint(self) -> Checkpoint | None:
        """Return the newest checkpoint."""
        query = f"{_SELECT['trail_checkpoints']} ORDER BY number DESC LIMIT 1"
        return rebuilt(Checkpoint, self._connection.execute(query).fetchone())

    def known(self, ids: Iterable[str]) -> Mapping[str, Row]:
        """Return the rows of those identifiers that are there."""
        query = f"SELECT {_COLUMNS} FROM trail_entries WHERE event_id = ? AND event_id <> ''"
        found = ((name, self._connection.execute(query, (name,)).fetchone()) for name in ids)
        return {name: row for name, row in found if row is not None}

    def insert(self, rows: Sequence[Row]) -> None:
        """Add entries."""
        try:
            self._connection.executemany(_INSERT, rows)
        except sqlite3.IntegrityError:
            raise Conflict from None

    def insert_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Add a checkpoint."""
        values = (
            checkpoint.number, checkpoint.sequence, checkpoint.hash,
            checkpoint.previous, checkpoint.time, checkpoint.signature,
        )  # fmt: skip
        self._connection.execute("INSERT INTO trail_checkpoints VALUES (?, ?, ?, ?, ?, ?)", values)

    def set_head(self, head: Head) -> None:
        """Replace the head."""
        self._connection.execute(
            "UPDATE trail_head SET sequence = ?, hash = ?, checkpoints = ?, checkpoint = ?, signature = ?",
            _head_values(head),
        )


def open_to_read(path: Path, timeout: float = 10) -> sqlite3.Connection:
    """Open a SQLite file that stays as it is; works on a medium that nobody can write, too."""
    address = f"file:{quote(os.fspath(path.absolute()))}?mode=ro"
    if not os.access(path.parent, os.W_OK) and not Path(f"{path}-wal").exists():
        address += "&immutable=1"  # Without it SQLite would want to make its shared memory beside the file.
    return sqlite3.connect(address, uri=True, timeout=timeout, isolation_level=None, check_same_thread=False)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _head_values(head: Head) -> tuple:
    return head.sequence, head.hash, head.checkpoints, head.checkpoint, head.signature
