"""Rows back from the gradient that a participant sends: exactly from one record, by search from a few.

In a dense layer the gradient of the weights is the sum, over records, of what went in times the error that
came back, and the gradient of the biases is the sum of the errors. Of one record, one divided by the other is
the record. Of a few records, the gradient of the first layer is a matrix whose columns all lie in the span of
the records: instead of all their values, only their few coordinates in that span are to be found.

Weights and gradients are lists of arrays: weights (inputs x outputs) and biases of each layer in turn, tanh
between layers; a last layer of one column is a logistic one for two classes.

Sources:
    Phong et al., Privacy-preserving deep learning via additively homomorphic encryption (2018), section 3,
    and Geiping et al., Inverting gradients (2020), proposition 3.1: one record, exactly;
    Zhu, Liu & Han, Deep leakage from gradients (2019): matching gradients by search;
    Dimitrov et al., SPEAR: exact gradient inversion of batches in federated learning (2024): the span.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any

import numpy as np

from secure_ai.anonymize.differential_privacy.learning.gradients import activations, errors
from secure_ai.core.errors import UserError

Arrays = Sequence[np.ndarray]
# Singular values below this share of the largest are rounding.
ROUNDING = 1e-9
MATCHED = 1e-10
MOST_RECORDS = 8
MOST_ASSIGNMENTS = 5
MOST_STEPS = 30


@dataclass(frozen=True)
class RecoveredBatch:
    """Rows that explain a gradient.

    Attributes:
        rows: (records, inputs), in no order.
        codes: (records,) class numbers that were found with them.
        mismatch: length of the difference between their gradient and the one seen, over the latter's.
    """

    rows: np.ndarray
    codes: np.ndarray
    mismatch: float

    @property
    def matched(self) -> bool:
        """Whether the gradient is explained to rounding."""
        return self.mismatch < MATCHED**0.5


def gradients_of_change(change: Arrays, learning_rate: float, steps: int = 1) -> list[np.ndarray]:
    """Return the mean gradient behind a change of weights by plain gradient descent.

    Args:
        change: weights after training less before, one array for each of weights and biases.
        learning_rate: step size.
        steps: how many steps were taken; of more than one the result is their mean, which is exact only for
            the span of the records.
    """
    return [-np.asarray(part, dtype=float) / (learning_rate * steps) for part in change]


def mean_gradient(weights: Arrays, rows: np.ndarray, codes: np.ndarray) -> list[np.ndarray]:
    """Return the gradient of the mean cross-entropy over rows, of each array of weights.

    Args:
        weights: weights and biases of each layer in turn.
        rows: (records, inputs).
        codes: (records,) class numbers from 0.
    """
    layers = _layers(weights)
    values = activations(layers, rows)
    parts: list[np.ndarray] = []
    for value, error in zip(values[:-1], errors(layers, values, codes), strict=True):
        parts += [value.T @ error / len(rows), error.mean(axis=0)]
    return parts


def recover_row(gradients: Arrays) -> np.ndarray:
    """Return (inputs,) the row behind the gradient of one record: exact, to rounding.

    It stays exact where a participant with one record took many steps, as each of them is a multiple of it.
    Of several records it returns a weighted mean of them, which is none of them.

    Args:
        gradients: of the first layer at least: weights (inputs x outputs) and biases (outputs,).

    Raises:
        UserError: if the gradient is 0 or no numbers: then it tells nothing.
    """
    weights, biases = _first(gradients)
    unit = int(np.abs(biases).argmax())
    if biases[unit] == 0:
        raise UserError("The gradient of the biases is 0: it tells nothing of a record.")
    return weights[:, unit] / biases[unit]


def records_in(gradients: Arrays) -> int:
    """Return the number of records behind a gradient, as far as the first layer tells: its rank.

    It is at most the number of units of the first layer and of inputs: that many means "or more".
    """
    values = np.linalg.svd(_first(gradients)[0], compute_uv=False)
    return int((values > ROUNDING * values[0]).sum()) if values[0] > 0 else 0


def outside_span(gradients: Arrays, rows: Any) -> np.ndarray:
    """Return (rows,) how far each row lies outside the span of the records behind a gradient, from 0 to 1.

    About 0 tells that the row took part, exactly as long as there are fewer records than units of the first
    layer and inputs; otherwise every row lies inside. It holds after several steps as well: a membership test
    that needs no other model.

    Args:
        gradients: as :func:`recover_row`, or a change of weights.
        rows: (rows, inputs) candidates.
    """
    weights, _ = _first(gradients)
    left, values, _ = np.linalg.svd(weights, full_matrices=False)
    basis = left[:, values > ROUNDING * max(values[0], 1e-300)]
    given = np.asarray(rows, dtype=float)
    if given.ndim != 2 or given.shape[1] != len(weights):
        raise UserError(f"Give candidate rows with {len(weights):,} columns; their shape is {given.shape}.")
    lengths = np.maximum(np.linalg.norm(given, axis=1), 1e-300)
    return np.linalg.norm(given - given @ basis @ basis.T, axis=1) / lengths


def recover_batch(
    gradients: Arrays, weights: Arrays, *, records: int | None = None, effort: int = 10_000, seed: int = 0
) -> RecoveredBatch:
    """Return rows and class numbers whose mean gradient is the one seen.

    Args:
        gradients: mean over the batch, of every layer.
        weights: with which the participant computed it: the server knows them.
        records: how many records there were, which a server usually knows; None takes the rank of the first
            layer's gradient.
        effort: gradients computed before the search, from ever new starts, gives up.
        seed: of the starts.

    Raises:
        UserError: if the arrays do not fit each other, or there are more records than can be told apart: 8,
            or the units of the first layer or inputs.

    Source: the module's.
    """
    from scipy.optimize import least_squares

    seen, given = _checked(gradients, weights)
    count = records_in(seen) if records is None else int(records)
    if count == 1:
        return _one(seen, given)
    inputs, units = given[0].shape
    most = min(MOST_RECORDS, inputs, units)
    if not 1 <= count <= most or records_in(seen) < count:
        raise UserError(
            f"{count} records cannot be told apart in this gradient: its first layer shows "
            f"{records_in(seen)} and the search takes from 1 to {most}."
        )
    left, _, _ = np.linalg.svd(seen[0], full_matrices=False)
    basis = left[:, :count]
    # In coordinates of the span it is the same network with as many inputs as there are records.
    small = [basis.T @ given[0], *given[1:]]
    target = _flat([basis.T @ seen[0], *seen[1:]])
    length = float(np.linalg.norm(target))
    rng = np.random.default_rng(seed)
    likely = _assignments(given, seen, count)[:MOST_ASSIGNMENTS]
    best: RecoveredBatch | None = None
    spent, number = 0, 0
    while spent < effort:
        codes, number = likely[number % len(likely)], number + 1

        def mismatch(flat: np.ndarray, codes: np.ndarray = codes) -> np.ndarray:
            return (_flat(mean_gradient(small, flat.reshape(count, count), codes)) - target) / length

        start = rng.normal(size=(count, inputs)) @ basis
        found = least_squares(mismatch, start.ravel(), method="lm", max_nfev=MOST_STEPS)
        # Each step takes a gradient for each coordinate beside its own.
        spent += int(found.nfev) * (count**2 + 1)
        apart = float(np.linalg.norm(found.fun))
        if best is None or apart < best.mismatch:
            best = RecoveredBatch(found.x.reshape(count, count) @ basis.T, codes, apart)
        if best.matched:
            break
    assert best is not None
    return best


def _one(seen: list[np.ndarray], weights: list[np.ndarray]) -> RecoveredBatch:
    rows = recover_row(seen)[None, :]
    classes = max(weights[-1].shape[0], 2)
    found = [
        RecoveredBatch(rows, np.array([code]), _apart(weights, rows, np.array([code]), seen))
        for code in range(classes)
    ]
    return min(found, key=lambda each: each.mismatch)


def _apart(weights: Arrays, rows: np.ndarray, codes: np.ndarray, seen: Arrays) -> float:
    target = _flat(seen)
    return float(np.linalg.norm(_flat(mean_gradient(weights, rows, codes)) - target) / np.linalg.norm(target))


def _flat(parts: Arrays) -> np.ndarray:
    return np.concatenate([part.ravel() for part in parts])


def _assignments(weights: list[np.ndarray], seen: list[np.ndarray], count: int) -> list[np.ndarray]:
    """Return assignments of classes to unordered records, the likeliest first.

    The gradient of the last biases is the mean of probability less outcome: with the probability that the
    biases alone give it tells about how many records are of each class.
    """
    classes = max(weights[-1].shape[0], 2)
    all_of = [np.array(each) for each in combinations_with_replacement(range(classes), count)]
    empty = np.zeros((1, weights[0].shape[0]))
    scores = activations(_layers(weights), empty)[-1][0]
    if classes == 2 and len(scores) == 1:
        share = 1 / (1 + np.exp(-scores[0])) - seen[-1][0]
        return sorted(all_of, key=lambda each: abs(each.mean() - share))
    chances = np.exp(scores - scores.max())
    share = chances / chances.sum() - seen[-1]
    return sorted(
        all_of, key=lambda each: float(np.abs(np.bincount(each, minlength=classes) / count - share).sum())
    )


def _layers(weights: Arrays) -> list[tuple[np.ndarray, np.ndarray]]:
    return list(zip(weights[::2], weights[1::2], strict=True))


def _first(gradients: Arrays) -> tuple[np.ndarray, np.ndarray]:
    parts = [np.asarray(part, dtype=float) for part in gradients[:2]]
    if len(parts) < 2 or parts[0].ndim != 2 or parts[1].shape != parts[0].shape[1:]:
        raise UserError("Give the gradients of a dense layer: weights (inputs x outputs), then biases.")
    if not all(np.isfinite(part).all() for part in parts):
        raise UserError("The gradient holds NaN or infinity: nothing can be recovered from it.")
    return parts[0], parts[1]


def _checked(gradients: Arrays, weights: Arrays) -> tuple[list[np.ndarray], list[np.ndarray]]:
    _first(gradients)
    seen = [np.asarray(part, dtype=float) for part in gradients]
    given = [np.asarray(part, dtype=float) for part in weights]
    if [part.shape for part in seen] != [part.shape for part in given]:
        raise UserError(
            "Gradients and weights differ in shape: give those of the same model, layer by layer."
        )
    if not all(np.isfinite(part).all() for part in (*seen, *given)):
        raise UserError("Gradients or weights hold NaN or infinity: nothing can be recovered.")
    return seen, given
