"""The population stability index, and how large it gets by chance alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

BINS = 10
MOST_CATEGORIES = 20
FEWEST_IN_CATEGORY = 5
# Added to the count of every bin, so that an empty one does not make the index infinite.
SMOOTHING = 0.5
MODERATE, MAJOR = 0.10, 0.25
LEVELS_SOURCE = "Lewis, An Introduction to Credit Scoring (1994); Siddiqi, Credit Risk Scorecards (2006)"
NO_DRIFT_LEVELS = {"moderate": MODERATE, "major": MAJOR}
NOISE_SOURCE = "Yurdakul and Naranjo, Statistical properties of the population stability index (2020)"
# Below this expected count in any bin the chi-square approximation is replaced by permutations.
APPROXIMATE_FROM = 20
MOST_DRAWS = 40_000
INTERVAL_DRAWS = 400
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Binned:
    """Counts of the same bins in the reference and in the current data; no bin is empty in both."""

    reference: Counts
    current: Counts

    @property
    def n(self) -> tuple[int, int]:
        """Values in the reference and in the current data."""
        return int(self.reference.sum()), int(self.current.sum())


def bin_numbers(reference: NDArray, current: NDArray, bins: int = BINS) -> Binned:
    """Count numbers in bins between quantiles of the reference; a repeated quantile makes one bin."""
    inner = np.quantile(reference, np.linspace(0, 1, bins + 1)[1:-1], method="inverted_cdf")
    edges = np.unique(inner)
    places = [np.searchsorted(edges, values, side="left") for values in (reference, current)]
    return _paired(*(np.bincount(place, minlength=len(edges) + 1) for place in places))


def bin_categories(reference: pd.Series, current: pd.Series) -> Binned:
    """Count categories; rare ones, and those that the reference does not know, share one bin."""
    counts = reference.value_counts()
    kept = counts[counts >= FEWEST_IN_CATEGORY].index[:MOST_CATEGORIES]
    parts = []
    for values in (reference, current):
        found = values.value_counts()
        known = found.reindex(kept, fill_value=0).to_numpy(dtype=np.int64)
        parts.append(np.append(known, int(found.sum()) - int(known.sum())))
    return _paired(*parts)


def _paired(reference: NDArray, current: NDArray) -> Binned:
    filled = (reference + current) > 0
    return Binned(reference[filled].astype(np.int64), current[filled].astype(np.int64))


def psi_of_counts(reference: NDArray, current: NDArray) -> NDArray[np.float64]:
    """Return the index of counts over the last axis, smoothed by half a count in every bin."""
    r, c = np.asarray(reference) + SMOOTHING, np.asarray(current) + SMOOTHING
    p, q = r / r.sum(axis=-1, keepdims=True), c / c.sum(axis=-1, keepdims=True)
    return ((q - p) * np.log(q / p)).sum(axis=-1)


def population_stability_index(reference: pd.Series, current: pd.Series, bins: int = BINS) -> float:
    """Return the PSI of two columns: the sum over bins of (q − p) ln(q / p).

    Args:
        reference: numbers (bins are its deciles) or categories; missing values are left out.
        current: values of the same kind.
        bins: quantile bins of numbers.

    Returns:
        0 for equal shares; half a count is added to every bin, so that it stays finite.

    Source: Siddiqi, Credit Risk Scorecards (2006); Jeffreys' divergence of binned shares.
    """
    first, second = pd.Series(reference).dropna(), pd.Series(current).dropna()
    if pd.api.types.is_numeric_dtype(first) and not pd.api.types.is_bool_dtype(first):
        found = bin_numbers(first.to_numpy(dtype=float), second.to_numpy(dtype=float), bins)
    else:
        found = bin_categories(first, second)
    return float(psi_of_counts(found.reference, found.current))


def psi_noise(found: Binned, alpha: float, rng: np.random.Generator) -> tuple[float, float, str]:
    """Return mean and upper bound of the PSI without drift, and how they were found.

    Args:
        found: the counts.
        alpha: chance of passing the bound where nothing has drifted.
        rng: for the permutations.

    Source: Yurdakul and Naranjo (2020): without drift, PSI / (1/n + 1/m) follows a chi-square law with
    one degree of freedom less than there are bins.
    """
    n, m = found.n
    bins = len(found.reference)
    pooled = found.reference + found.current
    expected = pooled * min(n, m) / (n + m)
    draws = int(20 / alpha)
    if bins < 2:
        return 0.0, 0.0, "one bin"
    if expected.min() >= APPROXIMATE_FROM or draws > MOST_DRAWS:
        scale = 1 / n + 1 / m
        return (bins - 1) * scale, float(stats.chi2.isf(alpha, bins - 1)) * scale, "chi-square approximation"
    draws = max(draws, 2_000)
    drawn = rng.multivariate_hypergeometric(pooled, m, size=draws, method="marginals")
    values = psi_of_counts(pooled - drawn, drawn)
    return float(values.mean()), float(np.quantile(values, 1 - alpha)), f"{draws:,} permutations"


def psi_noise_bound(n_reference: int, n_current: int, bins: int = BINS, alpha: float = 0.05) -> float:
    """Return the PSI that two samples from one and the same population pass in a share ``alpha`` of cases.

    The chi-square approximation, for equal bins; with 100 and 100 values it lies far above 0.1.

    >>> round(psi_noise_bound(100, 100), 2), round(psi_noise_bound(10_000, 10_000), 4)
    (0.34, 0.0034)
    """
    return float(stats.chi2.isf(alpha, bins - 1)) * (1 / n_reference + 1 / n_current)


def psi_interval(found: Binned, rng: np.random.Generator) -> tuple[float, float]:
    """Return bounds at 95 % of the PSI between the two populations, with the bias of sampling taken off.

    Bootstrap of both counts. Resampling adds the noise of the samples once more; the interval is moved
    down by what that added, and by as much again for the noise in the index itself. It always holds the
    index as computed.
    """
    n, m = found.n
    value = float(psi_of_counts(found.reference, found.current))
    r = rng.multinomial(n, found.reference / n, size=INTERVAL_DRAWS)
    c = rng.multinomial(m, found.current / m, size=INTERVAL_DRAWS)
    values = psi_of_counts(r, c)
    bias = max(float(values.mean()) - value, 0.0)
    low, high = np.quantile(values, [0.025, 0.975]) - 2 * bias
    return max(0.0, min(float(low), value)), max(float(high), value)
