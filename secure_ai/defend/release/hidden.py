"""Arrays with one entry for each training record that a model carries along: votes out of the bag, labels."""

from __future__ import annotations

from typing import Any

import numpy as np

LEAST = 10  # below, an array of that length is likely to be something else
DEEPEST = 6
MOST = 200_000
# Kept by design and counted as stored records by kind; or as long as there are units, features or trees.
OTHERS = set(
    "X_ X_fit_ X_train_ _fit_X _tree _y coef_ coefs_ components_ estimator_errors_ estimator_weights_ estimators_ "
    "estimators_features_ estimators_samples_ feature_names_in_ intercept_ intercepts_ layers_ oob_improvement_ "
    "oob_scores_ support_vectors_ train_score_ validation_score_ weights_ y_train_".split()
)


def per_record_arrays(model: Any, records: int) -> tuple[tuple[str, str], ...]:
    """Return (kind of estimator, attribute) of every array as long as there are training records.

    Args:
        model: a fitted model.
        records: how many it was trained on.
    """
    if records < LEAST:
        return ()
    found: list[tuple[str, str]] = []
    seen: set[int] = set()
    pending: list[tuple[Any, str, str, int]] = [(model, type(model).__name__, "", 0)]
    while pending and len(seen) < MOST:
        value, owner, name, depth = pending.pop()
        if id(value) in seen or depth > DEEPEST:
            continue
        seen.add(id(value))
        if _has_entries(value, records):
            found.append((owner, name))
        elif isinstance(value, dict):
            pending += [(inner, owner, name or str(key), depth + 1) for key, inner in value.items()]
        elif isinstance(value, list | tuple):
            pending += [(inner, owner, name, depth + 1) for inner in value]
        elif isinstance(value, np.ndarray) and value.dtype == object:
            pending += [(inner, owner, name, depth + 1) for inner in value.ravel()]
        elif hasattr(value, "__dict__") and not isinstance(value, type) and not callable(value):
            kind = type(value).__name__
            if getattr(value, "n_features_in_", None) == records:
                continue
            inside = vars(value).items()
            pending += [(inner, kind, key, depth + 1) for key, inner in inside if _may_hold(key, inner)]
    return tuple(sorted(set(found)))


def _may_hold(name: str, value: Any) -> bool:
    return name not in OTHERS or (
        isinstance(value, list | np.ndarray) and name == "estimators_" and _objects(value)
    )


def _objects(value: Any) -> bool:
    return isinstance(value, list) or value.dtype == object


def _has_entries(value: Any, records: int) -> bool:
    shape = getattr(value, "shape", None)
    plain = getattr(value, "dtype", None) != object
    return plain and isinstance(shape, tuple) and len(shape) > 0 and shape[0] == records
