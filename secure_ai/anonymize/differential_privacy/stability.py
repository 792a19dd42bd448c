"""Counts of categories that nobody listed before: only those with enough rows appear (OpenDP)."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from secure_ai.anonymize.differential_privacy.noise import CONFIDENCE, least_scale, no_noise, opendp

MOST_ROWS_HIDDEN = 2**52


@dataclass(frozen=True, eq=False)
class Stability:
    """Laplace noise, and a threshold below which a category stays hidden.

    Source: Rogers (2023), A unifying privacy analysis framework for unknown domain algorithms.

    Attributes:
        scale: of the noise, in rows.
        threshold: least noisy count that appears.
        sensitivity: rows of one person.
        epsilon, delta: what OpenDP's privacy map states.
        measurement: the OpenDP measurement.
    """

    scale: float
    threshold: int
    sensitivity: int
    epsilon: float
    delta: float
    measurement: Any
    mechanism = "laplace with threshold"
    step = 1.0
    rho = None

    def add(self, counts: Mapping[str, int]) -> dict[str, int]:
        """Return the noisy counts that reach the threshold."""
        return dict(self.measurement(dict(counts)))

    def accuracy(self, confidence: float = CONFIDENCE) -> float:
        """Return how far the noise moves a count with this ``confidence``.

        Counts above the threshold by more than this keep to it when they appear; a smaller one appears only
        with noise upwards, so what is seen of it is too high.
        """
        with opendp() as dp:
            return max(0.0, float(dp.discrete_laplacian_scale_to_accuracy(self.scale, 1 - confidence)))


@functools.lru_cache(maxsize=256)
def fit_stability(rows: int, epsilon: float, delta: float) -> Stability:
    """Return noise and threshold for people with at most ``rows`` rows, each perhaps in another category."""
    with opendp() as dp:
        space = (
            dp.map_domain(dp.atom_domain(T="String"), dp.atom_domain(T="i64")),
            dp.l01inf_distance(dp.absolute_distance(T="i64")),
        )
        moved = (rows, rows, rows)
        plain = dp.vector_domain(dp.atom_domain(T="i64")), dp.l1_distance(T="i64")
        scale = least_scale(
            rows / epsilon, lambda s: float(dp.m.make_laplace(*plain, scale=s).map(rows)), epsilon
        )
        low, threshold = rows - 1, MOST_ROWS_HIDDEN
        while threshold - low > 1:
            middle = (low + threshold) // 2
            hidden = dp.m.make_laplace_threshold(*space, scale=scale, threshold=middle)
            low, threshold = (low, middle) if hidden.map(moved)[1] <= delta else (middle, threshold)
        made = dp.m.make_laplace_threshold(*space, scale=scale, threshold=threshold)
        spent_epsilon, spent_delta = made.map(moved)
        if not (spent_epsilon <= epsilon and spent_delta <= delta):
            raise no_noise()
        return Stability(scale, threshold, rows, float(spent_epsilon), float(spent_delta), made)
