"""Claims about releases: what is proved, what is measured, what is refused."""

from __future__ import annotations

import math

import numpy as np
import opendp.prelude as dp
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opendp.mod import GLOBAL_FEATURES

from secure_ai.anonymize.differential_privacy import (
    BudgetLedger,
    ContingencyTable,
    Count,
    Histogram,
    Mean,
    PrivacyUnit,
    Quantile,
    Sum,
    expected_error,
    release,
)
from secure_ai.anonymize.differential_privacy.aggregate import aggregate
from secure_ai.anonymize.differential_privacy.noise import gaussian, laplace
from secure_ai.anonymize.differential_privacy.releases import exact_answer
from secure_ai.anonymize.differential_privacy.selection import fit_selection
from secure_ai.anonymize.differential_privacy.sensitivity import sensitivities
from secure_ai.core import UserError
from secure_ai.core.sources import open_source

PERSON = PrivacyUnit("person", 2)
QUERIES = [
    Count(where={"ward": "east", "age": (30, 60)}),
    Sum("cost", (0, 2000)),
    Mean("age", (0, 120)),
    Mean("age", (0, 120), known_size=3000),
    Quantile("age", (0, 120), 0.25),
    Histogram("ward", ["east", "west", "south"]),
    Histogram("age", edges=[0, 40, 65, 120]),
    ContingencyTable({"ward": ["east", "west"], "insured": [True, False]}),
]


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.name)
@pytest.mark.parametrize("epsilon", [0.05, 1.0, 3.0])
def test_opendp_proves_no_more_than_what_was_paid(source, query, epsilon):
    answer = release(source, query, epsilon=epsilon, unit=PERSON)
    assert 0.9 * epsilon < answer.proved_epsilon <= epsilon
    assert answer.exact is None and "exact" not in answer.to_frame()
    assert f"cost epsilon {epsilon:g}" in answer.sentence() and "at most 2 rows" in answer.sentence()


@pytest.mark.parametrize("query", [QUERIES[1], QUERIES[2], QUERIES[5]], ids=lambda query: query.name)
def test_gaussian_releases_keep_to_epsilon_and_delta(source, query):
    answer = release(source, query, epsilon=0.7, delta=1e-6, unit=PERSON, mechanism="gaussian")
    assert 0.6 < answer.proved_epsilon <= 0.7 and "delta 1e-06" in answer.sentence()


@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.floats(-1e6, 1e6) | st.just(math.inf) | st.none()),
        min_size=2,
        max_size=15,
    ),
    st.integers(1, 3),
    st.sampled_from(["count", "sum", "mean", "quantile", "histogram"]),
)
def test_removing_a_person_moves_no_answer_further_than_its_sensitivity(rows, limit, name):
    frame = pd.DataFrame(rows, columns=["person", "x"]).astype({"x": float})
    frame.loc[len(frame)] = [99, 1.0]  # somebody stays, whoever goes
    frame["w"] = ["a" if x > 0 else "b" for x in frame["x"]]
    query = {
        "count": Count(),
        "sum": Sum("x", (-7.3, 1000.1)),
        "mean": Mean("x", (-7.3, 1000.1)),
        "quantile": Quantile("x", (-10, 10), 0.3, candidates=7),
        "histogram": Histogram("w", ["a"]),
    }[name]
    unit = PrivacyUnit("person", limit)
    whole = aggregate(open_source(frame), query, unit).values
    moved = sensitivities(query, unit)
    for person in frame["person"].unique():
        rest = frame[frame["person"] != person]
        if rest.empty:
            continue
        less = aggregate(open_source(rest), query, unit).values
        changes = [abs(a - b) for a, b in zip(whole, less, strict=True)]
        if name == "quantile":
            assert max(changes) <= moved[0].steps
        elif name == "histogram":
            assert sum(changes) <= moved[0].steps
        else:
            assert all(change <= part.steps for change, part in zip(changes, moved, strict=False))


def test_the_rows_of_one_person_beyond_the_limit_do_not_count(source, visits):
    one = release(source, Count(), epsilon=1, unit=PrivacyUnit("person", 1), exact_for_teaching=True)
    assert one.exact == visits["person"].nunique()
    many = release(source, Count(), epsilon=1, unit=PrivacyUnit("person", 100), exact_for_teaching=True)
    assert many.exact == len(visits)


def test_which_rows_count_does_not_depend_on_the_order_of_the_file(visits):
    query = Sum("cost", (0, 2000))
    shuffled = visits.sample(frac=1, random_state=1)
    assert aggregate(open_source(visits), query, PERSON) == aggregate(open_source(shuffled), query, PERSON)


