"""Where a list of codes is cut: the median of every class at once, counted rather than sorted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secure_ai.anonymize.tabular.partitioning import Codes, Integers


@dataclass(frozen=True, eq=False)
class Lists:
    """The codes of some classes, each in the column in which it is to be cut, one class after the other.

    Attributes:
        codes: one per item.
        weights: records that each item stands for; None where each is one.
        lengths: items of each class.
    """

    codes: Codes
    weights: Integers | None
    lengths: Integers

    @cached_property
    def starts(self) -> Integers:
        """Where each class begins."""
        return np.cumsum(self.lengths) - self.lengths


def candidates(lists: Lists, total: Integers, gap: Integers, share: float) -> list[tuple[Codes, Integers]]:
    """Return cuts to try for each class, best first: last code of the lower half, and its records.

    ``total`` holds the records of each class; ``gap`` is the code of missing values where they share a class
    with ordered values, else -1; ``share`` the share of the records that the lower half is to have, 0.5 for
    the median.
    """
    rank = np.maximum(np.ceil(total * share).astype(np.int64), 1)
    median, below, upto = quantiles(lists, rank)
    at = np.abs(2 * upto - total)
    under = np.abs(2 * below - total)
    at_median = (median, upto)
    just_below = (median - 1, below)
    first = [np.where(at <= under, a, b) for a, b in zip(at_median, just_below, strict=True)]
    second = [np.where(at <= under, b, a) for a, b in zip(at_median, just_below, strict=True)]
    found = [(first[0], first[1]), (second[0], second[1])]
    if (gap >= 0).any():
        is_gap = lists.codes == np.repeat(gap, lists.lengths)
        of_gaps = is_gap if lists.weights is None else lists.weights * is_gap
        missing = np.add.reduceat(of_gaps, lists.starts, dtype=np.int64)
        found.insert(0, ((gap - 1).astype(np.int32), np.where(gap >= 0, total - missing, 0)))
    return found


def quantiles(lists: Lists, rank: Integers) -> tuple[Codes, Integers, Integers]:
    """Return the code of each class's record of ``rank``, the records below it, and those up to it.

    Counted rather than sorted: each class has about as many counters as items, each for a stretch of codes,
    and the stretch that holds the record is counted again until it is a single code.
    """
    codes, weights, lengths = lists.codes, lists.weights, lists.lengths
    n = len(lengths)
    median, below, upto = np.zeros((3, n), dtype=np.int64)
    low = np.minimum.reduceat(codes, lists.starts)
    width = np.maximum.reduceat(codes, lists.starts) - low
    left, before = np.arange(n), np.zeros(n, dtype=np.int64)
    while len(left):
        shift = np.maximum(_bits(width) - _bits(lengths), 0)
        ends = np.cumsum((width >> shift) + 1, dtype=np.int64)
        base = np.append(0, ends[:-1])
        stretch = codes - np.repeat(low, lengths)
        if shift.any():
            stretch >>= np.repeat(shift, lengths)
        stretch = stretch + np.repeat(base, lengths)
        counts = np.bincount(stretch, weights, minlength=int(ends[-1])).astype(np.int64, copy=False)
        running = np.cumsum(counts)
        begins = running[base] - counts[base]
        found = np.searchsorted(running, begins + rank)
        under, among = running[found] - counts[found] - begins, counts[found]
        low = low + ((found - base).astype(np.int32) << shift)
        single = shift == 0
        at = left[single]
        median[at], below[at] = low[single], (before + under)[single]
        upto[at] = below[at] + among[single]
        if single.all():
            break
        again = ~single
        held = np.flatnonzero(stretch == np.repeat(np.where(again, found, -1), lengths))
        items = counts if weights is None else np.bincount(stretch[held], minlength=len(counts))
        lengths = items[found[again]]
        codes, weights = codes.take(held), None if weights is None else weights.take(held)
        left, rank, before = left[again], (rank - under)[again], (before + under)[again]
        low, width = low[again], (np.int32(1) << shift[again]) - 1
    return median.astype(np.int32), below, upto


def _bits(numbers: NDArray[Any]) -> Codes:
    """Return how many binary digits each number has."""
    return np.frexp(numbers.astype(float))[1]
