"""What gradient attacks are reported with: success against size, noise beside it, and reasons instead."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from secure_ai.attack.gradients import (
    Limits,
    flip_picture,
    measure_gradient_attack,
    measure_transfer,
    plot_curve,
    plot_curves,
    plot_flip,
    smallest_changes,
    substitute_network,
)
from secure_ai.attack.gradients.measure import MANY, NOISE, ONE
from secure_ai.attack.networks import Network, picture_rows
from secure_ai.core import Unassessed, UserError
from synthetic_data.finance.deposits import deposits
from synthetic_data.healthcare.scans import scans

LEVEL = 1 / 255


@pytest.fixture(scope="module", params=[scans, deposits], ids=["hospital", "bank"])
def pictures(request):
    train, unseen = request.param(7, 700), request.param(8, 80)
    network = Network(picture=(32, 32), epochs=15).fit(picture_rows(train), train.labels)
    return network, picture_rows(unseen), unseen.labels, picture_rows(request.param(9, 250))


@pytest.fixture(scope="module")
def measured(pictures):
    network, rows, labels, _ = pictures
    return measure_gradient_attack(network, rows, labels, (LEVEL, 4 * LEVEL, 8 * LEVEL), steps=10)


def test_below_one_grey_level_in_thirty_nearly_every_picture_flips_and_noise_does_little(measured):
    assert 8 * LEVEL < 1 / 30
    assert measured.success(8 * LEVEL) >= 0.95
    assert measured.success(8 * LEVEL, NOISE) < 0.5
    assert measured.again == 0


def test_larger_changes_reach_no_fewer_rows_and_many_steps_no_fewer_than_one(measured):
    frame = measured.to_frame()
    assert frame[MANY].is_monotonic_increasing
    assert (frame[MANY] >= frame[ONE] - 0.02).all()


def test_measurements_hold_baseline_control_and_interval(measured):
    found = measured.measurements()
    assert [m.n for m in found] == [measured.rows] * 3
    assert all(m.interval[0] <= m.value <= m.interval[1] and m.control == 0 for m in found)
    assert "grey levels" in measured.sentence()


def test_the_same_seed_measures_the_same(pictures, measured):
    network, rows, labels, _ = pictures
    again = measure_gradient_attack(network, rows, labels, (LEVEL, 4 * LEVEL, 8 * LEVEL), steps=10)
    assert again.curve.equals(measured.curve) and again.sentence() == measured.sentence()


def test_changes_made_on_a_substitute_work_and_those_of_a_shuffled_one_do_not(pictures):
    network, rows, labels, own = pictures
    settings = {"own_rows": own, "picture": (32, 32), "epochs": 10, "steps": 8}
    found = measure_transfer(network, rows, labels, (16 * LEVEL,), **settings)
    measurement = found.measurements()[0]
    assert found.transferred and measurement.name == "transfer_evasion_success"
    assert measurement.value > measurement.control + 0.3
    assert "substitute" in found.sentence()


def test_a_substitute_learns_the_model_and_not_the_labels(pictures):
    network, rows, _, own = pictures
    substitute = substitute_network(network, own, picture=(32, 32), epochs=10)
    majority = max(np.mean(network.predict(rows) == label) for label in (0, 1))
    assert np.mean(substitute.predict(rows) == network.predict(rows)) > majority + 0.05


def test_smallest_changes_are_whole_grey_levels_and_flip(pictures):
    network, rows, *_ = pictures
    labels = network.predict(rows)
    found = smallest_changes(network, rows, labels, steps=10)
    assert found.found.all()
    assert np.allclose(found.size * 255, np.round(found.size * 255), atol=1e-4)
    assert (network.predict(found.changed) != labels).all()


def test_a_flipped_picture_is_shown_with_its_change_and_noise(pictures):
    network, rows, *_ = pictures
    row = rows[int(network.predict_proba(rows)[:, 1].argmax())]
    flip = flip_picture(network, row, side=(32, 32), names={0: "nothing found", 1: "found"})
    assert flip.flipped and 1 <= flip.levels <= 8
    assert np.abs(flip.noisy - flip.before).max() <= 8
    assert flip.said_before == 1 and flip.chance_after > 0.5
    figure = plot_flip(flip)
    assert "'found' into 'nothing found'" in figure._suptitle.get_text()
    assert "turns 'found'" in flip.sentence()


def test_pictures_of_curves_state_their_finding(measured):
    title = plot_curve(measured).axes[0].get_title(loc="left")
    assert "8 of 255 grey levels" in title
    both = plot_curves({"before": measured, "after": measured}, "nothing changed")
    assert both.axes[0].get_title(loc="left") == "nothing changed"
    with pytest.raises(UserError):
        plot_curves({}, "empty")


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(200, 4))
    return rows, (rows[:, 0] > 0).astype(int)


class Liar(LogisticRegression):
    """Answers otherwise than its weights say."""

    def predict_proba(self, X):
        return super().predict_proba(X)[:, ::-1]


@pytest.mark.parametrize(
    ("attack", "said"),
    [
        (lambda x, y: measure_gradient_attack(RandomForestClassifier(5).fit(x, y), x, y), "no gradient"),
        (lambda x, y: measure_gradient_attack(LogisticRegression().fit(x, y), x + np.nan, y), "missing"),
        (lambda x, y: measure_gradient_attack(LogisticRegression().fit(x, y), x[:3], y[:3]), "too few"),
        (
            lambda x, y: measure_gradient_attack(LogisticRegression().fit(x, y), x[y == 1] + 9, None),
            "same class",
        ),
        (lambda x, y: measure_gradient_attack(LogisticRegression().fit(x, y), x, 1 - y), None),
        (lambda x, y: measure_gradient_attack(Liar().fit(x, y), x, None), "own weights"),
        (lambda x, y: measure_transfer(lambda r: 1 / 0, x, y, own_rows=x), "failed"),
        (lambda x, y: measure_transfer(lambda r: np.zeros(len(r)), x, y, own_rows=x), "same class"),
    ],
)
def test_what_cannot_be_attacked_is_unassessed_with_the_reason(attack, said, table):
    found = attack(*table)
    if said is None:
        assert found.rows < len(table[0]) * 0.2
    else:
        assert isinstance(found, Unassessed) and said in found.reason


def test_a_table_is_attacked_in_standard_deviations(table):
    model = LogisticRegression().fit(*table)
    found = measure_gradient_attack(model, *table, (0.1, 1.0, 3.0), limits=Limits.table(table[0]))
    assert found.success(3.0) > 0.95 > found.success(0.1)
    assert "standard deviations" in found.sentence()