def test_exact_sum_mean_and_quantile_agree_with_pandas(source, visits):
    total = exact_answer(QUERIES[1], aggregate(source, QUERIES[1], PrivacyUnit()))
    assert total == pytest.approx(visits["cost"].clip(0, 2000).sum(), rel=1e-6)
    mean = exact_answer(QUERIES[2], aggregate(source, QUERIES[2], PrivacyUnit()))
    assert mean == pytest.approx(visits["age"].mean(), abs=1e-6)
    quarter = exact_answer(QUERIES[4], aggregate(source, QUERIES[4], PrivacyUnit()))
    assert quarter == pytest.approx(visits["age"].quantile(0.25), abs=1.2)


def test_quantile_scores_are_those_of_opendp():
    values = [1, 2, 3, 7, 5, 10, 0]
    query = Quantile("x", (0, 10), 0.25, candidates=3)
    ours = aggregate(open_source(pd.DataFrame({"x": values})), query, PrivacyUnit()).values
    dp.enable_features("contrib")
    space = dp.vector_domain(dp.atom_domain(T="i64")), dp.symmetric_distance()
    theirs = dp.t.make_quantile_score_candidates(*space, [0, 5, 10], 0.25)
    dp.disable_features("contrib")
    assert list(ours) == theirs(values)
    assert sensitivities(query, PrivacyUnit())[0].steps == theirs.map(1)


@pytest.mark.parametrize("mechanism", ["laplace", "gaussian"])
def test_measured_error_and_accuracy_are_those_of_the_formulas(mechanism):
    noise = laplace(3, 0.4) if mechanism == "laplace" else gaussian(3, 0.4, 1e-5)
    drawn = np.abs(np.array(noise.add([0] * 20_000)))
    # The standard error is about 0.7% (Laplace): 5% fails for a wrong scale, hardly ever by chance.
    assert drawn.mean() == pytest.approx(noise.expected_error, rel=0.05)
    assert (drawn <= noise.accuracy()).mean() == pytest.approx(0.95, abs=0.02)


def test_the_noise_of_a_sum_is_in_its_unit():
    query = Sum("cost", (0, 2000))
    assert expected_error(query, 0.5) == pytest.approx(2000 / 0.5, rel=1e-3)
    assert expected_error(Mean("cost", (0, 2000), known_size=100), 0.5) == pytest.approx(20, rel=1e-3)
    assert expected_error(Mean("cost", (0, 2000)), 0.5, records=100) == pytest.approx(40, rel=1e-3)


def test_measured_choices_of_a_quantile_have_the_computed_chances():
    selection = fit_selection(2, 1.0, 2, 4)
    scores = [0, 3, 9, 4]
    drawn = np.bincount([selection.choose(scores) for _ in range(8000)], minlength=4) / 8000
    assert np.allclose(drawn, selection.probabilities(scores), atol=0.03)


def test_two_releases_of_the_same_differ(source):
    values = {release(source, Sum("cost", (0, 2000)), epsilon=0.1).value for _ in range(5)}
    assert len(values) == 5


def test_rare_categories_that_nobody_listed_stay_hidden(source, visits):
    answer = release(source, Histogram("ward"), epsilon=0.5, delta=1e-9, unit=PERSON)
    assert (visits["ward"] == "north").any() and set(answer.value.index) == {"east", "west"}


def test_categories_are_those_that_were_given_whatever_the_data_hold(source):
    answer = release(source, QUERIES[5], epsilon=1, unit=PERSON)
    assert list(answer.value.index) == ["east", "west", "south", "any other"]
    assert (answer.nonnegative().value >= 0).all()


def test_contingency_cells_have_every_combination(source, visits):
    answer = release(source, QUERIES[7], epsilon=1, exact_for_teaching=True)
    assert answer.exact[("east", "true")] == (visits["insured"] & (visits["ward"] == "east")).sum()
    assert answer.exact.sum() == len(visits) and len(answer.value) == 9


def test_missing_values_count_for_nothing_and_infinite_ones_as_the_bound():
    frame = pd.DataFrame({"x": [1.0, np.nan, np.inf, -np.inf, None]})
    found = aggregate(open_source(frame), Sum("x", (-2, 5)), PrivacyUnit())
    assert exact_answer(Sum("x", (-2, 5)), found) == pytest.approx(4.0) and found.values[1] == 3


def test_a_mean_of_nobody_is_the_middle_with_no_accuracy(source):
    answer = release(source, Mean("age", (0, 120), where={"ward": "moon"}), epsilon=50, unit=PERSON)
    assert answer.value == 60 and "too few records" in answer.sentence()


def test_a_large_epsilon_is_called_what_it_is(source):
    assert "next to nothing" in release(source, Count(), epsilon=12).sentence()
    assert "next to nothing" not in release(source, Count(), epsilon=10).sentence()


