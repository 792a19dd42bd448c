"""Ensembles: several models of different kinds, and a person where they do not agree.

Source: Strauss, Hanselmann, Junginger & Ulmer, Ensemble methods as a defense to adversarial perturbations
    against deep neural networks (2017); that an attacker who knows them adapts: He, Wei, Chen, Carlini &
    Song, Adversarial example defenses: ensembles of weak defenses are not strong (2017).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from secure_ai.attack.targets import check_rows
from secure_ai.core import UserError
from secure_ai.defend.robust.decisions import as_system


class Agreement:
    """Several models; a class is given alone only where enough of them agree, else a person decides.

    Args:
        models: two or more models or systems with the same classes.
        needed: how many must agree; all if not given.
        protect: the only class for which agreement is needed (the one an attacker wants); None for all.
    """

    def __init__(self, models: Sequence[Any], *, needed: int | None = None, protect: Any = None) -> None:
        if len(models) < 2:
            raise UserError("Give two or more models: one agrees with itself.")
        self.systems = [as_system(model) for model in models]
        self.classes = self.systems[0].classes
        if any(list(system.classes) != list(self.classes) for system in self.systems):
            raise UserError("The models tell different classes apart: train them on the same labels.")
        self.needed = len(models) if needed is None else needed
        if not len(models) // 2 < self.needed <= len(models):
            raise UserError(f"needed={self.needed}: give more than half of the {len(models)} models.")
        if protect is not None and protect not in list(self.classes):
            raise UserError("protect names no class of the models: choose one of their `classes`.")
        self.protect = protect

    def classify(self, rows: Any) -> np.ndarray:
        """Return (rows,) the class that most models give; of equals the first in the order of classes."""
        return self.classes[self._votes(rows).argmax(axis=1)]

    def passes(self, rows: Any, label: Any) -> np.ndarray:
        """Return (rows,): how near the last model that is needed is to giving the label."""
        if not len(rows):
            return np.zeros(0)
        with threadpool_limits(1):
            scores = np.sort([system.passes(rows, label) for system in self.systems], axis=0)[::-1]
        strict = self.protect is None or label == self.protect
        return scores[(self.needed if strict else len(self.systems) // 2 + 1) - 1]

    def reviewed(self, rows: Any) -> np.ndarray:
        """Return (rows,): which go to a person, since for no class enough models agree."""
        return np.logical_and.reduce([self.passes(rows, label) < 0.5 for label in self.classes])

    def _votes(self, rows: Any) -> np.ndarray:
        with threadpool_limits(1):
            labels = np.array([system.classify(rows) for system in self.systems])
        return np.array([(labels == known).sum(axis=0) for known in self.classes]).T


def fit_agreement(
    rows: Any, labels: Any, *, needed: int | None = None, protect: Any = None, seed: int = 0
) -> Agreement:
    """Fit a logistic regression, a forest and gradient boosting on the same rows, and let them agree.

    Args:
        rows: frame or array; texts are fine.
        labels: (rows,) classes.
        needed: how many must agree; all three if not given.
        protect: the only class for which agreement is needed.
        seed: of the fits.

    Raises:
        TargetError: if values are missing.
    """
    import pandas as pd
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    check_rows(rows)
    models = (
        LogisticRegression(max_iter=1000),
        RandomForestClassifier(100, min_samples_leaf=2, random_state=seed),
        HistGradientBoostingClassifier(max_iter=100, max_leaf_nodes=15, random_state=seed),
    )
    fitted = []
    with threadpool_limits(1):
        for model in models:
            if isinstance(rows, pd.DataFrame):
                text = make_column_selector(dtype_exclude=["number", "bool"])
                columns = make_column_transformer(
                    (OneHotEncoder(handle_unknown="ignore", sparse_output=False), text),
                    remainder=StandardScaler(),
                )
            else:
                columns = StandardScaler()
            fitted.append(make_pipeline(columns, model).fit(rows, labels))
    return Agreement(fitted, needed=needed, protect=protect)
