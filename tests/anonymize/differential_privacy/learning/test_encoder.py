"""The encoder follows its dictionary alone: no row changes how another one is encoded."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_ai.anonymize.differential_privacy.learning.encoder import PublicEncoder, Range
from secure_ai.core.errors import UserError

ENCODER = PublicEncoder({"age": Range(0, 100, bins=4), "dose": Range(-1, 1), "sex": ["f", "m"]})


def test_features_follow_the_dictionary():
    table = pd.DataFrame({"age": [0, 25, 100], "dose": [-1.0, 0.0, 1.0], "sex": ["f", "m", "f"]})
    expected = [[1, 0, 0, 0, 0, 1, 0], [0, 1, 0, 0, 0.5, 0, 1], [0, 0, 0, 1, 1, 1, 0]]
    np.testing.assert_array_equal(ENCODER.transform(table), expected)
    assert ENCODER.feature_names[0] == "age [0, 25]"
    assert ENCODER.feature_names[-1] == "sex=m"


@settings(max_examples=100, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.none() | st.floats(allow_infinity=False),
            st.none() | st.floats(allow_infinity=False),
            st.none() | st.sampled_from(["f", "m", "x", "ß"]),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_each_row_is_encoded_alone_and_within_zero_and_one(rows):
    table = pd.DataFrame(rows, columns=["age", "dose", "sex"]).astype({"age": float, "dose": float})
    together = ENCODER.transform(table)
    assert ((together >= 0) & (together <= 1)).all()
    for number in range(len(table)):
        np.testing.assert_array_equal(together[number], ENCODER.transform(table.iloc[[number]])[0])


def test_values_that_the_dictionary_does_not_know_and_missing_ones_have_no_category():
    table = pd.DataFrame({"age": [math.nan], "dose": [math.nan], "sex": [None]})
    np.testing.assert_array_equal(ENCODER.transform(table), [[0, 0, 0, 0, 0.5, 0, 0]])


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Range(1, 1), "lower one first"),
        (lambda: Range(0, math.inf), "finite"),
        (lambda: Range(math.nan, 1), "finite"),
        (lambda: Range(0, 1, bins=-1), "bins"),
        (lambda: PublicEncoder({}), "no column"),
        (lambda: PublicEncoder({"sex": []}), "categories"),
        (lambda: PublicEncoder({"sex": "fm"}), "categories"),
        (lambda: PublicEncoder({"sex": ["f", "f"]}), "twice"),
        (lambda: ENCODER.transform(pd.DataFrame({"age": [1]})), "dose"),
        (lambda: ENCODER.transform(pd.DataFrame({"age": ["a"], "dose": [0], "sex": ["f"]})), "no number"),
        (lambda: ENCODER.transform(pd.DataFrame({"age": [math.inf], "dose": [0], "sex": ["f"]})), "infinite"),
    ],
)
def test_a_dictionary_or_table_that_makes_no_sense_gets_a_sentence(make, said):
    with pytest.raises(UserError, match=said):
        make()
