"""A summary holds every record once, in an order that does not depend on that of the file."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_ai.anonymize.tabular.summary import count_combinations, merge_counts, summarize
from secure_ai.core import UserError
from secure_ai.core.sources import open_source

CELLS = st.tuples(
    st.sampled_from(["", "a", "東京", None]), st.sampled_from([0.0, -0.0, 2.5, float("nan"), None])
)


def test_missing_values_are_values_and_come_last() -> None:
    table = pa.table({"x": [1.0, None, float("nan"), -0.0, 0.0], "y": ["b", None, None, "a", "a"]})
    found = summarize(table, ["x", "y"])
    assert found["records"].tolist() == [2, 1, 2]
    assert found["x"].tolist()[:2] == [0.0, 1.0] and found["x"].isna().tolist() == [False, False, True]
    assert [str(kind) for kind in found.dtypes] == ["double[pyarrow]", "string[pyarrow]", "int64[pyarrow]"]


def test_large_whole_numbers_stay_whole_beside_a_missing_one() -> None:
    table = pa.table({"x": pa.array([2**60 + 1, 2**60, None], pa.int64())})
    assert summarize(table, ["x"])["x"].tolist()[:2] == [2**60, 2**60 + 1]


@settings(max_examples=15, deadline=None)
@given(st.lists(CELLS, min_size=1, max_size=15), st.integers(1, 5), st.randoms(use_true_random=False))
def test_a_table_cut_into_parts_has_the_summary_of_the_whole(rows: list, parts: int, random) -> None:
    def table(of: list) -> pa.Table:
        return pa.table(
            {"a": pa.array([r[0] for r in of], pa.string()), "b": pa.array([r[1] for r in of], pa.float64())}
        )

    whole = summarize(table(rows), ["a", "b"])
    random.shuffle(rows)
    pd.testing.assert_frame_equal(summarize(table(rows), ["a", "b"]), whole)
    pieces = [
        count_combinations(table(rows[i::parts]).to_pandas(types_mapper=pd.ArrowDtype)) for i in range(parts)
    ]
    merged = merge_counts([piece for piece in pieces if len(piece)])
    again = merged.sort_values(["a", "b"], na_position="last", ignore_index=True)
    assert again["records"].tolist() == whole["records"].tolist()
    assert whole["records"].sum() == len(rows)


@pytest.mark.parametrize(
    ("table", "columns", "words"),
    [
        (pd.DataFrame({"x": [1]}), [], "No quasi-identifier"),
        (pd.DataFrame({"x": [1]}), ["y"], "no column 'y'"),
        (pd.DataFrame({"x": [1.0, -np.inf]}), ["x"], "'x' of the table in memory holds infinite"),
        (pd.DataFrame({"x": [[1], [2]]}), ["x"], "cannot be grouped"),
        (pd.DataFrame({"x": [b"1", b"2"]}), ["x"], "cannot be grouped"),
        (pd.DataFrame({"records": [1]}), ["records"], "rename"),
        (pd.DataFrame({"x": []}), ["x"], "no rows"),
    ],
)
def test_bad_input_is_one_sentence(table: pd.DataFrame, columns: list[str], words: str) -> None:
    with pytest.raises(UserError, match=words):
        summarize(table, columns)


def test_columns_of_the_same_name_and_of_odd_names_are_told_apart() -> None:
    frame = pd.DataFrame([[1, 2, 3]], columns=["a", "a", 'b"; DROP TABLE source; --'])
    source = open_source(frame)
    assert summarize(source, source.columns)["records"].tolist() == [1]


def test_neither_the_limit_of_memory_nor_a_folder_stays_behind(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    pd.DataFrame({"x": range(1000)}).to_parquet("x.parquet")
    source = open_source("x.parquet")

    def limit() -> tuple[float, str]:
        number, unit = source.sql("SELECT current_setting('memory_limit')").fetchone()[0].split()
        return float(number), unit

    before = limit()
    for _ in range(3):
        summarize(source, ["x"])
    after = limit()
    # DuckDB rounds its words for it, and cuts them once.
    assert after[1] == before[1] and after[0] == pytest.approx(before[0], rel=0.02)
    assert [path.name for path in tmp_path.iterdir()] == ["x.parquet"]


def test_dask_is_not_imported_until_it_is_asked_for() -> None:
    asked = "import sys, secure_ai.anonymize.tabular.measures"
    code = f"{asked}; assert not 'dask' in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ)


def test_a_missing_dask_is_told_with_the_way_to_install_it(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UserError, match="extra 'scale'"):
        summarize(pd.DataFrame({"x": [1]}), ["x"], engine="dask")
