"""What the lab of chapter 14 works on: the truth of each case is known, and what the houses send is real."""

from __future__ import annotations

import numpy as np
import pytest

from secure_ai.core.errors import UserError
from secure_ai.learn import private_training_trials as trials
from secure_ai.learn.private_training_cases import (
    ERASURES,
    FAULTS,
    HOLDS,
    TRACES,
    erasure_case,
    long_and_short_updates,
    masked_round,
    round_of_updates,
    trace,
)
from secure_ai.learn.tasks import private_training
from synthetic_data import load
from synthetic_data.learning_tables import learning_table

SEEDS = pytest.mark.parametrize("seed", range(10))


@pytest.fixture(scope="module")
def houses() -> trials.Federation:
    return trials.federation(
        learning_table(load("finance", seed=3, rows=15_000), "credit"), "finance", seed=3
    )


@SEEDS
@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_names_one_participant_and_the_mean_of_the_others_is_finite(seed, fault):
    updates, size, bad = round_of_updates(np.random.default_rng(seed), fault)
    mean, left_out = private_training.average_updates.reference(updates, size)
    assert left_out == bad and len(bad) == 1
    assert mean.shape == (size,) and np.isfinite(mean).all()


@SEEDS
@pytest.mark.parametrize("kind", TRACES)
def test_a_record_is_read_from_its_trace_or_has_left_none(seed, kind):
    case = trace(np.random.default_rng(seed), kind)
    read = private_training.read_record.reference(case.weights, case.biases)
    assert read is None if case.record is None else np.allclose(read, case.record)


@SEEDS
@pytest.mark.parametrize("missing", range(3))
def test_masked_words_add_up_to_the_plain_sum_and_hide_below_and_above_zero(seed, missing):
    case = masked_round(np.random.default_rng(seed), missing=missing)
    total = private_training.add_up.reference(case.sent, case.masks, case.bits)
    assert np.array_equal(total, case.total)
    assert len(case.sent) == 3 and (total > 0).any() and (total < 0).any()
    assert all(set(pair) - set(case.sent) for pair in case.masks)


@SEEDS
def test_two_updates_are_longer_than_the_clip_and_so_is_their_mean(seed):
    updates = long_and_short_updates(np.random.default_rng(seed), 1.5)
    assert sum(np.linalg.norm(one) > 1.5 for one in updates) == 2
    assert np.linalg.norm(sum(updates)) / (len(updates) + 4) > 1.5


@SEEDS
@pytest.mark.parametrize("kind", ERASURES)
def test_each_erasure_has_the_verdict_of_its_kind(seed, kind):
    case = erasure_case(np.random.default_rng(seed), kind)
    needed, holds = private_training.judge_erasure.reference(*case.arguments())
    assert 3 <= len(needed) < case.rows["shard"].nunique() + 1
    assert holds == (kind in HOLDS)


def test_the_houses_have_all_people_and_none_is_in_two(houses):
    dealt = sum(len(each.rows) + len(each.test_rows) for each in houses.participants)
    assert dealt == len(houses.labels)
    assert [each.name for each in houses.participants] == list(trials.HOUSES["finance"])


def test_too_few_cases_and_an_unknown_sector_are_refused_in_a_sentence():
    cases = learning_table(load("finance", seed=3, rows=2_000), "credit")
    with pytest.raises(UserError, match="raise the parameter rows"):
        trials.federation(cases, "finance")
    with pytest.raises(UserError, match="no such sector"):
        trials.federation(cases, "retail")


def test_a_broken_house_spoils_a_mean_without_a_look_and_nothing_else(houses):
    average = private_training.average_updates.reference
    spoiled, _ = trials.trained_by(trials.mean_without_a_look, houses, broken=True, rounds=3)
    whole, nobody = trials.trained_by(average, houses, rounds=3)
    kept, left_out = trials.trained_by(average, houses, broken=True, rounds=3)
    assert np.isnan(houses.quality(spoiled)) and "NaN" in trials.rounded(houses.quality(spoiled))
    assert np.array_equal(kept, whole)
    assert nobody == {} and left_out == {"Willow": 3}


def test_the_update_of_one_record_is_read_exactly_and_that_of_more_is_not(houses):
    read = private_training.read_record.reference
    one, many = trials.seen_by_server(houses, 1, seed=3), trials.seen_by_server(houses, 5, seed=3)
    values, worst = one.told(read(one.weights, one.biases))
    assert values == houses.model.inputs and worst < 1e-9
    assert many.told(read(many.weights, many.biases))[1] > 0.1
    assert one.told(None) == (0, float("inf"))


def test_real_updates_add_up_under_masks_although_a_house_falls_silent(houses):
    updates = trials.updates_of(houses, seed=3)
    silent = trials.HOUSES["finance"][1]
    case = trials.masked(updates, missing=[silent], seed=3)
    total = private_training.add_up.reference(case.sent, case.masks, case.bits)
    wanted = sum(update for name, update in updates.items() if name != silent)
    assert silent not in case.sent
    assert np.abs(total - wanted).max() < 1e-9


def test_masked_words_are_no_more_like_an_update_than_random_words_are(houses):
    table = trials.likeness(trials.updates_of(houses, seed=3), rounds=100, seed=3)
    assert np.allclose(table["no mask"], 1)
    assert np.abs(table["masked"] - table["random words"]).max() < 0.06


def test_noise_as_large_as_one_of_three_costs_more_than_as_one_of_two_hundred(houses):
    mean = private_training.private_mean.reference
    few, many = (
        np.mean([trials.trained_with_noise(mean, houses, count, noise=1.2, seed=seed) for seed in range(3)])
        for count in (3, 200)
    )
    assert many > few


def test_training_the_named_shards_again_leaves_no_trace_and_one_less_does(houses):
    model = trials.in_shards(houses, seed=3)
    requests = model.people(4)
    needed, _ = private_training.judge_erasure.reference(
        model.rows, requests, [], model.answers(requests, model.models), 1e-6
    )
    whole = model.answers(requests, model.erased(requests, needed))
    short = model.answers(requests, model.erased(requests, needed[:-1]))
    assert (whole["after"] - whole["scratch"]).abs().max() < 1e-12
    assert (short["after"] - short["scratch"]).abs().max() > 1e-6
    assert whole["before"].mean() > whole["scratch"].mean()
