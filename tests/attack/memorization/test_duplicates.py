"""Copies are found, exact and nearly so; different notes stay."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_ai.attack.memorization import deduplicate
from secure_ai.core import UserError

WORDS = [
    f"{first}{second}"
    for first in ("ka", "lo", "mi", "nu", "re")
    for second in ("ba", "de", "fi", "go", "su")
]


def note(seed, length=40):
    """Forty words drawn at random."""
    return " ".join(np.random.default_rng(seed).choice(WORDS, length))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=25))
def test_each_note_stands_there_once_and_again_changes_nothing(seeds):
    texts = [note(seed) for seed in seeds]
    found = deduplicate(texts)
    assert found.texts == list(dict.fromkeys(texts))
    assert deduplicate(found.texts).removed == 0
    assert found.removed == len(texts) - len(set(texts))
    assert all(texts[leader] == text for leader, text in zip(found.group, texts, strict=True))


def test_a_note_with_one_word_changed_is_a_near_copy_and_no_exact_one():
    words = note(1).split()
    words[20] = "changed"
    texts = [note(0), note(1), " ".join(words), note(2)]
    assert deduplicate(texts).group.tolist() == [0, 1, 1, 3]
    assert deduplicate(texts, near=None).removed == 0


def test_case_and_white_space_make_no_other_note():
    assert deduplicate(["A note", "a  NOTE\n", "another"], near=None).kept.tolist() == [0, 2]


def test_notes_that_share_a_phrase_stay():
    texts = [f"{note(seed)} please call us back soon" for seed in range(40)]
    assert deduplicate(texts).removed == 0


def test_an_empty_note_is_no_reason_to_fail():
    assert deduplicate(["", "", "a note"]).texts == ["", "a note"]


def test_two_thousand_notes_take_seconds_and_say_what_was_left_out():
    texts = [note(seed % 500) for seed in range(2000)]
    assert deduplicate(texts).sentence() == (
        "1,500 of 2,000 texts repeat another one and are left out; the one that stood there most often stood "
        "there 4 times."
    )


@pytest.mark.parametrize("near", [0, 0.2, 1.5, -1])
def test_an_impossible_overlap_is_refused(near):
    with pytest.raises(UserError, match=r"0\.3"):
        deduplicate(["a"], near=near)
