"""Private selection among candidates, by OpenDP's noisy max (permute-and-flip)."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from secure_ai.anonymize.differential_privacy.noise import CONFIDENCE, least_scale, opendp

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, eq=False)
class Selection:
    """A choice of the candidate with the least score, made private.

    Source: McKenna and Sheldon (2020), Permute-and-Flip: never worse than the exponential mechanism.

    Attributes:
        scale: of the exponential noise, in scores.
        sensitivity: how far one person moves a score.
        rows_per_score: denominator that turns a score into records of rank.
        candidates: how many there are.
        epsilon: what OpenDP's privacy map states.
        rho: the same in zero-concentrated differential privacy.
        measurement: the OpenDP measurement.
    """

    scale: float
    sensitivity: int
    rows_per_score: int
    candidates: int
    epsilon: float
    rho: float
    measurement: Any
    mechanism = "permute-and-flip"
    step = 1.0

    def choose(self, scores: Sequence[int]) -> int:
        """Return the place of the chosen candidate."""
        return int(self.measurement(list(scores)))

    def accuracy(self, confidence: float = CONFIDENCE) -> float:
        """Return by how many records in rank the choice is at most worse than the best candidate."""
        return self.scale * math.log(self.candidates / (1 - confidence)) / self.rows_per_score

    def probabilities(self, scores: Sequence[int]) -> np.ndarray:
        """Return the chance of each candidate, from the known distribution of the noise.

        Permute-and-flip is the noisy max with exponential noise (Ding et al., 2021).
        """
        import numpy as np

        gaps = (np.asarray(scores, dtype=float) - min(scores)) / self.scale
        # Candidate r wins t above the best one's score with noise t + gap_r, if each other one has less than
        # t + gap_i: the integral over u = exp(-t) from 0 to 1 of exp(-gap_r) * prod (1 - u exp(-gap_i)).
        points, weights = np.polynomial.legendre.leggauss(400)
        u = (points + 1) / 2
        below = 1 - np.exp(-gaps)[:, None] * u[None, :]
        with np.errstate(divide="ignore"):
            logs = np.log(below)
        others = np.exp(logs.sum(axis=0)[None, :] - logs)
        chances = np.exp(-gaps) * (others * (weights / 2)[None, :]).sum(axis=1)
        return chances / chances.sum()


@functools.lru_cache(maxsize=256)
def fit_selection(sensitivity: int, epsilon: float, rows_per_score: int, candidates: int) -> Selection:
    """Return a selection that is ``epsilon``-differentially private."""
    with opendp() as dp:
        space = dp.vector_domain(dp.atom_domain(T="i64")), dp.linf_distance(T="i64")

        def make(scale: float) -> Any:
            return dp.m.make_noisy_max(*space, dp.max_divergence(), scale=scale, negate=True)

        # One person may raise one score and lower another: hence the 2.
        scale = least_scale(2 * sensitivity / epsilon, lambda s: float(make(s).map(sensitivity)), epsilon)
        made = make(scale)
        rho = float(dp.c.make_pureDP_to_zCDP(made).map(sensitivity))
        spent = float(made.map(sensitivity))
        return Selection(scale, sensitivity, rows_per_score, candidates, spent, rho, made)
