"""Claims that an attacker tried to break: one person never moves an answer by more than was paid for."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from secure_ai.anonymize.differential_privacy import (
    Bounds,
    ContingencyTable,
    Count,
    Histogram,
    PrivacyUnit,
    Quantile,
    Sum,
    release,
)
from secure_ai.anonymize.differential_privacy.aggregate import aggregate
from secure_ai.anonymize.differential_privacy.noise import LARGEST_SCALE, gaussian, laplace
from secure_ai.anonymize.differential_privacy.selection import fit_selection
from secure_ai.anonymize.differential_privacy.sensitivity import sensitivities
from secure_ai.anonymize.differential_privacy.stability import fit_stability
from secure_ai.core import UserError
from secure_ai.core.sources import open_source

TWO_ROWS = PrivacyUnit("person", 2)
COLUMNS_THAT_CHANGE_TYPE = {
    "a missing number makes fractions of a column": ("code", None),
    "a word makes a column text": ("code", "unknown"),
    "a fraction among whole numbers": ("code", 0.5),
    "a missing yes or no": ("insured", None),
    "a word among dates": ("day", "never"),
}


@pytest.fixture(scope="module")
def many_rows() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    n = 2000
    return pd.DataFrame(
        {
            "person": rng.integers(0, 400, n),
            "cost": rng.integers(0, 1000, n),
            "code": rng.integers(0, 9, n),
            "insured": rng.integers(0, 2, n).astype(bool),
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, n), unit="D"),
        }
    )


@pytest.mark.parametrize("case", COLUMNS_THAT_CHANGE_TYPE)
def test_one_person_does_not_change_which_rows_of_others_count(many_rows, case, tmp_path):
    column, value = COLUMNS_THAT_CHANGE_TYPE[case]
    joined = pd.concat([many_rows, many_rows.iloc[:1].assign(person=999, cost=5).astype({column: object})])
    joined.iloc[-1, joined.columns.get_loc(column)] = value
    # As text and back: what a column becomes that is read from a file.
    if isinstance(value, str):
        joined[column] = joined[column].astype(str)
    else:
        joined = joined.infer_objects()
        joined[column] = pd.Series(list(joined[column]), index=joined.index)
    query = Sum("cost", (0, 1000))
    before = aggregate(open_source(many_rows), query, TWO_ROWS).values[0]
    after = aggregate(open_source(joined), query, TWO_ROWS).values[0]
    assert after - before == round(5 / sensitivities(query, TWO_ROWS)[0].step)


def test_the_same_rows_count_whatever_the_format_of_the_file(many_rows, tmp_path):
    query = Sum("cost", (0, 1000))
    many_rows.to_csv(tmp_path / "rows.csv", index=False)
    many_rows.to_parquet(tmp_path / "rows.parquet")
    answers = {
        aggregate(open_source(table), query, TWO_ROWS).values
        for table in (many_rows, tmp_path / "rows.csv", tmp_path / "rows.parquet")
    }
    assert len(answers) == 1


def test_rows_equal_as_numbers_are_told_apart_by_their_text():
    large = 2**53
    frame = pd.DataFrame({"person": [1] * 4, "x": [large, large + 1, large + 2, large + 3]})
    query = Histogram("x", edges=[0, large + 1.5, 2.0**60])
    found = {
        aggregate(open_source(frame.sample(frac=1, random_state=seed)), query, TWO_ROWS) for seed in range(6)
    }
    assert len(found) == 1


def test_missing_values_and_a_category_of_that_name_are_one_count():
    table = pd.DataFrame({"c": ["missing"] * 1000})
    more = pd.DataFrame({"c": ["missing"] * 1000 + [None]})
    before = release(table, Histogram("c"), epsilon=50, delta=1e-6).value
    after = release(more, Histogram("c"), epsilon=50, delta=1e-6).value
    assert before["missing"] == pytest.approx(1000, abs=2) and after["missing"] == pytest.approx(1001, abs=2)


def test_a_missing_value_does_not_rename_the_other_categories():
    whole, with_gap = pd.DataFrame({"c": [1, 2, 10]}), pd.DataFrame({"c": [1, 2, 10, None]})
    names = [
        {name for (name,) in aggregate(open_source(table), Histogram("c"), PrivacyUnit()).labels}
        for table in (whole, with_gap)
    ]
    assert names == [{"1", "2", "10"}, {"1", "2", "10", "missing"}]


def test_edges_belong_to_the_interval_above_and_the_last_one_to_that_below():
    values = [-0.1, 0, 0.5, 1, 1.5, 2, 2.1, np.nan, np.inf, -np.inf]
    query = Histogram("x", edges=[0, 1, np.float64(2)])
    found = aggregate(open_source(pd.DataFrame({"x": values})), query, PrivacyUnit())
    assert dict(zip([label for (label,) in found.labels], found.values, strict=True)) == {
        "[0, 1)": 2,
        "[1, 2]": 3,
        "any other": 5,
    }


@pytest.mark.parametrize("epsilon", [1e-6, 1e-3, 0.1, 1 / 3, 1.0, 100.0])
@pytest.mark.parametrize("rows", [1, 7, 1000])
def test_the_scale_is_the_least_that_opendp_proves(epsilon, rows):
    assert laplace(rows, epsilon).epsilon <= epsilon
    assert laplace(rows, epsilon).scale == pytest.approx(rows / epsilon, rel=1e-12)
    selection = fit_selection(rows, epsilon, 2, 11)
    assert selection.epsilon <= epsilon and selection.scale == pytest.approx(2 * rows / epsilon, rel=1e-12)
    hidden = fit_stability(rows, epsilon, 1e-6)
    assert hidden.epsilon <= epsilon and hidden.delta <= 1e-6 and hidden.threshold >= rows
    normal = gaussian(rows, epsilon, 1e-6)
    assert normal.epsilon <= epsilon * (1 + 1e-9)


def test_noise_beyond_64_bits_is_refused(visits):
    assert laplace(1, 1e-6, 1.0).scale < LARGEST_SCALE
    with pytest.raises(UserError, match="No noise can be fitted"):
        release(visits, Sum("cost", (0, 1)), epsilon=1e-6, unit=PrivacyUnit("person", 1_000_000))


ODD = {
    "bounds of numpy": lambda table: release(
        table, Sum("age", Bounds(np.float64(0), np.float64(120))), epsilon=1
    ),
    "next to no noise": lambda table: release(table, Count(), epsilon=100),
    "delta next to nothing": lambda table: release(
        table, Count(), epsilon=1, delta=1e-300, mechanism="gaussian"
    ),
    "delta next to one": lambda table: release(table, Histogram("ward"), epsilon=1, delta=0.999),
    "bounds next to each other": lambda table: release(
        table, Quantile("age", (1, 1.0000000000000002)), epsilon=1
    ),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_but_sound_input_is_answered(name, visits):
    answer = ODD[name](visits)
    assert answer.accuracy >= 0 and answer.proved_epsilon <= answer.epsilon


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda t: release(t, Count(), epsilon=101), "as good as exact"),
        (lambda t: release(t, Count(), epsilon=1e300), "as good as exact"),
        (lambda t: release(t, Histogram("ward"), epsilon=1, delta=1e-20), "No noise can be fitted"),
        (lambda t: Sum("age", (0, 5e-324)), "apart: use another unit"),
        (lambda t: Count(where="ward"), "where needs columns"),
        (lambda t: ContingencyTable(["ward"]), "needs columns with their categories"),
        (lambda t: Sum(["age"], (0, 1)), "Name one column"),
        (lambda t: Histogram("ward", ["any other"]), "leave that out"),
        (lambda t: release(t, Count(), epsilon="0.5"), "Epsilon is no number"),
        (lambda t: release(t, Count(), epsilon=math.nan), "Epsilon is nan"),
    ],
)
def test_what_cannot_be_sound_is_one_sentence(ask, says, visits):
    with pytest.raises(UserError, match=says):
        ask(visits)


def test_a_condition_that_nobody_meets_is_answered_like_any_other(visits):
    nobody = {"ward": "moon"}
    for query in (
        Count(where=nobody),
        Sum("age", (0, 120), where=nobody),
        Quantile("age", (0, 120), where=nobody),
    ):
        assert math.isfinite(release(visits, query, epsilon=1).value)


def test_nothing_of_a_release_tells_the_exact_answer(source):
    for query in (Count(), Sum("cost", (0, 2000)), Quantile("age", (0, 120))):
        answers = [release(source, query, epsilon=0.5) for _ in range(2)]
        rest = [{k: v for k, v in vars(a).items() if k != "value"} for a in answers]
        assert rest[0] == rest[1]
        assert all(isinstance(a.value, float) for a in answers)
