"""Training a fresh copy of whatever model is given: what a poisoning attack measures is the next training."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from secure_ai.attack.targets import TargetError


def train_copy(estimator: Any, rows: Any, labels: Any) -> Any:
    """Return a new model with the settings of ``estimator``, trained on the rows; the given one stays.

    Args:
        estimator: a classifier with ``fit``, trained or not, or a function that returns one.
        rows: features, a frame or an array.
        labels: (rows,) classes.

    Raises:
        TargetError: if it has no ``fit``, the labels are of one class, or training fails.
    """
    from sklearn.base import clone
    from threadpoolctl import threadpool_limits

    if not hasattr(estimator, "fit"):
        if not callable(estimator):
            raise TargetError(
                "The model cannot be trained again (it has no fit): give one that can, or a function."
            )
        try:
            estimator = estimator()
        except Exception as error:
            raise TargetError(
                f"The function gives no model to train ({type(error).__name__}): give one that takes nothing "
                "and returns a classifier."
            ) from None
    elif hasattr(estimator, "get_params"):
        estimator = clone(estimator)
    else:
        estimator = copy.deepcopy(estimator)
    if len(np.unique(np.asarray(labels))) < 2:
        raise TargetError("The training labels are of one class only: there is nothing to learn.")
    try:
        # Small models are slower on several threads than on one.
        with threadpool_limits(1):
            fitted = estimator.fit(rows, labels)
    except Exception as error:
        # The text of the exception may hold a value of the rows.
        raise TargetError(
            f"The model cannot be trained on these {len(rows):,} rows ({type(error).__name__}): "
            "check that it prepares their columns itself."
        ) from None
    return estimator if fitted is None else fitted
