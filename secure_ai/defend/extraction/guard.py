"""A model that answers less exactly, or less truly, than it could: what a thief and a client then get."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from secure_ai.access.scoring import AnswerPolicy
from secure_ai.attack.targets import open_target
from secure_ai.core import UserError

TINY = 1e-12


@dataclass(frozen=True)
class DeceptiveNoise:
    """Noise on how sure the answer is; the class stays, and the same row gets the same noise each time.

    The log odds over the threshold are multiplied by a factor between exp(-strength) and exp(strength), drawn
    from the row and a key: asking again and averaging does not help. Of more than two classes all log odds
    are multiplied, which keeps the likeliest class.

    Attributes:
        strength: 0 for none.
        key: secret of the owner, 16 bytes or more.

    Raises:
        UserError: if strength is negative or the key too short.

    Source: after Lee, Edwards, Molloy & Su, Defending against neural network model stealing attacks using
        deceptive perturbations (2019): noise that keeps the class.
    """

    strength: float = 1.5
    key: bytes = field(default=b"", repr=False)

    def __post_init__(self) -> None:
        if not 0 <= self.strength <= 10:
            raise UserError(f"strength={self.strength!r}: choose 0 to 10.")
        if len(self.key) < 16:
            raise UserError("Deceptive noise needs a key of 16 bytes or more that clients do not know.")

    @property
    def answer(self) -> Literal["probabilities"]:
        """What an attacker calls it."""
        return "probabilities"

    def sentence(self) -> str:
        """Say what leaves the house."""
        most = np.exp(self.strength)
        return (
            "The caller gets the right class, with log odds up to "
            f"{most:.1f} times too large or too small, the same for the same row."
        )

    def apply(self, probabilities: np.ndarray, rows: Any, threshold: float = 0.5) -> np.ndarray:
        """Return what leaves the house of probabilities (rows x classes) of these rows."""
        factor = np.exp(self.strength * (2 * self._uniform(rows) - 1))[:, None]
        odds = np.log(np.clip(probabilities, TINY, 1))
        if odds.shape[1] == 2:
            middle = np.log(threshold / (1 - threshold))
            second = middle + factor[:, 0] * (odds[:, 1] - odds[:, 0] - middle)
            odds = np.column_stack([np.zeros(len(odds)), second])
        else:
            odds = odds * factor
        powers = np.exp(odds - odds.max(axis=1, keepdims=True))
        given = powers / powers.sum(axis=1, keepdims=True)
        if given.shape[1] == 2:
            # On the threshold itself the last digit must not change the class.
            upper = probabilities[:, 1] >= threshold
            second = np.where(upper, np.maximum(given[:, 1], threshold), given[:, 1])
            second = np.where(upper, second, np.minimum(second, np.nextafter(threshold, 0)))
            given = np.column_stack([1 - second, second])
        return given

    def _uniform(self, rows: Any) -> np.ndarray:
        """Return (rows,) numbers from 0 to 1 that follow from row and key."""
        frame = (
            rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(np.asarray(rows).reshape(len(rows), -1))
        )
        numbers = frame.select_dtypes("number").columns
        frame = frame.astype(dict.fromkeys(numbers, float))
        digests = pd.util.hash_pandas_object(frame, index=False).to_numpy(dtype=np.uint64)
        keyed = [hashlib.blake2b(digest.tobytes(), key=self.key[:64], digest_size=8) for digest in digests]
        return np.array([int.from_bytes(found.digest(), "big") / 2**64 for found in keyed])


class GuardedModel:
    """A model behind an answer: something to attack, and something to ask as a client does.

    Args:
        model: see :func:`secure_ai.attack.targets.open_target`; must give probabilities.
        answer: what leaves the house.
        threshold: probability of the second of two classes from which it is the label.
    """

    def __init__(self, model: Any, answer: AnswerPolicy | DeceptiveNoise, *, threshold: float = 0.5) -> None:
        self._model = open_target(model, threshold=threshold)
        self._policy = answer
        self.classes = self._model.classes
        self.answer: Literal["probabilities", "labels"] = answer.answer
        self.threshold = threshold

    def ask(self, rows: Any) -> np.ndarray:
        """Return what a caller gets: probabilities (rows x classes) or labels (rows)."""
        chances = self._model.probabilities(rows)
        if isinstance(self._policy, DeceptiveNoise):
            return self._policy.apply(chances, rows, self.threshold)
        given = self._policy.apply(chances, self.threshold)
        return self.classes[given] if self.answer == "labels" else given
