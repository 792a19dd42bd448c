"""What a model carries along beside what its kind learns: entries for each record, odd attributes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone

from secure_ai.core.sources import shown
from secure_ai.defend.release.parts import is_sklearn

LEAST = 10  # below, an array of that length is likely to be something else
DEEPEST = 6
MOST = 200_000
# Kept by design and counted as stored records by kind; or as long as there are units, features or trees.
OTHERS = (
    *("X_", "X_fit_", "X_train_", "_fit_X", "_tree", "_y", "y_train_", "support_vectors_"),
    *("coef_", "coefs_", "components_", "intercept_", "intercepts_", "layers_", "weights_"),
    *("_best_coefs", "_best_intercepts", "_optimizer"),
    *("estimator_errors_", "estimator_weights_", "estimators_features_", "estimators_samples_"),
    *("oob_improvement_", "oob_scores_", "train_score_", "validation_score_", "feature_names_in_"),
)


@dataclass(frozen=True, slots=True)
class Hidden:
    """What was found, each as (kind of estimator, attribute).

    Attributes:
        entries: arrays and lists as long as there are training records.
        own: attributes that estimators of scikit-learn of this kind do not have.
    """

    entries: tuple[tuple[str, str], ...] = ()
    own: tuple[tuple[str, str], ...] = ()


def find_hidden(model: Any, records: int | None) -> Hidden:
    """Look through a model's attributes, those of its parts included.

    Args:
        model: a fitted model.
        records: how many it was trained on; None if that is not known, and then only ``own`` is found.
    """
    entries: set[tuple[str, str]] = set()
    own: set[tuple[str, str]] = set()
    for value, owner, name in _attributes(model, records):
        if isinstance(value, BaseEstimator) and is_sklearn(value):
            own |= {(type(value).__name__, shown(attribute)) for attribute in _own_attributes(value)}
        if (
            records is not None
            and records >= LEAST
            and name != "estimators_"
            and _has_entries(value, records)
        ):
            entries.add((owner, shown(name)))
    return Hidden(tuple(sorted(entries)), tuple(sorted(own)))


def _attributes(model: Any, records: int | None) -> Iterator[tuple[Any, str, str]]:
    """Yield everything inside as (value, kind of its estimator, attribute)."""
    seen: set[int] = set()
    pending: list[tuple[Any, str, str, int]] = [(model, type(model).__name__, "", 0)]
    while pending and len(seen) < MOST:
        value, owner, name, depth = pending.pop()
        if id(value) in seen or depth > DEEPEST:
            continue
        seen.add(id(value))
        yield value, owner, name
        if isinstance(value, dict):
            pending += [(inner, owner, name or str(key), depth + 1) for key, inner in value.items()]
        elif isinstance(value, list | tuple):
            pending += [(inner, owner, name, depth + 1) for inner in value[:MOST]]
        elif isinstance(value, np.ndarray) and value.dtype == object:
            pending += [(inner, owner, name, depth + 1) for inner in value.ravel()[:MOST]]
        elif hasattr(value, "__dict__") and not isinstance(value, type) and not callable(value):
            if records is not None and getattr(value, "n_features_in_", None) == records:
                continue  # as many columns as records: an array of that length says nothing
            kind, inside = type(value).__name__, vars(value).items()
            pending += [(inner, kind, key, depth + 1) for key, inner in inside if key not in OTHERS]


def _own_attributes(model: BaseEstimator) -> list[str]:
    try:
        usual = vars(clone(model))
    except (TypeError, RuntimeError, ValueError):
        return []
    return [
        name
        for name in vars(model)
        if name not in usual and not name.startswith("_") and not name.endswith("_")
    ]


def _has_entries(value: Any, records: int) -> bool:
    if isinstance(value, list | tuple):
        return len(value) == records and isinstance(value[0], list | tuple | dict | np.ndarray)
    shape = getattr(value, "shape", None)
    holds_others = isinstance(value, np.ndarray) and value.dtype == object and value.ndim > 1
    return not holds_others and isinstance(shape, tuple) and len(shape) > 0 and shape[0] == records
