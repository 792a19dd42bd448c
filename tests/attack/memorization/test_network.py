"""The network learns what its gradient says, and what it learns by heart depends on copies and epochs."""

import math

import numpy as np
import pytest

from secure_ai.attack.memorization import CharacterNetwork, exposures, make_canaries, plant
from secure_ai.attack.memorization.ngrams import BOUNDARY
from secure_ai.core import UserError

SMALL = {"context": 16, "hidden": 32, "batch_size": 32}


def notes(count=25, seed=0):
    """Short notes of a few words."""
    words = ["pain", "fever", "cough", "rest", "visit", "left", "right", "today", "again"]
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(words, 6)) for _ in range(count)]


def test_the_slopes_are_those_of_the_loss():
    network = CharacterNetwork(context=3, hidden=4, epochs=1).fit(["abca", "bcab"])
    network._weights = [weight.astype(float) for weight in network._weights]
    windows, following = network._examples(["abcab"])
    _, slopes = network._slopes(windows, following)
    step = 1e-5
    for weight, slope in zip(network._weights, slopes, strict=True):
        for place in np.ndindex(weight.shape):
            losses = []
            for side in (step, -2 * step):
                weight[place] += side
                losses.append(network._slopes(windows, following)[0] / len(following))
            weight[place] += step
            assert slope[place] == pytest.approx((losses[0] - losses[1]) / (2 * step), abs=2e-4)


def test_all_characters_the_end_and_one_unknown_share_one():
    network = CharacterNetwork(**SMALL, epochs=1).fit(notes())
    chances = np.exp(network.next_log_probabilities(["pain", ""], [*network.characters, BOUNDARY, "\uffff"]))
    np.testing.assert_allclose(chances.sum(axis=1), 1.0, rtol=1e-5)


def test_bits_per_character_are_those_of_the_single_steps():
    network = CharacterNetwork(**SMALL, epochs=2).fit(notes())
    steps = [
        network.next_log_probabilities(["pain again"[:place]], [letter])[0, 0]
        for place, letter in enumerate(["pain again"[k] for k in range(10)] + [BOUNDARY])
    ]
    assert network.bits_per_character(["pain again"]) == pytest.approx(
        -np.mean(steps) / math.log(2), rel=1e-5
    )


def test_more_epochs_and_more_copies_are_learned_by_heart():
    made = make_canaries(6, seed=1)
    texts = plant(notes(), made, [0, 0, 1, 1, 8, 8])
    few, many = (
        [one.bits for one in exposures(CharacterNetwork(**SMALL, epochs=epochs).fit(texts), made)]
        for epochs in (2, 12)
    )
    assert sum(many[2:]) > sum(few[2:]) + 2
    assert sum(many[4:]) >= sum(many[2:4])
    assert sum(many[4:]) > sum(many[:2]) + 10


def test_the_seed_decides_and_training_goes_down():
    one, again = (CharacterNetwork(**SMALL, epochs=3, seed=4).fit(notes()) for _ in range(2))
    assert one.history == again.history
    assert one.history[-1] < one.history[0]


@pytest.mark.parametrize("options", [{"context": 0}, {"epochs": 0}, {"hidden": -1}, {"learning_rate": 0}])
def test_impossible_settings_are_refused(options):
    with pytest.raises(UserError):
        CharacterNetwork(**options)


def test_a_network_that_was_not_trained_says_so():
    with pytest.raises(UserError, match="call fit"):
        CharacterNetwork().bits_per_character(["a"])
