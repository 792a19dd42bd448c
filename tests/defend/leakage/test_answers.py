"""Each answer does what it says, and is judged by an attacker who knows it, on the same halves."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from secure_ai.access.scoring import AnswerPolicy
from secure_ai.anonymize.differential_privacy.learning.encoder import PublicEncoder, Range
from secure_ai.anonymize.differential_privacy.learning.training import PrivateLogisticRegression
from secure_ai.core import Unassessed, UserError
from secure_ai.defend.leakage import (
    FewerColumns,
    OutOfFold,
    PrivateTraining,
    WithoutDuplicates,
    compare_answers,
    plot_leakage,
    usual_answers,
)

TREE = DecisionTreeClassifier()
FOREST = RandomForestClassifier(12)


def table(count: int = 700, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Cases whose outcome is learnable and not certain."""
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame(rng.normal(size=(count, 6)), columns=list("abcdef"))
    outcome = (rows["a"] + rows["b"] + rng.normal(size=count) > 0).to_numpy().astype(int)
    return rows, outcome


@pytest.fixture(scope="module")
def compared():
    answers = {
        "40 in a leaf": RandomForestClassifier(12, min_samples_leaf=40),
        "rounded": AnswerPolicy("rounded", 1),
        "label": AnswerPolicy("label"),
        "leaf and label": (RandomForestClassifier(12, min_samples_leaf=40), AnswerPolicy("label")),
        "two columns": FewerColumns(RandomForestClassifier(12, min_samples_leaf=40), ("a", "b")),
    }
    return compare_answers(FOREST, answers, *table(), models=8, n_jobs=1)


def test_more_records_in_a_leaf_take_most_from_the_attacker(compared):
    table = compared.to_frame().set_index("answer")
    assert table.loc["none", "tpr"] > 0.08
    assert table.loc["40 in a leaf", "tpr"] < table.loc["none", "tpr"] / 3
    assert table.loc["40 in a leaf", "high"] < table.loc["none", "low"]
    assert compared.best(0.05) in {"40 in a leaf", "leaf and label", "two columns"}


def test_rounding_and_labels_alone_help_little_against_who_knows_them(compared):
    table = compared.to_frame().set_index("answer")
    assert table.loc["rounded", "tpr"] > 0.6 * table.loc["none", "tpr"]
    assert table.loc["label", "tpr"] > 0.03
    assert table.loc["label", "attack"] == "label-only"
    assert table.loc["label", "accuracy"] == table.loc["none", "accuracy"]


def test_each_figure_has_baseline_control_and_interval(compared):
    for figure in compared.measurements():
        assert figure.baseline == 0.01
        assert figure.control < 0.025
        assert figure.interval[0] <= figure.value <= figure.interval[1]
        assert figure.n == 700 * 8


def test_a_model_that_remembers_nothing_gives_nobody_away():
    rows, outcome = table()
    nothing = PrivateTraining(
        PrivateLogisticRegression(epsilon=0.5, bounds=(-3, 3), classes=[0, 1], steps=40)
    )
    found = compare_answers(TREE, {"private": nothing}, rows, outcome, models=8, n_jobs=1).found["private"]
    assert found.value < 0.03


def test_the_result_is_the_same_each_time_and_no_file_is_left():
    rows, outcome = table(300)
    before = {*Path("/tmp").glob("joblib*"), *Path("/dev/shm").glob("joblib*")}
    found = [
        compare_answers(TREE, {"label": AnswerPolicy("label")}, rows, outcome, models=8, n_jobs=1).table
        for _ in range(2)
    ]
    pd.testing.assert_frame_equal(*found)
    mine = {*Path("/tmp").glob("joblib*"), *Path("/dev/shm").glob("joblib*")} - before
    assert not [path for path in mine if f"_{os.getpid()}_" in path.name]


