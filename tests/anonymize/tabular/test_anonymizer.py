"""Anonymizing in one step: no class below what is required, no column that nobody named, measured again."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secure_ai.anonymize.tabular import anonymizer, verification
from secure_ai.anonymize.tabular.anonymizer import anonymize
from secure_ai.anonymize.tabular.column_roles import Treatment, column_outcomes
from secure_ai.anonymize.tabular.frontier import frontier
from secure_ai.anonymize.tabular.measures import privacy_measures
from secure_ai.anonymize.tabular.requirements import Requirements
from secure_ai.core import UserError
from secure_ai.core.sources import open_source

METHODS = ("mondrian", "full_domain")


@pytest.fixture(scope="module")
def people():
    rng = np.random.default_rng(4)
    n = 400
    age = rng.integers(18, 90, n)
    return pd.DataFrame(
        {
            "name": [f"Person {i}" for i in range(n)],
            "age": age,
            "zip": rng.integers(10000, 10080, n),
            "disease": rng.choice(["flu", "cold", "cancer"], n, p=[0.6, 0.3, 0.1]),
            "cost": (age * 10 + rng.normal(0, 60, n)).round(2),
        }
    )


@pytest.mark.parametrize("method", METHODS)
def test_every_class_of_the_release_meets_what_was_required(people, method):
    done = anonymize(
        people, ["age", "zip"], sensitive=["disease"], k=8, l=2, t=0.4, method=method, suppression_limit=0.1
    )
    classes = done.frame.groupby(["age", "zip"])
    assert classes.size().min() >= 8
    assert classes["disease"].nunique().min() >= 2
    found = privacy_measures(done.frame, ["age", "zip"], ["disease"])
    assert found["disease"].worst["t"].value <= 0.4 + 1e-9
    assert found.k == done.risk_after.k == done.privacy_after.k
    assert sorted(done.frame["disease"]) == sorted(people["disease"])


def test_only_named_columns_are_released(people):
    done = anonymize(people, ["age", "zip"], sensitive=["disease"], k=5)
    assert list(done.frame.columns) == ["age", "zip", "disease"]
    assert done.left_out == ("name", "cost")


def test_a_column_that_names_people_must_be_named_to_stay(people):
    with pytest.raises(UserError, match=r"name \(names one person\)"):
        anonymize(people, ["age", "zip"], k=5, keep="*")
    kept = anonymize(people, ["age", "zip"], k=5, keep=["*", "name"], drop=["cost"])
    assert "'name' stays as it is" in kept.warnings[0]
    assert list(kept.frame.columns) == ["name", "age", "zip", "disease"]


def test_without_quasi_identifiers_some_are_proposed_in_the_sentence(people):
    with pytest.raises(UserError, match=r"No quasi-identifier was named.*think of .*age"):
        anonymize(people, [], k=5)


def test_a_result_that_does_not_hold_is_never_handed_out(people, monkeypatch, tmp_path):
    def careless(found, frame, representation):
        changed = frame.astype({"age": object})
        changed.loc[0, "age"] = "alone"
        return changed

    monkeypatch.setattr(anonymizer, "released_frame", careless)
    with pytest.raises(UserError, match="measured again and is not released"):
        anonymize(people, ["age", "zip"], k=5)


def test_verification_names_every_requirement_that_fails():
    table = pd.DataFrame({"a": [1, 1, 2, 2], "s": ["x", "x", "x", "y"]})
    found = privacy_measures(table, ["a"], ["s"])
    failed = verification.unmet(found, Requirements(3, l=2, t=0.1, alpha=0.5))
    assert len(failed) == 4 and "fewer than k=3" in failed[0]
    assert verification.unmet(found, Requirements(2, l=1, t=0.5, alpha=1.0)) == []


@pytest.mark.parametrize("method", METHODS)
@given(data=st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_release_has_a_class_below_k(method, data):
    n = data.draw(st.integers(1, 40))
    value = st.one_of(
        st.none(), st.integers(-3, 3), st.sampled_from(["ä", "北", "", "*", "missing", "[1, 2]"])
    )
    number = st.one_of(st.none(), st.floats(-1e6, 1e6, width=32), st.just(float("nan")))
    table = pd.DataFrame(
        {
            "mixed": pd.Series(data.draw(st.lists(value, min_size=n, max_size=n)), dtype=object),
            "number": pd.Series(data.draw(st.lists(number, min_size=n, max_size=n)), dtype=float),
        }
    )
    k = data.draw(st.integers(1, n))
    try:
        done = anonymize(table, ["mixed", "number"], k=k, method=method)
    except UserError as error:
        assert method == "full_domain" or "no" in str(error)
        return
    assert len(done.frame) == n
    assert done.frame.groupby(["mixed", "number"], dropna=False).size().min() >= k


def test_figures_before_and_after_stand_side_by_side(people):
    done = anonymize(people, ["age", "zip"], sensitive=["disease"], k=10, keep="cost", target="cost")
    frame = done.to_frame().set_index(["measure", "attribute"])
    assert frame.loc[("k", ""), "before"] == 1 and frame.loc[("k", ""), "after"] == done.risk_after.k >= 10
    assert frame.loc[("ncp", ""), "after"] == done.loss.ncp > 0
    assert frame.loc[("distinct_l", "disease"), "after"] >= frame.loc[("distinct_l", "disease"), "before"]
    assert done.usefulness.main.before.value > 0.5
    assert f"{done.usefulness.main.after.value:.3f}" in done.sentence()
    assert done.columns_frame()["treatment"].tolist() == [
        "left out", "generalized", "generalized", "kept, sensitive", "kept as it is",
    ]  # fmt: skip


def test_a_file_holds_what_a_frame_holds(people, tmp_path):
    people.to_parquet(tmp_path / "in.parquet")
    options = {"sensitive": ["disease"], "k": 5, "l": 2}
    in_memory = anonymize(people, ["age", "zip"], **options)
    on_disk = anonymize(tmp_path / "in.parquet", ["age", "zip"], out=tmp_path / "out.parquet", **options)
    pd.testing.assert_frame_equal(
        pd.read_parquet(on_disk.path).astype(object), in_memory.frame.astype(object), check_dtype=False
    )
    assert on_disk.frame is None and on_disk.to_frame().equals(in_memory.to_frame())


def test_dask_gives_the_same_release(people, tmp_path):
    pytest.importorskip("distributed")
    people.to_parquet(tmp_path / "in.parquet")
    here = anonymize(tmp_path / "in.parquet", ["age", "zip"], k=5, out=tmp_path / "here.parquet")
    dask = anonymize(
        tmp_path / "in.parquet", ["age", "zip"], k=5, out=tmp_path / "dask.parquet", engine="dask"
    )
    assert (tmp_path / "dask.parquet").is_dir()
    left, right = pd.read_parquet(here.path), pd.read_parquet(dask.path)
    pd.testing.assert_frame_equal(left.astype(object), right.astype(object), check_dtype=False)


def test_the_frontier_trades_risk_for_detail(people):
    done = anonymize(people, ["age", "zip"], k=5, keep="cost")
    found = frontier(people, done.plan, ks=(2, 5, 20, 500), target="cost")
    assert found.points["k"].tolist() == [2, 5, 20]
    assert found.points["ncp"].is_monotonic_increasing
    assert found.points["highest_risk"].is_monotonic_decreasing
    assert "fewer than k=500" in found.unreached[500] and "Not reached: k = 500" in found.sentence()
    assert (found.points["score_low"] <= found.points["score"]).all()
    with pytest.raises(UserError, match="No k was named"):
        frontier(people, done.plan, ks=())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "give k"),
        ({"k": 5, "requirements": Requirements(5)}, "in one way"),
        ({"k": 5, "method": "guess"}, "'guess' is not known"),
        ({"k": 5, "l": 2}, "none is named"),
        ({"k": 5, "suppression_limit": float("nan")}, "suppression limit"),
        ({"k": 5, "keep": ["age"]}, "choose one of the two"),
        ({"k": 401}, "fewer than k=401"),
        ({"k": 5, "representation": "poem"}, "'poem' is not known"),
    ],
)
def test_what_does_not_fit_is_refused(people, options, words):
    with pytest.raises(UserError, match=words):
        anonymize(people, ["age", "zip"], **options)


def test_sensitive_columns_may_be_known_to_some_but_not_name_people(people):
    source = open_source(people)
    found = {c.column: c for c in column_outcomes(source, ["age"], sensitive=["disease"], keep=["name"])}
    assert found["name"].treatment is Treatment.KEPT and found["name"].warning
    assert found["disease"].treatment is Treatment.SENSITIVE and not found["disease"].warning
