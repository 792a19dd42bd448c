"""The hospital's learning tasks beat their baseline by the margin on the card, and are not trivial."""

from __future__ import annotations

import numpy as np
import pytest

from synthetic_data import load
from synthetic_data.healthcare import learn_readmission, learn_scans, readmission_features, scans

SEEDS = [7, pytest.param(8, marks=pytest.mark.slow), pytest.param(11, marks=pytest.mark.slow)]


@pytest.mark.parametrize("seed", SEEDS)
def test_readmission_is_learnable_and_not_trivial(seed):
    data = load("healthcare", seed=seed, rows=5000)
    stated = data.card.facts["readmission"]
    found = learn_readmission(data["readmissions"])
    assert found.margin >= stated["margin_over_baseline_auc"]
    assert 0.70 < found.auc < stated["highest_auc"]
    assert 0.1 < found.positives / found.rows < 0.35


@pytest.mark.parametrize("seed", SEEDS)
def test_scans_are_learnable_and_not_trivial(seed):
    data = load("healthcare", seed=seed, rows=2)
    stated = data.card.facts["scans"]
    found = learn_scans(data.images)
    assert found.margin >= stated["margin_over_baseline_auc"]
    assert 0.85 < found.auc < stated["highest_auc"]
    assert found.rows == stated["count"]


def test_labels_shuffled_leave_nothing_to_learn():
    table = load("healthcare", seed=7, rows=2500)["readmissions"]
    shuffled = np.random.default_rng(0).permutation(table["readmitted_30d"].to_numpy())
    assert learn_readmission(table.assign(readmitted_30d=shuffled)).auc < 0.6


def test_scans_are_small_gray_pictures_the_same_for_the_same_seed():
    first, second, other = scans(7), scans(7), scans(8)
    assert first.pixels.shape == (500, 32, 32)
    assert first.pixels.dtype == np.uint8
    assert set(first.labels.tolist()) == {0, 1}
    assert len(set(first.ids)) == len(first) == 500
    assert np.array_equal(first.pixels, second.pixels)
    assert not np.array_equal(first.pixels, other.pixels)


def test_features_hold_neither_label_nor_ids():
    table = load("healthcare", seed=7, rows=200)["readmissions"]
    features = readmission_features(table)
    assert not {"readmitted_30d", "patient_id", "encounter_id"} & set(features)
    assert all(kind.kind == "f" for kind in features.dtypes)
