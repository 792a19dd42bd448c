"""A character model that counts: n-grams of all lengths up to an order, mixed by Witten and Bell's rule.

It is the smallest model that repeats what it has read: quick to train, exact in what it stores, and enough to
see every effect (one insertion, duplicates, removing first) that large models show at their scale.

Source: Witten & Bell, The zero-frequency problem (1991), method C, interpolated; Chen & Goodman, An empirical
    study of smoothing techniques for language modeling (1999), section 2.7.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from secure_ai.core import UserError

LONGEST_ORDER = 32
BOUNDARY = "\x02"


@runtime_checkable
class LanguageModel(Protocol):
    """What is asked of a model of texts.

    Attributes:
        characters: every character that it can write, sorted; the end of a text is none of them.

    ``next_log_probabilities(contexts, characters)`` returns (contexts, characters): the natural logarithm of
    the probability that each character comes next after each context.
    """

    characters: Sequence[str]

    def fit(self, texts: Sequence[str]) -> Any: ...

    def next_log_probabilities(self, contexts: Sequence[str], characters: Sequence[str]) -> np.ndarray: ...

    def bits_per_character(self, texts: Sequence[str]) -> float: ...


class NgramModel:
    """Probabilities of the next character from how often it followed the last ones.

    Args:
        order: characters of the longest n-gram: the next one and the ``order - 1`` before it. A longer order
            remembers more of each text, a shorter one only what many texts share.

    Attributes:
        characters: what it can write, sorted.
    """

    def __init__(self, order: int = 20) -> None:
        if isinstance(order, bool) or not isinstance(order, int) or not 1 <= order <= LONGEST_ORDER:
            raise UserError(f"order={order!r}: give a whole number from 1 to {LONGEST_ORDER}.")
        self.order = order

    def __repr__(self) -> str:
        return f"NgramModel(order={self.order})"

    def fit(self, texts: Sequence[str]) -> NgramModel:
        """Count the n-grams of texts.

        Raises:
            UserError: if there is no text in them.
        """
        texts = check_texts(texts)
        self.characters: tuple[str, ...] = tuple(sorted(set("".join(texts)) - {BOUNDARY}))
        self._known = np.array([ord(BOUNDARY), *map(ord, self.characters)])
        codes, _ = self._encoded(texts)
        # Level k holds every gram of k characters: its place among the sorted keys is its number.
        self._keys: list[np.ndarray] = []
        self._counts: list[np.ndarray] = []
        self._totals: list[np.ndarray] = []
        self._kinds: list[np.ndarray] = []
        grams, size = np.zeros(len(codes), dtype=np.int64), 1
        for length in range(1, self.order + 1):
            grams = grams[: len(codes) - length + 1] * self._width + codes[length - 1 :]
            keys, grams, counts = np.unique(grams, return_inverse=True, return_counts=True)
            parents = keys // self._width
            self._keys.append(keys)
            self._counts.append(counts)
            self._totals.append(np.bincount(parents, weights=counts, minlength=size))
            self._kinds.append(np.bincount(parents, minlength=size))
            size = len(keys)
        return self

    @property
    def _width(self) -> int:
        # One more than is known: the place of every unknown character.
        return len(self._known) + 1

    def next_log_probabilities(
        self, contexts: Sequence[str], characters: Sequence[str] | None = None
    ) -> np.ndarray:
        """Return (contexts, characters): log-probability of each character after each context.

        Args:
            contexts: what stands before, from the beginning of a text.
            characters: those asked about; all of :attr:`characters` if not given.
        """
        self._check_fitted()
        asked = self._codes("".join(self.characters if characters is None else characters))
        reach = self.order - 1
        window = self._codes(
            "".join(("\x02" * reach + context)[len(context) :] for context in contexts)
        ).reshape(len(contexts), reach)
        chance = np.full((len(contexts), len(asked)), 1 / self._width)
        rows = np.arange(len(contexts))
        for length in range(self.order):
            found = np.zeros(len(rows), dtype=np.int64)
            for place in range(length):
                found = self._found(place, found, window[rows, reach - length + place])
            # A context that was never seen has no longer one that was.
            rows, found = rows[found >= 0], found[found >= 0]
            if not len(rows):
                break
            chance[rows] = self._mixed(
                length, found[:, None], np.broadcast_to(asked, (len(rows), len(asked))), chance[rows]
            )
        return np.log(chance)

    def bits_per_character(self, texts: Sequence[str]) -> float:
        """Return the mean of minus log2 of the probability of each character and of each text's end."""
        self._check_fitted()
        codes, real = self._encoded(check_texts(texts))
        chance = np.full(len(codes), 1 / self._width)
        grams = np.zeros(len(codes), dtype=np.int64)
        for length in range(self.order):
            at = np.arange(length, len(codes))
            before = grams[: len(at)]
            known = before >= 0
            chance[at[known]] = self._mixed(length, before[known], codes[at[known]], chance[at[known]])
            grams = self._found(length, before, codes[at])
        return float(-np.log2(chance[real]).mean())

    def _mixed(self, length: int, contexts: Any, codes: Any, shorter: np.ndarray) -> np.ndarray:
        grams = self._found(length, contexts, codes)
        counts = np.where(grams >= 0, self._counts[length][grams], 0)
        kinds = self._kinds[length][contexts]
        # The very last gram is followed by nothing: it says no more than a shorter one.
        return np.where(
            kinds > 0,
            (counts + kinds * shorter) / np.maximum(self._totals[length][contexts] + kinds, 1),
            shorter,
        )

    def _found(self, level: int, parents: Any, codes: Any) -> np.ndarray:
        """Return the numbers of the grams that go on from their parents with these characters; -1 if new."""
        keys = self._keys[level]
        asked = parents * self._width + codes
        places = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
        return np.where((keys[places] == asked) & (parents >= 0), places, -1)

    def _encoded(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return the characters of padded texts as numbers, and which of them a text (or its end) has."""
        pad = BOUNDARY * (self.order - 1)
        codes = self._codes("".join(f"{pad}{text}{BOUNDARY}" for text in texts))
        real = np.concatenate([np.repeat([False, True], [self.order - 1, len(text) + 1]) for text in texts])
        return codes, real

    def _codes(self, text: str) -> np.ndarray:
        return codes_of(text, self._known)

    def _check_fitted(self) -> None:
        if not hasattr(self, "characters"):
            raise UserError("The language model has not been trained: call fit first.")


def codes_of(text: str, known: np.ndarray) -> np.ndarray:
    """Return the place of each character among the sorted code points ``known``; their number if unknown."""
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.int64)
    places = np.minimum(np.searchsorted(known, points), len(known) - 1)
    return np.where(known[places] == points, places, len(known))


def check_texts(texts: Any) -> list[str]:
    """Return texts as a list of strings.

    Raises:
        UserError: if it is a single string, a text is none, or there is nothing in them.
    """
    if isinstance(texts, (str, bytes)) or not hasattr(texts, "__iter__"):
        raise UserError("Give a list of texts, not one: write [note].")
    found = [getattr(text, "text", text) for text in texts]
    wrong = [place for place, text in enumerate(found) if not isinstance(text, str)]
    if wrong:
        raise UserError(
            f"{len(wrong):,} of {len(found):,} texts are no text (the first is number {wrong[0] + 1:,}): "
            "leave missing notes out."
        )
    if not any(found):
        raise UserError("There is no text to learn from: give notes with something in them.")
    return [text.replace(BOUNDARY, " ") for text in found]
