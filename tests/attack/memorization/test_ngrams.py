"""The character model is what its source says it is: probabilities, and those of Witten and Bell."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_ai.attack.memorization import NgramModel
from secure_ai.attack.memorization.ngrams import BOUNDARY
from secure_ai.core import UserError

TEXTS = st.lists(st.text("abcé ", max_size=12), min_size=1, max_size=6).filter(any)


def witten_bell(texts, order, context, character):
    """The textbook's recursion over dictionaries."""
    padded = [BOUNDARY * (order - 1) + text + BOUNDARY for text in texts]
    joined = "".join(padded)
    known = len(set(joined)) + 1

    def chance(length):
        if length < 0:
            return 1 / known
        before = (BOUNDARY * order + context)[-length:] if length else ""
        follows = Counter(
            joined[place + length]
            for place in range(len(joined) - length)
            if joined[place : place + length] == before
        )
        if not follows:
            return chance(length - 1)
        total, kinds = follows.total(), len(follows)
        return (follows[character] + kinds * chance(length - 1)) / (total + kinds)

    return chance(order - 1)


@settings(max_examples=40, deadline=None)
@given(TEXTS, st.integers(1, 5), st.text("abcéx ", max_size=8), st.sampled_from("abé x"))
def test_the_probability_is_that_of_the_textbook(texts, order, context, character):
    model = NgramModel(order).fit(texts)
    found = model.next_log_probabilities([context], [character])[0, 0]
    assert math.exp(found) == pytest.approx(witten_bell(texts, order, context, character), rel=1e-9)


@settings(max_examples=40, deadline=None)
@given(TEXTS, st.integers(1, 6), st.lists(st.text("abcx ", max_size=8), min_size=1, max_size=4))
def test_all_characters_the_end_and_one_unknown_share_one(texts, order, contexts):
    model = NgramModel(order).fit(texts)
    chances = np.exp(model.next_log_probabilities(contexts, [*model.characters, BOUNDARY, "\uffff"]))
    np.testing.assert_allclose(chances.sum(axis=1), 1.0)


@settings(max_examples=20, deadline=None)
@given(TEXTS, st.integers(1, 6), st.text("abcx ", min_size=1, max_size=10))
def test_bits_per_character_are_those_of_the_single_steps(texts, order, other):
    model = NgramModel(order).fit(texts)
    steps = [
        model.next_log_probabilities([other[:place]], [letter])[0, 0]
        for place, letter in enumerate([*other, BOUNDARY])
    ]
    assert model.bits_per_character([other]) == pytest.approx(-np.mean(steps) / math.log(2))


def test_a_longer_order_learns_its_own_notes_better_and_others_worse():
    rng = np.random.default_rng(0)
    words = ["pain", "fever", "cough", "rest", "visit", "left", "right", "today"]
    notes = [" ".join(rng.choice(words, 12)) for _ in range(60)]
    short, long = (NgramModel(order).fit(notes[:40]) for order in (6, 20))
    assert long.bits_per_character(notes[:40]) < 0.5 * short.bits_per_character(notes[:40])
    assert long.bits_per_character(notes[40:]) > short.bits_per_character(notes[40:])


@pytest.mark.parametrize("order", [0, -1, 100, 2.5, True, "five"])
def test_an_impossible_order_is_refused(order):
    with pytest.raises(UserError, match=r"whole number from 1 to"):
        NgramModel(order)


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ("one note", "list of texts"),
        ([], "no text"),
        (["", ""], "no text"),
        (["a", None], "number 2"),
        (3, "list"),
    ],
)
def test_notes_that_are_none_are_refused_in_words(texts, words):
    with pytest.raises(UserError, match=words):
        NgramModel().fit(texts)


def test_a_model_that_was_not_trained_says_so():
    with pytest.raises(UserError, match="call fit"):
        NgramModel().next_log_probabilities(["a"], ["b"])
