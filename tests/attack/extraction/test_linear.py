"""Linear models are copied exactly: from probabilities, from rounded ones, from classes alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from secure_ai.access.scoring import AnswerPolicy
from secure_ai.attack.extraction import (
    coefficient_error,
    plot_rounding,
    rounding_curve,
    search_linear,
    solve_linear,
)
from secure_ai.attack.targets import TargetError, open_target
from secure_ai.core import UserError


@pytest.fixture(scope="module")
def loans():
    """A frame with numbers and categories, and a pipeline that a bank might have."""
    rng = np.random.default_rng(4)
    frame = pd.DataFrame(
        {
            "income": rng.normal(50_000, 12_000, 800).round(),
            "months": rng.integers(6, 60, 800),
            "purpose": rng.choice(["car", "house", "study"], 800),
            "phone": rng.choice(["no", "yes"], 800),
        }
    )
    score = (frame["income"] - 50_000) / 12_000 - frame["months"] / 30 + (frame["purpose"] == "car")
    y = np.where(score + rng.normal(0, 0.6, 800) > -0.8, "repaid", "default")
    coding = make_column_transformer(
        (OneHotEncoder(), ["purpose", "phone"]), (StandardScaler(), ["income", "months"])
    )
    return frame, make_pipeline(coding, LogisticRegression()).fit(frame, y)


def rounded(model, decimals):
    policy = AnswerPolicy("rounded", decimals)
    return open_target(lambda rows: policy.apply(model.predict_proba(rows)), classes=model.classes_)


@pytest.mark.parametrize("load", [load_breast_cancer, load_iris], ids=["two classes", "three classes"])
@pytest.mark.parametrize("scaled", [False, True], ids=["plain", "pipeline"])
def test_probabilities_give_the_coefficients_to_a_millionth(load, scaled):
    x, y = load(return_X_y=True)
    plain = LogisticRegression(solver="newton-cholesky")
    model = (make_pipeline(StandardScaler(), plain) if scaled else plain).fit(x, y)
    copy = solve_linear(model, x[::2])
    assert coefficient_error(model, copy, x) < 1e-6
    assert np.allclose(copy.predict_proba(x), model.predict_proba(x), atol=1e-6)


def test_copied_coefficients_are_those_that_the_model_holds():
    x, y = load_breast_cancer(return_X_y=True)
    model = LogisticRegression(solver="newton-cholesky").fit(x, y)
    copy = solve_linear(model, x[::2])
    assert np.abs(copy.coefficients - model.coef_).max() < 1e-6
    assert np.abs(copy.intercepts - model.intercept_).max() < 1e-6


def test_categories_inside_a_pipeline_are_copied_with_few_queries(loans):
    frame, model = loans
    target = open_target(model)
    copy = solve_linear(target, frame[:200])
    assert copy.queries == target.queries < 30
    assert coefficient_error(model, copy, frame) < 1e-6
    assert (copy.predict(frame) == model.predict(frame)).all()
    assert "purpose=house" in copy.to_frame().index


def test_a_value_of_one_row_among_many_is_copied_too():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"age": rng.integers(18, 90, 40_000), "land": rng.choice(["a", "b"], 40_000)})
    frame.loc[39_999, "land"] = "rare"
    y = frame["age"] + 20 * (frame["land"] == "a") + rng.normal(0, 9, 40_000) > 60
    coding = make_column_transformer((OneHotEncoder(), ["land"]), remainder=StandardScaler())
    model = make_pipeline(coding, LogisticRegression()).fit(frame, y)
    for copy in (solve_linear(model, frame), search_linear(open_target(model, answer="labels"), frame)):
        assert coefficient_error(model, copy, frame) < 1e-6


@pytest.mark.parametrize("decimals", [1, 2, 4])
def test_rounding_spoils_the_equations_and_not_the_line_search(loans, decimals):
    frame, model = loans
    searched = search_linear(rounded(model, decimals), frame[:200])
    solved = solve_linear(rounded(model, decimals), frame[:200], queries=searched.queries)
    assert searched.scaled
    assert coefficient_error(model, searched, frame) < 1e-6
    assert coefficient_error(model, solved, frame) > 1e4 * coefficient_error(model, searched, frame)


def test_labels_alone_give_the_boundary_and_not_the_size(loans):
    frame, model = loans
    copy = search_linear(open_target(model, answer="labels"), frame[:200])
    assert not copy.scaled
    assert np.linalg.norm(copy.coefficients) == pytest.approx(1)
    assert coefficient_error(model, copy, frame) < 1e-6
    assert (copy.predict(frame) == model.predict(frame)).mean() > 0.999


def test_rows_of_numbers_are_asked_about_between_own_rows_only():
    x, y = load_breast_cancer(return_X_y=True)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(x, y)
    lowest, highest = np.full(x.shape[1], np.inf), np.full(x.shape[1], -np.inf)

    def ask(rows):
        np.minimum(lowest, rows.min(axis=0), out=lowest)
        np.maximum(highest, rows.max(axis=0), out=highest)
        return model.predict(rows)

    copy = search_linear(open_target(ask, answer="labels"), x)
    assert (lowest >= x.min(axis=0) - 1e-9).all() and (highest <= x.max(axis=0) + 1e-9).all()
    assert coefficient_error(model, copy, x) < 1e-6


def test_boosted_trees_are_refused_as_no_linear_model():
    x, y = load_breast_cancer(return_X_y=True)
    trees = GradientBoostingClassifier(n_estimators=5, random_state=0).fit(x, y)
    with pytest.raises(TargetError, match="not linear"):
        solve_linear(trees, x)
    with pytest.raises(TargetError, match="plane"):
        search_linear(open_target(trees, answer="labels"), x)


def test_a_forest_whose_votes_look_like_rounding_is_refused_too():
    x, y = load_breast_cancer(return_X_y=True)
    forest = RandomForestClassifier(10, random_state=0).fit(x[:300], y[:300])
    with pytest.raises(TargetError, match="not linear"):
        solve_linear(forest, x[300:])


def test_answers_of_0_and_1_alone_settle_nothing():
    x, y = load_breast_cancer(return_X_y=True)
    tree = DecisionTreeClassifier(random_state=0).fit(x, y)
    with pytest.raises(TargetError, match="are 0 or 1"):
        solve_linear(tree, x)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda x: np.column_stack([x, np.ones(len(x))]), "do not vary"),
        (lambda x: np.where(np.arange(x.shape[1]) == 1, np.nan, x), "missing values"),
        (lambda x: x[:4], "too few"),
    ],
    ids=["constant column", "missing values", "four rows"],
)
def test_unusable_rows_are_refused_in_a_sentence(change, said):
    x, y = load_iris(return_X_y=True)
    model = LogisticRegression(max_iter=500).fit(x, y)
    target = open_target(lambda rows: model.predict_proba(rows[:, :4]), classes=model.classes_)
    with pytest.raises(TargetError, match=said):
        solve_linear(target, change(x))


def test_arguments_that_cannot_work_are_refused(loans):
    frame, model = loans
    with pytest.raises(UserError, match="too few"):
        solve_linear(model, frame, queries=5)
    with pytest.raises(UserError, match="halvings"):
        search_linear(rounded(model, 2), frame, halvings=0)
    with pytest.raises(TargetError, match="labels only"):
        solve_linear(open_target(model, answer="labels"), frame)
    with pytest.raises(TargetError, match="not rounded"):
        search_linear(model, frame)
    assert "two classes" in rounding_curve(DecisionTreeClassifier(), frame, frame).reason


def test_the_rounding_curve_says_and_draws_what_its_table_holds(loans):
    frame, model = loans
    found = rounding_curve(model, frame[:200], frame[200:], decimals=(2, 1))
    assert list(dict.fromkeys(found.table["answer"])) == ["all digits", "2 decimals", "1 decimal", "label"]
    assert not found.skipped
    lines = found.table[found.table["method"] == "line search"]
    assert lines["coefficient_error"].max() < 1e-6
    assert "worst coefficient" in found.sentence()
    assert plot_rounding(found).axes[0].get_title(loc="left").startswith("However coarse")
