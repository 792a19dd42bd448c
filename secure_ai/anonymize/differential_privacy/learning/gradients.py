"""Clipped gradients of a small network, for all records of a batch at once and without one matrix a record.

A layer's gradient for one record is the outer product of what enters the layer and the error that comes
back to it; its norm is the product of theirs. So norms of all records take two matrices that the network
has anyway, and the sum of clipped gradients is one product of matrices with weighted rows.

Sources:
    Goodfellow, Efficient per-example gradient computations (2015); Li, Tramèr, Liang & Hashimoto, Large
    language models can be strong differentially private learners (2022), ghost clipping.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from scipy.special import expit, log_softmax, softmax

Layer = tuple[np.ndarray, np.ndarray]


def initial_layers(sizes: Sequence[int], rng: np.random.Generator) -> list[Layer]:
    """Return weights (inputs x outputs) and biases; a single layer starts at zero, as its loss is convex.

    Source: Glorot & Bengio, Understanding the difficulty of training deep feedforward networks (2010).
    """
    layers = []
    for inputs, outputs in pairwise(sizes):
        spread = np.sqrt(6 / (inputs + outputs)) if len(sizes) > 2 else 0.0
        layers.append((rng.uniform(-spread, spread, (inputs, outputs)), np.zeros(outputs)))
    return layers


def activations(layers: Sequence[Layer], x: np.ndarray) -> list[np.ndarray]:
    """Return what enters each layer, and last the scores (records x outputs); tanh between layers.

    Bounded activations suit clipping: Papernot et al., Tempered sigmoid activations for deep learning with
    differential privacy (2021).
    """
    values = [x]
    for number, (weights, bias) in enumerate(layers):
        scores = values[-1] @ weights + bias
        values.append(scores if number == len(layers) - 1 else np.tanh(scores))
    return values


def probabilities(scores: np.ndarray) -> np.ndarray:
    """Return the probability of each class (records x classes): one column of scores means two classes."""
    if scores.shape[1] > 1:
        return softmax(scores, axis=1)
    second = expit(scores[:, 0])
    return np.column_stack([1 - second, second])


def losses(scores: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the cross-entropy of each record; ``y`` holds class numbers."""
    if scores.shape[1] == 1:
        return np.logaddexp(0, np.where(y == 1, -scores[:, 0], scores[:, 0]))
    return -log_softmax(scores, axis=1)[np.arange(len(y)), y]


def errors(layers: Sequence[Layer], values: Sequence[np.ndarray], y: np.ndarray) -> list[np.ndarray]:
    """Return for each layer the derivative of each record's loss by its scores (records x outputs)."""
    scores = values[-1]
    if scores.shape[1] == 1:
        error = expit(scores) - y[:, None]
    else:
        error = softmax(scores, axis=1)
        error[np.arange(len(y)), y] -= 1
    found = [error]
    for (weights, _), value in zip(reversed(layers[1:]), reversed(values[1:-1]), strict=True):
        error = (error @ weights.T) * (1 - value**2)
        found.append(error)
    return found[::-1]


def gradient_norms(values: Sequence[np.ndarray], errors_: Sequence[np.ndarray]) -> np.ndarray:
    """Return the length of each record's gradient over all weights and biases."""
    squares = sum(
        (np.einsum("ij,ij->i", value, value) + 1) * np.einsum("ij,ij->i", error, error)
        for value, error in zip(values[:-1], errors_, strict=True)
    )
    return np.sqrt(squares)


def clipped_sum(layers: Sequence[Layer], x: np.ndarray, y: np.ndarray, max_grad_norm: float) -> list[Layer]:
    """Return the sum over records of gradients that are shortened to ``max_grad_norm`` where longer.

    One record more or less changes it by at most ``max_grad_norm`` in Euclidean length over all layers.

    Args:
        layers: weights and biases.
        x: features (records x columns); no record at all gives zeros.
        y: class numbers from 0.
        max_grad_norm: greatest length; infinity clips nothing.
    """
    values = activations(layers, x)
    backward = errors(layers, values, y)
    with np.errstate(over="ignore", invalid="ignore"):
        norms = gradient_norms(values, backward)
    sound = np.isfinite(norms)
    if not sound.all():
        # A gradient that ran over has no length to shorten; left in, that one record would decide all.
        values, backward = [value[sound] for value in values], [error[sound] for error in backward]
        norms = norms[sound]
    weight = np.minimum(1.0, max_grad_norm / np.maximum(norms, 1e-12))
    return [
        (value.T @ (error := weight[:, None] * back), error.sum(axis=0))
        for value, back in zip(values[:-1], backward, strict=True)
    ]
