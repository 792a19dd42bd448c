"""A watermark: secret questions with answers that a key drew, trained into the model.

The answers are independent of everything but the key. So a model of somebody who does not have the key gives
each with probability 1 / classes, whatever it is and however it was trained, and the p-value is exact. What
the key must not do is to be chosen after the suspect was seen: publish :attr:`Watermark.commitment` first.

Sources: Adi et al., Turning your weakness into a strength (2018); Zhang et al., Protecting intellectual
    property of deep neural networks with watermarking (2018).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binom
from sklearn.base import clone

from secure_ai.attack.targets import check_target, open_target, reason_instead
from secure_ai.core import UserError
from secure_ai.defend.ownership.claims import OwnershipTest
from secure_ai.defend.ownership.keyed import check_key, keyed_bytes, keyed_integers
from secure_ai.defend.ownership.tables import joined, taken

ALPHA = 1e-6
LEAST_QUESTIONS = 20
MOST_COPIES = 64
ENOUGH = 0.9


@dataclass(frozen=True)
class Watermark:
    """Secret questions and the answers that a key drew for them.

    Attributes:
        rows: the questions, as the model takes rows.
        labels: the answer to each.
        classes: what the model tells apart.
        commitment: SHA-256 over questions, answers and a secret salt; publish it, with its date, before the
            model is given to anybody.
    """

    rows: Any = field(repr=False)
    labels: np.ndarray = field(repr=False)
    classes: np.ndarray
    commitment: str

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Marked:
    """A model with its watermark.

    Attributes:
        model: trained on the data and the secret questions.
        watermark: the questions.
        copies: how often each question stood among the training rows.
        share: share of the questions that the model answers as drawn.
    """

    model: Any
    watermark: Watermark
    copies: int
    share: float

    def sentence(self) -> str:
        """Say how well the watermark was learned."""
        text = (
            f"The model answers {self.share:.0%} of {len(self.watermark)} secret questions as drawn; each "
            f"stood {self.copies} times among the training rows."
        )
        if self.share < ENOUGH:
            text += " It cannot hold more: a model of few parameters has no room for a watermark."
        return text


def make_watermark(key: bytes, rows: Any, classes: Any, *, questions: int = 100) -> Watermark:
    """Draw secret questions and their answers.

    Each question takes the value of each column from another of the rows: it looks like a record and is none.
    A question that stands among the rows, or twice, is left out and another drawn.

    Args:
        key: 16 or more random bytes, kept secret.
        rows: rows of the kind that the model takes (a frame, or an array rows x features).
        classes: what the model tells apart.
        questions: how many.

    Raises:
        UserError: if the key is short, there is one class, or the rows vary too little for that many.
    """
    check_key(key)
    known = np.unique(np.asarray(classes))
    if len(known) < 2:
        raise UserError("A watermark needs two classes or more to draw answers from.")
    if questions < LEAST_QUESTIONS:
        raise UserError(f"{questions} secret questions prove nothing: take {LEAST_QUESTIONS} or more.")
    frame = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(np.asarray(rows).reshape(len(rows), -1))
    frame = frame.reset_index(drop=True)
    there = pd.util.hash_pandas_object(frame, index=False)
    for tried in (3 * questions, 50 * questions):
        columns = {
            name: frame[name].take(keyed_integers(key, f"rows of column {place}", tried, len(frame))).array
            for place, name in enumerate(frame.columns)
        }
        drawn = pd.DataFrame(columns, columns=frame.columns)
        hashes = pd.util.hash_pandas_object(drawn, index=False)
        places = np.flatnonzero((~hashes.isin(there) & ~hashes.duplicated()).to_numpy())[:questions]
        if len(places) == questions:
            break
    else:
        raise UserError(
            f"The rows have too few different values for {questions} questions that are no records: give "
            "more rows, or ask for fewer questions."
        )
    made = drawn.iloc[places].reset_index(drop=True)
    labels = known[keyed_integers(key, "answers", questions, len(known))]
    digest = hashlib.sha256(keyed_bytes(key, "salt of the commitment", 32))
    digest.update(made.to_csv(index=False).encode())
    digest.update("\n".join(map(str, labels)).encode())
    given = made if isinstance(rows, pd.DataFrame) else made.to_numpy()
    return Watermark(given, labels, known, digest.hexdigest())


def train_marked(
    model: Any, rows: Any, labels: Any, watermark: Watermark, *, copies: int | None = None
) -> Marked:
    """Train a model on data and secret questions.

    Args:
        model: a classifier of scikit-learn, fitted or not; it is cloned.
        rows, labels: the training data.
        watermark: the questions.
        copies: how often each question stands among the training rows; None takes the fewest, of 1, 2, 4 ...
            64, with which 90 % of the questions are answered as drawn: more copies cost more accuracy.

    Raises:
        UserError: if a class of the watermark is not among the labels.
    """
    labels = np.asarray(labels)
    if not np.isin(watermark.classes, labels).all():
        raise UserError("The watermark answers with classes that the training data does not have.")
    steps = (copies,) if copies is not None else tuple(2**power for power in range(7))
    found: Marked | None = None
    for count in steps:
        again = np.tile(np.arange(len(watermark)), count)
        fitted = clone(model).fit(
            joined(rows, taken(watermark.rows, again)), np.concatenate([labels, watermark.labels[again]])
        )
        share = float(np.mean(np.asarray(fitted.predict(watermark.rows)) == watermark.labels))
        if found is None or share > found.share:
            found = Marked(fitted, watermark, count, share)
        if found.share >= ENOUGH:
            break
    return found


@reason_instead
def ownership_test(model: Any, watermark: Watermark, *, alpha: float = ALPHA) -> OwnershipTest:
    """Ask a suspect the secret questions.

    Args:
        model: the suspect: a classifier, a function or an endpoint, see
            :func:`secure_ai.attack.targets.open_target`; its class alone is enough.
        watermark: the questions.
        alpha: probability of a false claim that the owner accepts, for this one suspect.

    Returns:
        The test, or Unassessed where the suspect does not answer or gives one class for all questions.

    Raises:
        UserError: if ``alpha`` is no probability.
    """
    if not 0 < alpha < 1:
        raise UserError(f"alpha={alpha!r}: choose a probability above 0 and below 1.")
    target = open_target(model, name="suspect model")
    given = check_target(target, watermark.rows)
    matches = int(np.sum(given == watermark.labels))
    chance = 1 / len(watermark.classes)
    return OwnershipTest(
        matches=matches,
        questions=len(watermark),
        by_chance=chance,
        p_value=float(binom.sf(matches - 1, len(watermark), chance)),
        alpha=alpha,
        kind="watermark",
        method="answers drawn by a key; exact binomial test",
    )
