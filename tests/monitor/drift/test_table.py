"""Claims about the comparison of two tables: what is called drift, what is not, and what is not judged."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from secure_ai.core import Measurement, Unassessed, UserError
from secure_ai.core.sources import open_source
from secure_ai.monitor.drift import alarm_rates, measure_drift, simulate_drift
from secure_ai.monitor.drift.table import _holm

N = 3_000


@pytest.fixture(scope="module")
def people():
    rng = np.random.default_rng(5)
    return pd.DataFrame(
        {
            "age": rng.normal(55, 15, N).round(),
            "sodium": rng.normal(139, 4, N),
            "creatinine": rng.lognormal(0, 0.4, N),
            "ward": rng.choice(["A", "B", "C"], N, p=[0.5, 0.3, 0.2]),
            "flag": rng.random(N) < 0.2,
        }
    )


@pytest.fixture(scope="module")
def halves(people):
    return people.iloc[:1500], people.iloc[1500:].reset_index(drop=True)


def test_two_halves_of_one_table_show_no_drift_and_every_figure_has_its_control(halves):
    report = measure_drift(*halves)
    assert report.drifted == ()
    for column in report.columns:
        for name, figure in column.figures.items():
            if isinstance(figure, Measurement):
                assert figure.control is not None, (column.column, name)
                assert figure.interval[0] <= figure.value <= figure.interval[1]
                assert figure.n > 0 and figure.source


CASES = {
    "covariate_shift": ("age", 0.4, "psi"),
    "unit_change": ("creatinine", 1.0, "scale"),
    "missing_feed": ("sodium", 0.2, "missing"),
    "new_category": ("ward", 0.1, "unseen"),
}


@pytest.mark.parametrize("kind", CASES)
def test_an_injected_drift_is_found_in_its_column_and_named(halves, kind):
    column, strength, sign = CASES[kind]
    drifted = simulate_drift(halves[1], kind=kind, column=column, strength=strength, seed=1)
    report = measure_drift(halves[0], drifted.frame)
    assert [found.column for found in report.drifted] == [column]
    assert sign in {found.name for found in report.column(column).signs}
    assert drifted.sentence().startswith("Simulation")


def test_concept_drift_is_invisible_in_the_table(readmissions):
    half = len(readmissions) // 2
    drifted = simulate_drift(
        readmissions.iloc[half:], kind="concept_drift", column="readmitted_30d", strength=1.0
    )
    report = measure_drift(readmissions.iloc[:half].iloc[::2], drifted.frame, label="readmitted_30d")
    quiet = measure_drift(
        readmissions.iloc[:half].iloc[::2], readmissions.iloc[half:], label="readmitted_30d"
    )
    assert [c.column for c in report.drifted] == [c.column for c in quiet.drifted]


def test_a_simulation_leaves_the_table_that_it_was_given(halves):
    before = halves[1].copy()
    for kind, (column, strength, _) in CASES.items():
        simulate_drift(halves[1], kind=kind, column=column, strength=strength)
    pd.testing.assert_frame_equal(halves[1], before)


def test_the_same_input_gives_the_same_report(halves):
    assert measure_drift(*halves, seed=3) == measure_drift(*halves, seed=3)


def test_no_value_of_the_table_stands_in_the_report(halves):
    old, new = halves
    marked = new.assign(ward="SECRET-MARKER")
    report = measure_drift(old, marked)
    assert "SECRET-MARKER" not in report.to_frame().to_string() + report.sentence() + repr(report)


def test_alarms_without_drift_stay_below_alpha_where_the_usual_rule_cries_wolf(people):
    rates = alarm_rates(people, n_reference=1_000, n_current=80, seeds=range(8)).set_index("method")["rate"]
    assert rates["the report"] <= 0.05
    assert rates["PSI of at least 0.1, as is usual"] >= 0.5


def test_a_drift_that_matters_is_found_in_most_runs(people):
    rates = alarm_rates(
        people, n_reference=1_000, n_current=400, seeds=range(6),
        drift=lambda part, seed: simulate_drift(
            part, kind="covariate_shift", column="age", strength=0.4, seed=seed
        ),
    ).set_index("method")["rate"]  # fmt: skip
    assert rates["the report"] >= 5 / 6


def test_holm_multiplies_the_smallest_most_and_never_goes_down():
    assert _holm({"a": 0.01, "b": 0.04, "c": None, "d": 0.03}) == pytest.approx(
        {"a": 0.03, "d": 0.06, "b": 0.06}
    )


def with_column(frame, name, values):
    return frame.assign(**{name: values})


UNJUDGED = {
    "constant": (lambda f: with_column(f, "x", 1.0), lambda f: with_column(f, "x", 1.0), "constant"),
    "one word": (lambda f: with_column(f, "x", "a"), lambda f: with_column(f, "x", "a"), "constant"),
    "no value before": (
        lambda f: with_column(f, "x", np.nan), lambda f: with_column(f, "x", 1.0), "no value",
    ),
    "dates": (
        lambda f: with_column(f, "x", pd.Timestamp("2026-01-01")),
        lambda f: with_column(f, "x", pd.Timestamp("2026-04-01")),
        "dates move on",
    ),
    "identifiers": (
        lambda f: with_column(f, "x", [f"p{i}" for i in range(len(f))]),
        lambda f: with_column(f, "x", [f"q{i}" for i in range(len(f))]),
        "identifier",
    ),
    "lists": (
        lambda f: with_column(f, "x", [[1]] * len(f)),
        lambda f: with_column(f, "x", [[1]] * len(f)),
        "neither",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", UNJUDGED)
def test_what_cannot_be_judged_says_why_and_is_never_stable(halves, case):
    old, new, words = UNJUDGED[case]
    report = measure_drift(old(halves[0]), new(halves[1]), columns=["x"])
    found = report.column("x")
    assert found.level == "unassessed"
    assert isinstance(found.figures["psi"], Unassessed) and words in found.figures["psi"].reason
    assert "1 not assessed" in report.sentence()


SIGNS = {
    "absent": (lambda f: f.drop(columns="age"), "age", "column_missing"),
    "all missing": (lambda f: f.assign(age=np.nan), "age", "missing"),
    "words for numbers": (lambda f: f.assign(age="old"), "age", "type_changed"),
    "endless": (lambda f: f.assign(age=f["age"].where(f.index > 5, np.inf)), "age", "infinite"),
    "out of range": (lambda f: f.assign(age=f["age"].where(f.index > 90, 400)), "age", "out_of_range"),
    "only one value": (lambda f: f.assign(age=55.0), "age", "ks"),
}


@pytest.mark.parametrize("case", SIGNS)
def test_a_broken_column_is_an_alarm_of_its_own_kind(halves, case):
    change, column, sign = SIGNS[case]
    found = measure_drift(halves[0], change(halves[1])).column(column)
    assert found.drifted
    assert sign in {s.name for s in found.signs}


def test_few_rows_are_not_judged_and_a_small_table_is_warned_about(halves):
    report = measure_drift(halves[0], halves[1].head(12))
    assert report.column("age").level == "unassessed"
    assert "only 12 usable values in the current table" in report.column("age").sentence()
    assert report.warnings and not report.drifted


def test_a_range_that_was_given_counts_what_lies_outside(halves):
    new = halves[1].assign(age=halves[1]["age"].where(halves[1].index > 60, 150.0))
    found = measure_drift(halves[0], new, ranges={"age": (0, 130)}).column("age")
    assert found.value("out_of_range") == pytest.approx(61 / 1500)


@pytest.mark.parametrize("late", ["absent", "all missing", "half"])
def test_labels_that_have_not_come_are_no_drift(halves, late):
    old, new = halves
    if late == "absent":
        new = new.drop(columns="flag")
    else:
        new = new.assign(
            flag=new["flag"].astype(object).mask(new.index >= (0 if late == "all missing" else 700))
        )
    found = measure_drift(old, new, label="flag").column("flag")
    assert not found.drifted
    assert (found.level == "unassessed") == (late != "half")


def test_new_columns_are_named_and_not_judged(halves):
    report = measure_drift(halves[0], halves[1].assign(extra=1))
    assert report.new_columns == ("extra",)


def test_files_are_read_like_frames(halves, tmp_path):
    for name, frame in zip(("old.csv", "new.parquet"), halves, strict=True):
        path = tmp_path / name
        frame.to_csv(path, index=False) if name.endswith("csv") else frame.to_parquet(path)
    direct = measure_drift(*halves)
    read = measure_drift(tmp_path / "old.csv", open_source(tmp_path / "new.parquet"))
    assert read.column("ward").value("psi") == direct.column("ward").value("psi")
    assert read.column("age").value("psi") == pytest.approx(direct.column("age").value("psi"))


def test_a_sample_of_a_large_table_says_how_many_rows_it_rests_on(halves, tmp_path):
    halves[0].to_parquet(tmp_path / "t.parquet")
    report = measure_drift(tmp_path / "t.parquet", halves[1], sample=500)
    assert (report.n_reference, report.n_current) == (500, 500)


WRONG = {
    "empty": (lambda f: f.head(0), {}, "empty"),
    "no columns": (lambda f: f[[]], {}, "empty"),
    "twice": (lambda f: pd.concat([f, f[["age"]]], axis=1), {}, "same name"),
    "unknown column": (lambda f: f, {"columns": ["nothing"]}, "no column 'nothing'"),
    "unknown score": (lambda f: f, {"score": "risk"}, "no column 'risk'"),
    "a word": (lambda f: f, {"ignore": "age"}, "lists of names"),
    "nothing left": (lambda f: f[["age"]], {"ignore": ["age"]}, "No column is left"),
    "alpha": (lambda f: f, {"alpha": 0}, "alpha"),
    "range": (lambda f: f, {"ranges": {"age": (5, 1)}}, "range of 'age'"),
    "sample": (lambda f: f, {"sample": 0}, "sample"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_is_a_sentence(halves, case):
    change, options, words = WRONG[case]
    with pytest.raises(UserError, match=words):
        measure_drift(change(halves[0]), halves[1], **options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"kind": "magic", "column": "age"}, "no such kind"),
        ({"kind": "missing_feed", "column": "nothing"}, "no column"),
        ({"kind": "missing_feed", "column": "age", "strength": 2}, "from 0 to 1"),
        ({"kind": "unit_change", "column": "ward"}, "needs a column of numbers"),
    ],
)
def test_a_simulation_that_cannot_be_made_is_a_sentence(halves, options, words):
    with pytest.raises(UserError, match=words):
        simulate_drift(halves[0], **options)


@pytest.mark.shared_data
def test_real_census_records_of_the_young_and_the_old_differ_where_one_expects(shared_data):
    adult = open_source(shared_data / "adult.csv", delimiter=";").to_pandas().sample(6_000, random_state=0)
    young, old = adult[adult["age"] < 35], adult[adult["age"] >= 35]
    report = measure_drift(young, old, ignore=["age"])
    assert report.column("marital-status").level == "major"
    assert not report.column("race").drifted
    quiet = measure_drift(adult.iloc[::2], adult.iloc[1::2])
    assert quiet.drifted == ()


@pytest.mark.shared_data
def test_real_cholesterol_in_another_unit_is_recognized_by_its_factor(shared_data):
    heart = pd.read_csv(shared_data / "heart.csv", encoding="utf-8-sig")
    drifted = simulate_drift(heart.iloc[1::2], kind="unit_change", column="chol")
    report = measure_drift(heart.iloc[::2], drifted.frame, columns=["chol"])
    assert "scale" in {sign.name for sign in report.column("chol").signs}
