"""What lesson and lab of chapter 13 show is computed, complete, and says what is unassessed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from secure_ai.attack.membership import membership_from_scores
from secure_ai.core import Measurement, Unassessed, UserError
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


def test_every_figure_of_a_share_has_as_many_places():
    found = Measurement("share", 0.014, "probability", 600, 0.01, (0.009, 0.1), "made up", "made up")
    assert scenes._share(found) == "1.4% (0.9% to 10.0%)"


def test_the_note_counts_the_others_that_are_wrongly_accused():
    rng = np.random.default_rng(0)
    found = membership_from_scores(rng.random(300) + 0.2, rng.random(250), attack="made up")
    note = scenes.attacks_note(found)
    assert "2 of 250 others" in note and "give 1,000 or more" in note


def test_edited_copies_are_no_exact_copies_but_near_ones():
    note = "Seen today for follow up of her knee, walks well, no pain at night, next visit in six weeks."
    copies = [note, note.replace("walks well, ", ""), note.replace("today ", "")]
    assert len(scenes.without_copies(copies)) == 3
    assert len(scenes.without_copies(copies, near=0.5)) == 1


def test_the_promise_of_privacy_is_looser_with_more_epsilon():
    assert "55% of the members" in scenes.bound_sentence(4.0)
    assert "2% of the members" in scenes.bound_sentence(0.5)


def test_the_verdict_counts_what_could_not_be_assessed(told):
    _, _, case = told
    said = scenes.rules_verdict({"without records": check_release(case.model)})
    assert "'without records' meets" in said and " 0 could not be assessed" not in said
