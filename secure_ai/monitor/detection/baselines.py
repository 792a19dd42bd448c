"""What is usual for a person and for their peers, learned as the stream passes and slowly forgotten."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from river.stats import EWMean

EVERYBODY = "*"


class Habits:
    """How often somebody does each of several things, by person, by peer group and over all.

    Weights halve every ``half_life`` seconds of log time. A person of whom little is known is judged by their
    peers, and a small group by everybody: each level counts as ``strength`` observations of the level below.

    Args:
        half_life: seconds after which an observation counts half.
        strength: observations of their own that outweigh what peers do.

    Attributes:
        prior: value → share to expect before anything was learned; other values are taken as equally likely.
    """

    def __init__(self, half_life: float, strength: float) -> None:
        self.half_life, self.strength = half_life, strength
        self.prior: Mapping[str, float] = {}
        # Forward decay: old weights need no update if new ones grow instead.
        self._start: float | None = None
        self._weights: dict[str, dict[str, float]] = {}
        self._values: set[str] = set()
        self._totals: dict[str, float] = {}

    def learn(self, person: str, peers: str, everybody: str, value: str, time: float) -> None:
        """Count one observation of a person, their peers and everybody (each by its key)."""
        if self._start is None:
            self._start = time
        if time - self._start > 200 * self.half_life:
            self._rebase(time)
        self._values.add(value)
        grown = 2.0 ** max((time - self._start) / self.half_life, -100.0)
        for key in (person, peers, everybody):
            of_key = self._weights.setdefault(key, {})
            of_key[value] = of_key.get(value, 0.0) + grown
            self._totals[key] = self._totals.get(key, 0.0) + grown

    def share(self, person: str, peers: str, everybody: str, value: str, time: float) -> float:
        """Return the share of ``value`` that is to be expected of this person now; never quite zero."""
        now = self._unit(time)
        of_all = self._weights.get(everybody, {})
        expected = self.prior.get(value)
        if expected is None:
            others = len(self._values) + 1 - sum(name in self.prior for name in self._values)
            expected = (1 - sum(self.prior.values())) / max(others, 1)
        share = (of_all.get(value, 0.0) / now + expected) / (self._totals.get(everybody, 0.0) / now + 1)
        for key in (peers, person):
            if key == everybody:
                continue
            own = self._totals.get(key, 0.0) / now
            share = (self._of(key, value) / now + self.strength * share) / (own + self.strength)
        return share

    def names(self, key: str) -> list[str]:
        """Return the different things that ``key`` did, in alphabetical order."""
        return sorted(self._weights.get(key, ()))

    def kinds(self) -> int:
        """Return how many different things were seen."""
        return len(self._weights.get(EVERYBODY, ()))

    def seen(self, key: str, value: str, time: float) -> float:
        """Return how many times ``key`` (a person, a group or "*") did ``value``, old ones counting less."""
        return self._of(key, value) / self._unit(time)

    def weight(self, key: str, time: float) -> float:
        """Return how many observations of ``key`` there are, old ones counting less."""
        return self._totals.get(key, 0.0) / self._unit(time)

    def _of(self, key: str, value: str) -> float:
        of_key = self._weights.get(key)
        return of_key.get(value, 0.0) if of_key else 0.0

    def _unit(self, time: float) -> float:
        return 1.0 if self._start is None else 2.0 ** max((time - self._start) / self.half_life, -100.0)

    def _rebase(self, time: float) -> None:
        factor = 1 / self._unit(time)
        for key, of_key in self._weights.items():
            self._weights[key] = {value: kept for value, w in of_key.items() if (kept := w * factor) > 1e-6}
            self._totals[key] = sum(self._weights[key].values())
        self._start = time

    def state(self) -> dict[str, Any]:
        """Return what was learned as JSON values."""
        return {"start": self._start, "weights": self._weights}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what :meth:`state` returned."""
        self._start = state["start"]
        self._weights = {key: dict(values) for key, values in state["weights"].items()}
        self._totals = {key: sum(values.values()) for key, values in self._weights.items()}
        self._values = {value for values in self._weights.values() for value in values}


class Levels:
    """How large a figure usually is, by person, peers and over all: mean and spread of its logarithm.

    Args:
        fading: share by which each new observation replaces the old ones.
        strength: observations of their own that outweigh what peers do.
        least_spread: floor of the spread of the logarithm: below it, nobody is that regular.
    """

    def __init__(self, fading: float, strength: float, least_spread: float) -> None:
        self.fading, self.strength, self.least_spread = fading, strength, least_spread
        self._stats: dict[str, tuple[EWMean, EWMean]] = {}
        self._n: dict[str, float] = {}

    def learn(self, person: str, peers: str, everybody: str, value: float) -> None:
        """Count one observation (zero or more)."""
        x = math.log1p(value)
        for key in dict.fromkeys((person, peers, everybody)):
            pair = self._stats.get(key)
            if pair is None:
                pair = self._stats[key] = (EWMean(self.fading), EWMean(self.fading))
            pair[0].update(x)
            pair[1].update(x * x)
            self._n[key] = min(self._n.get(key, 0.0) + 1, 1 / self.fading)

    def usual(self, person: str, peers: str, everybody: str) -> tuple[float, float, float]:
        """Return the usual figure, the mean of its logarithm and that spread; NaN where nothing is known."""
        mean, square, weight = 0.0, 0.0, 0.0
        for key in dict.fromkeys((everybody, peers, person)):
            n = self._n.get(key, 0.0)
            if not n:
                continue
            first, second = self._stats[key]
            prior = min(weight, self.strength)
            mean = (n * first.get() + prior * mean) / (n + prior)
            square = (n * second.get() + prior * square) / (n + prior)
            weight = n + prior
        if not weight:
            return math.nan, math.nan, math.nan
        spread = math.sqrt(max(square - mean * mean, 0.0) * (1 + 1 / weight))
        return math.expm1(mean), mean, max(spread, self.least_spread)

    def excess(self, person: str, peers: str, everybody: str, value: float) -> float:
        """Return by how many spreads ``value`` is above what is usual; NaN where nothing is known."""
        _, mean, spread = self.usual(person, peers, everybody)
        return (math.log1p(value) - mean) / spread

    def count(self, key: str) -> float:
        """Return how many observations of ``key`` are remembered."""
        return self._n.get(key, 0.0)

    def state(self) -> dict[str, Any]:
        """Return what was learned as JSON values."""
        return {key: [a.get(), b.get(), self._n[key]] for key, (a, b) in self._stats.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what :meth:`state` returned."""
        self._stats, self._n = {}, {}
        for key, (mean, square, n) in state.items():
            pair = (EWMean(self.fading), EWMean(self.fading))
            # The first update of an exponentially weighted mean is the mean itself.
            pair[0].update(mean)
            pair[1].update(square)
            self._stats[key], self._n[key] = pair, n
