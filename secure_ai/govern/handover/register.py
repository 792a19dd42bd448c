"""The sender's register of hand-overs in SQLite: what went to whom until when, and what came back."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown
from secure_ai.core.sqlite_files import connected, transaction
from secure_ai.encrypt.private_files import write_new_private
from secure_ai.encrypt.transport.packages import Manifest
from secure_ai.govern.handover.details import HandoverDetails, read_details
from secure_ai.govern.handover.refusals import HandoverRefused

if TYPE_CHECKING:
    import pandas as pd

_KEY_BYTES = 32
_TABLES = {"handovers", "people"}
_SCHEMA = """
CREATE TABLE handovers (
    package TEXT PRIMARY KEY, recipient TEXT NOT NULL, sequence INTEGER NOT NULL, manifest BLOB NOT NULL,
    details BLOB NOT NULL, sender_key TEXT NOT NULL, sent TEXT, received TEXT, receipt BLOB,
    destroyed TEXT, method TEXT, certificate BLOB, UNIQUE (recipient, sequence)
) STRICT;
CREATE TABLE people (
    package TEXT NOT NULL REFERENCES handovers, token TEXT NOT NULL, PRIMARY KEY (package, token)
) STRICT, WITHOUT ROWID;
CREATE INDEX people_by_token ON people (token);
"""


class HandoverRegister:
    """What was handed over. People stand in it as keyed digests alone, so that a withdrawal finds them.

    Args:
        path: the SQLite file; made with its key (``<name>.key``) if it is not there, both readable by their
            owner alone. Who has the key can try whether a person is in it: keep it apart in production.

    Raises:
        UserError: if it cannot be opened, is no register, or one of file and key is gone: a register that was
            lost does not begin anew.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        name = shown(self.path.name)
        try:
            if not self.path.exists():
                self._begin()
            key_file = self._key_file
            self._key = key_file.read_bytes() if key_file.exists() else b""
        except (OSError, ValueError):
            raise UserError(f"The register {name} cannot be opened: check the path and its rights.") from None
        if len(self._key) != _KEY_BYTES:
            raise UserError(f"The register {name} has lost its key file: restore it from its copy.")
        with self._connected() as connection:
            tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
        if not tables >= _TABLES:
            raise UserError(f"The register {name} was emptied or is no register: restore it from its copy.")

    @property
    def _key_file(self) -> Path:
        return self.path.with_name(self.path.name + ".key")

    def _begin(self) -> None:
        """Make register and key, unless the key tells that there was a register."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.path.with_name(self.path.name + ".new")
        with _one_at_a_time(self.path):
            if self.path.exists():
                return
            if self._key_file.exists():
                raise UserError(
                    f"The register {shown(self.path.name)} is gone, but its key is there: restore it "
                    "from its copy, or take the key away to begin anew."
                )
            draft.unlink(missing_ok=True)
            os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            with connected(draft) as connection:
                connection.executescript(_SCHEMA)
            write_new_private(self._key_file, secrets.token_bytes(_KEY_BYTES))
            draft.rename(self.path)

    def __repr__(self) -> str:
        return f"HandoverRegister({self.path.name!r})"

    @contextmanager
    def adding(self, recipient: str) -> Iterator[Addition]:
        """Give the next number for a recipient; what the block adds counts if it ends without an error."""
        with self._connected() as connection, transaction(connection):
            last = connection.execute(
                "SELECT max(sequence) FROM handovers WHERE recipient = ?", [recipient]
            ).fetchone()[0]
            yield Addition(connection, (last or 0) + 1, self.token)

    def token(self, person: str) -> str:
        """Return the keyed digest under which a person is kept."""
        return hmac.new(self._key, str(person).encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()

    def manifest(self, package: str) -> Manifest:
        """Return the manifest of a package by its digest.

        Raises:
            HandoverRefused: if it is not in the register.
        """
        raw = self._row(package)["manifest"]
        try:
            found = Manifest.model_validate_json(raw)
        except ValidationError:
            raise UserError("The register holds a damaged manifest: restore it from its copy.") from None
        if found.digest() != package:
            raise UserError(
                "The register holds another manifest than its digest says: restore it from its copy."
            )
        return found

    def details(self, package: str) -> HandoverDetails:
        """Return what was handed over, for what, until when.

        Raises:
            HandoverRefused: if it is not in the register.
        """
        return read_details(self._row(package)["details"])

    def sender_key(self, package: str) -> str:
        """Return the public line of the key that signed a package.

        Raises:
            HandoverRefused: if it is not in the register.
        """
        return self._row(package)["sender_key"]

    def dates(self, package: str) -> tuple[date | None, date | None, date | None]:
        """Return when a package was sent, received and destroyed.

        Raises:
            HandoverRefused: if it is not in the register.
        """
        row = self._row(package)
        try:
            return tuple(
                date.fromisoformat(row[name]) if row[name] else None
                for name in ("sent", "received", "destroyed")
            )
        except (TypeError, ValueError):
            raise UserError("The register holds a damaged date: restore it from its copy.") from None

    def packages(self) -> list[str]:
        """Return the digests of all packages, in the order of preparation."""
        with self._connected() as connection:
            return [row[0] for row in connection.execute("SELECT package FROM handovers ORDER BY rowid")]

    def packages_with(self, person: str) -> list[str]:
        """Return the packages that were sent with a person's rows, those left out that are destroyed."""
        query = (
            "SELECT h.package FROM handovers h JOIN people p ON p.package = h.package "
            "WHERE p.token = ? AND h.sent IS NOT NULL AND h.destroyed IS NULL ORDER BY h.rowid"
        )
        with self._connected() as connection:
            return [row[0] for row in connection.execute(query, [self.token(person)])]

    def mark(self, package: str, **fields: str | bytes) -> None:
        """Write dates and documents of a package that are not yet there.

        Raises:
            HandoverRefused: if the package is not in the register, or a field is written already.
        """
        names = [
            name
            for name in fields
            if name in {"sent", "received", "receipt", "destroyed", "method", "certificate"}
        ]
        sets = ", ".join(f"{name} = ?" for name in names)
        empty = " AND ".join(f"{name} IS NULL" for name in names)
        query = f"UPDATE handovers SET {sets} WHERE package = ? AND {empty}"  # names are ours
        with self._connected() as connection:
            done = connection.execute(query, [*(fields[name] for name in names), package]).rowcount
        if not done:
            self._row(package)
            raise HandoverRefused(
                f"That the package was {names[0]} is in the register already: nothing was changed."
            )

    def withdraw_sending(self, package: str) -> None:
        """Take back that a package was sent, because it did not get away."""
        query = "UPDATE handovers SET sent = NULL WHERE package = ? AND received IS NULL"
        with self._connected() as connection:
            connection.execute(query, [package])

    def forget_people(self, package: str) -> None:
        """Drop the digests of people of a package, once its data are destroyed."""
        with self._connected() as connection:
            connection.execute("DELETE FROM people WHERE package = ?", [package])

    def to_frame(self) -> pd.DataFrame:
        """Return one row per hand-over.

        Columns: package (12 digits of its digest), vendor, contract, purpose, rows, columns, prepared, sent,
        received, retention_until, destroyed.
        """
        import pandas as pd

        rows = []
        for package in self.packages():
            one, (sent, received, destroyed) = self.details(package), self.dates(package)
            rows.append((
                package[:12], one.recipient, one.contract, one.purpose, one.rows, len(one.columns),
                one.prepared, sent, received, one.retention_until, destroyed,
            ))  # fmt: skip
        columns = [
            "package", "vendor", "contract", "purpose", "rows", "columns", "prepared", "sent", "received",
            "retention_until", "destroyed",
        ]  # fmt: skip
        return pd.DataFrame(rows, columns=columns)

    def _row(self, package: str) -> sqlite3.Row:
        with self._connected() as connection:
            row = connection.execute("SELECT * FROM handovers WHERE package = ?", [package]).fetchone()
        if row is None:
            raise HandoverRefused(
                "This package is not in the register: it was not prepared here, or was altered."
            )
        return row

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        if not self.path.is_file():  # SQLite would make an empty one, in which nobody owes anything
            raise UserError(
                f"The register {shown(self.path.name)} is gone: restore it from its copy, with its key."
            )
        try:
            with connected(self.path) as connection:
                connection.row_factory = sqlite3.Row
                connection.execute("PRAGMA foreign_keys = ON")
                yield connection
        except sqlite3.Error:
            raise UserError(
                f"The register {shown(self.path.name)} cannot be used: it is locked, damaged or no register."
            ) from None


@contextmanager
def _one_at_a_time(path: Path) -> Iterator[None]:
    from filelock import FileLock, Timeout

    try:
        with FileLock(path.with_name(path.name + ".lock"), timeout=30):
            yield
    except Timeout:
        raise UserError(f"Another program holds the register {shown(path.name)}: end it first.") from None


class Addition:
    """A hand-over that is being added; ``sequence`` is its number for this recipient."""

    def __init__(self, connection: sqlite3.Connection, sequence: int, token) -> None:
        self.sequence, self._connection, self._token = sequence, connection, token

    def add(
        self, manifest: Manifest, details: HandoverDetails, sender_key: str, people: Iterable[str]
    ) -> None:
        """Add it with the people whose rows are in it."""
        package = manifest.digest()
        self._connection.execute(
            "INSERT INTO handovers (package, recipient, sequence, manifest, details, sender_key) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            [
                package,
                manifest.recipient,
                manifest.sequence,
                manifest.to_bytes(),
                details.to_bytes(),
                sender_key,
            ],
        )
        self._connection.executemany(
            "INSERT INTO people VALUES (?, ?)", ((package, self._token(person)) for person in people)
        )
