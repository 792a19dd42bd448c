"""What the check before release says of each kind of model, and that nothing unknown ever passes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.datasets import make_classification
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.impute import KNNImputer
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import BernoulliNB, GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    OneHotEncoder,
    QuantileTransformer,
    StandardScaler,
)
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from secure_ai.anonymize.differential_privacy.learning.training import PrivateLogisticRegression
from secure_ai.attack.networks import Network
from secure_ai.core import Outcome, Unassessed
from secure_ai.defend.release import check_release, load_rules

ROWS, LABELS = make_classification(300, 6, n_informative=4, random_state=0)
SMALL = RandomForestClassifier(5, random_state=0)
BIG_LEAVES = DecisionTreeClassifier(min_samples_leaf=40, random_state=0)
LEAF_RULES = {"min_samples_leaf", "smallest_leaf"}
CELL_RULES = {"equal_answers", "small_cells"}


def checked(model: Any, **options: Any) -> Any:
    return check_release(model.fit(ROWS, LABELS), ROWS, LABELS, **options)


pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def not_met(report: Any) -> set[str]:
    return {finding.rule for finding in report.not_met()}


@pytest.mark.parametrize(
    ("model", "against"),
    [
        (LogisticRegression(), set()),
        (make_pipeline(StandardScaler(), LogisticRegression()), set()),
        (MLPClassifier((4,), max_iter=20, random_state=0), set()),
        (Network((4,), epochs=2), set()),
        (DummyClassifier(), set()),
        (
            DecisionTreeClassifier(random_state=0),
            LEAF_RULES | {"small_cells", "class_disclosure"},
        ),
        (DecisionTreeClassifier(max_leaf_nodes=2, min_samples_leaf=40), set()),
        (SMALL, LEAF_RULES | CELL_RULES | {"degrees_of_freedom", "class_disclosure"}),
        (
            ExtraTreesClassifier(5, random_state=0),
            LEAF_RULES
            | {"small_cells", "degrees_of_freedom", "class_disclosure", "forests_without_bootstrap"},
        ),
        (GradientBoostingClassifier(n_estimators=9, random_state=0), LEAF_RULES | CELL_RULES),
        (AdaBoostClassifier(n_estimators=3, random_state=0), {"min_samples_leaf", *CELL_RULES}),
        (KNeighborsClassifier(), {"stored_records", *CELL_RULES, "class_disclosure"}),
        (SVC(), {"stored_records"}),
        (SVC(kernel="linear"), {"stored_records"}),
        (GaussianProcessClassifier(optimizer=None), {"stored_records", "degrees_of_freedom"}),
        (make_pipeline(KNNImputer(), LogisticRegression()), {"stored_records"}),
        (make_pipeline(Nystroem(n_components=20), LogisticRegression()), {"stored_records"}),
        (make_pipeline(MinMaxScaler(), LogisticRegression()), {"stored_values"}),
        (make_pipeline(QuantileTransformer(n_quantiles=50), LogisticRegression()), {"stored_values"}),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseEstimator) else "",
)
def test_each_kind_of_model_fails_the_rules_that_its_structure_breaks(model: Any, against: set[str]) -> None:
    report = checked(model)
    assert not report.unassessed()
    assert not_met(report) == against, report.sentence()
    expected = Outcome.EXCEEDS_THRESHOLD if against else Outcome.WITHIN_THRESHOLD
    assert report.outcome is expected


@pytest.mark.parametrize(
    "wrap",
    [
        lambda inner: make_pipeline(StandardScaler(), inner),
        lambda inner: CalibratedClassifierCV(inner, cv=2),
        lambda inner: VotingClassifier([("a", LogisticRegression()), ("b", inner)], voting="soft"),
        lambda inner: StackingClassifier([("a", LogisticRegression()), ("b", inner)], cv=2),
        lambda inner: BaggingClassifier(inner, n_estimators=2, random_state=0),
        lambda inner: GridSearchCV(inner, {"weights": ["uniform"]}, cv=2),
        lambda inner: make_pipeline(StandardScaler(), CalibratedClassifierCV(make_pipeline(inner), cv=2)),
    ],
    ids=["pipeline", "calibrated", "voting", "stacking", "bagging", "search", "nested"],
)
def test_stored_records_are_found_inside_any_container(wrap: Any) -> None:
    report = checked(wrap(KNeighborsClassifier()))
    found = report.finding("stored_records")
    assert found.outcome is Outcome.EXCEEDS_THRESHOLD
    assert found.measurement.value >= 100
    assert "KNeighborsClassifier" in found.where


@pytest.mark.parametrize(
    ("model", "parameters", "certain"),
    [
        (DecisionTreeClassifier(random_state=0), 85, True),
        (DecisionTreeClassifier(min_samples_leaf=40, random_state=0), 16, True),
        (RandomForestClassifier(5, random_state=0), 386, True),
        (RandomForestClassifier(5, min_samples_leaf=40, random_state=0), 50, False),
        (MLPClassifier((4,), max_iter=20, random_state=0), 33, False),
    ],
)
def test_parameters_and_class_disclosure_agree_with_sacroml(
    model: Any, parameters: int, certain: bool
) -> None:
    # Figures of sacroml 2.0.1 for these models on these rows (get_model_param_count, structural attack).
    report = checked(model)
    assert report.finding("degrees_of_freedom").measurement.value == len(ROWS) - parameters
    assert (report.finding("class_disclosure").outcome is Outcome.EXCEEDS_THRESHOLD) == certain


class KeepsRows(LogisticRegression):
    """A model of somebody's own that carries its training data along."""

    def fit(self, X: Any, y: Any) -> Any:
        self.kept_ = np.asarray(X).copy()
        return super().fit(X, y)


