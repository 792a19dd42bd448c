"""A small network learns, gives true gradients, and refuses what it cannot learn from."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from secure_ai.attack.networks import Network, picture_rows, picture_side
from secure_ai.core import UserError
from synthetic_data.healthcare.scans import scans


@pytest.fixture(scope="module")
def table() -> tuple[np.ndarray, np.ndarray]:
    """Numbers on very different scales, two classes that no straight line parts."""
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(600, 4)) * [1, 100, 0.01, 5] + [0, 5_000, 0, -3]
    return rows, np.where((rows[:, 0] > 0) ^ (rows[:, 1] > 5_000), "yes", "no")


@pytest.fixture(scope="module")
def fitted(table) -> Network:
    return Network((16,), epochs=30).fit(*table)


@pytest.fixture(scope="module")
def on_scans() -> Network:
    images = scans(3, 500)
    return Network(picture=(32, 32), epochs=10).fit(picture_rows(images), images.labels)


def precise(network: Network) -> Network:
    """The same network in double precision, for differences of quotients."""
    return network.with_weights([w.astype(float) for w in network.weights_])


def test_it_learns_what_no_straight_line_parts(fitted, table):
    assert fitted.score(*table) > 0.9
    assert list(fitted.classes_) == ["no", "yes"]


def test_it_reads_unseen_scans_far_better_than_the_majority(on_scans):
    unseen = scans(4, 500)
    majority = max(unseen.labels.mean(), 1 - unseen.labels.mean())
    assert on_scans.score(picture_rows(unseen), unseen.labels) > majority + 0.2


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(table):
    first, again, other = (Network((8,), epochs=2, seed=seed).fit(*table) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first.weights_, again.weights_, strict=True))
    assert not np.array_equal(first.weights_[0], other.weights_[0])


def test_probabilities_add_up_and_agree_with_the_prediction(fitted, table):
    chances = fitted.predict_proba(table[0])
    assert np.allclose(chances.sum(axis=1), 1)
    assert (fitted.classes_[chances.argmax(axis=1)] == fitted.predict(table[0])).all()


def test_no_rows_get_no_answers(fitted, on_scans):
    assert fitted.predict(np.zeros((0, 4))).shape == (0,)
    assert on_scans.predict_proba(np.zeros((0, 1024))).shape == (0, 2)


def test_a_frame_is_answered_as_its_array(fitted, table):
    assert np.array_equal(fitted.logits(pd.DataFrame(table[0])), fitted.logits(table[0]))


@pytest.mark.parametrize("side", [(32, 32), (13, 18)])
def test_every_pixel_up_to_the_corners_can_change_the_answer(side):
    rng = np.random.default_rng(0)
    rows = rng.random((40, side[0] * side[1]))
    network = precise(Network((16,), picture=side, epochs=1, shift=0).fit(rows, rng.integers(0, 2, 40)))
    found = network.logit_gradient(rows, np.tile([-1.0, 1.0], (40, 1)))
    assert (np.abs(found).max(axis=0) > 0).all()
    change = rng.normal(size=rows.shape) * 1e-6
    rise = network.logits(rows + change) - network.logits(rows - change)
    assert np.allclose((found * change).sum(axis=1) * 2, rise[:, 1] - rise[:, 0], atol=1e-8)


@pytest.mark.parametrize("picture", [None, (32, 32)], ids=["table", "picture"])
def test_input_gradient_is_the_quotient_of_small_differences(picture, fitted, on_scans, table):
    if picture is None:
        network, rows = precise(fitted), table[0][:5]
        labels, step = table[1][:5], network.scale_ * 1e-6
    else:
        network, images = precise(on_scans), scans(5, 5)
        rows, labels, step = picture_rows(images).astype(float), images.labels, np.full(1024, 1e-6)
    found = network.input_gradient(rows, labels)

    def loss(x: np.ndarray) -> np.ndarray:
        return -np.log(network.predict_proba(x)[np.arange(len(x)), network.codes(labels)])

    for column in np.random.default_rng(0).choice(rows.shape[1], min(40, rows.shape[1]), replace=False):
        change = np.zeros(rows.shape[1])
        change[column] = step[column]
        quotient = (loss(rows + change) - loss(rows - change)) / (2 * step[column])
        assert np.allclose(found[:, column], quotient, rtol=1e-3, atol=1e-5 / step[column] * 1e-5)


def test_weight_gradients_are_the_quotients_of_small_differences(on_scans):
    network, images = precise(on_scans), scans(6, 4)
    rows = picture_rows(images).astype(float)
    slopes = np.random.default_rng(0).normal(size=(4, 2))
    _, kept = network.forward(rows)
    _, gradients = network.backward(slopes, kept)
    for place, gradient in enumerate(gradients):
        at = np.unravel_index(int(np.abs(gradient).argmax()), gradient.shape)
        sums = []
        for step in (1e-6, -1e-6):
            changed = [w.copy() for w in network.weights_]
            changed[place][at] += step
            sums.append(float((slopes * network.with_weights(changed).logits(rows)).sum()))
        assert gradient[at] == pytest.approx((sums[0] - sums[1]) / 2e-6, rel=1e-3)


def test_hidden_activations_and_last_weights_give_the_logits(on_scans):
    rows = picture_rows(scans(8, 20))
    hidden = on_scans.hidden_activations(rows)
    assert hidden.shape == (20, 32) and hidden.min() >= 0
    weights, biases = on_scans.weights_[-2:]
    assert np.allclose(hidden @ weights + biases, on_scans.logits(rows), atol=1e-4)


def test_fine_tuning_leaves_the_first_network_as_it_is(fitted, table):
    before = [w.copy() for w in fitted.weights_]
    tuned = fitted.fine_tune(table[0][:100], table[1][:100], epochs=2)
    assert all(np.array_equal(a, b) for a, b in zip(before, fitted.weights_, strict=True))
    assert not np.array_equal(tuned.weights_[0], before[0])


def test_a_row_of_weight_zero_teaches_nothing(table):
    rows, labels = table
    half = len(rows) // 2
    flipped = np.where(labels == "yes", "no", "yes")
    both = np.vstack([rows[:half], rows[:half]]), np.concatenate([labels[:half], flipped[:half]])
    weights = np.repeat([1.0, 0.0], half)
    assert Network((16,), epochs=30).fit(*both, weights).score(rows[half:], labels[half:]) > 0.85


def test_what_a_step_learns_from_can_be_replaced(table):
    seen = []

    def each_batch(network, rows, labels, rng):
        seen.append((len(rows), set(labels) <= set(network.classes_)))
        return rows

    Network((4,), epochs=1, batch_size=100).fit(*table, each_batch=each_batch)
    assert seen == [(100, True)] * 6


def test_scikit_learn_can_clone_it(fitted):
    assert clone(fitted).get_params() == fitted.get_params()


def test_pictures_become_rows_from_zero_to_one():
    images = scans(1, 3)
    rows = picture_rows(images)
    assert rows.shape == (3, 1024) and rows.min() >= 0 and rows.max() <= 1
    assert np.array_equal(np.round(rows * 255).astype(np.uint8).reshape(images.pixels.shape), images.pixels)
    assert picture_side(images) == (32, 32)


GOOD = np.arange(20.0).reshape(10, 2)
LABELS = np.array([0, 1] * 5)


@pytest.mark.parametrize(
    ("settings", "rows", "labels", "said"),
    [
        ({}, GOOD, np.zeros(10), "one class only"),
        ({}, np.where(GOOD == 3, np.nan, GOOD), LABELS, "missing or infinite"),
        ({}, GOOD, LABELS[:9], "10 rows and 9 labels"),
        ({}, np.array([["a"]] * 10), LABELS, "numbers only"),
        ({}, GOOD[0], LABELS, "shape"),
        ({"picture": (4, 4)}, GOOD, LABELS, "2 columns"),
        ({"picture": (1, 2)}, GOOD, LABELS, "no room"),
        ({"epochs": 0}, GOOD, LABELS, "an epoch or more"),
        ({"learning_rate": 1e30}, GOOD, LABELS, "diverged"),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_what_cannot_be_learned_is_refused_in_a_sentence(settings, rows, labels, said):
    with pytest.raises(UserError, match=said):
        Network(**settings).fit(rows, labels)


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda network: Network().predict(GOOD), "not been trained"),
        (lambda network: network.predict(GOOD), "trained on 4"),
        (lambda network: network.input_gradient(np.zeros((1, 4)), ["perhaps"]), "does not know"),
        (lambda network: network.with_weights(network.weights_[:2]), "other shapes"),
    ],
)
def test_a_wrong_question_is_refused_in_a_sentence(fitted, ask, said):
    with pytest.raises(UserError, match=said):
        ask(fitted)
