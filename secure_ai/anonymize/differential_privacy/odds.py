"""What epsilon means: the odds at which an attacker can bet that one person is in the data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from secure_ai.anonymize.differential_privacy.noise import checked_privacy
from secure_ai.core.errors import UserError
from secure_ai.core.figures import percent
from secure_ai.core.intervals import wilson
from secure_ai.core.measurement import Measurement

if TYPE_CHECKING:
    import pandas as pd

SOURCE = "Wasserman and Zhou (2010), A statistical framework for differential privacy"
GAME_SOURCE = "Kairouz, Oh and Viswanath (2017), The composition theorem for differential privacy"


def odds_factor(epsilon: float) -> float:
    """Return by how much the odds of an attacker's bet can grow at most: e^epsilon."""
    checked_privacy(epsilon)
    return math.exp(epsilon) if epsilon < 700 else math.inf


def posterior(prior: float, epsilon: float, delta: float = 0.0) -> float:
    """Return how sure an attacker can be at most after any answer, who was ``prior`` sure before.

    Raises:
        UserError: if the prior is not between 0 and 1, or ``delta`` is above 0: then some rare answer may
            give a person away, and only the share of right guesses is bounded (:func:`best_guess`).
    """
    checked_privacy(epsilon, delta)
    _check_prior(prior)
    if delta > 0:
        raise UserError(
            "With a delta above 0 no single answer has a bound: best_guess bounds the share of right guesses."
        )
    return prior / (prior + (1 - prior) * math.exp(-epsilon))


def best_guess(epsilon: float, delta: float = 0.0, prior: float = 0.5) -> float:
    """Return the largest share of right guesses that any attacker can reach, on average over the answers.

    With even odds it is (e^epsilon + delta) / (1 + e^epsilon).
    """
    checked_privacy(epsilon, delta)
    _check_prior(prior)
    # The share is linear along the bound of the curve, so the best point is one of its corners.
    corner = (1 - delta) / (1 + math.exp(min(epsilon, 700)))
    corners = [(0.0, delta), (corner, 1 - corner), (1 - delta, 1.0)]
    return max(prior * tpr + (1 - prior) * (1 - fpr) for fpr, tpr in corners)


def max_advantage(epsilon: float, delta: float = 0.0) -> float:
    """Return the largest true-positive rate less false-positive rate; tanh(epsilon / 2) for delta 0."""
    checked_privacy(epsilon, delta)
    return math.tanh(epsilon / 2) + 2 * delta / (1 + math.exp(min(epsilon, 700)))


def roc_bound(false_positive_rate: float, epsilon: float, delta: float = 0.0) -> float:
    """Return the highest true-positive rate that an attacker can have at this false-positive rate."""
    checked_privacy(epsilon, delta)
    if not 0 <= false_positive_rate <= 1:
        raise UserError("The false-positive rate must be from 0 to 1.")
    grown = math.exp(min(epsilon, 700)) * false_positive_rate + delta
    other = 1 - math.exp(-epsilon) * max(0.0, 1 - delta - false_positive_rate)
    return max(false_positive_rate, min(1.0, grown, other))


def odds_sentence(epsilon: float, prior: float = 0.5) -> str:
    """Say in words what ``epsilon`` allows."""
    factor = odds_factor(epsilon)
    times = f"{factor:.3g}" if factor < 1000 else f"{factor:,.0f}" if factor < 1e9 else "over 10⁹"
    return (
        f"At epsilon {epsilon:g} any answer multiplies an attacker's odds by at most {times}: who was "
        f"{percent(prior)} sure that a person is in the data is at most "
        f"{percent(posterior(prior, epsilon))} sure afterwards."
    )


def odds_table(
    epsilons: Sequence[float] = (0.1, 0.5, 1, 2, 5, 10), priors: Sequence[float] = (0.01, 0.1, 0.5)
) -> pd.DataFrame:
    """Return one row an epsilon: odds factor, advantage, and the posterior for each prior."""
    import pandas as pd

    rows = [
        {
            "epsilon": epsilon,
            "odds_factor": odds_factor(epsilon),
            "max_advantage": max_advantage(epsilon),
            **{f"prior {prior:g}": posterior(prior, epsilon) for prior in priors},
        }
        for epsilon in epsilons
    ]
    return pd.DataFrame(rows)


def guessing_game(epsilon: float, rounds: int = 20_000, seed: int = 7) -> Measurement:
    """Simulate the attacker whom epsilon is made for, and measure how often the guess is right.

    The attacker knows everybody but one person, sees a noisy count, and says whether the person is in.
    This is a simulation: its noise comes from numpy with a seed, so that a lesson can be repeated; a
    release takes its noise from OpenDP.

    Args:
        epsilon: of the count.
        rounds: games played; in half of them, by the toss of a coin, the person is in.
        seed: of the simulation.

    Returns:
        The share of right guesses; baseline 0.5, and as control the same where the count never includes
        the person.
    """
    checked_privacy(epsilon)
    _check_rounds(rounds)
    rng = np.random.default_rng(seed)
    inside = rng.integers(0, 2, rounds)
    noise = simulated_noise(epsilon, rounds, rng)
    others = 100
    guess = (others + inside + noise > others + 0.5).astype(int)
    blind = (others + noise > others + 0.5).astype(int)
    right = int((guess == inside).sum())
    return Measurement(
        "guessing_game_success",
        right / rounds,
        "share of games",
        rounds,
        0.5,
        wilson(right, rounds),
        f"simulated noisy count, epsilon {epsilon:g}, guess at the midpoint; bound {best_guess(epsilon):.4f}",
        GAME_SOURCE,
        control=float((blind == inside).mean()),
    )


def simulated_noise(epsilon: float, size: int, rng: np.random.Generator) -> np.ndarray:
    """Return discrete Laplace noise from numpy, for simulations only: it can be predicted from its seed."""
    chance = -math.expm1(-epsilon)
    return rng.geometric(chance, size) - rng.geometric(chance, size)


def _check_prior(prior: float) -> None:
    if not 0 < prior < 1:
        raise UserError("The prior must be between 0 and 1: 0.5 is an even bet.")


def _check_rounds(rounds: int) -> None:
    if isinstance(rounds, bool) or not isinstance(rounds, int) or not 1 <= rounds <= 10_000_000:
        raise UserError("The rounds of a game must be a whole number from 1 to 10,000,000.")
