"""The attacker's own model of a target that gives classes only, trained on its answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from secure_ai.attack.evasion.coding import TableCode

HELD_OUT = 4
SMALLEST = 1e-6


def train_own_model(
    code: TableCode, coded: np.ndarray, labels: np.ndarray, seed: int
) -> Callable[[np.ndarray, Any, Any], np.ndarray]:
    """Return a function: coded rows, the class wanted, the class to leave → log odds of success.

    A logistic regression and gradient-boosted trees are tried; what does better on a quarter kept apart is
    trained on all.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    categories = [place for place in range(coded.shape[1]) if code.is_listed(place)]
    numbers = [place for place in range(coded.shape[1]) if not code.is_listed(place)]
    prepared = ColumnTransformer(
        [
            ("categories", OneHotEncoder(handle_unknown="ignore"), categories),
            ("numbers", StandardScaler(), numbers),
        ]
    )
    models = [
        make_pipeline(prepared, LogisticRegression(max_iter=500)),
        HistGradientBoostingClassifier(max_iter=60, max_leaf_nodes=15, min_samples_leaf=5, random_state=seed),
    ]
    apart = np.random.default_rng(seed).permutation(len(coded)) % HELD_OUT == 0
    if len(np.unique(labels[~apart])) > 1:
        right = [
            np.mean(m.fit(coded[~apart], labels[~apart]).predict(coded[apart]) == labels[apart])
            for m in models
        ]
        model = models[int(np.argmax(right))]
    else:
        model = models[0]
    model.fit(coded, labels)
    classes = list(model.classes_)

    def log_odds(candidates: np.ndarray, goal: Any, leave: Any) -> np.ndarray:
        chances = model.predict_proba(candidates)
        if goal is not None:
            wanted = chances[:, classes.index(goal)] if goal in classes else np.zeros(len(candidates))
        else:
            wanted = 1 - chances[:, classes.index(leave)] if leave in classes else np.ones(len(candidates))
        wanted = np.clip(wanted, SMALLEST, 1 - SMALLEST)
        return np.log(wanted / (1 - wanted))

    return log_odds
