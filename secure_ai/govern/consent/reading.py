"""Rows that were let through for a purpose, and are looked at again each time they are used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown
from secure_ai.govern.consent.answers import Answer
from secure_ai.monitor.alerts.alert import counted

if TYPE_CHECKING:
    from secure_ai.govern.consent.gate import ConsentGate

Person = str | Sequence[str]


class Reading:
    """Rows that may be used for a purpose, as long as they may.

    Each access asks the ledger again: whoever withdrew since is gone from the rows. What a caller copied out
    before is the caller's, and out of reach.

    Attributes:
        purpose, actor: what for, and by whom.
        rows: how many were let through at first.
        left_out: how many were not.
    """

    def __init__(
        self,
        gate: ConsentGate,
        frame: pd.DataFrame,
        answers: Sequence[Answer],
        mask: np.ndarray,
        *,
        purpose: str,
        actor: str,
    ) -> None:
        self._gate, self._frame = gate, frame
        # Of several columns each was answered at its own moment: the oldest is what still has to be checked.
        self._epoch = min((answer.epoch for answer in answers), key=lambda epoch: epoch.sequence)
        self._people = [np.asarray(answer.pseudonyms, dtype=object) for answer in answers]
        self._places = [answer.places[mask] for answer in answers]
        self.used: dict[str, str] = {}
        for answer, places in zip(answers, self._places, strict=True):
            # Counting, as sorting a million places costs more than the rest of the gate.
            there = np.bincount(places + 1, minlength=len(answer.keys) + 1)[1:]
            for place in np.flatnonzero(there).tolist():
                if answer.keys[place]:
                    self.used[answer.pseudonyms[place]] = answer.keys[place]
        self._numbers = np.arange(len(frame))
        self.purpose, self.actor = gate.ledger.purposes[purpose].word, actor
        self.rows, self.left_out = len(frame), int((~mask).sum())

    def __repr__(self) -> str:
        """Show counts, never rows."""
        return f"Reading({self.purpose}: {self.rows:,} rows, {self.left_out:,} left out)"

    @property
    def frame(self) -> pd.DataFrame:
        """The rows of those whose records may still be used."""
        self._check()
        return self._frame.copy()

    def batches(self, rows: int = 65_536) -> Iterator[pd.DataFrame]:
        """Yield the rows in parts, asking the ledger before each."""
        if type(rows) is not int or rows < 1:
            raise UserError("A batch has 1 row or more.")
        done = -1
        while True:
            self._check()
            start = int(np.searchsorted(self._numbers, done, side="right"))
            if start >= len(self._numbers):
                return
            part = self._frame.iloc[start : start + rows]
            done = int(self._numbers[start + len(part) - 1])
            yield part.copy()

    def _check(self) -> None:
        still, epoch = self._gate.ledger.still_allowed(self.used, self.purpose, self._epoch)
        if gone := self.used.keys() - still:
            keep = np.ones(len(self._frame), dtype=bool)
            for people, places in zip(self._people, self._places, strict=True):
                lost = np.fromiter((person in gone for person in people), bool, len(people))
                keep &= ~np.append(lost, False)[places]
            self._frame, self._numbers = self._frame[keep], self._numbers[keep]
            self._places = [places[keep] for places in self._places]
            self.used = {person: key for person, key in self.used.items() if person in still}
            self._gate.note(
                self.actor, "shorten reading", "rows read before", "denied", purpose=self.purpose,
                reason=f"{counted(len(gone), 'person', 'people')} may no longer be used",
            )  # fmt: skip
        self._epoch = epoch


def person_columns(columns: Sequence[str], person: Person) -> list[str]:
    """Return the columns that name people.

    Raises:
        UserError: if one is missing, or there twice.
    """
    names = [person] if isinstance(person, str) else column_names(person or ())
    if not names:
        raise UserError("Name the column that holds the keys of people.")
    for name in names:
        count = list(columns).count(name)
        if count != 1:
            there = "no column" if not count else f"{count} columns"
            raise UserError(
                f"The table has {there} '{shown(str(name))}': name the one column that holds the keys of "
                "people."
            )
    return names


def column_names(columns: object) -> list[str]:
    """Return names of columns as a list.

    Raises:
        UserError: if they are something else.
    """
    names = (
        list(columns) if isinstance(columns, Iterable) and not isinstance(columns, str | bytes) else [None]
    )
    if not all(isinstance(name, str) for name in names):
        raise UserError("The columns are a list of names, such as ['cost']: give that.")
    return names
