"""Counts of categories that nobody listed before: only those with enough rows appear (OpenDP)."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from secure_ai.anonymize.differential_privacy.noise import CONFIDENCE, opendp


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
        """Return how far a count that appears stays from the exact one with this ``confidence``."""
        with opendp() as dp:
            return float(dp.discrete_laplacian_scale_to_accuracy(self.scale, 1 - confidence))


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
        scale = dp.binary_search_param(lambda s: dp.m.make_laplace(*plain, scale=s), d_in=rows, d_out=epsilon)
        threshold = dp.binary_search_param(
            lambda t: dp.m.make_laplace_threshold(*space, scale=scale, threshold=t),
            d_in=moved,
            d_out=(epsilon, delta),
            T=int,
        )
        made = dp.m.make_laplace_threshold(*space, scale=scale, threshold=threshold)
        spent_epsilon, spent_delta = made.map(moved)
        return Stability(scale, threshold, rows, float(spent_epsilon), float(spent_delta), made)
