"""The names model's network in torch, for training; ``model.network`` computes the same in numpy."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from secure_ai.discover.model import features, lexicon

FORBIDDEN = -10_000.0


class Crf(nn.Module):
    """A linear-chain CRF whose loss accepts a set of allowed tags for each word."""

    def __init__(self, labels: Sequence[str]) -> None:
        super().__init__()
        n = len(labels)
        self.transitions = nn.Parameter(torch.zeros(n, n))
        self.start = nn.Parameter(torch.zeros(n))
        self.end = nn.Parameter(torch.zeros(n))
        wrong = torch.zeros(n, n)
        first = torch.zeros(n)
        for j, label in enumerate(labels):
            if label.startswith("I-"):
                first[j] = FORBIDDEN
                for i, before in enumerate(labels):
                    if before[2:] != label[2:]:
                        wrong[i, j] = FORBIDDEN
        self.register_buffer("wrong", wrong)
        self.register_buffer("wrong_first", first)

    def loss(self, emissions: Tensor, allowed: Tensor, mask: Tensor) -> Tensor:
        """Return for each text the negative log likelihood of all allowed sequences.

        Args:
            emissions: texts by words by tags.
            allowed: the same shape, true where the tag may stand.
            mask: texts by words, true where there is a word.
        """
        constrained = emissions.masked_fill(~allowed, FORBIDDEN)
        both = torch.cat([emissions, constrained])
        total = self._log_sum(both, torch.cat([mask, mask]))
        every, some = total.chunk(2)
        return every - some

    def _log_sum(self, emissions: Tensor, mask: Tensor) -> Tensor:
        transitions = self.transitions + self.wrong
        score = emissions[:, 0] + self.start + self.wrong_first
        for step in range(1, emissions.shape[1]):
            following = torch.logsumexp(score[:, :, None] + transitions, dim=1) + emissions[:, step]
            score = torch.where(mask[:, step, None], following, score)
        return torch.logsumexp(score + self.end, dim=1)


class Network(nn.Module):
    """Word features, gated convolutions, tag scores.

    Args:
        labels: tags.
        n_words: rows of the word table.
        width: of every layer.
        dilations: of the convolutions.
        dropout: share of values dropped while training.
    """

    def __init__(
        self, labels: Sequence[str], n_words: int, width: int, dilations: Sequence[int], dropout: float
    ) -> None:
        super().__init__()
        self.words = nn.Embedding(n_words, 64)
        self.n_grams = nn.EmbeddingBag(features.N_GRAM_ROWS, 64, mode="mean")
        self.shapes = nn.Embedding(features.N_SHAPES, 32)
        self.word_in = nn.Linear(64 + 64 + 32 + len(lexicon.CLASSES), 256)
        self.word_out = nn.Linear(256, width)
        self.gaps = nn.Embedding(3, width)
        self.phrases = nn.Embedding(lexicon.N_PHRASE_CODES, width)
        self.cases = nn.Embedding(features.CASES, width)
        for table in (self.words, self.n_grams, self.shapes, self.gaps, self.phrases, self.cases):
            nn.init.normal_(table.weight, std=0.1)
        self.dilations = tuple(dilations)
        self.layers = nn.ModuleList(
            nn.ModuleDict({"norm": nn.LayerNorm(width), "conv": nn.Linear(3 * width, 2 * width)})
            for _ in dilations
        )
        self.norm = nn.LayerNorm(width)
        self.tags = nn.Linear(width, len(labels))
        self.crf = Crf(labels)
        self.dropout = nn.Dropout(dropout)
        self.activation = nn.GELU(approximate="tanh")

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        """Return tag scores, texts by words by tags."""
        texts, words = batch["mask"].shape
        joined = torch.cat(
            [
                self.words(batch["words"]),
                self.n_grams(batch["grams"], batch["gram_starts"]),
                self.shapes(batch["shapes"]),
                batch["classes"],
            ],
            dim=1,
        )
        vectors = self.word_out(self.dropout(self.activation(self.word_in(joined))))
        vectors = (
            vectors + self.gaps(batch["gaps"]) + self.phrases(batch["phrases"]) + self.cases(batch["cases"])
        )
        mask = batch["mask"]
        x = vectors.new_zeros(texts, words, vectors.shape[1])
        x[mask] = self.dropout(vectors)
        for layer, dilation in zip(self.layers, self.dilations, strict=True):
            normed = layer["norm"](x) * mask[:, :, None]
            left = nn.functional.pad(normed, (0, 0, dilation, 0))[:, :words]
            right = nn.functional.pad(normed, (0, 0, 0, dilation))[:, dilation:]
            value, gate = layer["conv"](torch.cat([left, normed, right], dim=2)).chunk(2, dim=2)
            x = x + self.dropout(value * torch.sigmoid(gate))
        return self.tags(self.dropout(self.norm(x)))

    def arrays(self) -> dict:
        """Return the weights as numpy arrays, as ``model.network`` names them."""
        weights = {name: value.detach().numpy() for name, value in self.state_dict().items()}
        weights["crf.transitions"] = weights["crf.transitions"] + weights.pop("crf.wrong")
        weights["crf.start"] = weights["crf.start"] + weights.pop("crf.wrong_first")
        return weights
