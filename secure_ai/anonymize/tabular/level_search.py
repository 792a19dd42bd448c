"""What each combination of levels makes of a table: classes, suppressed records and loss."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from secure_ai.anonymize.tabular.formulas import ClassHistogram, distinct_values
from secure_ai.anonymize.tabular.hierarchies import Hierarchy
from secure_ai.anonymize.tabular.lattice import Node
from secure_ai.anonymize.tabular.partitioning import (
    NO_CLASS,
    CodedColumn,
    Codes,
    Kind,
    Partitioning,
    group_widths,
)
from secure_ai.anonymize.tabular.released import Texts
from secure_ai.anonymize.tabular.requirements import ROUNDING, Requirements
from secure_ai.anonymize.tabular.rollup import GeneralizedClasses, LevelTables, SensitiveColumns, combined

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

METHOD = "Full-domain generalization"
# Equal losses must not differ by the order in which columns are added up.
DIGITS = 12
# Cells of the table in which growing groups of suppressed classes are looked at together.
TOGETHER = 1 << 22


class Loss(StrEnum):
    """What is made as small as possible.

    ``ncp``: mean width of a cell over that of its column (:mod:`~secure_ai.anonymize.tabular.loss`).
    ``precision``: mean level of a cell over the highest of its hierarchy (one less Sweeney's Prec).
    ``discernibility``: sum over records of how many cannot be told from them.
    ``average_class_size``: released records over classes.
    """

    NCP = "ncp"
    PRECISION = "precision"
    DISCERNIBILITY = "discernibility"
    AVERAGE_CLASS_SIZE = "average_class_size"


@dataclass(frozen=True)
class NodeOutcome:
    """One combination of levels that satisfies what is required.

    Attributes:
        levels: level of each quasi-identifier.
        loss: what it loses, by the measure that was chosen.
        suppressed_records: records that are suppressed.
        classes: classes that are released, without the suppressed records.
    """

    levels: Node
    loss: float
    suppressed_records: int
    classes: int


class LevelSearch:
    """The nodes of a lattice for one table; what was found out about a node is kept.

    Args:
        coded: the quasi-identifiers, with the code of each combination of values.
        hierarchies: the hierarchy of each.
        sensitive: the sensitive attributes, with the code of each combination.
        records: records of each combination.
        requirements: what every class satisfies.
        loss: what is to be small.
        limit: most records that may be suppressed.
    """

    def __init__(
        self,
        *,
        coded: Sequence[tuple[CodedColumn, Codes]],
        hierarchies: tuple[Hierarchy, ...],
        sensitive: Sequence[tuple[CodedColumn, Codes]],
        records: Integers,
        requirements: Requirements,
        loss: Loss,
        limit: int,
    ) -> None:
        self.columns = tuple(column for column, _ in coded)
        self.hierarchies = hierarchies
        self.requirements = requirements
        self.loss = loss
        self.limit = limit
        self.n = int(records.sum())
        self.groups = [_groups(column, tree) for column, tree in zip(self.columns, hierarchies, strict=True)]
        self.sensitive, combination = _sensitive(sensitive, records)
        codes = [codes for _, codes in coded]
        self.tables = LevelTables(self.groups, codes, combination, records, self.sensitive.n_combinations)
        self.costs: list[list[Floats]] = []
        self.whole: list[list[float]] = []
        if loss in {Loss.NCP, Loss.PRECISION}:
            self.costs = [
                [group_widths(column, group) for group in levels] if loss is Loss.NCP else _steps(levels)
                for column, levels in zip(self.columns, self.groups, strict=True)
            ]
            for column, levels, costs in zip(codes, self.groups, self.costs, strict=True):
                counts = np.bincount(column, weights=records, minlength=len(levels[0]))
                self.whole.append(
                    [
                        float(np.bincount(level, weights=counts, minlength=len(cost)) @ cost)
                        for level, cost in zip(levels, costs, strict=True)
                    ]
                )
        self.checked: set[Node] = set()
        self.seen: dict[Node, NodeOutcome | None] = {}

    def may_be_admissible(self, node: Node) -> bool:
        """Return whether ``node`` satisfies what is monotone: k and distinct ℓ, or everything."""
        classes = self.tables.at(node)
        self.checked.add(node)
        if not self.limit:
            return bool(self._met(classes).all())
        met = classes.sizes >= self.requirements.k
        if self.requirements.l is not None:
            for number in range(len(self.sensitive.values)):
                distinct = distinct_values(classes.histogram(self.sensitive, number))
                met &= distinct >= self.requirements.l - ROUNDING
        return int(classes.sizes[~met].sum()) <= self.limit

    def outcome(self, node: Node) -> NodeOutcome | None:
        """Return what ``node`` makes of the table, None where it is not admissible."""
        if node not in self.seen:
            self.checked.add(node)
            classes = self.tables.at(node)
            suppressed = self._suppressed(classes, self.limit)
            self.seen[node] = None if suppressed is None else self._outcome(node, classes, suppressed)
        return self.seen[node]

    def least_loss(self, node: Node) -> float:
        """Return what ``node`` loses at least: a suppressed record would only lose more."""
        if not self.whole:
            return -math.inf
        return self._mean(sum(whole[level] for whole, level in zip(self.whole, node, strict=True)))

    def partitioning(self, node: Node) -> Partitioning:
        """Return the classes at ``node``."""
        bottom = self.tables.at((0,) * len(node))
        codes = [column[bottom.starts] for column in bottom.codes]
        groups = [
            levels[level][column] for levels, level, column in zip(self.groups, node, codes, strict=True)
        ]
        # Both are numbered in the order of the groups' codes.
        classes, _ = combined(groups, [int(group.max()) + 1 for group in groups])
        suppressed = self._suppressed(self.tables.at(node), self.limit)
        number = np.where(suppressed, NO_CLASS, np.cumsum(~suppressed) - 1)
        return Partitioning(
            method=METHOD,
            requirements=self.requirements,
            columns=self.columns,
            codes=np.column_stack(codes).astype(np.int32),
            records=bottom.sizes,
            class_of_combination=number[classes],
            recoded=tuple(
                released_texts(column, hierarchy, level) if level else None
                for column, hierarchy, level in zip(self.columns, self.hierarchies, node, strict=True)
            ),
        )

    def _met(self, classes: GeneralizedClasses) -> Flags:
        met = classes.sizes >= self.requirements.k
        if self.requirements.needs_sensitive:
            for number, ordered in enumerate(self.sensitive.ordered):
                met &= self.requirements.satisfied(classes.histogram(self.sensitive, number), ordered=ordered)
        return met

    def _suppressed(self, classes: GeneralizedClasses, limit: int) -> Flags | None:
        """Return which classes are suppressed, None where no more than ``limit`` records cannot be enough."""
        suppressed = ~self._met(classes)
        records = int(classes.sizes[suppressed].sum())
        if records > limit or suppressed.all():
            return None
        if not records:
            return suppressed
        order = np.flatnonzero(~suppressed)
        order = order[np.argsort(classes.sizes[order], kind="stable")][:-1]
        totals = records + np.concatenate([[0], np.cumsum(classes.sizes[order])])
        enough = self._first_enough(
            classes, suppressed, order[: np.searchsorted(totals, limit, "right") - 1], totals
        )
        if enough is None:
            return None
        suppressed[order[:enough]] = True
        return suppressed

    def _first_enough(
        self, classes: GeneralizedClasses, suppressed: Flags, order: Integers, totals: Integers
    ) -> int | None:
        """Return how many classes of ``order`` must join the suppressed ones for a class that satisfies."""
        first = int(np.searchsorted(totals, self.requirements.k))
        if first > len(order):
            return None
        if not self.requirements.needs_sensitive:
            return first
        most = max(len(overall) for overall in self.sensitive.overall)
        together = max(1, min(256, TOGETHER // most))
        for start in range(first, len(order) + 1, together):
            stop = min(start + together, len(order) + 1)
            # The group that each class joins first, counted from ``start``.
            joins = np.full(len(suppressed), -1)
            joins[suppressed] = 0
            joins[order[:start]] = 0
            joins[order[start : stop - 1]] = np.arange(1, stop - start)
            met = np.ones(stop - start, dtype=bool)
            for number, ordered in enumerate(self.sensitive.ordered):
                histogram = self._growing(classes, joins, stop - start, number)
                met &= self.requirements.satisfied(histogram, ordered=ordered)
            if met.any():
                return start + int(np.argmax(met))
        return None

    def _growing(
        self, classes: GeneralizedClasses, joins: Integers, n_groups: int, number: int
    ) -> ClassHistogram:
        """Return the histogram of groups each of which holds the one before."""
        overall = self.sensitive.overall[number]
        join = joins[classes.classes]
        inside = join >= 0
        values = self.sensitive.values[number][classes.sensitive[inside]]
        counts = np.bincount(
            join[inside] * len(overall) + values,
            weights=classes.records[inside],
            minlength=n_groups * len(overall),
        )
        grown = counts.reshape(n_groups, len(overall)).cumsum(axis=0).astype(np.int64)
        groups, present = np.nonzero(grown)
        return ClassHistogram(groups, present, grown[groups, present], overall)

    def _outcome(self, node: Node, classes: GeneralizedClasses, suppressed: Flags) -> NodeOutcome:
        records = int(classes.sizes[suppressed].sum())
        kept = classes.sizes[~suppressed]
        match self.loss:
            case Loss.DISCERNIBILITY:
                kept = kept if self.n < 1 << 31 else kept.astype(float)
                loss = float(kept @ kept) + float(records) * self.n
            case Loss.AVERAGE_CLASS_SIZE:
                loss = (self.n - records) / len(kept)
            case _:
                loss = self._cell_loss(node, classes, suppressed, records)
        return NodeOutcome(node, loss, records, len(kept))

    def _cell_loss(self, node: Node, classes: GeneralizedClasses, suppressed: Flags, records: int) -> float:
        lost = sum(whole[level] for whole, level in zip(self.whole, node, strict=True))
        if records:
            pairs = suppressed[classes.classes]
            for codes, costs, level in zip(classes.codes, self.costs, node, strict=True):
                cost = costs[level]
                counts = np.bincount(codes[pairs], weights=classes.records[pairs], minlength=len(cost))
                lost += records - float(counts @ cost)
        return self._mean(lost)

    def _mean(self, lost: float) -> float:
        return round(lost / (self.n * len(self.columns)), DIGITS)


def _groups(column: CodedColumn, hierarchy: Hierarchy) -> list[Codes]:
    """Return the group of each code at each level."""
    places = _places(column, hierarchy)
    groups = [np.arange(column.n_codes, dtype=np.int32)]
    for level in range(1, hierarchy.height):
        # Numbered anew, because the hierarchy may have groups that the table does not.
        _, group = np.unique(hierarchy.nodes(level)[places], return_inverse=True)
        groups.append(group.astype(np.int32))
    return groups


def _places(column: CodedColumn, hierarchy: Hierarchy) -> Codes:
    texts: list[str | None] = [str(text) for text in column.texts[: len(column.values)]]
    return hierarchy.places(texts + [None] * column.has_missing, numeric=column.kind is Kind.NUMBER)


def released_texts(column: CodedColumn, hierarchy: Hierarchy, level: int) -> Texts:
    """Return what each code is released as at ``level``."""
    if level == 0:
        return column.texts
    texts = np.array([*hierarchy.levels[level], hierarchy.missing[level]], dtype=object)
    return texts[_places(column, hierarchy)]


def _steps(groups: Sequence[Codes]) -> list[Floats]:
    """Return for each level the share of the way to ``*``, for each group."""
    top = len(groups) - 1
    return [np.full(int(group.max()) + 1, level / top) for level, group in enumerate(groups)]


def _sensitive(
    coded: Sequence[tuple[CodedColumn, Codes]], records: Integers
) -> tuple[SensitiveColumns, Codes]:
    """Return the sensitive attributes, and the combination of their values in each row."""
    if not coded:
        return SensitiveColumns((), (), ()), np.zeros(len(records), dtype=np.int32)
    place, first = combined([codes for _, codes in coded], [column.n_codes for column, _ in coded])
    return SensitiveColumns(
        values=tuple(codes[first] for _, codes in coded),
        overall=tuple(
            np.bincount(codes, weights=records, minlength=column.n_codes).astype(np.int64)
            for column, codes in coded
        ),
        ordered=tuple(column.ordered for column, _ in coded),
    ), place.astype(np.int32)