def test_the_process_keeps_its_opendp_features(source):
    before = set(GLOBAL_FEATURES)
    release(source, Count(), epsilon=1)
    assert before == GLOBAL_FEATURES


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Sum("cost", (5, 5)), "both 5"),
        (lambda: Sum("cost", (9, 5)), "reversed"),
        (lambda: Sum("cost", (0, math.nan)), "two finite numbers"),
        (lambda: Mean("cost", (0, math.inf)), "two finite numbers"),
        (lambda: Mean("cost"), "needs bounds. Bounds come from"),
        (lambda: Sum("cost", (0, 1, 2)), "two numbers"),
        (lambda: Sum("cost", "auto"), "two numbers"),
        (lambda: Sum("cost", (0, 1e300)), "reach beyond"),
        (lambda: Quantile("cost", (0, 1), 1.5), "from 0 to 1"),
        (lambda: Quantile("cost", (0, 1), candidates=1), "2 to 10,000"),
        (lambda: Histogram("ward", []), "at least one value"),
        (lambda: Histogram("ward", ["a", "a"]), "twice"),
        (lambda: Histogram("age", edges=[3, 2]), "each above the last"),
        (lambda: ContingencyTable({}), "needs columns"),
        (lambda: PrivacyUnit("person", 0), "whole number from 1"),
        (lambda: PrivacyUnit(None, 3), "give person"),
    ],
)
def test_a_query_that_makes_no_sense_is_refused(make, says):
    with pytest.raises(UserError, match=says):
        make()


@pytest.mark.parametrize(
    ("query", "options", "says"),
    [
        (Count(), {"epsilon": 0}, "Epsilon is 0"),
        (Count(), {"epsilon": -1}, "Epsilon is -1"),
        (Count(), {"epsilon": math.nan}, "Epsilon is nan"),
        (Count(), {"epsilon": math.inf}, "Epsilon is inf"),
        (Count(), {"epsilon": "1"}, "no number"),
        (Count(), {"epsilon": 1e-9}, "nothing but noise"),
        (Count(), {"epsilon": 1, "delta": 1}, "Delta is 1"),
        (Count(), {"epsilon": 1, "delta": -0.1}, "Delta is -0.1"),
        (Count(), {"epsilon": 1, "delta": math.nan}, "Delta is nan"),
        (Count(), {"epsilon": 1, "delta": 1e-6}, "spends no delta"),
        (Count(), {"epsilon": 1, "mechanism": "gaussian"}, "needs a delta"),
        (Count(), {"epsilon": 1, "mechanism": "cauchy"}, "no mechanism 'cauchy'"),
        (Count(), {"epsilon": 11}, "does not suffice"),
        (Count(where={"wad": "east"}), {"epsilon": 1}, "no column 'wad'"),
        (Count(where={"age": "old"}), {"epsilon": 1}, "holds numbers"),
        (Sum("ages", (0, 9)), {"epsilon": 1}, "no column 'ages'"),
        (Sum("ward", (0, 9)), {"epsilon": 1}, "holds text, not numbers"),
        (Histogram("ward"), {"epsilon": 1}, "has no categories"),
        (Quantile("age", (0, 9)), {"epsilon": 1, "mechanism": "gaussian", "delta": 1e-6}, "pure epsilon"),
        (Count(), {"epsilon": 1, "unit": PrivacyUnit("patient")}, "no column 'patient'"),
    ],
)
def test_bad_input_is_one_sentence_and_spends_nothing(source, tmp_path, query, options, says):
    ledger = BudgetLedger.create(tmp_path / "l.sqlite", source, epsilon=10, delta=0.5, person="person")
    with pytest.raises(UserError, match=says) as caught:
        release(source, query, **{"unit": PERSON, **options}, ledger=ledger)
    assert "\n" not in str(caught.value) and "east" not in str(caught.value)
    assert ledger.spent == (0, 0) and ledger.spends().empty
    assert [path.name for path in tmp_path.iterdir()] == ["l.sqlite"]


@pytest.mark.parametrize("hole", [None, " "])
def test_rows_that_belong_to_nobody_are_refused(visits, tmp_path, hole):
    frame = visits.astype({"person": str})
    frame.loc[7, "person"] = hole
    source = open_source(frame)
    ledger = BudgetLedger.create(tmp_path / "l.sqlite", source, epsilon=10, person="person")
    with pytest.raises(UserError, match="'person' is missing in some rows"):
        release(source, Count(), epsilon=1, unit=PERSON, ledger=ledger)
    assert ledger.spends().empty


def test_an_empty_table_is_refused(visits):
    with pytest.raises(UserError, match="no rows"):
        release(visits.head(0), Count(), epsilon=1)
