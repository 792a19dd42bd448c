"""Singling out: predicates that fit one synthetic record, tried on records of people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from secure_ai.attack.synthetic_data.tables import Column

EQUAL, AT_LEAST, AT_MOST, UNEQUAL, ABOVE, BELOW = range(6)
OPERATIONS = {EQUAL: np.equal, AT_LEAST: np.greater_equal, AT_MOST: np.less_equal,
              UNEQUAL: np.not_equal, ABOVE: np.greater, BELOW: np.less}  # fmt: skip
BATCH = 1024
CLAUSES = 64
IDLE = 16
BLOCK = 1 << 22
# A predicate that fits more records than this is not going to fit exactly one of a random half.
MANY = 24


class Predicates(NamedTuple):
    """Conjunctions of clauses ``column operation value``, one row each; shape (predicates, clauses).

    A missing value is written as NaN in a column of numbers and as -1 in one of codes.
    """

    column: np.ndarray
    operation: np.ndarray
    value: np.ndarray

    def __getitem__(self, rows) -> Predicates:  # type: ignore[override]
        """Return the predicates at ``rows``."""
        return Predicates(self.column[rows], self.operation[rows], self.value[rows])


@dataclass(frozen=True)
class Tried:
    """How predicates did on two groups of people.

    Attributes:
        training: per predicate, whether it fits exactly one training record.
        control: the same for the control records.
        effect: variance of the difference of the two rates when records are exchanged between the
            groups at random, over what independent predicates would have. Predicates that fit the same
            person succeed together, and count less.
    """

    training: np.ndarray
    control: np.ndarray
    effect: float


def fits(predicates: Predicates, tables: Sequence[np.ndarray], numeric: Sequence[bool]) -> np.ndarray:
    """Return which records fit which predicates, eight to a byte; shape (predicates, bytes).

    Args:
        predicates: the predicates.
        tables: per column, the values of the records.
        numeric: per column, whether it holds numbers.
    """
    n = len(tables[0])
    packed = np.full((len(predicates.column), (n + 7) // 8), 255, dtype=np.uint8)
    for place in range(predicates.column.shape[1]):
        kinds = np.stack([predicates.column[:, place], predicates.operation[:, place]])
        for number, operation in sorted(set(zip(*kinds.tolist(), strict=True))):
            rows = np.flatnonzero((kinds[0] == number) & (kinds[1] == operation))
            # A clause that many predicates share is evaluated once.
            distinct, which = np.unique(predicates.value[rows, place], return_inverse=True)
            for start in range(0, len(distinct), CLAUSES):
                part = distinct[start : start + CLAUSES, None]
                met = _clause(tables[number][None, :], numeric[number], operation, part)
                here = (which >= start) & (which < start + CLAUSES)
                packed[rows[here]] &= np.packbits(met, axis=1)[which[here] - start]
    if n % 8:
        packed[:, -1] &= np.uint8((0xFF << (8 - n % 8)) & 0xFF)
    return packed


def _clause(values: np.ndarray, numeric: bool, operation: int, wanted: np.ndarray) -> np.ndarray:
    # A missing value is a value of its own: different from every other, neither above nor below any.
    met = OPERATIONS[operation](values, wanted if numeric else wanted.astype(np.int32))
    absent = np.isnan(wanted[:, 0])
    if numeric and absent.any():
        met[absent] = np.isnan(values) if operation == EQUAL else ~np.isnan(values)
    return met


def counted(predicates: Predicates, tables: Sequence[np.ndarray], numeric: Sequence[bool]) -> np.ndarray:
    """Return how many records fit each predicate."""
    size = max(1, BLOCK // max(1, len(tables[0]) // 8))
    parts = [
        np.bitwise_count(fits(predicates[start : start + size], tables, numeric)).sum(axis=1, dtype=np.int64)
        for start in range(0, len(predicates.column), size)
    ]
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)


def univariate(columns: Sequence[Column], n: int, rng: np.random.Generator) -> Predicates:
    """Return up to ``n`` predicates on one column that fit exactly one synthetic record.

    Values that occur once, the smallest and the largest number, and a missing value if there is one.

    Source: Giomi et al. (2022), section 3.2.
    """
    clauses: list[np.ndarray] = []
    for number, column in enumerate(columns):
        values, counts = np.unique(column.synthetic, return_counts=True)
        once = values[counts == 1].astype(float)
        made = [np.column_stack([np.full(len(once), EQUAL), once])]
        known = values[~np.isnan(values)] if column.numeric else values[:0]
        if known.size:
            made.append(np.array([[AT_MOST, known[0]], [AT_LEAST, known[-1]]], dtype=float))
        rows = np.vstack(made)
        clauses.append(np.column_stack([np.full(len(rows), number), rows]))
    every = np.vstack(clauses)
    every = every[rng.permutation(len(every))]
    # Only the extremes can fit more than one record; enough others are looked at to fill their places.
    every = every[: n + 2 * len(columns)]
    made = Predicates(every[:, :1].astype(np.int64), every[:, 1:2].astype(np.int8), every[:, 2:3])
    single = counted(made, [c.synthetic for c in columns], [c.numeric for c in columns]) == 1
    return made[np.flatnonzero(single)[:n]]


def multivariate(
    columns: Sequence[Column], n: int, n_columns: int, attempts: int, rng: np.random.Generator
) -> Predicates:
    """Return up to ``n`` predicates on ``n_columns`` columns that fit exactly one synthetic record.

    Each takes a random synthetic record and random columns: ``>=`` its number where that is above the
    median, ``<=`` where not, ``=`` for the rest. ``attempts`` bounds how many are tried; it also ends when
    several batches bring nothing new.

    Source: Giomi et al. (2022), section 3.2.
    """
    tables, numeric = [c.synthetic for c in columns], [c.numeric for c in columns]
    medians = [np.nanmedian(t) if c.numeric and not np.isnan(t).all() else 0.0
               for c, t in zip(columns, tables, strict=True)]  # fmt: skip
    kept: list[Predicates] = []
    seen: set[bytes] = set()
    idle = 0
    for _ in range(0, attempts, BATCH):
        which = np.sort(_some_columns(BATCH, len(columns), n_columns, rng), axis=1)
        record = rng.integers(len(tables[0]), size=BATCH)
        value, operation = np.empty(which.shape), np.full(which.shape, EQUAL, dtype=np.int8)
        for number, column in enumerate(columns):
            rows, places = np.nonzero(which == number)
            taken = tables[number][record[rows]].astype(float)
            value[rows, places] = taken
            if column.numeric:
                direction = np.where(taken > medians[number], AT_LEAST, AT_MOST)
                operation[rows, places] = np.where(np.isnan(taken), EQUAL, direction)
        batch = Predicates(which, operation, value)
        single = np.flatnonzero(counted(batch, tables, numeric) == 1)
        new = []
        for row in single:
            key = which[row].tobytes() + operation[row].tobytes() + value[row].tobytes()
            if key not in seen:
                seen.add(key)
                new.append(row)
        kept.append(batch[np.array(new, dtype=np.int64)])
        idle = 0 if new else idle + 1
        if len(seen) >= n or idle == IDLE:
            break
    return Predicates(*(np.concatenate(parts)[:n] for parts in zip(*kept, strict=True)))


def guessed(columns: Sequence[Column], n: int, n_columns: int, rng: np.random.Generator) -> Predicates:
    """Return ``n`` predicates with random columns, operations and values: the naive attack."""
    which = _some_columns(n, len(columns), n_columns, rng)
    operation, value = np.empty(which.shape, dtype=np.int8), np.empty(which.shape)
    for number, column in enumerate(columns):
        rows, places = np.nonzero(which == number)
        operation[rows, places] = rng.choice(
            list(OPERATIONS) if column.numeric else [EQUAL, UNEQUAL], len(rows)
        )
        value[rows, places] = rng.choice(np.unique(column.synthetic), len(rows))
    return Predicates(which, operation, value)


def _some_columns(n: int, n_all: int, n_chosen: int, rng: np.random.Generator) -> np.ndarray:
    return rng.random((n, n_all)).argsort(axis=1)[:, :n_chosen]


def tried(
    predicates: Predicates,
    training: Sequence[np.ndarray],
    control: Sequence[np.ndarray],
    *,
    numeric: Sequence[bool],
    rng: np.random.Generator,
    exchanges: int = 400,
) -> Tried:
    """Try the predicates on as many training as control records, and see how much they hang together.

    A predicate that fits exactly one record singles somebody out. Under the null hypothesis that the
    synthetic data know nothing special of the training records, any exchange of records between the
    two groups is as likely as what is there: exchanging them at random tells how far the difference
    of the two rates varies by chance, whatever the predicates have in common.
    """
    pooled = [np.concatenate(pair) for pair in zip(training, control, strict=True)]
    half = len(training[0])
    who: list[np.ndarray] = []
    fit_one = np.zeros((2, len(predicates.column)), dtype=bool)
    size = max(1, BLOCK // max(1, len(pooled[0]) // 8))
    for start in range(0, len(predicates.column), size):
        for row, bits in enumerate(fits(predicates[start : start + size], pooled, numeric), start):
            there = (
                np.flatnonzero(np.unpackbits(bits, count=len(pooled[0]))) if bits.any() else np.zeros(0, int)
            )
            in_training = int((there < half).sum())
            fit_one[:, row] = in_training == 1, len(there) - in_training == 1
            if 0 < len(there) <= MANY:
                who.append(there)
    return Tried(fit_one[0], fit_one[1], _design_effect(who, len(predicates.column), rng, exchanges))


def _design_effect(who: list[np.ndarray], n: int, rng: np.random.Generator, exchanges: int) -> float:
    if not who:
        return 1.0
    people, place = np.unique(np.concatenate(who), return_inverse=True)
    starts = np.cumsum([0, *(len(there) for there in who)])[:-1]
    lengths = np.diff(np.r_[starts, len(place)])[:, None]
    differences, rates = np.empty(exchanges), np.empty(exchanges)
    for i in range(exchanges):
        first = np.add.reduceat(rng.integers(2, size=len(people), dtype=np.int8)[place], starts)[:, None]
        one, other = (first == 1).sum() / n, (lengths - first == 1).sum() / n
        differences[i], rates[i] = one - other, (one + other) / 2
    share = rates.mean()
    independent = 2 * share * (1 - share) / n
    # Never below one: the interval is then at most too wide.
    return max(1.0, float(differences.var() / independent)) if independent > 0 else 1.0