def test_copies_of_a_record_are_one_record_that_is_trained_on_as_often():
    rows, outcome = table(400)
    table_of_copies = pd.concat([rows, *[rows[:100]] * 5], ignore_index=True)
    labels = np.concatenate([outcome, *[outcome[:100]] * 5])
    recipe = RandomForestClassifier(12, min_samples_leaf=8)
    found = compare_answers(
        recipe, {"once": WithoutDuplicates(recipe)}, table_of_copies, labels, models=8, n_jobs=1
    )
    assert found.records == 400
    lines = found.table.set_index("answer")
    assert lines.loc["none", "tpr_repeated"] > 3 * lines.loc["once", "tpr_repeated"]
    assert (
        compare_answers(TREE, {"label": AnswerPolicy("label")}, *table(300), models=8, n_jobs=1)
        .table["tpr_repeated"]
        .isna()
        .all()
    )


def test_without_copies_leaving_them_out_changes_nothing():
    rows, outcome = table(300)
    lines = compare_answers(TREE, {"once": WithoutDuplicates(TREE)}, rows, outcome, models=8, n_jobs=1).table
    assert lines.loc[0, ["tpr", "auc", "accuracy"]].equals(lines.loc[1, ["tpr", "auc", "accuracy"]])


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 60), st.integers(0, 1000))
def test_training_without_duplicates_sees_each_record_once(count, seed):
    rng = np.random.default_rng(seed)
    rows, labels = rng.integers(0, 3, (count, 2)), rng.integers(0, 2, count)
    seen = []

    def recipe(rows, labels, seed):
        seen.extend(zip(map(tuple, rows), labels, strict=True))
        return "model"

    WithoutDuplicates(recipe)(rows, labels, 0)
    assert len(seen) == len(set(seen))
    assert set(seen) == set(zip(map(tuple, rows), labels, strict=True))


def test_fewer_columns_are_all_that_the_model_sees():
    rows, outcome = table(200)
    model = FewerColumns(TREE, ["a", "c"])(rows, outcome, 0)
    changed = rows.assign(b=0.0, d=0.0, e=0.0, f=0.0)
    assert (model.predict_proba(rows) == model.predict_proba(changed)).all()
    assert FewerColumns(TREE, (0,))(rows.to_numpy(), outcome, 0).predict_proba(rows.to_numpy()).shape[1] == 2


class Noted:
    """A tree that notes what it was taught and what it was asked."""

    def __init__(self, rows, labels, seed):
        self.tree = DecisionTreeClassifier(random_state=seed).fit(rows, labels)
        self.classes_, self.rows, self.labels, self.said = self.tree.classes_, set(rows["a"]), labels, {}

    def predict_proba(self, rows):
        found = self.tree.predict_proba(rows)
        self.said |= dict(zip(rows["a"], found.argmax(axis=1), strict=True))
        return found


def test_out_of_fold_training_never_learns_the_outcome_of_the_record_itself():
    rows, outcome = table(200)
    models = []

    def recipe(rows, labels, seed):
        models.append(Noted(rows, labels, seed))
        return models[-1]

    assert OutOfFold(recipe, folds=4)(rows, outcome, 0).predict_proba(rows).shape == (200, 2)
    *folds, released = models
    assert len(folds) == 4
    assert not any(each.rows & set(each.said) for each in folds)
    said = {name: answer for each in folds for name, answer in each.said.items()}
    assert released.labels.tolist() == [said[name] for name in rows["a"]]
    assert (released.labels != outcome).mean() > 0.1


def test_a_class_that_is_nowhere_the_likeliest_is_drawn_as_often_as_the_folds_expect_it():
    rng = np.random.default_rng(0)
    rows, outcome = rng.normal(size=(400, 2)), (rng.random(400) < 0.15).astype(int)
    taught = []

    def recipe(rows, labels, seed):
        taught.append(labels)
        return LogisticRegression(C=1e-6).fit(rows, labels)

    OutOfFold(recipe)(rows, outcome, 0)
    OutOfFold(recipe)(rows, outcome, 0)
    assert 0.05 < taught[3].mean() < 0.25
    assert (taught[3] == taught[7]).all()
    assert (taught[3] != outcome).mean() > 0.15


def test_copies_of_a_record_are_answered_by_a_model_that_has_none_of_them():
    rows, outcome = table(60)
    copied, labels = pd.concat([rows] * 3, ignore_index=True), np.tile(outcome, 3)
    seen = []

    def recipe(rows, labels, seed):
        seen.append(set(rows["a"]))
        return TREE.__class__(random_state=seed).fit(rows, labels)

    OutOfFold(recipe, folds=3)(copied, labels, 0)
    assert sum(map(len, seen[:3])) == 2 * 60


