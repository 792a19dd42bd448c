"""A mark of its own for each recipient of a model file: changes of the weights too small to change an answer.

Each weight moves up or down by a small share of what is usual in its array; the signs are drawn by a key for
the recipient. All weights carry the mark, so that rounding, edits of a part and a mixture of two copies
leave enough of it.

Source: Cox, Kilian, Leighton & Shamoon, Secure spread spectrum watermarking for multimedia (1997); Uchida et
    al., Embedding watermarks into deep neural networks (2017).
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.optimize import linprog
from threadpoolctl import threadpool_limits

from secure_ai.attack.targets import Target, TargetError, open_target
from secure_ai.core import UserError
from secure_ai.defend.ownership.keyed import check_key, keyed_integers, keyed_signs
from secure_ai.defend.ownership.tables import taken
from secure_ai.defend.ownership.weights import Weights, put_values, read_weights, with_values

STRONGEST = 0.05
WEAKEST = 1e-7
LEAST_WEIGHTS = 64
BLOCKS = 64
MOST_NEAR = 600
LEAST_GAIN = 0.4


@dataclass(frozen=True)
class MarkedCopy:
    """A copy of a model for one recipient.

    Attributes:
        model: the copy.
        recipient: who gets it.
        strength: how far each weight moved, as a share of what is usual in its array.
        weights: how many weights carry the mark.
        labels_changed: rows among those looked at whose class is another than the original's.
        largest_change: of a probability among those rows; NaN where the model gives labels only.
        rows: how many rows were looked at.
    """

    model: Any = field(repr=False)
    recipient: str
    strength: float
    weights: int
    labels_changed: int
    largest_change: float
    rows: int

    def sentence(self) -> str:
        """Say what the mark changes."""
        probability = ""
        if np.isfinite(self.largest_change):
            probability = f", and no probability by more than {self.largest_change:.2g}"
        return (
            f"The copy for {self.recipient} differs in {self.weights:,} weights by up to {self.strength:.2g} "
            f"of their spread; of {self.rows:,} answers {self.labels_changed} changed{probability}."
        )


def signs_of(key: bytes, recipient: str, count: int) -> np.ndarray:
    """Return the (count,) signs of a recipient's mark."""
    return keyed_signs(key, f"mark of {recipient}", count)


def mark_weights(
    model: Any, recipient: str, key: bytes, strength: float, *, gains: np.ndarray | None = None
) -> Any:
    """Return a copy of a model (or of arrays) whose weights carry a recipient's mark of a given strength.

    Args:
        model: a fitted model, or arrays.
        recipient: whose mark.
        key: the owner's.
        strength: how far each weight moves, as a share of what is usual in its array.
        gains: (n,) how much of the mark each weight takes, 0 to 1; all of it if None.

    Raises:
        UserError: if the key is short, the strength no number above 0, or the weights are too few to tell
            recipients apart.
    """
    check_key(key)
    if not 0 < strength <= 1:
        raise UserError(f"strength={strength!r}: choose a share above 0, such as 0.001.")
    if not isinstance(recipient, str) or not recipient:
        raise UserError("Name the recipient, such as 'vendor A'.")
    weights = read_weights(model)
    if len(weights) < LEAST_WEIGHTS:
        raise TargetError(
            f"The model has {len(weights)} weights, too few for marks that tell recipients apart "
            f"({LEAST_WEIGHTS} or more): give each recipient a signed file and a log of who got it instead."
        )
    moves = _moves(weights, recipient, key, strength)
    return with_values(model, weights.values + (moves if gains is None else moves * gains))


def _moves(weights: Weights, recipient: str, key: bytes, strength: float) -> np.ndarray:
    return (signs_of(key, recipient, len(weights)) + weights.offset) * weights.scales * strength


