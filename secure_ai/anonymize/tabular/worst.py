"""The worst class of a table under every measure of a sensitive attribute, in one pass over histograms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from secure_ai.anonymize.tabular import formulas
from secure_ai.anonymize.tabular.formulas import ClassHistogram

ALPHA = "Wong et al., (alpha, k)-anonymity (2006)"
L_DIVERSITY = "Machanavajjhala et al., l-diversity: privacy beyond k-anonymity (2007)"
T_CLOSENESS = "Li et al., t-closeness: privacy beyond k-anonymity and l-diversity (2007)"
BETA_LIKENESS = "Cao & Karras, Publishing microdata with a robust privacy guarantee (2012)"
DELTA = "Brickell & Shmatikov, The cost of privacy (2008)"


@dataclass(frozen=True)
class Measure:
    """One measure of a class: its figure, unit and source, and whether the least figure is the worst."""

    name: str
    unit: str
    source: str
    figure: Callable[[ClassHistogram], NDArray]
    least_is_worst: bool = False


@dataclass(frozen=True)
class WorstClass:
    """The worst figure of a measure over all classes, and where it is.

    Attributes:
        value: the figure.
        size: records of the class.
        index: row of the class in ``summarize(source, quasi_identifiers)``; the first of equals. It says
            which class it is, but not who is in it.
    """

    value: float
    size: int
    index: int


def measures(ordered: bool, recursive_l: Sequence[int]) -> tuple[Measure, ...]:
    """Return all measures of a sensitive attribute, with ordered or equal distances for t."""
    return (
        Measure("alpha", "share of a class", ALPHA, formulas.most_frequent_share),
        Measure("distinct_l", "values", L_DIVERSITY, formulas.distinct_values, least_is_worst=True),
        Measure("entropy_l", "values", L_DIVERSITY, formulas.entropy_diversity, least_is_worst=True),
        *(
            Measure(f"recursive_c_l{least}", "ratio", L_DIVERSITY, partial(formulas.recursive_ratio, l=least))
            for least in recursive_l
        ),
        Measure(
            "t", "distance", T_CLOSENESS, formulas.ordered_distance if ordered else formulas.equal_distance
        ),
        Measure("basic_beta", "relative gain", BETA_LIKENESS, formulas.basic_beta),
        Measure("enhanced_beta", "relative gain", BETA_LIKENESS, formulas.capped_beta),
        Measure("enhanced_beta_strict", "relative gain", BETA_LIKENESS, formulas.enhanced_beta),
        Measure("delta", "natural logarithm of a ratio", DELTA, formulas.disclosure_of_present),
        Measure("delta_strict", "natural logarithm of a ratio", DELTA, formulas.disclosure),
    )


def whole_table(overall: NDArray[np.int64]) -> ClassHistogram:
    """Return the table as one class: what is known without any quasi-identifier."""
    values = np.flatnonzero(overall)
    return ClassHistogram(np.zeros(len(values), np.int64), values, overall[values], overall)


@dataclass
class WorstClasses:
    """Worst classes so far; histograms are added in the order of the classes.

    Attributes:
        measures: what is measured.
        sizes: size → how many classes have it.
        classes: classes seen.
        worst: measure → its worst class among those of several values.
    """

    measures: tuple[Measure, ...]
    overall: NDArray[np.int64]
    sizes: dict[int, int] = field(default_factory=dict)
    classes: int = 0
    worst: dict[str, WorstClass] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Classes of a single value differ only in that value: the first of each stands for all of them.
        self._first = np.full(len(self.overall), -1, np.int64)
        self._size = np.zeros(len(self.overall), np.int64)

    def add(self, histogram: ClassHistogram) -> None:
        """Take the next classes in."""
        sizes, starts = histogram.sizes, histogram.starts
        for size, classes in zip(*np.unique(sizes, return_counts=True), strict=True):
            self.sizes[int(size)] = self.sizes.get(int(size), 0) + int(classes)
        single = formulas.distinct_values(histogram) == 1
        alone = np.flatnonzero(single)
        values, first = np.unique(histogram.values[starts[alone]], return_index=True)
        new = self._first[values] < 0
        self._first[values[new]] = self.classes + alone[first[new]]
        self._size[values[new]] = sizes[alone[first[new]]]
        mixed = np.flatnonzero(~single)
        if len(mixed):
            kept = ~single[histogram.classes]
            numbers = np.cumsum(~single) - 1
            part = ClassHistogram(
                numbers[histogram.classes[kept]], histogram.values[kept], histogram.counts[kept], self.overall
            )
            self._compare(self.worst, part, self.classes + mixed, part.sizes)
        self.classes += len(sizes)

    def found(self) -> dict[str, WorstClass]:
        """Return measure → its worst class of all."""
        values = np.flatnonzero(self._first >= 0)
        worst = dict(self.worst)
        if len(values):
            ones = np.ones(len(values), np.int64)
            part = ClassHistogram(np.arange(len(values)), values, ones, self.overall)
            self._compare(worst, part, self._first[values], self._size[values])
        return {measure.name: worst[measure.name] for measure in self.measures}

    def _compare(
        self,
        worst: dict[str, WorstClass],
        histogram: ClassHistogram,
        numbers: NDArray[np.int64],
        sizes: NDArray[np.int64],
    ) -> None:
        for measure in self.measures:
            figures = measure.figure(histogram)
            extreme = figures.min() if measure.least_is_worst else figures.max()
            among = np.flatnonzero(figures == extreme)
            at = among[np.argmin(numbers[among])]
            candidate = WorstClass(float(extreme), int(sizes[at]), int(numbers[at]))
            sign = 1 if measure.least_is_worst else -1
            old = worst.get(measure.name)
            if old is None or (sign * candidate.value, candidate.index) < (sign * old.value, old.index):
                worst[measure.name] = candidate
