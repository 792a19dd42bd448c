"""A ladder makes values coarser, step by step, and never finer."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secure_ai.anonymize.minimize.ladders import OTHER, encoded, is_number, ladder

AGES = pd.Series([3, 47, 60, 64, 89, 90, 101, np.nan])
DATES = pd.Series(pd.to_datetime(["2024-05-31 10:30", "2024-05-01 00:00", "2023-12-24 00:00", None]))

COLUMNS = [
    ("zip", pd.Series(["02138", "02139-4307", "05901", None]), ["keep", "zip3"]),
    ("zip_code", pd.Series([2138, 94110, 10001]), ["keep", "zip3"]),
    ("age", AGES, ["keep", "band", "band"]),
    ("admitted", DATES, ["keep", "day", "month", "year"]),
    ("born", pd.Series(["1960-01-02", "1971-12-31"]), ["keep", "month", "year"]),
    ("flag", pd.Series([0, 1, 1, 0]), ["keep"]),
    ("department", pd.Series(["a"] * 97 + ["b", "c", "d"]), ["keep", "merge"]),
    ("department", pd.Series(["a"] * 50 + ["b"] * 50), ["keep"]),
    ("smoker", pd.Series([True, False] * 5), ["keep"]),
]


@pytest.mark.parametrize(("name", "values", "kinds"), COLUMNS)
def test_each_kind_of_column_has_its_ladder(name, values, kinds):
    assert [level.kind for level in ladder(name, values)] == kinds


@pytest.mark.parametrize(("name", "values", "kinds"), COLUMNS)
def test_coarser_levels_have_no_more_values_and_the_same_gaps(name, values, kinds):
    shown = [level.apply(values) for level in ladder(name, values)]
    counts = [one.nunique() for one in shown]
    assert counts == sorted(counts, reverse=True)
    for one in shown:
        assert list(one.isna()) == list(values.isna())


def test_zip_codes_lose_two_digits_and_small_areas_all():
    level = ladder("zip", COLUMNS[0][1])[-1]
    assert list(level.apply(COLUMNS[0][1])[:3]) == ["021", "021", "000"]
    assert list(level.apply(COLUMNS[1][1])) == ["021", "941", "100"]


def test_ages_of_ninety_and_more_are_one_class():
    five, ten = ladder("age", AGES)[1:]
    assert list(five.apply(AGES)[:7]) == ["0-4", "45-49", "60-64", "60-64", "85-89", "90+", "90+"]
    assert list(ten.apply(AGES)[:7]) == ["0-9", "40-49", "60-69", "60-69", "80-89", "90+", "90+"]


def test_dates_become_months_and_years():
    day, month, year = ladder("admitted", DATES)[1:]
    assert day.apply(DATES)[0] == pd.Timestamp("2024-05-31")
    assert month.apply(DATES)[0] == "2024-05" and year.apply(DATES)[0] == 2024
    assert month.numbers(DATES)[0] == month.numbers(DATES)[1]


def test_rare_categories_become_one():
    values = pd.Series(["a"] * 90 + list("bcdefghijk"))
    assert set(ladder("department", values)[-1].apply(values)) == {"a", OTHER}


@given(st.lists(st.floats(-1e9, 1e9, width=32), min_size=12, max_size=60, unique=True))
def test_a_rounded_number_is_at_most_half_a_step_away(numbers):
    values = pd.Series(numbers)
    for level in ladder("amount", values)[1:]:
        assert level.kind == "round"
        assert ((level.apply(values) - values).abs() <= level.parameter / 2 * (1 + 1e-6)).all()


@pytest.mark.parametrize(("name", "values", "kinds"), COLUMNS)
def test_a_model_gets_finite_numbers_at_every_level(name, values, kinds):
    levels = ladder(name, values)
    for level in levels:
        block = encoded(values, level, number=is_number(values) and levels[-1].kind != "zip3")
        assert block.shape[0] == len(values) and np.isfinite(block).all()
