"""What one equivalence class gives away about a sensitive attribute: ℓ, α, t, β and δ, class by class.

Every figure comes from one summary, :class:`ClassHistogram`: how often each sensitive value occurs in each
class. DuckDB, Dask and the partitioning algorithms make that summary in their own ways, and the formulas
stand here once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ClassHistogram:
    """Counts of sensitive values by equivalence class, without the pairs that do not occur.

    Attributes:
        classes: class of each pair, 0 to ``n_classes - 1``, ascending; every class occurs.
        values: code of the sensitive value of each pair, ascending within a class; the order of the codes
            is the order of the values where the attribute is ordered.
        counts: records of each pair, at least 1.
        overall: records with each value in the whole table, by code.
    """

    classes: Integers
    values: Integers
    counts: Integers
    overall: Integers

    @cached_property
    def starts(self) -> Integers:
        """Index of the first pair of each class."""
        return np.flatnonzero(np.diff(self.classes, prepend=-1))

    @cached_property
    def sizes(self) -> Integers:
        """Records of each class."""
        return np.add.reduceat(self.counts, self.starts)

    @cached_property
    def shares(self) -> Floats:
        """Share of each pair in its class."""
        return self.counts / self.sizes[self.classes]

    @cached_property
    def overall_shares(self) -> Floats:
        """Share of each value in the whole table."""
        return self.overall / self.overall.sum()


def most_frequent_share(histogram: ClassHistogram) -> Floats:
    """Return α of each class: the share of its most frequent sensitive value.

    Source: Wong et al., (α,k)-anonymity (2006).
    """
    return np.maximum.reduceat(histogram.shares, histogram.starts)


def distinct_values(histogram: ClassHistogram) -> Integers:
    """Return distinct ℓ of each class: how many sensitive values it holds.

    Source: Machanavajjhala et al., ℓ-diversity (2007).
    """
    return np.diff(histogram.starts, append=len(histogram.classes))


def entropy_diversity(histogram: ClassHistogram) -> Floats:
    """Return entropy ℓ of each class: the exponential of the entropy of its sensitive values.

    Source: Machanavajjhala et al., ℓ-diversity (2007), definition 4.1.
    """
    shares = histogram.shares
    return np.exp(-np.add.reduceat(shares * np.log(shares), histogram.starts))


def recursive_ratio(histogram: ClassHistogram, l: int) -> Floats:  # noqa: E741
    """Return r₁ / (rₗ + … + rₘ) of each class; it is recursively (c,ℓ)-diverse where that is below c.

    With r₁ ≥ … ≥ rₘ the counts of its m sensitive values. Infinite where there are fewer than ``l`` values.

    Source: Machanavajjhala et al., ℓ-diversity (2007), definition 4.2.
    """
    order = np.lexsort((-histogram.counts, histogram.classes))
    counts = histogram.counts[order]
    rank = np.arange(len(counts)) - histogram.starts[histogram.classes]
    rest = np.add.reduceat(np.where(rank >= l - 1, counts, 0), histogram.starts)
    with np.errstate(divide="ignore"):
        return counts[histogram.starts] / rest


def equal_distance(histogram: ClassHistogram) -> Floats:
    """Return t of each class where all values are equally far apart: half the sum of all differences.

    Source: Li et al., t-closeness (2007), equal distance.
    """
    expected = histogram.overall_shares[histogram.values]
    present = np.add.reduceat(np.abs(histogram.shares - expected) - expected, histogram.starts)
    # Values that the class does not hold differ by their whole share.
    return np.clip(0.5 * (present + 1.0), 0.0, 1.0)


def ordered_distance(histogram: ClassHistogram) -> Floats:
    """Return t of each class where values are ordered: the earth mover's distance over their ranks.

    Source: Li et al., t-closeness (2007), ordered distance.
    """
    m = len(histogram.overall)
    if m < 2:
        return np.zeros(len(histogram.starts))
    q = np.cumsum(histogram.overall_shares)[:-1]
    sums = np.concatenate([[0.0], np.cumsum(q)])
    counts = np.cumsum(histogram.counts)
    before = (counts[histogram.starts] - histogram.counts[histogram.starts])[histogram.classes]
    p = (counts - before) / histogram.sizes[histogram.classes]
    last = np.append(histogram.starts[1:], len(counts)) - 1
    # Between a value and the next one of its class the cumulated share p stays, while q climbs.
    start = np.minimum(histogram.values, m - 1)
    end = np.append(histogram.values[1:], m - 1)
    end[last] = m - 1
    crossing = np.clip(np.searchsorted(q, p), start, end)
    below = p * (crossing - start) - (sums[crossing] - sums[start])
    above = (sums[end] - sums[crossing]) - p * (end - crossing)
    first = sums[histogram.values[histogram.starts]]
    return (np.add.reduceat(below + above, histogram.starts) + first) / (m - 1)


def basic_beta(histogram: ClassHistogram) -> Floats:
    """Return basic β of each class: the largest relative gain of a value's share over the whole table.

    Source: Cao & Karras, Publishing microdata with a robust privacy guarantee (2012).
    """
    expected = histogram.overall_shares[histogram.values]
    return np.maximum.reduceat((histogram.shares - expected) / expected, histogram.starts)


def enhanced_beta(histogram: ClassHistogram) -> Floats:
    """Return the smallest β with which each class is enhanced β-like: each gain ≤ min(β, −ln q).

    Infinite where a gain is above −ln q of its value, since no β admits that.

    Source: Cao & Karras (2012), enhanced β-likeness.
    """
    expected = histogram.overall_shares[histogram.values]
    gain = (histogram.shares - expected) / expected
    gain = np.where(gain > -np.log(expected) + 1e-12, np.inf, gain)
    return np.maximum.reduceat(gain, histogram.starts)


def capped_beta(histogram: ClassHistogram) -> Floats:
    """Return the smaller of basic β and −ln q of the rarest value of the table: always finite.

    This is the figure that pyCANON prints as enhanced β. It lies below :func:`enhanced_beta` where a value
    gains more than its own −ln q: such a class is enhanced β-like for no β, and the cap hides that.
    """
    present = histogram.overall_shares[histogram.overall > 0]
    return np.minimum(basic_beta(histogram), -np.log(present.min()))


def disclosure(histogram: ClassHistogram) -> Floats:
    """Return δ of each class: the largest |ln(p/q)| over all values of the table.

    Infinite where the class lacks a value of the table: its absence is a certainty.

    Source: Brickell & Shmatikov, The cost of privacy (2008).
    """
    complete = distinct_values(histogram) == np.count_nonzero(histogram.overall)
    return np.where(complete, disclosure_of_present(histogram), np.inf)


def disclosure_of_present(histogram: ClassHistogram) -> Floats:
    """Return the largest |ln(p/q)| of each class over the values that it holds: always finite.

    This is the figure that pyCANON prints as δ; it passes over what a class lacks.
    """
    expected = histogram.overall_shares[histogram.values]
    return np.maximum.reduceat(np.abs(np.log(histogram.shares / expected)), histogram.starts)
