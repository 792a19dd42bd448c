"""A fitted model taken apart: the estimators inside pipelines and ensembles, and the rows that each sees."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

DEEPEST = 20
MOST_PARTS = 20_000
WRAPPERS = {  # one estimator inside, by the attribute that holds it
    "FixedThresholdClassifier": "estimator_",
    "FrozenEstimator": "estimator",
    "GridSearchCV": "best_estimator_",
    "HalvingGridSearchCV": "best_estimator_",
    "HalvingRandomSearchCV": "best_estimator_",
    "RandomizedSearchCV": "best_estimator_",
    "RFE": "estimator_",
    "RFECV": "estimator_",
    "SelectFromModel": "estimator_",
    "SelfTrainingClassifier": "estimator_",
    "TransformedTargetRegressor": "regressor_",
    "TunedThresholdClassifierCV": "estimator_",
}
SEVERAL = {  # several estimators inside
    "AdaBoostClassifier": "estimators_",
    "AdaBoostRegressor": "estimators_",
    "BaggingClassifier": "estimators_",
    "BaggingRegressor": "estimators_",
    "ClassifierChain": "estimators_",
    "MultiOutputClassifier": "estimators_",
    "OneVsOneClassifier": "estimators_",
    "OneVsRestClassifier": "estimators_",
    "OutputCodeClassifier": "estimators_",
    "StackingClassifier": "estimators_",
    "StackingRegressor": "estimators_",
    "VotingClassifier": "estimators_",
    "VotingRegressor": "estimators_",
}
WITHOUT_ROWS = {"BaggingClassifier", "BaggingRegressor"}  # their parts may see some columns only


@dataclass(frozen=True, slots=True)
class Part:
    """One estimator that holds no other.

    Attributes:
        path: how to it: "Pipeline, step model: RandomForestClassifier".
        model: the estimator.
        rows: the training records as it sees them; None where that is not known.
        last: whether it sees answers of other parts instead of records (the last one of a stack).
    """

    path: str
    model: Any
    rows: Any = None
    last: bool = False


class TooDeep(Exception):
    """A model within a model without end."""


def is_sklearn(model: Any) -> bool:
    """Say whether this is an estimator of scikit-learn itself; a subclass may keep anything."""
    return is_defined_in(model, "sklearn")


def is_defined_in(model: Any, *packages: str) -> bool:
    """Say whether the kind of this model is the one that its module defines, in one of these packages."""
    kind = type(model)
    module = sys.modules.get(kind.__module__)
    inside = any(kind.__module__ == name or kind.__module__.startswith(f"{name}.") for name in packages)
    return inside and getattr(module, kind.__name__, None) is kind


def predicts_numbers(model: Any) -> bool:
    """Say whether this is an estimator that predicts a number and no class."""
    from sklearn.base import BaseEstimator, is_regressor

    return isinstance(model, BaseEstimator) and is_regressor(model)


def take_apart(model: Any, rows: Any = None) -> list[Part]:
    """Return the parts of a fitted model that hold no other estimator, containers' own attributes aside.

    Args:
        model: a fitted estimator.
        rows: its training records, if they are at hand.

    Raises:
        TooDeep: if it is nested deeper than 20 levels, or has more than 20,000 parts.
    """
    parts = []
    for part in _walk(Part(type(model).__name__, model, rows), 0):
        parts.append(part)
        if len(parts) > MOST_PARTS:
            raise TooDeep
    return parts


def _walk(part: Part, depth: int) -> Iterator[Part]:
    if depth > DEEPEST:
        raise TooDeep
    if not is_container(part.model):
        yield part
        return
    for inner in _inside(part):
        yield from _walk(inner, depth + 1)


def is_container(model: Any) -> bool:
    """Say whether an estimator of this kind does nothing but hold others."""
    name = type(model).__name__
    return is_sklearn(model) and (
        name in WRAPPERS
        or name in SEVERAL
        or name in ("Pipeline", "ColumnTransformer", "FeatureUnion", "CalibratedClassifierCV")
    )


def _inside(part: Part) -> list[Part]:
    model, name = part.model, type(part.model).__name__
    if name == "Pipeline":
        return list(_steps(part))
    if name == "ColumnTransformer":
        named = [(n, t, columns) for n, t, columns in model.transformers_ if hasattr(t, "get_params")]
        return [
            Part(f"{part.path}, columns {n}: {type(t).__name__}", t, _columns(part.rows, columns), part.last)
            for n, t, columns in named
        ]
    if name == "FeatureUnion":
        named = [(n, t) for n, t in model.transformer_list if hasattr(t, "get_params")]
        return [Part(f"{part.path}, part {n}: {type(t).__name__}", t, part.rows, part.last) for n, t in named]
    if name == "CalibratedClassifierCV":
        return [
            inner
            for i, one in enumerate(model.calibrated_classifiers_)
            for inner in _calibrated(part, one, i)
        ]
    if name in WRAPPERS:
        inner = getattr(model, WRAPPERS[name])
        return [Part(f"{part.path}: {type(inner).__name__}", inner, part.rows, part.last)]
    rows = None if name in WITHOUT_ROWS else part.rows
    found = [
        Part(f"{part.path}, member {i + 1}: {type(inner).__name__}", inner, rows, part.last)
        for i, inner in enumerate(getattr(model, SEVERAL[name]))
        if hasattr(inner, "get_params")
    ]
    if name.startswith("Stacking"):
        inner, sees = model.final_estimator_, model.passthrough
        found.append(Part(f"{part.path}, last: {type(inner).__name__}", inner, None, part.last or not sees))
    return found


def _steps(part: Part) -> Iterator[Part]:
    rows = part.rows
    for name, step in part.model.steps:
        if not hasattr(step, "get_params"):
            continue
        yield Part(f"{part.path}, step {name}: {type(step).__name__}", step, rows, part.last)
        if step is not part.model.steps[-1][1]:
            rows = _transformed(step, rows)


def _calibrated(part: Part, one: Any, i: int) -> Iterator[Part]:
    yield Part(
        f"{part.path}, member {i + 1}: {type(one.estimator).__name__}", one.estimator, part.rows, part.last
    )
    for calibrator in one.calibrators:
        yield Part(f"{part.path}, calibrator {i + 1}: {type(calibrator).__name__}", calibrator, None, True)


def _transformed(step: Any, rows: Any) -> Any:
    if rows is None:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return step.transform(rows)
    except Exception:  # a step of anybody's make: what it makes of the rows is then not known
        return None


def _columns(rows: Any, columns: Any) -> Any:
    from sklearn.utils import _safe_indexing

    if rows is None:
        return None
    try:
        return _safe_indexing(rows, columns, axis=1)
    except Exception:
        return None
