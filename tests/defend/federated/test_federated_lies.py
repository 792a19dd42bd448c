"""Robust aggregation against lying participants, and noise for records and participants."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_ai.anonymize.differential_privacy.learning.accountant import epsilon_spent
from secure_ai.core.errors import UserError
from secure_ai.defend.federated import (
    BoundedMean,
    FederatedModel,
    Krum,
    TrainingSettings,
    TrimmedMean,
    compare_aggregations,
    compare_budgets,
    coordinate_median,
    split_unequally,
    train_private,
    weighted_mean,
)
from secure_ai.defend.federated.charts import plot_lies, plot_privacy

NAMES = ["North", "East", "South", "West", "Center", "Coast"]
RULES = {
    "median": coordinate_median,
    "trimmed mean": TrimmedMean(1),
    "Krum": Krum(1),
    "bounded mean": BoundedMean(1.0),
}


@pytest.fixture(scope="module")
def houses():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(1500, 5))
    labels = (rows[:, 0] - rows[:, 1] + rng.logistic(size=1500) > 0).astype(int)
    return split_unequally(rows, labels, NAMES, label_skew=20.0, seed=0)


@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), shout=st.floats(-1e8, 1e8))
def test_one_liar_among_five_moves_a_robust_rule_by_no_more_than_the_honest_differ(rule, seed, shout):
    rng = np.random.default_rng(seed)
    honest = rng.normal(1.0, 0.1, (4, 6))
    liar = rng.normal(size=6) * shout
    found = RULES[rule]([*honest, liar], np.full(5, 0.2))
    apart = np.linalg.norm(found - honest.mean(axis=0))
    # A bounded liar still has its share of the mean: twice a fifth of the longest honest update.
    room = 0.5 * np.linalg.norm(honest, axis=1).max() if rule == "bounded mean" else 1.0
    assert apart <= room


def test_one_liar_moves_the_mean_anywhere():
    found = weighted_mean([np.ones(3), np.ones(3), np.full(3, 1e6)], np.ones(3))
    assert found[0] > 1e5


@pytest.mark.parametrize("rule", [*RULES, "mean"])
def test_rules_do_not_depend_on_the_order_of_participants(rule):
    call = {**RULES, "mean": weighted_mean}[rule]
    vectors = list(np.random.default_rng(0).normal(size=(5, 4)))
    weights = np.full(5, 0.2)
    assert np.allclose(call(vectors, weights), call(vectors[::-1], weights))


def test_krum_takes_one_of_the_honest_updates():
    honest = [np.array([1.0, 1.0]), np.array([1.1, 1.0]), np.array([1.0, 1.1]), np.array([0.9, 1.0])]
    found = Krum(1)([*honest, np.array([9.0, 9.0])], np.ones(5))
    assert any(np.array_equal(found, each) for each in honest)


@pytest.mark.parametrize(("rule", "needed"), [(Krum(1), 5), (TrimmedMean(1), 3), (TrimmedMean(2), 5)])
def test_too_few_participants_are_refused_with_the_number_needed(rule, needed):
    with pytest.raises(UserError, match=f"needs {needed} participants"):
        rule([np.zeros(2)] * (needed - 1), np.ones(needed - 1))


def test_a_shouting_liar_ruins_the_mean_and_not_the_robust_rules(houses):
    found = compare_aggregations(
        houses, FederatedModel(5), liar="West", rounds=5, settings=TrainingSettings(learning_rate=0.3)
    )
    assert set(found.worst) == {"mean", *RULES}
    assert found.worst["mean"].value < 0.6
    for rule in ("bounded mean", "median", "trimmed mean"):
        assert found.worst[rule].value > 0.75
        assert found.worst[rule].interval[0] <= found.worst[rule].value <= found.worst[rule].interval[1]
    assert found.table.set_index(["lie", "rule"]).loc[("not a number", "mean"), "left_out"] == 5
    assert "West" in found.sentence()
    assert f"{found.worst['mean'].value:.2f}" in plot_lies(found).get_suptitle()
    assert len(found.to_frame()) == 6


def test_the_liar_must_be_one_of_three_or_more(houses):
    with pytest.raises(UserError, match="Nobody"):
        compare_aggregations(houses, FederatedModel(5), liar="Nobody")
    with pytest.raises(UserError, match="three"):
        compare_aggregations(houses[:2], FederatedModel(5), liar="North")


@pytest.mark.parametrize("level", ["record", "participant"])
def test_what_was_spent_is_what_the_accountant_says_of_the_steps(houses, level):
    found = train_private(houses, FederatedModel(5), epsilon=2.0, level=level, rounds=3, steps=4)
    assert found.steps == (12 if level == "record" else 3)
    assert found.epsilon <= 2.0
    assert found.epsilon == epsilon_spent(
        noise_multiplier=found.noise_multiplier,
        sampling_rate=found.sampling_rate,
        steps=found.steps,
        delta=found.delta,
    )
    assert level in found.sentence()
    assert "for lessons" in found.sentence()


def test_noise_at_the_level_of_participants_has_the_stated_size(houses):
    from secure_ai.defend.federated.client import TrainingSettings as Settings

    model = FederatedModel(5)
    quiet = Settings(learning_rate=1e-12)
    runs = [
        train_private(
            houses, model, epsilon=1.0, level="participant", rounds=1, settings=quiet, seed=seed, held_out={}
        )
        for seed in range(60)
    ]
    stated = runs[0].noise_multiplier * runs[0].max_norm / len(houses)
    measured = np.std([run.run.weights for run in runs])
    assert measured == pytest.approx(stated, rel=0.2)


def test_a_participant_that_does_not_shorten_its_update_cannot_outweigh_the_noise(houses):
    from secure_ai.defend.federated import LyingClient

    model = FederatedModel(5)
    members = [house.client(model) for house in houses]
    shouting = [*members[:-1], LyingClient(members[-1], lambda change: change * 1e6)]
    with_it, without = (
        train_private(each, model, epsilon=1.0, level="participant", rounds=1, held_out={}).run.weights
        for each in (shouting, members)
    )
    assert np.linalg.norm(with_it - without) <= 2.0 / len(houses) + 1e-9


def test_a_release_draws_noise_that_no_seed_repeats(houses):
    model = FederatedModel(5)
    one, other = (
        train_private(houses, model, epsilon=1.0, rounds=1, seed=None, held_out={}) for _ in range(2)
    )
    assert not np.array_equal(one.run.weights, other.run.weights)
    assert "for lessons" not in one.sentence()


@pytest.mark.parametrize(
    "how", [{"level": "house"}, {"epsilon": 0}, {"delta": 0.5}, {"max_norm": -1}, {"sampling_rate": 2}]
)
def test_impossible_privacy_is_refused_in_words(houses, how):
    with pytest.raises(UserError):
        train_private(houses, FederatedModel(5), **{"epsilon": 1.0, **how})


def test_budgets_are_compared_with_training_without_noise(houses):
    table = compare_budgets(houses, FederatedModel(5), epsilons=(1.0,), rounds=3, seeds=(0,))
    assert list(table["level"]) == ["record", "participant", "no noise"]
    assert math.isinf(table["epsilon"].iloc[-1])
    assert "without noise" in plot_privacy(table).axes[0].get_title(loc="left")
