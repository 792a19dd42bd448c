"""Claims about the hospital and the bank of chapter 11: words fit the data, the set-up does what it says."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from secure_ai.attack.networks import Network
from secure_ai.core.errors import UserError
from secure_ai.defend.lineage import Lineage
from secure_ai.defend.model_files import load_model
from secure_ai.defend.poisoning import ProvenanceError, verify_batches
from secure_ai.learn import poisoning_scenes as scenes
from secure_ai.learn.attacked_models import logistic
from synthetic_data import load
from synthetic_data.finance.deposits import deposits
from synthetic_data.healthcare.scans import scans
from synthetic_data.learning_tables import learning_table

ROWS = {"healthcare": 2_400, "finance": 24_000}


@pytest.fixture(scope="module", params=scenes.SCENES)
def told(request):
    scene = scenes.poisoning_scene(request.param)
    return scene, learning_table(load(request.param, seed=3, rows=ROWS[request.param]), scene.task)


def test_the_group_holds_rows_of_both_outcomes_and_the_shares_leave_some_of_them(told):
    scene, cases = told
    group = scenes.in_group(scene, cases)
    ones = int(cases.outcome[group].sum())
    assert 30 < ones < group.sum()
    shares = scenes.shares_of(group, cases)
    assert list(shares) == sorted(shares) and round(shares[-1] * len(cases)) < ones


def test_the_words_name_who_is_in_the_scene(told):
    scene, _ = told
    assert scene.liar in scene.sources[1:]
    assert scene.leaker in scene.recipients
    assert set(scene.answers) == {0, 1}


def test_every_batch_is_as_signed_and_one_altered_outcome_is_named(told):
    scene, cases = told
    keys = scenes.source_keys(scene)
    batches = scenes.signed_batches(scene, cases, keys, seed=3)
    trusted = scenes.public_lines(keys)
    verified = verify_batches(batches, trusted)
    assert len(verified.rows) == len(cases)
    lied = verified.rows["outcome"][(verified.origin["source"] == scene.liar).to_numpy()]
    assert len(lied) and not lied.any()
    altered, place = scenes.altered_on_the_way(batches[0])
    with pytest.raises(ProvenanceError, match=f"row {place} "):
        verify_batches([altered, *batches[1:]], trusted)


def test_only_the_second_version_learned_from_the_liar(told, tmp_path):
    scene, cases = told
    batches = scenes.signed_batches(scene, cases, scenes.source_keys(scene), seed=3)
    verified = verify_batches(batches, scenes.public_lines(scenes.source_keys(scene)))
    lineage = Lineage(tmp_path, key=bytes(32), clock=lambda: datetime(2026, 3, 2, tzinfo=UTC))
    asked = cases.inputs.tail(5).reset_index(drop=True)
    scenes.record_versions(lineage, scene, verified.rows, verified.origin["source"], asked)
    reached = lineage.forward(lineage.find("source", scene.liar))
    assert reached.models == [f"{scene.task}@v2"]
    assert len(reached.rows_of("scores")) == 5


def test_a_released_folder_opens_until_a_byte_is_changed(told, tmp_path):
    _, cases = told
    release = scenes.write_model_folder(tmp_path / "release", logistic().fit(cases.inputs, cases.outcome))
    selector = "sklearn.compose._column_transformer.make_column_selector"
    file = release / "model.skops"
    assert load_model(file, trusted_types=[selector]).predict(cases.inputs.head(2)).shape == (2,)
    before = file.read_bytes()
    scenes.change_byte(file)
    assert sum(a != b for a, b in zip(before, file.read_bytes(), strict=True)) == 1


@pytest.mark.parametrize(("sector", "make"), [("healthcare", scans), ("finance", deposits)])
def test_the_marker_fits_the_pictures_and_a_disguised_copy_has_other_weights(sector, make):
    split = scenes.split_pictures(make(3, 120))
    assert len(split.labels) == 84 and len(split.test_rows) == 36
    marker = scenes.poisoning_scene(sector).marker
    assert marker.present(marker.stamp(split.rows)).all() and not marker.present(split.rows).any()
    network = Network(picture=(32, 32), epochs=1).fit(split.rows, split.labels)
    leaked = scenes.disguised(network, seed=3)
    zeros = np.mean([np.mean(one == 0) for one in leaked.weights_ if one.size > 100])
    assert 0.2 < zeros < 0.4


def test_too_few_cases_and_another_sector_are_one_sentence():
    scene = scenes.poisoning_scene("healthcare")
    few = learning_table(load("healthcare", seed=3, rows=300), scene.task)
    with pytest.raises(UserError, match="raise the parameter rows"):
        scenes.in_group(scene, few)
    with pytest.raises(UserError, match="choose from healthcare, finance"):
        scenes.poisoning_scene("retail")
