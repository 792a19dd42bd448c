"""An archive whose months are forgotten by destroying a key: crypto-shredding by period and by person."""

from __future__ import annotations

import json
import sqlite3
from calendar import monthrange
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from secure_ai.core.errors import UserError
from secure_ai.core.sqlite_files import connected, transaction
from secure_ai.encrypt.key_rings import KeyRingError, PersonKeys, PersonShreddedError, prove_shredded
from secure_ai.govern.estate.store import Holding, Kind, Removal
from secure_ai.govern.estate.subject import Subject
from secure_ai.govern.retention.periods import checked_day

METHOD = "period keys destroyed, rows overwritten"
_COLUMNS = ("person", "period_end")


class PeriodArchive:
    """Records in a file, each sealed twice: with its person's key, then with the key of its month.

    Destroying either makes it unreadable in every copy of the file, tapes included: a person's key for an
    erasure, a month's for the end of retention. Records under a hold are sealed anew with a key of their own
    before their month's key goes; copies of the file from before lose them, the archive does not. Where the
    proof ends is said at :class:`~secure_ai.encrypt.key_rings.PersonKeys`.

    A store of the estate; a record's date is the last day of its month, so that a month goes as a whole.

    Args:
        path: the file; made if it is not there.
        keys: keys of persons (by pseudonym) and of months, in one table; its copies fade with it.
        name: of the store.
        key_copies: old copies of the table of keys, which the proof tries, too.
        ring_copies, passphrase: old copies of the key ring, and what opens them.
    """

    kind: Kind = "backup"
    data_class = "backup"
    column, date_column, by = "person", "period_end", "pseudonym"
    record_column = ""

    def __init__(
        self,
        path: str | Path,
        keys: PersonKeys,
        *,
        name: str = "archive",
        key_copies: Iterable[str | Path] = (),
        ring_copies: Iterable[str | Path] = (),
        passphrase: str | None = None,
    ) -> None:
        self.path, self.keys, self.name = Path(path), keys, name
        self._copies = {"table_copies": tuple(key_copies), "ring_copies": tuple(ring_copies)}
        self._passphrase, self._proof = passphrase, ""
        with self._opened() as database:
            database.execute(
                "CREATE TABLE IF NOT EXISTS archive (number INTEGER PRIMARY KEY, person TEXT NOT NULL, "
                "period_end TEXT NOT NULL, key TEXT NOT NULL, sealed BLOB NOT NULL)"
            )

    def add(self, records: Iterable[tuple[str, date, Mapping[str, Any]]]) -> int:
        """Archive records, each the person's pseudonym, its day and its fields; return how many.

        Raises:
            UserError: if the month's or the person's key was destroyed: what was forgotten does not return.
        """
        listed = [(person, checked_day(day, "day"), fields) for person, day, fields in records]
        self.keys.add({name for person, day, _ in listed for name in (person, _month_key(day))})
        rows = []
        for person, day, fields in listed:
            month, end = _month_key(day), day.replace(day=monthrange(day.year, day.month)[1])
            inner = self.keys.seal(person, json.dumps(fields, default=str).encode())
            rows.append((person, end.isoformat(), month, self.keys.seal(month, inner)))
        with self._changing() as database:
            database.executemany(
                "INSERT INTO archive (person, period_end, key, sealed) VALUES (?, ?, ?, ?)", rows
            )
        return len(rows)

    @property
    def files(self) -> tuple[Path, ...]:
        """The file, its journal, and the table of keys."""
        names = [self.path.with_name(self.path.name + end) for end in ("", "-wal", "-shm", "-journal")]
        return tuple(path for path in (*names, self.keys.path) if path.exists())

    def columns(self) -> list[str]:
        """Return the columns that :meth:`rows` gives; what is sealed is not among them."""
        return list(_COLUMNS)

    def rows(self, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        """Yield these columns of all records."""
        if unknown := set(columns) - set(_COLUMNS):
            raise UserError(f"The archive gives {', '.join(_COLUMNS)}, not {len(unknown)} other columns.")
        with self._opened() as database:
            yield from database.execute(
                f"SELECT {', '.join(columns)} FROM archive ORDER BY number"
            ).fetchall()

    def holding(self, subject: Subject) -> Holding:
        """Count the person's records."""
        with self._opened() as database:
            count, oldest, newest = database.execute(
                "SELECT count(*), min(period_end), max(period_end) FROM archive WHERE person = ?",
                (subject.pseudonym,),
            ).fetchone()
        return Holding(
            self.name, self.data_class, count,
            date.fromisoformat(oldest) if oldest else None, date.fromisoformat(newest) if newest else None,
        )  # fmt: skip

    def export(self, subject: Subject) -> list[Mapping[str, Any]]:
        """Return the person's records, opened."""
        with self._opened() as database:
            found = database.execute(
                "SELECT key, sealed FROM archive WHERE person = ? ORDER BY number", (subject.pseudonym,)
            ).fetchall()
        return [
            json.loads(self._opened_by(self.keys, subject.pseudonym, key, sealed)) for key, sealed in found
        ]

    def correct(self, subject: Subject, field: str, value: Any, *, record: str | None = None) -> int:
        """Refuse: an archive shows what was; corrections are made where it is restored to."""
        raise UserError(f"{self.name} is an archive: correct the live record, and restore none from before.")

    def erase(self, subjects: Sequence[Subject]) -> Removal:
        """Destroy the persons' keys, and overwrite their rows."""
        people = [subject.pseudonym for subject in subjects]
        with self._changing() as database:
            marks = ", ".join("?" * len(people))
            known = [
                row[0]
                for row in database.execute(
                    f"SELECT DISTINCT person FROM archive WHERE person IN ({marks})", people
                )
            ]
        self.keys.shred([person for person in known if self._has_key(person)])
        with self._changing() as database:
            gone = database.execute(f"DELETE FROM archive WHERE person IN ({marks})", people).rowcount
        self._compact()
        return Removal(self.name, "key destroyed, rows overwritten", gone)

    def expire(self, before: date, keep: frozenset[str] = frozenset()) -> Removal:
        """Destroy the keys of the months that ended before that day, except for the persons in ``keep``.

        Interrupted, it is finished by the next call: records that are kept are sealed anew first.
        """
        checked_day(before, "before")
        with self._changing() as database:
            rows = database.execute(
                "SELECT number, person, key, sealed FROM archive WHERE period_end < ?", (before.isoformat(),)
            ).fetchall()
            ending = {key for _, person, key, _ in rows if person not in keep}
            for number, person, key, sealed in rows:
                if person in keep and key in ending and self._has_key(key):
                    fresh = self._resealed(key, sealed)
                    database.execute(
                        "UPDATE archive SET key = ?, sealed = ? WHERE number = ?", (*fresh, number)
                    )
        samples = {key: (person, sealed) for _, person, key, sealed in rows if person not in keep}
        living = [key for key in sorted(ending) if self._has_key(key)]
        self.keys.shred(living)
        with self._changing() as database:
            gone = sum(
                database.execute("DELETE FROM archive WHERE key = ?", (key,)).rowcount
                for key in sorted(ending)
            )
        self._compact()
        self._proof = self._proved(samples)
        return Removal(self.name, METHOD, gone, note=f"{len(living)} keys destroyed.")

    def key_proof(self) -> str:
        """Say what the last :meth:`expire` showed: every way to the months' data was tried."""
        return self._proof

    def restore(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield everybody's records that can still be opened: pseudonym and fields."""
        with self._opened() as database:
            found = database.execute("SELECT person, key, sealed FROM archive ORDER BY number").fetchall()
        for person, key, sealed in found:
            yield person, json.loads(self._opened_by(self.keys, person, key, sealed))

    def _resealed(self, key: str, sealed: bytes) -> tuple[str, bytes]:
        # Several holds may follow each other: each round has a key that was never destroyed.
        month, rounds = key.split(":")[1], 1
        while (fresh := f"held:{month}:{rounds}") == key or not self._usable(fresh):
            rounds += 1
        return fresh, self.keys.seal(fresh, self.keys.unseal(key, sealed))

    def _usable(self, key: str) -> bool:
        try:
            self.keys.add(key)
        except PersonShreddedError:
            return False
        return True

    def _has_key(self, key: str) -> bool:
        try:
            self.keys.check_key(key)
        except KeyRingError:
            return False
        return True

    def _proved(self, samples: Mapping[str, tuple[str, bytes]]) -> str:
        if not samples:
            return ""
        with self._opened() as database:
            left = database.execute("SELECT person, key, sealed FROM archive LIMIT 1").fetchone()
        others = None if left is None else {"a record that stays": lambda keys: self._opened_by(keys, *left)}
        attempts, readable = [], True
        for key, (person, sealed) in samples.items():
            read = partial(self._opened_by, person=person, key=key, sealed=sealed)
            proof = prove_shredded(
                self.keys, key, {"a copy of a record": read}, passphrase=self._passphrase, others=others,
                **self._copies,
            )  # fmt: skip
            attempts += proof.attempts
            readable = readable and proof.others_readable
        opened = sum(attempt.outcome == "opened" for attempt in attempts)
        unsure = sum(attempt.outcome == "not conclusive" for attempt in attempts)
        said = f"{len(samples)} keys destroyed: {opened} of {len(attempts)} attempts opened something"
        if unsure:
            said += f", {unsure} not conclusive"
        if left is None:
            return f"{said}; no other record is left to compare"
        return f"{said}; a record that stays {'opens' if readable else 'DOES NOT OPEN'}"

    @staticmethod
    def _opened_by(keys: PersonKeys, person: str, key: str, sealed: bytes) -> bytes:
        return keys.unseal(person, keys.unseal(key, sealed))

    def _compact(self) -> None:
        with self._opened() as database:
            database.execute("VACUUM")

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        with self._opened() as database, transaction(database):
            yield database

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        try:
            with connected(self.path) as database:
                yield database
        except sqlite3.Error:
            raise UserError(
                f"The archive {self.path.name} cannot be used: check its path, and that nobody locks it."
            ) from None


def _month_key(day: date) -> str:
    return f"period:{day:%Y-%m}"
