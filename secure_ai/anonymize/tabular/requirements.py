"""What a table must satisfy before it is shared: k, and for sensitive attributes ℓ, t, α and β."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from secure_ai.anonymize.tabular import formulas
from secure_ai.anonymize.tabular.formulas import ClassHistogram
from secure_ai.core import UserError
from secure_ai.core.sources import Source, shown

# A class at exactly t, α or β satisfies it, whatever the last bit of the division.
ROUNDING = 1e-9


class Diversity(StrEnum):
    """How ℓ is counted."""

    DISTINCT = "distinct"
    ENTROPY = "entropy"
    RECURSIVE = "recursive"


@dataclass(frozen=True)
class Requirements:
    """What every equivalence class of a released table satisfies.

    Attributes:
        k: least number of records in a class.
        l: ℓ of each sensitive attribute, or None.
        diversity: how ℓ is counted.
        c: for recursive (c,ℓ)-diversity: r₁ < c·(rₗ + … + rₘ).
        t: largest distance of a class's distribution from the table's, or None.
        alpha: largest share of one sensitive value in a class, or None.
        beta: largest gain in the share of a value (enhanced β-likeness), or None.

    Raises:
        UserError: if a figure is not in its range, or ``c`` and ``diversity`` do not fit.
    """

    k: int
    l: float | None = None  # noqa: E741
    diversity: Diversity = Diversity.DISTINCT
    c: float | None = None
    t: float | None = None
    alpha: float | None = None
    beta: float | None = None

    def __post_init__(self) -> None:
        if isinstance(self.k, bool) or not isinstance(self.k, int | np.integer) or self.k < 1:
            raise UserError(f"k must be a whole number of at least 1, not {self.k}: 5 to 20 are usual.")
        if self.diversity not in list(Diversity):
            raise UserError(
                f"The diversity '{self.diversity}' is not known: choose distinct, entropy or recursive."
            )
        # A plain 'recursive', as a command line gives it, is the member of that name.
        object.__setattr__(self, "diversity", Diversity(self.diversity))
        _check("l", self.l, 1, math.inf, "2 to 5 are usual")
        _check("t", self.t, 0, 1, "0.1 to 0.3 are usual")
        _check("alpha", self.alpha, 0, 1, "0.5 lets no value be more than half of a class")
        _check("beta", self.beta, 0, math.inf, "1 lets the share of a value double")
        _check("c", self.c, 0, math.inf, "2 to 4 are usual")
        whole = self.diversity is not Diversity.ENTROPY
        if self.l is not None and whole and self.l != int(self.l):
            raise UserError(f"l must be a whole number for {self.diversity} diversity, not {self.l}.")
        if (self.diversity is Diversity.RECURSIVE) != (self.c is not None):
            raise UserError("Recursive diversity needs c, and only it: give both, or neither.")
        if self.diversity is not Diversity.DISTINCT and self.l is None:
            raise UserError(f"The diversity '{self.diversity}' needs l: give it.")

    @property
    def needs_sensitive(self) -> bool:
        """Whether anything but k is required."""
        return any(figure is not None for figure in (self.l, self.t, self.alpha, self.beta))

    def satisfied(self, histogram: ClassHistogram, *, ordered: bool) -> NDArray[np.bool_]:
        """Return for each class whether it satisfies everything, for one sensitive attribute.

        Args:
            histogram: sensitive values by class.
            ordered: whether the sensitive attribute is ordered (numbers, dates): t is then over ranks.
        """
        met = histogram.sizes >= self.k
        if self.l is not None:
            match self.diversity:
                case Diversity.DISTINCT:
                    met &= formulas.distinct_values(histogram) >= self.l
                case Diversity.ENTROPY:
                    met &= formulas.entropy_diversity(histogram) >= self.l - ROUNDING
                case Diversity.RECURSIVE:
                    met &= formulas.recursive_ratio(histogram, int(self.l)) < self.c
        if self.t is not None:
            distance = formulas.ordered_distance if ordered else formulas.equal_distance
            met &= distance(histogram) <= self.t + ROUNDING
        if self.alpha is not None:
            met &= formulas.most_frequent_share(histogram) <= self.alpha + ROUNDING
        if self.beta is not None:
            met &= formulas.enhanced_beta(histogram) <= self.beta + ROUNDING
        return met

    def describe(self) -> str:
        """Return the requirements in one line, as a report shows them."""
        parts = [f"k={self.k}"]
        if self.l is not None:
            c = f", c={self.c:g}" if self.c is not None else ""
            parts.append(f"l={self.l:g} ({self.diversity}{c})")
        parts += [
            f"{name}={figure:g}"
            for name, figure in (("t", self.t), ("alpha", self.alpha), ("beta", self.beta))
            if figure is not None
        ]
        return ", ".join(parts)


def checked_roles(
    source: Source, quasi_identifiers: Sequence[str], sensitive: Sequence[str], requirements: Requirements
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return quasi-identifiers and sensitive attributes without repetitions, after checking that they fit.

    Raises:
        UserError: if there is no quasi-identifier, a column is missing or has both roles, ℓ, t, α or β
            have no sensitive attribute, or there are fewer than k records.
    """
    from secure_ai.anonymize.tabular.classes import checked_columns

    columns = tuple(checked_columns(source, quasi_identifiers))
    attributes = tuple(dict.fromkeys([sensitive] if isinstance(sensitive, str) else sensitive))
    source.require(attributes)
    both = next((name for name in attributes if name in columns), None)
    if both is not None:
        raise UserError(
            f"'{shown(both)}' is named as quasi-identifier and as sensitive attribute: choose one of the two."
        )
    if requirements.needs_sensitive and not attributes:
        raise UserError(
            f"{requirements.describe()} is about a sensitive attribute, and none is named: name one."
        )
    n = source.n_rows
    if n < requirements.k:
        raise UserError(f"{source.label} has {n} records, fewer than k={requirements.k}: choose a smaller k.")
    return columns, attributes


def _check(name: str, value: float | None, low: float, high: float, usual: str) -> None:
    if value is None:
        return
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float | np.number)
        or not (low <= value <= high and value < math.inf)
    ):
        limits = f"from {low:g} to {high:g}" if math.isfinite(high) else f"of at least {low:g}"
        raise UserError(f"{name} must be a number {limits}, not {value}: {usual}.")
