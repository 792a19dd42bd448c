"""Claims about the federation and the erasure case of chapter 14."""

from __future__ import annotations

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from secure_ai.core import UserError
from secure_ai.defend import federated, unlearning
from secure_ai.learn import private_training_scenes as scenes
from synthetic_data import load
from synthetic_data.learning_tables import TASKS, learning_table


@pytest.fixture(scope="module")
def cases():
    return learning_table(load("finance", seed=3, rows=20_000), "credit")


@pytest.fixture(scope="module")
def group(cases):
    with threadpool_limits(1):
        yield scenes.federation(cases, scenes.private_training_scene("finance"), seed=3)


@pytest.fixture(scope="module")
def case(cases):
    return scenes.erasure_case(cases, seed=3)


@pytest.mark.parametrize("sector", scenes.SCENES)
def test_a_scene_is_of_its_sector_and_its_houses_have_different_names(sector):
    scene = scenes.private_training_scene(sector)
    assert TASKS[scene.task] == sector
    assert len(set(scene.names)) == 3


def test_another_sector_and_too_few_cases_are_one_sentence():
    with pytest.raises(UserError, match="choose from healthcare, finance"):
        scenes.private_training_scene("retail")
    scene = scenes.private_training_scene("finance")
    with pytest.raises(UserError, match="raise the parameter rows"):
        scenes.federation(learning_table(load("finance", seed=3, rows=3000), scene.task), scene)


def test_every_case_is_in_one_house_and_the_largest_house_comes_first(group, cases):
    sizes = [len(house.labels) for house in group.houses]
    assert sizes == sorted(sizes, reverse=True)
    assert sum(sizes) + sum(len(house.test_labels) for house in group.houses) == len(cases.outcome)
    assert all(house.name in group.sentence() for house in group.houses)


def test_the_server_reads_an_update_of_few_records_and_nothing_of_a_masked_or_noisy_one(group):
    for count in (1, 3):
        found = scenes.inverted(group, count, seed=3)
        assert found.recovered.value == 1
        assert f"{5 * count} of {5 * count} in full (by guessing: 0 of" in scenes.inversion_sentence(found)
    hidden = scenes.inverted(group, 1, masked=True, seed=3)
    noisy = scenes.inverted(group, 1, settings=scenes.noisy(4.0), seed=3)
    assert hidden.recovered.value == noisy.recovered.value == 0


def test_masks_do_not_help_where_the_sum_is_of_three_records(group):
    found = scenes.inverted_sum(group, seed=3)
    assert (found.batch, found.recovered.value, found.recovered.control) == (3, 1, 0)


def test_a_table_of_what_was_read_has_words_and_no_value_of_a_record(group):
    table = scenes.read_table({"update of 1 record": scenes.inverted(group, 1, seed=3)})
    assert table.iloc[0].tolist()[:2] == ["update of 1 record", "5 of 5"]
    assert table.iloc[0]["how far off"] == "under 0.01"
    assert table.iloc[0]["control"] == "0 of 5"


def test_first_updates_are_one_for_each_house_and_as_long_as_the_network(group):
    updates = scenes.first_updates(group, seed=3)
    assert set(updates) == {house.name for house in group.houses}
    assert {len(update) for update in updates.values()} == {group.network.size}


def test_tables_say_in_words_what_was_measured(group):
    pulled = federated.compare_proximal(
        group.houses, group.linear, strengths=(0.0, 1.0), rounds=1, seeds=(3,)
    )
    assert scenes.proximal_table(pulled)["pull (mu)"].tolist() == ["none: FedAvg", "1"]
    budgets = federated.compare_budgets(group.houses, group.linear, epsilons=(8.0,), rounds=1, seeds=(3,))
    told = scenes.budgets_table(budgets)
    assert told["the noise protects"].tolist() == ["one record", "a whole house", "nobody"]
    assert told["epsilon"].tolist() == ["8", "8", "no bound"]
    compared = scenes.compared_table(federated.compare_with_alone(group.houses, group.linear, rounds=1))
    assert compared["who trained it"].tolist()[-2:] == ["federated", "pooled"]
    lies = federated.compare_aggregations(
        group.houses, group.linear, liar=group.houses[0].name, rounds=1, seed=3
    )
    table = scenes.lies_table(lies).set_index("what the house sends")
    assert table.loc["the liar stays away"].tolist()[1:] == ["not tried", "not tried"]


def test_nobody_of_the_training_data_is_among_the_others_and_who_asks_was_in_it(case, cases):
    assert set(case.asking) <= set(case.people)
    # All rows of a person are on one side: those that are left are the others'.
    assert len(case.others) == len(cases.outcome) - int(np.isin(cases.people, case.people).sum())
    assert len(case.rows) + len(case.others) == len(cases.outcome)
    assert case.rows.notna().all(axis=None)


def test_an_erased_model_is_the_one_that_never_saw_the_people_and_the_table_says_so(case):
    counts = unlearning.train_counting(case.rows, case.labels, edges=case.edges(), ids=case.people)
    found = unlearning.measure_erasure(counts, case.asking, (case.others, case.truth), references=1, seed=3)
    table = scenes.erased_table({"counts": found}).set_index("version")
    before, deleted, erased, never = (
        table.loc[version, "AUC of the attack"]
        for version in (
            "before",
            "deleted from the table only",
            "erased from the model",
            "trained without them",
        )
    )
    assert before == deleted != erased == never
    assert table.loc["erased from the model", "difference"] == "0.000"
