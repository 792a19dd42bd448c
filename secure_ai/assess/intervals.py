"""Intervals of figures that were chosen among several, or that the usual ones cover too seldom.

The worst of several figures looks worse than it is. Its interval holds where those of all of them hold at
once (Bonferroni): that of the extreme goes from the worst lower to the worst upper bound.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from secure_ai.assess.change import is_share
from secure_ai.core import Measurement
from secure_ai.core.intervals import Z, wilson
from secure_ai.govern.fairness.gaps import difference_interval

SIMULTANEOUS = "interval that holds for all {count} figures at once (Bonferroni)"
ORDER_STATISTICS = (
    "interval of the share at the threshold with this rate of false alarms in the population: order "
    "statistics of the others, exact bounds of the members"
)


def simultaneous(measured: Measurement, count: int) -> Measurement:
    """Return a figure with the interval that holds for ``count`` figures at once; alone it stays as it is.

    An exact count keeps its bounds. A share gets at least Wilson's interval at the stricter level, any other
    figure bounds that are as many times farther away as the normal distribution asks for.

    Raises:
        ValueError: if there is not even one figure.
    """
    if count < 1:
        raise ValueError(f"{measured.name}: it cannot be one of {count} figures.")
    low, high = measured.interval
    if count == 1 or low == high == measured.value:
        return measured
    from scipy.stats import norm

    value, wider = measured.value, float(norm.isf(0.025 / count)) / Z
    bounds = value - wider * (value - low), value + wider * (high - value)
    if is_share(measured.unit):
        least = -1.0 if measured.unit.startswith("difference") else 0.0
        bounds = max(bounds[0], least), min(bounds[1], 1.0)
        if least == 0 and 0 <= value <= 1:
            # Trials that would give this interval: dependent ones count for fewer than there are.
            trials = measured.n / wider**2
            if value == 0 < high < 1:
                trials = min(trials, Z**2 * (1 - high) / high / wider**2)
            if value == 1 > low > 0:
                trials = min(trials, Z**2 * low / (1 - low) / wider**2)
            least_low, least_high = wilson(value * trials, trials)
            bounds = min(bounds[0], least_low), max(bounds[1], least_high)
    return replace(
        measured,
        interval=(min(bounds[0], low), max(bounds[1], high)),
        method=f"{measured.method}; {SIMULTANEOUS.format(count=count)}",
    )


def worst_of(figures: Sequence[Measurement], bad: Literal["above", "below"] = "above") -> Measurement:
    """Return the worst of several figures, with the interval of the worst of their true values.

    Raises:
        ValueError: if there are none.
    """
    if not figures:
        raise ValueError("The worst of no figures is unassessed.")
    worst = max if bad == "above" else min
    wide = [simultaneous(one, len(figures)) for one in figures]
    chosen = worst(wide, key=lambda one: one.value)
    low, high = (worst(one.interval[end] for one in wide) for end in (0, 1))
    return replace(chosen, interval=(low, high))


def above_baseline(measured: Measurement, *, trials: int | None = None) -> Measurement:
    """Return a share that is compared with its own baseline, with the interval of the difference.

    The baseline was measured on the same records and is no more certain than the figure: the bounds are the
    baseline and those of the difference (Newcombe, as if of different records: never too narrow for the same
    ones, where the two agree more than by chance).

    Args:
        measured: a share whose baseline is one, too.
        trials: of the baseline; as many as of the figure if not given.
    """
    n, m = measured.n, trials or measured.n
    low, high = difference_interval(round(measured.value * n), n, round(measured.baseline * m), m)
    return replace(
        measured,
        interval=(
            min(max(measured.baseline + low, 0.0), measured.value),
            max(min(measured.baseline + high, 1.0), measured.value),
        ),
        method=f"{measured.method}; interval of the difference from the baseline (Newcombe, method 10)",
    )


def mean_interval(values: np.ndarray) -> tuple[float, float]:
    """Return the interval of the mean of figures between 0 and 1, of which there may be few, or all alike.

    Student's, for the lower bound with a 0 and for the upper with a 1 added: twenty that are all 1 do not
    show that there is nothing else. It covers in more than 95 % of cases, where a bootstrap of twenty can
    cover in two thirds.

    Raises:
        ValueError: if there are fewer than two.
    """
    from scipy.stats import t

    if len(values) < 2:
        raise ValueError("One figure shows no spread.")

    def bound(added: float) -> float:
        all_of_them = np.append(np.asarray(values, dtype=float), added)
        error = all_of_them.std(ddof=1) / math.sqrt(len(all_of_them))
        return float(all_of_them.mean() + (2 * added - 1) * t.isf(0.025, len(all_of_them) - 1) * error)

    return max(bound(0.0), 0.0), min(bound(1.0), 1.0)


def found_interval(members: np.ndarray, others: np.ndarray, fpr: float) -> tuple[float, float]:
    """Return the interval of the share of members above the threshold that a share ``fpr`` of others reaches.

    The threshold is not known, only that so many of the others lie above it as the binomial distribution
    allows; of few others none need lie above it, and then the lower bound is 0. The bounds of the threshold
    and of the members are both at 95 %: where one of them is all the doubt, so is the result, else it is
    wider.

    Source: David & Nagaraja, Order statistics (2003), section 7.1; Clopper & Pearson (1934).
    """
    from scipy.stats import beta, binom

    ordered = np.sort(others)[::-1]
    n, m = len(members), len(others)
    fewest, most = (int(binom.ppf(level, m, fpr)) for level in (0.025, 0.975))
    # Fewest above: the threshold lies below the fewest-th of the others; none: it can be anywhere above.
    upper = ordered[fewest - 1] if fewest else math.inf
    lower = ordered[most] if most < m else -math.inf
    surely, perhaps = int((members > upper).sum()), int((members >= lower).sum())
    low = float(beta.ppf(0.025, surely, n - surely + 1)) if surely else 0.0
    high = float(beta.ppf(0.975, perhaps + 1, n - perhaps)) if perhaps < n else 1.0
    return low, high
