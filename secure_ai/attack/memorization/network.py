"""A character model that learns by gradient: the last characters, one hidden layer, the next character.

Unlike counts it forgets: what it repeats depends on how often it saw a text, in copies and in epochs.

Source: Bengio et al., A neural probabilistic language model (2003), without the shared embedding; Kingma &
    Ba, Adam: a method for stochastic optimization (2015).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from secure_ai.attack.memorization.ngrams import BOUNDARY, check_texts, codes_of
from secure_ai.core import UserError

FIRST_DECAY, SECOND_DECAY, TINY = 0.9, 0.99, 1e-8
CHUNK = 8192


class CharacterNetwork:
    """Probabilities of the next character from a small network.

    Args:
        context: how many characters it looks back.
        hidden: units of the hidden layer.
        epochs: how often training sees every character.
        learning_rate: first step size; it falls to nothing along a cosine.
        batch_size: characters of one step.
        seed: of first weights and order.

    Attributes:
        characters: what it can write, sorted.
        history: mean bits per character of each epoch of training.
    """

    def __init__(
        self,
        *,
        context: int = 24,
        hidden: int = 96,
        epochs: int = 6,
        learning_rate: float = 0.01,
        batch_size: int = 128,
        seed: int = 0,
    ) -> None:
        if min(context, hidden, epochs, batch_size) < 1 or not 0 < learning_rate < 1:
            raise UserError("context, hidden, epochs and batch_size are 1 or more, learning_rate is below 1.")
        self.context, self.hidden, self.epochs = context, hidden, epochs
        self.learning_rate, self.batch_size, self.seed = learning_rate, batch_size, seed

    def __repr__(self) -> str:
        return f"CharacterNetwork(context={self.context}, hidden={self.hidden}, epochs={self.epochs})"

    @threadpool_limits.wrap(limits=1)
    def fit(self, texts: Sequence[str]) -> CharacterNetwork:
        """Learn from texts.

        Raises:
            UserError: if there is no text in them.
        """
        texts = check_texts(texts)
        self.characters: tuple[str, ...] = tuple(sorted(set("".join(texts)) - {BOUNDARY}))
        self._known = np.array([ord(BOUNDARY), *map(ord, self.characters)])
        windows, following = self._examples(texts)
        width, rng = len(self._known) + 1, np.random.default_rng(self.seed)
        shapes = [(self.context * width, self.hidden), (self.hidden,), (self.hidden, width), (width,)]
        # A window has one character at each place: the sum has as many terms as there are places.
        sizes = [(1 / self.context) ** 0.5, 0.0, (1 / self.hidden) ** 0.5, 0.0]
        self._weights = [
            (rng.normal(0, 1, shape) * size).astype(np.float32)
            for shape, size in zip(shapes, sizes, strict=True)
        ]
        self.history: list[float] = []
        moments = [[np.zeros_like(weight) for weight in self._weights] for _ in range(2)]
        steps, step = self.epochs * -(-len(following) // self.batch_size), 0
        for _ in range(self.epochs):
            losses = 0.0
            order = rng.permutation(len(following))
            for start in range(0, len(order), self.batch_size):
                batch = order[start : start + self.batch_size]
                loss, slopes = self._slopes(windows[batch], following[batch])
                losses += loss
                step += 1
                rate = self.learning_rate * (1 + np.cos(np.pi * step / steps)) / 2
                rate *= (1 - SECOND_DECAY**step) ** 0.5 / (1 - FIRST_DECAY**step)
                for place, slope in enumerate(slopes):
                    moments[0][place] += (1 - FIRST_DECAY) * (slope - moments[0][place])
                    moments[1][place] += (1 - SECOND_DECAY) * (slope * slope - moments[1][place])
                    move = moments[0][place] / (np.sqrt(moments[1][place]) + TINY)
                    self._weights[place] -= np.float32(rate) * move
            self.history.append(losses / len(order) / np.log(2))
        return self

    @threadpool_limits.wrap(limits=1)
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
        pad = BOUNDARY * self.context
        text = "".join((pad + context)[len(context) :] for context in contexts)
        windows = self._codes(text).reshape(len(contexts), self.context)
        return self._logs(windows)[:, asked]

    @threadpool_limits.wrap(limits=1)
    def bits_per_character(self, texts: Sequence[str]) -> float:
        """Return the mean of minus log2 of the probability of each character and of each text's end."""
        self._check_fitted()
        windows, following = self._examples(check_texts(texts))
        return float(-self._logs(windows)[np.arange(len(following)), following].mean() / np.log(2))

    def _examples(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return (characters, context) windows and the character that follows each; a text's end is one."""
        windows, following = [], []
        for text in texts:
            codes = self._codes(BOUNDARY * self.context + text + BOUNDARY)
            windows.append(np.lib.stride_tricks.sliding_window_view(codes, self.context)[:-1])
            following.append(codes[self.context :])
        return np.concatenate(windows), np.concatenate(following)

    def _one_hot(self, windows: np.ndarray) -> Any:
        from scipy.sparse import csr_matrix

        width = len(self._known) + 1
        places = (windows + np.arange(self.context) * width).ravel()
        ends = np.arange(len(windows) + 1) * self.context
        shape = (len(windows), self.context * width)
        return csr_matrix((np.ones(len(places), dtype=np.float32), places, ends), shape=shape)

    def _slopes(self, windows: np.ndarray, following: np.ndarray) -> tuple[float, list[np.ndarray]]:
        """Return the summed loss in nats, and the mean slope by each weight."""
        seen = self._one_hot(windows)
        first, first_bias, second, second_bias = self._weights
        risen = np.tanh(seen @ first + first_bias)
        logs = _log_softmax(risen @ second + second_bias)
        at = np.arange(len(following))
        loss = float(-logs[at, following].sum())
        slope = np.exp(logs)
        slope[at, following] -= 1
        slope /= len(following)
        back = (slope @ second.T) * (1 - risen * risen)
        return loss, [seen.T @ back, back.sum(axis=0), risen.T @ slope, slope.sum(axis=0)]

    def _logs(self, windows: np.ndarray) -> np.ndarray:
        first, first_bias, second, second_bias = self._weights
        parts = [
            _log_softmax(
                np.tanh(self._one_hot(windows[start : start + CHUNK]) @ first + first_bias) @ second
                + second_bias
            )
            for start in range(0, max(len(windows), 1), CHUNK)
        ]
        return np.concatenate(parts).astype(float)

    def _codes(self, text: str) -> np.ndarray:
        return codes_of(text, self._known)

    def _check_fitted(self) -> None:
        if not hasattr(self, "history"):
            raise UserError("The language model has not been trained: call fit first.")


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    lifted = logits - logits.max(axis=1, keepdims=True)
    return lifted - np.log(np.exp(lifted).sum(axis=1, keepdims=True))
