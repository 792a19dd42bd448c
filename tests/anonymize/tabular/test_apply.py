"""The released table is the same in memory, in a file and on Dask, and nothing else changes."""

from __future__ import annotations

import duckdb
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from secure_ai.anonymize.tabular import apply, class_lookup
from secure_ai.anonymize.tabular.apply import class_of_records, released_frame, write_released
from secure_ai.anonymize.tabular.mondrian import mondrian
from secure_ai.anonymize.tabular.requirements import Requirements
from secure_ai.core import UserError

NAMES = ["age", "city", "born"]


def table(rows=500, seed=0):
    generator = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "note": [f"note {i}" for i in range(rows)],
            "age": pd.Series(generator.integers(0, 90, rows)).where(generator.random(rows) > 0.1),
            "city": generator.choice(["Rome", "Ulm", "北"], rows),
            "born": pd.Timestamp("1950-01-01") + pd.to_timedelta(generator.integers(0, 9000, rows), "D"),
            "weight": generator.normal(70, 10, rows),
        }
    )


@pytest.fixture(params=["counted", "each record"])
def decided(request):
    frame = table()
    names = NAMES[:2] if request.param == "counted" else ["weight", *NAMES]
    partitioning = mondrian(frame, names, Requirements(7))
    return frame, names, partitioning


@pytest.mark.parametrize("ending", ["parquet", "csv"])
@pytest.mark.parametrize("representation", ["interval", "set", "midpoint", "mean"])
def test_a_file_holds_what_the_frame_holds(decided, tmp_path, ending, representation, monkeypatch):
    frame, _, partitioning = decided
    monkeypatch.setattr(apply, "BATCH_ROWS", 64)
    frame.to_parquet(tmp_path / "in.parquet")
    out = write_released(partitioning, tmp_path / "in.parquet", tmp_path / f"out.{ending}", representation)
    expected = released_frame(partitioning, frame, representation)
    there = pd.read_parquet(out) if ending == "parquet" else pd.read_csv(out)
    assert list(there.columns) == list(frame.columns)
    for name in frame.columns:
        if pd.api.types.is_numeric_dtype(expected[name]):
            np.testing.assert_allclose(there[name].astype(float), expected[name].astype(float))
        else:
            # A date that is not a quasi-identifier of the release has a time of day in CSV.
            texts = [
                column[name].astype(str).str.removesuffix(" 00:00:00.000000") for column in (there, expected)
            ]
            assert list(texts[0]) == list(texts[1])
    assert {path.name for path in tmp_path.iterdir()} == {"in.parquet", out.name}


def test_groups_of_rows_and_the_number_of_texts_change_nothing(tmp_path, monkeypatch):
    frame = table(3_000).assign(weight=lambda records: records["weight"].round(9))
    partitioning = mondrian(frame, ["weight", "born"], Requirements(2))
    # More texts than one byte counts, and fewer.
    assert partitioning.n_classes > 1 << 8
    frame.to_parquet(tmp_path / "in.parquet")
    expected = released_frame(partitioning, frame)
    for rows, held in ((100, 1 << 30), (1 << 30, 5_000), (1 << 30, 1 << 30)):
        monkeypatch.setattr(apply, "BATCH_ROWS", 64)
        monkeypatch.setattr(apply, "GROUP_ROWS", rows)
        monkeypatch.setattr(apply, "ROWS_PER_TEXT", 0)
        monkeypatch.setattr(apply, "GROUP_BYTES", held)
        out = write_released(partitioning, tmp_path / "in.parquet", tmp_path / "out.parquet")
        there = pd.read_parquet(out)
        for name in ("weight", "born", "note"):
            assert list(there[name].astype(str)) == list(expected[name].astype(str))
        groups = pq.ParquetFile(out).metadata.num_row_groups
        assert (groups == 1) == (rows == held == 1 << 30)


def test_text_columns_of_a_parquet_output_are_plain_text_to_every_reader(decided, tmp_path):
    frame, names, partitioning = decided
    frame.to_parquet(tmp_path / "in.parquet")
    out = write_released(partitioning, tmp_path / "in.parquet", tmp_path / "out.parquet")
    types = dict(row[:2] for row in duckdb.execute(f"DESCRIBE SELECT * FROM '{out}'").fetchall())
    assert {types[name] for name in names} == {"VARCHAR"}


def test_numbers_stay_numbers_for_a_model():
    frame = table()
    partitioning = mondrian(frame, NAMES[:2], Requirements(7))
    classes = class_of_records(partitioning, frame)
    middle, mean = (released_frame(partitioning, frame, r)["age"] for r in ("midpoint", "mean"))
    ages = frame["age"].groupby(classes)
    expected = (ages.transform("min") + ages.transform("max")) / 2
    pd.testing.assert_series_equal(middle, expected, check_names=False)
    pd.testing.assert_series_equal(mean, ages.transform("mean"), check_names=False)


def test_another_table_is_refused_without_a_value_in_the_message():
    partitioning = mondrian(table(), NAMES[:2], Requirements(7))
    other = table().assign(city="Zagreb")
    with pytest.raises(UserError, match="were not in the table") as refused:
        released_frame(partitioning, other)
    assert "Zagreb" not in str(refused.value)


def test_rows_in_another_order_get_their_own_classes(decided):
    frame, _, partitioning = decided
    shuffled = frame.sample(frac=1, random_state=3)
    expected = released_frame(partitioning, frame).loc[shuffled.index]
    pd.testing.assert_frame_equal(released_frame(partitioning, shuffled), expected)


def test_a_key_beyond_one_word_is_searched_in_steps(monkeypatch):
    frame = table()
    partitioning = mondrian(frame, NAMES, Requirements(7))
    expected = class_of_records(partitioning, frame)
    monkeypatch.setattr(class_lookup, "LARGEST_KEY", 300)
    monkeypatch.setattr(class_lookup, "DENSE", 1)
    shuffled = frame.sample(frac=1, random_state=3)
    np.testing.assert_array_equal(class_of_records(partitioning, shuffled), expected[shuffled.index])


@pytest.mark.parametrize(
    ("out", "representation", "words"),
    [("out.txt", "interval", "must end in"), ("out.csv", "range", "not known: choose interval")],
)
def test_bad_outputs_are_refused_and_the_old_file_stays(decided, tmp_path, out, representation, words):
    frame, _, partitioning = decided
    frame.to_parquet(tmp_path / "in.parquet")
    (tmp_path / out).write_text("old")
    with pytest.raises(UserError, match=words):
        write_released(partitioning, tmp_path / "in.parquet", tmp_path / out, representation)
    assert (tmp_path / out).read_text() == "old"


def test_dask_decides_and_writes_the_same(tmp_path):
    frame = table(2_000)
    frame.to_parquet(tmp_path / "in.parquet", row_group_size=300)
    pytest.importorskip("distributed")
    here = mondrian(frame, NAMES[:2], Requirements(7))
    there = mondrian(tmp_path / "in.parquet", NAMES[:2], Requirements(7), engine="dask")
    out = write_released(there, tmp_path / "in.parquet", tmp_path / "out", engine="dask")
    written = pd.read_parquet(sorted(out.glob("*.parquet")))
    pd.testing.assert_frame_equal(
        written[NAMES[:2]].astype(str), released_frame(here, frame)[NAMES[:2]].astype(str)
    )
    assert list(written["note"]) == list(frame["note"])
