"""Adversarial training makes attacks rarer or dearer, has a price, and both are measured beside a control."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier

from secure_ai.attack.evasion import Constraints, measure_evasion
from secure_ai.attack.gradients import measure_gradient_attack
from secure_ai.attack.networks import Network, picture_rows
from secure_ai.core import Unassessed, UserError
from secure_ai.defend.robust.adversarial_training import (
    harden_network,
    harden_table,
    measure_hardening,
    plot_hardening,
)
from synthetic_data.healthcare.scans import scans

SIZE = 4 / 255


@pytest.fixture(scope="module")
def on_scans():
    train, unseen = scans(7, 700), scans(8, 120)
    rows, labels = picture_rows(train), train.labels
    network = Network(picture=(32, 32), epochs=15).fit(rows, labels)
    hardened, control = (
        harden_network(network, rows, labels, SIZE, epochs=14, deceiving=deceiving)
        for deceiving in (True, False)
    )
    held_out = picture_rows(unseen), unseen.labels
    return measure_hardening(
        network,
        hardened,
        *held_out,
        lambda model: measure_gradient_attack(model, *held_out, (SIZE,), steps=8),
        control=control,
    )


@pytest.fixture(scope="module")
def table():
    """A score that leans on one column that is easy to change, and one that is not."""
    rng = np.random.default_rng(0)
    risk = rng.normal(size=900)
    rows = pd.DataFrame(
        {
            "told": risk + rng.normal(0, 0.5, 900),
            "verified": risk + rng.normal(0, 0.6, 900),
            "other": rng.normal(size=900),
        }
    )
    return rows, (risk > 0).astype(int), Constraints(immutable=["verified"])


@pytest.fixture(scope="module")
def on_table(table):
    rows, labels, constraints = table
    train, held_out = slice(0, 600), slice(600, 900)
    model = RandomForestClassifier(15, min_samples_leaf=3, random_state=0).fit(rows[train], labels[train])
    settings = {"goal": 0, "attacked": 80, "budget": 40, "rounds": 2}
    hardened, control = (
        harden_table(model, rows[train], labels[train], constraints, deceiving=deceiving, **settings)
        for deceiving in (True, False)
    )
    targets = rows[held_out][labels[held_out] == 1][:50]
    return measure_hardening(
        model,
        hardened,
        rows[held_out],
        labels[held_out],
        lambda each: measure_evasion(
            each, targets, rows[train], constraints, budget=40, goal=0, most_cost=0.3
        ),
        control=control,
    )


def test_hardened_network_is_deceived_less_often_than_before_and_than_the_control(on_scans):
    success = on_scans.success
    assert success.value < success.baseline - 0.3
    assert success.value < success.control - 0.3


def test_hardened_table_model_is_deceived_less_often_than_before_and_than_the_control(on_table):
    success = on_table.success
    assert success.value < success.baseline - 0.1
    assert success.value < success.control - 0.1


@pytest.mark.parametrize("kind", ["on_scans", "on_table"])
def test_price_is_the_accuracy_lost_and_stands_in_sentence_and_frame(kind, request):
    found = request.getfixturevalue(kind)
    assert found.price.value == pytest.approx(found.accuracy_before - found.accuracy_after)
    assert found.price.interval[0] <= found.price.value <= found.price.interval[1]
    assert found.price.value < 0.25
    assert f"{found.accuracy_after:.1%}" in found.sentence() and "without deceiving rows" in found.sentence()
    assert list(found.to_frame()["model"]) == ["before", "after"]


@pytest.mark.parametrize("kind", ["on_scans", "on_table"])
def test_picture_states_what_was_bought_and_paid(kind, request):
    found = request.getfixturevalue(kind)
    title = plot_hardening(found).axes[0].get_title(loc="left")
    assert f"{found.accuracy_after:.1%}" in title


def test_the_model_that_is_hardened_stays_as_it_is_and_the_seed_decides():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(200, 3))
    labels = (rows[:, 0] > 0).astype(int)
    network = Network((8,), epochs=3).fit(rows, labels)
    before = [w.copy() for w in network.weights_]
    first, again = (harden_network(network, rows, labels, 0.1, epochs=2) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(before, network.weights_, strict=True))
    assert all(np.array_equal(a, b) for a, b in zip(first.weights_, again.weights_, strict=True))


def test_an_attack_that_cannot_be_judged_gives_the_reason(table):
    rows, labels, _ = table
    model = RandomForestClassifier(5, random_state=0).fit(rows, labels)
    found = measure_hardening(
        model, model, rows, labels, lambda each: measure_gradient_attack(each, rows, labels)
    )
    assert isinstance(found, Unassessed) and "no gradient" in found.reason
    broken = measure_hardening(model, model, rows * np.nan, labels, lambda each: None)
    assert isinstance(broken, Unassessed) and "missing" in broken.reason


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda x, y: harden_table(RandomForestClassifier(3).fit(x, y), x, y[:9]), "600|900 rows"),
        (lambda x, y: harden_table(RandomForestClassifier(3).fit(x, y), x, y, rounds=0), "1 or more"),
        (lambda x, y: harden_network(Network((2,), epochs=1).fit(x, y), x, y, 0), "above 0"),
        (lambda x, y: measure_hardening(None, None, x, y[:9], lambda each: None), "900 rows"),
    ],
)
def test_wrong_arguments_are_refused_in_a_sentence(wrong, said, table):
    with pytest.raises(UserError, match=said):
        wrong(*table[:2])
