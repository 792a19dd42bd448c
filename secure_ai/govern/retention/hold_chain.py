"""The chained entries under a ledger of holds: in a SQLite file or in memory, read only whole."""

from __future__ import annotations

import hashlib
import json
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from secure_ai.core.errors import UserError, system_reason
from secure_ai.core.sources import shown
from secure_ai.core.sqlite_files import BUSY_SECONDS, transaction
from secure_ai.govern.consent.witness import Row, Witness

_START = "0" * 64
_TABLE = "CREATE TABLE holds (number INTEGER PRIMARY KEY, entry TEXT NOT NULL, digest TEXT NOT NULL)"


class HoldChain:
    """Entries that are only ever added, each with the SHA-256 of itself and the one before.

    The first says that the ledger was made, so that one without entries is never an empty one. What this
    process has read, and what the witness has, must be there at each reading.

    Args:
        path: the file, which must be there; None for memory alone.
        witness: a copy of every entry in a file that is kept elsewhere; None to do without.

    Raises:
        UserError: if the file is missing, cannot be used or is no such ledger, or the witness is another's.
    """

    def __init__(self, path: str | Path | None, witness: str | Path | None) -> None:
        self.name = "holds" if path is None else shown(Path(path).name)
        if path is None and witness is not None:
            raise UserError("A ledger in memory has no witness: give the ledger a path.")
        if path is not None and not Path(path).is_file():
            raise UserError(
                f"There is no ledger of holds {self.name}: put a lost one back; only a new one is made."
            )
        self.witness = None if witness is None else Witness(witness)
        self._lock, self._seen = threading.RLock(), (0, _START)
        try:
            self._database = sqlite3.connect(
                ":memory:" if path is None else f"{Path(path).absolute().as_uri()}?mode=rw",
                uri=path is not None, isolation_level=None, check_same_thread=False, timeout=BUSY_SECONDS,
            )  # fmt: skip
            self._database.execute("PRAGMA synchronous=FULL")
            if path is None:
                self._database.execute(_TABLE)
                self._insert({"event": "created"})
            self._database.execute("SELECT number, entry, digest FROM holds LIMIT 1").fetchone()
        except (sqlite3.Error, OSError) as error:
            self.broken(error)
        self.rows()

    @classmethod
    def create(cls, path: str | Path, witness: str | Path | None) -> None:
        """Make a new ledger, and its witness.

        Raises:
            UserError: if one of them is there already, or cannot be made.
        """
        file, name = Path(path), shown(Path(path).name)
        try:
            file.touch(mode=0o600, exist_ok=False)
        except FileExistsError:
            raise UserError(f"The ledger {name} is there already: open it, or choose another name.") from None
        except (OSError, ValueError) as error:
            reason = system_reason(error) if isinstance(error, OSError) else "no name of a file"
            raise UserError(f"The ledger {name} cannot be made ({reason}): check its folder.") from None
        try:
            entry = json.dumps({"event": "created", "id": secrets.token_hex(16)}, sort_keys=True)
            row = (1, entry, _digest(_START, entry))
            if witness is not None:
                kept = Witness(witness)
                kept.create(json.loads(entry)["id"])
                kept.append([row])
            database = sqlite3.connect(file, isolation_level=None)
            try:
                with transaction(database):
                    database.execute(_TABLE)
                    database.execute("INSERT INTO holds VALUES (?, ?, ?)", row)
            finally:
                database.close()
        except BaseException as error:
            file.unlink(missing_ok=True)
            if isinstance(error, sqlite3.Error):
                raise UserError(f"The ledger {name} cannot be made: check its folder and disk.") from None
            raise

    def rows(self) -> list[Row]:
        """Return every entry as number, text and digest.

        Raises:
            UserError: if one was changed or removed, or the last are missing that this process has read
                before, or that the witness has.
        """
        with self._lock:
            try:
                rows = self._checked()
            except _BehindError:
                if self._database.in_transaction:
                    raise
                # Somebody may be between the two writes: only who holds the ledger sees both as they are.
                with self.writing():
                    rows = self._checked()
            if not self._database.in_transaction:
                self._seen = (rows[-1][0], rows[-1][2])
            return rows

    def events(self) -> list[dict[str, Any]]:
        """Return the entries, read."""
        try:
            return [json.loads(text) for _, text, _ in self.rows()]
        except ValueError as error:
            self.broken(error)

    def append(self, event: dict[str, Any]) -> None:
        """Add an entry, within :meth:`writing`: the witness has it before it is committed."""
        row = self._insert(event)
        if self.witness is not None:
            self.witness.append([row])

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the ledger as its one writer, of all threads and processes."""
        with self._lock:
            try:
                with transaction(self._database):
                    yield
            except sqlite3.Error as error:
                self.broken(error)

    @classmethod
    def recovered(cls, path: str | Path, witness: str | Path) -> int:
        """Put into a ledger what only its witness has; return how many entries.

        Raises:
            UserError: if one of them cannot be used, or the two tell different pasts.
        """
        chain, kept = cls(path, None), Witness(witness)
        try:
            with chain.writing():
                rows, told = chain.rows(), list(kept.rows())
                chain._chained(told, f"the witness of {chain.name}")
                if told[: len(rows)] != rows:
                    raise UserError(
                        f"The ledger {chain.name} and its witness tell different pasts: put back the copy of "
                        "both that counsel trusts."
                    )
                for row in told[len(rows) :]:
                    chain._database.execute("INSERT INTO holds VALUES (?, ?, ?)", row)
        finally:
            chain.close()
        return len(told) - len(rows)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()

    def broken(self, error: Exception) -> NoReturn:
        """Refuse a ledger that cannot be used.

        Raises:
            UserError: always.
        """
        reason = (
            system_reason(error)
            if isinstance(error, OSError)
            else "no ledger of holds, or a sweep is using it: try again"
        )
        raise UserError(
            f"The ledger {self.name} cannot be used ({reason}): nothing is deleted without it."
        ) from None

    def _read(self) -> list[Row]:
        try:
            return self._database.execute(
                "SELECT number, entry, digest FROM holds ORDER BY number"
            ).fetchall()
        except sqlite3.Error as error:
            self.broken(error)

    def _checked(self) -> list[Row]:
        # The witness first: what is added meanwhile may be missing there, never in the ledger.
        told = None if self.witness is None else self.witness.last()
        rows = self._read()
        self._chained(rows, f"the ledger {self.name}")
        if self.witness is not None and f'"id": "{self.witness.ledger()}"' not in rows[0][1]:
            raise UserError(f"The witness of {self.name} belongs to another ledger: name the right one.")
        for known in filter(None, (self._seen, told)):
            if known[0] and ((number := known[0]) > len(rows) or rows[number - 1][2] != known[1]):
                raise _BehindError(
                    f"The ledger {self.name} lacks entries that it had: put back its latest copy, or catch "
                    "it up from its witness (Holds.recover)."
                )
        return rows

    @staticmethod
    def _chained(rows: list[Row], what: str) -> None:
        before = _START
        for expected in range(1, max(1, len(rows)) + 1):
            number, text, digest = rows[expected - 1] if rows else (0, "", "")
            before = _digest(before, text)
            if number != expected or digest != before:
                raise UserError(f"Entry {expected} of {what} was changed or removed: see a backup.")

    def _insert(self, event: dict[str, Any]) -> Row:
        text, rows = json.dumps(event, sort_keys=True), self._read()
        row = (len(rows) + 1, text, _digest(rows[-1][2] if rows else _START, text))
        self._database.execute("INSERT INTO holds VALUES (?, ?, ?)", row)
        return row


class _BehindError(UserError):
    """The ledger is older than what was seen of it."""


def _digest(before: str, text: str) -> str:
    return hashlib.sha256(f"{before}\n{text}".encode()).hexdigest()
