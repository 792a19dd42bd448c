"""The proof: an attack finds the erased records before, and then no more than on a model without them."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from secure_ai.core import Unassessed, UserError
from secure_ai.defend.unlearning import (
    measure_erasure,
    plot_erasure,
    plot_sharding,
    sharding_curve,
    train_counting,
    train_linear,
    train_sharded,
)

FOREST = RandomForestClassifier(20)


def groups(seed: int = 0):
    """Rows and classes to train on, of others, and to test on."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(1600, 6))
    labels = ((rows[:, 0] + rows[:, 1] + rng.normal(size=1600)) > 0).astype(int)
    return (rows[:800], labels[:800]), (rows[800:1200], labels[800:1200]), (rows[1200:], labels[1200:])


@pytest.fixture(scope="module")
def proof():
    train, others, test = groups()
    training = train_sharded(FOREST, *train, shards=4)
    return measure_erasure(training, np.arange(150), others, test=test)


def test_the_attack_finds_the_records_before_and_not_after(proof):
    before, after = proof.measurements()
    assert before.interval[0] > 0.6
    assert after.interval[0] < 0.5 < after.interval[1]
    assert after.value == after.control


def test_deleting_the_rows_from_the_table_alone_changes_nothing(proof):
    table = proof.to_frame().set_index("version")
    assert table.loc["deleted from the table only", "auc"] == table.loc["before", "auc"]
    assert table.loc["deleted from the table only", "difference"] > 0.05
    assert table.loc["erased from the model", "difference"] == 0


def test_who_holds_both_versions_finds_who_was_erased(proof):
    assert proof.both.auc.interval[0] > 0.6
    assert "withdraw the old one" in proof.sentence()


def test_the_receipt_says_what_it_was_compared_with(proof):
    receipt = proof.erasure.receipt
    assert receipt.largest_difference == 0
    assert "without the records" in receipt.compared


@pytest.mark.parametrize(
    "training",
    [lambda rows, labels: train_counting(np.round(rows), labels), train_linear],
    ids=["counting", "linear"],
)
def test_where_training_draws_nothing_the_attacker_is_left_with_guessing(training):
    train, others, _ = groups()
    found = measure_erasure(training(*train), np.arange(60), others, references=1)
    assert found.measurements()[1].value == 0.5
    assert found.erasure.receipt.largest_difference < 1e-9


def test_few_records_are_compared_and_not_attacked():
    train, others, _ = groups()
    found = measure_erasure(train_linear(*train), [4], others, references=1)
    assert not found.measurements()
    assert isinstance(found.both, Unassessed)
    assert "at least 20" in found.sentence()
    with pytest.raises(UserError, match="at least 20"):
        plot_erasure(found)


def test_a_wrong_argument_is_named():
    train, others, test = groups()
    with pytest.raises(UserError, match="references=0"):
        measure_erasure(train_linear(*train), [4], others, references=0)
    with pytest.raises(UserError, match="request=0"):
        sharding_curve(FOREST, *train, test, shards=(1,), request=0)
    with pytest.raises(UserError, match="at least one"):
        sharding_curve(FOREST, *train, test, shards=())


def test_more_shards_make_erasing_cheaper():
    train, _, test = groups()
    curve = sharding_curve(RandomForestClassifier(5), *train, test, shards=(1, 4, 16))
    assert (np.diff(curve.frame["work"]) < 0).all()
    assert curve.frame["work"].iloc[0] == 1
    assert abs(curve.frame["work"].iloc[1] - 0.25) < 0.05
    assert "1 person" in curve.sentence()
    assert "16 shards" in plot_sharding(curve).axes[0].get_title(loc="left")


def test_the_picture_says_what_was_found(proof):
    figure = plot_erasure(proof)
    assert f"{proof.table['auc'].iloc[0]:.2f}" in figure.get_suptitle()
    assert figure.axes[0].get_xlabel()
