"""Noise from OpenDP, fitted to a sensitivity and a budget; no noise of our own.

Every exact answer is a vector of whole numbers (counts, or sums in steps of a fixed grid), so that the
noise is OpenDP's discrete Laplace or discrete Gaussian: the floating-point attack of Mironov (2012,
"On significance of the least significant bits") has nothing to hold on to. OpenDP draws from the
operating system's cryptographic generator and cannot be seeded.
"""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from secure_ai.core.errors import UserError

MECHANISMS = ("laplace", "gaussian")
SMALLEST_EPSILON, DOUBTFUL_EPSILON, LARGEST_EPSILON, DOUBTFUL_DELTA = 1e-6, 10.0, 100.0, 1e-3
# Noise of 64 bits must not run over: beyond 128 times this scale Laplace noise comes with chance exp(-128).
LARGEST_SCALE = 2.0**55
CONFIDENCE = 0.95
FINE_STEPS = 1000
_LOCK = threading.RLock()


@contextmanager
def opendp() -> Iterator[Any]:
    """Yield ``opendp.prelude`` with the feature "contrib" enabled, and leave the process as it was.

    Raises:
        UserError: if OpenDP has no noise for what is asked.
    """
    import opendp.prelude as dp
    from opendp.mod import GLOBAL_FEATURES, OpenDPException

    with _LOCK:
        before = set(GLOBAL_FEATURES)
        dp.enable_features("contrib")
        try:
            yield dp
        except OpenDPException:
            raise no_noise() from None
        finally:
            if "contrib" not in before:
                dp.disable_features("contrib")


def no_noise() -> UserError:
    """Return what is said where no noise fits the budget and the rows of a person."""
    return UserError(
        "No noise can be fitted to this epsilon, delta and number of rows per person: take an epsilon from "
        "0.001 to 10, a delta from 1e-12 to 1e-5, or fewer rows."
    )


def least_scale(guess: float, price: Callable[[float], float], limit: float) -> float:
    """Return the closed form ``guess`` of a scale, raised until OpenDP's map states at most ``limit``.

    Raises:
        UserError: if the noise would not fit into 64 bits.
    """
    scale, more = guess, 1e-16
    while not price(scale) <= limit:
        scale, more = guess * (1 + more), 2 * more
        if more > 1e-6:
            raise no_noise()
    if scale > LARGEST_SCALE:
        raise no_noise()
    return scale


@dataclass(frozen=True, eq=False)
class Noise:
    """A measurement of OpenDP over a vector of whole numbers, and what it promises.

    Attributes:
        mechanism: its name.
        scale: of the distribution, in the unit of the answer (standard deviation of a Gaussian).
        step: value of one whole number in the unit of the answer (1 for counts).
        sensitivity: how far one person moves the vector, in steps: L1 for Laplace, L2 for Gaussian.
        epsilon, delta: what OpenDP's privacy map states for that sensitivity.
        rho: the same in zero-concentrated differential privacy.
        measurement: the OpenDP measurement.
    """

    mechanism: str
    scale: float
    step: float
    sensitivity: int
    epsilon: float
    delta: float
    rho: float
    measurement: Any

    def add(self, exact: Sequence[int]) -> list[float]:
        """Return ``exact`` (whole numbers, in steps) with noise, in the unit of the answer."""
        return [value * self.step for value in self.measurement(list(exact))]

    def accuracy(self, confidence: float = CONFIDENCE) -> float:
        """Return how far one noisy number stays from the exact one with this ``confidence``."""
        steps, alpha = self.scale / self.step, 1 - confidence
        with opendp() as dp:
            if self.mechanism == "laplace":
                # Next to no noise has an accuracy below 0 in OpenDP's formula.
                return max(0.0, float(dp.discrete_laplacian_scale_to_accuracy(steps, alpha))) * self.step
            if steps < FINE_STEPS:
                return float(dp.discrete_gaussian_scale_to_accuracy(steps, alpha)) * self.step
            # The discrete one is added up term by term, and differs by less than a step from this.
            return (float(dp.gaussian_scale_to_accuracy(steps, alpha)) + 1) * self.step

    @property
    def expected_error(self) -> float:
        """Mean absolute error of one number, closed form of the noise distribution."""
        steps = self.scale / self.step
        if self.mechanism == "laplace":
            # Discrete Laplace of parameter p = exp(-1/scale): E|X| = 2p / (1 - p²) = 1 / sinh(1/scale).
            return self.step / math.sinh(1 / steps) if steps > 1 / 700 else 0.0
        return self.scale * math.sqrt(2 / math.pi)