@threadpool_limits.wrap(limits=1)
def mark_model(
    model: Any,
    recipient: str,
    key: bytes,
    rows: Any,
    *,
    tolerance: float = 0.01,
    strength: float | None = None,
) -> MarkedCopy:
    """Return the copy of a model for a recipient, as strongly marked as its answers allow.

    Where a mark would change the class of some rows, parts of it are weakened, as little as a linear program
    finds possible, until all classes stay.

    Args:
        model: a fitted network, linear model or tree ensemble, or a pipeline that ends with one.
        recipient: who gets it.
        key: the owner's, 16 or more random bytes.
        rows: rows on which no class may change, such as the training data.
        tolerance: by how much a probability may change on them.
        strength: how far each weight moves at most; None starts at 5 % of what is usual in its array and
            halves it until the answers stay. That of the first recipient can be given for the others: it is
            then only halved where it must be.

    Raises:
        UserError: as :func:`mark_weights`, and if even the smallest mark changes an answer.
    """
    target = open_target(model)
    first = _answers(target, rows)
    tried = STRONGEST if strength is None else strength
    while tried >= WEAKEST:
        copy = mark_weights(model, recipient, key, tried)
        now = _answers(open_target(copy), rows, first.codes)
        if now.changed and now.largest(first) <= tolerance:
            gains = _balanced(model, recipient, key, strength=tried, rows=rows, first=first, now=now)
            if gains is not None:
                copy = mark_weights(model, recipient, key, tried, gains=gains)
                now = _answers(open_target(copy), rows, first.codes)
        # NaN, where there are labels only, passes.
        if not now.changed and not now.largest(first) > tolerance:
            count = len(read_weights(model))
            return MarkedCopy(copy, recipient, tried, count, 0, now.largest(first), len(rows))
        tried /= 2
    raise UserError(
        "Even the smallest mark changes an answer: allow more with tolerance=, or give fewer rows."
    )


@dataclass(frozen=True)
class _Answers:
    """What a model says about rows.

    Attributes:
        codes: (rows,) the original's class, by its place (or itself, for labels alone).
        margins: (rows, classes - 1) how far the log-probability of that class is above each other one; for
            labels alone 1, or -1 where the class is another.
        chances: the probabilities; None for labels alone.
    """

    codes: np.ndarray
    margins: np.ndarray
    chances: np.ndarray | None

    @property
    def changed(self) -> int:
        """Rows whose class is another than the original's."""
        return int((self.margins < 0).any(axis=1).sum())

    def largest(self, other: _Answers) -> float:
        """Return the largest difference of a probability; NaN for labels alone."""
        if self.chances is None or other.chances is None:
            return float("nan")
        return float(np.abs(self.chances - other.chances).max())


def _balanced(
    model: Any,
    recipient: str,
    key: bytes,
    *,
    strength: float,
    rows: Any,
    first: _Answers,
    now: _Answers,
) -> np.ndarray | None:
    """Return the gains with which the most of a mark stays and no class changes; None if most is lost.

    The weights are dealt to blocks at random. The effect of each block on the rows near the boundary is
    measured, taken for linear, and the sum of the blocks' gains is made as large as their signs allow.
    """
    reach = 4 * float(np.abs(now.margins - first.margins).max())
    near = np.flatnonzero((first.margins < reach).any(axis=1))
    near = near[np.argsort(first.margins[near].min(axis=1), kind="stable")][:MOST_NEAR]
    part, codes, before = taken(rows, near), first.codes[near], first.margins[near]
    weights = read_weights(model)
    moves = _moves(weights, recipient, key, strength)
    blocks = keyed_integers(key, "blocks of marks", len(weights), BLOCKS)
    alone = deepcopy(model)
    effects = np.empty((BLOCKS, before.size))
    for block in range(BLOCKS):
        put_values(alone, weights.values + np.where(blocks == block, moves, 0.0))
        effects[block] = (_answers(open_target(alone), part, codes).margins - before).ravel()
    # A tenth of each margin is kept for what is not linear.
    found = linprog(-np.ones(BLOCKS), A_ub=-effects.T, b_ub=0.9 * before.ravel(), bounds=(0, 1))
    if found.status != 0 or found.x.mean() < LEAST_GAIN:
        return None
    return found.x[blocks]


def _answers(target: Target, rows: Any, codes: np.ndarray | None = None) -> _Answers:
    """Ask about rows; ``codes`` are the original's classes, the target's own if None."""
    if target.answer == "labels":
        labels = target.labels(rows)
        codes = labels if codes is None else codes
        return _Answers(codes, np.where(labels == codes, 1.0, -1.0)[:, None], None)
    chances = target.probabilities(rows)
    logs, two = np.log(np.maximum(chances, 1e-12)), chances.shape[1] == 2
    if codes is None:
        codes = (chances[:, 1] >= target.threshold).astype(int) if two else chances.argmax(axis=1)
    if two:
        lead = logs[:, 1] - logs[:, 0] - np.log(target.threshold / (1 - target.threshold))
        # A probability on the threshold belongs to the second class.
        lead = np.where((chances[:, 1] < target.threshold) & (lead >= 0), -1e-12, lead)
        margins = np.where(codes == 1, lead, np.where(lead == 0, -1e-12, -lead))[:, None]
    else:
        others = np.arange(logs.shape[1])[None] != codes[:, None]
        margins = (logs[np.arange(len(logs)), codes][:, None] - logs)[others].reshape(len(logs), -1)
    return _Answers(codes, margins, chances)
