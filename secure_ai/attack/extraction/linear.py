"""A linear model copied exactly: every probability is an equation for its coefficients.

The logarithm of the odds of two classes is linear in the inputs, so that one answer more than there are
coefficients settles them all.

Source: Tramèr, Zhang, Juels, Reiter & Ristenpart, Stealing machine learning models via prediction APIs
    (2016), section 4.1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from secure_ai.attack.extraction.coding import InputCoder, as_frame, like
from secure_ai.attack.extraction.questions import question_pool, taken
from secure_ai.attack.targets import TargetError, check_rows, open_target
from secure_ai.core import UserError

EXTRA = 1.2
CHECKED = 10
LINEAR = 1e-4
FINE = 1e-10
LEAST_WEIGHT = 1e-13
MOST_DECIMALS = 6
MOST_POOL = 20_000


@dataclass(frozen=True)
class LinearCopy:
    """Coefficients found from answers.

    Attributes:
        classes_: in the order of the model's.
        coefficients: (1, columns) of the log odds of the second of two classes, or (classes, columns) with
            mean 0 over the classes, which is all that probabilities can tell.
        intercepts: (1,) or (classes,), likewise.
        names: of the columns; of a category all values but the first.
        queries: rows that the model was asked about.
        scaled: whether the size is known; from labels alone only the boundary is, and coefficients have
            length 1.
        residual: largest error of the log odds on questions kept back; 0 if there are only labels.
        method: how they were found.
    """

    classes_: np.ndarray
    coefficients: np.ndarray
    intercepts: np.ndarray
    names: tuple[str, ...]
    queries: int
    scaled: bool
    residual: float
    method: str
    _coder: InputCoder = field(repr=False)

    def decision_function(self, rows: Any) -> np.ndarray:
        """Return the log odds: (rows,) of two classes, (rows, classes) of more."""
        found = self._coder(rows) @ self.coefficients.T + self.intercepts
        return found[:, 0] if len(self.classes_) == 2 else found

    def predict_proba(self, rows: Any) -> np.ndarray:
        """Return (rows, classes) probabilities; without the size they are only ordered as the model's."""
        found = np.atleast_2d(self.decision_function(rows).T).T
        if len(self.classes_) == 2:
            found = np.column_stack([np.zeros(len(found)), found])
        powers = np.exp(found - found.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)

    def predict(self, rows: Any) -> np.ndarray:
        """Return (rows,) classes."""
        return self.classes_[self.predict_proba(rows).argmax(axis=1)]

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each column and the intercept, one column for each set of coefficients."""
        heads = self.classes_[1:] if len(self.classes_) == 2 else self.classes_
        values = np.column_stack([self.coefficients, self.intercepts]).T
        return pd.DataFrame(values, index=[*self.names, "intercept"], columns=[str(head) for head in heads])


def solve_linear(model: Any, rows: Any, *, queries: int | None = None, seed: int = 0) -> LinearCopy:
    """Copy a linear model from its probabilities.

    Args:
        model: see :func:`secure_ai.attack.targets.open_target`; logistic or multinomial regression, behind
            whatever scaling and coding of categories.
        rows: rows of the same kind that the thief owns, without classes.
        queries: rows to ask about; a fifth more than there are coefficients, and ten to check, if not given.
            More of them average rounding out.
        seed: of the choice of questions.

    Raises:
        TargetError: if the model gives no probabilities, or its log odds are not linear in the inputs.
        UserError: if there are fewer queries than coefficients.
    """
    check_rows(rows, what="rows of the attacker")
    target = open_target(model)
    before = target.queries
    coder = InputCoder(rows, drop_first=True)
    unknowns = len(coder.names) + 1
    count = math.ceil(EXTRA * unknowns) + CHECKED if queries is None else int(queries)
    if count < unknowns + CHECKED:
        raise UserError(
            f"{count:,} queries for {unknowns:,} coefficients are too few: "
            f"give {unknowns + CHECKED:,} or more."
        )
    pool = varied_pool(rows, coder, count, seed)
    design = with_one(coder(pool))
    places = independent_rows(design, count, seed)
    if len(places) < unknowns + CHECKED:
        raise TargetError(
            f"There are {len(places):,} different rows to ask about, too few for {unknowns:,} coefficients: "
            "give more varied rows."
        )
    count = len(places)
    chances = target.probabilities(taken(pool, places))
    if np.ptp(chances, axis=0).max() == 0:
        raise TargetError(f"The {target.name} gives the same probabilities for all rows: nothing to copy.")
    rng = np.random.default_rng(seed)
    back = np.zeros(count, dtype=bool)
    back[rng.choice(np.arange(unknowns, count), CHECKED, replace=False)] = True
    found, residual = _solved(design[places], chances, back)
    if queries is None and _uncertainty(design[places], chances, coder) > FINE:
        # Saturated answers say little: ask again where the copy so far says that none is.
        weight = _weights(_probabilities(design @ found))
        weight[places] = 0
        more = independent_rows(design * weight[:, None], count, seed, spanning=False)
        chances = np.vstack([chances, target.probabilities(taken(pool, more))])
        places, back = np.concatenate([places, more]), np.concatenate([back, np.zeros(len(more), dtype=bool)])
        found, residual = _solved(design[places], chances, back)
    _check_linear(
        design[places][back] @ found, chances[back], answer_decimals(chances), residual, target.name
    )
    return linear_copy(
        found,
        coder,
        rows,
        target.classes,
        queries=target.queries - before,
        residual=residual,
        method="equations",
    )


def _check_linear(
    odds: np.ndarray, chances: np.ndarray, decimals: int | None, residual: float, name: str
) -> None:
    """Refuse coefficients that do not foretell the answers kept back, as far as these are exact."""
    if decimals == 0:
        raise TargetError(
            f"The probabilities of the {name} are 0 or 1: they say no more than classes (search_linear)."
        )
    off = float(np.abs(_probabilities(odds) - chances).mean())
    if residual > LINEAR if decimals is None else off > 10.0**-decimals:
        raise TargetError(
            f"The log odds of the {name} are not linear in its inputs (probabilities kept back are missed by "
            f"{off:.2g}): learn a substitute instead (steal_model)."
        )


def _solved(design: np.ndarray, chances: np.ndarray, back: np.ndarray) -> tuple[np.ndarray, float]:
    """Return (columns + 1, sets) coefficients by weighted least squares, and the error on rows kept back."""
    classes = chances.shape[1]
    if answer_decimals(chances) == 0:
        return np.zeros((design.shape[1], classes - 1)), 0.0
    safe = np.clip(chances, np.finfo(float).tiny, 1)
    columns, worst = [], 0.0
    for place in range(1, classes):
        odds = np.log(safe[:, place]) - np.log(safe[:, 0])
        # An error of the answer moves the log odds by 1 / p: what is saturated says little.
        weight = np.minimum(chances[:, place], chances[:, 0])
        used = ~back & (weight > LEAST_WEIGHT)
        found, _, rank, _ = np.linalg.lstsq(
            design[used] * weight[used, None], odds[used] * weight[used], rcond=1e-13
        )
        if rank < design.shape[1] and answer_decimals(chances) is None:
            raise TargetError(
                "The answers do not settle all coefficients: too many probabilities are 0 or 1, or columns "
                "of the rows follow from each other. Leave such columns out, or give more varied rows."
            )
        checked = back & (weight > 1e-6)
        if not checked.any():
            raise TargetError("Nearly all probabilities are 0 or 1: they settle no coefficient.")
        worst = max(worst, float(np.abs(design[checked] @ found - odds[checked]).max()))
        columns.append(found)
    return np.column_stack(columns), worst


def _weights(chances: np.ndarray) -> np.ndarray:
    """Return how much a row says: the smallest over the classes of p (1 - p)."""
    return (chances * (1 - chances)).min(axis=1)


def _probabilities(odds: np.ndarray) -> np.ndarray:
    full = np.column_stack([np.zeros(len(odds)), odds])
    powers = np.exp(full - full.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _uncertainty(design: np.ndarray, chances: np.ndarray, coder: InputCoder) -> float:
    """Return the error of the worst coefficient, in the rows' units, that the last digit of answers makes."""
    weighted = design * _weights(chances)[:, None]
    spread = np.append(coder.scale()[1], 1.0)
    errors = np.linalg.norm(np.linalg.pinv(weighted), axis=1) / spread
    return float(errors.max() * np.finfo(float).eps)


