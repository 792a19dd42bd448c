"""The cheapest combinations of single changes whose gains add up: a knapsack with a choice for each unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

KEPT = 400
BEYOND = 1.6


@dataclass(frozen=True)
class Frontier:
    """Combinations of which none is both cheaper and better than another, cheapest first.

    Attributes:
        cost: (combinations,).
        gain: (combinations,), rising.
        choice: (combinations, units): which option of each unit.
    """

    cost: np.ndarray
    gain: np.ndarray
    choice: np.ndarray


def cheapest_combinations(
    costs: Sequence[np.ndarray], gains: Sequence[np.ndarray], *, need: float, dearest: float = np.inf
) -> Frontier:
    """Return the frontier of cost and gain over one option of each unit.

    Args:
        costs: of each unit, its options' costs.
        gains: of each unit, its options' gains.
        need: the gain that is looked for; what exceeds it far is not told apart.
        dearest: combinations at this cost or above are dropped.

    Source: Nemhauser & Ullmann, Discrete dynamic programming and capital allocation (1969); thinned to a
        fixed number of combinations, so that it is a heuristic where there are more.
    """
    cost, gain = np.zeros(1), np.zeros(1)
    choice = np.zeros((1, 0), dtype=np.int16)
    reach = sum(float(np.max(options, initial=0.0)) for options in gains)
    most = max(need * BEYOND, reach / 4)
    for unit_costs, unit_gains in zip(costs, gains, strict=True):
        total = (cost[:, None] + unit_costs).ravel()
        reached = (gain[:, None] + unit_gains).ravel()
        order = np.lexsort((-reached, total))
        order = order[total[order] < dearest]
        shown = np.minimum(reached[order], most)
        best_before = np.concatenate([[-np.inf], np.maximum.accumulate(shown)[:-1]])
        order = order[shown > best_before]
        if len(order) > KEPT:
            # Even in gain: the cheapest of each step stays.
            bins = np.digitize(reached[order], np.linspace(reached[order[0]], reached[order[-1]], KEPT))
            order = order[np.unique(bins, return_index=True)[1]]
        cost, gain = total[order], reached[order]
        width = len(unit_costs)
        choice = np.column_stack([choice[order // width], (order % width).astype(np.int16)])
        if not len(order):
            break
    return Frontier(cost, gain, choice)
