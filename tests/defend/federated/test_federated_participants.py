"""Rows dealt out unequally, features agreed by sums, and what learning together brings."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_ai.core.errors import UserError
from secure_ai.defend.federated import (
    FederatedModel,
    TrainingSettings,
    agree_encoder,
    compare_proximal,
    compare_with_alone,
    describe_participants,
    model_for,
    split_by,
    split_unequally,
    summarize_table,
)
from secure_ai.defend.federated.charts import plot_comparison, plot_rounds
from synthetic_data import load
from synthetic_data.learning_tables import learning_table

NAMES = ["North", "East", "South"]
STORIES = {"readmission": ("healthcare", 3000), "fraud": ("finance", 10_000)}


@pytest.fixture(scope="module")
def table():
    return learning_table(load("healthcare", rows=2000), "readmission")


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([None, 0.5, 1.0, 50.0]))
def test_every_row_goes_to_one_participant_and_no_person_to_two_sides(seed, skew):
    rng = np.random.default_rng(seed)
    people = rng.integers(0, 150, 400)
    rows = np.column_stack([np.arange(400.0), people])
    houses = split_unequally(
        rows, rng.integers(0, 2, 400), NAMES, label_skew=skew, least=5, people=people, seed=seed
    )
    dealt = np.concatenate([part for house in houses for part in (house.rows, house.test_rows)])
    assert sorted(dealt[:, 0]) == list(range(400))
    sides = [set(part[:, 1]) for house in houses for part in (house.rows, house.test_rows)]
    assert sum(map(len, sides)) == len(set().union(*sides))


def test_a_smaller_parameter_makes_outcomes_more_unequal():
    rng = np.random.default_rng(0)
    rows, labels = rng.normal(size=(3000, 2)), rng.integers(0, 2, 3000)

    def spread(skew: float) -> float:
        splits = [split_unequally(rows, labels, NAMES, label_skew=skew, seed=seed) for seed in range(10)]
        return float(np.mean([describe_participants(each)["share of 1"].std() for each in splits]))

    assert spread(0.3) > spread(3.0) > spread(300.0)


def test_agreed_means_and_deviations_are_those_of_the_pooled_rows(table):
    inputs = table.inputs
    parts = [inputs.iloc[place::3] for place in range(3)]
    encoder = agree_encoder([summarize_table(part) for part in parts])
    for column, center in encoder.centers.items():
        values = np.log1p(inputs[column]) if column in encoder.logs else inputs[column]
        assert center == pytest.approx(values.mean())
        assert encoder.spreads[column] == pytest.approx(values.std(ddof=0), rel=1e-6)
    assert encoder.transform(inputs).shape == (len(inputs), len(encoder.feature_names))


def test_a_skewed_amount_is_taken_in_logarithms():
    amounts = pd.DataFrame({"amount": np.random.default_rng(0).lognormal(5, 2, 2000)})
    encoder = agree_encoder([summarize_table(amounts)])
    assert encoder.logs == {"amount"}
    assert abs(encoder.transform(amounts)).max() < 6


def test_splitting_by_a_column_makes_a_participant_of_each_value(table):
    houses = split_by(table.inputs, table.outcome, table.inputs["payer"], people=table.people)
    assert [house.name for house in houses] == sorted(table.inputs["payer"].unique())


@pytest.mark.parametrize(
    "how",
    [
        {"names": ["North"]},
        {"names": ["North", "North"]},
        {"sizes": (1, 2)},
        {"sizes": (1, 2, 0)},
        {"label_skew": 0},
        {"held_out": 1},
        {"people": [1]},
        {"least": 90},
    ],
)
def test_impossible_splits_are_refused_in_words(how):
    rng = np.random.default_rng(0)
    with pytest.raises(UserError):
        split_unequally(rng.normal(size=(100, 2)), rng.integers(0, 2, 100), **{"names": NAMES, **how})


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"a": [1.0, np.nan]}),
        pd.DataFrame({"a": [1.0, np.inf]}),
        pd.DataFrame({"a": ["x", None]}),
        pd.DataFrame({"a": []}),
        pd.DataFrame({"a": [f"id {number}" for number in range(1000)]}),
    ],
)
def test_unusable_columns_are_refused_in_words(frame):
    with pytest.raises(UserError):
        summarize_table(frame)


def test_participants_with_other_columns_cannot_agree():
    one, other = pd.DataFrame({"a": [1.0]}), pd.DataFrame({"b": [1.0]})
    with pytest.raises(UserError, match="differ"):
        agree_encoder([summarize_table(one), summarize_table(other)])


@pytest.mark.parametrize("task", ["readmission", pytest.param("fraud", marks=pytest.mark.slow)])
def test_together_is_better_than_alone_and_close_to_pooled_in_both_sectors(task):
    sector, rows = STORIES[task]
    cases = learning_table(load(sector, rows=rows), task)
    houses = split_unequally(
        cases.inputs, cases.outcome, NAMES, sizes=(5, 3, 2), least=100, people=cases.people, seed=1
    )
    found = compare_with_alone(
        houses,
        model_for(houses),
        rounds=15,
        settings=TrainingSettings(batch_size=64, learning_rate=0.3, decay=1e-3),
    )
    assert found.gain.interval[0] > 0
    assert found.gap.value < 0.02
    assert abs(found.auc.control - 0.5) < 0.05
    assert "better" in found.sentence()
    assert len(found.to_frame()) == 5
    title = plot_comparison(found).axes[0].get_title(loc="left")
    assert f"{found.auc.value:.3f}" in title
    assert plot_rounds(found.run).axes[0].get_xlabel() == "round"


def test_fedprox_shortens_updates_and_is_judged_on_held_out_rows(table):
    houses = split_unequally(table.inputs, table.outcome, NAMES, label_skew=0.5, people=table.people, seed=0)
    found = compare_proximal(
        houses,
        model_for(houses),
        strengths=(0.0, 1.0),
        rounds=4,
        settings=TrainingSettings(epochs=3),
        seeds=(0,),
    )
    assert found["drift"].iloc[1] < found["drift"].iloc[0]
    assert found[["loss", "auc"]].notna().all(axis=None)


def test_a_comparison_needs_two_participants_and_two_classes(table):
    houses = split_unequally(table.inputs, table.outcome, NAMES, people=table.people)
    with pytest.raises(UserError):
        compare_with_alone(houses[:1], model_for(houses))
    with pytest.raises(UserError):
        compare_with_alone(houses, FederatedModel(houses[0].rows.shape[1], (), (0, 1, 2)))
