"""Answers to theft: each is attacked by a thief who knows it, and has its price."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import make_classification
from sklearn.ensemble import GradientBoostingClassifier

from secure_ai.access.scoring import AnswerPolicy
from secure_ai.attack.targets import open_target
from secure_ai.core import Unassessed, UserError
from secure_ai.defend.extraction import (
    DailyLimit,
    DeceptiveNoise,
    GuardedModel,
    compare_answers,
    days_needed,
    plot_answers,
    refused_share,
)

KEY = b"a key of sixteen bytes"


@pytest.fixture(scope="module")
def problem():
    x, y = make_classification(1_600, 6, flip_y=0.1, random_state=0)
    model = GradientBoostingClassifier(n_estimators=40, random_state=0).fit(x[:600], y[:600])
    return model, x[600:800], x[800:], y[800:]


@pytest.fixture(scope="module")
def compared(problem):
    answers = {
        "noise": DeceptiveNoise(2.0, KEY),
        "label": AnswerPolicy("label"),
        "limit": DailyLimit(2, days=40),
    }
    return compare_answers(*problem, answers=answers, budget=250, kind="trees", demand=[1, 2, 3, 2])


def test_noise_misleads_the_naive_thief_and_not_the_one_who_takes_the_class(compared):
    table = compared.table.set_index("answer")
    assert table.loc["noise", "decisions_changed"] == 0
    assert table.loc["noise", "fidelity_adaptive"] >= table.loc["noise", "fidelity"]
    assert table.loc["noise", "fidelity_adaptive"] >= table.loc["label", "fidelity"]
    assert table.loc["noise", "probability_error"] > 0.02


def test_a_limit_leaves_fewer_queries_and_refuses_honest_rows(compared):
    table = compared.table.set_index("answer")
    assert table.loc["limit", "queries"] == 80
    assert table.loc["limit", "fidelity_adaptive"] < table["fidelity_adaptive"].iloc[0]
    assert table.loc["limit", "rows_refused"] == pytest.approx(1 / 8)


def test_the_comparison_speaks_and_draws(compared):
    assert "naming the most frequent one" in compared.sentence()
    assert len(compared.measurements()) == 4
    assert "or more under every answer" in plot_answers(compared).get_suptitle()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, 10), st.integers(2, 4), st.floats(0.05, 0.95))
def test_noise_keeps_every_class_and_stays_a_probability(seed, strength, classes, threshold):
    rng = np.random.default_rng(seed)
    rows, chances = rng.normal(size=(50, 3)), rng.dirichlet(np.full(classes, 0.3), 50)
    given_out = DeceptiveNoise(strength, KEY).apply(chances, rows, threshold)
    target = open_target(lambda _: given_out, classes=list(range(classes)), threshold=threshold)
    assert (target.labels(rows) == target.decide(chances)).all()


def test_asking_again_gets_the_same_noise_and_another_key_another(problem):
    model, _, held_out, _ = problem
    chances = model.predict_proba(held_out)
    first = DeceptiveNoise(1.5, KEY).apply(chances, held_out)
    assert (DeceptiveNoise(1.5, KEY).apply(chances[::-1], held_out[::-1])[::-1] == first).all()
    assert not np.allclose(DeceptiveNoise(1.5, KEY[::-1]).apply(chances, held_out), first)
    assert KEY.decode() not in repr(DeceptiveNoise(1.5, KEY))


def test_a_guarded_model_gives_what_its_policy_says(problem):
    model, _, held_out, _ = problem
    assert set(GuardedModel(model, AnswerPolicy("label")).ask(held_out)) == {0, 1}
    given_out = GuardedModel(model, AnswerPolicy("rounded", 1)).ask(held_out)
    assert np.allclose(given_out * 10, np.round(given_out * 10))


@pytest.mark.parametrize(
    ("queries", "limit", "principals", "days"), [(5_000, 500, 1, 10), (5_000, 500, 3, 4), (1, 500, 1, 1)]
)
def test_days_of_a_theft_follow_from_limit_and_accounts(queries, limit, principals, days):
    assert days_needed(queries, limit, principals) == days


@pytest.mark.parametrize(("limit", "share"), [(1, 0.7), (4, 0.3), (7, 0.0)])
def test_refused_rows_are_those_above_the_limit_of_a_day(limit, share):
    assert refused_share([7, 1, 2], limit) == pytest.approx(share)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: DailyLimit(0),
        lambda: DailyLimit(5, days=0),
        lambda: DeceptiveNoise(1.0, b"short"),
        lambda: DeceptiveNoise(-1.0, KEY),
        lambda: refused_share([], 3),
        lambda: refused_share([0, 0], 3),
    ],
)
def test_settings_that_mean_nothing_are_refused(wrong):
    with pytest.raises(UserError):
        wrong()


def test_a_model_that_gives_labels_only_or_decides_nothing_is_unassessed(problem):
    model, own, held_out, truth = problem
    labels = open_target(model, answer="labels")
    assert isinstance(compare_answers(labels, own, held_out, truth, budget=100), Unassessed)
    constant = compare_answers(lambda rows: np.full(len(rows), 0.7), own, held_out, truth, budget=100)
    assert isinstance(constant, Unassessed) and "same class" in constant.reason
    with pytest.raises(UserError, match="one each"):
        compare_answers(model, own, held_out, truth[:5])
