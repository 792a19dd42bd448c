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
from secure_ai.anonymize.tabular.quantiles import Lists, candidates
from secure_ai.anonymize.tabular.requirements import Requirements

Integers = NDArray[np.int64]
Codes = NDArray[np.int32]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

BLOCK = 1 << 17
# Where the median is not allowed, for the sake of a sensitive attribute, other quantiles may be.
SHARES = (1 / 2, 1 / 4, 3 / 4, 1 / 8, 7 / 8)
# A set of categories is one machine word up to this many.
WORD = 64
SINGLE = np.left_shift(np.uint64(1), np.arange(WORD, dtype=np.uint64))


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
        columns: codes of the items, quasi-identifiers × items.
        weights: records that each item stands for; None where each is one.
        sensitive: codes of the items, one array per sensitive attribute.
        lengths: items of each class.
        sums: records of each class.
        places: where each class begins among all items of the table, finished classes included.
    """

    items: Codes
    columns: Codes
    weights: Integers | None
    sensitive: tuple[Codes, ...]
    lengths: Integers
    sums: Integers
    places: Integers

    @cached_property
    def starts(self) -> Integers:
        """Where each class begins."""
        return np.cumsum(self.lengths) - self.lengths

    def codes(self, column: Integers, classes: Integers, items: Integers | None) -> Codes:
        """Return the codes of ``classes``, each in a column of its own; ``items`` are their places."""
        first = column[0]
        if (column == first).all():
            return self.columns[first] if items is None else self.columns[first].take(items)
        n = self.columns.shape[1]
        at = np.repeat(column * n, self.lengths[classes])
        at += np.arange(n) if items is None else items
        return self.columns.ravel().take(at)

    def halves(self) -> list[Level]:
        """Return two levels of about half the items each; the level itself where it is one class."""
        if len(self.lengths) < 2:
            return [self]
        middle = int(np.clip(np.searchsorted(self.starts, len(self.items) // 2), 1, len(self.lengths) - 1))
        at = int(self.starts[middle])
        return [self._part(slice(middle), slice(at)), self._part(slice(middle, None), slice(at, None))]

    def _part(self, classes: slice, items: slice) -> Level:
        return Level(
            self.items[items].copy(),
            self.columns[:, items].copy(),
            None if self.weights is None else self.weights[items].copy(),
            tuple(codes[items].copy() for codes in self.sensitive),
            self.lengths[classes],
            self.sums[classes],
            self.places[classes],
        )


def split_to_classes(columns: Codes, weights: Integers | None, task: Task) -> Integers:
    """Return the class of each item: cut as long as both halves satisfy the requirements.

    The column in which a class is widest, by its share of the whole column, is cut first, at the median or
    just below it, whichever gives halves nearer in size; then the other cut, then the next widest
    column; then, for the sake of sensitive attributes, at other quantiles. Where known values and gaps share
    a class, the cut between them comes before. Items with equal
    codes stay together, and the answer does not depend on the order of the items.

    Args:
        columns: codes of the items in the order in which they are cut, quasi-identifiers × items.
        weights: records that each item stands for; None where each is one.
        task: what is asked for.

    Source: LeFevre et al., Mondrian multidimensional k-anonymity (2006), strict partitioning.
    """
    n = columns.shape[1]
    place = np.zeros(n, dtype=np.int32)
    whole = Level(
        np.arange(n, dtype=np.int32),
        np.ascontiguousarray(columns),
        weights,
        tuple(attribute.codes for attribute in task.sensitive),
        np.array([n]),
        np.array([n if weights is None else int(weights.sum())]),
        np.zeros(1, dtype=np.int64),
    )

    def carry_on(level: Level) -> list[Level]:
        """Cut until nothing is left to cut; hand back what has become too large for one block."""
        while len(level.lengths):
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


def _next_level(level: Level, place: Codes, task: Task) -> Level:
    """Cut every class of a level once; write the place of those that cannot be cut any more.

    Lower halves come first, then upper halves, so that moving the items is two searches and a copy.
    """
    lengths, enough = level.lengths, 2 * task.requirements.k
    column, cut, lower = _find_cuts(level, task)
    found = column >= 0
    upper = level.codes(np.maximum(column, 0), np.arange(len(lengths)), None) > np.repeat(cut, lengths)
    n_lower = (
        lower if level.weights is None else lengths - np.add.reduceat(upper, level.starts, dtype=np.int64)
    )
    places = (level.places, level.places + np.where(found, n_lower, 0))
    sums = (lower, level.sums - lower)
    halves = (n_lower, lengths - n_lower)
    goes_on = (found & (sums[0] >= enough), found & (sums[1] >= enough))
    kept = []
    of_done = np.ones(len(upper), dtype=bool)
    for half, classes in zip((~upper, upper), goes_on, strict=True):
        flags = half if classes.all() else half & np.repeat(classes, lengths)
        of_done ^= flags
        kept.append(np.flatnonzero(flags))
    done = np.flatnonzero(of_done)
    if len(done):
        # A class that was not cut has one place for all its items.
        at = np.where(upper[done], *(np.repeat(p.astype(np.int32), lengths)[done] for p in places[::-1]))
        place[level.items[done]] = at
    source = np.concatenate(kept)
    return Level(
        level.items.take(source),
        level.columns.take(source, axis=1),
        None if level.weights is None else level.weights.take(source),
        tuple(codes.take(source) for codes in level.sensitive),
        *(
            np.concatenate([values[classes] for values, classes in zip(pair, goes_on, strict=True)])
            for pair in (halves, sums, places)
        ),
    )


def _find_cuts(level: Level, task: Task) -> tuple[Integers, Codes, Integers]:
    """Return for each class the column to cut, -1 for none, the last code of its lower half, its records."""
    axes, requirements, sums = task.axes, task.requirements, level.sums
    n = len(sums)
    widths, mixed = _widths(level, axes)
    by_width = np.argsort(-widths, axis=1, kind="stable")
    column = np.full(n, -1)
    cut = np.zeros(n, dtype=np.int32)
    records = np.zeros(n, dtype=np.int64)
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
        lengths, items, total = level.lengths[pending], None, sums[pending]
        if len(pending) < n:
            some = np.zeros(n, dtype=bool)
            some[pending] = True
            items = np.flatnonzero(np.repeat(some, level.lengths))
        weights = level.weights if level.weights is None or items is None else level.weights.take(items)
        lists = Lists(level.codes(tried, pending, items), weights, lengths)
        gap = np.where(mixed[pending, tried], gaps[tried], -1)
        open_ = np.ones(len(pending), dtype=bool)
        for last, lower in candidates(lists, total, gap, share):
            allowed = open_ & (lower >= requirements.k) & (total - lower >= requirements.k)
            if requirements.needs_sensitive and allowed.any():
                held = [of if items is None else of.take(items) for of in level.sensitive]
                upper = lists.codes > np.repeat(last, lengths)
                halves = 2 * np.repeat(np.arange(len(pending)), lengths) + upper
                allowed = _both_satisfy(held, weights, halves, allowed, task)
            chosen = pending[allowed]
            column[chosen], cut[chosen], records[chosen] = tried[allowed], last[allowed], lower[allowed]
            open_ &= ~allowed
            if not open_.any():
                break
        pending = pending[open_]
    return column, cut, records


def _widths(level: Level, axes: Sequence[Axis]) -> tuple[Floats, Flags]:
    """Return classes × columns: share of the whole column, and whether gaps and ordered values are mixed."""
    n = len(level.lengths)
    widths, mixed = np.zeros((n, len(axes))), np.zeros((n, len(axes)), dtype=bool)
    for i, (axis, codes) in enumerate(zip(axes, level.columns, strict=True)):
        if axis.n_codes < 2:
            continue
        if axis.positions is None and axis.n_codes <= WORD:
            words = SINGLE[codes]
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


def _both_satisfy(
    sensitive: Sequence[Codes], weights: Integers | None, half_of_item: Integers, wanted: Flags, task: Task
) -> Flags:
    """Return which of the ``wanted`` classes satisfy the requirements in both halves, for every attribute.

    Items of class c are in half 2c or 2c + 1.
    """
    satisfied = wanted.copy()
    for held, attribute in zip(sensitive, task.sensitive, strict=True):
        kept = np.repeat(satisfied, 2)[half_of_item]
        if not kept.any():
            break
        halves = np.flatnonzero(np.repeat(satisfied, 2))
        numbers = np.zeros(2 * len(satisfied), dtype=np.int64)
        numbers[halves] = np.arange(len(halves))
        histogram = class_histogram(
            numbers[half_of_item[kept]],
            held[kept],
            None if weights is None else weights[kept],
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
