"""Extraction: the likeliest ways in which a model goes on, found by beam search.

Source: Carlini et al., The secret sharer (2019), section 5 (there by Dijkstra's algorithm over the format);
    Carlini et al., Extracting training data from large language models (2021): beginnings that are typed in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from secure_ai.attack.memorization.canaries import Canary
from secure_ai.attack.memorization.exposure import asked
from secure_ai.attack.memorization.ngrams import LanguageModel
from secure_ai.core import UserError

BEAM = 50


@dataclass(frozen=True)
class Extraction:
    """What a model says after a beginning, likeliest first.

    Attributes:
        guesses: the texts; never shown.
        log_probabilities: natural logarithm of the probability of each.
    """

    guesses: tuple[str, ...] = field(repr=False)
    log_probabilities: np.ndarray = field(repr=False)

    def place_of(self, text: str) -> int | None:
        """Return the place of a text among the guesses, 1 for the first; None if it is not there."""
        return self.guesses.index(text) + 1 if text in self.guesses else None

    def to_frame(self) -> pd.DataFrame:
        """Return columns place, guess (digits and letters hidden), probability."""
        return pd.DataFrame(
            {
                "place": range(1, len(self.guesses) + 1),
                "guess": ["".join("•" if c.isalnum() else c for c in guess) for guess in self.guesses],
                "probability": np.exp(self.log_probabilities),
            }
        )


def extract(
    model: LanguageModel,
    before: str | Canary,
    *,
    length: int | None = None,
    alphabets: Sequence[str] | None = None,
    beam: int = BEAM,
) -> Extraction:
    """Return how the model goes on after a beginning.

    Args:
        model: a trained language model.
        before: what is typed in; of a canary, what stands before its secret.
        length: characters to find; of a canary, those of its secret.
        alphabets: what may stand at each place, for an attacker who knows the format; of a canary, its
            format's, unless ``length`` is given; the model's characters otherwise.
        beam: how many beginnings are kept at each character.

    Raises:
        UserError: if no length is known, or the beam is below 1.
    """
    if isinstance(before, Canary):
        if alphabets is None and length is None:
            alphabets = before.format.alphabets
        before = before.before
    if alphabets is None:
        if length is None or length < 1:
            raise UserError("Say how many characters to find: length=20, for example.")
        alphabets = ["".join(model.characters)] * length
    if beam < 1:
        raise UserError(f"beam={beam}: keep 1 beginning or more.")
    found, logs = [""], np.zeros(1)
    for letters in alphabets:
        spread = logs[:, None] + asked(model, [before + text for text in found], letters)
        best = np.argsort(-spread, axis=None, kind="stable")[:beam]
        found = [found[place // len(letters)] + letters[place % len(letters)] for place in best]
        logs = spread.ravel()[best]
    return Extraction(tuple(found), logs)