def linear_copy(
    found: np.ndarray, coder: InputCoder, rows: Any, classes: np.ndarray, *, queries: int, residual: float,
    method: str, scaled: bool = True,
) -> LinearCopy:  # fmt: skip
    """Return coefficients of scaled columns as a copy in the units of the rows."""
    plain = InputCoder(rows, drop_first=True, scale=False)
    center, spread = coder.scale()
    slopes = found[:-1].T / spread
    intercepts = found[-1] - slopes @ center
    if len(classes) > 2:
        slopes = np.vstack([np.zeros(slopes.shape[1]), slopes])
        intercepts = np.concatenate([[0.0], intercepts])
        slopes, intercepts = slopes - slopes.mean(axis=0), intercepts - intercepts.mean()
    if not scaled:
        length = np.linalg.norm(slopes)
        slopes, intercepts = slopes / length, intercepts / length
    return LinearCopy(
        classes_=classes,
        coefficients=slopes,
        intercepts=intercepts,
        names=tuple(plain.names),
        queries=queries,
        scaled=scaled,
        residual=residual,
        method=method,
        _coder=plain,
    )


def true_coefficients(model: Any, copy: LinearCopy, rows: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the owner's coefficients and intercepts in the coding of the copy (white box: for the judge).

    Read from ``decision_function`` at the origin and one step along each column, so that any scaling and
    coding inside a pipeline is included.

    Args:
        model: a fitted linear classifier or pipeline with ``decision_function``.
        copy: whose coding is used; of one without size the truth is brought to length 1 as well.
        rows: any row of the right columns, at least one.
    """
    if not hasattr(model, "decision_function"):
        raise UserError(
            "The model has no decision_function: true coefficients are known of linear models only."
        )
    probes = copy._coder.unit_rows(rows)
    given = model.decision_function(like(probes, rows) if not hasattr(rows, "iloc") else probes)
    given = given[:, None] if given.ndim == 1 else given - given.mean(axis=1, keepdims=True)
    slopes, intercepts = (given[1:] - given[0]).T, given[0]
    if not copy.scaled:
        length = np.linalg.norm(slopes)
        slopes, intercepts = slopes / length, intercepts / length
    return slopes, intercepts


def coefficient_error(model: Any, copy: LinearCopy, rows: Any) -> float:
    """Return the largest absolute error of a coefficient or intercept of the copy, in the rows' units."""
    slopes, intercepts = true_coefficients(model, copy, rows)
    return float(max(np.abs(slopes - copy.coefficients).max(), np.abs(intercepts - copy.intercepts).max()))


def answer_decimals(chances: np.ndarray) -> int | None:
    """Return to how many decimals (at most 6) answers seem to be rounded; None if they are not."""
    for decimals in range(MOST_DECIMALS + 1):
        if np.abs(chances - np.round(chances, decimals)).max(initial=0) < 1e-12:
            return decimals
    return None


def varied_pool(rows: Any, coder: InputCoder, count: int, seed: int) -> Any:
    """Return rows to choose questions from, in the kind of ``rows``; each value of a category is in them."""
    own = as_frame(rows)
    named = [name for place, name in enumerate(own) if place not in coder.numeric]
    pool = as_frame(question_pool(rows, max(4 * count, 500, min(len(own), MOST_POOL)), seed=seed))
    parts = [own.drop_duplicates(name) for name in named]
    return like(pd.concat([*parts, pool]).drop_duplicates(ignore_index=True), rows)


def with_one(coded: np.ndarray) -> np.ndarray:
    """Return the coded rows with a column of ones at the end."""
    return np.column_stack([coded, np.ones(len(coded))])


def independent_rows(design: np.ndarray, count: int, seed: int, *, spanning: bool = True) -> np.ndarray:
    """Return places of ``count`` rows: first some that span all columns, then others at random.

    Raises:
        TargetError: if the rows do not span the columns.
    """
    from scipy.linalg import qr

    _, triangle, order = qr(design.T, mode="economic", pivoting=True)
    size = design.shape[1]
    diagonal = np.abs(np.diag(triangle))
    if spanning and (len(diagonal) < size or diagonal[-1] < 1e-9 * diagonal[0]):
        raise TargetError(
            "Columns of the attacker's rows follow from each other or do not vary: coefficients of such "
            "columns cannot be told apart. Leave constant and repeated columns out, or give more varied rows."
        )
    rest = np.setdiff1d(np.arange(len(design)), order[:size])
    more = np.random.default_rng(seed).choice(rest, min(count - size, len(rest)), replace=False)
    return np.concatenate([order[:size], more])
