"""Backups sealed for each person: the key is destroyed, and every copy forgets that person alone."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from secure_ai.core.errors import UserError
from secure_ai.core.outputs import atomic_file
from secure_ai.encrypt.key_rings import KeyNotFoundError, PersonKeys, PersonShreddedError
from secure_ai.govern.estate.mentions import Mentions
from secure_ai.govern.estate.people import People
from secure_ai.govern.estate.sqlite_table import ambiguous_note, mask_fields
from secure_ai.govern.estate.store import Holding, Kind, Removal
from secure_ai.govern.estate.subject import Subject
from secure_ai.govern.estate.values import plain_record

CONTEXT = {"use": "backup"}
RING = "Copies of the key ring from before this day must be destroyed, too."


class Backup:
    """A backup in one file: for each person one sealed part, under a key of that person.

    Erasing a person destroys the key, in this file and in every copy of it. Where a part of somebody else
    mentions the person, that part is masked, sealed anew under a new key (``pseudonym.2``, ``.3`` …), and its
    old key destroyed, so that no copy says the mention either; a copy from before then lacks that part and
    must be replaced. Copies of the ring of keys from before must be gone, too (see :class:`PersonKeys`).

    Args:
        path: the file.
        keys: of the persons, named by pseudonyms.
        people: links keys and pseudonyms.
        stores: tables that are backed up, with the names of their columns.
    """

    kind: Kind = "backup"
    keeps_pseudonym = True

    def __init__(
        self,
        path: str | Path,
        keys: PersonKeys,
        people: People,
        stores: Sequence[Any],
        *,
        name: str = "nightly backup",
        data_class: str = "backup",
    ) -> None:
        self.path, self.keys, self.people, self.stores = Path(path), keys, people, tuple(stores)
        self.name, self.data_class = name, data_class

    @property
    def files(self) -> tuple[Path, ...]:
        """The backup and the table of sealed keys."""
        return tuple(path for path in (self.path, self.keys.path) if path.exists())

    def make(self, day: date) -> int:
        """Write a backup of all persons in the tables; return how many."""
        pseudonyms = self.people.pseudonyms()
        if self.keys.counts()[1]:
            # Whose part was sealed anew has a key that was destroyed: the next name is taken.
            pseudonyms = {key: self._living_name(name) for key, name in pseudonyms.items()}
        self.keys.add(pseudonyms.values())
        parts: dict[str, dict[str, list[list[Any]]]] = {}
        for store in self.stores:
            names = store.columns()
            place = names.index(store.column)
            owners = _owners(self.people, store.by)
            for row in store.rows(names):
                person = pseudonyms.get(owners.get(str(row[place]), ""))
                if person:
                    parts.setdefault(person, {}).setdefault(store.name, []).append(list(row))
        columns = {store.name: [store.data_class, *store.columns()] for store in self.stores}
        with atomic_file(self.path) as draft, closing(sqlite3.connect(draft)) as connection:
            connection.execute("CREATE TABLE about (day TEXT, columns TEXT)")
            connection.execute("INSERT INTO about VALUES (?, ?)", (day.isoformat(), json.dumps(columns)))
            connection.execute("CREATE TABLE sealed (person TEXT PRIMARY KEY, part BLOB)")
            rows = ((person, self._sealed(person, part)) for person, part in sorted(parts.items()))
            connection.executemany("INSERT INTO sealed VALUES (?, ?)", rows)
            connection.commit()
        return len(parts)

    def restore(self, path: Path | None = None) -> Iterator[tuple[str, dict[str, list[dict[str, Any]]]]]:
        """Yield (pseudonym, store → records) of everybody who was not shredded.

        Args:
            path: a copy of the backup; the backup itself if None.

        Raises:
            UserError: if it cannot be read.
        """
        with closing(self._opened(path or self.path)) as connection:
            columns = json.loads(connection.execute("SELECT columns FROM about").fetchone()[0])
            for person, sealed in connection.execute("SELECT person, part FROM sealed ORDER BY person"):
                part = self._unsealed(person, sealed)
                if part is not None:
                    yield (
                        person,
                        {
                            store: [plain_record(zip(columns[store][1:], row, strict=True)) for row in rows]
                            for store, rows in part.items()
                        },
                    )

    def holding(self, subject: Subject) -> Holding:
        """Say whether the backup has a part of the person that can be opened, and its day."""
        found = self._part(subject)
        if found is None:
            return Holding(self.name, self.data_class, 0)
        _, part = found
        with closing(self._opened(self.path)) as connection:
            day = date.fromisoformat(connection.execute("SELECT day FROM about").fetchone()[0])
        return Holding(self.name, self.data_class, sum(map(len, part.values())), day, day)

    def export(self, subject: Subject) -> list[Mapping[str, Any]]:
        """Return nothing: it is a copy of what the tables show."""
        return []

    def correct(self, subject: Subject, field: str, value: Any, *, record: str | None = None) -> int:
        """Refuse: a backup is what was; the next one has the correction."""
        raise UserError(
            f"{self.name} is not corrected: the next backup has what was corrected in the tables."
        )

    def erase(self, subjects: Sequence[Subject]) -> Removal:
        """Destroy the persons' keys, and mask mentions of them in the parts of others."""
        count = sum(self.holding(subject).records for subject in subjects)
        names = [name for subject in subjects for name in self._names(subject)]
        found = self._mask_mentions(subjects)
        self._shred([*names, *found.superseded])
        return Removal(
            self.name,
            "key destroyed",
            count,
            found.mentions,
            found.note(*self._missing_note(), RING),
            found.ambiguous,
        )

    def remove_except(self, subject: Subject, keep: frozenset[str]) -> Removal:
        """Destroy the person's key, after what must stay was sealed anew under another one.

        Args:
            subject: the person.
            keep: data classes that a hold or a law keeps.
        """
        others = self._mask_mentions([subject], keep)
        found = self._part(subject)
        if found is None:
            self._shred(others.superseded)
            if missing := self._missing_note():
                # Which part of a copy must stay can be told by opening it alone: the key stays, too.
                return Removal(self.name, "nothing removed", 0, 0, f"{missing[0]} Its copies keep all of it.")
            return Removal(self.name, "key destroyed", 0, others.mentions, others.note(), others.ambiguous)
        name, part = found
        with closing(self._opened(self.path)) as connection:
            connection.execute("PRAGMA secure_delete = ON")
            columns = json.loads(connection.execute("SELECT columns FROM about").fetchone()[0])
            kept = {store: rows for store, rows in part.items() if columns[store][0] in keep}
            gone = sum(map(len, part.values())) - sum(map(len, kept.values()))
            if kept and kept != part:
                name = self._next_name(subject.pseudonym)
                self.keys.add(name)
                row = (name, self._sealed(name, kept))
                connection.execute("INSERT OR REPLACE INTO sealed VALUES (?, ?)", row)
                connection.commit()
        old = [one for one in self._names(subject) if not kept or one != name]
        self._shred([*old, *others.superseded])
        if not gone:
            method = "nothing removed: all of it must stay"
            return Removal(self.name, method, 0, others.mentions, others.note(), others.ambiguous)
        note = "What must stay was sealed anew; older copies of the backup open it no more." if kept else ""
        return Removal(self.name, "key destroyed", gone, others.mentions, others.note(note), others.ambiguous)

    def expire(self, before: date, keep: frozenset[str] = frozenset()) -> Removal:
        """Refuse: a backup goes as a whole when its day comes."""
        raise UserError(f"{self.name} goes as a whole: delete the file when its period is over.")

    def _names(self, subject: Subject) -> list[str]:
        if not subject.pseudonym:
            return []
        found = [subject.pseudonym]
        if self.path.exists():
            with closing(self._opened(self.path)) as connection:
                sealed = connection.execute(
                    "SELECT person FROM sealed WHERE person = ? OR person GLOB ? ORDER BY person",
                    (subject.pseudonym, f"{subject.pseudonym}.*"),
                )
                found += [name for (name,) in sealed]
        # The file goes when its period is over; its copies are under these keys, numbered without gaps.
        number = 2
        while self._has_had_key(name := f"{subject.pseudonym}.{number}"):
            found.append(name)
            number += 1
        return list(dict.fromkeys(found))

    def _missing_note(self) -> tuple[str, ...]:
        return () if self.path.exists() else (f"The file {self.path.name} is not there.",)

    def _mask_mentions(self, subjects: Sequence[Subject], keep: frozenset[str] = frozenset()) -> _Mentioned:
        """Mask mentions in the parts of others, and seal those parts under new keys.

        The keys of the old parts must be destroyed afterwards, those that an interrupted erasure left, too.
        Every part is opened: what the tables of today say of others need not be what they said that day.
        """
        if not self.path.exists() or not subjects:
            return _Mentioned()
        finder, mentions = Mentions(subjects), 0
        own = {subject.pseudonym for subject in subjects}
        owners = {name: key for key, name in self.people.pseudonyms().items()}
        changed: dict[str, dict[str, list[list[Any]]]] = {}
        superseded: list[str] = []
        with closing(self._opened(self.path)) as connection:
            places = self._places(connection, keep)
            for person, sealed in connection.execute("SELECT person, part FROM sealed"):
                pseudonym = person.partition(".")[0]
                if pseudonym in own:
                    continue
                if pseudonym != person:
                    superseded += self._older_names(person)
                text = self._plain(person, sealed)
                # Older backups escape letters beyond ASCII.
                if text is None or not (finder.may_stand_in(text) or "\\u" in text):
                    continue
                part = json.loads(text)
                if count := _mask_part(part, places, finder, owners.get(pseudonym, "")):
                    changed[person] = part
                    mentions += count
            self._seal_anew(connection, changed)
        return _Mentioned(mentions, finder.ambiguous, len(changed), [*superseded, *changed])

    def _seal_anew(self, connection: sqlite3.Connection, changed: Mapping[str, dict[str, Any]]) -> None:
        if not changed:
            return
        names = {person: self._next_name(person.partition(".")[0]) for person in changed}
        self.keys.add(names.values())
        connection.execute("PRAGMA secure_delete = ON")
        rows = [(names[person], self._sealed(names[person], part)) for person, part in changed.items()]
        connection.executemany("INSERT OR REPLACE INTO sealed VALUES (?, ?)", rows)
        connection.executemany("DELETE FROM sealed WHERE person = ?", [(person,) for person in changed])
        connection.commit()

    def _places(
        self, connection: sqlite3.Connection, keep: frozenset[str]
    ) -> dict[str, tuple[list[int], int, bool]]:
        """Return store → places of fields that may mention others, that of the owner, whether it is a key."""
        columns = json.loads(connection.execute("SELECT columns FROM about").fetchone()[0])
        found = {}
        for store in self.stores:
            data_class, *names = columns.get(store.name, [""])
            if names and store.mentions and data_class not in keep:
                listed = [names.index(name) for name in store.mentions if name in names]
                found[store.name] = (listed, names.index(store.column), store.by == "key")
        return found

    def _older_names(self, person: str) -> list[str]:
        pseudonym, _, number = person.partition(".")
        return [pseudonym, *(f"{pseudonym}.{older}" for older in range(2, int(number)))]

    def _next_name(self, pseudonym: str) -> str:
        """Return a name that has had no key yet."""
        number = 2
        while self._has_had_key(f"{pseudonym}.{number}"):
            number += 1
        return f"{pseudonym}.{number}"

    def _living_name(self, pseudonym: str) -> str:
        """Return the first name of a person that was not shredded."""
        name, number = pseudonym, 1
        while self._has_had_key(name) and not self._alive(name):
            number += 1
            name = f"{pseudonym}.{number}"
        return name

    def _has_had_key(self, name: str) -> bool:
        try:
            self.keys.check_key(name)
        except PersonShreddedError:
            return True
        except KeyNotFoundError:
            return False
        return True

    def _shred(self, names: Sequence[str]) -> None:
        if alive := [name for name in dict.fromkeys(names) if self._alive(name)]:
            self.keys.shred(alive)

    def _part(self, subject: Subject) -> tuple[str, dict[str, list[list[Any]]]] | None:
        if not self.path.exists():
            return None
        with closing(self._opened(self.path)) as connection:
            for name in reversed(self._names(subject)):
                row = connection.execute("SELECT part FROM sealed WHERE person = ?", (name,)).fetchone()
                part = None if row is None else self._unsealed(name, row[0])
                if part is not None:
                    return name, part
        return None

    def _alive(self, name: str) -> bool:
        try:
            self.keys.check_key(name)
        except (PersonShreddedError, KeyNotFoundError):
            return False
        return True

    def _sealed(self, person: str, part: Mapping[str, Any]) -> bytes:
        text = json.dumps(part, ensure_ascii=False)
        return self.keys.seal(person, zlib.compress(text.encode(), 1), CONTEXT)

    def _unsealed(self, person: str, sealed: bytes) -> dict[str, Any] | None:
        text = self._plain(person, sealed)
        return None if text is None else json.loads(text)

    def _plain(self, person: str, sealed: bytes) -> str | None:
        try:
            return zlib.decompress(self.keys.unseal(person, sealed, CONTEXT)).decode()
        except (PersonShreddedError, KeyNotFoundError):
            return None

    def _opened(self, path: Path) -> sqlite3.Connection:
        if not path.exists():
            raise UserError(f"The backup {path.name} is not there: check the path.")
        connection = sqlite3.connect(path, timeout=30)
        try:
            connection.execute("SELECT day, columns FROM about").fetchone()
            connection.execute("SELECT person, part FROM sealed LIMIT 1").fetchone()
        except sqlite3.Error:
            connection.close()
            raise UserError(
                f"The file {path.name} is no backup, or damaged: put a whole one in its place."
            ) from None
        return connection


