"""Label flipping: rows stay as they are, and some get another label; at random, or those of one group.

Source: Biggio, Nelson & Laskov, Support vector machines under adversarial label noise (2011).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from secure_ai.attack.poisoning.poisoned import Poisoned, how_many, label_array
from secure_ai.core import UserError


def flip_labels(rows: Any, labels: Any, share: float, *, seed: int = 0) -> Poisoned:
    """Give ``share`` of all rows, drawn at random, another label (any of the others, alike).

    Args:
        rows: features, a frame or an array; not changed.
        labels: (rows,) classes.
        share: of all rows, between 0 and 1.
        seed: of the draw.

    Raises:
        UserError: if the share makes no row, or labels do not fit.
    """
    before = label_array(labels, rows)
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(before), how_many(len(before), share, len(before), "rows"), replace=False)
    classes, codes = np.unique(before, return_inverse=True)
    steps = rng.integers(1, len(classes), len(chosen))
    after = before.copy()
    after[chosen] = classes[(codes[chosen] + steps) % len(classes)]
    return Poisoned(rows, after, _marked(len(before), chosen), "labels flipped at random")


def flip_group(
    rows: Any, labels: Any, group: Any, to: Any, share: float | None = None, *, seed: int = 0
) -> Poisoned:
    """Give rows of one group the label ``to``, so that the model learns to answer it for that group.

    Args:
        rows: features, a frame or an array; not changed.
        labels: (rows,) classes.
        group: (rows,) booleans, such as ``frame["purpose"] == "medical"``.
        to: the label that they get.
        share: of *all* rows; None flips every row of the group that has another label.
        seed: of the draw within the group.

    Raises:
        UserError: if the group has no row with another label, or fewer than ``share`` makes.
    """
    before = label_array(labels, rows)
    if to not in before:
        raise UserError("No row has the label of to=: choose one of the classes.")
    inside = np.asarray(group, dtype=bool).ravel()
    if len(inside) != len(before):
        raise UserError(
            f"There are {len(before):,} rows, and group= marks {len(inside):,}: give one mark for each."
        )
    places = np.flatnonzero(inside & (before != to))
    if not len(places):
        raise UserError("No row of the group has another label than to=: there is nothing to flip.")
    if share is not None:
        count = how_many(len(before), share, len(places), "rows of the group with another label")
        places = np.random.default_rng(seed).choice(places, count, replace=False)
    after = before.copy()
    after[places] = to
    return Poisoned(rows, after, _marked(len(before), places), "labels of one group flipped")


def _marked(rows: int, places: np.ndarray) -> np.ndarray:
    marks = np.zeros(rows, dtype=bool)
    marks[places] = True
    return marks
