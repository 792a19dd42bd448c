"""Information loss: formulas against figures worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secure_ai.anonymize.tabular.loss import (
    discernibility,
    information_loss,
    share_of_categories,
    share_of_range,
)


def test_a_numeric_cell_costs_its_width_over_that_of_the_column():
    assert share_of_range([20, 20, 17], [30, 20, 90], 17, 90).tolist() == pytest.approx([10 / 73, 0, 1])


def test_a_categorical_cell_costs_its_categories_less_one():
    assert share_of_categories([1, 2, 5], 5).tolist() == [0, 0.25, 1]


def test_a_column_with_one_value_loses_nothing():
    assert share_of_range([5, 5], [5, 5], 5, 5).tolist() == [0, 0]
    assert share_of_categories([1, 1], 1).tolist() == [0, 0]


def test_the_range_of_a_column_may_exceed_the_largest_number():
    assert share_of_range([-1.7e308, 0], [1.7e308, 0], -1.7e308, 1.7e308).tolist() == [1, 0]


def test_discernibility_counts_a_suppressed_record_against_the_whole_table():
    assert discernibility([3, 2]) == 13
    assert discernibility([3, 2], suppressed=1) == 13 + 6
    assert discernibility([10**10]) == 10**20


def test_ncp_is_the_mean_over_cells_not_over_classes():
    loss = information_loss([[1.0, 0.0], [0.0, 0.5]], [3, 1], ["age", "sex"], k=1)
    assert loss.by_column == pytest.approx({"age": 3 / 4, "sex": 1 / 8})
    assert loss.ncp == pytest.approx((3 * 1 + 1 * 0.5) / 8)
    assert loss.average_class_size == 2 and loss.normalized_class_size == 2


def test_suppressed_records_count_as_fully_generalized():
    loss = information_loss([[0.0]], [4], ["age"], k=2, suppressed=1)
    assert loss.ncp == pytest.approx(1 / 5)
    assert loss.records == 5 and loss.normalized_class_size == 2
    assert "1 of 5 records were left out" in loss.sentence()


def test_a_table_of_which_nothing_is_released_lost_everything():
    loss = information_loss(np.empty((0, 2)), [], ["age", "sex"], k=5, suppressed=3)
    assert loss.ncp == 1 and loss.discernibility == 9 and loss.average_class_size == 0


@given(
    st.lists(st.tuples(st.integers(1, 50), st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=30),
    st.integers(0, 20),
)
def test_loss_is_a_share_and_grows_with_suppression(classes, suppressed):
    sizes = [size for size, *_ in classes]
    widths = [list(cells) for _, *cells in classes]
    without = information_loss(widths, sizes, ["a", "b"], k=1)
    loss = information_loss(widths, sizes, ["a", "b"], k=1, suppressed=suppressed)
    assert -1e-12 <= without.ncp <= loss.ncp + 1e-12 <= 1 + 2e-12
    assert loss.discernibility >= loss.records
    assert loss.measurements()[0].value == loss.ncp
