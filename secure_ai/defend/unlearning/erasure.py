"""What an erasure leaves behind: the new training, and a receipt without a personal value."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from secure_ai.core.figures import percent
from secure_ai.core.outputs import write_json


class Training(Protocol):
    """A model with what is needed to take records out of it again.

    Attributes:
        model: the classifier, with ``predict_proba`` and ``classes_``.
        rows, labels: what it was trained on.
        keys: (rows,) the identifier of each row's person, as text.
    """

    model: Any
    rows: Any
    labels: np.ndarray
    keys: np.ndarray

    def erase(self, ids: Any) -> Erasure:
        """Return the training without these records, and a receipt."""
        ...

    def from_scratch(self, ids: Any, *, seed: int | None = None) -> Any:
        """Return the model that training without these records from the beginning makes.

        A seed is that of another training, where training draws at random.
        """
        ...


@dataclass(frozen=True)
class Receipt:
    """What was done for an erasure request; it names no record.

    Attributes:
        method: how the records were taken out.
        exact: whether the result is the one that training without the records makes, up to rounding.
        records: rows that were erased.
        people: identifiers that the request named.
        remaining: rows that are left.
        parts_changed: numbers of the parts (shards) that were made anew, from 1.
        parts: of how many.
        work: training rows that were gone through (a row that half of a model sees counts half).
        work_from_scratch: the same of training from the beginning without the records.
        digest_before, digest_after: SHA-256 of what the model answers to the remaining rows.
        compared: what the result was compared with; "" where it was not.
        largest_difference: greatest difference of a probability in that comparison; None without one.
        epsilon, delta: how well noise hides what is left of the records, where the method is not exact; None
            where it promises nothing.
        note: what must be known of the method.
    """

    method: str
    exact: bool
    records: int
    people: int
    remaining: int
    parts_changed: tuple[int, ...]
    parts: int
    work: float
    work_from_scratch: float
    digest_before: str
    digest_after: str
    compared: str = ""
    largest_difference: float | None = None
    epsilon: float | None = None
    delta: float | None = None
    note: str = ""

    @classmethod
    def of(
        cls,
        gone: np.ndarray,
        keys: np.ndarray,
        *,
        parts_changed: tuple[int, ...] = (1,),
        parts: int = 1,
        **rest: Any,
    ) -> Receipt:
        """Return the receipt of a request, its rows and people counted.

        Args:
            gone: mask of the rows that were erased.
            keys: (rows,) the identifier of each row's person.
            parts_changed, parts: of a model that is one piece if not given.
            rest: further fields.
        """
        return cls(
            records=int(gone.sum()),
            people=len(np.unique(keys[gone].astype(str))),
            remaining=int((~gone).sum()),
            parts_changed=parts_changed,
            parts=parts,
            **rest,
        )

    @property
    def share_of_work(self) -> float:
        """What the erasure cost, as a share of training from the beginning."""
        return self.work / self.work_from_scratch

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain JSON-ready values."""
        return asdict(self) | {"parts_changed": list(self.parts_changed)}

    def save(self, path: str | Path) -> Path:
        """Write the receipt as JSON; a previous file is replaced.

        Raises:
            UserError: if it cannot be written.
        """
        return write_json(path, self.to_dict())

    def sentence(self) -> str:
        """Say what was done, what it cost, and what it was compared with."""
        parts = f"{len(self.parts_changed)} of {self.parts} parts" if self.parts > 1 else "the model"
        rows = "row" if self.records == 1 else "rows"
        people = f"{'person' if self.people == 1 else 'people'} {'was' if self.records == 1 else 'were'}"
        text = (
            f"{self.records:,} {rows} of {self.people:,} {people} erased by {self.method}: {parts} changed, "
            f"for {percent(self.share_of_work)} of the work of training from the beginning; "
            f"{self.remaining:,} rows remain"
        )
        if self.largest_difference is not None:
            text += f". Compared with {self.compared}, no probability differs by more than "
            text += f"{self.largest_difference:.2g}"
        return f"{text}.{' ' + self.note if self.note else ''}"


@dataclass(frozen=True)
class Erasure:
    """An erasure that was carried out.

    Attributes:
        training: without the records; erase further ones from this.
        receipt: what was done.
    """

    training: Any
    receipt: Receipt

    @property
    def model(self) -> Any:
        """The model without the records."""
        return self.training.model

    def sentence(self) -> str:
        """Say what was done."""
        return self.receipt.sentence()


def answers_digest(model: Any, rows: Any) -> str:
    """Return the SHA-256 of the probabilities that the model gives for the rows.

    Two models with one digest answer alike on these rows to the last bit. Answers are taken rather than the
    model's file, because copies of one model seldom make one file.
    """
    answers = np.ascontiguousarray(model.predict_proba(rows), dtype="<f8")
    return hashlib.sha256(repr(answers.shape).encode() + answers.tobytes()).hexdigest()


def largest_difference(one: Any, other: Any, rows: Any) -> float:
    """Return the greatest difference between two models' probabilities for the rows."""
    return float(np.abs(np.asarray(one.predict_proba(rows)) - np.asarray(other.predict_proba(rows))).max())
