"""How a small network learns: rows checked, batches drawn, AdamW steps along a falling step size."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from secure_ai.core import UserError

if TYPE_CHECKING:
    from secure_ai.attack.networks.network import Network

EachBatch = Callable[["Network", np.ndarray, np.ndarray, np.random.Generator], np.ndarray]
FIRST_DECAY, SECOND_DECAY, TINY = 0.9, 0.99, 1e-8


@cache
def _libraries() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def one_thread() -> AbstractContextManager[Any]:
    """Let linear algebra run on one thread: small matrices lose by more, above all on a busy machine."""
    return _libraries().limit(limits=1, user_api="blas")


def check_training(rows: Any, labels: Any) -> tuple[np.ndarray, Any]:
    """Return rows as (n, columns) numbers, and labels as an array; both as long.

    Raises:
        UserError: if a row holds something else than finite numbers, or lengths differ.
    """
    try:
        found = np.asarray(rows)
        found = found if found.dtype in (np.float32, np.float64) else found.astype(float)
    except (TypeError, ValueError):
        raise UserError("The network takes numbers only: encode texts and categories first.") from None
    if found.ndim != 2:
        raise UserError(f"Give rows and columns; this has the shape {found.shape}.")
    if not np.isfinite(found).all():
        raise UserError("A row has a missing or infinite value: fill it in or leave the row out.")
    if labels is None:
        return found, None
    labels = np.asarray(labels).ravel()
    if len(labels) != len(found):
        raise UserError(f"There are {len(found):,} rows and {len(labels):,} labels: give one for each row.")
    if not len(found):
        raise UserError("There are no rows to learn from.")
    return found, labels


def train(
    network: Network,
    rows: np.ndarray,
    codes: np.ndarray,
    *,
    sample_weight: Any,
    each_batch: EachBatch | None,
    rng: np.random.Generator,
) -> list[float]:
    """Change ``network.weights_`` in place; return the mean loss of each epoch.

    Args:
        network: with weights to begin from.
        rows: (n, columns) checked.
        codes: (n,) the place of each row's class.
        sample_weight: (n,) or None.
        each_batch: what a step learns from in place of its rows, see ``Network.fit``.
        rng: of order, shifts and ``each_batch``.

    Raises:
        UserError: if a setting is impossible or the loss stops being a number.
    """
    if network.epochs < 1 or network.batch_size < 1 or network.learning_rate <= 0:
        raise UserError("Training needs an epoch or more, a row or more in a batch, and a learning_rate > 0.")
    weights = _sample_weights(sample_weight, len(rows))
    optimizer = _AdamW(network)
    steps = network.epochs * -(-len(rows) // network.batch_size)
    losses, step = [], 0
    with one_thread():
        for _ in range(network.epochs):
            order, total = rng.permutation(len(rows)), 0.0
            for start in range(0, len(rows), network.batch_size):
                chosen = order[start : start + network.batch_size]
                batch, own = rows[chosen], weights[chosen]
                if network.shift and network.picture is not None:
                    batch = _shifted(batch, network.picture, network.shift, rng)
                if each_batch is not None:
                    batch = each_batch(network, batch, network.classes_[codes[chosen]], rng)
                loss, gradients = _loss(network, batch, codes[chosen], own)
                if not np.isfinite(loss):
                    raise UserError("Training diverged: take a smaller learning_rate.")
                optimizer.step(network.weights_, gradients, 0.5 * (1 + np.cos(np.pi * step / steps)))
                total += loss * len(chosen)
                step += 1
            losses.append(total / len(rows))
    return losses


def _loss(
    network: Network, rows: np.ndarray, codes: np.ndarray, own: np.ndarray
) -> tuple[float, list[np.ndarray]]:
    logits, kept = network.forward(rows)
    logits = logits.astype(float)
    logits -= logits.max(axis=1, keepdims=True)
    risen = np.exp(logits)
    chances = risen / risen.sum(axis=1, keepdims=True)
    at = np.arange(len(rows)), codes
    loss = float(np.mean(own * (np.log(risen.sum(axis=1)) - logits[at])))
    chances[at] -= 1
    return loss, network.backward(chances * (own / len(rows))[:, None], kept)[1]


class _AdamW:
    def __init__(self, network: Network) -> None:
        self.rate, self.decay = network.learning_rate, network.weight_decay
        self.first = [np.zeros_like(w) for w in network.weights_]
        self.second = [np.zeros_like(w) for w in network.weights_]
        self.taken = 0

    def step(self, weights: list[np.ndarray], gradients: list[np.ndarray], share: float) -> None:
        self.taken += 1
        rate = self.rate * share
        for place, slope in enumerate(gradients):
            weight, mean, square = weights[place], self.first[place], self.second[place]
            mean += (1 - FIRST_DECAY) * (slope - mean)
            square += (1 - SECOND_DECAY) * (slope * slope - square)
            size = np.sqrt(square / (1 - SECOND_DECAY**self.taken)) + TINY
            if weight.ndim > 1:
                weight *= 1 - rate * self.decay
            weight -= rate / (1 - FIRST_DECAY**self.taken) * mean / size


def _sample_weights(sample_weight: Any, rows: int) -> np.ndarray:
    if sample_weight is None:
        return np.ones(rows)
    weights = np.asarray(sample_weight, dtype=float).ravel()
    if len(weights) != rows or not np.isfinite(weights).all() or (weights < 0).any() or not weights.sum():
        raise UserError("sample_weight: give one number for each row, none below 0 and not all 0.")
    return weights * (rows / weights.sum())


def _shifted(rows: np.ndarray, side: tuple[int, int], most: int, rng: np.random.Generator) -> np.ndarray:
    pictures = rows.reshape(len(rows), *side)
    padded = np.pad(pictures, ((0, 0), (most, most), (most, most)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, side, axis=(1, 2))
    down, across = rng.integers(0, 2 * most + 1, (2, len(rows)))
    return windows[np.arange(len(rows)), down, across].reshape(len(rows), -1)
