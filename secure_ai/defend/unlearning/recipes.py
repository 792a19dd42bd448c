"""How a model is made from rows, from the same seed each time, and how its training is cut into stages."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from secure_ai.attack.targets import TargetError
from secure_ai.core import UserError

SEEDS = ("random_state", "seed")


def fit_recipe(recipe: Any, rows: Any, labels: np.ndarray, seed: int) -> Any:
    """Return a fitted classifier.

    Args:
        recipe: a classifier with ``fit`` and ``get_params`` (copied, with ``seed`` as its seed),
            or a function of rows, labels and seed that returns a fitted one.
        rows, labels: to train on.
        seed: of the training.

    Raises:
        TargetError: if training fails or gives no probabilities.
    """
    check_recipe(recipe)
    try:
        with threadpool_limits(1):
            if hasattr(recipe, "fit"):
                fitted = seeded(recipe, seed).fit(rows, labels)
            else:
                fitted = recipe(rows, labels, seed)
    except Exception as error:
        # The text of the exception may hold a value of the rows.
        raise TargetError(
            f"The recipe cannot be trained on {len(labels):,} rows ({type(error).__name__}): check that it "
            "prepares their columns itself, and that every part holds enough rows."
        ) from None
    if not hasattr(fitted, "predict_proba") or not hasattr(fitted, "classes_"):
        raise TargetError("The recipe's model gives no probabilities: take one with predict_proba.")
    return fitted


def check_recipe(recipe: Any) -> None:
    """Raise a sentence unless it is a recipe.

    Raises:
        UserError: if it can neither be fitted nor called.
    """
    if not (hasattr(recipe, "fit") and hasattr(recipe, "get_params")) and not callable(recipe):
        raise UserError(
            "recipe: give a classifier that is not fitted yet, or a function of rows, labels and seed that "
            "returns a fitted one."
        )


def seeded(estimator: Any, seed: int) -> Any:
    """Return an unfitted copy with this seed wherever it takes one, also inside a pipeline."""
    from sklearn.base import clone

    made = clone(estimator)
    states = [name for name in made.get_params() if name.split("__")[-1] in SEEDS]
    return made.set_params(**dict.fromkeys(states, seed))


def check_stages(recipe: Any, slices: int) -> None:
    """Raise a sentence unless the recipe can be trained in so many stages.

    Raises:
        UserError: if it has no ``warm_start``, or fewer trees than stages.
    """
    if slices == 1:
        return
    names = _warm(recipe) if hasattr(recipe, "get_params") else []
    if len(names) != 1:
        raise UserError(
            f"slices={slices}: only a model with warm_start (forests, networks of scikit-learn) can go on "
            "from where it stood; take slices=1, or more shards."
        )
    trees = _trees(recipe)
    if trees is not None and trees[1] < slices:
        raise UserError(
            f"slices={slices}: the model has {trees[1]} trees, and each slice needs one or more; take fewer."
        )


def fit_stages(recipe: Any, stages: list[tuple[Any, np.ndarray]], seed: int, kept: list[Any]) -> list[Any]:
    """Return the model as it stood after each stage, going on from the ``kept`` ones.

    Args:
        recipe: with ``warm_start``.
        stages: rows and labels up to and with each slice.
        seed: of the training.
        kept: the models after the first stages, which are not trained again.

    Raises:
        TargetError: if training fails.
    """
    states, count = list(kept), len(stages)
    trees = _trees(recipe)
    for number in range(len(states), count):
        rows, labels = stages[number]
        model = copy.deepcopy(states[-1]) if states else seeded(recipe, seed)
        settings: dict[str, Any] = {_warm(recipe)[0]: True}
        if trees is not None:
            settings[trees[0]] = trees[1] * (number + 1) // count
        try:
            with threadpool_limits(1):
                states.append(_continued(model.set_params(**settings), rows, labels, first=not states))
        except Exception as error:
            raise TargetError(
                f"The recipe cannot go on training with {len(labels):,} rows ({type(error).__name__}): take "
                "fewer slices, or slices=1."
            ) from None
    return states


def _continued(model: Any, rows: Any, labels: np.ndarray, *, first: bool) -> Any:
    """Return the model after one more stage; what prepares the rows is fitted in the first alone.

    A forest cannot go on with other features than those that it began with.
    """
    if first or not hasattr(model, "steps"):
        return model.fit(rows, labels)
    model.steps[-1][1].fit(model[:-1].transform(rows), labels)
    return model


def stage_weight(recipe: Any, slices: int) -> float:
    """Return which part of the model a stage trains: one of ``slices`` of a forest, else all of it."""
    return 1 / slices if slices > 1 and _trees(recipe) is not None else 1.0


def _warm(recipe: Any) -> list[str]:
    return [name for name in recipe.get_params() if name.split("__")[-1] == "warm_start"]


def _trees(recipe: Any) -> tuple[str, int] | None:
    if not hasattr(recipe, "get_params") or len(names := _warm(recipe)) != 1:
        return None
    name = names[0].removesuffix("warm_start") + "n_estimators"
    value = recipe.get_params().get(name)
    return None if value is None else (name, int(value))
