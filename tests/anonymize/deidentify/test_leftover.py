"""What is left is measured against what is known to be there, not against what the detector sees."""

from __future__ import annotations

import pytest

from secure_ai.anonymize import Deidentifier
from secure_ai.anonymize.deidentify.leftover import leftover, stands_in, telling_leftover
from secure_ai.core import UserError
from secure_ai.core.text import Document, Span


def document(text, **values):
    spans = [Span(text.index(v), text.index(v) + len(v), k, 1.0) for k, v in values.items()]
    return Document(text, tuple(sorted(spans)))


NOTE = document(
    "Maria Garcia, 93, of Boston, seen 03/12/2024, MRN 00482913.",
    PERSON="Maria Garcia", AGE="93", LOCATION="Boston", DATE_TIME="03/12/2024",
    MEDICAL_RECORD_NUMBER="00482913",
)  # fmt: skip


@pytest.fixture(scope="module")
def actions():
    return Deidentifier("safe_harbor", seed=1, as_of=2026).actions


def test_an_untouched_text_has_everything_left(actions):
    found = leftover([NOTE], [NOTE.text], actions)
    assert found.by_entity.loc["all", "left"] == 5 and found.clean == 0
    assert found.spans == (NOTE.spans,)


def test_a_redacted_text_is_clean_although_years_and_states_stay(actions):
    found = leftover([NOTE], ["[PERSON], 90+, of [LOCATION], seen 2024, MRN id-bcdf."], actions)
    assert found.clean == 1 and found.clean_texts == 1
    assert (found.by_entity["left"] == 0).all()


def test_what_the_policy_leaves_is_not_counted(actions):
    text = document("A man of 45 from Texas, seen in 2019.", AGE="45", LOCATION="Texas", DATE_TIME="2019")
    found = leftover([text], [text.text], actions)
    assert found.by_entity.loc["all", "there"] == 0 and found.clean == 1
    words = document("He is seventy-seven years old.", AGE="seventy-seven years old")
    old = document("She is ninety-one.", AGE="ninety-one")
    assert leftover([words, old], [words.text, old.text], actions).clean_texts == 1


def test_entities_can_be_ignored(actions):
    assert leftover([NOTE], [NOTE.text], actions, ignore=("PERSON", "AGE")).by_entity.loc["all", "left"] == 3


@pytest.mark.parametrize(
    ("value", "text", "there"),
    [
        ("Ann", "Annual check", False),
        ("Ann", "Ann, seen", True),
        ("Maria  Garcia", "Maria\nGarcia", True),
        ("12", "2012", False),
        ("(617) 555-0182", "call (617) 555-0182.", True),
        (" ", "anything", False),
    ],
)
def test_whole_words_count_however_they_are_spaced(value, text, there):
    assert stands_in(value, text) is there


def test_the_telling_example_shows_both_what_went_and_what_stayed(actions):
    outputs = [NOTE.text, "[PERSON], 90+, of Boston, seen 2024, MRN id-x.", "[PERSON] 90+ [LOCATION] 2024"]
    found = leftover([NOTE] * 3, outputs, actions)
    assert telling_leftover(found, [NOTE] * 3) == 1
    assert telling_leftover(leftover([NOTE], outputs[2:], actions), [NOTE]) == 0


def test_there_must_be_one_output_for_each_text(actions):
    for documents, outputs in (([NOTE], []), ([], [])):
        with pytest.raises(UserError, match="one output for each"):
            leftover(documents, outputs, actions)
