"""A linear model copied from classes or rounded probabilities: lines are halved until the answer switches.

Where the answer switches the log odds are known exactly, however coarse the answers are: rounding multiplies
the questions and hides nothing. From classes alone only the boundary is found, not how sure the model is.

Source: Lowd & Meek, Adversarial learning (2005), for classes; the same at the steps of rounded probabilities.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from secure_ai.attack.extraction.coding import InputCoder, as_frame, like
from secure_ai.attack.extraction.linear import (
    EXTRA,
    LinearCopy,
    answer_decimals,
    independent_rows,
    linear_copy,
    varied_pool,
    with_one,
)
from secure_ai.attack.extraction.questions import question_pool, taken
from secure_ai.attack.targets import Target, TargetError, check_rows, open_target
from secure_ai.core import UserError

HALVINGS = 48
DOUBLINGS = 12
FIRST_STEP = 0.5
REFUSED = 1e-3


def search_linear(model: Any, rows: Any, *, halvings: int = HALVINGS, seed: int = 0) -> LinearCopy:
    """Copy a linear model of two classes from classes, or from rounded probabilities.

    Numbers are asked about with fractions, and for rows with categories beyond their usual range: a service
    that checks its inputs against what can occur refuses such questions.

    Args:
        model: see :func:`secure_ai.attack.targets.open_target`.
        rows: rows of the same kind that the thief owns, without classes; at least one column of numbers.
        halvings: of each line; each makes the point where the answer switches twice as sharp.
        seed: of the choice of lines.

    Returns:
        The copy; ``scaled`` says whether its size is known (not from classes).

    Raises:
        TargetError: if there are more than two classes, the answers do not switch on enough lines, or the
            switching points lie on no plane.
        UserError: if an argument is wrong.
    """
    if not 1 <= halvings <= 60:
        raise UserError(f"halvings={halvings!r}: choose 1 to 60.")
    check_rows(rows, what="rows of the attacker")
    target = open_target(model)
    if len(target.classes) != 2:
        raise TargetError(
            f"The {target.name} tells {len(target.classes)} classes apart: lines are searched for two only."
        )
    before = target.queries
    coder = InputCoder(rows, drop_first=True)
    if not coder.numeric:
        raise TargetError("No column of the rows is a number: there is no line to search along.")
    wanted = math.ceil(EXTRA * (len(coder.names) + 1))
    ends = _opposite_ends if len(coder.numeric) == len(coder.columns) else _grown_ends
    lines = ends(target, rows, coder, wanted, seed)
    points, decimals = _halved(target, lines, halvings, rows)
    if decimals > lines.decimals:
        # Near the steps the answers show digits that the ends of the lines did not.
        lines = replace(lines, decimals=decimals)
        points, _ = _halved(target, lines, halvings, rows)
    design = with_one(coder(points))
    if lines.decimals:
        found, *_ = np.linalg.lstsq(design, lines.odds, rcond=1e-12)
        error = float(np.abs(design @ found - lines.odds).max())
    else:
        sizes = np.linalg.norm(design, axis=1, keepdims=True)
        _, singular, directions = np.linalg.svd(design / sizes)
        if singular[-2] < 1e-9 * singular[0]:
            raise TargetError("The lines settle no single boundary: give more varied rows.")
        found, error = directions[-1], float(singular[-1] / singular[-2])
        if np.median(with_one(coder(lines.high)) @ found) < 0:
            found = -found
    if error > REFUSED:
        raise TargetError(
            f"The answers of the {target.name} do not switch along one plane: "
            "it is not linear in these inputs."
        )
    return linear_copy(
        found[:, None],
        coder,
        rows,
        target.classes,
        queries=target.queries - before,
        residual=error if lines.decimals else 0.0,
        method="line search on rounded probabilities" if lines.decimals else "line search on classes",
        scaled=bool(lines.decimals),
    )


@dataclass(frozen=True)
class _Lines:
    """Pairs of rows between which the answer rises above a level.

    Attributes:
        low, high: frames; answers below and above the level.
        below, above: these answers.
        decimals: of the answers; 0 where there are only classes.
    """

    low: pd.DataFrame
    high: pd.DataFrame
    below: np.ndarray
    above: np.ndarray
    decimals: int

    @property
    def levels(self) -> np.ndarray:
        """The step of rounding nearest to the middle between both answers, at which a line is searched."""
        if not self.decimals:
            return np.full(len(self.below), 0.5)
        size = 10**self.decimals
        return (np.floor((self.below + self.above) / 2 * size - 1e-9) + 0.5) / size

    @property
    def odds(self) -> np.ndarray:
        return np.log(self.levels / (1 - self.levels))


def _answers(target: Target, frame: pd.DataFrame, rows: Any) -> np.ndarray:
    """Ask, and return the probability of the second class as far as it is given (1 or 0 for a class)."""
    # Whole numbers of an array are asked about with fractions too.
    asked = frame if isinstance(rows, pd.DataFrame) else like(frame, np.asarray(rows, dtype=float))
    return target.scores(asked, target.classes[1])


def _decimals(target: Target, given: np.ndarray) -> int:
    if target.answer == "labels":
        return 0
    decimals = answer_decimals(given)
    if decimals is None:
        raise TargetError(
            f"The probabilities of the {target.name} are not rounded: they are equations as they are "
            "(solve_linear)."
        )
    return decimals


def _opposite_ends(target: Target, rows: Any, coder: InputCoder, wanted: int, seed: int) -> _Lines:
    """Pair own rows with answers on both sides, so that every question lies between two own rows."""
    rng = np.random.default_rng(seed)
    pool = as_frame(question_pool(rows, max(4 * wanted, 200), seed=seed)).astype(float)
    given = _answers(target, pool, rows)
    order = np.argsort(given, kind="stable")
    low = order[given[order] < 0.5]
    high = order[given[order] >= 0.5]
    if min(len(low), len(high)) < 1:
        raise TargetError(f"The {target.name} gives one class for all {len(pool):,} rows asked about.")
    first, second = rng.choice(low, wanted), rng.choice(high, wanted)
    return _Lines(
        pool.iloc[first].reset_index(drop=True),
        pool.iloc[second].reset_index(drop=True),
        given[first],
        given[second],
        _decimals(target, given),
    )


def _grown_ends(target: Target, rows: Any, coder: InputCoder, wanted: int, seed: int) -> _Lines:
    """Keep the categories of a row and move its numbers in a random direction until the answer switches."""
    rng = np.random.default_rng(seed)
    pool = varied_pool(rows, coder, wanted, seed)
    places = independent_rows(with_one(coder(pool)), wanted, seed)
    numbers = [coder.columns[place] for place in coder.numeric]
    start = as_frame(taken(pool, places)).reset_index(drop=True).astype(dict.fromkeys(numbers, float))
    given = _answers(target, start, rows)
    decimals = _decimals(target, given)
    _, spread = coder.number_scale()
    steps = rng.normal(size=(len(start), len(numbers)))
    steps *= spread / np.linalg.norm(steps, axis=1, keepdims=True)
    far, other = start.copy(), given.copy()
    open_lines = np.ones(len(start), dtype=bool)
    for power in range(DOUBLINGS):
        for sign in (1, -1):
            left = np.flatnonzero(open_lines)
            if not len(left):
                break
            moved = start.iloc[left].copy()
            moved[numbers] = moved[numbers].to_numpy() + sign * FIRST_STEP * 2**power * steps[left]
            now = _answers(target, moved, rows)
            switched = (now >= 0.5) != (given[left] >= 0.5)
            far.iloc[left[switched]] = moved[switched]
            other[left[switched]] = now[switched]
            open_lines[left[switched]] = False
    kept = np.flatnonzero(~open_lines)
    if len(kept) < len(coder.names) + (1 if decimals else 0):
        raise TargetError(
            f"The answers of the {target.name} switch on {len(kept):,} of {len(start):,} lines, too few for "
            f"{len(coder.names):,} coefficients: the columns of numbers decide too little."
        )
    start, far, given, other = start.iloc[kept], far.iloc[kept], given[kept], other[kept]
    upward = np.broadcast_to((other > given)[:, None], start.shape)
    low = start.where(upward, far).reset_index(drop=True)
    high = far.where(upward, start).reset_index(drop=True)
    return _Lines(low, high, np.minimum(given, other), np.maximum(given, other), decimals)


def _halved(target: Target, lines: _Lines, halvings: int, rows: Any) -> tuple[pd.DataFrame, int]:
    """Return the rows where the answers switch, all lines halved at once, and the decimals that were seen."""
    numbers = [name for name in lines.low if pd.api.types.is_numeric_dtype(lines.low[name].dtype)]
    low, high = lines.low[numbers].to_numpy(dtype=float), lines.high[numbers].to_numpy(dtype=float)
    point, levels, decimals = lines.low.copy(), lines.levels, lines.decimals
    for _ in range(halvings):
        middle = (low + high) / 2
        point[numbers] = middle
        given = _answers(target, point, rows)
        decimals = max(decimals, _decimals(target, given))
        above = (given > levels - 1e-12)[:, None]
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    point[numbers] = (low + high) / 2
    return point, decimals