@dataclass(frozen=True)
class _Mentioned:
    """What was masked in the parts of others, and the names whose keys must be destroyed for it."""

    mentions: int = 0
    ambiguous: int = 0
    parts: int = 0
    superseded: Sequence[str] = ()

    def note(self, *further: str) -> str:
        resealed = (
            f"{self.parts:,} part{'' if self.parts == 1 else 's'} of others that mentioned the person sealed "
            "anew: copies of the backup from before open these no more and must be replaced."
        )
        told = [*further, resealed if self.parts else "", ambiguous_note(self.ambiguous)]
        return " ".join(filter(None, told))


def _mask_part(
    part: dict[str, list[list[Any]]],
    places: Mapping[str, tuple[list[int], int, bool]],
    finder: Mentions,
    owner: str,
) -> int:
    """Mask mentions in the rows of somebody else; return how many."""
    total = 0
    for store, (listed, column, by_key) in places.items():
        for row in part.get(store, ()):
            whose = str(row[column]) if by_key else owner
            masked, count = mask_fields(finder, [row[place] for place in listed], whose)
            if count:
                total += count
                for place, value in zip(listed, masked, strict=True):
                    row[place] = value
    return total


def _owners(people: People, by: str) -> Mapping[str, str]:
    if by == "key":
        return dict(zip(people.keys(), people.keys(), strict=True))
    return people.keys_by(by)
