"""What a thief asks and keeps: rows made of own ones, and a transcript of questions and answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from secure_ai.attack.extraction.coding import as_frame, is_number, like
from secure_ai.attack.targets import Target

EXCHANGED = 0.3


def recombined_rows(rows: Any, count: int, *, seed: int | np.random.Generator = 0) -> Any:
    """Return ``count`` new rows: an own row with about 30 % of its values taken from another own row.

    Numbers are taken over, or put between those of both rows (whole numbers stay whole). No value leaves the
    range or the categories of the own rows, so that a check of single fields does not notice.

    Args:
        rows: a frame, or an array rows x features; returned in the same kind.
        count: how many.
        seed: of the draws.
    """
    rng = np.random.default_rng(seed)
    frame = as_frame(rows)
    first, second = rng.integers(len(frame), size=(2, count))
    exchanged = rng.random((count, frame.shape[1])) < EXCHANGED
    made = {}
    for place, name in enumerate(frame):
        column = frame[name]
        own, other = column.iloc[first].reset_index(drop=True), column.iloc[second].reset_index(drop=True)
        if is_number(column) and column.nunique() > 2:
            share = np.where(rng.random(count) < 0.5, 1.0, rng.random(count))
            pair = (own.astype(float), other.astype(float))
            between = (pair[0] + share * (pair[1] - pair[0])).clip(np.minimum(*pair), np.maximum(*pair))
            if pd.api.types.is_integer_dtype(column.dtype):
                between = between.round()
            other = between.astype(column.dtype)
        made[name] = own.where(~exchanged[:, place], other)
    return like(pd.DataFrame(made), rows)


def question_pool(
    rows: Any, size: int, *, recombine: bool = True, seed: int | np.random.Generator = 0
) -> Any:
    """Return about ``size`` distinct rows to ask about: own ones first, then recombined ones.

    Args:
        rows: a frame, or an array rows x features; returned in the same kind.
        size: how many; fewer if some are alike, or if there are too few own rows and none may be made.
        recombine: make rows (:func:`recombined_rows`).
        seed: of the draws.
    """
    rng = np.random.default_rng(seed)
    own = as_frame(rows)
    own = own.iloc[rng.permutation(len(own))[:size]]
    if recombine and len(own) < size:
        made = as_frame(recombined_rows(rows, size - len(own), seed=rng))
        own = pd.concat([own, made], ignore_index=True)
    return like(own.drop_duplicates(ignore_index=True), rows)


def taken(rows: Any, places: np.ndarray) -> Any:
    """Return the rows at these places, in the kind of the rows."""
    return rows.iloc[places] if isinstance(rows, pd.DataFrame) else rows[places]


class Transcript:
    """A target together with all that it was asked and answered: what the thief learns from.

    It is itself something that can be asked (:func:`secure_ai.attack.targets.open_target`).

    Args:
        target: what is asked.

    Attributes:
        queries: rows asked through this transcript.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self.classes = target.classes
        self.answer = target.answer
        self._asked: list[Any] = []
        self._answers: list[np.ndarray] = []

    def ask(self, rows: Any) -> np.ndarray:
        """Ask about rows, keep questions and answers, and return the answers."""
        ask = self._target.probabilities if self.answer == "probabilities" else self._target.labels
        answers = ask(rows)
        self._asked.append(rows)
        self._answers.append(answers)
        return answers

    @property
    def queries(self) -> int:
        return sum(map(len, self._answers))

    def rows(self) -> pd.DataFrame:
        """Return all questions, in order, as a frame."""
        return pd.concat([as_frame(rows) for rows in self._asked], ignore_index=True)

    def answers(self) -> np.ndarray:
        """Return all answers, in order: probabilities (rows x classes) or labels."""
        return np.concatenate(self._answers)

    def labels(self) -> np.ndarray:
        """Return the class of each answer."""
        answers = self.answers()
        return self.decide(answers) if self.answer == "probabilities" else answers

    @property
    def threshold(self) -> float:
        """Return the probability of the second of two classes at which a copy has its boundary."""
        return self._target.threshold if self.answer == "probabilities" else 0.5

    def decide(self, probabilities: np.ndarray) -> np.ndarray:
        """Return the classes that the target would give for probabilities; asks nothing."""
        return self._target.decide(probabilities)
