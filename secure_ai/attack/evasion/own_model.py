"""The attacker's own model of a target that gives classes only, trained on all its answers so far."""

from __future__ import annotations

from typing import Any

import numpy as np

from secure_ai.attack.evasion.coding import TableCode

HELD_OUT = 4
SMALLEST = 1e-6
MOST_ANSWERS = 20_000


class OwnModel:
    """A logistic regression or gradient-boosted trees, whichever does better on a quarter kept apart.

    It is trained anew, before it is asked, each time the answers have doubled.

    Args:
        code: the table.
        coded: rows that the target was asked about.
        labels: its answers.
        seed: of the quarter and of the trees.
    """

    def __init__(self, code: TableCode, coded: np.ndarray, labels: np.ndarray, seed: int) -> None:
        self._code, self._seed = code, seed
        self._rows, self._labels = [coded], [labels]
        self._trained = 0

    def learn(self, coded: np.ndarray, labels: np.ndarray) -> None:
        """Keep further answers."""
        self._rows.append(coded)
        self._labels.append(labels)

    def log_odds(self, candidates: np.ndarray, goal: Any, leave: np.ndarray) -> np.ndarray:
        """Return the log odds of success of each coded row.

        Args:
            candidates: coded rows.
            goal: the class that is wanted; None for any other than the one to leave.
            leave: (rows,), the class to leave.
        """
        if sum(map(len, self._labels)) >= 2 * self._trained:
            self._train()
        chances, classes = self._model.predict_proba(candidates), list(self._model.classes_)
        if goal is not None:
            wanted = chances[:, classes.index(goal)] if goal in classes else np.zeros(len(candidates))
        else:
            # A class that no answer had has no column: it is left for certain.
            places = np.array([classes.index(label) if label in classes else -1 for label in leave])
            wanted = np.where(places < 0, 1.0, 1 - chances[np.arange(len(candidates)), places])
        wanted = np.clip(wanted, SMALLEST, 1 - SMALLEST)
        return np.log(wanted / (1 - wanted))

    def _train(self) -> None:
        coded, labels = np.vstack(self._rows), np.concatenate(self._labels)
        self._trained = len(coded)
        coded, labels = coded[-MOST_ANSWERS:], labels[-MOST_ANSWERS:]
        apart = np.random.default_rng(self._seed).permutation(len(coded)) % HELD_OUT == 0
        models = self._candidates()
        right = [0.0]
        if len(np.unique(labels[~apart])) > 1:
            right = [
                np.mean(m.fit(coded[~apart], labels[~apart]).predict(coded[apart]) == labels[apart])
                for m in models
            ]
        self._model = models[int(np.argmax(right))].fit(coded, labels)

    def _candidates(self) -> list[Any]:
        from sklearn.compose import ColumnTransformer
        from sklearn.ensemble import HistGradientBoostingClassifier
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import OneHotEncoder, StandardScaler

        places = range(len(self._code.columns))
        listed = [place for place in places if self._code.values_of(place)]
        numbers = [place for place in places if not self._code.values_of(place)]
        prepared = ColumnTransformer(
            [
                ("lists", OneHotEncoder(handle_unknown="ignore"), listed),
                ("numbers", StandardScaler(), numbers),
            ]
        )
        trees = HistGradientBoostingClassifier(
            max_iter=60, max_leaf_nodes=15, min_samples_leaf=5, early_stopping=False, random_state=self._seed
        )
        return [make_pipeline(prepared, LogisticRegression(C=10.0, max_iter=500)), trees]
