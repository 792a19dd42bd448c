"""Shapley values from real rows alone: what is known of the case is what rows like it were answered.

No row is put together from two people, so a model cannot recognize that it is being explained. The price:
features that go together in real life share what only one of them does.

Source: Mase, Owen & Seiler, Explaining black box decisions by Shapley cohort refinement (2019).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from secure_ai.defend.explanations.players import Players
from secure_ai.defend.explanations.shapley import (
    MOST_EXACT,
    Contributions,
    shapley_of_subsets,
)

CLOSENESS = 0.5


def similar_rows(row: pd.DataFrame, others: pd.DataFrame, players: Players, closeness: float) -> np.ndarray:
    """Return (others, players): which of the others are like the row in which feature.

    Numbers are alike within ``closeness`` standard deviations of the others, everything else if equal.
    """
    alike = np.ones((len(others), len(players)), dtype=bool)
    for at, column in enumerate(others.columns):
        own, values = row[column].iloc[0], others[column]
        if pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values.dtype):
            numbers = values.to_numpy(dtype=float)
            same = np.abs(numbers - float(own)) <= closeness * numbers.std() + 1e-12
        else:
            same = (values.astype(object) == own).to_numpy()
        alike[:, players.of_column[at]] &= same
    return alike


def cohort_shapley(
    answers: np.ndarray,
    row: pd.DataFrame,
    others: pd.DataFrame,
    players: Players,
    *,
    closeness: float = CLOSENESS,
    permutations: int = 400,
    seed: int = 0,
) -> Contributions:
    """Average over all orders of learning more about the case, or over random ones above 10 players.

    Args:
        answers: (1 + others,) of the row and of the others.
        row, others, players: as everywhere.
        closeness: how near a number must be to be like the row's, in standard deviations.
        permutations, seed: of the random orders.
    """
    alike = np.vstack([np.ones(len(players), dtype=bool), similar_rows(row, others, players, closeness)])
    count = len(players)
    if count <= MOST_EXACT:
        worth = _cohort_means(answers, alike)
        return Contributions(shapley_of_subsets(worth), np.zeros(count), float(worth[0]))
    rng = np.random.default_rng(seed)
    gains = np.empty((permutations, count))
    for walk in range(permutations):
        order = rng.permutation(count)
        # Row s: who is still like the case once the first s features are known.
        left = np.logical_and.accumulate(np.hstack([np.ones((len(alike), 1), bool), alike[:, order]]), axis=1)
        gains[walk, order] = np.diff(answers @ left / left.sum(axis=0))
    spread = gains.std(axis=0, ddof=1) / np.sqrt(permutations)
    return Contributions(gains.mean(axis=0), spread, float(answers.mean()))


def _cohort_means(answers: np.ndarray, alike: np.ndarray) -> np.ndarray:
    """Return (2 ** players,) the mean answer of the rows that are alike in every player of each subset."""
    count = alike.shape[1]
    codes = alike @ (1 << np.arange(count))
    shape = (2,) * count
    rows = np.bincount(codes, minlength=2**count).astype(float).reshape(shape)
    total = np.bincount(codes, weights=answers, minlength=2**count).reshape(shape)
    for axis in range(count):
        # Who is alike in more is alike in less, too.
        for table in (rows, total):
            less, more = (tuple([slice(None)] * axis + [side]) for side in (0, 1))
            table[less] += table[more]
    return (total / rows).ravel()
