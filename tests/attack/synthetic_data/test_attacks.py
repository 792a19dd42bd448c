"""Nearest neighbors and predicates do what a plain loop does."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_ai.attack.synthetic_data import neighbors, predicates
from secure_ai.attack.synthetic_data.tables import columns_of

tables = st.integers(2, 40).flatmap(
    lambda n: st.fixed_dictionaries(
        {
            "number": st.lists(st.sampled_from([0.0, 1.0, 2.5, 7.0, None]), min_size=n, max_size=n),
            "text": st.lists(st.sampled_from(["a", "b", "丙", None]), min_size=n, max_size=n),
            "flag": st.lists(st.booleans(), min_size=n, max_size=n),
        }
    )
)


def frame(table):
    return pd.DataFrame({**table, "number": pd.Series(table["number"], dtype=float)})


@settings(max_examples=60)
@given(tables, tables, st.integers(1, 4))
def test_the_nearest_are_those_of_a_plain_loop_first_come_first_served(first, second, k):
    columns = columns_of(frame(first), frame(second), frame(second))
    distances = np.zeros((len(first["flag"]), len(second["flag"])))
    for c in columns:
        a, b = c.training[:, None].astype(float), c.synthetic[None, :].astype(float)
        if c.numeric:
            both = np.isnan(a) & np.isnan(b)
            distances += np.where(both, 0, np.where(np.isnan(a) | np.isnan(b), 1, np.abs(a - b) / c.width))
        else:
            distances += a != b
    expected = distances.round(5).argsort(axis=1, kind="stable")[:, :k]
    found = neighbors.nearest([c.training for c in columns], [c.synthetic for c in columns], columns, k)
    by_row = np.arange(len(distances))[:, None]
    assert found.shape == expected.shape
    assert np.allclose(distances[by_row, found], distances[by_row, expected], atol=1e-5)
    # Where several are equally near, the first of them: for numbers that single precision holds exactly.
    exact = (
        np.isin(first["number"], [0.0, 7.0, None]).all() and np.isin(second["number"], [0.0, 7.0, None]).all()
    )
    if exact and k == 1:
        assert (found == expected).all()


def test_blocks_do_not_change_the_answer(people, monkeypatch):
    columns = columns_of(people(300, 0), people(500, 1), people(300, 2))
    asked, given_ = [c.training for c in columns], [c.synthetic for c in columns]
    whole = neighbors.nearest(asked, given_, columns, 3)
    monkeypatch.setattr(neighbors, "BLOCK", 800)
    assert (neighbors.nearest(asked, given_, columns, 3) == whole).all()


def test_predicates_count_as_masks_do(people):
    table = people(203, 0).assign(gap=[None, *np.arange(202.0)])
    columns = columns_of(table, table, table)
    values, numeric = [c.synthetic for c in columns], [c.numeric for c in columns]
    made = predicates.guessed(columns, 300, 3, np.random.default_rng(0))
    found = predicates.counted(made, values, numeric)
    for row in range(300):
        mask = np.ones(203, dtype=bool)
        for number, operation, value in zip(*(part[row] for part in made), strict=True):
            if np.isnan(value):
                mask &= np.isnan(values[number]) == (operation == predicates.EQUAL)
            else:
                mask &= predicates.OPERATIONS[operation](values[number], value)
        assert found[row] == mask.sum()


@pytest.mark.parametrize("kind", ["univariate", "multivariate"])
def test_every_predicate_fits_one_synthetic_record_and_none_comes_twice(people, kind):
    columns = columns_of(people(200, 0), people(200, 1), people(200, 2))
    rng = np.random.default_rng(0)
    made = (
        predicates.univariate(columns, 150, rng)
        if kind == "univariate"
        else predicates.multivariate(columns, 150, 3, 5000, rng)
    )
    counts = predicates.counted(made, [c.synthetic for c in columns], [c.numeric for c in columns])
    assert len(counts) == 150
    assert (counts == 1).all()
    clauses = [tuple(np.concatenate([part[row] for part in made])) for row in range(150)]
    assert len(set(clauses)) == 150


def test_predicates_that_share_people_count_less_than_independent_ones(people):
    columns = columns_of(people(400, 0), people(400, 1), people(400, 2))
    tables = [c.training for c in columns], [c.control for c in columns]
    numeric, rng = [c.numeric for c in columns], np.random.default_rng(0)
    made = predicates.multivariate(columns, 100, 3, 5000, rng)
    once = predicates.tried(made, *tables, numeric=numeric, rng=rng)
    again = predicates.Predicates(*(np.repeat(part, 5, axis=0) for part in made))
    repeated = predicates.tried(again, *tables, numeric=numeric, rng=rng)
    assert repeated.effect > 3 * once.effect
    assert repeated.training.mean() == once.training.mean()
