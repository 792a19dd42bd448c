"""A model derived from records: when they expire it unlearns them, and shows that it did."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from secure_ai.core.errors import UserError
from secure_ai.defend.unlearning.erasure import Training, largest_difference
from secure_ai.govern.estate.store import Holding, Kind, Removal
from secure_ai.govern.estate.subject import Subject
from secure_ai.govern.estate.values import as_day

TOLERANCE = 1e-6
"""Probabilities of the model that unlearned and of one trained anew may differ by so much (rounding)."""


class DatedTraining:
    """A training of :mod:`secure_ai.defend.unlearning` whose rows have a date and a person.

    A store of the estate: rows that expire are unlearned, and the answers compared with those of a model that
    is trained anew without them. The training's ``keys`` must be the numbers of its rows.

    Args:
        training: with ``keys`` that name each row once.
        rows: number of a row → key of its person and its date.
        name: of the store.
        data_class: ``"model"`` or ``"training_data"``.
        save: writes the model where it is used, called after each change; None keeps it in memory.
        files: what ``save`` writes.

    Raises:
        UserError: if a row has no person and date, or two rows have one number.
    """

    kind: Kind = "model"
    column, date_column, by, record_column = "person", "day", "key", ""

    def __init__(
        self,
        training: Training,
        rows: Mapping[str, tuple[str, Any]],
        *,
        name: str = "model",
        data_class: str = "model",
        save: Callable[[Any], None] | None = None,
        files: Sequence[str | Path] = (),
    ) -> None:
        keys = [str(key) for key in training.keys]
        if len(set(keys)) < len(keys):
            raise UserError("Two training rows have one number: give each row its own, not its person's.")
        if missing := [key for key in keys if key not in rows]:
            raise UserError(f"{len(missing)} training rows have no person and date: give them for every row.")
        self.training, self.name, self.data_class = training, name, data_class
        self._rows = {key: (str(rows[key][0]), as_day(rows[key][1])) for key in keys}
        self._save, self._files, self._proof = save, tuple(Path(path) for path in files), ""

    @property
    def model(self) -> Any:
        """The model as it is now."""
        return self.training.model

    @property
    def files(self) -> tuple[Path, ...]:
        """What ``save`` wrote."""
        return tuple(path for path in self._files if path.exists())

    def columns(self) -> list[str]:
        """Return the columns that :meth:`rows` gives."""
        return ["person", "day"]

    def rows(self, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        """Yield person and date of all training rows."""
        for person, day in list(self._rows.values()):
            yield tuple({"person": person, "day": day}[name] for name in columns)

    def holding(self, subject: Subject) -> Holding:
        """Count the person's training rows."""
        days = [day for person, day in self._rows.values() if person == subject.key]
        known = [day for day in days if day is not None]
        whole = len(known) == len(days) and days
        return Holding(
            self.name,
            self.data_class,
            len(days),
            min(known) if whole else None,
            max(known) if whole else None,
        )

    def export(self, subject: Subject) -> list[Mapping[str, Any]]:
        """Return the dates of the person's training rows; what they hold stands in the tables."""
        return [
            {"day": day and day.isoformat()} for person, day in self._rows.values() if person == subject.key
        ]

    def correct(self, subject: Subject, field: str, value: Any, *, record: str | None = None) -> int:
        """Refuse: a model is corrected by training it anew from corrected records."""
        raise UserError(f"{self.name} is a model: correct the record, and train the model anew.")

    def erase(self, subjects: Sequence[Subject]) -> Removal:
        """Unlearn all rows of these persons."""
        wanted = {subject.key for subject in subjects}
        return self._unlearn([key for key, (person, _) in self._rows.items() if person in wanted])

    def expire(self, before: date, keep: frozenset[str] = frozenset()) -> Removal:
        """Unlearn rows dated before that day, except of the persons with these keys."""
        return self._unlearn(
            [
                key
                for key, (person, day) in self._rows.items()
                if day is not None and day < before and person not in keep
            ]
        )

    def key_proof(self) -> str:
        """Say how the model after the last removal compares with one that never saw the rows."""
        return self._proof

    def _unlearn(self, gone: list[str]) -> Removal:
        if not gone:
            return Removal(self.name, "unlearned", 0)
        ids = np.array(gone, dtype=object)
        before, done = self.training, self.training.erase(ids)
        anew = before.from_scratch(ids)
        distance = largest_difference(done.training.model, anew, done.training.rows)
        if done.receipt.exact and distance > TOLERANCE:
            raise UserError(
                f"{self.name} unlearned, but is {distance:.2g} apart from a model trained anew: train anew."
            )
        self.training = done.training
        self._rows = {key: value for key, value in self._rows.items() if key not in set(gone)}
        if self._save is not None:
            self._save(self.training.model)
        self._proof = (
            f"compared with a model trained anew without these rows, no probability differs by more than "
            f"{distance:.1g}"
        )
        return Removal(self.name, f"unlearned ({done.receipt.method})", len(gone), note=done.receipt.note)
