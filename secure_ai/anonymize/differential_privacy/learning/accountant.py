"""What DP-SGD costs: epsilon of the Poisson-subsampled Gaussian mechanism, as a bound that is never too low.

Each step of DP-SGD draws every record with probability ``sampling_rate``, adds up clipped gradients and
adds Gaussian noise of ``noise_multiplier`` times the clipping norm. Neighboring data sets differ by one
record that is added or removed. The loss of privacy of one step is a random variable (its distribution is
the *privacy loss distribution*); the loss of many steps is the sum of independent copies, and a sum of
copies is a power of the Fourier transform.

Sources:
    Abadi et al., Deep learning with differential privacy (2016); Mironov, Talwar & Zhang, Rényi
    differential privacy of the sampled Gaussian mechanism (2019); Koskela, Jälkö & Honkela, Computing
    tight differential privacy guarantees using FFT (2020); Gopi, Lee & Wutschitz, Numerical composition
    of differential privacy (2021); Doroshenko et al., Connect the dots: tighter discrete approximations
    of privacy loss distributions (2022); Zhu, Dong & Wang, Optimal accounting of differential privacy
    via characteristic function (2022), for the two directions of add and remove.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp, ndtr, ndtri_exp

from secure_ai.core.errors import UserError

MOST_POINTS = 2**20
MOST_STEPS = 10**8
# Above this epsilon nobody is protected, and the simpler bound is told.
LARGE = 100.0
# Shares of delta or epsilon that may be lost to each approximation; all of them only raise epsilon.
TAIL_SHARE = 1e-5
GRID_TOLERANCE = 1e-4


@dataclass(frozen=True)
class SubsampledGaussian:
    """One step of DP-SGD, and how many of them.

    Attributes:
        noise_multiplier: standard deviation of the noise over the clipping norm.
        sampling_rate: probability with which each record enters a step.
        steps: number of steps.
    """

    noise_multiplier: float
    sampling_rate: float
    steps: int

    def __post_init__(self) -> None:
        check_sampling(self.sampling_rate, self.steps)
        if not _is_number(self.noise_multiplier) or not 0.01 <= self.noise_multiplier <= 1e6:
            raise UserError(
                f"noise_multiplier={self.noise_multiplier}: choose a number from 0.01 to 1,000,000; less "
                "noise than that protects nobody."
            )


def epsilon_spent(*, noise_multiplier: float, sampling_rate: float, steps: int, delta: float) -> float:
    """Return the epsilon that so many steps of DP-SGD cost at ``delta``.

    The figure is an upper bound: the privacy loss is rounded so that it only grows (*connect the dots*),
    and what is cut off is added to delta. Between 0.01 and 100 it lies within 1 % of the exact one; above
    100, where nobody is protected, it is the larger figure of :func:`renyi_epsilon`.

    Args:
        noise_multiplier: standard deviation of the noise over the clipping norm.
        sampling_rate: probability with which each record enters a step, above 0 and at most 1.
        steps: number of steps.
        delta: probability with which the bound may fail, above 0 and below 1.

    Raises:
        UserError: if an argument is out of range.

    Source: the module's.
    """
    mechanism = SubsampledGaussian(noise_multiplier, sampling_rate, steps)
    _check_delta(delta)
    return _epsilon(mechanism, float(delta))


def renyi_epsilon(*, noise_multiplier: float, sampling_rate: float, steps: int, delta: float) -> float:
    """Return the epsilon by Rényi differential privacy: simpler to compute, and larger than needed.

    The moment E[exp(θ L)] of the privacy loss L multiplies over steps, and Markov's inequality turns
    it into epsilon = (steps · log E[exp(θ L)] + log(1/delta)) / θ for the best θ (the order less one).

    Raises:
        UserError: if an argument is out of range.

    Source: Mironov (2017), Rényi differential privacy, proposition 3; Mironov, Talwar & Zhang (2019).
    """
    mechanism = SubsampledGaussian(noise_multiplier, sampling_rate, steps)
    _check_delta(delta)
    cut = TAIL_SHARE * delta / steps
    return max(
        0.0, *(_best_moment(_points(mechanism, way, cut), steps, delta)[0] for way in ("remove", "add"))
    )


@lru_cache(maxsize=256)
def noise_for(
    *, epsilon: float, delta: float, sampling_rate: float, steps: int, tolerance: float = 1e-3
) -> float:
    """Return the least noise multiplier with which so many steps cost at most ``epsilon`` at ``delta``.

    Args:
        epsilon: what may be spent, at least 0.01.
        delta: probability with which the bound may fail, above 0 and below 1.
        sampling_rate: probability with which each record enters a step, above 0 and at most 1.
        steps: number of steps.
        tolerance: relative width at which the bisection stops; the result errs to more noise.

    Raises:
        UserError: if an argument is out of range, or no noise multiplier up to 1,000,000 is enough.
    """
    check_budget(epsilon, delta)
    check_sampling(sampling_rate, steps)

    def enough(noise: float) -> bool:
        return _epsilon(SubsampledGaussian(noise, sampling_rate, steps), delta) <= epsilon

    high = 1.0
    while not enough(high):
        high *= 2
        if high > 1e6:
            raise UserError(
                f"epsilon={epsilon:g} cannot be kept over {steps:,} steps at delta={delta:g}: take fewer "
                "steps, a lower sampling rate or a larger epsilon."
            )
    low = high / 2
    while low > 0.02 and enough(low):
        low, high = low / 2, low
    while high / low > 1 + tolerance:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def check_budget(epsilon: float, delta: float) -> None:
    """Raise a sentence unless ``epsilon`` is at least 0.01 and finite, and ``delta`` between 0 and 1."""
    if not _is_number(epsilon) or not math.isfinite(epsilon) or epsilon < 0.01:
        raise UserError(f"epsilon={epsilon}: choose a number of at least 0.01, for instance 1.")
    _check_delta(delta)


def _check_delta(delta: float) -> None:
    if not _is_number(delta) or not 1e-100 <= delta < 1:
        raise UserError(
            f"delta={delta}: choose a number above 0 and below 1, smaller than one over the number of people."
        )


def check_sampling(sampling_rate: float, steps: int) -> None:
    """Raise a sentence unless ``sampling_rate`` is above 0 and at most 1, and ``steps`` a whole number."""
    if not _is_number(sampling_rate) or not 0 < sampling_rate <= 1:
        raise UserError(
            f"sampling_rate={sampling_rate}: choose a probability above 0 and at most 1, for instance 0.05."
        )
    if isinstance(steps, bool) or not isinstance(steps, (int, np.integer)) or not 1 <= steps <= MOST_STEPS:
        raise UserError(f"steps={steps}: choose a whole number from 1 to {MOST_STEPS:,}.")


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


@lru_cache(maxsize=1024)
def _epsilon(mechanism: SubsampledGaussian, delta: float) -> float:
    return max(0.0, *(_one_way(mechanism, way, delta) for way in ("remove", "add")))


def _one_way(mechanism: SubsampledGaussian, way: str, delta: float) -> float:
    """Epsilon of telling the data with a record from those without (``remove``), or the reverse (``add``)."""
    steps, cut = mechanism.steps, TAIL_SHARE * delta / mechanism.steps
    points = _points(mechanism, way, cut)
    bound, tilt = _best_moment(points, steps, delta)
    if bound <= 0 or bound > LARGE:
        return max(0.0, bound)
    step = min(math.sqrt(12 * GRID_TOLERANCE * bound / (tilt * steps)), 0.05 / (1 + tilt))
    step = max(step, GRID_TOLERANCE * bound / steps, np.ptp(points.losses) / MOST_POINTS)
    grid = _discretized(mechanism, way, step, points)
    # Above `top` the sum of all losses lies with at most a small share of delta.
    top, _ = _best_moment(points, steps, TAIL_SHARE * delta)
    width = max((math.log(1 / delta) + 12) / tilt, 2 * (top - bound), 64 * step)
    best = math.inf
    while width / step < MOST_POINTS:
        found = _epsilon_in_window(grid, steps, delta, tilt=tilt, center=bound, top=top, width=width)
        if found > best * (1 - 1e-4):
            return found if found < best else best
        best, width = found, 2 * width
    return min(best, bound * (1 + 1e-3))


@dataclass(frozen=True)
class _Points:
    """Losses at evenly spaced outputs ``x`` of one step, with the logarithm of their probabilities."""

    losses: np.ndarray
    log_weights: np.ndarray


@dataclass(frozen=True)
class _Grid:
    """The loss of one step, rounded to whole multiples of ``step`` from ``first`` on."""

    first: int
    step: float
    masses: np.ndarray
    lost: float


def _points(mechanism: SubsampledGaussian, way: str, cut: float) -> _Points:
    """Lay points over all outputs but a tail of mass ``cut`` on the side of large losses."""
    sigma, rate = mechanism.noise_multiplier, mechanism.sampling_rate
    # Small losses may be cut generously: whatever lies there is rounded up.
    near = -sigma * ndtri_exp(-46.0)
    if way == "remove":
        far = max(
            -sigma * ndtri_exp(math.log(cut / 2)), 1 - sigma * ndtri_exp(min(math.log(cut / 2 / rate), -1e-9))
        )
        low, high = -near, far
    else:
        low, high = sigma * ndtri_exp(math.log(cut)), 1 + near
    x = np.linspace(low, high, int(min(max(100 * (high - low) / sigma, 1000), 200_000)))
    loss = _loss(x, sigma, rate)
    base = -0.5 * (x / sigma) ** 2 - math.log(sigma * math.sqrt(2 * math.pi)) + math.log(x[1] - x[0])
    return _Points(loss, base + loss) if way == "remove" else _Points(-loss, base)


def _best_moment(points: _Points, steps: int, delta: float) -> tuple[float, float]:
    """Return the epsilon of Rényi differential privacy at ``delta``, and the θ that gives it."""

    def epsilon(log_theta: float) -> float:
        theta = math.exp(log_theta)
        return (steps * _log_moment(points.losses, points.log_weights, theta) - math.log(delta)) / theta

    found = minimize_scalar(epsilon, bounds=(-25, 8), method="bounded", options={"xatol": 1e-3})
    return float(found.fun), math.exp(found.x)


def _log_moment(losses: np.ndarray, log_weights: np.ndarray, theta: float) -> float:
    """Return log E[exp(θ L)], without losing digits where it is close to 0."""
    if theta * losses.max() < 300:
        return max(0.0, math.log1p(float(np.exp(log_weights) @ np.expm1(theta * losses))))
    return max(0.0, float(logsumexp(log_weights + theta * losses)))


def _loss(x: np.ndarray, sigma: float, rate: float) -> np.ndarray:
    """Log of the density of (1-q) N(0, σ²) + q N(1, σ²) over that of N(0, σ²), at ``x``."""
    exponent = (2 * x - 1) / (2 * sigma**2)
    small = np.log1p(rate * np.expm1(np.minimum(exponent, 600))) if rate < 1 else exponent
    return np.where(exponent < 600, small, exponent + math.log(rate))


def _output(loss: np.ndarray, sigma: float, rate: float) -> np.ndarray:
    """Invert :func:`_loss`; minus infinity where the loss is below what can occur."""
    with np.errstate(divide="ignore"):
        inner = np.log1p(np.maximum(np.expm1(np.minimum(loss, 600)) / rate, -1.0)) if rate < 1 else loss
    return sigma**2 * np.where(loss < 600, inner, loss - math.log(rate)) + 0.5


def _discretized(mechanism: SubsampledGaussian, way: str, step: float, points: _Points) -> _Grid:
    """Round the loss of one step to a grid such that no delta falls: *connect the dots*.

    The mass of each cell goes to its two ends so that its probability under both neighbors stays the same;
    the curve of delta over exp(epsilon) is then a chord of the true, convex one.
    """
    sigma, rate = mechanism.noise_multiplier, mechanism.sampling_rate
    first = math.floor(points.losses.min() / step)
    edges = np.arange(first, math.ceil(points.losses.max() / step) + 1) * step
    if way == "remove":
        x = _output(edges, sigma, rate)
        low, high = x[:-1], x[1:]
    else:
        x = _output(-edges, sigma, rate)
        low, high = x[1:], x[:-1]
    without, added = (
        _normal_mass(low / sigma, high / sigma),
        _normal_mass((low - 1) / sigma, (high - 1) / sigma),
    )
    mixed = (1 - rate) * without + rate * added
    mass, other = (mixed, without) if way == "remove" else (without, mixed)
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = np.exp(edges[:-1]) * other
    scaled = np.where(np.isfinite(scaled), np.minimum(scaled, mass), 0.0)
    up = np.clip((mass - scaled) * math.exp(step) / math.expm1(step), 0.0, mass)
    masses = np.zeros(len(edges))
    masses[:-1] += mass - up
    masses[1:] += up
    if way == "remove":
        below = (1 - rate) * ndtr(x[0] / sigma) + rate * ndtr((x[0] - 1) / sigma)
        lost = (1 - rate) * ndtr(-x[-1] / sigma) + rate * ndtr((1 - x[-1]) / sigma)
    else:
        below, lost = ndtr(-x[0] / sigma), ndtr(x[-1] / sigma)
    masses[0] += below
    return _Grid(first, step, masses, float(lost))


def _normal_mass(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Probability of a standard normal value between ``low`` and ``high``, exact in both tails."""
    right = low > 0
    return np.maximum(ndtr(np.where(right, -low, high)) - ndtr(np.where(right, -high, low)), 0.0)


