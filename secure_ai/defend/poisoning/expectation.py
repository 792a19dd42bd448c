"""What a row's label should be, judged by rows that are not it and by each of its values on its own.

A model that only adds up the effects of single values cannot learn what a *combination* of values does. That
makes it a poor pupil for a backdoor, and a good witness against one.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
from sklearn.preprocessing import KBinsDiscretizer

from secure_ai.attack.targets import TargetError, check_probabilities, open_target

MANY_VALUES = 2
BINS = 8


class Ranges(KBinsDiscretizer):
    """Ranges of a number with as many rows each as can be; fewer where one value is common."""

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Ranges:
        """Find the limits of the ranges."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Bins whose width are too small")
            return super().fit(X, y, sample_weight)


def as_frame(rows: Any) -> pd.DataFrame:
    """Return the rows as a frame, numbered from 0; an array's columns are named by their numbers."""
    frame = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(np.asarray(rows))
    return frame.reset_index(drop=True)


def additive_model(frame: pd.DataFrame) -> Any:
    """Return an untrained classifier that adds up effects: codes one by one, numbers by their range.

    Args:
        frame: rows as it will be trained on; it says which columns are numbers with more than two values.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = [
        column
        for column in frame.columns
        if pd.api.types.is_numeric_dtype(frame[column])
        and not pd.api.types.is_bool_dtype(frame[column])
        and frame[column].nunique() > MANY_VALUES
    ]
    # Counts are among them: an effect for each of their values would explain a trigger of a rare one away.
    codes = [column for column in frame.columns if column not in numbers]
    ranges = Ranges(BINS, encode="onehot", quantile_method="averaged_inverted_cdf")
    # Ranges alone make jumps where an effect is smooth; the number itself fills them.
    steps: list[tuple] = [
        ("codes", OneHotEncoder(handle_unknown="ignore", min_frequency=10), codes),
        ("ranges", ranges, numbers),
        ("numbers", StandardScaler(), numbers),
    ]
    return Pipeline([("prepare", ColumnTransformer(steps)), ("add", LogisticRegression(max_iter=300))])


def expected_classes(
    rows: Any, labels: np.ndarray, *, model: Any | None = None, folds: int = 3, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Return what models that did not see a row expect of it.

    Args:
        rows: features, a frame or an array.
        labels: (rows,) classes.
        model: an untrained classifier with ``predict_proba``; None takes :func:`additive_model`.
        folds: parts into which the rows are split; each is judged by a model trained on the others.
        seed: of the split.

    Returns:
        (rows, classes) probabilities, and the classes in the order of its columns.

    Raises:
        TargetError: if a class has fewer rows than there are folds, or a model cannot be trained.
    """
    from sklearn.model_selection import StratifiedKFold

    from secure_ai.attack.poisoning import train_copy
    from secure_ai.attack.poisoning.poisoned import take

    classes, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    if counts.min() < folds:
        raise TargetError(f"A class has {counts.min()} rows: {folds} or more are needed to judge its labels.")
    frame = as_frame(rows) if model is None else rows
    untrained = additive_model(frame) if model is None else model
    expected = np.zeros((len(labels), len(classes)))
    split = StratifiedKFold(folds, shuffle=True, random_state=seed)
    for training, rest in split.split(codes, codes):
        fitted = train_copy(untrained, take(frame, training), labels[training])
        if not hasattr(fitted, "predict_proba"):
            raise TargetError("The model gives no probabilities: it cannot say how unlikely a label is.")
        asked, others = open_target(fitted), take(frame, rest)
        if not np.array_equal(asked.classes, classes):
            raise TargetError("The model does not know all classes of its labels: fit it on all of them.")
        # Of the additive model the same answer for all is a finding, of a given one a fault.
        expected[rest] = asked.probabilities(others) if model is None else check_probabilities(asked, others)
    return expected, classes
