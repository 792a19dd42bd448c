"""What a copy is made of: trees, small networks and linear models, learned from classes or probabilities."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

Kind = Literal["trees", "network", "linear"]
KINDS: tuple[Kind, ...] = ("trees", "network", "linear")
SHARPEST = 1e-6


class Ensemble:
    """Some learners whose probabilities are averaged.

    Args:
        members: functions from coded rows to (rows, classes) probabilities.
    """

    def __init__(self, members: Sequence[Callable[[np.ndarray], np.ndarray]]) -> None:
        self.members = list(members)

    def predict_proba(self, coded: np.ndarray) -> np.ndarray:
        """Return (rows, classes) probabilities."""
        return np.mean([member(coded) for member in self.members], axis=0)


def learn_classes(kind: Kind, coded: np.ndarray, codes: np.ndarray, classes: int, seed: int) -> Ensemble:
    """Learn from classes alone.

    Args:
        kind: family of learners.
        coded: (rows, columns) numbers.
        codes: (rows,) positions of classes.
        classes: how many classes there are; those that never came as an answer get probability 0.
        seed: of the learners.
    """
    present = np.unique(codes)
    if len(present) == 1:
        only = np.zeros(classes)
        only[present[0]] = 1.0
        return Ensemble([lambda rows: np.tile(only, (len(rows), 1))])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        learned = [learner.fit(coded, codes) for learner in _classifiers(kind, seed)]
    return Ensemble([_spread(learner, present, classes) for learner in learned])


def learn_probabilities(kind: Kind, coded: np.ndarray, chances: np.ndarray, seed: int) -> Ensemble:
    """Learn the logarithms of the odds, which tell more than the class: how far a row is from the boundary.

    Args:
        kind: family of learners.
        coded: (rows, columns) numbers.
        chances: (rows, classes) probabilities.
        seed: of the learners.
    """
    sharp = np.log(np.clip(chances, SHARPEST, 1))
    odds = sharp[:, 1:] - sharp[:, :1]
    fitted = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for learner_set in zip(*[_regressors(kind, seed) for _ in range(odds.shape[1])], strict=True):
            pairs = zip(learner_set, odds.T, strict=True)
            fitted.append([learner.fit(coded, column) for learner, column in pairs])

    def averaged(rows: np.ndarray) -> np.ndarray:
        logits = np.mean([[learner.predict(rows) for learner in group] for group in fitted], axis=0).T
        full = np.column_stack([np.zeros(len(rows)), logits])
        powers = np.exp(full - full.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)

    return Ensemble([averaged])


def _spread(learner: Any, present: np.ndarray, classes: int) -> Callable[[np.ndarray], np.ndarray]:
    def probabilities(rows: np.ndarray) -> np.ndarray:
        full = np.zeros((len(rows), classes))
        full[:, present] = learner.predict_proba(rows)
        return full

    return probabilities


def _classifiers(kind: Kind, seed: int) -> list[Any]:
    from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier

    if kind == "trees":
        return [
            HistGradientBoostingClassifier(random_state=seed),
            HistGradientBoostingClassifier(max_iter=150, max_leaf_nodes=8, random_state=seed),
            ExtraTreesClassifier(100, max_features=0.3, random_state=seed),
        ]
    if kind == "network":
        network = {"hidden_layer_sizes": (64,), "alpha": 1e-3, "max_iter": 60, "learning_rate_init": 0.003}
        return [MLPClassifier(**network, random_state=seed + place) for place in range(2)]
    return [LogisticRegression(C=100.0, max_iter=2_000)]


def _regressors(kind: Kind, seed: int) -> list[Any]:
    from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingRegressor
    from sklearn.linear_model import LinearRegression
    from sklearn.neural_network import MLPRegressor

    if kind == "trees":
        return [
            HistGradientBoostingRegressor(max_iter=200, max_leaf_nodes=12, random_state=seed),
            ExtraTreesRegressor(50, max_features=0.3, random_state=seed),
        ]
    if kind == "network":
        network = {"hidden_layer_sizes": (64,), "alpha": 1e-3, "max_iter": 100, "learning_rate_init": 0.003}
        return [MLPRegressor(**network, random_state=seed + place) for place in range(2)]
    return [LinearRegression()]