def _epsilon_in_window(
    grid: _Grid, steps: int, delta: float, *, tilt: float, center: float, top: float, width: float
) -> float:
    """Solve delta(epsilon) = ``delta`` for the sum of ``steps`` losses; infinity if it is below the window.

    Masses are multiplied by exp(θ l) before the Fourier transform and divided afterwards, so that it is exact
    to many digits where delta is decided. The sum is taken modulo the window: what lies below it comes back
    with more weight than it has, never less, and what lies above was added to delta.
    """
    size = next_fast_len(math.ceil(width / grid.step), real=True)
    indices = grid.first + np.arange(len(grid.masses))
    with np.errstate(divide="ignore"):
        logs = np.log(grid.masses) + tilt * grid.step * indices
    log_moment = float(logsumexp(logs))
    tilted = np.bincount(indices % size, weights=np.exp(logs - log_moment), minlength=size)
    summed = np.maximum(irfft(rfft(tilted) ** steps, size), 0.0) + 1e-16
    last = math.ceil(top / grid.step)
    window = np.arange(last - size + 1, last + 1)
    losses = window * grid.step
    # In units of delta: exp(steps · log_moment - θ · center) is delta, but for rounding.
    exponent = steps * log_moment - tilt * losses - math.log(delta)
    mass = summed[window % size] * np.exp(np.minimum(exponent, 500))
    above = np.cumsum(mass[::-1])[::-1]
    above_other = np.cumsum((mass * np.exp(np.minimum(center - losses, 150)))[::-1])[::-1]
    target = 1 - 2 * TAIL_SHARE - steps * grid.lost / delta
    # Just below each grid point: the mass from there on, less exp(epsilon) times that of the neighbor.
    deltas = above - np.exp(np.minimum(losses - center, 150)) * above_other
    kept = np.flatnonzero(deltas > target)
    if not len(kept):
        return 0.0 if losses[0] <= 0 else math.inf
    cell = kept[-1] + 1
    if cell == size:
        return math.inf
    return max(0.0, center + math.log((above[cell] - target) / above_other[cell]))
