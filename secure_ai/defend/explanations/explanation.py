"""An explanation of one decision: what each feature added to the answer, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

BEYOND_CHANCE = 2.0


@dataclass(frozen=True)
class Explanation:
    """What each feature added to the answer about one case, compared with other people.

    The figures say what moved the model. They do not say what caused the outcome.

    Attributes:
        features: what contributions are given to.
        values: what the case has there, for display; not shown in `repr`.
        contributions: (features,) in the unit of ``scale``; positive speaks for ``label``.
        standard_errors: (features,) how far other background rows and other random orders would move them.
        base: the average answer about the background rows.
        score: the answer about the case.
        label: the class that the answer is about.
        scale: ``"probability"`` or ``"log-odds"``.
        method: how it was found.
        background: rows that the case is compared with.
        queries: rows the model was asked about.
    """

    features: tuple[str, ...]
    values: tuple[Any, ...] = field(repr=False)
    contributions: np.ndarray = field(repr=False)
    standard_errors: np.ndarray = field(repr=False)
    base: float
    score: float
    label: Any
    scale: str
    method: str
    background: int
    queries: int

    def to_frame(self) -> pd.DataFrame:
        """Return feature, value, contribution, standard_error, beyond_chance; the strongest first."""
        frame = pd.DataFrame(
            {
                "feature": self.features,
                "value": [show_value(value) for value in self.values],
                "contribution": self.contributions,
                "standard_error": self.standard_errors,
                "beyond_chance": self.beyond_chance(),
            }
        )
        order = np.argsort(-np.abs(self.contributions), kind="stable")
        return frame.iloc[order].reset_index(drop=True)

    def beyond_chance(self) -> np.ndarray:
        """Return (features,): whether the contribution is more than two standard errors from none."""
        size = np.abs(self.contributions)
        return (size > BEYOND_CHANCE * self.standard_errors) & (size > 1e-12)

    def ranks(self) -> np.ndarray:
        """Return (features,) ranks by size of the contribution, 1 for the strongest."""
        return rank_by_size(self.contributions[None])[0]

    def unexplained(self) -> float:
        """Return what base and contributions leave of the score: nothing, unless a surrogate erred."""
        return float(self.score - self.base - self.contributions.sum())

    def sentence(self, most: int = 3) -> str:
        """Say what moved the answer, without the case's own values.

        Args:
            most: how many features to name in either direction.
        """
        text = (
            f"The answer about '{self.label}' is {self._figure(self.score)}, where the average of "
            f"{self.background:,} others is {self._figure(self.base)}"
        )
        raised, lowered = (self._named(sign, most) for sign in (1, -1))
        if raised:
            text += f"; raised by {raised}"
        if lowered:
            text += f"; lowered by {lowered}"
        if not raised and not lowered:
            text += "; no single feature moved it beyond chance"
        return text + f" ({self.method})."

    def _named(self, sign: int, most: int) -> str:
        strong = [
            at
            for at in np.argsort(-sign * self.contributions, kind="stable")
            if sign * self.contributions[at] > 0 and self.beyond_chance()[at]
        ]
        return ", ".join(
            f"{self.features[at]} ({self._step(self.contributions[at])})" for at in strong[:most]
        )

    def _figure(self, answer: float) -> str:
        return f"{answer:.1%}" if self.scale == "probability" else f"{answer:+.2f} log-odds"

    def _step(self, step: float) -> str:
        return f"{100 * step:+.1f} points" if self.scale == "probability" else f"{step:+.2f}"


def rank_by_size(contributions: np.ndarray) -> np.ndarray:
    """Return (rows, features) ranks by absolute contribution, 1 for the strongest; ties in column order."""
    order = np.argsort(-np.abs(contributions), axis=1, kind="stable")
    return np.argsort(order, axis=1, kind="stable") + 1


def show_value(value: Any) -> str:
    """Show a value of the case to a reader."""
    if isinstance(value, tuple):
        return ", ".join(show_value(part) for part in value)
    if isinstance(value, float | np.floating):
        return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.4g}"
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value)
