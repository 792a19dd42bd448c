"""Formulas of one class agree with the examples that their papers print."""

from __future__ import annotations

import math

import numpy as np
import pytest

from secure_ai.anonymize.tabular import formulas
from secure_ai.anonymize.tabular.formulas import ClassHistogram


def histogram(*classes: dict[int, int], values: int) -> ClassHistogram:
    """Classes given as code of a value → records."""
    overall = np.zeros(values, np.int64)
    rows = [(i, value, held[value]) for i, held in enumerate(classes) for value in sorted(held)]
    numbers, codes, counts = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    np.add.at(overall, codes, counts)
    return ClassHistogram(numbers, codes, counts, overall)


def test_ordered_distances_of_the_salaries_are_those_of_li_et_al() -> None:
    # Section 4.3: salaries 3k ... 11k; {3k, 4k, 5k} is 0.375 from the table, {6k, 8k, 11k} is 0.167.
    salaries = histogram({0: 1, 1: 1, 2: 1}, {3: 1, 5: 1, 8: 1}, {4: 1, 6: 1, 7: 1}, values=9)
    assert formulas.ordered_distance(salaries)[:2] == pytest.approx([0.375, 1 / 6], abs=1e-9)


def test_equal_distance_is_the_share_that_must_move() -> None:
    found = formulas.equal_distance(histogram({0: 2}, {1: 1, 2: 1}, values=3))
    assert found == pytest.approx([0.5, 0.5])


def test_entropy_diversity_of_equally_frequent_values_is_their_number() -> None:
    found = formulas.entropy_diversity(histogram({0: 4, 1: 4, 2: 4}, {0: 3}, {1: 3, 2: 1}, values=3))
    assert found == pytest.approx([3.0, 1.0, math.exp(0.75 * math.log(4 / 3) + 0.25 * math.log(4))])


def test_recursive_diversity_follows_the_sorted_counts() -> None:
    found = histogram({0: 5, 1: 3, 2: 2}, {0: 1}, values=3)
    assert formulas.recursive_ratio(found, 2).tolist() == [1.0, math.inf]
    assert formulas.recursive_ratio(found, 3).tolist() == [2.5, math.inf]
    assert formulas.recursive_ratio(found, 1).tolist() == [0.5, 1.0]


def test_likeness_and_disclosure_compare_shares_with_those_of_the_table() -> None:
    found = histogram({0: 3, 1: 1}, {0: 1, 1: 3}, {1: 4}, values=2)  # the table: 1/3 and 2/3
    assert formulas.basic_beta(found) == pytest.approx([1.25, 0.125, 0.5])
    # A gain of 1.25 is above -ln(1/3), and one of 0.5 above -ln(2/3): no beta admits either class.
    assert formulas.enhanced_beta(found).tolist() == pytest.approx([math.inf, 0.125, math.inf])
    assert formulas.capped_beta(found) == pytest.approx([math.log(3), 0.125, 0.5])
    assert formulas.disclosure_of_present(found) == pytest.approx(
        [math.log(8 / 3), math.log(4 / 3), math.log(3 / 2)]
    )
    assert formulas.disclosure(found).tolist() == pytest.approx([math.log(8 / 3), math.log(4 / 3), math.inf])
