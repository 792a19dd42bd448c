"""The weights of a model as an attacker uses them: which answer leads, and which way its lead grows.

A network, a linear classifier, or either behind steps that only scale and mix columns. Trees and services
have no gradient to read: :func:`secure_ai.attack.evasion.evade` asks them, and a substitute may stand in for
them (:mod:`secure_ai.attack.gradients.transfer`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from secure_ai.attack.networks.network import Network, leads_of
from secure_ai.attack.targets import TargetError

PROBES = 20
NO_GRADIENT = (
    "The {} has no gradient that could be read: white-box attacks need a Network, a linear classifier or an "
    "MLPClassifier with relu, with scaling steps before it at most. Ask it by `evade`, or train a substitute."
)


@dataclass(frozen=True)
class WhiteBox:
    """A model opened.

    Attributes:
        classes: what it tells apart.
        head: a network, or (columns, classes) weights and (classes,) biases.
        scaling: (columns in, columns out) weights and (columns out,) biases of the steps before, or None.
        ahead: (classes,) what is added to the scores, for a threshold other than one half.
    """

    classes: np.ndarray
    head: Network | tuple[np.ndarray, np.ndarray]
    scaling: tuple[np.ndarray, np.ndarray] | None
    ahead: np.ndarray

    def codes(self, labels: Any) -> np.ndarray:
        """Return the place of each label among the classes.

        Raises:
            TargetError: if a class is unknown.
        """
        labels = np.asarray(labels).ravel()
        found = labels[:, None] == self.classes[None]
        if not found.any(axis=1).all():
            raise TargetError("A row has a class that the model does not know: leave it out.")
        return found.argmax(axis=1)

    def leads(self, rows: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """Return (n,): how far the likeliest other class leads, in log odds; below 0 before success."""
        rows = self._scaled(rows)
        logits = (
            self.head.logits(rows) if isinstance(self.head, Network) else rows @ self.head[0] + self.head[1]
        )
        return leads_of(logits + self.ahead, codes)[0]

    def lead_gradient(self, rows: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the leads (n,) and how each grows with the inputs (n, columns)."""
        rows = self._scaled(rows)
        if isinstance(self.head, Network):
            leads, slopes = self.head.lead_gradient(rows, codes, self.ahead)
        else:
            weights, biases = self.head
            leads, by_logits = leads_of(rows @ weights + biases + self.ahead, codes)
            slopes = by_logits @ weights.T
        return leads, slopes if self.scaling is None else slopes @ self.scaling[0].T

    def _scaled(self, rows: np.ndarray) -> np.ndarray:
        return rows if self.scaling is None else rows @ self.scaling[0] + self.scaling[1]


def open_white_box(model: Any, *, threshold: float = 0.5, name: str = "model") -> WhiteBox:
    """Return a fitted model's way from rows to the lead of an answer.

    Args:
        model: a :class:`Network`; a linear classifier of scikit-learn; an ``MLPClassifier`` with relu; or a
            pipeline of scaling steps and one of these. Columns must be numbers.
        threshold: probability of the second of two classes from which it is the answer.
        name: of the model, for sentences.

    Raises:
        TargetError: if the model has no gradient, is not fitted, or a step before it is more than a weighted
            sum of columns.
    """
    from sklearn.pipeline import Pipeline

    if isinstance(model, WhiteBox):
        return model
    steps: list[Any] = []
    last = model
    if isinstance(model, Pipeline):
        *steps, last = [step for _, step in model.steps if step not in (None, "passthrough")] or [None]
    head = _head(last, name)
    classes = np.asarray(last.classes_)
    ahead = np.zeros(len(classes))
    if len(classes) == 2:
        ahead[1] = -np.log(threshold / (1 - threshold))
    return WhiteBox(classes, head, _scaling(steps, name), ahead)


def _head(model: Any, name: str) -> Network | tuple[np.ndarray, np.ndarray]:
    if not hasattr(model, "classes_") or len(model.classes_) < 2:
        raise TargetError(
            f"The {name} is not fitted, knows one class only, or shows its answers alone: give a "
            "fitted model of two classes or more."
        )
    if isinstance(model, Network):
        return model
    if getattr(model, "activation", None) == "relu" and hasattr(model, "coefs_"):
        return _from_mlp(model)
    if not hasattr(model, "coef_") or not hasattr(model, "intercept_"):
        raise TargetError(NO_GRADIENT.format(name))
    several = len(model.classes_) > 2
    if getattr(model, "kernel", "linear") != "linear" or len(np.atleast_2d(model.coef_)) != (
        len(model.classes_) if several else 1
    ):
        raise TargetError(NO_GRADIENT.format(name))
    weights = np.atleast_2d(np.asarray(model.coef_, dtype=float)).T
    biases = np.broadcast_to(np.asarray(model.intercept_, dtype=float), weights.shape[1:])
    return _of_two(weights), _of_two(biases)


def _from_mlp(model: Any) -> Network:
    network = Network(
        model.hidden_layer_sizes if np.ndim(model.hidden_layer_sizes) else (model.hidden_layer_sizes,)
    )
    network.classes_ = np.asarray(model.classes_)
    network.n_features_in_ = len(model.coefs_[0])
    network.center_, network.scale_ = np.zeros(1), np.ones(1)
    network.weights_ = [part for pair in zip(model.coefs_, model.intercepts_, strict=True) for part in pair]
    network.history_ = []
    if len(network.classes_) == 2:
        network.weights_[-2:] = [_of_two(part) for part in network.weights_[-2:]]
    return network


def _of_two(scores: np.ndarray) -> np.ndarray:
    """Return scores of two classes where those of the second alone were given."""
    return np.concatenate([np.zeros_like(scores), scores], axis=-1) if scores.shape[-1] == 1 else scores


def _scaling(steps: list[Any], name: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the weights and biases of all steps together, found by asking them and checked on other rows."""
    if not steps:
        return None
    columns = getattr(steps[0], "n_features_in_", None)
    if columns is None:
        raise TargetError(NO_GRADIENT.format(name))
    rng = np.random.default_rng(0)
    try:
        biases = _through(steps, np.zeros((1, columns)))[0]
        weights = _through(steps, np.eye(columns)) - biases
        others = rng.normal(0, 10, (PROBES, columns))
        seen = _through(steps, others)
    except Exception as error:
        raise TargetError(
            f"A step before the {name} takes no plain numbers ({type(error).__name__}): a gradient needs "
            "numeric columns and scaling steps only."
        ) from None
    scale = np.abs(seen).max(initial=1.0)
    if seen.shape != (PROBES, len(biases)) or np.abs(others @ weights + biases - seen).max() > 1e-6 * scale:
        raise TargetError(
            f"A step before the {name} does more than scale and mix columns: a gradient through it cannot be "
            "read. Ask the model by `evade`."
        )
    return weights, biases


def _through(steps: list[Any], rows: np.ndarray) -> np.ndarray:
    import pandas as pd

    names = getattr(steps[0], "feature_names_in_", None)
    found: Any = rows if names is None else pd.DataFrame(rows, columns=names)
    for step in steps:
        found = step.transform(found)
    return np.asarray(found.toarray() if hasattr(found, "toarray") else found, dtype=float)
