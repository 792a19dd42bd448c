"""What a lying participant sends in place of its honest update; each takes and returns flat vectors.

Sources:
    Tolpegin et al., Data poisoning attacks against federated learning systems (2020), flipped labels;
    Blanchard et al., Machine learning with adversaries (2017), opposite and scaled updates;
    Bagdasaryan et al., How to backdoor federated learning (2020), replacing the model.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from secure_ai.core.errors import UserError


def flip_labels(labels: Any, *, classes: Any = None) -> np.ndarray:
    """Return labels of which each is the next class: of two classes, the other one.

    Args:
        labels: (records,).
        classes: all classes; None takes those among the labels.

    Raises:
        UserError: if there are fewer than two classes.
    """
    found = np.asarray(labels).ravel()
    known = np.unique(found if classes is None else np.asarray(list(classes)))
    if len(known) < 2 or not np.isin(found, known).all():
        raise UserError("Flipping labels takes two classes or more: state them in classes=.")
    return known[(np.searchsorted(known, found) + 1) % len(known)]


def scaled_change(change: Any, factor: float = 10.0) -> np.ndarray:
    """Return an update made ``factor`` times as long, so that it outweighs the others."""
    return factor * np.asarray(change, dtype=float)


def opposite_change(change: Any, factor: float = 1.0) -> np.ndarray:
    """Return an update that undoes what was learned, ``factor`` times over."""
    return -factor * np.asarray(change, dtype=float)


def replacing_change(start: Any, wanted: Any, share: float) -> np.ndarray:
    """Return the update after which the mean is the model that the liar wants, if the others stand still.

    Args:
        start: (weights,) the common weights.
        wanted: (weights,) those that the liar wants.
        share: its weight in the mean, above 0.

    Raises:
        UserError: if the share is not above 0 and at most 1.
    """
    if not 0 < share <= 1:
        raise UserError(f"share={share!r:.40}: choose a number above 0 and at most 1.")
    return (np.asarray(wanted, dtype=float) - np.asarray(start, dtype=float)) / share


def not_numbers(change: Any, share: float = 0.1, *, seed: int = 0) -> np.ndarray:
    """Return an update of which a share (one number at least) is NaN, as broken training sends it."""
    broken = np.array(change, dtype=float)
    chosen = np.random.default_rng(seed).permutation(broken.size)[: max(1, round(share * broken.size))]
    broken.flat[chosen] = np.nan
    return broken
