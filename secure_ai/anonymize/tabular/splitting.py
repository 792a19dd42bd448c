"""Where to cut classes in two: every class of a level at once, in numpy, as Mondrian asks for.

Records are coded and weighted; a class is a stretch of the arrays. A level looks at all its classes together,
finds a cut for each, and moves the records so that each half is a stretch again. Blocks of classes that fit
the processor's cache are carried on separately, on as many threads as there are processors.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from secure_ai.anonymize.tabular.formulas import ClassHistogram
from secure_ai.anonymize.tabular.requirements import Requirements

Integers = NDArray[np.int64]
Codes = NDArray[np.int32]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

BLOCK = 1 << 18
# Where the median is not allowed, for the sake of a sensitive attribute, other quantiles may be.
SHARES = (1 / 2, 1 / 4, 3 / 4, 1 / 8, 7 / 8)
# A set of categories is one machine word up to this many.
WORD = 64


@dataclass(frozen=True, eq=False)
class Axis:
    """What the algorithm knows of a column beside the codes of its records.

    Attributes:
        n_codes: number of codes, that of a gap included.
        positions: where the codes lie on a line; None for categories.
        gap: code of missing values, above all others; -1 where there are none.
    """

    n_codes: int
    positions: Floats | None
    gap: int

    @cached_property
    def halves(self) -> Floats:
        """Halved positions, because the range of a column can be beyond the largest number; a gap is at 0."""
        return np.append(self.positions / 2, 0.0)

    @cached_property
    def half_span(self) -> float:
        """Half the width of the whole column; 1 where it has a single value."""
        return float(self.halves[-2] - self.halves[0]) or 1.0 if len(self.positions) else 1.0


@dataclass(frozen=True, eq=False)
class SensitiveCodes:
    """A sensitive attribute: the code of each item, how often each occurs, and whether codes are ordered."""

    codes: Codes
    overall: Integers
    ordered: bool


@dataclass(frozen=True, eq=False)
class Task:
    """What is asked for, the same for every class.

    Attributes:
        axes: one per quasi-identifier.
        sensitive: sensitive attributes, where the requirements ask for them.
        requirements: what each class must satisfy; the whole table does.
    """

    axes: tuple[Axis, ...]
    sensitive: tuple[SensitiveCodes, ...]
    requirements: Requirements


@dataclass(frozen=True, eq=False)
class Level:
    """Classes that may still be cut, one after the other in the arrays of their items.

    Attributes:
        items: number of each item in the whole table.
        columns: codes of the items, one array per quasi-identifier.
        weights: records that each item stands for; None where each is one.
        sensitive: codes of the items, one array per sensitive attribute.
        starts: where each class begins.
        places: where each class begins among all items of the table, finished classes included.
    """

    items: Integers
    columns: tuple[Codes, ...]
    weights: Integers | None
    sensitive: tuple[Codes, ...]
    starts: Integers
    places: Integers

    @property
    def lengths(self) -> Integers:
        """Items of each class."""
        return np.diff(self.starts, append=len(self.items))

    def sums(self) -> Integers:
        """Records of each class."""
        return self.lengths if self.weights is None else np.add.reduceat(self.weights, self.starts)

    def chosen(self, classes: Flags, of_items: Flags) -> Level:
        """Return the level without the classes that are not chosen."""
        if classes.all():
            return self
        lengths = self.lengths[classes]
        return Level(
            self.items[of_items],
            tuple(column[of_items] for column in self.columns),
            None if self.weights is None else self.weights[of_items],
            tuple(codes[of_items] for codes in self.sensitive),
            np.cumsum(lengths) - lengths,
            self.places[classes],
        )

    def halves(self) -> list[Level]:
        """Return two levels of about half the items each; the level itself where it is one class."""
        if len(self.starts) < 2:
            return [self]
        middle = int(np.clip(np.searchsorted(self.starts, len(self.items) // 2), 1, len(self.starts) - 1))
        at = int(self.starts[middle])
        return [self._part(0, middle, 0, at), self._part(middle, len(self.starts), at, len(self.items))]

    def _part(self, first: int, last: int, start: int, stop: int) -> Level:
        return Level(
            self.items[start:stop].copy(),
            tuple(column[start:stop].copy() for column in self.columns),
            None if self.weights is None else self.weights[start:stop].copy(),
            tuple(codes[start:stop].copy() for codes in self.sensitive),
            self.starts[first:last] - start,
            self.places[first:last],
        )


def split_to_classes(columns: Sequence[Codes], weights: Integers | None, task: Task) -> Integers:
    """Return the class of each item: cut as long as both halves satisfy the requirements.

    The column in which a class is widest, by its share of the whole column, is cut first, at the median or
    just below it, whichever gives halves nearer in size; then the other cut, then the next widest
    column; then, for the sake of sensitive attributes, at other quantiles. Where known values and gaps share
    a class, the cut between them comes before. Items with equal
    codes stay together, and the answer does not depend on the order of the items.

    Args:
        columns: codes of the items, one array per quasi-identifier, in the order in which they are cut.
        weights: records that each item stands for; None where each is one.
        task: what is asked for.

    Source: LeFevre et al., Mondrian multidimensional k-anonymity (2006), strict partitioning.
    """
    n = len(columns[0])
    place = np.zeros(n, dtype=np.int64)
    whole = Level(
        np.arange(n),
        tuple(columns),
        weights,
        tuple(attribute.codes for attribute in task.sensitive),
        np.zeros(1, dtype=np.int64),
        np.zeros(1, dtype=np.int64),
    )

    def carry_on(level: Level) -> list[Level]:
        """Cut until nothing is left to cut; hand back what has become too large for one block."""
        while len(level.starts):
            level = _next_level(level, place, task)
            if len(level.items) > BLOCK:
                return level.halves()
        return []

    _run(carry_on, whole)
    first = np.zeros(n, dtype=bool)
    first[place] = True
    return (np.cumsum(first) - 1)[place]


def _run(carry_on: Callable[[Level], list[Level]], whole: Level) -> None:
    """Call ``carry_on`` on the whole and on all that it hands back."""
    todo = carry_on(whole)
    if not todo:
        return
    with ThreadPoolExecutor(min(os.cpu_count() or 1, 8)) as pool:
        running = {pool.submit(carry_on, level) for level in todo}
        del todo, whole
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            running |= {pool.submit(carry_on, level) for future in done for level in future.result()}
            del done


def _next_level(level: Level, place: Integers, task: Task) -> Level:
    """Cut every class of a level once; write the place of those that cannot be cut any more."""
    lengths = level.lengths
    classes = np.repeat(np.arange(len(lengths)), lengths)
    sums = level.sums()
    column, cut = _find_cuts(level, classes, sums, task)
    found = column >= 0
    if not found.all():
        of_items = found[classes]
        place[level.items[~of_items]] = np.repeat(level.places[~found], lengths[~found])
        level = level.chosen(found, of_items)
        column, cut, lengths = column[found], cut[found], lengths[found]
        classes = np.repeat(np.arange(len(lengths)), lengths)
    if not len(lengths):
        return level
    upper = _take(level.columns, column, classes) > cut[classes]
    # Lower halves keep their order and come first; upper halves follow.
    ups = np.cumsum(upper)
    before = ups[level.starts] - upper[level.starts]
    n_upper = np.diff(before, append=ups[-1])
    n_lower = lengths - n_upper
    at = np.arange(len(upper))
    target = np.where(
        upper, (level.starts + n_lower - before)[classes] + ups - 1, at - (ups - before[classes])
    )
    source = np.empty_like(target)
    source[target] = at
    starts = np.column_stack([level.starts, level.starts + n_lower]).ravel()
    places = np.column_stack([level.places, level.places + n_lower]).ravel()
    moved = Level(
        level.items[source],
        tuple(codes[source] for codes in level.columns),
        None if level.weights is None else level.weights[source],
        tuple(codes[source] for codes in level.sensitive),
        starts,
        places,
    )
    large = moved.sums() >= 2 * task.requirements.k
    if large.all():
        return moved
    of_items = np.repeat(large, moved.lengths)
    place[moved.items[~of_items]] = np.repeat(places[~large], moved.lengths[~large])
    return moved.chosen(large, of_items)


def _find_cuts(level: Level, classes: Integers, sums: Integers, task: Task) -> tuple[Integers, Codes]:
    """Return for each class the column to cut, -1 for none, and the last code of its lower half."""
    axes, requirements = task.axes, task.requirements
    n = len(sums)
    widths, mixed = _widths(level, axes)
    by_width = np.argsort(-widths, axis=1, kind="stable")
    column = np.full(n, -1)
    cut = np.zeros(n, dtype=np.int32)
    gaps = np.array([axis.gap for axis in axes])
    # With k alone no cut is possible where the median and the one below it are not.
    shares = SHARES if requirements.needs_sensitive else SHARES[:1]
    for share, rank in itertools.product(shares, range(len(axes))):
        if rank == 0:
            pending = np.flatnonzero((sums >= 2 * requirements.k) & (column < 0))
        tried = by_width[pending, rank]
        # What has no width has nothing to cut, and neither have the columns that come after.
        wide = widths[pending, tried] > 0
        pending, tried = pending[wide], tried[wide]
        if not len(pending):
            continue
        part, number = level, classes
        if len(pending) < n:
            kept = np.zeros(n, dtype=bool)
            kept[pending] = True
            part = level.chosen(kept, kept[classes])
            number = np.repeat(np.arange(len(pending)), part.lengths)
        codes = _take(part.columns, tried, number)
        total = sums[pending]
        gap = np.where(mixed[pending, tried], gaps[tried], -1)
        candidates = _candidates(part, number, codes, gap, share)
        open_ = np.ones(len(pending), dtype=bool)
        for last, lower in candidates:
            allowed = open_ & (lower >= requirements.k) & (total - lower >= requirements.k)
            if requirements.needs_sensitive and allowed.any():
                allowed = _both_satisfy(part, number, codes > last[number], allowed, task)
            column[pending[allowed]] = tried[allowed]
            cut[pending[allowed]] = last[allowed]
            open_ &= ~allowed
            if not open_.any():
                break
        pending = pending[open_]
    return column, cut


def _widths(level: Level, axes: Sequence[Axis]) -> tuple[Floats, Flags]:
    """Return classes × columns: share of the whole column, and whether gaps and ordered values are mixed."""
    n = len(level.starts)
    widths, mixed = np.zeros((n, len(axes))), np.zeros((n, len(axes)), dtype=bool)
    for i, (axis, codes) in enumerate(zip(axes, level.columns, strict=True)):
        if axis.n_codes < 2:
            continue
        if axis.positions is None and axis.n_codes <= WORD:
            words = np.left_shift(np.uint64(1), codes.astype(np.uint64))
            held = np.bitwise_count(np.bitwise_or.reduceat(words, level.starts)).astype(float)
            widths[:, i] = (held - 1) / (axis.n_codes - 1)
            continue
        low = np.minimum.reduceat(codes, level.starts)
        high = np.maximum.reduceat(codes, level.starts)
        if axis.positions is None:
            # An upper bound: counting the categories of each class would need them sorted.
            widths[:, i] = (high - low) / (axis.n_codes - 1)
            continue
        mixed[:, i] = (high == axis.gap) & (low != axis.gap)
        share = (axis.halves[high] - axis.halves[low]) / axis.half_span
        widths[:, i] = np.where(mixed[:, i], 1.0, np.where(high > low, np.maximum(share, 1e-300), 0.0))
    return widths, mixed


def _take(columns: Sequence[Codes], column: Integers, classes: Integers) -> Codes:
    """Return for each item its code in the column of its class."""
    first = column[0]
    if (column == first).all():
        return columns[first]
    of_items = column.astype(np.int8 if len(columns) < 128 else np.int64)[classes]
    codes = np.empty(len(classes), dtype=np.int32)
    for i in np.unique(column):
        mine = of_items == i
        codes[mine] = columns[i][mine]
    return codes


def _candidates(
    level: Level, classes: Integers, codes: Codes, gap: Integers, share: float
) -> list[tuple[Codes, Integers]]:
    """Return cuts to try for each class, best first: last code of the lower half, and its records.

    ``gap`` is the code of missing values where they share a class with ordered values, else -1;
    ``share`` the share of the records that the lower half is to have, 0.5 for the median.
    """
    total = level.sums()
    rank = np.maximum(np.ceil(total * share).astype(np.int64), 1)
    median, below, upto = _quantiles(level, classes, codes, total, rank)
    at = np.abs(2 * upto - total)
    under = np.abs(2 * below - total)
    at_median = (median, upto)
    just_below = (median - 1, below)
    first = [np.where(at <= under, a, b) for a, b in zip(at_median, just_below, strict=True)]
    second = [np.where(at <= under, b, a) for a, b in zip(at_median, just_below, strict=True)]
    candidates = [(first[0], first[1]), (second[0], second[1])]
    if (gap >= 0).any():
        is_gap = codes == gap[classes]
        weights = is_gap.astype(np.int64) if level.weights is None else level.weights * is_gap
        known = total - np.add.reduceat(weights, level.starts)
        candidates.insert(0, ((gap - 1).astype(np.int32), np.where(gap >= 0, known, 0)))
    return candidates


def _quantiles(
    level: Level, classes: Integers, codes: Codes, total: Integers, rank: Integers
) -> tuple[Codes, Integers, Integers]:
    """Return the code of each class's record of ``rank``, the records below it, and those up to it."""
    ends = np.cumsum(total)
    begins = ends - total
    low = np.minimum.reduceat(codes, level.starts)
    spans = np.maximum.reduceat(codes, level.starts).astype(np.int64) - low + 1
    bins = int(spans.sum())
    if bins <= 2 * len(codes) + 1024:
        # One counter for each code of each class.
        base = np.cumsum(spans) - spans
        counts = np.bincount((base - low)[classes] + codes, level.weights, minlength=bins)
        running = np.cumsum(counts.astype(np.int64))
        found = np.searchsorted(running, begins + rank)
        upto = running[found] - begins
        below = upto - counts[found].astype(np.int64)
        return (found - base + low).astype(np.int32), below, upto
    keys = (classes << 32) | codes
    if level.weights is None:
        keys.sort()
        running = None
        found = level.starts + rank - 1
    else:
        order = np.argsort(keys)
        keys = keys[order]
        running = np.concatenate([[0], np.cumsum(level.weights[order])])
        found = np.searchsorted(running[1:], begins + rank)
    median = keys[found]
    first, last = np.searchsorted(keys, median), np.searchsorted(keys, median, side="right")
    if running is not None:
        first, last = running[first], running[last]
    return (median & 0x7FFFFFFF).astype(np.int32), first - begins, last - begins


