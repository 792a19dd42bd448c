"""Arrays with one entry for each training record that a model carries along: votes out of the bag, labels."""

from __future__ import annotations

from typing import Any

import numpy as np

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
        if _has_entries(value, records) and name != "estimators_":
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
            pending += [(inner, kind, key, depth + 1) for key, inner in inside if key not in OTHERS]
    return tuple(sorted(set(found)))


def _has_entries(value: Any, records: int) -> bool:
    shape = getattr(value, "shape", None)
    holds_others = isinstance(value, np.ndarray) and value.dtype == object and value.ndim > 1
    return not holds_others and isinstance(shape, tuple) and len(shape) > 0 and shape[0] == records
