"""Gradient attacks keep to their limits, reach known optima on linear models, and read only real weights."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from secure_ai.attack.gradients import (
    Limits,
    fast_gradient,
    open_white_box,
    projected_gradient,
    random_change,
    smallest_changes,
)
from secure_ai.attack.networks import Network
from secure_ai.attack.targets import TargetError
from secure_ai.core import UserError

WIDE = Limits(-1e9, 1e9, 1.0, None, "standard deviations")


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(400, 5)) * [1, 50, 0.1, 4, 2] + [0, 900, 0, -3, 1]
    return rows, (rows[:, 0] + (rows[:, 1] - 900) / 50 + rng.normal(0, 0.5, 400) > 0).astype(int)


@pytest.fixture(scope="module")
def models(table):
    rows, labels = table
    three = labels + (rows[:, 3] > 0)
    return {
        "logistic regression": LogisticRegression(max_iter=2000).fit(rows, labels),
        "behind scaling": make_pipeline(StandardScaler(), PCA(4), LogisticRegression()).fit(rows, labels),
        "three classes": make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, three),
        "network": Network((16,), epochs=10).fit(rows, labels),
        "MLPClassifier": make_pipeline(
            StandardScaler(), MLPClassifier((8,), max_iter=60, random_state=0)
        ).fit(rows, labels),
    }


KINDS = ("logistic regression", "behind scaling", "three classes", "network", "MLPClassifier")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", KINDS)
def test_opened_model_leads_where_the_model_changes_its_answer(kind, models, table):
    model, rows = models[kind], table[0]
    box = open_white_box(model)
    answers = model.predict(rows)
    assert (box.leads(rows, box.codes(answers)) <= 1e-6).all()
    others = model.classes_[(box.codes(answers) + 1) % len(model.classes_)]
    assert (box.leads(rows, box.codes(others)) >= -1e-6).all()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", KINDS)
def test_lead_gradient_is_the_quotient_of_small_differences(kind, models, table):
    box, rows = open_white_box(models[kind]), table[0][:30]
    codes = np.zeros(30, dtype=int)
    if isinstance(box.head, Network):
        box.head.weights_ = [w.astype(float) for w in box.head.weights_]
    change = np.random.default_rng(0).normal(size=rows.shape) * rows.std(axis=0) * 1e-6
    found = (box.lead_gradient(rows, codes)[1] * change).sum(axis=1)
    rise = box.leads(rows + change, codes) - box.leads(rows - change, codes)
    assert np.allclose(found, rise / 2, rtol=1e-3, atol=1e-9)


def test_threshold_moves_the_lead(models, table):
    model, rows = models["logistic regression"], table[0]
    box = open_white_box(model, threshold=0.8)
    answers = (model.predict_proba(rows)[:, 1] >= 0.8).astype(int)
    assert (box.leads(rows, answers) <= 1e-9).all()


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_smallest_change_of_a_linear_model_is_the_distance_to_its_plane(norm, models, table):
    model, rows = models["logistic regression"], table[0][:100]
    weights = model.coef_[0]
    dual = np.abs(weights).sum() if norm == "linf" else np.linalg.norm(weights)
    exact = np.abs(model.decision_function(rows)) / dual
    found = smallest_changes(model, rows, model.predict(rows), norm=norm, limits=WIDE, most=1e6)
    assert (found.size >= exact * (1 - 1e-9)).all()
    assert (found.size <= exact * 1.01).all()
    assert (model.predict(found.changed) != model.predict(rows)).all()


def test_a_row_answered_otherwise_before_needs_no_change(models, table):
    model, rows = models["network"], table[0][:50]
    found = smallest_changes(model, rows, 1 - model.predict(rows), limits=Limits.table(table[0]))
    assert (found.size == 0).all() and np.array_equal(found.changed, rows)


def test_what_cannot_be_reached_is_infinite_and_unchanged(models, table):
    model, rows = models["logistic regression"], table[0]
    sure = rows[np.abs(model.decision_function(rows)) > 1]
    found = smallest_changes(model, sure, model.predict(sure), limits=WIDE, most=1e-6)
    assert not found.found.any() and np.array_equal(found.changed, sure)
    assert "none" in found.sentence()


def plane() -> LogisticRegression:
    """A fitted model of nine columns, made by hand."""
    model = LogisticRegression()
    model.classes_, model.intercept_ = np.array([0, 1]), np.array([0.1])
    model.coef_ = np.random.default_rng(0).normal(size=(1, 9))
    return model


@settings(max_examples=25, deadline=None)
@given(
    size=st.floats(0.002, 0.5),
    norm=st.sampled_from(["linf", "l2"]),
    levels=st.sampled_from([None, 15, 255]),
    seed=st.integers(0, 100),
)
def test_changes_stay_within_size_range_and_levels(size, norm, levels, seed):
    rng = np.random.default_rng(seed)
    rows = np.round(rng.random((12, 9)) * 15) / 15
    if levels == 255:
        rows = np.round(rows * 255) / 255
    labels = np.arange(12) % 2
    model, limits = plane(), Limits.pictures(levels)
    for changed in (
        fast_gradient(model, rows, labels, size, norm=norm, limits=limits),
        projected_gradient(model, rows, labels, size, norm=norm, limits=limits, steps=5, starts=2, seed=seed),
        random_change(rows, size, norm=norm, limits=limits, seed=seed),
    ):
        assert changed.min() >= 0 and changed.max() <= 1
        assert limits.distance(rows, changed, norm).max() <= size * (1 + 1e-9) + 1e-12
        if levels:
            assert np.allclose(changed * levels, np.round(changed * levels), atol=1e-9)


@settings(max_examples=15, deadline=None)
@given(size=st.floats(0.01, 5), norm=st.sampled_from(["linf", "l2"]), seed=st.integers(0, 50))
def test_fixed_columns_stay_and_others_keep_to_the_range_seen(size, norm, seed, table, models):
    rows, labels = table
    frame = pd.DataFrame(rows, columns=list("abcde"))
    limits = Limits.table(frame, fixed=["b", "e"])
    changed = projected_gradient(models["network"], frame, labels, size, norm=norm, limits=limits, seed=seed)
    assert list(changed.columns) == list("abcde")
    assert changed[["b", "e"]].equals(frame[["b", "e"]])
    assert (changed.min() >= frame.min() - 1e-9).all() and (changed.max() <= frame.max() + 1e-9).all()
    assert limits.distance(rows, changed.to_numpy(), norm).max() <= size * (1 + 1e-9)


def test_a_pipeline_fitted_on_a_frame_is_opened_without_warnings(table, recwarn):
    frame = pd.DataFrame(table[0], columns=list("abcde"))
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(frame, table[1])
    changed = projected_gradient(model, frame, model.predict(frame), 3.0, limits=Limits.table(frame))
    assert np.mean(model.predict(changed) != model.predict(frame)) > 0.9
    assert not [w for w in recwarn if "feature names" in str(w.message)]


def test_infinite_lead_goes_on_to_be_surer(models, table):
    model, rows = models["network"], table[0][:60]
    labels, limits = model.predict(rows), Limits.table(table[0])
    box = open_white_box(model)
    just, far = (
        projected_gradient(model, rows, labels, 2.0, limits=limits, lead=lead) for lead in (0.0, float("inf"))
    )
    assert box.leads(far, labels).mean() > box.leads(just, labels).mean() + 1


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda x, y: RandomForestClassifier(5).fit(x, y), "no gradient"),
        (lambda x, y: LogisticRegression(), "not fitted"),
        (
            lambda x, y: make_pipeline(PolynomialFeatures(2), LogisticRegression(max_iter=10)).fit(x, y),
            "more than",
        ),
        (lambda x, y: MLPClassifier((3,), activation="tanh", max_iter=5).fit(x, y), "no gradient"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_a_model_without_a_readable_gradient_is_refused_in_a_sentence(make, said, table):
    with pytest.raises(TargetError, match=said):
        open_white_box(make(*table))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"size": 0}, "above 0"),
        ({"size": "much"}, "above 0"),
        ({"size": float("nan")}, "above 0"),
        ({"size": 1, "norm": "l7"}, "choose from"),
        ({"size": 1, "steps": 0}, "1 or more"),
    ],
)
def test_wrong_arguments_are_refused_in_a_sentence(arguments, said, models, table):
    with pytest.raises(UserError, match=said):
        projected_gradient(models["network"], *table, **arguments)


def test_limits_name_a_fixed_column_that_is_not_there(table):
    with pytest.raises(UserError, match="'age'"):
        Limits.table(pd.DataFrame(table[0]), fixed=["age"])
    with pytest.raises(TargetError, match="nothing"):
        Limits.table(table[0], fixed=range(5))
