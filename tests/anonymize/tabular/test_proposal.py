"""Quasi-identifiers are proposed by how much they single out, with a reason for every column."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_ai.anonymize import (
    equivalence_class_sizes,
    explain_quasi_identifiers,
    propose_quasi_identifiers,
    riskiest_combinations,
)
from secure_ai.anonymize.tabular import proposal as module
from secure_ai.anonymize.tabular.proposal import minimal_uniques
from secure_ai.core import UserError
from secure_ai.core.sources import Source, open_source
from secure_ai.discover.inventory import inventory


@pytest.fixture(scope="module")
def people() -> Source:
    rng = np.random.default_rng(3)
    n = 400
    return open_source(
        pd.DataFrame(
            {
                "patient_id": [f"P{i:06}" for i in range(n)],
                "age": rng.integers(18, 90, n),
                "sex": rng.choice(["f", "m"], n),
                "zip": rng.choice([f"021{i:02}" for i in range(40)], n),
                "hospital": "General",
                "cholesterol": rng.normal(200, 30, n),
                "grade": rng.integers(0, 3, n),
                "note": [
                    f"seen in the ward on day {i}, no change of the medication, to return" for i in range(n)
                ],
                "empty": pd.Series([None] * n, dtype="object"),
            }
        )
    )


def test_columns_that_outsiders_know_are_proposed_in_the_order_in_which_they_split(people: Source) -> None:
    assert propose_quasi_identifiers(people) == ["age", "zip", "sex"]


def test_each_step_takes_the_column_that_makes_the_most_classes(people: Source) -> None:
    chosen = propose_quasi_identifiers(people)
    for step in range(len(chosen)):
        made = {
            column: int(equivalence_class_sizes(people, [*chosen[:step], column])["classes"].sum())
            for column in chosen[step:]
        }
        assert max(made, key=made.get) == chosen[step]


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ("patient_id", "names one person"),
        ("hospital", "same value"),
        ("cholesterol", "nearly every value differs"),
        ("grade", "not of a kind"),
        ("note", "free text"),
        ("empty", "no value"),
        ("zip", "outsiders commonly know"),
    ],
)
def test_every_column_has_a_reason(people: Source, column: str, words: str) -> None:
    choices = {choice.column: choice for choice in explain_quasi_identifiers(people)}
    assert set(choices) == set(people.columns)
    assert words in choices[column].reason


def test_a_sensitive_column_is_not_proposed(people: Source) -> None:
    assert "zip" not in propose_quasi_identifiers(people, exclude=["zip"])


def test_most_bounds_the_proposal(people: Source) -> None:
    assert propose_quasi_identifiers(people, most=1) == ["age"]


def test_meaningless_names_fall_back_to_all_columns_that_split() -> None:
    frame = pd.DataFrame({"v1": [1, 1, 2, 2] * 5, "v2": list("abcd") * 5, "v3": ["k"] * 20})
    assert propose_quasi_identifiers(open_source(frame)) == ["v2"]  # v1 splits no further


def test_the_inventory_finds_identifiers_that_a_name_does_not_show() -> None:
    n = 60
    frame = pd.DataFrame(
        {
            "c1": [f"user{i % 20}@example.org" for i in range(n)],
            "c2": [i % 7 for i in range(n)],
            "c3": [i % 2 for i in range(n)],
        }
    )
    source = open_source(frame)
    assert "c1" in propose_quasi_identifiers(source)
    assert "c1" not in propose_quasi_identifiers(source, inventory(source))


def test_large_tables_take_the_approximate_path_to_the_same_first_columns(
    people: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nearly every record is alone after two columns; the third is within the error of the estimate.
    expected = propose_quasi_identifiers(people, most=2)
    monkeypatch.setattr(module, "EXACT_ROWS", 10)
    monkeypatch.setattr(module, "CODED_CELLS", 10)
    assert propose_quasi_identifiers(people, most=2) == expected


def test_riskiest_combinations_of_several_sets_stand_below_one_another(people: Source) -> None:
    sets = {"neighbor": ["age", "sex"], "insurer": ["age"]}
    found = riskiest_combinations(people, sets, top=2)
    assert found["quasi_identifiers"].tolist() == ["neighbor", "neighbor", "insurer"]
    alone = riskiest_combinations(people, sets["neighbor"], top=2)
    pd.testing.assert_frame_equal(found.head(2).drop(columns="quasi_identifiers"), alone)


@pytest.mark.parametrize("options", [{"columns": {}}, {"size": 0}, {"top": 0}, {"size": 1.5}])
def test_combinations_that_make_no_sense_are_refused(people: Source, options) -> None:
    with pytest.raises(UserError, match="at least"):
        riskiest_combinations(people, **{"columns": ["age"], **options})


def test_riskiest_combinations_agree_with_pandas(people: Source) -> None:
    columns = ["age", "sex", "zip", "grade"]
    frame = people.to_pandas(columns)
    found = riskiest_combinations(people, columns, top=100)
    assert len(found) == 4 + 6 + 4
    assert found["uniques"].is_monotonic_decreasing
    by_columns = found.set_index("columns")
    for length in (1, 2, 3):
        for combination in itertools.combinations(columns, length):
            sizes = frame.groupby(list(combination)).size()
            row = by_columns.loc[[combination]].iloc[0]
            assert (row["k"], row["classes"]) == (sizes.min(), len(sizes))
            assert row["uniques"] == (sizes == 1).sum()
            assert row["share_unique"] == pytest.approx((sizes == 1).sum() / len(frame))


@pytest.mark.parametrize("n", [1, 2])
def test_tiny_tables_are_no_special_case(n: int) -> None:
    source = open_source(pd.DataFrame({"age": list(range(n)), "sex": ["f"] * n}))
    choices = explain_quasi_identifiers(source)
    assert {choice.column for choice in choices} == {"age", "sex"}
    assert len(riskiest_combinations(source, ["age", "sex"])) == 3


def test_bad_input_is_one_sentence(people: Source) -> None:
    with pytest.raises(UserError, match="no column 'height'"):
        propose_quasi_identifiers(people, exclude=["height"])
    with pytest.raises(UserError, match="At least one"):
        propose_quasi_identifiers(people, most=0)
    with pytest.raises(UserError, match="No quasi-identifier"):
        riskiest_combinations(people, [])


def test_minimal_uniques_are_those_that_no_smaller_part_singles_out() -> None:
    table = pd.DataFrame(
        {
            "sex": ["f", "f", "m", "m", "m"],
            "born": [1960, 1970, 1960, 1970, 1980],
            "zip": ["a", "a", "a", "a", "a"],
        }
    )
    found = minimal_uniques(table, ["sex", "born", "zip"])
    counts = dict(
        zip(found["columns"], zip(found["uniques"], found["minimal_uniques"], strict=True), strict=True)
    )
    # 1980 is unique by itself; the other four only by sex and year together; the ZIP code adds nothing.
    assert counts["born",] == (1, 1)
    assert counts["sex", "born"] == (5, 4)
    assert counts["sex", "born", "zip"] == (5, 0)
    assert found["columns"][0] == ("sex", "born") and found["share_minimal"].iloc[0] == 0.8
    assert (
        minimal_uniques(table, ["born", "sex", "zip"], engine="dask")["minimal_uniques"].tolist()
        == [4, 1] + [0] * 5
    )


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(*[st.sampled_from(["x", "y", None])] * 4), min_size=1, max_size=12))
def test_minimal_uniques_agree_with_a_count_by_hand(rows: list[tuple]) -> None:
    table = pa.table({name: pa.array([row[i] for row in rows], pa.string()) for i, name in enumerate("abcd")})
    found = minimal_uniques(table, list("abcd"), size=4).set_index("columns")

    def alone(row: tuple, part: tuple[int, ...]) -> bool:
        return sum(all(other[i] == row[i] for i in part) for other in rows) == 1

    for size in range(1, 5):
        for part in itertools.combinations(range(4), size):
            smaller = [p for s in range(size) for p in itertools.combinations(part, s)]
            here = [row for row in rows if alone(row, part)]
            minimal = [row for row in here if not any(alone(row, p) for p in smaller)]
            line = found.loc[(tuple("abcd"[i] for i in part),), :].iloc[0]
            assert (line["uniques"], line["minimal_uniques"]) == (len(here), len(minimal))


@pytest.mark.parametrize(
    ("columns", "size", "words"), [(["sex"], 0, "at least 1"), ([], 3, "No quasi"), (["x"], 3, "no column")]
)
def test_minimal_uniques_tell_bad_input(columns: list[str], size: int, words: str) -> None:
    with pytest.raises(UserError, match=words):
        minimal_uniques(pd.DataFrame({"sex": ["f"]}), columns, size)
