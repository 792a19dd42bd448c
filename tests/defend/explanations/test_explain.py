"""Contributions add up, methods agree where theory says so, and what cannot be explained says why."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from secure_ai.core import Unassessed, UserError
from secure_ai.defend.explanations import explain, explain_rows, make_players

NAMES = ["income", "debt", "late", "noise"]


@pytest.fixture(scope="module")
def loans():
    rng = np.random.default_rng(3)
    rows = pd.DataFrame(rng.normal(size=(300, 4)), columns=NAMES)
    refused = (rows["debt"] - rows["income"] + 0.8 * rows["late"] + rng.normal(size=300) * 0.4) > 0.6
    return rows, refused.to_numpy()


@pytest.fixture(scope="module")
def logistic(loans):
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(*loans)


@pytest.fixture(scope="module")
def forest(loans):
    return RandomForestClassifier(20, max_depth=4, random_state=0).fit(*loans)


@pytest.mark.parametrize("method", ["exact", "sampled", "cohort"])
def test_contributions_and_base_add_up_to_the_score(forest, loans, method):
    found = explain(forest, loans[0].iloc[[1]], loans[0], label=True, method=method)
    assert found.base + found.contributions.sum() == pytest.approx(found.score)
    assert found.unexplained() == pytest.approx(0)
    assert found.score == pytest.approx(forest.predict_proba(loans[0].iloc[[1]])[0, 1])


def test_linear_explanation_is_the_coefficient_times_the_distance_from_the_average(logistic, loans):
    rows, _ = loans
    found = explain(logistic, rows.iloc[[0]], rows, label=True, method="linear", background_rows=None)
    scaled = StandardScaler().fit_transform(rows)
    expected = logistic[-1].coef_[0] * (scaled[0] - scaled.mean(axis=0))
    np.testing.assert_allclose(found.contributions, expected, atol=1e-9)


def test_exact_linear_and_sampled_agree_on_a_sum(logistic, loans):
    rows, _ = loans
    found = [
        explain(logistic, rows.iloc[[5]], rows, label=True, method=method, scale="log-odds").contributions
        for method in ("exact", "linear", "sampled")
    ]
    np.testing.assert_allclose(found[0], found[1], atol=1e-9)
    np.testing.assert_allclose(found[0], found[2], atol=1e-9)


def test_exact_values_match_the_glove_game_worked_by_hand():
    # Two left gloves, one right: a pair is worth 1. Shapley: 1/6, 1/6, 4/6.
    others = pd.DataFrame(np.zeros((10, 3)), columns=["left 1", "left 2", "right"])
    worth = lambda rows: np.minimum(np.maximum(rows["left 1"], rows["left 2"]), rows["right"])  # noqa: E731
    found = explain(worth, [1.0, 1.0, 1.0], others, label=1, method="exact")
    np.testing.assert_allclose(found.contributions, [1 / 6, 1 / 6, 4 / 6])


def test_sampled_values_are_within_their_errors_of_the_exact_ones(forest, loans):
    rows, _ = loans
    exact = explain(forest, rows.iloc[[2]], rows, label=True, method="exact", background_rows=None)
    misses = 0
    for seed in range(5):
        found = explain(forest, rows.iloc[[2]], rows, label=True, method="sampled", seed=seed)
        error = np.abs(found.contributions - exact.contributions)
        misses += int((error > 3 * found.standard_errors + 1e-9).sum())
    assert misses <= 1


def test_more_orders_make_smaller_errors(forest, loans):
    rows, _ = loans
    few, many = (
        explain(forest, rows.iloc[[2]], rows, label=True, method="sampled", permutations=size).standard_errors
        for size in (100, 1600)
    )
    assert many.sum() < 0.5 * few.sum()


def test_a_feature_that_the_model_never_reads_gets_nothing(loans):
    rows, _ = loans
    model = lambda asked: 1 / (1 + np.exp(-np.asarray(asked["debt"])))  # noqa: E731
    found = explain(model, rows.iloc[[0]], rows, label=1)
    silent = [at for at, name in enumerate(NAMES) if name != "debt"]
    assert not found.contributions[silent].any()
    assert not found.beyond_chance()[silent].any()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 6), st.sampled_from(["exact", "sampled", "cohort"]))
def test_contributions_add_up_for_any_function(seed, count, method):
    rng = np.random.default_rng(seed)
    others, row = rng.integers(0, 3, size=(12, count)).astype(float), rng.integers(0, 3, count).astype(float)
    slopes = rng.normal(size=(count, count))

    def model(rows):
        return 1 / (1 + np.exp(-np.einsum("ri,ij,rj->r", rows, slopes, rows)))

    found = explain(model, row, others, label=1, method=method, permutations=24, seed=seed)
    if isinstance(found, Unassessed):
        assert "same answer" in found.reason
    else:
        assert found.unexplained() == pytest.approx(0, abs=1e-9)
        assert np.isfinite(found.standard_errors).all()


def test_columns_of_one_category_are_one_feature(loans):
    rows, refused = loans
    dummies = pd.get_dummies(
        pd.Series(np.where(rows["noise"] > 0, "rent", "own")), prefix="home", dtype=float
    )
    wide = pd.concat([rows[["income", "debt"]], dummies], axis=1)
    model = LogisticRegression().fit(wide, refused)
    found = explain(model, wide.iloc[[0]], wide, groups={"home": list(dummies)}, label=True)
    assert found.features == ("income", "debt", "home")
    assert found.values[2] in dummies.columns


def test_text_and_category_columns_are_explained(loans):
    rows, refused = loans
    wide = rows.assign(
        home=np.where(rows["noise"] > 0, "rent", "own"),
        state=pd.Categorical(np.where(rows["late"] > 0, "NY", "NJ")),
    )
    columns = make_column_transformer((OneHotEncoder(), ["home", "state"]), remainder="passthrough")
    model = make_pipeline(columns, LogisticRegression(max_iter=500)).fit(wide, refused)
    for method in ("exact", "sampled", "cohort", "surrogate"):
        found = explain(model, wide.iloc[3], wide, label=True, method=method)
        assert len(found.contributions) == 6
        assert np.isfinite(found.contributions).all()


def test_label_only_models_are_explained(forest, loans):
    rows, _ = loans
    found = explain(lambda asked: forest.predict(asked).astype(int), rows.iloc[[0]], rows, label=1)
    assert math.isclose(found.score, int(forest.predict(rows.iloc[[0]])[0]))


def test_arrays_and_frames_give_the_same_contributions(loans):
    rows, refused = loans
    model = LogisticRegression().fit(rows.to_numpy(), refused)
    found = explain(model, rows.to_numpy()[0], rows.to_numpy(), label=True)
    assert found.features == ("x0", "x1", "x2", "x3")
    assert found.to_frame()["feature"].iloc[0] != "x3"


def test_the_same_seed_gives_the_same_explanation(forest, loans):
    rows, _ = loans
    found = [
        explain(forest, rows.iloc[[0]], rows, label=True, method="sampled", seed=4).contributions
        for _ in range(2)
    ]
    np.testing.assert_array_equal(*found)


def test_rows_are_explained_as_one_by_one(forest, loans):
    rows, _ = loans
    table = explain_rows(forest, rows.iloc[:3], rows, label=True, method="exact")
    one = explain(forest, rows.iloc[[2]], rows, label=True, method="exact")
    np.testing.assert_allclose(table.iloc[2], one.contributions)
    assert list(table.columns) == NAMES


def test_the_case_does_not_stand_in_the_repr_or_the_sentence(forest, loans):
    rows, _ = loans
    found = explain(forest, rows.iloc[[0]], rows, label=True)
    for value in rows.iloc[0]:
        assert f"{value:.4g}" not in repr(found) + found.sentence()


def _constant(rows):
    return np.full(len(rows), 0.3)


def _broken(rows):
    raise TimeoutError("secret value 4711")


def _uncertain():
    rng = np.random.default_rng(0)
    return lambda rows: rng.random(len(rows))


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (_constant, "same answer"),
        (_broken, "failed"),
        (_uncertain(), "asked again"),
        (lambda rows: np.full(len(rows), 1.5), "above 1"),
        (lambda rows: np.full(len(rows), np.nan), "not finite"),
        (object(), "answers nothing"),
    ],
    ids=["constant", "broken", "random", "above one", "nan", "nothing"],
)
def test_a_model_that_cannot_be_explained_is_unassessed_with_the_reason(loans, model, reason):
    found = explain(model, loans[0].iloc[[0]], loans[0], label=1)
    assert isinstance(found, Unassessed)
    assert reason in found.reason
    assert "4711" not in found.reason


def test_missing_values_are_unassessed(forest, loans):
    rows, _ = loans
    gap = rows.copy()
    gap.loc[0, "debt"] = np.nan
    assert "missing values" in explain(forest, rows.iloc[[1]], gap, label=True).reason
    assert "missing values" in explain(forest, gap.iloc[[0]], rows, label=True).reason


def test_a_sum_is_refused_where_features_work_together(forest, loans):
    rows, _ = loans
    found = explain(forest, rows.iloc[[0]], rows, label=True, method="linear", scale="probability")
    assert isinstance(found, Unassessed)
    assert "do not add up" in found.reason


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"method": "magic"}, "choose from"),
        ({"scale": "percent"}, "choose from"),
        ({"label": "maybe"}, "does not know"),
        ({"groups": {"g": ["absent"]}}, "no column 'absent'"),
        ({"groups": {"g": ["debt"], "h": ["debt"]}}, "choose"),
        ({"groups": {"debt": ["income", "late"]}}, "rename"),
        ({"groups": {"g": "debt"}}, "list its columns"),
        ({"permutations": 0, "method": "sampled"}, "2 or more"),
        ({"background_rows": 0}, "1 or more"),
    ],
)
def test_wrong_arguments_are_told_in_a_sentence(forest, loans, change, words):
    with pytest.raises(UserError, match=words):
        explain(forest, loans[0].iloc[[0]], loans[0], **({"label": True} | change))


@pytest.mark.parametrize("row", [[1.0], {"income": 1.0}, dict.fromkeys(NAMES, "a")])
def test_a_row_that_does_not_fit_is_told_in_a_sentence(forest, loans, row):
    with pytest.raises(UserError):
        explain(forest, row, loans[0], label=True)


def test_too_many_features_for_exact_point_to_sampled():
    rows = np.random.default_rng(0).normal(size=(30, 11))
    with pytest.raises(UserError, match="sampled"):
        explain(lambda asked: 1 / (1 + np.exp(-asked.sum(axis=1))), rows[0], rows, label=1, method="exact")


def test_players_keep_the_order_of_the_columns():
    players = make_players(["a", "b1", "c", "b2"], {"b": ["b1", "b2"]})
    assert players.names == ("a", "b", "c")
    assert players.columns == (("a",), ("b1", "b2"), ("c",))


def test_cohort_values_are_the_means_over_people_like_the_case():
    rng = np.random.default_rng(2)
    others = pd.DataFrame(rng.integers(0, 2, (60, 3)).astype(float), columns=["a", "b", "c"])
    row = np.array([1.0, 0.0, 1.0])
    score = others["a"] * 0.5 + others["b"] * 0.3
    found = explain(lambda asked: asked["a"] * 0.5 + asked["b"] * 0.3, row, others, label=1, method="cohort")
    everyone = np.append(score, 0.5)
    like = np.vstack([others.to_numpy() == row, np.ones(3, dtype=bool)])

    def worth(*features: int) -> float:
        return float(everyone[like[:, list(features)].all(axis=1)].mean())

    orders = [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]
    gains = [worth(*order[: order.index(0) + 1]) - worth(*order[: order.index(0)]) for order in orders]
    assert found.contributions[0] == pytest.approx(np.mean(gains))
    assert found.base == pytest.approx(worth())
