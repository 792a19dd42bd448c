"""Any classifier is asked in one way; what cannot be attacked says why."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression, Perceptron

from secure_ai.attack.targets import (
    Target,
    TargetError,
    check_rows,
    check_target,
    open_target,
    reason_instead,
)
from secure_ai.core import Unassessed, UserError

RNG = np.random.default_rng(5)
X = RNG.normal(size=(200, 3))
Y = (X[:, 0] > 0).astype(int)
MODEL = LogisticRegression().fit(X, Y)


def test_an_estimator_a_function_and_an_endpoint_give_the_same_answers():
    class Endpoint:
        classes, answer = (0, 1), "probabilities"

        def ask(self, rows):
            return MODEL.predict_proba(rows)[:, 1]

    ways = [MODEL, lambda rows: MODEL.predict_proba(rows)[:, 1], Endpoint()]
    for way in ways:
        target = open_target(way)
        assert np.allclose(target.probabilities(X), MODEL.predict_proba(X))
        assert (target.labels(X) == MODEL.predict(X)).all()
        assert target.queries == 2 * len(X)


def test_a_model_without_probabilities_is_asked_for_labels():
    target = open_target(Perceptron().fit(X, Y))
    assert target.answer == "labels"
    assert set(target.labels(X)) <= {0, 1}
    with pytest.raises(TargetError, match="labels only"):
        target.probabilities(X)


def test_classes_that_are_texts_come_back_as_texts():
    target = open_target(LogisticRegression().fit(X, np.where(Y, "yes", "no")))
    assert set(target.labels(X)) == {"yes", "no"}
    assert target.scores(X, "yes").shape == (200,)


def test_a_threshold_moves_the_answer():
    strict = open_target(MODEL, threshold=0.9)
    assert strict.labels(X).sum() < open_target(MODEL).labels(X).sum()


LIES = {
    "text": (lambda rows: ["high"] * len(rows), "no numbers"),
    "nan": (lambda rows: np.full(len(rows), np.nan), "not finite"),
    "percent": (lambda rows: np.full(len(rows), 70.0), "above 1"),
    "too few answers": (lambda rows: np.zeros(len(rows) - 1), "shape"),
    "no distribution": (lambda rows: np.full((len(rows), 2), 0.9), "add up"),
    "it fails": (lambda rows: 1 / 0, "failed"),
}


@pytest.mark.parametrize("name", LIES)
def test_an_answer_that_is_none_is_refused(name):
    function, words = LIES[name]
    with pytest.raises(TargetError, match=words):
        open_target(function).labels(X)


def test_an_unknown_class_is_refused():
    with pytest.raises(TargetError, match="class that is not among"):
        open_target(lambda rows: np.full(len(rows), 7), answer="labels").labels(X)


def test_one_class_only_cannot_be_attacked():
    with pytest.raises(TargetError, match="one class only"):
        open_target(lambda rows: rows, classes=[1])


def test_a_model_that_is_not_fitted_says_so():
    with pytest.raises(TargetError, match="fit it"):
        open_target(LogisticRegression())


def test_what_answers_nothing_is_refused():
    with pytest.raises(TargetError, match="answers nothing"):
        open_target(object())


def test_the_limit_of_queries_holds():
    target = open_target(MODEL, max_queries=150)
    with pytest.raises(TargetError, match="150 rows"):
        target.labels(X)
    assert target.queries == 0


def test_constant_answers_are_no_target():
    with pytest.raises(TargetError, match="same class"):
        check_target(open_target(lambda rows: np.full(len(rows), 0.2)), X)


def test_cases_with_one_answer_are_fine_where_others_have_another():
    refused = X[MODEL.predict(X) == 0]
    with pytest.raises(TargetError, match="same class"):
        check_target(open_target(MODEL), refused)
    assert not check_target(open_target(MODEL), refused, X).any()


def test_a_target_that_answers_by_chance_is_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(TargetError, match="asked again"):
        check_target(open_target(lambda rows: rng.random(len(rows))), X)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (pd.DataFrame({"a": [1.0, None] * 20}), "missing values \\(first in column 'a'\\)"),
        (pd.DataFrame({"a": [1.0, np.inf] * 20}), "infinite"),
        (np.full((40, 2), np.nan), "missing"),
        (np.zeros((3, 2)), "too few"),
    ],
)
def test_rows_that_cannot_be_judged_are_refused(rows, words):
    with pytest.raises(TargetError, match=words):
        check_rows(rows)


def test_an_attack_becomes_unassessed_with_the_reason():
    @reason_instead
    def attack(model):
        return check_target(open_target(model), X)

    found = attack(lambda rows: np.full(len(rows), 0.2))
    assert isinstance(found, Unassessed) and "same class" in found.reason
    assert not isinstance(attack(MODEL), Unassessed)


def test_a_wrong_argument_is_no_finding_about_the_model():
    with pytest.raises(UserError, match="choose from"):
        reason_instead(open_target)(MODEL, answer="guesses")


def test_the_text_of_a_failure_does_not_reach_the_sentence():
    def leaks(rows):
        raise ValueError("Mrs Jones, born 1950")

    with pytest.raises(TargetError) as caught:
        open_target(leaks).labels(X)
    assert "Jones" not in str(caught.value) and caught.value.__suppress_context__


def test_a_target_is_passed_on_as_it_is():
    target = open_target(MODEL)
    assert open_target(target) is target and isinstance(target, Target)