def _both_satisfy(level: Level, classes: Integers, upper: Flags, wanted: Flags, task: Task) -> Flags:
    """Return which of the ``wanted`` classes satisfy the requirements in both halves, for every attribute."""
    satisfied = wanted.copy()
    half_of_item = 2 * classes + upper
    for held, attribute in zip(level.sensitive, task.sensitive, strict=True):
        kept = satisfied[classes]
        if not kept.any():
            break
        weights = None if level.weights is None else level.weights[kept]
        halves = np.flatnonzero(np.repeat(satisfied, 2))
        numbers = np.zeros(2 * len(satisfied), dtype=np.int64)
        numbers[halves] = np.arange(len(halves))
        histogram = class_histogram(
            numbers[half_of_item[kept]],
            held[kept],
            weights,
            overall=attribute.overall,
            n_classes=len(halves),
        )
        met = task.requirements.satisfied(histogram, ordered=attribute.ordered)
        satisfied[satisfied] = met.reshape(-1, 2).all(axis=1)
    return satisfied


def class_histogram(
    classes: Integers, values: Codes, weights: Integers | None, *, overall: Integers, n_classes: int
) -> ClassHistogram:
    """Return how often each sensitive value occurs in each class; every class has an item."""
    m = len(overall)
    keys = classes * m + values
    if n_classes * m <= 4 * len(keys) + 1024:
        counts = np.bincount(keys, weights, minlength=n_classes * m).astype(np.int64)
        pairs = np.flatnonzero(counts)
        counts = counts[pairs]
    else:
        pairs, inverse = np.unique(keys, return_inverse=True)
        counts = np.bincount(inverse, weights).astype(np.int64)
    return ClassHistogram(pairs // m, pairs % m, counts, overall)
