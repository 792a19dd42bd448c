"""The names model's network at work: numpy only, every distinct word embedded once.

A word's vector comes from its own table row, its character n-grams, its shape and its classes in the
lexicon. A stack of gated convolutions over three tokens reads the neighborhood; a linear-chain CRF
chooses the best sequence of tags. ``train`` builds the same network in torch and stores its weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np

from secure_ai.discover.model import features
from secure_ai.discover.model.lexicon import Lexicon
from secure_ai.discover.model.tokens import Tokens

CACHE_ROWS = 60_000
"""Distinct words whose vectors are kept (about 40 MB) before the store is emptied."""

_SQRT_2_OVER_PI = np.float32(np.sqrt(2 / np.pi))


class Network:
    """The trained network.

    Args:
        weights: arrays by name, as ``train`` stores them.
        vocabulary: word in lower case -> row of the word table.
        lexicon: classes of words and phrases.
        labels: tags, ``O`` first, then ``B-X``, ``I-X`` pairs.
        dilations: of the convolutions, one per layer.
    """

    def __init__(
        self,
        weights: dict[str, np.ndarray],
        vocabulary: dict[str, int],
        lexicon: Lexicon,
        labels: Sequence[str],
        dilations: Sequence[int],
    ) -> None:
        self.weights = {name: np.asarray(value, dtype=np.float32) for name, value in weights.items()}
        self.vocabulary, self.lexicon = vocabulary, lexicon
        self.labels, self.dilations = list(labels), list(dilations)
        self.width = self.weights["word_out.bias"].shape[0]
        known = sum(self.weights[f"{name}.weight"].shape[1] for name in ("words", "n_grams", "shapes"))
        self._n_classes = self.weights["word_in.weight"].shape[1] - known
        self._rows: dict[str, int] = {}
        self._vectors = np.empty((1024, self.width), dtype=np.float32)

    def tag(self, batch: Sequence[Tokens]) -> list[tuple[np.ndarray, np.ndarray]]:
        """Tag each text of a batch.

        Returns:
            For each text the tag numbers of its tokens, and the CRF's probability of each token's tag.
        """
        lengths = np.array([len(tokens.words) for tokens in batch])
        results: list = [(np.empty(0, np.int64), np.empty(0, np.float32)) for _ in batch]
        if not lengths.sum():
            return results
        emissions, places = self._emissions(batch)
        order = np.argsort(lengths, kind="stable")
        order = order[lengths[order] > 0]
        # Texts of about one length are decoded together: padding costs more than another round.
        at = 0
        while at < len(order):
            end = at + 1
            while end < len(order) and end - at < 256 and lengths[order[end]] <= lengths[order[at]] * 1.3 + 4:
                end += 1
            self._decode(order[at:end], lengths, emissions, places, results)
            at = end
        return results

    # ------------------------------------------------------------ words

    def _word_vectors(self, words: Sequence[str]) -> np.ndarray:
        rows = self._rows
        new = list(dict.fromkeys(word for word in words if word not in rows))
        if new:
            if len(rows) + len(new) > CACHE_ROWS:
                rows.clear()
                new = list(dict.fromkeys(words))
            base = len(rows)
            needed = base + len(new)
            if needed > len(self._vectors):
                grown = np.empty((max(needed, 2 * len(self._vectors)), self.width), dtype=np.float32)
                grown[:base] = self._vectors[:base]
                self._vectors = grown
            self._vectors[base:needed] = self._embed(new)
            rows.update((word, base + i) for i, word in enumerate(new))
        return self._vectors[[rows[word] for word in words]]

    def _embed(self, words: Sequence[str]) -> np.ndarray:
        w = self.weights
        grams = [features.n_grams(word) for word in words]
        counts = np.fromiter(map(len, grams), dtype=np.int64)
        flat = w["n_grams.weight"][np.fromiter(chain.from_iterable(grams), dtype=np.int64)]
        starts = np.concatenate(([0], np.cumsum(counts)[:-1]))
        averaged = np.add.reduceat(flat, starts, axis=0) / counts[:, None]
        bits = np.array([self.lexicon.bits(word) for word in words])
        classes = (bits[:, None] >> np.arange(self._n_classes) & 1).astype(np.float32)
        joined = np.concatenate(
            [
                w["words.weight"][[features.word_row(word, self.vocabulary) for word in words]],
                averaged,
                w["shapes.weight"][[features.shape(word) for word in words]],
                classes,
            ],
            axis=1,
        )
        hidden = _gelu(joined @ w["word_in.weight"].T + w["word_in.bias"])
        return hidden @ w["word_out.weight"].T + w["word_out.bias"]

    # ------------------------------------------------------------ neighborhood

    def _emissions(self, batch: Sequence[Tokens]) -> tuple[np.ndarray, np.ndarray]:
        # All texts lie in one matrix with empty rows between them, as wide as the widest window.
        gap = max(self.dilations)
        words, gaps, phrases, cases, places = [], [], [], [], []
        at = gap
        for tokens in batch:
            places.append(at)
            at += len(tokens.words) + gap
            words += tokens.words
            gaps += tokens.gaps
            phrases += self.lexicon.phrase_codes(tokens.words)
            cases += [features.letter_case(tokens.words)] * len(tokens.words)
        w = self.weights
        rows = np.concatenate(
            [np.arange(place, place + len(tokens.words)) for place, tokens in zip(places, batch, strict=True)]
        )
        x = np.zeros((at, self.width), dtype=np.float32)
        x[rows] = (
            self._word_vectors(words)
            + w["gaps.weight"][gaps]
            + w["phrases.weight"][phrases]
            + w["cases.weight"][cases]
        )
        mask = np.zeros((at, 1), dtype=np.float32)
        mask[rows] = 1
        width = self.width
        window = np.zeros((at, 3 * width), dtype=np.float32)
        both = np.empty((at, 2 * width), dtype=np.float32)
        for layer, dilation in enumerate(self.dilations):
            normed = _layer_norm(x, w[f"layers.{layer}.norm.weight"], w[f"layers.{layer}.norm.bias"])
            normed *= mask
            # The first and last rows are empty, so what an earlier layer left there is zero too.
            window[dilation:, :width] = normed[:-dilation]
            window[:, width : 2 * width] = normed
            window[:-dilation, 2 * width :] = normed[dilation:]
            np.matmul(window, w[f"layers.{layer}.conv.weight"].T, out=both)
            both += w[f"layers.{layer}.conv.bias"]
            gate = _sigmoid(both[:, width:])
            gate *= both[:, :width]
            x += gate
        normed = _layer_norm(x, w["norm.weight"], w["norm.bias"])
        return normed @ w["tags.weight"].T + w["tags.bias"], np.array(places)

    # ------------------------------------------------------------ tags

    def _decode(self, which, lengths, emissions, places, results) -> None:
        size, longest = len(which), int(lengths[which].max())
        n = len(self.labels)
        transitions = self.weights["crf.transitions"]  # from, to
        steps = np.zeros((longest, size, n), dtype=np.float32)
        for column, text in enumerate(which):
            steps[: lengths[text], column] = emissions[places[text] : places[text] + lengths[text]]
        back = np.zeros((longest, size, n), dtype=np.int8)
        score = steps[0] + self.weights["crf.start"]
        ended = lengths[which]
        best_last = np.zeros(size, dtype=np.int64)
        final = score + self.weights["crf.end"]
        best_last[ended == 1] = final[ended == 1].argmax(axis=1)
        for step in range(1, longest):
            arriving = score[:, :, None] + transitions[None]
            back[step] = arriving.argmax(axis=1)
            score = np.take_along_axis(arriving, back[step][:, None, :].astype(np.int64), axis=1)[:, 0]
            score = score + steps[step]
            done = ended == step + 1
            if done.any():
                best_last[done] = (score[done] + self.weights["crf.end"]).argmax(axis=1)
        tags = np.zeros((longest, size), dtype=np.int64)
        current = best_last
        everyone = np.arange(size)
        for step in range(longest - 1, -1, -1):
            live = ended > step
            tags[step, live] = current[live]
            if step:
                earlier = back[step][everyone, current]
                current = np.where(live, earlier, current)
        marginals = self._marginals(steps, ended)
        chosen = np.take_along_axis(marginals, tags[:, :, None], axis=2)[:, :, 0]
        for column, text in enumerate(which):
            results[text] = (tags[: lengths[text], column], chosen[: lengths[text], column])

    def _marginals(self, steps: np.ndarray, ended: np.ndarray) -> np.ndarray:
        """Return the CRF's probability of every tag of every token (steps by texts by tags)."""
        w = self.weights
        arriving = np.exp(w["crf.transitions"])
        potentials = np.exp(steps - steps.max(axis=2, keepdims=True))
        forward = np.empty_like(potentials)
        forward[0] = potentials[0] * np.exp(w["crf.start"])
        # Each step is brought to a sum of one, or long texts would vanish below the smallest float.
        forward[0] /= forward[0].sum(axis=1, keepdims=True)
        for step in range(1, len(steps)):
            forward[step] = (forward[step - 1] @ arriving) * potentials[step]
            forward[step] /= forward[step].sum(axis=1, keepdims=True)
        last = np.exp(w["crf.end"])
        backward = np.broadcast_to(last, forward[0].shape)
        product = np.empty_like(forward)
        for step in range(len(steps) - 1, -1, -1):
            if step < len(steps) - 1:
                following = (potentials[step + 1] * backward) @ arriving.T
                following /= following.sum(axis=1, keepdims=True)
                backward = np.where((ended > step + 1)[:, None], following, last)
            product[step] = forward[step] * backward
        return product / product.sum(axis=2, keepdims=True)


def _gelu(x: np.ndarray) -> np.ndarray:
    return 0.5 * x * (1 + np.tanh(_SQRT_2_OVER_PI * (x + np.float32(0.044715) * x * x * x)))


def _sigmoid(x: np.ndarray) -> np.ndarray:
    result = x * np.float32(0.5)
    np.tanh(result, out=result)
    result += 1
    result *= np.float32(0.5)
    return result


def _layer_norm(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    centered = x - x.mean(axis=1, keepdims=True)
    variance = np.einsum("ij,ij->i", centered, centered) / np.float32(x.shape[1])
    centered /= np.sqrt(variance + np.float32(1e-5))[:, None]
    centered *= weight
    centered += bias
    return centered
