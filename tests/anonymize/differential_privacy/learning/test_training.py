"""Private models learn, say what they cost, repeat with a seed, and spend nothing on bad input."""

import math

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

from secure_ai.anonymize.differential_privacy.learning.accountant import epsilon_spent
from secure_ai.anonymize.differential_privacy.learning.encoder import PublicEncoder, Range
from secure_ai.anonymize.differential_privacy.learning.training import (
    PrivateLogisticRegression,
    PrivateNetwork,
)
from secure_ai.core.errors import UserError

MODELS = [PrivateLogisticRegression, PrivateNetwork]


def task(rows=3000, seed=0):
    """Two features in 0 … 10; the outcome is a noisy line through them."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 10, (rows, 2))
    return x, np.where(x[:, 0] - x[:, 1] + rng.normal(0, 1, rows) > 0, "yes", "no")


def rings(rows=6000, seed=0):
    """What no line separates: inside or outside a circle."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (rows, 2))
    return x, (x**2).sum(axis=1) < 0.6


@pytest.mark.parametrize("model", MODELS)
def test_a_private_model_learns_a_line_and_reports_what_the_accountant_says(model):
    x, y = task()
    fitted = model(bounds=(0, 10), seed=1).fit(x, y)
    assert fitted.score(*task(seed=1)) > 0.85
    assert list(fitted.classes_) == ["no", "yes"]
    assert 0.99 < fitted.epsilon_ <= 1
    assert fitted.epsilon_ == epsilon_spent(
        noise_multiplier=fitted.noise_multiplier_, sampling_rate=0.2, steps=100, delta=1e-5
    )
    np.testing.assert_allclose(fitted.predict_proba(x).sum(axis=1), 1)
    assert f"epsilon {fitted.epsilon_:.3g}" in fitted.cost_.sentence()
    assert "lessons" in fitted.cost_.sentence()
    assert set(fitted.cost_.to_frame().columns) == {"quantity", "value"}


def test_a_network_learns_what_a_line_cannot():
    x, y = rings()
    settings = {"bounds": (-1, 1), "epsilon": 4.0, "steps": 300, "seed": 0}
    line = PrivateLogisticRegression(**settings).fit(x, y).score(*rings(seed=1))
    network = PrivateNetwork(**settings).fit(x, y).score(*rings(seed=1))
    assert network > line + 0.2


@pytest.mark.parametrize("model", MODELS)
def test_several_classes_are_learned(model):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 3000)
    x = np.eye(3)[y] + rng.normal(0, 0.2, (3000, 3))
    fitted = model(bounds=(-1, 2), seed=0).fit(x, y)
    assert fitted.predict_proba(x).shape == (3000, 3)
    assert fitted.score(x, y) > 0.9


@pytest.mark.parametrize("model", MODELS)
def test_the_same_seed_gives_the_same_model_and_no_seed_another_one(model):
    x, y = task(500)
    weights = [
        model(bounds=(0, 10), steps=10, seed=seed).fit(x, y).layers_[0][0] for seed in (5, 5, 6, None, None)
    ]
    assert np.array_equal(weights[0], weights[1])
    assert not np.array_equal(weights[0], weights[2])
    assert not np.array_equal(weights[3], weights[4])


def test_a_release_without_a_fixed_seed_is_not_called_a_lesson():
    x, y = task(500)
    cost = PrivateLogisticRegression(bounds=(0, 10), steps=5).fit(x, y).cost_
    assert not cost.fixed_seed
    assert "lessons" not in cost.sentence()


@pytest.mark.parametrize("model", MODELS)
def test_estimators_can_be_cloned_and_cross_validated(model):
    x, y = task(900)
    original = model(bounds=(0, 10), epsilon=2.0, steps=40, seed=3)
    assert clone(original).get_params() == original.get_params()
    assert cross_val_score(original, x, y, cv=3).mean() > 0.75


