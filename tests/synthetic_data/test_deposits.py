"""The bank's pictures are the same for the same seed, learnable and not trivial."""

from __future__ import annotations

import numpy as np
import pytest

from synthetic_data.finance import deposits
from synthetic_data.healthcare.learning import learn_scans


@pytest.fixture(scope="module")
def pictures():
    return deposits.deposits(7)


def test_the_same_seed_gives_the_same_pictures_and_another_seed_others(pictures):
    assert np.array_equal(pictures.pixels, deposits.deposits(7).pixels)
    assert not np.array_equal(pictures.pixels, deposits.deposits(8).pixels)


def test_pictures_have_the_shape_of_the_scans(pictures):
    assert pictures.pixels.shape == (deposits.COUNT, deposits.SIZE, deposits.SIZE)
    assert pictures.pixels.dtype == np.uint8 and set(pictures.labels) == {0, 1}
    assert len(set(pictures.ids)) == len(pictures)


def test_about_the_stated_share_is_labelled_altered():
    share = deposits.deposits(1, 4000).labels.mean()
    noise, altered = deposits.LABEL_NOISE, deposits.ALTERED_SHARE
    assert share == pytest.approx(altered * (1 - noise) + (1 - altered) * noise, abs=0.03)


def test_alteration_is_learnable_and_not_trivial(pictures):
    learned = learn_scans(pictures)
    assert learned.baseline_auc + deposits.MARGIN < learned.auc < deposits.HIGHEST_AUC


def test_what_tells_altered_checks_apart_lies_in_the_amount_box():
    many = deposits.deposits(2, 4000)
    means = [many.pixels[many.labels == label].mean(axis=0) for label in (1, 0)]
    brightest = np.unravel_index(np.argmax(means[0] - means[1]), (deposits.SIZE, deposits.SIZE))
    top, bottom, left, right = deposits.BOX
    assert top < brightest[0] < bottom and left < brightest[1] < right
