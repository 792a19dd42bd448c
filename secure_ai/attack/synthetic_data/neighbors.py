"""Nearest synthetic records on columns of any kind, by Gower's distance, in blocks of bounded size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from secure_ai.attack.synthetic_data.tables import Column

# About what fits in the cache of one core, in distances; larger blocks are slower.
BLOCK = 1 << 17

Prepared = tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray | None]]


def nearest(
    targets: Sequence[np.ndarray], candidates: Sequence[np.ndarray], columns: Sequence[Column], k: int = 1
) -> np.ndarray:
    """Return the positions of the ``k`` candidates that are nearest to each target.

    The distance is the sum over columns of |a - b| / width for numbers and dates, and of 0 or 1 for
    the rest. A missing value is at 0 from a missing one and at 1 from any other. Among candidates at
    the same distance the one that comes first is nearest: shuffle them beforehand.

    Args:
        targets: per column, the values of the targets.
        candidates: per column, the values of the candidates.
        columns: what the columns are.
        k: how many to return; all of them if there are fewer.

    Returns:
        Integer array of shape (targets, k), nearest first.

    Source: Gower, A general coefficient of similarity and some of its properties (1971).
    """
    numbers, texts = _split(columns)
    n_candidates = len(candidates[0])
    # Equal candidates are at equal distances: of each kind only the first k can be among the k nearest.
    kept = _first_of_each(candidates, k)
    asked = _prepared(targets, columns, numbers, texts)
    given = _prepared([values[kept] for values in candidates], columns, numbers, texts)
    n, m, k = len(targets[0]), len(kept), min(k, n_candidates)
    best = np.full((n, k), np.inf, dtype=np.float32)
    found = np.zeros((n, k), dtype=np.int64)
    wide = min(m, BLOCK // 8)
    high = max(1, BLOCK // wide)
    for top in range(0, n, high):
        rows = slice(top, min(n, top + high))
        for left in range(0, m, wide):
            block = slice(left, min(m, left + wide))
            distances = _distances(asked, given, rows, block)
            _keep(distances, kept[block], best[rows], found[rows])
    return found


def _split(columns: Sequence[Column]) -> tuple[list[int], list[int]]:
    numbers = [i for i, column in enumerate(columns) if column.numeric]
    return numbers, [i for i, column in enumerate(columns) if not column.numeric]


def _first_of_each(candidates: Sequence[np.ndarray], k: int) -> np.ndarray:
    """Return, in order, the positions of those with fewer than ``k`` equal ones before them."""
    number = np.zeros(len(candidates[0]), dtype=np.int64)
    for values in candidates:
        codes = np.unique(values, return_inverse=True)[1]
        number = np.unique(number * (int(codes.max()) + 1) + codes, return_inverse=True)[1]
    order = np.argsort(number, kind="stable")
    ordered = number[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    rank = np.arange(len(order)) - np.repeat(starts, np.diff(np.r_[starts, len(order)]))
    return np.sort(order[rank < k])


def _prepared(
    values: Sequence[np.ndarray], columns: Sequence[Column], numbers: list[int], texts: list[int]
) -> Prepared:
    """Return numbers in units of their width with 0 for missing, codes, and where numbers are missing."""
    scaled, absent = [], []
    for i in numbers:
        missing = np.isnan(values[i])
        low = np.nanmin(columns[i].synthetic) if not np.isnan(columns[i].synthetic).all() else 0.0
        # Measured from a common point, so that large numbers (years, account numbers) keep their digits.
        scaled.append(np.where(missing, 0.0, (values[i] - low) / columns[i].width).astype(np.float32))
        absent.append(missing if np.isnan(columns[i].training).any() or missing.any() else None)
    return scaled, [values[i] for i in texts], absent


def _distances(asked: Prepared, given: Prepared, rows: slice, block: slice) -> np.ndarray:
    shape = (rows.stop - rows.start, block.stop - block.start)
    total = np.zeros(shape, dtype=np.float32)
    step = np.empty(shape, dtype=np.float32)
    for i in range(len(asked[0])):
        np.subtract(asked[0][i][rows, None], given[0][i][None, block], out=step)
        np.abs(step, out=step)
        lacks, lacked = asked[2][i], given[2][i]
        if lacks is not None or lacked is not None:
            one = np.zeros(shape[0], bool) if lacks is None else lacks[rows]
            other = np.zeros(shape[1], bool) if lacked is None else lacked[block]
            step[one[:, None] != other[None, :]] = 1
        total += step
    if asked[1]:
        differ = np.zeros(shape, dtype=np.uint16)
        unequal = np.empty(shape, dtype=bool)
        for i in range(len(asked[1])):
            np.not_equal(asked[1][i][rows, None], given[1][i][None, block], out=unequal)
            differ += unequal
        total += differ
    return total


def _keep(distances: np.ndarray, positions: np.ndarray, best: np.ndarray, found: np.ndarray) -> None:
    """Insert the nearest of a block into the sorted lists ``best`` and ``found``, in place."""
    every = np.arange(len(distances))
    for _ in range(best.shape[1]):
        place = distances.argmin(axis=1)
        value = distances[every, place].copy()
        if not (value < best[:, -1]).any():
            return
        distances[every, place] = np.inf
        # An equal distance that was found earlier stays in front: it comes first in the shuffled order.
        position = (best <= value[:, None]).sum(axis=1)
        for row in np.flatnonzero(position < best.shape[1]):
            at = position[row]
            best[row, at + 1 :] = best[row, at:-1]
            found[row, at + 1 :] = found[row, at:-1]
            best[row, at], found[row, at] = value[row], positions[place[row]]
