"""The models that learn together: logistic regression or a small network, its weights as one flat vector.

Participants and server agree on the shape beforehand; what travels is numbers alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin

from secure_ai.anonymize.differential_privacy.learning.gradients import (
    Layer,
    activations,
    errors,
    initial_layers,
    losses,
    probabilities,
)
from secure_ai.anonymize.differential_privacy.learning.inputs import checked_features, checked_widths
from secure_ai.core.errors import UserError

MOST_CLASSES = 100


@dataclass(frozen=True)
class FederatedModel:
    """The shape of a model: without hidden layers it is a (multinomial) logistic regression.

    Attributes:
        inputs: number of features.
        hidden: units of each hidden layer, with tanh after it.
        classes: the classes, agreed beforehand: no participant need hold all of them.
    """

    inputs: int
    hidden: tuple[int, ...] = ()
    classes: tuple[Any, ...] = (0, 1)

    def __post_init__(self) -> None:
        whole = isinstance(self.inputs, (int, np.integer)) and not isinstance(self.inputs, bool)
        if not whole or self.inputs < 1:
            raise UserError(f"inputs={self.inputs!r}: give the number of features, at least 1.")
        object.__setattr__(self, "inputs", int(self.inputs))
        object.__setattr__(self, "hidden", checked_widths(self.hidden))
        classes = np.unique(np.asarray(list(self.classes)))
        if not 2 <= len(classes) <= MOST_CLASSES or len(classes) != len(tuple(self.classes)):
            raise UserError(f"classes: give from 2 to {MOST_CLASSES} classes, each once.")
        object.__setattr__(self, "classes", tuple(classes.tolist()))

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shapes of the weights and biases of each layer, in turn; two classes share one column of scores."""
        outputs = 1 if len(self.classes) == 2 else len(self.classes)
        pairs = pairwise((self.inputs, *self.hidden, outputs))
        return tuple(shape for one, other in pairs for shape in ((one, other), (other,)))

    @property
    def size(self) -> int:
        """Length of the flat vector of all weights."""
        return sum(int(np.prod(shape)) for shape in self.shapes)

    def initial_weights(self, seed: int = 0) -> np.ndarray:
        """Return the flat weights (``size``,) to begin from: zeros without hidden layers."""
        widths = [shape[0] for shape in self.shapes[::2]] + [self.shapes[-1][0]]
        layers = initial_layers(widths, np.random.default_rng(seed))
        return flatten([part for layer in layers for part in layer])

    def unflatten(self, vector: np.ndarray) -> list[np.ndarray]:
        """Return weights and biases of each layer from a flat vector (``size``,).

        Raises:
            UserError: if the vector has another length.
        """
        vector = np.asarray(vector, dtype=float).ravel()
        if len(vector) != self.size:
            raise UserError(f"The model has {self.size:,} weights and was given {len(vector):,}.")
        ends = np.cumsum([int(np.prod(shape)) for shape in self.shapes])[:-1]
        return [part.reshape(shape) for part, shape in zip(np.split(vector, ends), self.shapes, strict=True)]

    def layers(self, vector: np.ndarray) -> list[Layer]:
        """Return (weights, biases) of each layer from a flat vector."""
        parts = self.unflatten(vector)
        return list(zip(parts[::2], parts[1::2], strict=True))

    def codes(self, labels: Any) -> np.ndarray:
        """Return (rows,) the place of each label among ``classes``.

        Raises:
            UserError: if a label is missing or no class of the model.
        """
        found = np.asarray(labels).ravel()
        known = np.asarray(self.classes)
        if not np.isin(found, known).all():
            raise UserError(
                "A label is missing or no class of the model: state all classes in FederatedModel(classes=), "
                "or leave those rows out."
            )
        return np.searchsorted(known, found)

    def loss(self, vector: np.ndarray, rows: np.ndarray, codes: np.ndarray) -> float:
        """Return the mean cross-entropy (nats) over rows whose class numbers are ``codes``."""
        return float(losses(activations(self.layers(vector), rows)[-1], codes).mean())

    def gradient(self, vector: np.ndarray, rows: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """Return (``size``,) the gradient of the mean cross-entropy over rows."""
        layers = self.layers(vector)
        values = activations(layers, rows)
        backward = errors(layers, values, codes)
        parts: list[np.ndarray] = []
        for value, error in zip(values[:-1], backward, strict=True):
            parts += [value.T @ error, error.sum(axis=0)]
        return flatten(parts) / len(rows)

    def classifier(self, vector: np.ndarray) -> FederatedClassifier:
        """Return a fitted classifier with these weights."""
        return FederatedClassifier(self, np.array(vector, dtype=float))


class FederatedClassifier(ClassifierMixin, BaseEstimator):
    """A trained federated model, used like any classifier of scikit-learn.

    Args:
        shape: its :class:`FederatedModel`.
        weights: (``shape.size``,) flat.

    Attributes:
        classes_, n_features_in_: as in scikit-learn.
    """

    def __init__(self, shape: FederatedModel, weights: np.ndarray) -> None:
        self.shape = shape
        self.weights = weights

    @property
    def classes_(self) -> np.ndarray:
        """The classes, sorted."""
        return np.asarray(self.shape.classes)

    @property
    def n_features_in_(self) -> int:
        """Number of features."""
        return self.shape.inputs

    def __sklearn_is_fitted__(self) -> bool:
        """It is born trained."""
        return True

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each class (rows x classes).

        Raises:
            UserError: if the features are not those that it was trained on.
        """
        x = checked_features(X)
        if x.shape[1] != self.shape.inputs:
            raise UserError(f"The model takes {self.shape.inputs} features and was given {x.shape[1]}.")
        return probabilities(activations(self.shape.layers(self.weights), x)[-1])

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable class of each row."""
        likely = self.predict_proba(X).argmax(axis=1)
        return self.classes_[likely]


def flatten(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Return arrays as one flat float64 vector, in their order."""
    return np.concatenate([np.asarray(part, dtype=float).ravel() for part in parts])
