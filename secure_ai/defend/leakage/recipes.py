"""Ways to train that give away less of the single record; each is a recipe: rows, labels, seed to a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from secure_ai.attack.membership.groups import keys_of, take
from secure_ai.attack.membership.references import fit
from secure_ai.attack.targets import TargetError
from secure_ai.core import UserError
from secure_ai.core.sources import shown


@dataclass(frozen=True)
class FewerColumns:
    """Train on some columns only: what a model never saw it cannot repeat.

    Attributes:
        recipe: how to train.
        columns: names, or numbers of an array's columns.

    Raises:
        UserError: if no column is named.
    """

    recipe: Any
    columns: tuple[Any, ...]

    def __post_init__(self) -> None:
        if isinstance(self.columns, str) or not len(self.columns):
            raise UserError("columns: name at least one column, in a list.")
        object.__setattr__(self, "columns", tuple(self.columns))

    def __call__(self, rows: Any, labels: Any, seed: int) -> _Narrow:
        """Return a model trained on these columns; it takes rows with all of them.

        Raises:
            UserError: if a column is absent.
        """
        return _Narrow(fit(self.recipe, _columns(rows, self.columns), labels, seed), self.columns)


@dataclass(frozen=True)
class _Narrow:
    model: Any
    columns: tuple[Any, ...]

    @property
    def classes_(self) -> np.ndarray:
        return self.model.classes_

    def predict_proba(self, rows: Any) -> np.ndarray:
        return self.model.predict_proba(_columns(rows, self.columns))


@dataclass(frozen=True)
class WithoutDuplicates:
    """Train on each record once, however often it stands in the table (the same values and class).

    Attributes:
        recipe: how to train.
    """

    recipe: Any

    def __call__(self, rows: Any, labels: Any, seed: int) -> Any:
        """Return a model trained on the distinct records."""
        _, first = np.unique(keys_of(rows, labels), return_index=True)
        first.sort()
        return fit(self.recipe, take(rows, first), np.asarray(labels)[first], seed)


@dataclass(frozen=True)
class OutOfFold:
    """Train on what models without the record say of it, instead of on its own outcome (*distillation*).

    The records are cut into folds; each fold is answered by a model of the others, and the model that is
    released learns these answers. It repeats what is usual for such a record and not what happened to it.
    Where one class is the likeliest answer for every record, answers are drawn with the folds' probabilities.

    Attributes:
        recipe: how to train both.
        folds: how many.

    Source: Tang et al., Mitigating membership inference attacks by self-distillation through a novel ensemble
        architecture (2022), with folds in place of random subsets.
    """

    recipe: Any
    folds: int = 3

    def __post_init__(self) -> None:
        if isinstance(self.folds, bool) or not isinstance(self.folds, int) or not 2 <= self.folds <= 50:
            raise UserError(f"folds={self.folds!r}: choose a whole number from 2 to 50.")

    def __call__(self, rows: Any, labels: Any, seed: int) -> Any:
        """Return a model that learned the folds' answers.

        Raises:
            TargetError: if there are too few records of a class for the folds.
        """
        known = np.asarray(labels).ravel()
        if np.unique(known, return_counts=True)[1].min() < 2 * self.folds:
            raise TargetError(
                f"A class has fewer than {2 * self.folds} records, two for each fold: choose fewer folds."
            )
        fold_of = _folds(keys_of(rows, known), known, self.folds, seed)
        classes = np.unique(known)
        chances = np.zeros((len(known), len(classes)))
        for number in range(self.folds):
            fold, others = np.flatnonzero(fold_of == number), np.flatnonzero(fold_of != number)
            model = fit(self.recipe, take(rows, others), known[others], seed)
            columns = np.searchsorted(classes, np.asarray(model.classes_))
            chances[np.ix_(fold, columns)] = model.predict_proba(take(rows, fold))
        told = classes[chances.argmax(axis=1)]
        if len(np.unique(told)) < 2:
            # A rare class is nowhere the likeliest: answers are drawn as likely as the folds' models say.
            reached = chances.cumsum(axis=1) / chances.sum(axis=1, keepdims=True)
            drawn = np.random.default_rng(seed).random((len(known), 1))
            told = classes[np.minimum((drawn >= reached).sum(axis=1), len(classes) - 1)]
        if len(np.unique(told)) < 2:
            raise TargetError(
                "The folds' models give one answer to all records: there is nothing to distill; choose a "
                "recipe that tells the classes apart."
            )
        return fit(self.recipe, rows, told, seed)


@dataclass(frozen=True)
class PrivateTraining:
    """Train with differential privacy: the noise is drawn anew for each model.

    Attributes:
        model: a :class:`~secure_ai.anonymize.differential_privacy.learning.training.PrivateNetwork` or
            ``PrivateLogisticRegression``, not fitted.
        encoder: has ``transform`` and learned nothing from the records
            (:class:`~secure_ai.anonymize.differential_privacy.learning.encoder.PublicEncoder`); None where
            rows are numbers and the model has bounds.
    """

    model: Any
    encoder: Any = None

    def __post_init__(self) -> None:
        if "seed" not in getattr(self.model, "get_params", dict)():
            raise UserError("model: give a PrivateNetwork or a PrivateLogisticRegression that is not fitted.")

    def __call__(self, rows: Any, labels: Any, seed: int) -> _Encoded:
        """Return a model with its cost in ``cost_``."""
        from sklearn.base import clone

        made = clone(self.model).set_params(seed=seed)
        return _Encoded(made.fit(_encoded(rows, self.encoder), labels), self.encoder)


@dataclass(frozen=True)
class _Encoded:
    model: Any
    encoder: Any

    @property
    def classes_(self) -> np.ndarray:
        return self.model.classes_

    @property
    def cost_(self) -> Any:
        return self.model.cost_

    def predict_proba(self, rows: Any) -> np.ndarray:
        return self.model.predict_proba(_encoded(rows, self.encoder))


@dataclass(frozen=True)
class Repeated:
    """Train on distinct records as often as each stands in the table that they come from.

    Attributes:
        recipe: how to train.
        keys: (records,) uint64, sorted.
        times: (records,) how often each stands there.
    """

    recipe: Any
    keys: np.ndarray
    times: np.ndarray

    def __call__(self, rows: Any, labels: Any, seed: int) -> Any:
        """Return a model trained on the records with their copies."""
        times = self.times[np.searchsorted(self.keys, keys_of(rows, labels))]
        places = np.repeat(np.arange(len(times)), times)
        return fit(self.recipe, take(rows, places), np.asarray(labels)[places], seed)


def _folds(keys: np.ndarray, labels: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """Return the fold of each record: as many of each class in each, and copies of a record in one.

    A model that has a copy of a record would else answer for it.
    """
    rng = np.random.default_rng(seed)
    fold_of = np.empty(len(keys), dtype=int)
    for one in np.unique(labels):
        places = np.flatnonzero(labels == one)
        different, record = np.unique(keys[places], return_inverse=True)
        fold_of[places] = (rng.permutation(len(different)) % folds)[record]
    return fold_of


def _encoded(rows: Any, encoder: Any) -> Any:
    return rows if encoder is None else encoder.transform(rows)


def _columns(rows: Any, columns: Sequence[Any]) -> Any:
    if not hasattr(rows, "columns"):
        return np.asarray(rows)[:, list(columns)]
    absent = [shown(str(name)) for name in columns if name not in rows.columns]
    if absent:
        raise UserError(f"The rows have no column '{absent[0]}': name columns that are there.")
    return rows[list(columns)]