def test_private_training_draws_its_noise_anew_for_each_model():
    rows, outcome = table(200)
    encoder = PublicEncoder({"a": Range(-3, 3), "b": Range(-3, 3)})
    recipe = PrivateTraining(PrivateLogisticRegression(bounds=(0, 1), steps=20), encoder)
    one, same, other = (recipe(rows, outcome, seed) for seed in (1, 1, 2))
    assert (one.predict_proba(rows) == same.predict_proba(rows)).all()
    assert (one.predict_proba(rows) != other.predict_proba(rows)).any()
    assert one.cost_.epsilon <= 1


def test_the_usual_answers_are_those_that_the_recipe_can_set():
    forest = usual_answers(make_pipeline(StandardScaler(), RandomForestClassifier()))
    assert {"20 records or more in a leaf", "depth 4", "top label only"} <= set(forest)
    assert (
        forest["out-of-fold answers, 5 records or more in a leaf"].recipe.steps[-1][1].min_samples_leaf == 5
    )
    assert "10 rounds of training" in usual_answers(HistGradientBoostingClassifier())
    linear = usual_answers(LogisticRegression())
    assert "stronger regularization (C 0.01)" in linear
    assert "out-of-fold answers" in linear
    assert not {"depth 4", "10 rounds of training"} & set(linear)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda rows, labels: compare_answers(TREE, {}, rows, labels), "at least one answer"),
        (lambda rows, labels: compare_answers(TREE, {"none": TREE}, rows, labels), "'none'"),
        (lambda rows, labels: compare_answers(TREE, {"a": TREE}, rows, labels, models=4), "models=4"),
        (lambda rows, labels: compare_answers(TREE, {"a": (TREE, 1)}, rows, labels), "AnswerPolicy"),
        (lambda rows, labels: compare_answers(TREE, {"a": TREE}, rows, labels[1:]), "700 rows and 699"),
        (lambda rows, labels: compare_answers("tree", {"a": TREE}, rows, labels), "recipe"),
        (lambda rows, labels: FewerColumns(TREE, ["height"])(rows, labels, 0), "no column"),
        (lambda rows, labels: FewerColumns(TREE, "a"), "in a list"),
        (lambda rows, labels: OutOfFold(TREE, folds=1), "folds=1"),
        (lambda rows, labels: PrivateTraining(TREE), "PrivateNetwork"),
        (lambda rows, labels: usual_answers(lambda rows, labels, seed: TREE), "name your own"),
    ],
)
def test_a_wrong_argument_is_named(call, message):
    with pytest.raises(UserError, match=message):
        call(*table())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows, labels: (rows[:150], labels[:150]), "200 or more"),
        (lambda rows, labels: (rows, np.ones(len(labels))), "one class"),
        (lambda rows, labels: (rows, np.where(labels, 1, np.nan)), "no label"),
        (lambda rows, labels: (rows.mask(rows > 2), labels), "missing values"),
    ],
    ids=["too few", "one class", "a label missing", "a value missing"],
)
def test_data_on_which_nothing_can_be_told_are_unassessed(change, message):
    found = compare_answers(TREE, {"a": TREE}, *change(*table()), models=8, n_jobs=1)
    assert isinstance(found, Unassessed)
    assert message in found.reason


def test_an_answer_that_decides_nothing_is_no_answer():
    from sklearn.dummy import DummyClassifier

    found = compare_answers(TREE, {"a": DummyClassifier()}, *table(), models=8, n_jobs=1)
    assert isinstance(found, Unassessed)
    assert "the same" in found.reason


def test_the_sentence_and_the_picture_say_the_same(compared):
    best = compared.best(0.2)
    assert f"'{best}'" in compared.sentence(0.2)
    assert "most frequent class" in compared.sentence(0.2)
    figure = plot_leakage(compared, 0.2)
    assert f"'{best}'" in figure.axes[0].get_title(loc="left")
    assert figure.axes[0].get_xlabel()
    assert "No answer costs less" in compared.sentence(-1)
    assert "No answer" in plot_leakage(compared, -1).axes[0].get_title(loc="left")
