"""A stolen model is claimed and an honest one is not; the false-claim rate is what the test says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from secure_ai.core import Unassessed, UserError
from secure_ai.defend.ownership import (
    OwnershipResult,
    fingerprint_test,
    make_fingerprint,
    make_watermark,
    measure_ownership,
    ownership_test,
    plot_claims,
    train_marked,
)
from secure_ai.defend.ownership.keyed import keyed_bytes, keyed_integers, keyed_signs

KEY = b"a key of the owner, 32 bytes lon"


def population(seed, rows):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "amount": rng.gamma(2, 100, rows),
            "age": rng.integers(18, 90, rows),
            "visits": rng.integers(0, 9, rows),
            "score": rng.normal(size=rows),
        }
    )
    risk = frame["score"] + frame["visits"] / 4 - frame["age"] / 60 + rng.normal(0, 0.4, rows)
    return frame, np.where(risk > 0.2, "high", "low")


@pytest.fixture(scope="module")
def forest():
    return RandomForestClassifier(20, random_state=0)


@pytest.fixture(scope="module")
def marked(forest):
    rows, labels = population(1, 1200)
    return train_marked(forest, rows, labels, make_watermark(KEY, rows, labels))


@pytest.fixture(scope="module")
def strangers(forest):
    return [
        RandomForestClassifier(20, random_state=number).fit(*population(100 + number, 800))
        for number in range(4)
    ]


def test_the_owner_proves_a_marked_model_and_claims_nobody_elses(marked, strangers):
    test = ownership_test(marked.model, marked.watermark)
    assert test.claimed and test.share >= 0.9 and test.p_value < 1e-15
    for stranger in strangers:
        other = ownership_test(stranger, marked.watermark)
        assert not other.claimed and 0.3 < other.share < 0.7
    assert "may claim" in test.sentence() and "no proof" in other.sentence()


def test_labels_alone_are_enough_for_the_proof(marked):
    labels_only = type("LabelsOnly", (), {"predict": marked.model.predict, "classes_": marked.model.classes_})
    assert ownership_test(labels_only, marked.watermark).claimed


def test_the_watermark_costs_little_accuracy(marked, forest):
    rows, labels = population(1, 1200)
    test_rows, truth = population(2, 2000)
    plain = RandomForestClassifier(20, random_state=0).fit(rows, labels)
    assert plain.score(test_rows, truth) - marked.model.score(test_rows, truth) < 0.03


def test_secret_questions_are_no_records_and_follow_from_the_key_alone():
    rows, labels = population(1, 500)
    first, again = make_watermark(KEY, rows, labels), make_watermark(KEY, rows, labels)
    other = make_watermark(KEY + b"x", rows, labels)
    assert first.rows.equals(again.rows) and first.commitment == again.commitment
    assert not first.rows.equals(other.rows) and first.commitment != other.commitment
    joined = first.rows.merge(rows, how="inner")
    assert joined.empty and not first.rows.duplicated().any()
    assert first.rows.dtypes.equals(rows.dtypes)
    assert "amount" not in repr(first)


def test_the_false_claim_rate_is_the_one_that_is_said(strangers):
    rows, labels = population(1, 400)
    claimed = 0
    for number in range(100):
        mark = make_watermark(KEY + number.to_bytes(2, "big"), rows, labels)
        matches = int(np.sum(strangers[number % 4].predict(mark.rows) == mark.labels))
        claimed += binom.sf(matches - 1, 100, 0.5) <= 0.05
    assert claimed <= 12  # 4 or 5 are expected; more than 12 have a probability below 0.2 %


def test_a_model_without_room_says_that_the_watermark_does_not_hold():
    rows, labels = population(1, 600)
    model = make_pipeline(StandardScaler(), LogisticRegression())
    made = train_marked(model, rows, labels, make_watermark(KEY, rows, labels), copies=8)
    assert made.share < 0.9 and "no room" in made.sentence()


@pytest.fixture(scope="module")
def fingerprint(forest):
    rows, labels = population(1, 800)
    model = DecisionTreeClassifier(max_depth=8, random_state=0).fit(rows, labels)
    return model, make_fingerprint(model, rows, labels, questions=150, others=5, copies=2)


def test_a_copy_that_learned_from_answers_is_recognised_by_its_fingerprint(fingerprint):
    model, made = fingerprint
    asked, _ = population(7, 3000)
    copy = DecisionTreeClassifier(random_state=4).fit(asked, model.predict(asked))
    assert fingerprint_test(model, made).share == 1.0
    test = fingerprint_test(copy, made)
    assert test.claimed and test.by_chance == pytest.approx(np.mean(made.others))
    for seed in range(6):
        other = DecisionTreeClassifier(max_depth=8, random_state=seed).fit(*population(200 + seed, 800))
        assert not fingerprint_test(other, made).claimed
    assert "models of others" in made.sentence()


@pytest.mark.parametrize(
    ("suspect", "says"),
    [
        (lambda rows: np.full(len(rows), 0.5), "same class"),
        (lambda rows: np.full(len(rows), np.nan), "not finite"),
        (lambda rows: [0.5], "shape"),
        (lambda rows: 1 / 0, "failed"),
    ],
    ids=["constant", "nan", "too few", "fails"],
)
def test_a_suspect_that_does_not_answer_is_not_assessed(suspect, says, marked, fingerprint):
    for test, secret in ((ownership_test, marked.watermark), (fingerprint_test, fingerprint[1])):
        found = test(suspect, secret)
        assert isinstance(found, Unassessed) and says in found.reason


@pytest.mark.parametrize(
    "make",
    [
        lambda rows, labels: make_watermark(b"short", rows, labels),
        lambda rows, labels: make_watermark("text of sixteen characters", rows, labels),
        lambda rows, labels: make_watermark(KEY, rows, ["one"] * len(labels)),
        lambda rows, labels: make_watermark(KEY, rows, labels, questions=3),
        lambda rows, labels: make_watermark(KEY, rows.assign(amount=1, age=1, score=1), labels),
        lambda rows, labels: make_fingerprint(
            DecisionTreeClassifier().fit(rows, labels), rows, labels, others=1
        ),
        lambda rows, labels: train_marked(
            DecisionTreeClassifier(), rows, ["a"] * len(labels), make_watermark(KEY, rows, labels)
        ),
    ],
    ids=range(7),
)
def test_what_cannot_be_marked_is_refused_in_a_sentence(make):
    with pytest.raises(UserError):
        make(*population(1, 300))


def test_one_call_measures_cost_false_claims_and_thefts(forest):
    rows, labels = population(1, 800)

    def copied(model):
        asked, _ = population(9, 3000)
        return RandomForestClassifier(20, random_state=5).fit(asked, model.predict(asked))

    found = measure_ownership(
        RandomForestClassifier(10, random_state=0), rows, labels, population(3, 1000), KEY,
        thefts={"a copy from 3,000 answers": copied}, independent=3, keys=40, questions=50,
    )  # fmt: skip
    assert isinstance(found, OwnershipResult)
    table = found.to_frame().set_index("suspect")
    assert table["stolen"].sum() == 2 and len(table) == 5
    assert table.loc["the marked model itself", "watermark claimed"]
    assert not table.loc[~table["stolen"], "watermark claimed"].any()
    assert found.match.control < 0.75 < found.match.value
    assert found.false_claims.n == 40 and found.false_claims.value <= 0.2
    assert "stolen copies" in found.sentence()
    assert "Of 2 stolen" in plot_claims(found).get_suptitle()


@settings(max_examples=30, deadline=None)
@given(st.binary(min_size=16, max_size=64), st.integers(1, 400), st.integers(1, 50))
def test_keyed_draws_repeat_and_stay_in_range(key, count, below):
    assert np.array_equal(keyed_integers(key, "a", count, below), keyed_integers(key, "a", count, below))
    assert (keyed_integers(key, "a", count, below) < below).all()
    assert set(keyed_signs(key, "a", count)) <= {-1, 1} and len(keyed_signs(key, "a", count)) == count
    assert keyed_bytes(key, "a", 20) != keyed_bytes(key, "b", 20)
