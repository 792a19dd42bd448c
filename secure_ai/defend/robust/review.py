"""The reject option: cases near the border go to a person, and how many people that takes.

Source: Chow, On optimum recognition error and reject tradeoff (1970).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from secure_ai.attack.targets import TargetError, check_probabilities, check_rows, open_target
from secure_ai.core import UserError
from secure_ai.core.intervals import wilson
from secure_ai.defend.robust.decisions import above, needs_probabilities

SHARES = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5)


class ReviewByMargin:
    """A model that hands over cases about which it is not sure enough.

    Args:
        model: any classifier with probabilities.
        least: probability of the answer below which a person decides.
        protect: the only answer that needs it (the one an attacker wants); None for all.

    Raises:
        TargetError: if the model gives no probabilities.
        UserError: if an argument is wrong.
    """

    def __init__(self, model: Any, least: float, *, protect: Any = None) -> None:
        self.target = open_target(model)
        needs_probabilities(self.target, "review by margin")
        self.classes = self.target.classes
        if not 0 < least <= 1:
            raise UserError(f"least={least!r}: give a probability above 0 and up to 1.")
        if protect is not None:
            self.target.index_of(protect)
        self.least, self.protect = least, protect

    def classify(self, rows: Any) -> np.ndarray:
        """Return (rows,) classes, of unsure cases too."""
        return self.target.labels(rows)

    def passes(self, rows: Any, label: Any) -> np.ndarray:
        """Return (rows,): the probability of the label, moved so that 0.5 is where no person looks."""
        place = self.target.index_of(label)
        chances = self.target.probabilities(rows)
        needed = self.least if self.protect is None or label == self.protect else 0.0
        if len(self.classes) == 2:
            border = self.target.threshold if place else np.nextafter(1 - self.target.threshold, 1)
            return above(chances[:, place], float(max(needed, border)))
        score = above(chances[:, place], max(needed, 1e-12))
        beaten = chances.argmax(axis=1) != place
        return np.where(beaten, np.minimum(score, 0.499), score)

    def reviewed(self, rows: Any) -> np.ndarray:
        """Return (rows,): which go to a person."""
        labels = self.target.labels(rows)
        sure = _sureness(self.target.probabilities(rows), labels, self.classes)
        unsure = sure < self.least
        return unsure if self.protect is None else unsure & (labels == self.protect)


def review_by_margin(
    model: Any, clean_rows: Any, *, share: float = 0.1, protect: Any = None
) -> ReviewByMargin:
    """Return the model with the margin at which a given share of ordinary cases goes to a person.

    Args:
        model: any classifier with probabilities.
        clean_rows: ordinary cases on which the model was not trained.
        share: of all cases, how many people can look at.
        protect: the only answer that is looked at (the one an attacker wants); None for all.

    Raises:
        TargetError: if the model gives no probabilities, or the same one for all cases.
        UserError: if the share is none.
    """
    if not 0 < share < 1:
        raise UserError(f"share={share!r}: give a share between 0 and 1.")
    check_rows(clean_rows, what="clean rows")
    target = open_target(model)
    needs_probabilities(target, "review by margin")
    chances = check_probabilities(target, clean_rows)
    labels = target.decide(chances)
    sure = _sureness(chances, labels, target.classes)
    if protect is not None:
        target.index_of(protect)
        sure = sure[labels == protect]
        if not len(sure):
            raise TargetError(f"The {target.name} never gives the answer that is to be protected.")
    place = min(len(sure) - 1, round(share * len(clean_rows)))
    return ReviewByMargin(target, float(np.clip(np.sort(sure)[place], 1e-9, 1)), protect=protect)


def review_curve(model: Any, rows: Any, labels: Any, *, shares: Sequence[float] = SHARES) -> pd.DataFrame:
    """Return what people's attention buys: the least sure cases first.

    Args:
        model: any classifier with probabilities.
        rows, labels: cases on which the model was not trained, and their true classes.
        shares: of all cases, how many go to a person.

    Returns:
        Columns share, least (probability of the answer below which a person decides), decided (cases that
        the model decides alone), accuracy (of those), low, high (95 %), wrong_per_1000 (of all cases).

    Raises:
        TargetError: if the model gives no probabilities.
    """
    check_rows(rows)
    target = open_target(model)
    needs_probabilities(target, "review by margin")
    if len(labels) != len(rows):
        raise UserError(f"There are {len(rows):,} rows and {len(labels):,} labels: give one for each.")
    chances = check_probabilities(target, rows)
    told = target.decide(chances)
    sure = _sureness(chances, told, target.classes)
    right = told == np.asarray(labels)
    order = np.argsort(sure, kind="stable")
    found = []
    for share in shares:
        if not 0 <= share < 1:
            raise UserError(f"shares: {share!r} is no share from 0 to below 1.")
        kept = order[round(share * len(order)) :]
        hits = int(right[kept].sum())
        wrong = 1000 * (len(kept) - hits) / len(order)
        found.append(
            (share, float(sure[kept[0]]), len(kept), hits / len(kept), *wilson(hits, len(kept)), wrong)
        )
    columns = ["share", "least", "decided", "accuracy", "low", "high", "wrong_per_1000"]
    return pd.DataFrame(found, columns=columns)


def people_needed(cases_per_day: float, share: float, *, minutes: float, hours: float = 6.0) -> int:
    """Return how many people it takes to look at a share of all cases.

    Args:
        cases_per_day: that come in.
        share: that goes to a person.
        minutes: for one case.
        hours: that one person can spend on it in a day.

    Raises:
        UserError: if a figure is negative, or a person has no time.
    """
    if min(cases_per_day, share, minutes) < 0 or hours <= 0 or share > 1:
        raise UserError("Give cases and minutes of 0 or more, a share from 0 to 1, and hours above 0.")
    return math.ceil(round(cases_per_day * share * minutes / (60 * hours), 9))


def _sureness(chances: np.ndarray, labels: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Return (rows,) the probability of the class that is given."""
    place = {label: at for at, label in enumerate(classes.tolist())}
    return chances[np.arange(len(labels)), [place[label] for label in labels.tolist()]]
