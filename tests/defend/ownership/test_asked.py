"""Who learned from our answers gives them back, who did not does not; what was kept must be enough."""

import numpy as np
import pandas as pd
import pytest
from sklearn.tree import DecisionTreeClassifier

from secure_ai.core import UserError
from secure_ai.defend.ownership import fingerprint_test
from secure_ai.defend.ownership.asked import fingerprint_of_questions, models_of_others


def population(seed, rows):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(rows, 4)), columns=list("abcd")).round(2)
    risk = frame["a"] + frame["b"] * frame["c"] + rng.normal(0, 0.6, rows)
    return frame, (risk > 0).astype(int).to_numpy()


@pytest.fixture(scope="module")
def owner():
    rows, labels = population(1, 800)
    return DecisionTreeClassifier(max_depth=7, random_state=0).fit(rows, labels), rows, labels


@pytest.fixture(scope="module")
def kept(owner):
    asked, _ = population(2, 400)
    return asked, fingerprint_of_questions(owner[0], asked, models_of_others(*owner))


def test_a_copy_of_the_answers_is_claimed_and_honest_models_are_not(owner, kept):
    asked, fingerprint = kept
    copy = DecisionTreeClassifier(max_depth=9, random_state=5).fit(asked, owner[0].predict(asked))
    test = fingerprint_test(copy, fingerprint)
    assert test.claimed and test.by_chance == pytest.approx(np.mean(fingerprint.others))
    for seed in range(8):
        honest = DecisionTreeClassifier(max_depth=7, random_state=seed).fit(*population(100 + seed, 800))
        assert not fingerprint_test(honest, fingerprint).claimed


def test_who_asked_and_learned_from_own_outcomes_alone_is_not_claimed(kept):
    asked, fingerprint = kept
    own = population(2, 400)[1]
    honest = DecisionTreeClassifier(max_depth=7, random_state=3).fit(asked, own)
    assert not fingerprint_test(honest, fingerprint).claimed


def test_models_of_others_differ_and_repeat_with_the_seed(owner):
    first, again = models_of_others(*owner, count=3), models_of_others(*owner, count=3)
    told = [model.predict(owner[1]) for model in first]
    assert all(np.array_equal(one, other.predict(owner[1])) for one, other in zip(told, again, strict=True))
    assert not np.array_equal(told[0], told[1])


def test_questions_that_were_repeated_count_once_and_arrays_do_as_well(owner, kept):
    asked, fingerprint = kept
    model = DecisionTreeClassifier(max_depth=3, random_state=0).fit(owner[1].to_numpy(), owner[2])
    twice = np.vstack([asked.to_numpy()] * 2)
    others = models_of_others(model, owner[1].to_numpy(), owner[2], count=3)
    made = fingerprint_of_questions(model, twice, others)
    assert len(made) == len(fingerprint) == len(asked.drop_duplicates())
    assert "models of others" in made.sentence()


def test_too_few_questions_or_others_are_refused_in_a_sentence(owner, kept):
    with pytest.raises(UserError, match="questions that were kept"):
        fingerprint_of_questions(owner[0], kept[0].head(5), [owner[0]] * 3)
    with pytest.raises(UserError, match="3 or more"):
        fingerprint_of_questions(owner[0], kept[0], [owner[0]] * 2)
