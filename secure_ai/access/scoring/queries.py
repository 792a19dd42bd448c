"""What a scoring service tells those who watch: each batch with its inputs on one scale."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from secure_ai.core.errors import UserError


@dataclass(frozen=True)
class Query:
    """A batch that was answered.

    Attributes:
        event_id: of the request, as in the audit trail.
        time: when, in UTC, ISO 8601, as in the audit trail.
        actor: who asked.
        model: which model, with its version.
        purpose: what for.
        inputs: (rows, inputs) on one scale, see :class:`InputScale`; not shown by ``repr``.
        scores: (rows,) the probability of the model's last class, before the answer policy.
    """

    event_id: str
    time: str
    actor: str
    model: str
    purpose: str
    inputs: np.ndarray = field(repr=False)
    scores: np.ndarray = field(repr=False)

    def __len__(self) -> int:
        return len(self.inputs)

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each record: event_id, time, actor, model, x0, x1, ..., score.

        That is the table of model queries that ``secure_ai.monitor.detection`` reads.
        """
        rows, inputs = self.inputs.shape
        return pd.DataFrame(
            {
                "event_id": [f"{self.event_id}-{number}" for number in range(rows)],
                "time": pd.to_datetime([self.time] * rows, utc=True),
                "actor": self.actor,
                "model": self.model,
                **{f"x{place}": self.inputs[:, place] for place in range(inputs)},
                "score": self.scores,
            }
        )


class QueryLog:
    """Keeps every query that it is called with, such as a quiet past for a detector to learn from."""

    def __init__(self) -> None:
        self.queries: list[Query] = []
        self._lock = threading.Lock()

    def __call__(self, query: Query) -> None:
        with self._lock:
            self.queries.append(query)

    def to_frame(self) -> pd.DataFrame:
        """Return all records, one row each; see :meth:`Query.to_frame`."""
        frames = [query.to_frame() for query in self.queries]
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


@dataclass(frozen=True)
class InputScale:
    """Puts records on one scale: each input with mean 0 and spread 1 on the reference.

    A category becomes one number, so that changing it changes one input: its place among the reference's
    categories, the most frequent first; one that the reference does not have comes after all of them. What is
    missing takes the middle (0).

    Attributes:
        columns: the inputs, in order.
        categories: column -> its categories, for columns that are no numbers.
        means, spreads: of each column on the reference.
    """

    columns: tuple[str, ...]
    categories: Mapping[str, Mapping[Any, int]] = field(repr=False)
    means: np.ndarray = field(repr=False)
    spreads: np.ndarray = field(repr=False)

    @classmethod
    def learn(cls, reference: Any) -> InputScale:
        """Learn from reference rows, such as the training data (a frame, or an array rows x features).

        Raises:
            UserError: if there are none.
        """
        frame = as_frame(reference)
        if not len(frame):
            raise UserError("The scale of the inputs needs reference rows: give part of the training data.")
        categories = {}
        for name in frame.columns:
            if not pd.api.types.is_numeric_dtype(frame[name]):
                counts = frame[name].astype(object).value_counts()
                ordered = sorted(counts.index, key=lambda value: (-counts[value], str(value)))
                categories[name] = {value: place for place, value in enumerate(ordered)}
        raw = _numbers(frame, tuple(frame.columns), categories)
        means = np.nanmean(raw, axis=0)
        spreads = np.nanstd(raw, axis=0)
        return cls(
            tuple(frame.columns), categories, np.nan_to_num(means), np.where(spreads > 0, spreads, 1.0)
        )

    def apply(self, rows: Any) -> np.ndarray:
        """Return (rows, inputs) numbers on the scale.

        Raises:
            UserError: if a column is missing.
        """
        frame = as_frame(rows)
        missing = [name for name in self.columns if name not in frame.columns]
        if missing:
            raise UserError(f"The records have no column '{missing[0]}': give all that the model takes.")
        raw = _numbers(frame, self.columns, self.categories)
        return np.nan_to_num((raw - self.means) / self.spreads, nan=0.0, posinf=1e6, neginf=-1e6)


def as_frame(rows: Any) -> pd.DataFrame:
    """Return rows as a frame; the columns of an array are named x0, x1, ..."""
    if isinstance(rows, pd.DataFrame):
        return rows
    array = np.asarray(rows)
    array = array.reshape(len(array), -1)
    return pd.DataFrame(array, columns=[f"x{place}" for place in range(array.shape[1])])


def _numbers(
    frame: pd.DataFrame, columns: Sequence[str], categories: Mapping[str, Mapping[Any, int]]
) -> np.ndarray:
    made = np.empty((len(frame), len(columns)))
    for place, name in enumerate(columns):
        values = frame[name]
        if name in categories:
            known = categories[name]
            made[:, place] = [known.get(value, len(known)) for value in values.astype(object)]
        else:
            made[:, place] = pd.to_numeric(values, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    return made