class Constant(ClassifierMixin, BaseEstimator):
    """A model of somebody's own."""

    def fit(self, X: Any, y: Any) -> Any:
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X: Any) -> Any:
        return np.tile([0.5, 0.5], (len(X), 1))


def test_an_unknown_kind_of_model_is_unassessed_and_never_passes() -> None:
    report = checked(Constant())
    assert report.outcome is Outcome.UNASSESSED
    rules = {finding.rule for finding in report.unassessed()}
    assert {"stored_records", "stored_values", "smallest_leaf", "degrees_of_freedom"} <= rules
    assert "cannot be cleared" in report.sentence()


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_subclass_that_keeps_its_rows_is_caught(wrapped: bool) -> None:
    model = make_pipeline(StandardScaler(), KeepsRows()) if wrapped else KeepsRows()
    found = checked(model).finding("stored_records")
    assert found.outcome is Outcome.EXCEEDS_THRESHOLD
    assert "kept_" in found.where


def test_a_model_of_ones_own_cannot_pass_under_a_known_name() -> None:
    forged = type("LogisticRegression", (Constant,), {"__module__": "sklearn.linear_model._logistic"})
    assert checked(forged()).finding("stored_records").outcome is Outcome.UNASSESSED


@pytest.mark.parametrize("kept", [b"all of them", "text", ROWS[:20]])
def test_an_attribute_put_on_a_known_model_is_named_and_keeps_it_from_passing(kept: Any) -> None:
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(ROWS, LABELS)
    model[-1].training = kept
    found = check_release(model, ROWS, LABELS).finding("stored_records")
    assert found.outcome is Outcome.UNASSESSED
    assert "training" in found.found


def test_a_list_of_rows_on_a_known_model_is_found() -> None:
    model = LogisticRegression().fit(ROWS, LABELS)
    model.kept_ = ROWS.tolist()
    assert "stored_records" in not_met(check_release(model, ROWS, LABELS))


def test_an_unknown_part_does_not_hide_what_another_part_stores() -> None:
    model = VotingClassifier([("a", Constant()), ("b", KNeighborsClassifier())], voting="soft")
    report = checked(model)
    assert "stored_records" in not_met(report)
    assert "Constant" in report.finding("stored_records").found
    assert report.finding("smallest_leaf").outcome is Outcome.UNASSESSED


