"""What differential privacy promises against every membership attack, whatever it computes."""

from __future__ import annotations

import math

import numpy as np

from secure_ai.core.errors import UserError


def most_true_positives(fpr: np.ndarray, epsilon: float, delta: float = 0.0) -> np.ndarray:
    """Return the greatest share of members that any attack can find at a share ``fpr`` of false alarms.

    Raises:
        UserError: if epsilon is negative or delta is not between 0 and 1.

    Source: Kairouz, Oh & Viswanath, The composition theorem for differential privacy (2015).
    """
    _check(epsilon, delta)
    fpr = np.asarray(fpr, dtype=float)
    if math.isinf(epsilon):
        return np.ones_like(fpr)
    steep = np.exp(min(epsilon, 700.0)) * fpr + delta
    flat = 1 - np.exp(-epsilon) * (1 - delta - fpr)
    return np.clip(np.minimum(steep, flat), 0, 1)


def most_advantage(epsilon: float, delta: float = 0.0) -> float:
    """Return the greatest difference of true and false positives: (exp ε - 1 + 2δ) / (exp ε + 1).

    Raises:
        UserError: if epsilon is negative or delta is not between 0 and 1.

    Source: Humphries et al., Investigating membership inference attacks under data dependencies (2023);
        it is the point of the region of :func:`most_true_positives` farthest from the diagonal.
    """
    _check(epsilon, delta)
    return min(1.0, math.tanh(epsilon / 2) + 2 * delta / (math.exp(min(epsilon, 700.0)) + 1))


def _check(epsilon: float, delta: float) -> None:
    if not epsilon >= 0 or not 0 <= delta < 1:
        raise UserError(
            f"epsilon={epsilon} and delta={delta}: choose epsilon from 0 and delta from 0 to below 1."
        )
