"""How able a learner is, from answers to mails of known difficulty (Rasch model), with uncertainty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from secure_ai.core.errors import UserError

# Difficulty of a phish in logits by the Phish Scale: the order is the scale's, the spacing a convention.
PHISH_LOGITS = {"least": -1.5, "moderately to least": -0.5, "moderately": 0.5, "very": 1.5}
PRIOR_SD = 1.5
_GRID = np.linspace(-6, 6, 241)


@dataclass(frozen=True)
class Skill:
    """An ability on the scale of difficulty, in logits.

    Attributes:
        ability: mean of the posterior; equal to a difficulty it means right half the time.
        sd: its standard deviation.
        answers: how many it rests on.
    """

    ability: float
    sd: float
    answers: int

    @property
    def interval(self) -> tuple[float, float]:
        """Interval at 95 %."""
        return self.ability - 1.96 * self.sd, self.ability + 1.96 * self.sd


def estimate_skill(difficulties: Sequence[float], right: Sequence[bool]) -> Skill:
    """Return the posterior ability after answers to items of known difficulty.

    Raises:
        UserError: if the two differ in length or a difficulty is no finite number.

    Source: Rasch, Probabilistic Models for Some Intelligence and Attainment Tests (1960); expected a
        posteriori estimate of Bock & Mislevy (1982), normal prior with a standard deviation of 1.5.
    """
    b, x = np.asarray(difficulties, dtype=float), np.asarray(right, dtype=bool)
    if b.shape != x.shape or b.ndim != 1 or not np.isfinite(b).all():
        raise UserError("Each answer needs one difficulty, a finite number in logits.")
    logits = _GRID[:, None] - b[None, :]
    log_likelihood = -np.logaddexp(0, np.where(x, -logits, logits)).sum(axis=1)
    weight = log_likelihood - _GRID**2 / (2 * PRIOR_SD**2)
    weight = np.exp(weight - weight.max())
    weight /= weight.sum()
    mean = float(weight @ _GRID)
    return Skill(mean, float(np.sqrt(weight @ (_GRID - mean) ** 2)), len(b))


def honest_logit(cues: int) -> float:
    """Return the difficulty of an honest mail: the more it looks like phishing, the harder to trust."""
    return float(np.clip(-1.5 + 0.5 * cues, -1.5, 1.5))
