"""The table of wrapped person keys: a SQLite file, written in transactions, one writer at a time."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from secure_ai.core import sqlite_files
from secure_ai.core.errors import system_reason
from secure_ai.core.sources import shown
from secure_ai.encrypt.key_rings.errors import KeyExistsError, RingBusyError, RingFileError
from secure_ai.encrypt.private_files import open_private

BUSY_SECONDS = 10.0
_TABLES = """
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE key_group (number INTEGER PRIMARY KEY, wrapped BLOB NOT NULL);
CREATE TABLE person_key (
  group_number INTEGER NOT NULL, person TEXT NOT NULL, version INTEGER NOT NULL, sealed BLOB,
  PRIMARY KEY (group_number, person, version)
) WITHOUT ROWID;
"""


class PersonTable:
    """Rows of wrapped keys, and nothing that opens them.

    ``key_group`` has one wrapped key for each group of persons; ``person_key`` has one sealed key for each
    person and version, or a row of version 0 without a key for a person who was shredded.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path, self.name = path, shown(path.name)
        self._mutex = threading.RLock()
        if not path.is_file():
            raise RingFileError(
                f"There is no table of person keys {self.name}: create it, or check the path."
            )
        mode = "ro" if read_only else "rw"
        with self._errors():
            self._connection = sqlite3.connect(
                f"file:{quote(str(path.resolve()))}?mode={mode}",
                uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False,
            )  # fmt: skip
            self._connection.execute("PRAGMA secure_delete = ON")
            found = self._connection.execute("SELECT name, value FROM settings").fetchall()
        self.settings = dict(self._checked(found, str, str))

    @classmethod
    def create(cls, path: Path, settings: dict[str, str]) -> PersonTable:
        """Make an empty table in a new file (mode 0600)."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            open_private(path).close()
        except FileExistsError:
            raise KeyExistsError(
                f"The table of person keys {shown(path.name)} exists: open it, or name another file."
            ) from None
        except OSError as error:
            raise RingFileError(
                f"The table of person keys {shown(path.name)} cannot be written ({system_reason(error)}): "
                "name another place."
            ) from None
        try:
            connection = sqlite3.connect(path, isolation_level=None)
            try:
                connection.executescript(_TABLES)
                connection.executemany("INSERT INTO settings VALUES (?, ?)", settings.items())
            finally:
                connection.close()
            return cls(path)
        except BaseException:
            with suppress(OSError):
                path.unlink()
            raise

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Do all or nothing; the write lock is taken before anything is read."""
        with self._mutex, self._errors(), sqlite_files.transaction(self._connection):
            yield

    def group(self, number: int) -> bytes | None:
        """Return the wrapped key of a group."""
        found = self._rows("SELECT wrapped FROM key_group WHERE number = ?", (number,))
        return self._checked(found, bytes)[0][0] if found else None

    def groups(self) -> list[tuple[int, bytes]]:
        """Return every group's number and wrapped key."""
        return self._checked(self._rows("SELECT number, wrapped FROM key_group"), int, bytes)

    def put_group(self, number: int, wrapped: bytes) -> None:
        """Store the wrapped key of a group."""
        self._rows("INSERT OR REPLACE INTO key_group VALUES (?, ?)", (number, wrapped))

    def remove_group(self, number: int) -> None:
        """Remove a group without persons."""
        self._rows("DELETE FROM key_group WHERE number = ?", (number,))

    def keys_of(self, number: int, person: str) -> list[tuple[int, bytes | None]]:
        """Return version and sealed key of a person, the oldest first; [(0, None)] if shredded."""
        rows = self._rows(
            "SELECT version, sealed FROM person_key WHERE group_number = ? AND person = ? ORDER BY version",
            (number, person),
        )
        return self._checked(rows, int, (bytes, type(None)))

    def members(self, number: int) -> list[tuple[str, int, bytes]]:
        """Return person, version and sealed key of a group's living keys."""
        rows = self._rows(
            "SELECT person, version, sealed FROM person_key WHERE group_number = ? AND sealed IS NOT NULL",
            (number,),
        )
        return self._checked(rows, str, int, bytes)

    def put_keys(self, rows: Iterable[tuple[int, str, int, bytes | None]]) -> None:
        """Store rows of group, person, version and sealed key."""
        with self._mutex, self._errors():
            self._connection.executemany("INSERT OR REPLACE INTO person_key VALUES (?, ?, ?, ?)", rows)

    def bury(self, number: int, person: str) -> None:
        """Remove all keys of a person, and note that there were some."""
        self._rows("DELETE FROM person_key WHERE group_number = ? AND person = ?", (number, person))
        self.put_keys([(number, person, 0, None)])

    def counts(self) -> tuple[int, int]:
        """Return how many persons have a key, and how many were shredded."""
        persons = "SELECT DISTINCT group_number, person FROM person_key WHERE sealed IS NOT NULL"
        living = self._rows(f"SELECT count(*) FROM ({persons})")
        return living[0][0], self._rows("SELECT count(*) FROM person_key WHERE sealed IS NULL")[0][0]

    def setting(self, name: str) -> str:
        """Return a setting as it is now; empty if there is none."""
        found = self._rows("SELECT value FROM settings WHERE name = ?", (name,))
        return found[0][0] if found else ""

    def set(self, name: str, value: str) -> None:
        """Store a setting."""
        self._rows("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, value))

    def copy_to(self, target: Path) -> None:
        """Write a consistent copy to a new file (mode 0600)."""
        with self._errors():
            copy = sqlite3.connect(target)
            try:
                self._connection.backup(copy)
            finally:
                copy.close()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _rows(self, query: str, values: tuple = ()) -> list[tuple]:
        with self._mutex, self._errors():
            return self._connection.execute(query, values).fetchall()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise RingBusyError(
                    f"Another process is changing the table of person keys {self.name}: try again later."
                ) from None
            raise RingFileError(
                f"The table of person keys {self.name} cannot be read or written: check its rights and "
                "its disk, or take a copy of it."
            ) from None
        except (sqlite3.Error, UnicodeDecodeError):
            raise self._damaged() from None

    def _damaged(self) -> RingFileError:
        return RingFileError(f"{self.name} is no table of person keys, or it is damaged: take a copy of it.")

    def _checked(self, rows: list[tuple], *kinds: type | tuple[type, ...]) -> list[tuple]:
        """Return rows if every value is of its kind: SQLite keeps what a damaged file holds."""
        if not all(isinstance(v, k) for row in rows for v, k in zip(row, kinds, strict=True)):
            raise self._damaged()
        return rows
