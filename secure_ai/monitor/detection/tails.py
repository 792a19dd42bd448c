"""How far out a value lies: the right tail of each feature, learned from a quiet history."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

GRID = np.concatenate([np.linspace(0.0, 0.9, 10), [0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 1.0]])


class Tails:
    """Empirical tail probabilities of named features, each taken so that large is suspicious.

    ``surprise`` is -log10 of the share of the history that lay as far out or farther: 1 is one in ten, 3 one
    in a thousand. Beyond the largest value that was seen it grows with the distance in spreads of the upper
    tail, up to two more, so that a value far outside counts for more than one just outside.

    Source: Li et al. 2022, ECOD: Unsupervised Outlier Detection Using Empirical Cumulative Distribution
    Functions, IEEE TKDE (there all tails are summed; here each feature keeps its own, to be told in words).
    """

    def __init__(self) -> None:
        self._grids: dict[str, tuple[int, list[float]]] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The features that were learned."""
        return tuple(self._grids)

    def learn(self, columns: Mapping[str, Sequence[float]]) -> None:
        """Learn features (name to values); values that are no number are left out, empty features too."""
        for name, values in columns.items():
            array = np.asarray(values, dtype=float)
            array = array[np.isfinite(array)]
            if array.size:
                self._grids[name] = (int(array.size), np.quantile(array, GRID).tolist())

    def surprise(self, name: str, value: float) -> float:
        """Return how surprising a value is, 0 and more; 0 for no number and for a feature not learned."""
        known = self._grids.get(name)
        if known is None or not math.isfinite(value):
            return 0.0
        count, knots = known
        most = math.log10(count + 1)
        if value > knots[-1]:
            spread = max(knots[-1] - knots[9], 1e-9)
            return most + min(2.0, (value - knots[-1]) / spread)
        # Of equal knots the first counts: a value that is common is no surprise, however high its rank.
        place = int(np.searchsorted(knots, value, side="left"))
        if place == 0:
            return 0.0
        low, high = knots[place - 1], knots[place]
        share = GRID[place - 1] + (GRID[place] - GRID[place - 1]) * (value - low) / max(high - low, 1e-12)
        return min(most, -math.log10(max(1.0 - share, 10**-most)))

    def usual(self, name: str, share: float = 0.5) -> float | None:
        """Return a quantile of the history (the median by default); None where it was not learned."""
        known = self._grids.get(name)
        return None if known is None else float(np.interp(share, GRID, known[1]))

    def state(self) -> dict[str, Any]:
        """Return what was learned as JSON values."""
        return {name: [count, knots] for name, (count, knots) in self._grids.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what :meth:`state` returned."""
        self._grids = {
            name: (int(count), [float(k) for k in knots]) for name, (count, knots) in state.items()
        }
