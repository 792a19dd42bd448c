"""Claims about the hospital and the bank of chapter 07, and about what its lesson writes and fits."""

from __future__ import annotations

import pytest

from secure_ai.attack.cryptography import alter_message
from secure_ai.core.errors import UserError
from secure_ai.encrypt.leaked_keys import find_leaked_keys
from secure_ai.learn.encryption_scenes import (
    SCENES,
    encryption_scene,
    small_model,
    write_careless_notebook,
)
from synthetic_data import load


@pytest.mark.parametrize("sector", SCENES)
def test_a_scene_fits_the_data_of_its_sector(sector):
    scene, data = encryption_scene(sector), load(sector, seed=3, rows=300)
    table, column = scene.searched
    assert column in data[table]
    assert {scene.person_id, scene.prize, "ssn", "last_name"} <= set(data[scene.people])
    cases = data[scene.cases]
    assert {scene.person_id, scene.target, *scene.inputs} <= set(cases)
    score = small_model(cases, scene.inputs, scene.target)
    chances = [score(record) for record in cases.head(20).to_dict("records")]
    assert all(0 < chance < 1 for chance in chances) and len(set(chances)) > 1
    assert score(cases.iloc[0][list(scene.inputs)].to_dict()) == chances[0]


@pytest.mark.parametrize("sector", SCENES)
def test_the_letters_and_orders_of_a_scene_can_be_attacked(sector):
    scene = encryption_scene(sector)
    known, other = scene.letters
    assert len(known) >= len(other), "a shorter known letter would leave the end of the other unread"
    assert "Changed unnoticed under CTR" in alter_message(*scene.order).sentence()


def test_another_sector_is_one_sentence():
    with pytest.raises(UserError, match="choose from healthcare, finance"):
        encryption_scene("retail")


def test_the_careless_notebook_holds_a_key_in_its_code_and_a_password_in_an_output(tmp_path):
    write_careless_notebook(tmp_path / "shared" / "draft.ipynb")
    found = find_leaked_keys(tmp_path / "shared").to_frame()
    assert list(found["place"]) == ["source", "output"]