def test_votes_out_of_the_bag_are_found_in_a_forest() -> None:
    report = checked(RandomForestClassifier(30, oob_score=True, min_samples_leaf=5, random_state=0))
    assert "oob_decision_function_" in report.finding("stored_records").found


@pytest.mark.parametrize("size", [12, 40])
def test_arrays_of_units_or_trees_are_not_taken_for_records(size: int) -> None:
    rows, labels = ROWS[:size], np.arange(size) % 2
    models = [
        MLPClassifier((size,), max_iter=2, random_state=0),
        GradientBoostingClassifier(n_estimators=size, max_depth=1),
        AdaBoostClassifier(n_estimators=size, random_state=0),
    ]
    for model in models:
        report = check_release(model.fit(rows, labels), rows, labels)
        assert report.finding("stored_records").measurement.value == 0


@given(leaf=st.integers(1, 40), trees=st.integers(1, 3), seed=st.integers(0, 5))
@settings(max_examples=8, deadline=None)
def test_the_smallest_leaf_is_the_one_that_records_fall_into(leaf: int, trees: int, seed: int) -> None:
    model = BaggingClassifier(
        DecisionTreeClassifier(min_samples_leaf=leaf),
        trees,
        max_samples=1.0,
        bootstrap=False,
        random_state=seed,
    ).fit(ROWS, LABELS)
    counted = min(np.unique(tree.apply(ROWS), return_counts=True)[1].min() for tree in model.estimators_)
    report = check_release(model, ROWS, LABELS)
    assert report.finding("smallest_leaf").measurement.value == counted
    assert report.finding("min_samples_leaf").measurement.value == leaf


def test_a_leaf_size_given_as_a_share_counts_as_records() -> None:
    report = checked(DecisionTreeClassifier(min_samples_leaf=0.1, random_state=0))
    assert report.finding("min_samples_leaf").measurement.value == 30


def test_histogram_boosting_is_read_leaf_by_leaf() -> None:
    model = HistGradientBoostingClassifier(
        max_iter=2, min_samples_leaf=7, early_stopping=False, random_state=0
    )
    report = checked(model)
    assert report.finding("min_samples_leaf").measurement.value == 7
    leaves = [tree.nodes["count"][tree.nodes["is_leaf"] == 1].min() for (tree,) in model._predictors]
    assert report.finding("smallest_leaf").measurement.value == min(leaves) >= 7


def test_categories_of_few_people_are_counted_where_the_records_are_there() -> None:
    frame = pd.DataFrame({"age": np.arange(300.0), "ward": ["a"] * 150 + ["b"] * 147 + ["x", "y", "z"]})
    encode = make_column_transformer((OneHotEncoder(), ["ward"]), remainder=StandardScaler())
    model = make_pipeline(encode, LogisticRegression()).fit(frame, LABELS)
    assert check_release(model, frame, LABELS).finding("stored_values").measurement.value == 3
    alone = check_release(model).finding("stored_values")
    assert alone.outcome is Outcome.UNASSESSED
    given_outside = make_column_transformer((OneHotEncoder(categories=[list("abxyz")]), ["ward"]))
    model = make_pipeline(given_outside, LogisticRegression()).fit(frame, LABELS)
    assert check_release(model, frame, LABELS).finding("stored_values").outcome is Outcome.WITHIN_THRESHOLD


def test_words_of_few_texts_are_counted_and_not_shown() -> None:
    texts = ["fever and cough"] * 30 + ["fever and Quillfeather"] + ["cough and pain"] * 30
    labels = [0, 1] * 30 + [0]
    model = make_pipeline(CountVectorizer(), LogisticRegression()).fit(texts, labels)
    report = check_release(model, texts, labels)
    assert report.finding("stored_values").measurement.value == 1
    shown = report.to_frame().to_string() + report.sentence() + repr(report)
    assert "quillfeather" not in shown.lower()


