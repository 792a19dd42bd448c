"""The minimum data set keeps what a purpose needs, drops what it does not, and says what that costs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secure_ai.anonymize.minimize.search import NEVER_NEEDED, minimize
from secure_ai.core import UserError

PURPOSE = "Decide who is called back"
USEFUL = {"age", "visits"}
SURNAMES = ["Garcia", "Smith", "Johnson", "Nguyen", "Okafor", "Rossi", "Novak", "Silva", "Haddad", "Larsen"]
USELESS = {"zip", "height", "color"}


def planted(rows: int = 600, seed: int = 0, **more) -> pd.DataFrame:
    """A table in which the outcome depends on age and visits alone."""
    rng = np.random.default_rng(seed)
    age = rng.integers(20, 90, rows)
    visits = rng.poisson(2, rows)
    odds = 0.06 * (age - 55) + 0.9 * (visits - 2)
    return pd.DataFrame(
        {
            "last_name": rng.choice(SURNAMES, rows),
            "email": [f"user{i}@example.org" for i in range(rows)],
            "age": age,
            "visits": visits,
            "zip": rng.choice(["02138", "10001", "94110", "60601"], rows),
            "height": rng.normal(170, 10, rows).round(1),
            "color": rng.choice(["red", "green", "blue"], rows),
            "outcome": rng.random(rows) < 1 / (1 + np.exp(-odds)),
        }
        | more
    )


@pytest.fixture(scope="module")
def found():
    return minimize(planted(), "outcome", PURPOSE, seed=1)


def test_planted_useful_columns_stay_and_useless_ones_go(found):
    assert set(found.columns) == USEFUL
    assert {column.name for column in found.dropped} >= USELESS


def test_direct_identifiers_go_first_because_no_model_needs_them(found):
    assert [(column.name, column.reason) for column in found.dropped[:2]] == [
        ("last_name", NEVER_NEEDED),
        ("email", NEVER_NEEDED),
    ]


def test_each_step_that_was_taken_is_within_the_tolerance_of_the_full_table(found):
    taken = found.curve[found.curve["within"]]
    assert (taken["score"] >= found.full.value - found.tolerance).all()
    assert found.score.value == taken["score"].iloc[-1]
    assert found.holds


def test_the_curve_ends_with_one_column_and_never_gains_columns(found):
    curve = found.curve
    assert list(curve["step"]) == list(range(len(curve)))
    assert curve["columns"].is_monotonic_decreasing and curve["columns"].iloc[-1] == 1
    assert curve["within"].is_monotonic_decreasing
    assert (curve["low"] <= curve["score"]).all() and (curve["score"] <= curve["high"]).all()
    assert curve["score"].iloc[-1] < found.full.value - found.tolerance


def test_ages_become_bands_where_the_purpose_allows_it(found):
    age = next(column for column in found.kept if column.name == "age")
    assert age.identifying and age.level.kind == "band"
    assert set(found.apply(planted())["age"].str.len()) <= {3, 5}


def test_a_score_has_interval_baseline_and_control(found):
    assert found.metric == "auc" and found.score.baseline == 0.5
    low, high = found.confirmed.interval
    assert low < found.confirmed.value < high
    assert found.confirmed.control > 0.7


@pytest.fixture(scope="module")
def shuffled():
    return minimize(planted().sample(frac=1, random_state=3), "outcome", PURPOSE, seed=1)


def test_the_order_of_rows_changes_nothing(found, shuffled):
    assert shuffled.kept == found.kept
    pd.testing.assert_frame_equal(shuffled.curve, found.curve)


def test_the_index_of_the_table_changes_nothing(found):
    table = planted()
    table.index = ["same"] * len(table)
    assert minimize(table, "outcome", PURPOSE, seed=1).kept == found.kept


def test_a_zip_code_that_matters_is_kept_as_coarse_as_it_may_be():
    rng = np.random.default_rng(5)
    table = planted(1500)
    table["zip"] = rng.choice(["02138", "02139", "02140", "94110", "94112", "94115"], len(table))
    table["outcome"] = rng.random(len(table)) < np.where(table["zip"].str.startswith("02"), 0.8, 0.2)
    result = minimize(table, "outcome", PURPOSE)
    assert [(c.name, c.level.kind) for c in result.kept] == [("zip", "zip3")]
    assert set(result.apply(table)["zip"]) == {"021", "941"}


def test_a_birth_date_is_cut_to_the_year_where_the_year_says_it_all():
    table = planted(1200).drop(columns="age")
    days = np.random.default_rng(2).integers(0, 60 * 365, len(table))
    table["birth_date"] = pd.Timestamp("1940-01-01") + pd.to_timedelta(days, unit="D")
    table["outcome"] = np.random.default_rng(3).random(len(table)) < 1 / (1 + np.exp(0.0003 * (days - 11000)))
    result = minimize(table, "outcome", PURPOSE)
    assert [(c.name, c.level.kind) for c in result.kept] == [("birth_date", "year")]
    as_text = minimize(
        table.assign(birth_date=table["birth_date"].dt.strftime("%Y-%m-%d")), "outcome", PURPOSE
    )
    assert as_text.kept == result.kept, "dates from a CSV are dates, too"


@pytest.mark.parametrize(
    ("target", "metric", "baseline"),
    [("number", "r2", 0.0), ("three", "accuracy", None), ("flag", "auc", 0.5)],
)
def test_the_score_fits_the_kind_of_target(target, metric, baseline):
    table = planted(400).drop(columns=["outcome", "last_name", "email"])
    sums = table["age"] + 10 * table["visits"] + np.random.default_rng(4).normal(0, 5, len(table))
    table[target] = {
        "number": sums,
        "three": pd.qcut(sums, 3, labels=["low", "middle", "high"]).astype(str),
        "flag": (sums > sums.median()).map({True: "yes", False: "no"}),
    }[target]
    result = minimize(table, target, PURPOSE)
    assert result.metric == metric and set(result.columns) == USEFUL
    assert baseline is None or result.score.baseline == baseline


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(0, 10_000), tolerance=st.sampled_from([0.005, 0.02, 0.1]), noise=st.integers(0, 2**32)
)
def test_never_below_the_tolerance_and_apply_shows_only_what_is_kept(seed, tolerance, noise):
    table = planted(200, seed=noise)
    result = minimize(table, "outcome", PURPOSE, tolerance=tolerance, seed=seed)
    assert result.score.value >= result.full.value - tolerance
    assert result.kept and result.holds
    made = result.apply(table)
    assert set(made.columns) == {*result.columns, "outcome"} and len(made) == len(table)
    names = {column.name for column in (*result.kept, *result.dropped)}
    assert names == set(table.columns) - {"outcome"}


def test_a_larger_tolerance_keeps_no_more_columns():
    table = planted(500)
    kept = [len(minimize(table, "outcome", PURPOSE, tolerance=t, seed=2).kept) for t in (0.005, 0.05, 0.5)]
    assert kept == sorted(kept, reverse=True) and kept[-1] == 1


def test_the_record_names_purpose_basis_and_reasons_and_no_value(found):
    text = found.to_markdown()
    for words in (PURPOSE, "GDPR Art. 5(1)(c)", "164.502(b)", "Kept", "Left out", NEVER_NEEDED):
        assert words in text
    assert "Okafor" not in text and "user1@" not in text and "02138" not in text


def test_missing_values_text_codes_and_constants_do_no_harm():
    table = planted(300, constant="x", nothing=None)
    table["code"] = [f"AB-{i:05d}-{i * 7 % 97}" for i in range(len(table))]
    table.loc[::7, "age"] = np.nan
    table.loc[::11, "color"] = None
    table.loc[:4, "height"] = np.inf
    table["mixed"] = pd.Series([1, "a", None, 2.5] * 75, dtype=object)
    result = minimize(table, "outcome", PURPOSE)
    reasons = {column.name: column.reason for column in result.dropped}
    assert reasons["constant"] == "the same value in every row"
    assert reasons["nothing"] == "holds no value"
    assert "code" in reasons


def test_columns_of_every_type_are_read():
    rows = 200
    table = planted(
        rows,
        category=pd.Categorical(["a", "b"] * (rows // 2)),
        nested=[[i % 3] for i in range(rows)],
        zoned=pd.date_range("2024-01-01", periods=rows, tz="Europe/Berlin"),
        span=pd.to_timedelta(np.arange(rows) % 9, unit="D"),
        gaps=pd.array([None if i % 7 == 0 else i % 9 for i in range(rows)], dtype="Int64"),
        answer=pd.array([None if i % 5 == 0 else bool(i % 2) for i in range(rows)], dtype="boolean"),
        complex=np.arange(rows) + 1j,
        raw=[b"a", b"b"] * (rows // 2),
    )
    result = minimize(table, "outcome", PURPOSE)
    assert len(result.kept) + len(result.dropped) == table.shape[1] - 1
    assert len(result.apply(table)) == rows


def test_rows_without_an_outcome_are_left_out_and_said_so():
    table = planted(400)
    table["outcome"] = table["outcome"].astype(object)
    table.loc[:49, "outcome"] = None
    result = minimize(table, "outcome", PURPOSE)
    assert result.full.n == 350
    assert any("50 rows without" in note for note in result.notes)


def test_apply_asks_for_the_columns_that_it_needs(found):
    with pytest.raises(UserError, match="no column age"):
        found.apply(planted().drop(columns="age"))


def constant(table):
    return table.assign(outcome=True)


def twice(table):
    return pd.concat([table, table[["age"]]], axis=1)


BAD = [
    ("missing target", lambda t: t.drop(columns="outcome"), {}, "no column 'outcome'"),
    ("constant target", constant, {}, "the same in every row"),
    ("empty target", lambda t: t.assign(outcome=np.nan), {}, "no value in any row"),
    ("unique target", lambda t: t.assign(outcome=t["email"]), {}, "differs from row to row"),
    ("running number", lambda t: t.assign(outcome=range(len(t))), {}, "differs from row to row"),
    ("rare outcome", lambda t: t.assign(outcome=[True] * 3 + [False] * 397), {}, "at least 10 of each"),
    ("date as target", lambda t: t.assign(outcome=pd.to_datetime(t["visits"])), {}, "is a date"),
    ("few rows", lambda t: t.head(60), {}, "at least 100"),
    ("no rows", lambda t: t.head(0), {}, "no value in any row"),
    ("nothing to learn from", lambda t: t[["last_name", "email", "outcome"]], {}, "No column is left"),
    ("two alike", twice, {}, "Two columns are called 'age'"),
    ("numbered columns", lambda t: t.rename(columns={"age": 3}), {}, "must be texts"),
    ("column without a name", lambda t: t.rename(columns={"age": " "}), {}, "must be texts"),
    ("no purpose", lambda t: t, {"purpose": " "}, "what the prediction is for"),
    ("tolerance of zero", lambda t: t, {"tolerance": 0}, "tolerance=0"),
    ("tolerance above a half", lambda t: t, {"tolerance": 0.6}, "tolerance=0.6"),
    ("tolerance in words", lambda t: t, {"tolerance": "1%"}, "tolerance='1%'"),
    ("tolerance that is none", lambda t: t, {"tolerance": float("nan")}, "tolerance=nan"),
    ("no table", lambda t: t.to_dict(), {}, "DataFrame"),
]


@pytest.mark.parametrize(("change", "options", "said"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_bad_input_gets_one_sentence(change, options, said):
    options = {"purpose": PURPOSE} | options
    with pytest.raises(UserError, match=said) as caught:
        minimize(change(planted(400)), "outcome", options.pop("purpose"), **options)
    assert "user1@" not in str(caught.value)
