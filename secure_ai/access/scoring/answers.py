"""How much of a model's answer leaves the house: the probability, a rounded one, or the class alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from secure_ai.core.errors import UserError

Kind = Literal["probability", "rounded", "label"]
KINDS = ("probability", "rounded", "label")


@dataclass(frozen=True)
class AnswerPolicy:
    """What a caller gets of an answer.

    Attributes:
        kind: ``"probability"`` of each class as the model computes it, ``"rounded"`` to ``decimals``, or the
            ``"label"`` of the likeliest class alone.
        decimals: of rounded probabilities.

    Raises:
        UserError: if there is no such kind, or decimals are not 0 to 10.
    """

    kind: Kind = "probability"
    decimals: int = 2

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UserError(f"There is no answer policy '{self.kind}': choose from {', '.join(KINDS)}.")
        if isinstance(self.decimals, bool) or not isinstance(self.decimals, int):
            raise UserError(f"decimals={self.decimals!r}: give a whole number from 0 to 10.")
        if not 0 <= self.decimals <= 10:
            raise UserError(f"decimals={self.decimals!r}: give a whole number from 0 to 10.")

    @property
    def answer(self) -> Literal["probabilities", "labels"]:
        """What an attacker calls it: ``"probabilities"`` or ``"labels"``."""
        return "labels" if self.kind == "label" else "probabilities"

    def sentence(self) -> str:
        """Say what leaves the house."""
        return {
            "probability": "The caller gets the probability of each class as the model computes it.",
            "rounded": f"The caller gets probabilities rounded to {self.decimals} decimals.",
            "label": "The caller gets the likeliest class and no probability.",
        }[self.kind]

    def apply(self, probabilities: np.ndarray, threshold: float = 0.5) -> np.ndarray:
        """Return what leaves the house of probabilities (rows x classes).

        Args:
            probabilities: as the model computes them.
            threshold: probability of the second of two classes from which it is the label.

        Returns:
            Probabilities (rows x classes), which after rounding still add up to 1 for two classes; or the
            column of the label (rows).
        """
        chances = np.asarray(probabilities, dtype=float)
        two = chances.shape[1] == 2
        if self.kind == "label":
            return (chances[:, 1] >= threshold).astype(int) if two else chances.argmax(axis=1)
        if self.kind == "probability":
            return chances
        rounded = np.round(chances, self.decimals)
        if two:
            rounded[:, 0] = np.round(1 - rounded[:, 1], self.decimals)
        return rounded

    def plain(self, probabilities: np.ndarray, classes: np.ndarray, threshold: float = 0.5) -> list[Any]:
        """Return the same as JSON values: lists of probabilities, or labels."""
        given = self.apply(probabilities, threshold)
        return (classes[given] if self.kind == "label" else given).tolist()
