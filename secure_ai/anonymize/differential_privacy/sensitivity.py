"""How far one person can move an exact answer: the number that the noise is fitted to.

Proof, for every query: the rows that count are chosen person by person, by those persons' own rows alone
(a hash orders them), so adding or removing one person adds or removes at most ``m = max_rows_per_person``
rows. A row moves a count, or one cell of a table, by 1; a sum by at most the largest absolute value that its
bounds admit (from the middle of the bounds, for a mean); each score of a quantile by at most
``max(num, den - num)``. All in whole numbers: a sum counts in steps, a power of two, and each value is
rounded to a step before it is added, so the order of adding cannot matter.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from secure_ai.anonymize.differential_privacy.bounds import Bounds, PrivacyUnit
from secure_ai.anonymize.differential_privacy.queries import Mean, Quantile, Query, Sum

STEP_BITS = 30


@dataclass(frozen=True)
class Sensitivity:
    """What one person moves.

    Attributes:
        steps: by how many whole numbers. For tables this is the L1 distance, and the L2 distance where all
            rows of a person fall into one cell; for quantiles the largest change of a score.
        step: value of one whole number in the unit of the answer.
    """

    steps: int
    step: float = 1.0


def sensitivities(query: Query, unit: PrivacyUnit) -> tuple[Sensitivity, ...]:
    """Return the sensitivity of each part of an answer: of its only part, or of a mean's sum and count."""
    rows = unit.max_rows_per_person
    if isinstance(query, Quantile):
        num, den = query.fraction.numerator, query.fraction.denominator
        return (Sensitivity(rows * max(num, den - num)),)
    if not isinstance(query, Sum | Mean):
        return (Sensitivity(rows),)
    step = step_of(query)
    total = Sensitivity(rows * math.floor(_largest(query) / step + 0.5), step)
    if isinstance(query, Mean) and query.known_size is None:
        return total, Sensitivity(rows)
    return (total,)


def step_of(query: Sum | Mean) -> float:
    """Return the power of two in which a sum is counted: the largest value is about 2³⁰ steps."""
    return 2.0 ** (math.ceil(math.log2(_largest(query))) - STEP_BITS)


def origin_of(query: Sum | Mean) -> float:
    """Return the value that a sum is counted from: the middle of the bounds for a mean."""
    return middle(query.bounds) if isinstance(query, Mean) else 0.0


def middle(bounds: Bounds) -> float:
    """Return the value halfway between the bounds."""
    return bounds.low + (bounds.high - bounds.low) / 2


def _largest(query: Sum | Mean) -> float:
    origin = origin_of(query)
    return max(abs(query.bounds.low - origin), abs(query.bounds.high - origin))
