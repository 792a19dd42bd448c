"""The proof of a removal: counts, digests of the files, and a search of every byte for what went."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ahocorasick_rs import BytesAhoCorasick, Implementation

from secure_ai.govern.estate.store import Store
from secure_ai.govern.estate.subject import Subject

SAMPLE = 20
"""Persons whose removed records are searched for."""
TEXTS = ("log", "notes", "cache")
"""Kinds of stores whose files are their records, to the last byte."""
_LONG_TEXT = 40
_LONGEST_VALUE = 400
_SHORTEST_FORM = 4
_CHUNK = 1 << 24


@dataclass(frozen=True)
class Proof:
    """What shows that records are gone; no value of a record stands in it.

    Attributes:
        before, after: records in the store (persons, where records cannot be counted).
        still_due: records that are due and were not removed, though nothing keeps them; must be 0.
        too_many: records that went although they were not to go; must be 0.
        digest_before, digest_after: SHA-256 over the store's files; equal in a dry run.
        persons_sampled: of how many persons the removed records were searched for.
        values_searched: how many of their values (numbers of records, long texts).
        files_searched: in how many files, every byte of them.
        residues: values that were found although no record holds them any more; must be 0.
        still_held: values that were found and lawfully stand in records that are kept.
        unreadable: files that could be searched in their raw bytes only.
        key: what was tried with the keys, for what was shredded by key; empty otherwise.
        note: what the proof does not reach.
    """

    before: int
    after: int
    still_due: int
    too_many: int
    digest_before: str
    digest_after: str
    persons_sampled: int = 0
    values_searched: int = 0
    files_searched: int = 0
    residues: int = 0
    still_held: int = 0
    unreadable: int = 0
    key: str = ""
    note: str = ""

    @property
    def holds(self) -> bool:
        """Whether nothing speaks against it."""
        return not (self.still_due or self.residues or self.too_many)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain JSON-ready values."""
        return asdict(self)


def files_digest(files: Sequence[Path]) -> str:
    """Return the SHA-256 over names and contents of files, in the order of their names."""
    digest = hashlib.sha256()
    for path in sorted(files, key=lambda one: one.name):
        if path.is_file():
            with path.open("rb") as file:
                inner = hashlib.file_digest(file, "sha256").hexdigest()
            digest.update(f"{path.name}\0{inner}\n".encode())
    return digest.hexdigest()


def sample_of(owners: Iterable[str], size: int = SAMPLE) -> list[str]:
    """Return owners spread evenly over the sorted list: the same for the same data."""
    listed = sorted(owners)
    if len(listed) <= size:
        return listed
    return [listed[i * (len(listed) - 1) // (size - 1)] for i in range(size)]


def telling_values(
    records: Iterable[Mapping[str, Any]], store: Store, numbers: Iterable[str] = ()
) -> set[str]:
    """Return values that point to one record: its number, numbers of the person in it, long texts.

    Args:
        records: what the store gives.
        store: which one.
        numbers: further columns whose values point to one person.
    """
    names = {getattr(store, "record_column", ""), *getattr(store, "identify", {}), *numbers} - {""}
    found = set()
    for record in records:
        for name, value in record.items():
            text = "" if value is None else str(value)
            if (name in names and len(text) >= 4) or len(text) >= _LONG_TEXT:
                found.add(text[:_LONGEST_VALUE])
    return found


def found_in(values: Iterable[str], files: Sequence[Path]) -> tuple[dict[str, set[Path]], int]:
    """Search every byte of files for values; return in which files each was found, and how many there are."""
    forms = {form: text for text in sorted(set(values)) for form in _forms(text)}
    present = [path for path in dict.fromkeys(files) if path.is_file()]
    if not forms:
        return {}, 0
    listed = list(forms)
    automaton = BytesAhoCorasick(listed, implementation=Implementation.DFA)
    overlap, found = max(map(len, listed)), {}
    for path in present:
        before = b""
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                data = before + chunk
                hits = {hit[0] for hit in automaton.find_matches_as_indexes(data, overlapping=True)}
                for index in hits:
                    found.setdefault(forms[listed[index]], set()).add(path.resolve())
                before = data[-overlap:]
    return found, len(present)


def explained(found: Mapping[str, set[Path]], stores: Iterable[Store], people: Iterable[Subject]) -> set[str]:
    """Return which values stand in records that are kept, in every file where they were found.

    What stands in a store of texts or lines is a record of it. What stands in a database, or a file of
    records, must be among the records that it gives: else it is left of a deleted one.

    Args:
        found: value → files in which it was found.
        stores: of the estate.
        people: everybody, to learn from somebody's records which columns a store has.
    """
    left, people = {text: set(places) for text, places in found.items()}, tuple(people)
    for store in stores:
        files = {path.resolve() for path in store.files}
        wanted = {text for text, places in left.items() if places & files}
        if wanted and store.kind not in TEXTS:
            wanted = _among(wanted, store, people)
        for text in wanted:
            left[text] -= files
    return {text for text, places in left.items() if not places}


def _among(values: set[str], store: Store, people: tuple[Subject, ...]) -> set[str]:
    """Return which values stand in the records that a store gives."""
    whole = {text for cell in _cells(store, people) if (text := str(cell)[:_LONGEST_VALUE]) in values}
    if rest := values - whole:
        # A number of the record may stand within a text: looked for only where it was found at all.
        within = "\n".join(cell for cell in _cells(store, people) if isinstance(cell, str))
        whole |= {text for text in rest if text in within}
    return whole


def _cells(store: Any, people: tuple[Subject, ...]) -> Iterator[Any]:
    if hasattr(store, "records"):
        return (value for record in store.records() for value in record.values())
    if not hasattr(store, "rows"):
        return iter(())
    if hasattr(store, "columns"):
        columns = store.columns()
    else:
        columns = next((list(given[0]) for person in people if (given := store.export(person))), [])
    return (value for row in store.rows(columns) for value in row) if columns else iter(())


def _forms(text: str) -> set[bytes]:
    """Return a value as it may stand in a file: text, UTF-16, hexadecimal, base64 at its three offsets."""
    raw = text.encode()
    found = {raw, text.encode("utf-16-le"), raw.hex().encode(), raw.hex().upper().encode()}
    found.add(json.dumps(text)[1:-1].encode())
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + raw)
        found.add(encoded[(0, 2, 3)[offset] : len(encoded) - (0, 3, 2)[(offset + len(raw)) % 3]])
    return {form for form in found if len(form) >= _SHORTEST_FORM}
