"""A note is counted back exactly, and what it alone said can no longer be drawn from the model."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_ai.attack.memorization import LanguageModel, NgramModel, exposures, make_canaries
from secure_ai.core import UserError
from secure_ai.defend.unlearning import train_ngrams

NOTES = [
    f"Seen on ward {number % 4}. No fever, wound clean, review in {number % 9} days." for number in range(60)
]
TEXT = st.text(st.sampled_from("ab é\n"), min_size=1, max_size=12)


@settings(max_examples=40, deadline=None)
@given(st.lists(TEXT, min_size=2, max_size=8), st.data())
def test_erasing_leaves_the_counts_of_the_other_texts(texts, data):
    out = data.draw(st.sets(st.integers(0, len(texts) - 1), min_size=1, max_size=len(texts) - 1))
    training = train_ngrams(texts, order=4)
    erased = training.erase(sorted(out))
    assert erased.model == training.from_scratch(sorted(out))
    assert erased.receipt.digest_after == training.from_scratch(sorted(out)).digest()


@settings(max_examples=20, deadline=None)
@given(st.lists(TEXT, min_size=1, max_size=6), TEXT)
def test_the_probabilities_of_all_characters_and_the_end_leave_room_for_the_unknown(texts, context):
    model = train_ngrams(texts, order=4).model
    chances = np.exp(model.next_log_probabilities([context], [*model.characters, "\x02"]))
    assert 0 < chances.sum() < 1


def test_it_is_asked_like_the_model_that_is_attacked():
    model = train_ngrams(NOTES, order=8).model
    assert isinstance(model, LanguageModel)
    other = NgramModel(8).fit(NOTES)
    assert abs(model.bits_per_character(NOTES[:5]) - other.bits_per_character(NOTES[:5])) < 0.1


def test_an_erased_secret_is_no_likelier_than_any_other():
    canaries = make_canaries(5, seed=1)
    before, after = [], []
    for canary in canaries:
        training = train_ngrams([*NOTES, canary.text], order=10)
        erased = training.erase(len(NOTES))
        before += [found.bits for found in exposures(training.model, [canary])]
        after += [found.bits for found in exposures(erased.model, [canary])]
        assert canary.secret not in "".join(erased.training.texts)
    assert min(before) == canaries[0].format.most_bits
    assert np.median(after) < 3


def test_all_notes_of_a_person_go():
    ids = [number % 20 for number in range(60)]
    receipt = train_ngrams(NOTES, ids=ids).erase(3).receipt
    assert (receipt.records, receipt.people, receipt.remaining) == (3, 1, 57)
    assert receipt.share_of_work == pytest.approx(3 / 57)
    assert receipt.exact


def test_bad_requests_are_refused():
    training = train_ngrams(NOTES)
    for request, message in (([99], "no row"), (range(60), "every text"), ([], "nobody")):
        with pytest.raises(UserError, match=message):
            training.erase(list(request))
    with pytest.raises(UserError, match="order=0"):
        train_ngrams(NOTES, order=0)
    with pytest.raises(UserError, match="no text"):
        train_ngrams([])


def test_counting_in_and_back_is_nothing():
    model = train_ngrams(NOTES[:5]).model
    assert model.add(["something else"], 1).add(["something else"], -1) == model
    assert Counter(model.counts[""])["e"] == "".join(NOTES[:5]).count("e")
