"""Information loss: figures worked out by hand."""

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
from secure_ai.anonymize.tabular.partitioning import CodedColumn, Kind, Partitioning
from secure_ai.anonymize.tabular.requirements import Requirements

AGES = CodedColumn("age", Kind.NUMBER, np.array([17, 20, 30, 90]), np.array([17.0, 20.0, 30.0, 90.0]), False)
CITIES = CodedColumn("city", Kind.CATEGORY, np.array(["a", "b", "c"], dtype=object), None, True)


def partitioned(codes, records, classes, columns=(AGES, CITIES), *, k=1, recoded=()):
    return Partitioning(
        "by hand",
        Requirements(k),
        columns,
        np.array(codes, np.int32).reshape(len(records), len(columns)),
        np.array(records, np.int64),
        np.array(classes, np.int64),
        recoded,
    )


def test_a_cell_costs_its_width_or_its_categories_less_one():
    assert share_of_range([20, 20, 17], [30, 20, 90], 17, 90).tolist() == pytest.approx([10 / 73, 0, 1])
    assert share_of_categories([1, 2, 5], 5).tolist() == [0, 0.25, 1]
    assert share_of_range([5], [5], 5, 5).tolist() == share_of_categories([1], 1).tolist() == [0]


def test_the_range_of_a_column_may_exceed_the_largest_number():
    assert share_of_range([-1.7e308, 0], [1.7e308, 0], -1.7e308, 1.7e308).tolist() == [1, 0]


def test_discernibility_counts_a_suppressed_record_against_the_whole_table():
    assert discernibility([3, 2]) == 13
    assert discernibility([3, 2], suppressed=1) == 13 + 6
    assert discernibility([10**10]) == 10**20


def test_ncp_is_the_mean_over_cells_of_width_over_that_of_the_column():
    # A class of three: ages 20 to 30, one city; a class of one: age 90, a gap.
    loss = information_loss(partitioned([[1, 0], [2, 0], [3, 3]], [2, 1, 1], [0, 0, 1]))
    assert loss.by_column == pytest.approx({"age": 3 * (10 / 73) / 4, "city": 0})
    assert loss.ncp == pytest.approx(3 * (10 / 73) / 8)
    assert loss.average_class_size == 2 and loss.discernibility == 10


def test_a_set_of_categories_costs_its_number_less_one_and_a_gap_is_one_of_them():
    loss = information_loss(partitioned([[0, 0], [0, 3]], [1, 1], [0, 0], k=2))
    assert loss.by_column == pytest.approx({"age": 0, "city": 1 / 3})
    assert loss.normalized_class_size == 1


def test_a_node_of_a_hierarchy_costs_what_lies_below_it():
    nodes = np.array(["ab", "ab", "c", "missing"], dtype=object)
    loss = information_loss(partitioned([[0, 0], [0, 2]], [4, 4], [0, 1], recoded=(None, nodes)))
    # The first class holds 'a' alone, yet 'ab' is what is released.
    assert loss.by_column == pytest.approx({"age": 0, "city": 0.5 / 3})


def test_suppressed_records_count_as_fully_generalized():
    loss = information_loss(partitioned([[0, 0], [1, 1]], [4, 1], [0, -1], k=2))
    assert loss.ncp == pytest.approx(1 / 5)
    assert (loss.records, loss.suppressed, loss.normalized_class_size) == (5, 1, 2)
    assert "1 of 5 records show nothing but *" in loss.sentence()


def test_a_table_that_is_suppressed_as_a_whole_lost_everything():
    loss = information_loss(partitioned([[0, 0]], [3], [-1], k=5))
    assert (loss.ncp, loss.discernibility, loss.average_class_size) == (1, 9, 0)


def test_a_column_with_one_value_loses_nothing():
    one = CodedColumn("one", Kind.NUMBER, np.array([5]), np.array([5.0]), False)
    assert information_loss(partitioned([[0]], [7], [0], (one,))).ncp == 0


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(1, 50)), min_size=1, max_size=30),
    st.integers(1, 5),
    st.integers(0, 20),
)
def test_loss_is_a_share_and_grows_with_suppression(rows, classes, left_out):
    codes, records = [row[:2] for row in rows], [row[2] for row in rows]
    of = np.arange(len(rows)) % min(classes, len(rows))
    all_kept = information_loss(partitioned(codes, records, of))
    loss = information_loss(partitioned([*codes, [0, 0]], [*records, left_out], [*of, -1]))
    assert -1e-12 <= all_kept.ncp <= loss.ncp + 1e-12 <= 1 + 2e-12
    assert loss.discernibility >= loss.records == sum(records) + left_out
    assert loss.to_frame().loc[0, "value"] == loss.ncp == loss.measurements()[0].value
