"""What is due in a store: records beyond their maximum, whose they are, and what nobody can date."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from secure_ai.core.errors import UserError
from secure_ai.govern.estate.people import BIRTH_DATE
from secure_ai.govern.estate.store import Store
from secure_ai.govern.estate.subject import Subject
from secure_ai.govern.estate.values import as_day, subject_values
from secure_ai.govern.retention.lines import has_lines

RECORDS = ("table", "file", "notes")
"""Kinds of stores whose records show that somebody was a patient or a customer; a log shows who looked."""


@dataclass(frozen=True, slots=True)
class DueOfOwner:
    """What is due of one owner: how many records, and the days of the first and the last of them."""

    records: int
    oldest: date
    newest: date


@dataclass(frozen=True)
class Due:
    """What a store holds, by age.

    Attributes:
        total: records in all.
        by_owner: value of the owner's column → what of it is dated before the cutoff.
        undated: records without a date; they are never due.
        future: records dated after today.
        counted: whether records were counted; False where only persons could be asked for (then each person
            counts once, and ``total`` is the number of persons with records).
    """

    total: int
    by_owner: Mapping[str, DueOfOwner] = field(default_factory=dict)
    undated: int = 0
    future: int = 0
    counted: bool = True

    @property
    def records(self) -> int:
        """How many records are due."""
        return sum(one.records for one in self.by_owner.values())


def due_in(store: Store, cutoff: date, today: date, roster: Mapping[str, Subject]) -> Due:
    """Count what a store holds from before the cutoff.

    A store whose entries can be read (:func:`entries_of`) is counted entry by entry; any other is asked about
    each person.
    """
    entries = entries_of(store)
    if entries is not None:
        return _counted(entries, cutoff, today)
    counts = counts_of(store)
    if counts is not None and getattr(store, "date_column", None) == "":
        return Due(counts.total(), undated=counts.total())
    total = undated = future = 0
    owners: dict[str, DueOfOwner] = {}
    for person in roster.values():
        held = store.holding(person)
        if not held.records:
            continue
        total += 1
        undated += held.oldest is None
        future += held.newest is not None and held.newest > today
        if held.oldest is not None and held.oldest < cutoff:
            owners[person.key] = DueOfOwner(1, held.oldest, min(held.newest or held.oldest, cutoff))
    return Due(total, owners, undated, future, counted=False)


def entries_of(store: Any) -> Iterator[tuple[Any, Any]] | None:
    """Return owner and date of every entry of a store: a table's rows, a log's lines, a folder's texts.

    None for a store that gives neither.
    """
    if hasattr(store, "rows") and getattr(store, "date_column", "") and getattr(store, "column", ""):
        return store.rows([store.column, store.date_column])
    if has_lines(store):
        return _lines(store)
    if callable(getattr(store, "owner", None)) and hasattr(store, "folder"):
        return (
            (store.owner(path), datetime.fromtimestamp(path.stat().st_mtime, UTC).date())
            for path in store.files
        )
    return None


def counts_of(store: Any) -> Counter[str] | None:
    """Return key → records of a store that knows people by their key; None where that cannot be listed."""
    if not hasattr(store, "rows") or not getattr(store, "column", "") or getattr(store, "by", "") != "key":
        return None
    return Counter(str(owner) for (owner,) in store.rows([store.column]))


def _lines(store: Any) -> Iterator[tuple[Any, Any]]:
    for path in store.files:
        opened = gzip.open if path.suffix == ".gz" else open
        with opened(path, "rt", encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    try:
                        entry = json.loads(line)
                        yield entry.get(store.field), entry.get(store.date_field)
                    except (ValueError, AttributeError):
                        raise UserError(
                            f"Line {number} of {path.name} is no entry of the log {store.name}: repair it."
                        ) from None


def _counted(entries: Iterable[tuple[Any, Any]], cutoff: date, today: date) -> Due:
    total = undated = future = 0
    owners: dict[str, list[Any]] = {}
    for owner, value in entries:
        total += 1
        day = as_day(value)
        if day is None:
            undated += 1
        elif day > today:
            future += 1
        elif day < cutoff:
            found = owners.setdefault("" if owner is None else str(owner), [0, day, day])
            found[0] += 1
            found[1], found[2] = min(found[1], day), max(found[2], day)
    return Due(total, {owner: DueOfOwner(*found) for owner, found in owners.items()}, undated, future)


def roster_of(people: Any, stores: Iterable[Store]) -> dict[str, Subject]:
    """Return key → everybody, with pseudonym, birth date, and the numbers by which some stores know people.

    A store that knows people by an identifier (``account_id``) is resolved by the tables that list it beside
    the person's key; what none of them lists is in nobody's name here.
    """
    born: dict[str, str] = {}
    for source in people.sources:
        for column, kind in source.columns.items():
            if kind == BIRTH_DATE:
                for key, value in source.store.rows([source.key_column, column]):
                    day = as_day(value)
                    if day is not None:
                        born[str(key)] = day.isoformat()
    stores = tuple(stores)
    kinds = {getattr(store, "by", "key") for store in stores} - {"key", "pseudonym"}
    numbers = _numbers(stores, kinds)
    return {
        key: Subject(key, pseudonym, numbers.get(key, {}), born.get(key, ""))
        for key, pseudonym in people.pseudonyms().items()
    }


def _numbers(stores: Iterable[Store], kinds: set[str]) -> dict[str, dict[str, tuple[str, ...]]]:
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for store in stores:
        columns = {name: kind for name, kind in getattr(store, "identify", {}).items() if kind in kinds}
        if columns and getattr(store, "by", "") == "key" and hasattr(store, "rows"):
            for key, *values in store.rows([store.column, *columns]):
                person = found.setdefault(str(key), {})
                for kind, value in zip(columns.values(), values, strict=True):
                    if value not in (None, ""):
                        person[kind] = tuple(dict.fromkeys((*person.get(kind, ()), str(value))))
    return found


def owners_of(store: Store, roster: Mapping[str, Subject]) -> dict[str, Subject]:
    """Return value of the store's owner column → person."""
    by = getattr(store, "by", "")
    if by:
        return {value: person for person in roster.values() for value in subject_values(person, by)}
    # A log or a folder does not say; a random pseudonym is nobody's key.
    return {value: person for person in roster.values() for value in (person.key, person.pseudonym) if value}


def last_records(estate: Any) -> dict[str, date]:
    """Return key → day of the person's last record in the stores that know dates.

    An answer to "when did the relationship end?" where nothing better is known, such as the last visit of a
    patient; take it before a sweep, for a sweep removes what it rests on.
    """
    roster, found = roster_of(estate.people, estate.stores), {}
    for store in estate.stores:
        entries = entries_of(store) if store.kind in RECORDS else None
        if entries is not None:
            owners = owners_of(store, roster)
            for owner, value in entries:
                person, day = owners.get(str(owner)), as_day(value)
                if person is not None and day is not None:
                    found[person.key] = max(day, found.get(person.key, day))
    return found
