"""The numbers of a model in which a mark can lie: read as one vector, and put back into a copy."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from secure_ai.attack.targets import TargetError

LEAST_SCALE = 0.02


@dataclass(frozen=True)
class Weights:
    """The numbers of a model, in the order of its file.

    Attributes:
        values: (n,) as float64.
        scales: (n,) what a change of 1 is measured by: the spread of the array that a number stands in.
        offset: what a mark moves besides its sign: 1 for thresholds, which lie on values that occur and may
            then be raised but not lowered without a change of answers; else 0.
    """

    values: np.ndarray = field(repr=False)
    scales: np.ndarray = field(repr=False)
    offset: float = 0.0

    def __len__(self) -> int:
        return len(self.values)


def read_weights(model: Any) -> Weights:
    """Return the numbers of a model.

    Read are the kit's network, scikit-learn's linear models and networks, the leaves of boosted trees, the
    thresholds of trees and forests, the last step of a pipeline, and plain arrays (a list, or name -> array).

    Raises:
        TargetError: if the model is of another kind, not fitted, or has numbers that are not finite.
    """
    parts = list(_parts(_last(model)))
    if not parts:
        raise TargetError(
            f"A {type(model).__name__} has no weights that this kit can mark: give a fitted network, linear "
            "model, tree ensemble or its arrays."
        )
    values = np.concatenate([part.ravel().astype(np.float64) for part, _ in parts])
    scales = np.concatenate([np.broadcast_to(scale, part.shape).ravel() for part, scale in parts])
    if not np.isfinite(values).all():
        raise TargetError(
            "The model has weights that are not finite, and nothing can be marked or traced: train it anew."
        )
    return Weights(values, scales.astype(np.float64), float(_is_forest(_last(model))))


def with_values(model: Any, values: np.ndarray) -> Any:
    """Return a copy of the model with these numbers, in the precision of its own arrays."""
    made = copy.deepcopy(model)
    put_values(made, values)
    return made


def put_values(model: Any, values: np.ndarray) -> None:
    """Write these numbers into the model itself."""
    place = 0
    for part, _ in _parts(_last(model)):
        part[...] = values[place : place + part.size].reshape(part.shape).astype(part.dtype)
        place += part.size


def _is_forest(model: Any) -> bool:
    return hasattr(model, "tree_") or (hasattr(model, "estimators_") and not hasattr(model, "init_"))


def _last(model: Any) -> Any:
    return model.steps[-1][1] if isinstance(model, Pipeline) else model


def _parts(model: Any) -> Iterator[tuple[np.ndarray, Any]]:
    """Yield arrays that can be written to, with the scale of their numbers."""
    if isinstance(model, dict):
        yield from _arrays([model[name] for name in sorted(model)])
    elif isinstance(model, (list, tuple)):
        yield from _arrays(model)
    elif hasattr(model, "weights_"):
        yield from _arrays(model.weights_)
    elif hasattr(model, "coefs_"):
        yield from _arrays([*model.coefs_, *model.intercepts_])
    elif hasattr(model, "_predictors"):
        yield from _histogram_leaves(model)
    elif hasattr(model, "estimators_") and hasattr(model, "init_"):
        yield from _gradient_leaves(model)
    elif _is_forest(model):
        yield from _thresholds(model)
    elif hasattr(model, "coef_"):
        yield from _arrays([np.atleast_1d(model.coef_), np.atleast_1d(model.intercept_)])


def _arrays(arrays: Any) -> Iterator[tuple[np.ndarray, Any]]:
    for array in arrays:
        if isinstance(array, np.ndarray) and array.size and np.issubdtype(array.dtype, np.floating):
            yield array, float(np.sqrt(np.mean(np.square(array, dtype=np.float64)))) or LEAST_SCALE


def _histogram_leaves(model: Any) -> Iterator[tuple[np.ndarray, Any]]:
    trees = [tree.nodes for stage in model._predictors for tree in stage]
    scale = _spread([nodes["value"][nodes["is_leaf"] == 1] for nodes in trees])
    for nodes in trees:
        # Leaves and nodes lie in one array; the value of a node that is no leaf is never read.
        yield nodes["value"], scale


def _gradient_leaves(model: Any) -> Iterator[tuple[np.ndarray, Any]]:
    trees = [tree.tree_ for tree in model.estimators_.ravel()]
    scale = _spread([tree.value[tree.children_left < 0].ravel() for tree in trees])
    for tree in trees:
        yield tree.value, scale


def _thresholds(model: Any) -> Iterator[tuple[np.ndarray, Any]]:
    estimators = getattr(model, "estimators_", [model])
    trees = [one.tree_ for one in estimators if hasattr(one, "tree_")]
    if not trees:
        return
    count = int(max(tree.n_features for tree in trees))
    sums = np.zeros((3, count))
    for tree in trees:
        inner = tree.feature >= 0
        for row, power in enumerate((0, 1, 2)):
            np.add.at(sums[row], tree.feature[inner], tree.threshold[inner] ** power)
    seen = np.maximum(sums[0], 1)
    spread = np.sqrt(np.maximum(sums[2] / seen - (sums[1] / seen) ** 2, 0))
    scale = np.maximum(spread, LEAST_SCALE)
    for tree in trees:
        yield tree.threshold, np.where(tree.feature >= 0, scale[tree.feature], LEAST_SCALE)


def _spread(arrays: list[np.ndarray]) -> float:
    return float(np.sqrt(np.mean(np.square(np.concatenate(arrays))))) or LEAST_SCALE
