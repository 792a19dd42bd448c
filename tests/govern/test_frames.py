"""Claims about tables in lessons: nothing is cut off, and an absence is said in words."""

from __future__ import annotations

import math

import pandas as pd

from secure_ai.learn.frames import as_table


def test_long_sentences_stay_whole_and_numbers_are_readable():
    sentence = "a sentence that pandas would cut off after fifty characters, and this one should stay whole"
    frame = pd.DataFrame({"name": ["x"], "said": [sentence], "cost": [1_234_567], "share": [0.256]})
    table = as_table(frame, "A table", "And a sentence.")
    for shown in (table.text(), table.html()):
        assert sentence in shown and "1,234,567" in shown and "0.26" in shown
        assert "A table" in shown and "And a sentence." in shown


def test_an_absent_value_is_said_in_words():
    assert "not known" in as_table(pd.DataFrame({"name": ["x"], "cost": [math.nan]}), "t").text()


def test_the_index_names_the_rows_where_it_is_asked_for():
    frame = pd.DataFrame({"before": [1, 2]}, index=["mean", "worst"])
    table = as_table(frame, "t", index=True)
    assert list(table.columns) == ["", "before"]
    assert [row[0] for row in table.rows] == ["mean", "worst"]
    assert list(as_table(frame.rename_axis("activity"), "t", index=True).columns) == ["activity", "before"]


def test_whole_numpy_numbers_have_no_decimals():
    frame = pd.DataFrame({"count": pd.Series([3], dtype="int64"), "half": [0.5]})
    assert as_table(frame, "t").rows == [["3", "0.50"]]
