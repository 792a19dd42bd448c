"""A look-alike: a model of our own that answers real rows as the other model does, and hides nothing.

A model that was built to deceive explainers behaves one way on real rows and another on rows that only an
explainer would make. A look-alike learns the first behavior alone; explaining it explains what real people
were told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from secure_ai.attack.targets import TargetError, check_rows, check_target, open_target
from secure_ai.core import UserError
from secure_ai.core.intervals import wilson
from secure_ai.defend.explanations.players import as_frame

Family = Literal["boosting", "forest", "logistic"]
FAMILIES = ("boosting", "forest", "logistic")
HELD_OUT = 0.25


@dataclass(frozen=True)
class LookAlike:
    """A model fitted on another model's answers about real rows.

    Attributes:
        model: a scikit-learn classifier that takes the same frames.
        fidelity: share of held-out real rows that both answer alike.
        interval: of the fidelity, 95 %.
        majority: what always saying the more frequent answer would reach.
        rows: rows held out.
    """

    model: Any
    fidelity: float
    interval: tuple[float, float]
    majority: float
    rows: int


def fit_look_alike(model: Any, rows: Any, *, family: Family = "boosting", seed: int = 0) -> LookAlike:
    """Fit a model of our own on the model's answers about real rows; each row is asked about once.

    Args:
        model: any classifier, function or endpoint.
        rows: real rows, 100 or more.
        family: ``"boosting"``, ``"forest"`` or ``"logistic"``.
        seed: of the rows held out and of the fit.

    Raises:
        TargetError: if there are too few rows, or the model gives them all the same class.
        UserError: if the family is unknown.
    """
    frame, as_array = as_frame(rows)
    check_rows(frame, least=100, what="real rows")
    labels = check_target(open_target(model), frame.to_numpy() if as_array else frame)
    return fit_on_answers(frame, labels, family=family, seed=seed)


def fit_on_answers(rows: pd.DataFrame, labels: np.ndarray, *, family: Family, seed: int) -> LookAlike:
    """Fit the look-alike on answers that are there already.

    Raises:
        TargetError: if one answer is too rare to be learned.
        UserError: if the family is unknown.
    """
    from threadpoolctl import threadpool_limits

    values, counts = np.unique(labels, return_counts=True)
    if counts.min() < 8:
        raise TargetError(
            f"One of the {len(values)} answers was given to {counts.min()} of {len(labels):,} rows only: "
            "too few to learn it."
        )
    rng = np.random.default_rng(seed)
    held = np.zeros(len(rows), dtype=bool)
    for value in values:
        members = rng.permutation(np.flatnonzero(labels == value))
        held[members[: max(2, round(HELD_OUT * len(members)))]] = True
    with threadpool_limits(1):
        fitted = _estimator(rows, family, seed).fit(rows[~held], labels[~held])
        same = fitted.predict(rows[held]) == labels[held]
    return LookAlike(
        fitted,
        float(same.mean()),
        wilson(int(same.sum()), len(same)),
        float(counts.max() / counts.sum()),
        len(same),
    )


def _estimator(rows: pd.DataFrame, family: Family, seed: int) -> Any:
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    if family not in FAMILIES:
        raise UserError(f"family='{family}': choose from {', '.join(FAMILIES)}.")
    text = make_column_selector(dtype_exclude=["number", "bool"])
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), text),
        remainder=StandardScaler(),
        verbose_feature_names_out=False,
    )
    classifiers = {
        "boosting": HistGradientBoostingClassifier(max_iter=150, max_leaf_nodes=15, random_state=seed),
        "forest": RandomForestClassifier(100, min_samples_leaf=2, random_state=seed),
        "logistic": LogisticRegression(max_iter=1000),
    }
    return make_pipeline(columns, classifiers[family])
