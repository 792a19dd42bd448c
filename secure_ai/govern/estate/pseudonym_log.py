"""Logs that know people by a pseudonym alone: the entries stay, and stand for nobody once it is unlinked."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from secure_ai.core.errors import UserError
from secure_ai.govern.estate.rewriting import wipe
from secure_ai.govern.estate.store import Holding, Kind, Removal
from secure_ai.govern.estate.subject import Subject
from secure_ai.govern.estate.values import as_day


class PseudonymLog:
    """Files of JSON lines (``.gz`` too) with a field for the pseudonym, or any files that may hold it.

    Args:
        paths: says which files there must be; rotation makes new ones. One that it names and that is not
            there is told, as is a log without any file: where files are found by a pattern, name the one that
            is written to besides.
        field, date_field: of an entry; empty where the files are no JSON lines (a tamper-evident trail in a
            database): then only places where the pseudonym stands are counted.
    """

    kind: Kind = "log"
    keeps_pseudonym = True

    def __init__(
        self,
        paths: Callable[[], Sequence[Path]],
        *,
        name: str = "access log",
        data_class: str = "access_log",
        field: str = "person",
        date_field: str = "time",
    ) -> None:
        self._paths, self.name, self.data_class = paths, name, data_class
        self.field, self.date_field = field, date_field

    @property
    def files(self) -> tuple[Path, ...]:
        """The files of the log that are there."""
        return tuple(path for path in self._paths() if path.exists())

    def holding(self, subject: Subject) -> Holding:
        """Count entries by the person's pseudonym.

        Raises:
            UserError: if a file is not there, or holds something that is no entry.
        """
        self._check_there()
        if not subject.pseudonym:
            return Holding(self.name, self.data_class, 0)
        if not self.field:
            raw = subject.pseudonym.encode()
            count = sum(_bytes(path).count(raw) for path in self.files)
            return Holding(self.name, self.data_class, count)
        found = list(self._of(subject))
        days = [day for entry in found if (day := as_day(entry.get(self.date_field)))]
        return Holding(
            self.name, self.data_class, len(found), min(days, default=None), max(days, default=None)
        )

    def export(self, subject: Subject) -> list[Mapping[str, Any]]:
        """Return the person's entries."""
        return list(self._of(subject)) if self.field and subject.pseudonym else []

    def correct(self, subject: Subject, field: str, value: Any, *, record: str | None = None) -> int:
        """Refuse: what a log says happened is not changed."""
        raise UserError(
            f"{self.name} says what happened and is not corrected: add an entry that explains it."
        )

    def erase(self, subjects: Sequence[Subject]) -> Removal:
        """Leave the entries: the pseudonym in them is unlinked when everything else is gone."""
        count = sum(self.holding(subject).records for subject in subjects)
        note = f"{count:,} entr{'y' if count == 1 else 'ies'} stay under a pseudonym that links to nobody."
        return Removal(self.name, "pseudonym unlinked", 0, 0, note if count else "")

    def expire(self, before: date, keep: frozenset[str] = frozenset()) -> Removal:
        """Overwrite and delete whole files whose last entry is older, except with entries of these people.

        The file that the log must have stays, empty.
        """
        if not self.field:
            raise UserError(f"{self.name} is chained: entries cannot be taken out of it one by one.")
        self._check_there()
        gone = 0
        for path in self.files:
            entries = list(_entries(path))
            days = [as_day(entry.get(self.date_field)) for entry in entries]
            held = any(entry.get(self.field) in keep for entry in entries)
            if entries and not held and all(day is not None and day < before for day in days):
                wipe(path)
                if path in self._paths():
                    path.touch(mode=0o600)
                gone += len(entries)
        return Removal(self.name, "files overwritten and deleted", gone)

    def _check_there(self) -> None:
        named = list(self._paths())
        if not named:
            raise UserError(f"{self.name} has no file: correct its path, or leave the store out.")
        for path in named:
            if not path.exists():
                raise UserError(
                    f"The file {path.name} of {self.name} is not there: put it back, or make an empty one if "
                    "the log begins anew."
                )

    def _of(self, subject: Subject) -> Iterator[dict[str, Any]]:
        for path in self.files:
            for entry in _entries(path, subject.pseudonym):
                if entry.get(self.field) == subject.pseudonym:
                    yield entry


def _entries(path: Path, word: str = "") -> Iterator[dict[str, Any]]:
    """Yield the entries of a file in which a word stands; every line is looked at."""
    opener, number = gzip.open if path.suffix == ".gz" else open, 0
    try:
        with opener(path, "rt", encoding="utf-8") as file:
            for line in file:
                number, entry = number + 1, line.strip()
                # To read each line as JSON takes ten times as long; these are enough to know what is none.
                if entry and not (entry.startswith("{") and entry.endswith("}")):
                    raise ValueError
                if entry and word in entry:
                    yield json.loads(entry)
    except (OSError, EOFError, zlib.error, ValueError):
        raise UserError(
            f"Line {number} of {path.name} is no entry of a log, or is cut off: repair the file."
        ) from None


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        raise UserError(f"The file {path.name} cannot be read: check who may read it.") from None
