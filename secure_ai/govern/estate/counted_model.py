"""A model of counts in a JSON file: a person's rows are counted back, exactly."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from secure_ai.core.errors import UserError
from secure_ai.core.outputs import atomic_file
from secure_ai.defend.unlearning import CountingTraining, NaiveBayesCounts, train_counting
from secure_ai.govern.estate.record_file import RecordFile
from secure_ai.govern.estate.rewriting import rewriting, wipe
from secure_ai.govern.estate.store import Holding, Kind, Removal
from secure_ai.govern.estate.subject import Subject
from secure_ai.govern.estate.values import subject_values

RETIRED = "retired, file overwritten and deleted"
TOO_FEW = "The training rows that are left are none, or of one class: there is nothing to train on."


class CountedModel:
    """Naive Bayes by counting (``secure_ai.defend.unlearning``), stored as its counts and nothing else.

    It is erased before its training rows are: what a person's rows added is counted back from them. Without
    training rows of two classes there is no model: its file is overwritten and deleted, and nothing is held.

    Args:
        path: the file.
        training: the file of the training rows.
        label: the field that is predicted.
        features: the fields that it is predicted from.
        edges: field → where its numbers are cut into ranges.
    """

    kind: Kind = "model"

    def __init__(
        self,
        path: str | Path,
        training: RecordFile,
        *,
        label: str,
        features: Sequence[str],
        edges: Mapping[str, Sequence[float]] | None = None,
        name: str = "model",
        data_class: str = "model",
    ) -> None:
        self.path, self.training, self.label = Path(path), training, label
        self.features, self.edges = tuple(features), dict(edges or {})
        self.name, self.data_class = name, data_class

    @property
    def files(self) -> tuple[Path, ...]:
        """The file."""
        return (self.path,) if self.path.exists() else ()

    def create(self) -> CountedModel:
        """Train the model on all rows and write it."""
        rows, labels, keys = self._rows()
        model = train_counting(rows, labels, ids=keys, edges=self.edges).model
        with atomic_file(self.path) as draft:
            draft.write_text(_text(model, len(rows)), encoding="utf-8")
        return self

    def load(self) -> tuple[NaiveBayesCounts, int]:
        """Return the model, and on how many rows it was trained."""
        try:
            held = json.loads(self.path.read_text(encoding="utf-8"))
            counts = tuple(
                {value: np.array(number) for value, number in column.items()} for column in held["counts"]
            )
            model = NaiveBayesCounts(
                np.array(held["classes"]),
                np.array(held["class_counts"]),
                counts,
                held["edges"],
                held["smoothing"],
            )
            return model, held["rows"]
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            raise UserError(f"The model {self.path.name} cannot be read: train it again.") from None

    def holding(self, subject: Subject) -> Holding:
        """Count the person's rows that the model was trained on."""
        rows, labels, keys = self._rows()
        if self._retired(labels):
            return Holding(self.name, self.data_class, 0)
        model, trained = self.load()
        own = np.isin(keys, subject_values(subject, self.training.by))
        # As many rows as the file has is the usual case; with another number only a training tells.
        gone = trained != len(keys) and own.any() and self._never_saw(model, rows, labels, keys, own)
        return Holding(self.name, self.data_class, 0 if gone else int(own.sum()))

    def export(self, subject: Subject) -> list[Mapping[str, Any]]:
        """Return nothing: the model is counts of all."""
        return []

    def correct(self, subject: Subject, field: str, value: Any, *, record: str | None = None) -> int:
        """Refuse: the training row is corrected, and the model trained again."""
        raise UserError(f"{self.name} follows from its training rows: correct them, then train it again.")

    def erase(self, subjects: Sequence[Subject]) -> Removal:
        """Count the persons' rows back, and compare with a training that never saw them."""
        wanted = [value for subject in subjects for value in subject_values(subject, self.training.by)]
        rows, labels, keys = self._rows()
        own = np.isin(keys, wanted)
        # Interrupted after the file went, the rows of these persons are still there.
        if self._retired(labels[~own]):
            return Removal(self.name, RETIRED, 0)
        model, trained = self.load()
        if trained > len(keys):
            # The file has forgotten rows that the model still counts.
            return Removal(self.name, self._train_again(labels), trained - len(keys))
        if not own.any() or self._never_saw(model, rows, labels, keys, own):
            return Removal(self.name, "unlearned", 0)  # interrupted before it was noted
        if not _trainable(labels[~own]):
            wipe(self.path)
            return Removal(self.name, RETIRED, int(own.sum()), 0, TOO_FEW)
        fresh = self._trained(rows, labels, keys, ~own)
        exact = _text(self._trained(rows, labels, keys, np.ones(len(keys), dtype=bool)), 0) == _text(model, 0)
        if exact:
            done = CountingTraining(model, rows, labels, keys).erase(sorted(set(keys[own]))).model
            exact = _text(done, 0) == _text(fresh, 0)
        with rewriting(self.path) as draft:
            draft.write_text(_text(fresh, int((~own).sum())), encoding="utf-8")
        if not exact:
            note = "It had not been trained on its rows as they stand."
            return Removal(self.name, "trained again without the person", int(own.sum()), 0, note)
        note = "Equal, count by count, to a training that never saw the person."
        return Removal(self.name, "unlearned", int(own.sum()), 0, note)

    def expire(self, before: date, keep: frozenset[str] = frozenset()) -> Removal:
        """Train again on the rows that the training file still holds."""
        _, labels, keys = self._rows()
        if self._retired(labels):
            return Removal(self.name, RETIRED, 0)
        _, trained = self.load()
        return Removal(self.name, self._train_again(labels), trained - len(keys))

    def _trained(
        self, rows: pd.DataFrame, labels: np.ndarray, keys: np.ndarray, kept: np.ndarray
    ) -> NaiveBayesCounts:
        return train_counting(rows[kept], labels[kept], ids=keys[kept], edges=self.edges).model

    def _never_saw(
        self,
        model: NaiveBayesCounts,
        rows: pd.DataFrame,
        labels: np.ndarray,
        keys: np.ndarray,
        own: np.ndarray,
    ) -> bool:
        """Return whether the model is the one that training without these rows makes."""
        if not _trainable(labels[~own]):
            return False
        return _text(self._trained(rows, labels, keys, ~own), 0) == _text(model, 0)

    def _retired(self, labels: np.ndarray) -> bool:
        return not _trainable(labels) and not self.path.exists()

    def _train_again(self, labels: np.ndarray) -> str:
        """Train on all rows, or retire the model where they are too few; return which."""
        if _trainable(labels):
            self.create()
            return "trained again"
        wipe(self.path)
        return RETIRED

    def _rows(self) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
        columns = [self.training.column, self.label, *self.features]
        frame = pd.DataFrame(self.training.rows(columns), columns=columns)
        keys = frame[self.training.column].astype(str).to_numpy()
        return frame[list(self.features)], frame[self.label].to_numpy(), keys


def _trainable(labels: np.ndarray) -> bool:
    return len(np.unique(labels)) > 1


def _text(model: NaiveBayesCounts, rows: int) -> str:
    fields = {
        "classes": model.classes_.tolist(),
        "class_counts": model.class_counts.tolist(),
        "counts": [{value: column[value].tolist() for value in sorted(column)} for column in model.counts],
        "edges": {name: list(cuts) for name, cuts in model.edges.items()},
        "smoothing": model.smoothing,
        "rows": rows,
    }
    return json.dumps(fields, ensure_ascii=False) + "\n"
