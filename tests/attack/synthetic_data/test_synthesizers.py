"""What the two synthesizers keep, lose and copy."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from secure_ai.attack.synthetic_data import independent_columns, sequential_trees
from secure_ai.core import UserError

MAKERS = [independent_columns, sequential_trees]


@pytest.mark.parametrize("make", MAKERS)
def test_the_same_seed_makes_the_same_table_with_the_same_columns_and_types(people, make):
    table = people(200, 0)
    made = make(table, 150, seed=3)
    pd.testing.assert_frame_equal(made, make(table, 150, seed=3))
    assert len(made) == 150
    assert list(made) == list(table)
    assert {c: made[c].dtype.kind for c in made} == {c: table[c].dtype.kind for c in table}


def test_independent_columns_lose_the_relation_and_trees_keep_it(people):
    table = people(2000, 0)

    def relation(made):
        return np.corrcoef(made["age"], made["income"])[0, 1]

    assert abs(relation(independent_columns(table))) < 0.1
    assert relation(sequential_trees(table)) > 0.8 * relation(table)


def test_independent_columns_use_no_number_that_few_people_have(people):
    table = people(1000, 0)
    made = independent_columns(table.assign(income=table["income"] + np.arange(1000) / 1009), least=5)
    assert not set(made["income"]) & set(table["income"] + np.arange(1000) / 1009)
    assert table["city"].value_counts()[made["city"].unique()].min() >= 5


def copied(made, table):
    return made.merge(table.drop_duplicates(), on=list(table), how="inner").shape[0] / len(made)


def test_trees_with_one_record_in_a_leaf_copy_and_with_many_do_not(people):
    table = people(800, 0)
    assert copied(sequential_trees(table, min_samples_leaf=1), table) > 0.4
    assert copied(sequential_trees(table, min_samples_leaf=50), table) < 0.02


@pytest.mark.parametrize("make", MAKERS)
def test_missing_constant_and_empty_columns_pass_through(people, make):
    table = people(200, 0).assign(constant="x", empty=None)
    table.loc[::3, ["age", "city", "admitted"]] = None
    made = make(table)
    assert made["empty"].isna().all()
    assert (made["constant"] == "x").all()
    for name in ("age", "city", "admitted"):
        assert abs(made[name].isna().mean() - 1 / 3) < 0.15


@pytest.mark.parametrize(
    ("options", "sentence"), [({"rows": 0}, "rows must be"), ({"seed": 0, "rows": 1.5}, "rows must be")]
)
@pytest.mark.parametrize("make", MAKERS)
def test_bad_options_are_told_in_a_sentence(people, make, options, sentence):
    with pytest.raises(UserError, match=sentence):
        make(people(50, 0), **options)


def test_a_leaf_of_no_records_and_infinite_numbers_are_refused(people):
    with pytest.raises(UserError, match="min_samples_leaf must be"):
        sequential_trees(people(50, 0), min_samples_leaf=0)
    with pytest.raises(UserError, match="infinite"):
        sequential_trees(people(50, 0).assign(income=np.inf))


def test_zeros_of_both_signs_and_gaps_are_drawn_like_other_numbers():
    values = [-0.0, 0.0] * 40 + [1.5, None] * 10
    made = independent_columns(pd.DataFrame({"x": values, "y": 1}), seed=3)
    assert made["x"].dropna().between(0, 1.5).all() and made["x"].isna().any()
