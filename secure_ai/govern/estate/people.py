"""Who the organization's people are: found by what they state, linked to a pseudonym that can be unlinked."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from secure_ai.core.errors import UserError
from secure_ai.core.sqlite_files import connected, transaction
from secure_ai.govern.estate.forms import comparable
from secure_ai.govern.estate.subject import Subject
from secure_ai.govern.estate.values import as_day, plain

NAME, BIRTH_DATE = "name", "birth_date"
COMMON_KINDS = (NAME, BIRTH_DATE, "phone", "address")


class Table(Protocol):
    """A store with columns."""

    name: str

    def rows(self, columns: Sequence[str]) -> Iterable[tuple[Any, ...]]: ...


@dataclass(frozen=True)
class IdentitySource:
    """A table that says by what identifiers a person is known.

    Attributes:
        store: the table.
        key_column: whose row it is.
        columns: column → kind of identifier; ``"name"`` may be given by several columns, joined in order.
            The first source of an estate is that of the people themselves.
    """

    store: Table
    key_column: str
    columns: Mapping[str, str]


class People:
    """The people of an organization and their pseudonyms.

    Args:
        path: the SQLite file that links keys and pseudonyms, made if it is not there.
        sources: where identifiers stand; the first lists the people.
        bystanders: where others stand who are nobody of these (staff, emergency contacts): a name that one of
            them bears, too, points to nobody alone.
    """

    def __init__(
        self,
        path: str | Path,
        sources: Sequence[IdentitySource],
        bystanders: Sequence[IdentitySource] = (),
    ) -> None:
        self.path, self.sources, self.bystanders = Path(path), tuple(sources), tuple(bystanders)
        if not self.path.exists():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with connected(self.path) as connection:
                connection.execute(
                    "CREATE TABLE link (key TEXT PRIMARY KEY, pseudonym TEXT UNIQUE) WITHOUT ROWID"
                )

    def link(self, keys: Iterable[str], pseudonyms: Iterable[str] | None = None) -> None:
        """Give people a pseudonym, a random one if none is handed in; who has one keeps it."""
        named = iter(pseudonyms) if pseudonyms is not None else None
        pairs = [(key, next(named) if named else new_pseudonym()) for key in keys]
        with connected(self.path) as connection, transaction(connection):
            connection.executemany("INSERT OR IGNORE INTO link VALUES (?, ?)", pairs)

    def pseudonym_of(self, key: str) -> str:
        """Return the person's pseudonym; empty if there is none (any more)."""
        with connected(self.path) as connection:
            row = connection.execute("SELECT pseudonym FROM link WHERE key = ?", (key,)).fetchone()
        return row[0] if row else ""

    def pseudonyms(self) -> dict[str, str]:
        """Return key → pseudonym of everybody."""
        with connected(self.path) as connection:
            return dict(connection.execute("SELECT key, pseudonym FROM link ORDER BY key"))

    def key_of(self, pseudonym: str) -> str:
        """Return the key that a pseudonym stands for; empty if it is linked to nobody."""
        with connected(self.path) as connection:
            row = connection.execute("SELECT key FROM link WHERE pseudonym = ?", (pseudonym,)).fetchone()
        return row[0] if row else ""

    def forget(self, subjects: Iterable[Subject]) -> int:
        """Unlink people; their pseudonyms stand for nobody from then on. Returns how many."""
        gone = 0
        with connected(self.path) as connection:
            for subject in subjects:
                gone += connection.execute("DELETE FROM link WHERE key = ?", (subject.key,)).rowcount
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.reread()
        return gone

    def keys(self) -> list[str]:
        """Return the keys of all people, in order."""
        return sorted(self._index)

    def knows(self, key: str) -> bool:
        """Return whether there is a person with that key."""
        return key in self._index

    def keys_by(self, kind: str) -> dict[str, str]:
        """Return value → key for a kind of identifier, such as an account number."""
        return {value: key for key, found in self._index.items() for value in found.get(kind, ())}

    def reread(self) -> None:
        """Take the identifiers from the tables again: after a correction, an import or an erasure."""
        self.__dict__.pop("_index", None)
        self.__dict__.pop("_counts", None)

    def find(self, **known: str) -> list[Subject]:
        """Return the people for whom everything stated is true.

        Who asks learns no more than the number of people: the subjects are for the desk, not for the answer.

        Args:
            known: kind of identifier → what the requester states, written in any way.

        Raises:
            UserError: if nothing is stated, or a kind is not known here.
        """
        stated = {kind: value for kind, value in known.items() if str(value).strip()}
        if not stated:
            raise UserError("State at least one identifier of the person, such as a name or a number.")
        if unknown := sorted(set(stated) - self.kinds):
            raise UserError(
                f"Identifiers of the kind {unknown[0]} are not known here; known are "
                f"{', '.join(sorted(self.kinds))}."
            )
        wanted = {kind: comparable(kind, str(value)) for kind, value in stated.items()}
        return [
            self.subject(key)
            for key, values in sorted(self._index.items())
            if all(
                any(comparable(kind, one) == value for one in values.get(kind, ()))
                for kind, value in wanted.items()
            )
        ]

    @property
    def kinds(self) -> set[str]:
        """Kinds of identifiers by which people can be found."""
        return {"key", *(kind for source in self.sources for kind in source.columns.values())}

    def subject(self, key: str) -> Subject:
        """Return the person with that key, what others share marked.

        Raises:
            UserError: if there is none.
        """
        values = self._index.get(key)
        if values is None:
            raise UserError("Nobody is known by this key: look the person up by what is stated.")
        identifiers = {kind: found for kind, found in values.items() if kind not in {"key", BIRTH_DATE}}
        shared = {
            one
            for kind, found in identifiers.items()
            for one in found
            if self._counts[kind, comparable(kind, one)] > 1
        }
        names = {comparable(NAME, one) for one in identifiers.get(NAME, ())}
        namesakes = {
            other
            for other, theirs in self._index.items()
            if other != key and any(comparable(NAME, one) in names for one in theirs.get(NAME, ()))
        }
        birth = values.get(BIRTH_DATE, ("",))[0]
        pseudonym = self.pseudonym_of(key)
        return Subject(key, pseudonym, identifiers, birth, frozenset(shared), frozenset(namesakes))

    @cached_property
    def _index(self) -> dict[str, dict[str, tuple[str, ...]]]:
        people: dict[str, dict[str, tuple[str, ...]]] = {}
        for number, source in enumerate(self.sources):
            columns = list(source.columns)
            for row in source.store.rows([source.key_column, *columns]):
                key = str(row[0])
                if number == 0:
                    people.setdefault(key, {"key": (key,)})
                if key in people:
                    _add(people[key], source.columns, dict(zip(columns, row[1:], strict=True)))
        return people

    @cached_property
    def _counts(self) -> Counter[tuple[str, str]]:
        bearers: dict[tuple[str, str], set[str]] = {}
        for key, found in self._index.items():
            for kind, values in found.items():
                for one in values:
                    bearers.setdefault((kind, comparable(kind, one)), set()).add(key)
        counts = Counter({value: len(keys) for value, keys in bearers.items()})
        holders = {
            value: key for key, found in self._index.items() for one in found.values() for value in one
        }
        for source in self.bystanders:
            columns = list(source.columns)
            for row in source.store.rows([source.key_column, *columns]):
                other: dict[str, tuple[str, ...]] = {}
                _add(other, source.columns, dict(zip(columns, row[1:], strict=True)))
                values = [(kind, comparable(kind, one)) for kind, found in other.items() for one in found]
                known = [bearers.get(value, set()) for value in values]
                owner = holders.get(str(row[0]))
                # In a record of the person's own, or with all values of one person: it is that person.
                own = any(owner in bearers.get(value, ()) for value in values if value[0] == NAME)
                if not own and (len(values) < 2 or not set.intersection(*known)):
                    counts.update(value for value in values if value[0] in COMMON_KINDS)
        return counts


def _add(person: dict[str, tuple[str, ...]], columns: Mapping[str, str], row: Mapping[str, Any]) -> None:
    parts: dict[str, list[str]] = {}
    for column, kind in columns.items():
        value = row[column]
        if plain(value) is None or not str(value).strip():
            continue
        if kind == BIRTH_DATE:
            value = as_day(value) or ""
        parts.setdefault(kind, []).append(str(value).strip())
    for kind, found in parts.items():
        joined = [" ".join(found)] if kind == NAME else found
        person[kind] = tuple(dict.fromkeys((*person.get(kind, ()), *joined)))


def new_pseudonym(token: str | None = None) -> str:
    """Return a pseudonym: sixteen random hexadecimal digits."""
    return f"p-{token or secrets.token_hex(8)}"