def test_counts_of_naive_bayes_are_cells_of_a_table() -> None:
    rows = np.zeros((60, 2))
    rows[:3, 1], rows[:40, 0] = 1, 1
    report = check_release(BernoulliNB().fit(rows, np.arange(60) % 2))
    assert report.finding("small_cells").measurement.value == 1
    assert report.finding("class_size").measurement.value == 30


def test_a_class_of_few_people_is_a_finding() -> None:
    labels = np.r_[np.ones(4, int), np.zeros(296, int)]
    report = check_release(GaussianNB().fit(ROWS, labels), ROWS, labels)
    assert report.finding("class_size").measurement.value == 4
    assert "class_size" in not_met(report)


def test_rounding_the_answers_makes_groups_larger() -> None:
    model = RandomForestClassifier(20, min_samples_leaf=30, random_state=0).fit(ROWS, LABELS)
    exact = check_release(model, ROWS, LABELS).finding("equal_answers").measurement.value
    rules = load_rules().model_copy(update={"decimals": 1})
    rounded = check_release(model, ROWS, LABELS, rules=rules).finding("equal_answers").measurement.value
    assert rounded > exact


def test_smooth_models_are_asked_for_equal_answers_only_where_the_house_wants_it() -> None:
    model = LogisticRegression().fit(ROWS, LABELS)
    assert "equal_answers" in dict(check_release(model, ROWS, LABELS).does_not_apply)
    rules = load_rules().model_copy(update={"smooth_models": True})
    assert "equal_answers" in not_met(check_release(model, ROWS, LABELS, rules=rules))


def test_private_training_is_judged_by_what_it_spent_and_by_its_seed() -> None:
    def report(**options: Any) -> Any:
        bounds = (ROWS.min(), ROWS.max())
        model = PrivateLogisticRegression(bounds=bounds, classes=[0, 1], steps=20, **options)
        return checked(model)

    assert report(epsilon=1.0).finding("epsilon").outcome is Outcome.WITHIN_THRESHOLD
    assert "epsilon" in not_met(report(epsilon=30.0))
    assert "epsilon" in not_met(report(epsilon=1.0, seed=0))
    assert "epsilon" in dict(report(epsilon=float("inf")).does_not_apply)


def test_without_data_the_rules_that_need_it_are_unassessed() -> None:
    report = check_release(LogisticRegression().fit(ROWS, LABELS))
    names = {finding.rule for finding in report.unassessed()}
    assert names == {"degrees_of_freedom", "class_size", "class_disclosure"}
    assert report.outcome is Outcome.UNASSESSED
    assert all(isinstance(finding.measurement, Unassessed) for finding in report.unassessed())


def test_rows_that_the_model_does_not_take_leave_the_answers_unassessed() -> None:
    report = check_release(BIG_LEAVES.fit(ROWS, LABELS), np.full((300, 9), np.nan), LABELS)
    assert report.finding("equal_answers").outcome is Outcome.UNASSESSED


def test_a_function_of_ones_own_is_not_known() -> None:
    model = make_pipeline(FunctionTransformer(lambda rows: rows), LogisticRegression())
    assert checked(model).finding("stored_records").outcome is Outcome.UNASSESSED
    assert checked(make_pipeline(FunctionTransformer(np.abs), LogisticRegression())).outcome is (
        Outcome.WITHIN_THRESHOLD
    )


def test_a_regressor_has_no_classes() -> None:
    model = DecisionTreeRegressor(min_samples_leaf=20, random_state=0).fit(ROWS, ROWS[:, 0])
    report = check_release(model, ROWS)
    assert {"class_size", "small_cells", "class_disclosure"} <= set(dict(report.does_not_apply))
    assert report.finding("equal_answers").measurement.value >= 20


def test_rows_and_labels_may_come_together() -> None:
    model = BIG_LEAVES.fit(ROWS, LABELS)
    assert check_release(model, (ROWS, LABELS)) == check_release(model, ROWS, LABELS)