def test_features_outside_the_bounds_count_as_the_bound():
    x, y = task(800)
    extreme = x.copy()
    extreme[0], x[0] = (1e12, -1e12), (10, 0)
    weights = [
        PrivateLogisticRegression(bounds=([0, 0], [10, 10]), steps=10, seed=0).fit(data, y).layers_[0][0]
        for data in (x, extreme)
    ]
    assert np.array_equal(*weights)


def test_less_epsilon_means_more_noise_and_infinity_means_none():
    x, y = task(500)
    noise = [
        PrivateLogisticRegression(bounds=(0, 10), epsilon=epsilon, steps=10, seed=0)
        .fit(x, y)
        .noise_multiplier_
        for epsilon in (0.1, 1.0, 10.0, math.inf)
    ]
    assert noise == sorted(noise, reverse=True)
    assert noise[-1] == 0
    free = PrivateLogisticRegression(bounds=(0, 10), epsilon=math.inf, max_grad_norm=math.inf, seed=0)
    assert free.fit(x, y).epsilon_ == math.inf
    assert "no differential privacy" in free.cost_.sentence()


def test_the_noise_of_a_step_has_the_standard_deviation_that_is_reported():
    """With one step and records whose gradients cancel, the weights move by Adam's sign of the noise only."""
    from secure_ai.anonymize.differential_privacy.learning import training

    drawn = []

    class Recorder:
        def __init__(self):
            self.rng = np.random.default_rng(0)

        def random(self, size):
            return self.rng.random(size)

        def uniform(self, *arguments):
            return self.rng.uniform(*arguments)

        def normal(self, mean, spread, shape):
            drawn.append((mean, spread, shape))
            return self.rng.normal(mean, spread, shape)

    x, y = task(200)
    layers = [(np.zeros((2, 1)), np.zeros(1))]
    training._descend(
        layers,
        x,
        (y == "yes").astype(int),
        Recorder(),
        noise=3.5,
        max_grad_norm=0.7,
        sampling_rate=0.5,
        steps=4,
        learning_rate=0.1,
    )
    assert drawn == [(0.0, 3.5, (2, 1)), (0.0, 3.5, (1,))] * 4


def test_classes_from_outside_keep_a_class_that_nobody_has():
    x, y = task(500)
    fitted = PrivateLogisticRegression(bounds=(0, 10), classes=["no", "yes", "unknown"], steps=5, seed=0)
    assert list(fitted.fit(x, y).classes_) == ["no", "unknown", "yes"]


class Purse:
    def __init__(self, refuses=False):
        self.spent, self.refuses = [], refuses

    def spend(self, epsilon, delta, what):
        if self.refuses:
            raise UserError("The budget is used up.")
        self.spent.append((epsilon, delta, what))


def test_the_budget_is_spent_once_and_before_training():
    x, y = task(500)
    purse = Purse()
    model = PrivateLogisticRegression(bounds=(0, 10), steps=5).fit(x, y, spend=purse.spend, what="triage")
    assert purse.spent == [(model.epsilon_, 1e-5, "triage")]


def test_a_refused_budget_leaves_no_model():
    x, y = task(500)
    model = PrivateLogisticRegression(bounds=(0, 10), steps=5)
    with pytest.raises(UserError, match="used up"):
        model.fit(x, y, spend=Purse(refuses=True).spend)
    with pytest.raises(UserError, match="not trained"):
        model.predict(x)


