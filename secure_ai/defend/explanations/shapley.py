"""Shapley values: what each feature adds to the answer, averaged over all orders of adding features.

Source: Shapley, A value for n-person games (1953); Štrumbelj & Kononenko, Explaining prediction models and
    individual predictions with feature contributions (2014); Castro, Gómez & Tejada, Polynomial calculation
    of the Shapley value based on sampling (2009).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import factorial

import numpy as np
import pandas as pd

from secure_ai.attack.targets import TargetError
from secure_ai.core import UserError
from secure_ai.defend.explanations.players import Players, composites

Scores = Callable[[pd.DataFrame], np.ndarray]
MOST_EXACT = 10
MOST_COMPOSITES = 2_000_000


@dataclass(frozen=True)
class Contributions:
    """What the players add up to.

    Attributes:
        values: (players,) contributions.
        standard_errors: (players,) how far chance could have moved them.
        base: the answer where nothing is known of the case.
    """

    values: np.ndarray
    standard_errors: np.ndarray
    base: float


def exact_shapley(scores: Scores, row: pd.DataFrame, others: pd.DataFrame, players: Players) -> Contributions:
    """Average over every order, by asking about every subset of features (2 to the power of the players).

    The standard error is that of the background: other people in it, other contributions.

    Raises:
        UserError: if there are more than 10 players.
    """
    count = len(players)
    if count > MOST_EXACT:
        raise UserError(
            f"{count} features have too many subsets: group columns, or use method='sampled' "
            f"(exact goes up to {MOST_EXACT})."
        )
    if 2**count * len(others) > MOST_COMPOSITES:
        raise UserError(
            f"{len(others):,} background rows are too many: give {MOST_COMPOSITES // 2**count:,}."
        )
    masks = all_subsets(count)
    questions = np.repeat(masks, len(others), axis=0), np.tile(np.arange(len(others)), len(masks))
    answers = scores(composites(row, others, players, *questions)).reshape(len(masks), len(others))
    values = shapley_of_subsets(answers)
    return _averaged(values, answers[0].mean())


def all_subsets(count: int) -> np.ndarray:
    """Return (2 ** count, count) masks; bit *i* of the place says whether player *i* is in."""
    return (np.arange(2**count)[:, None] >> np.arange(count) & 1).astype(bool)


def shapley_of_subsets(answers: np.ndarray) -> np.ndarray:
    """Return (players, …) Shapley values of a game whose value for each subset stands in ``answers``.

    Args:
        answers: (2 ** players, …) in the order of :func:`all_subsets`.
    """
    count = len(answers).bit_length() - 1
    masks = all_subsets(count)
    sizes = masks.sum(axis=1)
    weights = np.array([factorial(s) * factorial(count - s - 1) / factorial(count) for s in range(count)])
    found = []
    for player in range(count):
        without = np.flatnonzero(~masks[:, player])
        gain = answers[without | (1 << player)] - answers[without]
        found.append(np.tensordot(weights[sizes[without]], gain, axes=1))
    return np.array(found)


def sampled_shapley(
    scores: Scores,
    row: pd.DataFrame,
    others: pd.DataFrame,
    players: Players,
    *,
    permutations: int = 200,
    seed: int = 0,
) -> Contributions:
    """Average over random orders, each together with its reverse, each pair with one other person.

    Every other person takes part equally often, so that contributions add up exactly; the number of orders
    is rounded up to allow it. The standard error is that of the pairs.

    Args:
        scores: rows in, answers out.
        row, others, players: as everywhere.
        permutations: orders at least.
        seed: of the orders.
    """
    rng = np.random.default_rng(seed)
    count, rounds = len(players), -(-max(permutations, 2) // (2 * len(others)))
    pairs = rounds * len(others)
    orders = rng.permuted(np.tile(np.arange(count), (pairs, 1)), axis=1)
    orders = np.concatenate([orders, orders[:, ::-1]])
    walks = 2 * pairs
    # Step s of a walk holds the first s players of its order.
    ranks = np.argsort(orders, axis=1)
    masks = (ranks[:, None, :] < np.arange(count + 1)[None, :, None]).reshape(-1, count)
    picks = np.repeat(np.tile(np.arange(len(others)), 2 * rounds), count + 1)
    answers = scores(composites(row, others, players, masks, picks)).reshape(walks, count + 1)
    gains = np.empty((walks, count))
    np.put_along_axis(gains, orders, np.diff(answers, axis=1), axis=1)
    return _averaged((gains[:pairs] + gains[pairs:]).T / 2, answers[:, 0].mean())


def linear_shapley(
    scores: Scores, row: pd.DataFrame, others: pd.DataFrame, players: Players, own: float
) -> Contributions:
    """Take each feature's contribution directly, where features add up (log-odds of a logistic regression).

    Each player is exchanged alone; that the contributions add up is checked, so that a model in which
    features work together is refused instead of explained wrongly.

    Args:
        scores: rows in, answers out.
        row, others, players: as everywhere.
        own: the answer about the row.

    Raises:
        TargetError: if the features do not add up.
    """
    count = len(players)
    masks = np.vstack([~np.eye(count, dtype=bool), np.zeros((1, count), dtype=bool)])
    questions = np.repeat(masks, len(others), axis=0), np.tile(np.arange(len(others)), len(masks))
    answers = scores(composites(row, others, players, *questions)).reshape(len(masks), len(others))
    found = _averaged(own - answers[:count], answers[count].mean())
    gap = abs(found.values.sum() + found.base - own)
    if gap > 1e-6 * max(1.0, np.abs(answers).max()):
        raise TargetError(
            "The features of this model do not add up on this scale: use method='exact' or 'sampled' "
            "(or scale='log-odds' for a logistic regression)."
        )
    return found


def _averaged(values: np.ndarray, base: float) -> Contributions:
    """Average (players, repetitions)."""
    repetitions = values.shape[1]
    spread = values.std(axis=1, ddof=1) / np.sqrt(repetitions) if repetitions > 1 else np.zeros(len(values))
    return Contributions(values.mean(axis=1), spread, float(base))