@functools.lru_cache(maxsize=256)
def laplace(sensitivity: int, epsilon: float, step: float = 1.0) -> Noise:
    """Return discrete Laplace noise that is ``epsilon``-differentially private for an L1 ``sensitivity``."""
    with opendp() as dp:
        space = dp.vector_domain(dp.atom_domain(T="i64")), dp.l1_distance(T="i64")
        scale = least_scale(
            sensitivity / epsilon,
            lambda s: float(dp.m.make_laplace(*space, scale=s).map(sensitivity)),
            epsilon,
        )
        made = dp.m.make_laplace(*space, scale=scale)
        rho = float(dp.c.make_pureDP_to_zCDP(made).map(sensitivity))
        return Noise("laplace", scale * step, step, sensitivity, float(made.map(sensitivity)), 0.0, rho, made)


@functools.lru_cache(maxsize=256)
def gaussian(sensitivity: int, epsilon: float, delta: float, step: float = 1.0, share: float = 1.0) -> Noise:
    """Return discrete Gaussian noise for an L2 ``sensitivity``.

    Args:
        sensitivity: L2, in steps.
        epsilon, delta: of the whole release.
        step: value of one whole number.
        share: part of the release's rho that this noise may spend.
    """
    rho = rho_of(epsilon, delta) * share
    with opendp() as dp:
        space = dp.vector_domain(dp.atom_domain(T="i64")), dp.l2_distance(T="f64")
        scale = least_scale(
            sensitivity / math.sqrt(2 * rho),
            lambda s: float(dp.m.make_gaussian(*space, scale=s).map(float(sensitivity))),
            rho,
        )
        made = dp.m.make_gaussian(*space, scale=scale)
        spent = float(made.map(float(sensitivity)))
        return Noise(
            "gaussian", scale * step, step, sensitivity, epsilon_of(spent, delta), delta, spent, made
        )


def _gaussian_profile(dp: Any, scale: float, delta: float) -> Any:
    space = dp.vector_domain(dp.atom_domain(T="i64")), dp.l2_distance(T="f64")
    return dp.c.make_fix_delta(dp.c.make_zCDP_to_approxDP(dp.m.make_gaussian(*space, scale=scale)), delta)


@functools.cache
def rho_of(epsilon: float, delta: float) -> float:
    """Return the largest rho of which OpenDP proves (``epsilon``, ``delta``)."""
    with opendp() as dp:
        scale = dp.binary_search_param(
            lambda s: _gaussian_profile(dp, s, delta), d_in=1.0, d_out=(epsilon, delta)
        )
        space = dp.vector_domain(dp.atom_domain(T="i64")), dp.l2_distance(T="f64")
        # A hair less, so that rounding on the way back to epsilon never ends above it.
        return float(dp.m.make_gaussian(*space, scale=scale).map(1.0)) * (1 - 1e-12)


@functools.cache
def epsilon_of(rho: float, delta: float) -> float:
    """Return the epsilon that OpenDP proves for ``rho`` at ``delta``."""
    if rho <= 0:
        return 0.0
    with opendp() as dp:
        return float(_gaussian_profile(dp, math.sqrt(1 / (2 * rho)), delta).map(1.0)[0])


def checked_privacy(epsilon: float, delta: float = 0.0) -> None:
    """Refuse an ``epsilon`` or ``delta`` that promises nothing or means nothing.

    Raises:
        UserError: if epsilon is not a finite number above 0, or delta not in [0, 1).
    """
    if not _number(epsilon) or not math.isfinite(epsilon) or epsilon <= 0:
        raise UserError(f"Epsilon is {_shown(epsilon)}: choose a number above 0, such as 0.5.")
    if epsilon < SMALLEST_EPSILON:
        raise UserError(f"Epsilon is {epsilon:g}: below {SMALLEST_EPSILON:g} an answer is nothing but noise.")
    if epsilon > LARGEST_EPSILON:
        raise UserError(
            f"Epsilon is {epsilon:g}: above {LARGEST_EPSILON:g} an answer is as good as exact; "
            "choose 10 or less."
        )
    if not _number(delta) or not 0 <= delta < 1:
        raise UserError(
            f"Delta is {_shown(delta)}: choose 0, or a small number such as 1e-6 "
            "(far below one in the number of people)."
        )


def doubts(epsilon: float, delta: float = 0.0) -> str:
    """Return a sentence where the budget promises next to nothing, else an empty string."""
    said = []
    if epsilon > DOUBTFUL_EPSILON:
        said.append(
            f"Epsilon {epsilon:g} is above {DOUBTFUL_EPSILON:g}: an attacker's odds may grow "
            f"{_factor(epsilon)}-fold, so this promises a person next to nothing."
        )
    if delta > DOUBTFUL_DELTA:
        said.append(
            f"Delta {delta:g} is above {DOUBTFUL_DELTA:g}: that is the chance allowed for a full disclosure; "
            "take far less than one in the number of people."
        )
    return " ".join(said)


def _factor(epsilon: float) -> str:
    return f"{math.exp(epsilon):,.0f}" if epsilon < 20 else f"10^{epsilon / math.log(10):.0f}"


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shown(value: object) -> str:
    return f"{value:g}" if _number(value) else f"no number ({type(value).__name__})"  # type: ignore[str-format]
