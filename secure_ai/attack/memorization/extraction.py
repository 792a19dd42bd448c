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
    return _search(model, [before], alphabets, beam)[0]


def extract_secrets(
    model: LanguageModel, canaries: Sequence[Canary], *, beam: int = BEAM
) -> list[Extraction]:
    """Return how the model goes on after the beginning of each canary; many at a time, so that it is quick.

    Args:
        model: a trained language model.
        canaries: what stands before their secrets is typed in; what secrets look like is known.
        beam: how many beginnings are kept at each character.

    Raises:
        UserError: if the beam is below 1.
    """
    if beam < 1:
        raise UserError(f"beam={beam}: keep 1 beginning or more.")
    found: dict[int, Extraction] = {}
    for form in dict.fromkeys(canary.format for canary in canaries):
        places = [place for place, canary in enumerate(canaries) if canary.format == form]
        results = _search(model, [canaries[place].before for place in places], form.alphabets, beam)
        found |= dict(zip(places, results, strict=True))
    return [found[place] for place in range(len(canaries))]


def _search(
    model: LanguageModel, befores: Sequence[str], alphabets: Sequence[str], beam: int
) -> list[Extraction]:
    found, logs = [[""] for _ in befores], np.zeros((len(befores), 1))
    for letters in alphabets:
        contexts = [before + text for before, texts in zip(befores, found, strict=True) for text in texts]
        step = asked(model, contexts, letters).reshape(*logs.shape, len(letters))
        spread = (logs[:, :, None] + step).reshape(len(befores), -1)
        best = np.argsort(-spread, axis=1, kind="stable")[:, :beam]
        found = [
            [texts[place // len(letters)] + letters[place % len(letters)] for place in places]
            for texts, places in zip(found, best.tolist(), strict=True)
        ]
        logs = np.take_along_axis(spread, best, axis=1)
    return [Extraction(tuple(texts), own) for texts, own in zip(found, logs, strict=True)]
