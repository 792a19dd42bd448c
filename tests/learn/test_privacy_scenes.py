"""What lesson and lab of chapter 13 show is computed, complete, and says what is unassessed."""

from __future__ import annotations

import pandas as pd
import pytest

from secure_ai.core import Unassessed, UserError
from secure_ai.defend.release import check_release
from secure_ai.learn import privacy_scenes as scenes
from secure_ai.learn import privacy_trials as trials
from synthetic_data import load
from synthetic_data.learning_tables import learning_table


@pytest.fixture(scope="module", params=["healthcare", "finance"])
def told(request):
    scene = scenes.privacy_scene(request.param)
    data = load(request.param, seed=3, rows=3600 * scene.rows_each)
    return scene, data, trials.privacy_case(learning_table(data, scene.task), seed=3)


def test_an_unknown_sector_is_refused():
    with pytest.raises(UserError, match="healthcare, finance"):
        scenes.privacy_scene("retail")


def test_the_data_dictionary_names_columns_that_are_there(told):
    scene, _, case = told
    assert {*scene.ranges, *scene.lists} <= {*case.members[0].columns}
    for name, values in scene.lists.items():
        assert {*case.members[0][name]} <= {*values}


def test_texts_come_from_each_kind(told):
    scene, data, _ = told
    texts = scenes.texts_of(data.documents, scene, count=20)
    assert len(texts) == 20
    for kind in scene.texts[0]:
        assert {document.text for document in data.documents[kind]} & {*texts}


def test_private_training_spends_what_it_says_and_answers(told):
    scene, _, case = told
    model = scenes.private_training(scene)(*case.members, 0)
    assert model.cost_.epsilon == pytest.approx(scenes.EPSILON, rel=0.05)
    assert model.predict_proba(case.others[0]).shape == (len(case.others[1]), 2)


def test_a_share_that_was_not_measured_is_unassessed():
    assert scenes._share(Unassessed("too few")) == "unassessed"


def test_every_rule_of_release_has_an_outcome_for_each_model(told):
    _, _, case = told
    table = scenes.rules_table(
        {"one": check_release(case.model, *case.members), "two": check_release(case.stranger)}
    )
    assert {*table["one"], *table["two"]} <= {"met", "not met", "not assessed", "does not apply"}
    assert "not assessed" in {*table["two"]}  # without the records it cannot be said


def test_the_model_that_spares_most_is_one_whose_protection_was_known():
    table = pd.DataFrame(
        {
            "model": ["as it is", "larger leaves", "much larger leaves", "brochure"],
            "accuracy": [0.80, 0.796, 0.78, 0.80],
            "found": [0.30, 0.05, 0.02, 0.0],
            "attacker_knows": [True, True, True, False],
        }
    )
    said = trials.spared(table)
    assert "'larger leaves'" in said and "6.0 times" in said
