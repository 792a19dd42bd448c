"""Rates of success and the risk in excess of a control group, each with its 95 % interval."""

from __future__ import annotations

import math
from dataclasses import dataclass

from secure_ai.core.intervals import Z, wilson


@dataclass(frozen=True)
class Rate:
    """How often an attack succeeded.

    Attributes:
        value: share of attacks that succeeded.
        n: number of attacks; 0 for a rate that was computed exactly.
        effective: number of independent attacks that would tell as much, at most ``n``.
    """

    value: float
    n: int
    effective: float

    @classmethod
    def counted(cls, successes: int, n: int) -> Rate:
        """Return the rate of ``n`` independent attacks."""
        return cls(successes / n, n, float(n))

    @classmethod
    def exact(cls, value: float) -> Rate:
        """Return a rate that was computed, not sampled."""
        return cls(value, 0, math.inf)

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval: Wilson's score interval, or the value itself if it is exact."""
        return (
            (self.value, self.value) if self.n == 0 else wilson(self.value * self.effective, self.effective)
        )


def excess(attack: Rate, control: Rate) -> tuple[float, float, float]:
    """Return (training - control) / (1 - control) with its 95 % interval.

    It is one minus the ratio of the two rates of failure, so its interval is that of a ratio of two
    proportions. It may be negative, when the control group happened to be hit more often; it is
    minus infinity at the lower end where the ratio has no upper bound.

    Raises:
        ZeroDivisionError: if every attack on the control group succeeded.

    Source: Giomi et al., A Unified Framework for Quantifying Privacy Risk in Synthetic Data (2022),
    equation 5; interval: Koopman, Confidence intervals for the ratio of two binomial proportions (1984).
    """
    fails, fails_control = 1 - attack.value, 1 - control.value
    low, high = ratio_interval(fails, attack.effective, fails_control, control.effective)
    return 1 - fails / fails_control, 1 - high, 1 - low


def ratio_interval(first: float, n_first: float, second: float, n_second: float) -> tuple[float, float]:
    """Return the 95 % score interval of ``first`` / ``second``, two shares of independent trials."""
    ratio = first / second

    def beyond(log_ratio: float) -> bool:
        return _score(math.exp(log_ratio), first, n_first, second, n_second) > Z**2

    start = math.log(ratio) if ratio > 0 else math.log(0.5 / n_first / second)
    low = 0.0 if ratio == 0 else math.exp(_edge(beyond, start, -1))
    return low, math.exp(_edge(beyond, start, +1))


def _edge(beyond, start: float, direction: int) -> float:
    """Return where ``beyond`` becomes true, going from ``start``."""
    step = 1e-3
    while not beyond(start + direction * step) and step < 60:
        step *= 2
    inside, outside = 0.0, step
    for _ in range(50):
        middle = (inside + outside) / 2
        inside, outside = (inside, middle) if beyond(start + direction * middle) else (middle, outside)
    return start + direction * inside


def _score(ratio: float, first: float, n_first: float, second: float, n_second: float) -> float:
    """Return Koopman's statistic: the square of a standard normal if ``ratio`` is true."""
    a = (n_first + n_second) * ratio
    b = n_first * ratio + first * n_first + n_second + second * n_second * ratio
    c = first * n_first + second * n_second
    likely = (b - math.sqrt(max(0.0, b * b - 4 * a * c))) / (2 * a)
    likely_first = min(1.0, ratio * likely)
    variance = likely_first * (1 - likely_first) / n_first + ratio**2 * likely * (1 - likely) / n_second
    distance = (first - ratio * second) ** 2
    return distance / variance if variance > 0 else (0.0 if distance == 0 else math.inf)
