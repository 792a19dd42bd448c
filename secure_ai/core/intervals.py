"""Intervals at 95 % of a share: Wilson's, close on average, and Clopper and Pearson's, never too narrow."""

from __future__ import annotations

import math
from typing import overload

import numpy as np
from numpy.typing import NDArray

Z = 1.959963984540054
Floats = NDArray[np.float64]


@overload
def wilson(hits: float, n: float) -> tuple[float, float]: ...
@overload
def wilson(hits: NDArray, n: float) -> tuple[Floats, Floats]: ...
def wilson(hits, n):
    """Return Wilson's score interval of ``hits`` in ``n`` trials; of no trial it is 0 to 1.

    Args:
        hits: successes; a number, or an array with an interval for each. Neither need be whole: dependent
            trials count for fewer (an effective number), which is why this is not SciPy's.
        n: trials.

    Raises:
        ValueError: if there are fewer than no successes, or more than trials.

    Source: Wilson, Probable inference, the law of succession, and statistical inference (1927).
    """
    several = isinstance(hits, np.ndarray)
    hits = np.asarray(hits, dtype=float)
    _check(hits, n)
    if n == 0:
        low, high = np.zeros_like(hits), np.ones_like(hits)
    else:
        share = hits / n
        center = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
        half = Z / (1 + Z**2 / n) * np.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
        # At the ends the bound is exact; rounding must not push it past the value.
        low = np.where(hits == 0, 0.0, np.maximum(center - half, 0.0))
        high = np.where(hits == n, 1.0, np.minimum(center + half, 1.0))
    return (low, high) if several else (float(low), float(high))


def clopper_pearson(hits: int, n: int) -> tuple[float, float]:
    """Return the exact interval of ``hits`` in ``n`` independent trials; of no trial it is 0 to 1.

    Raises:
        ValueError: if there are fewer than no successes, or more than trials.

    Source: Clopper & Pearson, The use of confidence or fiducial limits (1934).
    """
    from scipy.special import betaincinv

    _check(np.asarray(hits), n)
    low = float(betaincinv(hits, n - hits + 1, 0.025)) if hits else 0.0
    return low, float(betaincinv(hits + 1, n - hits, 0.975)) if hits < n else 1.0


def _check(hits: NDArray, n: float) -> None:
    if not (math.isfinite(n) and n >= 0 and np.all((hits >= 0) & (hits <= n))):
        raise ValueError("a share needs from 0 to n successes in a finite number n of trials")
