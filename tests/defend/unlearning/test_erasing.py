"""What is left after an erasure is what training without the records makes; bad requests change nothing."""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from secure_ai.attack.targets import TargetError
from secure_ai.core import UserError
from secure_ai.defend.unlearning import (
    train_counting,
    train_linear,
    train_logistic,
    train_sharded,
)

FOREST = RandomForestClassifier(6)
NAME = "Zebulon Quackenbush"


def table(people: int = 120, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Two rows of each person, an outcome, and who it is."""
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame(
        {
            "age": rng.integers(20, 90, 2 * people),
            "visits": rng.integers(0, 6, 2 * people),
            "ward": rng.integers(0, 3, 2 * people),
        }
    )
    outcome = ((rows["age"] / 30 + rows["visits"] + rng.normal(size=2 * people)) > 4).to_numpy().astype(int)
    return rows, outcome, np.repeat([f"P{number}" for number in range(people)], 2)


def sharded(recipe=FOREST, **options):
    return lambda rows, labels, ids: train_sharded(recipe, rows, labels, ids=ids, **options)


TRAININGS = {
    "SISA, shards": sharded(shards=4),
    "SISA, shards and slices of a forest": sharded(shards=2, slices=3),
    "SISA, slices of a pipeline that encodes": sharded(
        make_pipeline(OneHotEncoder(handle_unknown="ignore"), FOREST), shards=2, slices=3
    ),
    "SISA, a pipeline": sharded(make_pipeline(StandardScaler(), LogisticRegression()), shards=3),
    "SISA, a function": sharded(
        lambda rows, labels, seed: DecisionTreeClassifier(random_state=seed).fit(rows, labels), shards=3
    ),
    "counting": lambda rows, labels, ids: train_counting(rows, labels, ids=ids, edges={"age": [40, 60]}),
    "linear": lambda rows, labels, ids: train_linear(rows, labels, ids=ids),
}
STEP = {"logistic": lambda rows, labels, ids: train_logistic(rows / 50, labels, ids=ids)}


@cache
def trained(kind: str):
    """A training on the table: no request changes it, so it serves every test."""
    return (TRAININGS | STEP)[kind](*table())


@pytest.mark.parametrize("kind", TRAININGS)
def test_erasing_gives_the_model_that_training_on_the_others_gives(kind):
    rows, labels, ids = table()
    gone = np.isin(ids, ["P3", "P17", "P44"])
    erased = trained(kind).erase(["P3", "P17", "P44"])
    other = TRAININGS[kind](rows[~gone], labels[~gone], ids[~gone])
    found, expected = erased.model.predict_proba(rows), other.model.predict_proba(rows)
    if kind == "linear":
        assert np.abs(found - expected).max() < 1e-9
    else:
        assert (found == expected).all()
    assert erased.receipt.exact
    assert erased.receipt.records == 6
    assert erased.receipt.people == 3
    assert erased.receipt.remaining == len(rows) - 6


@pytest.mark.parametrize("kind", TRAININGS)
def test_the_erased_records_are_no_longer_kept(kind):
    rows, *_ = table()
    training = trained(kind).erase(["P5"]).training
    assert "P5" not in training.keys
    assert len(training.rows) == len(training.labels) == len(training.keys) == len(rows) - 2


@settings(max_examples=6, deadline=None)
@given(st.lists(st.sampled_from([f"P{number}" for number in range(40)]), min_size=1, max_size=5, unique=True))
def test_one_request_or_one_after_the_other_is_the_same(people):
    rows, labels, ids = table(40)
    recipe = DecisionTreeClassifier(max_depth=3)
    training = train_sharded(recipe, rows, labels, ids=ids, shards=3)
    at_once = training.erase(people).model
    for person in people:
        training = training.erase(person).training
    assert (training.model.predict_proba(rows) == at_once.predict_proba(rows)).all()


def test_the_order_of_the_table_does_not_matter_to_counting_and_shards_are_placed_by_person():
    rows, labels, ids = table()
    mixed = np.random.default_rng(1).permutation(len(rows))
    one = train_sharded(FOREST, rows, labels, ids=ids, shards=3)
    other = train_sharded(FOREST, rows.iloc[mixed], labels[mixed], ids=ids[mixed], shards=3)
    for first, second in zip(one._parts, other._parts, strict=True):
        assert set(ids[first.places]) == set(ids[mixed][second.places])


def test_only_the_shard_of_the_person_is_trained():
    rows, labels, ids = table()
    receipt = train_sharded(FOREST, rows, labels, ids=ids, shards=6).erase("P8").receipt
    assert len(receipt.parts_changed) == 1
    assert receipt.share_of_work < 0.4


def test_slices_save_the_stages_before_the_record():
    rows, labels, ids = table(150)
    training = train_sharded(FOREST, rows, labels, ids=ids, shards=2, slices=6)
    work = [training.erase(person).receipt.share_of_work for person in np.unique(ids)[:5]]
    assert min(work) < 0.3
    assert max(work) <= 1


def test_a_single_tree_for_each_stage_is_the_least():
    rows, labels, _ = table()
    with pytest.raises(UserError, match="6 trees"):
        train_sharded(FOREST, rows, labels, slices=7)
    with pytest.raises(UserError, match="warm_start"):
        train_sharded(DecisionTreeClassifier(), rows, labels, slices=2)


def test_a_shard_of_one_class_or_without_a_row_is_no_obstacle():
    rows, labels, ids = table(6)
    training = train_sharded(DecisionTreeClassifier(), rows, labels, ids=ids, shards=8)
    assert np.allclose(training.model.predict_proba(rows).sum(axis=1), 1)
    left = training.erase(ids[0])
    assert np.allclose(left.model.predict_proba(rows).sum(axis=1), 1)


@pytest.mark.parametrize("kind", TRAININGS | STEP)
@pytest.mark.parametrize(
    ("request_of", "message"),
    [
        (lambda ids, labels: ["P1", "nobody"], "1 of 2 ids .*at place 2"),
        (lambda ids, labels: [], "names nobody"),
        (lambda ids, labels: ["P1", None], "1 ids are missing"),
        (lambda ids, labels: sorted(set(ids[labels == 1])), "every record of 1 of 2 classes"),
        (lambda ids, labels: sorted(set(ids)), "every record of 2 of 2 classes"),
    ],
    ids=["unknown", "empty", "missing", "all of a class", "everybody"],
)
def test_a_bad_request_is_refused_and_nothing_changes(kind, request_of, message):
    rows, labels, ids = table()
    training = trained(kind)
    before = training.model.predict_proba(rows)
    with pytest.raises(UserError, match=message) as refused:
        training.erase(request_of(ids, labels))
    assert "nobody" not in str(refused.value) or "names nobody" in str(refused.value)
    assert (training.model.predict_proba(rows) == before).all()


@pytest.mark.parametrize("kind", TRAININGS | STEP)
def test_erasing_twice_is_refused_the_second_time(kind):
    training = trained(kind).erase("P9").training
    with pytest.raises(UserError, match="erased before"):
        training.erase("P9")


def test_a_request_may_come_in_another_type_than_the_table():
    rows, labels, _ = table()
    training = train_counting(rows, labels, ids=np.arange(len(rows)))
    assert training.erase("7").receipt.records == training.erase(7).receipt.records == 1
    assert training.erase([7.0]).receipt.records == 1


def test_a_receipt_names_nobody_and_is_the_same_each_time(tmp_path):
    rows, labels, ids = table()
    named = np.array([NAME if key == "P4" else key for key in ids], dtype=object)
    receipts = [train_sharded(FOREST, rows, labels, ids=named).erase(NAME).receipt for _ in range(2)]
    assert receipts[0] == receipts[1]
    text = receipts[0].save(tmp_path / "receipt.json").read_text()
    assert NAME not in text + receipts[0].sentence()
    stored = json.loads(text)
    assert stored["digest_before"] != stored["digest_after"]
    assert stored["records"] == 2


def test_what_is_put_to_use_holds_no_training_row():
    rows, labels, ids = table()
    model = train_sharded(FOREST, rows, labels, ids=ids).model
    assert set(vars(model)) == {"models", "classes_"}


def test_a_value_that_only_the_erased_had_is_forgotten_with_them():
    rows, labels, ids = table()
    rows.loc[10, "ward"] = 99
    training = train_counting(rows, labels, ids=ids)
    assert "99" in training.model.counts[2]
    assert "99" not in training.erase(ids[10]).model.counts[2]


def test_one_newton_step_lands_near_the_optimum_of_the_others_and_says_what_noise_hides():
    rows, labels, ids = table()
    training = train_logistic(rows / 50, labels, ids=ids, noise=20.0)
    erased = training.erase("P3")
    gap = np.abs(
        erased.model.predict_proba(rows / 50) - training.from_scratch("P3").predict_proba(rows / 50)
    ).max()
    moved = np.abs(
        training.model.predict_proba(rows / 50) - training.from_scratch("P3").predict_proba(rows / 50)
    ).max()
    assert gap < moved / 10
    assert not erased.receipt.exact
    assert 0 < erased.receipt.epsilon <= 1


def test_beyond_its_budget_the_logistic_model_is_trained_from_the_beginning():
    rows, labels, ids = table()
    training = train_logistic(rows / 50, labels, ids=ids, noise=1e-4)
    receipt = training.erase([f"P{number}" for number in range(30)]).receipt
    assert receipt.exact
    assert receipt.epsilon is None
    assert "training from the beginning" in receipt.method


def test_without_noise_the_newton_step_promises_nothing():
    rows, labels, ids = table()
    receipt = train_logistic(rows / 50, labels, ids=ids).erase("P3").receipt
    assert receipt.epsilon is None
    assert "nothing is promised" in receipt.sentence()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda rows, labels: train_sharded("forest", rows, labels), "recipe"),
        (lambda rows, labels: train_sharded(FOREST, rows, labels, shards=0), "shards=0"),
        (lambda rows, labels: train_sharded(FOREST, rows, labels, shards=True), "shards=True"),
        (lambda rows, labels: train_sharded(FOREST, rows, labels, ids=["a"]), "240 rows and 1 ids"),
        (lambda rows, labels: train_sharded(FOREST, rows, labels[:-1]), "240 rows and 239 labels"),
        (lambda rows, labels: train_linear(rows, labels, penalty=0), "penalty=0"),
        (lambda rows, labels: train_linear(rows.astype(str) + "x", labels), "no numbers"),
        (lambda rows, labels: train_linear(rows.astype(float) * np.nan, labels), "missing or infinite"),
        (lambda rows, labels: train_logistic(rows, np.arange(240) % 3), "3 classes"),
        (lambda rows, labels: train_logistic(rows, labels, noise=-1), "noise=-1"),
        (lambda rows, labels: train_counting(rows, labels, smoothing=0), "smoothing=0"),
        (lambda rows, labels: train_counting(rows, labels, edges={"height": [1]}), "no column"),
    ],
)
def test_a_wrong_argument_is_named(call, message):
    rows, labels, _ = table()
    with pytest.raises(UserError, match=message):
        call(rows, labels)


@pytest.mark.parametrize("train", [train_counting, train_linear, train_logistic])
def test_labels_that_teach_nothing_are_refused(train):
    rows, labels, _ = table()
    for bad in (np.ones(len(labels)), np.where(labels, 1.0, np.nan)):
        with pytest.raises(TargetError):
            train(rows, bad)