X, Y = task(200)
BAD = {
    "missing": ({}, np.where(np.arange(400).reshape(200, 2) == 7, np.nan, X), Y, "missing or infinite"),
    "infinite": ({}, np.where(np.arange(400).reshape(200, 2) == 7, np.inf, X), Y, "missing or infinite"),
    "text": ({}, [["a", "b"]] * 200, Y, "no number"),
    "one dimension": ({}, X[:, 0], Y, "shape"),
    "no rows": ({}, X[:0], Y[:0], "shape"),
    "one class": ({}, X, ["yes"] * 200, "one class only"),
    "lengths": ({}, X, Y[:50], "200 records"),
    "missing class": ({}, X, pd.Series([None, *Y[1:]]), "missing value"),
    "mixed classes": ({}, X, np.array([1, "a"] * 100, dtype=object), "mixes"),
    "unknown class": ({"classes": ["yes", "maybe"]}, X, Y, "not among"),
    "a number as class": ({}, X, X[:, 0], "classes"),
    "no bounds": ({"bounds": None}, X, Y, "State bounds"),
    "reversed bounds": ({"bounds": (1, 0)}, X, Y, "below the highest"),
    "bounds of another length": ({"bounds": ([0, 0, 0], 1)}, X, Y, "2 features"),
    "one bound": ({"bounds": 3}, X, Y, "two numbers"),
    "infinite bounds": ({"bounds": (0, math.inf)}, X, Y, "finite"),
    "epsilon 0": ({"epsilon": 0}, X, Y, "epsilon=0"),
    "epsilon negative": ({"epsilon": -1.0}, X, Y, "epsilon=-1"),
    "epsilon nan": ({"epsilon": math.nan}, X, Y, "epsilon=nan"),
    "delta 1": ({"delta": 1.0}, X, Y, "delta=1"),
    "delta 0": ({"delta": 0.0}, X, Y, "delta=0"),
    "delta above one person": ({"delta": 0.01}, X, Y, "one over the number"),
    "rate 0": ({"sampling_rate": 0.0}, X, Y, "sampling_rate=0"),
    "rate 2": ({"sampling_rate": 2}, X, Y, "sampling_rate=2"),
    "steps 0": ({"steps": 0}, X, Y, "steps=0"),
    "norm 0": ({"max_grad_norm": 0}, X, Y, "max_grad_norm=0"),
    "norm infinite with noise": ({"max_grad_norm": math.inf}, X, Y, "max_grad_norm=inf"),
    "pace": ({"learning_rate": math.nan}, X, Y, "learning_rate=nan"),
    "seed": ({"seed": -1}, X, Y, "seed=-1"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_gets_a_sentence_and_spends_nothing(case):
    changed, x, y, said = BAD[case]
    purse = Purse()
    with pytest.raises(UserError, match=said):
        PrivateLogisticRegression(**({"bounds": (0, 10)} | changed)).fit(x, y, spend=purse.spend)
    assert not purse.spent


@pytest.mark.parametrize("layers", [(0,), (1.5,), "16", 16, (True,)])
def test_hidden_layers_that_make_no_sense_get_a_sentence(layers):
    with pytest.raises(UserError, match="hidden_layers"):
        PrivateNetwork(hidden_layers=layers, bounds=(0, 10)).fit(X, Y)


def test_other_columns_than_in_training_get_a_sentence():
    model = PrivateLogisticRegression(bounds=(0, 10), steps=5).fit(X, Y)
    with pytest.raises(UserError, match="2 features and was given 1"):
        model.predict(X[:, :1])


@pytest.mark.shared_data
@pytest.mark.parametrize("model", MODELS)
def test_adult_at_epsilon_one_stays_within_one_and_a_half_points_of_no_privacy(model, shared_data):
    table = pd.read_csv(shared_data / "adult.csv", sep=";")
    names = ("sex", "race", "marital-status", "education", "native-country", "workclass", "occupation")
    listed = {
        name: pd.read_csv(shared_data / f"adult_hierarchy_{name}.csv", sep=";", header=None)[0].tolist()
        for name in names
    }
    x = PublicEncoder({"age": Range(15, 95, bins=16), **listed}).transform(table)
    y = (table["salary-class"] == ">50K").to_numpy()
    train, test = np.split(np.random.default_rng(0).permutation(len(y)), [len(y) * 8 // 10])
    private = model(bounds=(0, 1), seed=0).fit(x[train], y[train])
    free = LogisticRegression(max_iter=500).fit(x[train], y[train])
    assert private.epsilon_ <= 1
    assert private.score(x[test], y[test]) > free.score(x[test], y[test]) - 0.015
