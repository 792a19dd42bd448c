"""A vector index as a place of personal data: vectors, identifiers, and who is whose neighbor."""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from secure_ai.core.errors import UserError
from secure_ai.core.outputs import atomic_file
from secure_ai.govern.estate.forms import fold
from secure_ai.govern.estate.rewriting import rewriting
from secure_ai.govern.estate.store import Holding, Kind, Removal
from secure_ai.govern.estate.subject import Subject

DIMENSIONS, NEIGHBORS, PLANES = 64, 5, 6
PARTS = ("ids", "owners", "vectors", "neighbors", "digests", "key")
Texts = Callable[[], Iterable[tuple[str, str, str]]]
"""Yields (record, person, text) of what is indexed, as it stands now."""


class VectorIndex:
    """Texts as vectors in one ``.npz`` file without pickle: ids, owners, vectors, neighbor lists, digests.

    Vectors count words by a fixed hash and the places of the index are cut by fixed planes: nothing in it was
    learned from texts, so nothing but the rows themselves remembers one. Of each text a keyed digest tells
    whether it has changed since (a mention that was masked), so that its vector is made anew.

    Args:
        path: the file.
        texts: gives the texts that are indexed; it is asked again at each erasure.
    """

    kind: Kind = "vector_index"

    def __init__(
        self, path: str | Path, texts: Texts, *, name: str = "vector index", data_class: str = "search_index"
    ) -> None:
        self.path, self.texts, self.name, self.data_class = Path(path), texts, name, data_class

    @classmethod
    def create(cls, path: str | Path, texts: Texts, **options: str) -> VectorIndex:
        """Make the index of the texts."""
        made = cls(path, texts, **options)
        key = np.frombuffer(os.urandom(16), np.uint8)
        rows = sorted(texts())
        with atomic_file(made.path) as draft:
            _write(draft, _built(rows, key))
        return made

    @property
    def files(self) -> tuple[Path, ...]:
        """The file."""
        return (self.path,) if self.path.exists() else ()

    def holding(self, subject: Subject) -> Holding:
        """Count the person's vectors."""
        return Holding(self.name, self.data_class, int((self._read()["owners"] == subject.key).sum()))

    def export(self, subject: Subject) -> list[Mapping[str, Any]]:
        """Return which of the person's records are indexed: the vectors say nothing to a reader."""
        held = self._read()
        return [{"record": str(one)} for one in held["ids"][held["owners"] == subject.key]]

    def correct(self, subject: Subject, field: str, value: Any, *, record: str | None = None) -> int:
        """Refuse: the text is corrected where it stands, and :meth:`refresh` takes it over."""
        raise UserError(f"{self.name} is made from texts: correct the text, then refresh the index.")

    def erase(self, subjects: Sequence[Subject]) -> Removal:
        """Drop the persons' vectors, make those of changed texts anew, and all neighbor lists with them."""
        gone = {subject.key for subject in subjects}
        held = self._read()
        stays = ~np.isin(held["owners"], sorted(gone))
        changed = self._write_rest(held, stays)
        return Removal(self.name, "vectors and neighbor lists made anew", int((~stays).sum()), changed)

    def refresh(self) -> int:
        """Take over texts that were corrected, masked or deleted; return how many vectors were made anew."""
        held = self._read()
        return self._write_rest(held, np.ones(len(held["ids"]), dtype=bool))

    def expire(self, before: date, keep: frozenset[str] = frozenset()) -> Removal:
        """Drop vectors of texts that are not there any more: the texts have the dates."""
        held = self._read()
        there = {record for record, _, _ in self.texts()}
        stays = np.isin(held["ids"], sorted(there))
        self._write_rest(held, stays)
        return Removal(self.name, "vectors and neighbor lists made anew", int((~stays).sum()))

    def nearest(self, text: str, count: int = NEIGHBORS) -> list[str]:
        """Return the records whose texts are nearest."""
        held = self._read()
        best = np.argsort(-(held["vectors"] @ vector_of(text)), kind="stable")[:count]
        return [str(record) for record in held["ids"][best]]

    def _read(self) -> dict[str, np.ndarray]:
        try:
            with np.load(self.path, allow_pickle=False) as archive:
                return {name: archive[name] for name in PARTS}
        except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, BadZipFile, zlib.error):
            raise UserError(
                f"The index {self.path.name} of {self.name} cannot be read: build it anew."
            ) from None

    def _write_rest(self, held: dict[str, np.ndarray], stays: np.ndarray) -> int:
        key, changed = held["key"], 0
        rest = {name: held[name][stays] for name in ("ids", "owners", "vectors", "digests")}
        place = {str(record): number for number, record in enumerate(rest["ids"])}
        for record, _, text in self.texts():
            number = place.get(record)
            if number is not None and (digest := _digest(text, key)) != int(rest["digests"][number]):
                rest["vectors"][number], rest["digests"][number] = vector_of(text), digest
                changed += 1
        rest |= {"neighbors": _neighbors(rest["vectors"]), "key": key}
        with rewriting(self.path) as draft:
            _write(draft, rest)
        return changed


def vector_of(text: str) -> np.ndarray:
    """Return the text's vector: its words counted by a fixed hash, of length 1."""
    found = np.zeros(DIMENSIONS, dtype=np.float32)
    for word in fold(text).split():
        number = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "little")
        found[number % DIMENSIONS] += 1 if number >> 63 else -1
    size = float(np.linalg.norm(found))
    return found / size if size else found


def _built(rows: Sequence[tuple[str, str, str]], key: np.ndarray) -> dict[str, np.ndarray]:
    vectors = np.array([vector_of(text) for *_, text in rows], dtype=np.float32).reshape(-1, DIMENSIONS)
    return {
        "ids": np.array([record for record, *_ in rows], dtype=np.str_),
        "owners": np.array([person for _, person, _ in rows], dtype=np.str_),
        "vectors": vectors,
        "neighbors": _neighbors(vectors),
        "digests": np.array([_digest(text, key) for *_, text in rows], dtype=np.uint64),
        "key": key,
    }


def _neighbors(vectors: np.ndarray) -> np.ndarray:
    """Return each row's nearest among those on the same side of fixed planes; -1 where there is none."""
    planes = np.random.default_rng(0).standard_normal((DIMENSIONS, PLANES)).astype(np.float32)
    places = ((vectors @ planes) > 0) @ (1 << np.arange(PLANES))
    found = np.full((len(vectors), NEIGHBORS), -1, dtype=np.int64)
    for place in np.unique(places):
        rows = np.flatnonzero(places == place)
        alike = vectors[rows] @ vectors[rows].T
        np.fill_diagonal(alike, -np.inf)
        best = np.argsort(-alike, axis=1, kind="stable")[:, : min(NEIGHBORS, len(rows) - 1)]
        found[rows, : best.shape[1]] = rows[best]
    return found


def _digest(text: str, key: np.ndarray) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8, key=key.tobytes()).digest(), "little")


def _write(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    with path.open("wb") as file:
        np.savez(file, **arrays)
