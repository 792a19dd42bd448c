"""Models are stolen by their answers, and how much is measured beside what needs no theft."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import make_column_transformer
from sklearn.datasets import make_classification
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from secure_ai.attack.extraction import (
    Substitute,
    fidelity,
    measure_extraction,
    plot_extraction,
    recombined_rows,
    steal_model,
)
from secure_ai.attack.targets import TargetError, open_target
from secure_ai.core import Unassessed, UserError


@pytest.fixture(scope="module")
def boosted():
    """Gradient boosting on numbers: model, rows of the thief, rows held out."""
    x, y = make_classification(2_000, 6, random_state=0)
    return (
        GradientBoostingClassifier(n_estimators=40, random_state=0).fit(x[:500], y[:500]),
        x[500:900],
        x[900:],
    )


@pytest.fixture(scope="module")
def stolen(boosted):
    model, own, held_out = boosted
    return measure_extraction(
        model, own, held_out, budget=400, answer="labels", checkpoints=(100, 200), price_per_thousand=2.5
    )


def test_a_copy_from_labels_agrees_beyond_majority_and_shuffled_answers(stolen):
    assert stolen.copied()
    assert stolen.fidelity.value > 0.9
    assert stolen.fidelity.baseline < 0.6 and stolen.fidelity.control < 0.7
    assert stolen.fidelity_rare.baseline == 0.0
    assert stolen.fidelity_unseen.n == stolen.fidelity.n


def test_the_curve_counts_every_query_and_its_price(stolen):
    assert stolen.curve["queries"].tolist() == [100, 200, 400]
    assert stolen.curve["cost"].tolist() == [0.25, 0.5, 1.0]
    assert stolen.queries == stolen.substitute.queries == 400
    assert stolen.queries_for(0.5) == 100 and stolen.queries_for(1.01) is None
    last = stolen.curve.iloc[-1]
    assert last["fidelity"] == stolen.fidelity.value and last["low"] <= last["fidelity"] <= last["high"]


def test_the_result_speaks_in_numbers_that_it_measured(stolen):
    assert "400 queries answered with labels alone (1.00 USD)" in stolen.sentence()
    assert "owned 400 rows" in stolen.sentence()
    assert stolen.to_frame()["measure"].tolist()[0] == "extraction_fidelity"
    assert len(stolen.measurements()) == 3
    figure = plot_extraction(stolen)
    assert "400 queries copy" in figure.axes[0].get_title(loc="left")
    assert "rows held out" in plot_extraction({"a": stolen, "b": stolen}).axes[0].get_ylabel()


def test_the_same_seed_gives_the_same_theft(boosted):
    model, own, held_out = boosted
    first, second = (steal_model(model, own, budget=150, kind="trees", answer="labels") for _ in range(2))
    assert (first.predict_proba(held_out) == second.predict_proba(held_out)).all()


def test_a_theft_never_asks_about_more_rows_than_its_budget_or_the_model_allows(boosted):
    model, own, _ = boosted
    for kind, limit, budget in (("trees", None, 130), ("linear", 90, 500)):
        target = open_target(model, max_queries=limit)
        copy = steal_model(target, own, budget=budget, kind=kind)
        assert target.queries == copy.queries == min(budget, limit or budget)


def test_few_own_rows_are_enough_where_rows_are_recombined(boosted):
    model, own, held_out = boosted
    with_made = steal_model(model, own[:30], budget=400, kind="trees", answer="labels")
    own_only = steal_model(model, own[:30], budget=400, kind="trees", answer="labels", recombine=False)
    assert own_only.queries < 60
    assert fidelity(model, with_made, held_out).value > fidelity(model, own_only, held_out).value


def test_frames_with_categories_and_text_classes_are_stolen_from_probabilities():
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"age": rng.integers(18, 90, 900), "job": rng.choice(list("abc"), 900)})
    y = np.where((frame["age"] > 50) ^ (frame["job"] == "a"), "high", "low")
    coding = make_column_transformer((OneHotEncoder(), ["job"]), remainder="passthrough")
    model = make_pipeline(coding, GradientBoostingClassifier(n_estimators=20)).fit(frame, y)
    found = measure_extraction(model, frame[:200], frame[200:], budget=200, kind="trees")
    assert found.answer == "probabilities"
    assert found.fidelity.value > 0.97
    assert set(found.substitute.predict(frame)) == {"high", "low"}


def test_three_classes_and_a_linear_model_are_stolen_too():
    x, y = make_classification(900, 6, n_informative=4, n_classes=3, random_state=2)
    model = LogisticRegression().fit(x[:300], y[:300])
    for answer in ("labels", "probabilities"):
        copy = steal_model(model, x[300:500], budget=250, kind="linear", answer=answer)
        assert fidelity(model, copy, x[500:]).value > 0.95
        assert copy.predict_proba(x).shape == (900, 3)


def test_networks_are_copied_by_networks(boosted):
    model, own, held_out = boosted
    copy = steal_model(model, own, budget=200, kind="network", answer="labels")
    assert isinstance(copy, Substitute) and copy.kind == "network"
    assert fidelity(model, copy, held_out).value > 0.85


def lying(rows):
    return np.full(len(rows), 7.0)


def failing(rows):
    raise TimeoutError("no answer")


def wavering():
    rng = np.random.default_rng(0)
    return lambda rows: rng.random(len(rows))


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (DummyClassifier(strategy="most_frequent").fit([[0], [1]], [0, 1]), "same class"),
        (DummyClassifier(strategy="constant", constant=1).fit([[0]], [1]), "one class"),
        (lying, "above 1"),
        (failing, "failed"),
        (wavering(), "otherwise when asked again"),
        ("model.pkl", "answers nothing"),
    ],
    ids=["constant", "one class", "lies", "no answer", "wavers", "no model"],
)
def test_a_model_that_cannot_be_judged_is_unassessed_with_the_reason(boosted, model, said):
    _, own, held_out = boosted
    found = measure_extraction(model, own, held_out, budget=200)
    assert isinstance(found, Unassessed) and said in found.reason


def test_rows_with_missing_values_are_unassessed(boosted):
    model, own, held_out = boosted
    hole = own.copy()
    hole[3, 2] = np.nan
    for rows, held in ((hole, held_out), (own, hole), (own[:3], held_out)):
        assert isinstance(measure_extraction(model, rows, held, budget=200), Unassessed)
    labels_only = open_target(model, answer="labels")
    found = measure_extraction(labels_only, own, held_out, budget=200, answer="probabilities")
    assert isinstance(found, Unassessed) and "labels only" in found.reason


@pytest.mark.parametrize(
    "wrong",
    [{"budget": 10}, {"kind": "magic"}, {"answer": "both"}, {"price_per_thousand": -1}],
    ids=lambda wrong: next(iter(wrong)),
)
def test_wrong_arguments_are_the_callers_error(boosted, wrong):
    model, own, held_out = boosted
    with pytest.raises(UserError) as caught:
        measure_extraction(model, own, held_out, **wrong)
    assert not isinstance(caught.value, TargetError)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 80))
def test_recombined_rows_leave_no_range_and_no_category(seed, count):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": rng.integers(0, 100, 30),
            "rate": rng.normal(size=30),
            "flag": rng.integers(0, 2, 30),
            "job": rng.choice(list("xyz"), 30),
        }
    )
    made = recombined_rows(frame, count, seed=seed)
    assert made.dtypes.to_dict() == frame.dtypes.to_dict() and len(made) == count
    assert set(made["job"]) <= set(frame["job"]) and set(made["flag"]) <= set(frame["flag"])
    for name in ("age", "rate"):
        assert made[name].between(frame[name].min(), frame[name].max()).all()


@pytest.mark.shared_data
@pytest.mark.slow
def test_adult_rows_boosted_are_copied_to_97_percent_within_5000_labels(shared_data):
    table = pd.read_csv(shared_data / "adult.csv", sep=";")
    y = table.pop("salary-class")
    order = np.random.default_rng(0).permutation(len(table))
    train, own, held_out = order[:10_000], order[10_000:20_000], order[20_000:]
    coding = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), [name for name in table if name != "age"]),
        remainder="passthrough",
        sparse_threshold=0,
    )
    model = make_pipeline(coding, GradientBoostingClassifier(random_state=0))
    model.fit(table.iloc[train], y.iloc[train])
    found = measure_extraction(model, table.iloc[own], table.iloc[held_out], answer="labels", kind="trees")
    assert found.queries <= 5_000
    assert found.fidelity.value >= 0.97 > found.fidelity.baseline
    assert found.fidelity_unseen.value >= 0.96
