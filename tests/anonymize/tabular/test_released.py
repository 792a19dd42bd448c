"""How generalized values are written."""

from __future__ import annotations

import datetime
import decimal

import numpy as np
import pytest

from secure_ai.anonymize.tabular.released import interval_texts, set_texts, value_text, value_texts


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (25.0, "25"), (2.5, "2.5"), (-0.0, "0"), (1e-7, "1e-07"), (1e20, "1e+20"), (3, "3"), (True, "True"),
        (decimal.Decimal("1.50"), "1.5"), (decimal.Decimal("100"), "100"), (decimal.Decimal("0.00"), "0"),
        (datetime.date(2020, 1, 2), "2020-01-02"), (datetime.datetime(2020, 1, 2), "2020-01-02"),
        (datetime.datetime(2020, 1, 2, 3, 4), "2020-01-02 03:04:00"), ("北", "北"),
    ],
)  # fmt: skip
def test_an_original_value_is_written_as_the_field_writes_it(value, text):
    assert value_text(value) == text


def test_a_column_of_numbers_is_written_as_its_values_are_one_by_one():
    generator = np.random.default_rng(0)
    numbers = np.concatenate(
        [
            generator.normal(size=300) * 10.0 ** generator.integers(-320, 308, 300),
            np.arange(-20.0, 20.0),
            [0.0, -0.0, 1e14, 1e15, 1e16, 1e-3, 1e-4, 1e-5, 5e-324, 1.7976931348623157e308],
        ]
    )
    assert list(value_texts(numbers)) == [value_text(number) for number in numbers]
    assert [float(text) for text in value_texts(numbers)] == list(numbers)
    whole = np.array([-(2**63), 0, 2**63 - 1])
    assert list(value_texts(whole)) == [str(number) for number in whole]


def test_intervals_show_gaps():
    texts = interval_texts(
        np.array(["1", "2", "3", "missing", "1"], dtype=object),
        np.array(["5", "2", "4", "missing", "1"], dtype=object),
        np.array([True, True, True, False, True]),
        np.array([False, False, True, True, True]),
    )
    assert list(texts) == ["[1, 5]", "2", "[3, 4] or missing", "missing", "1 or missing"]


def test_sets_of_everything_say_nothing():
    sets = np.array([0, 0, 1, 2, 2, 2])
    members = np.array(["a", "b", "c", "a", "b", "c"], dtype=object)
    assert list(set_texts(sets, members, 3, everything=3)) == ["{a, b}", "c", "*"]
    assert list(set_texts(np.array([0]), members[:1], 1, everything=1)) == ["a"]
