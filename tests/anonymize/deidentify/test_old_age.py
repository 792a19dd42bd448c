"""Ages over 89 go in words, too, and so do years of birth that tell them."""

from __future__ import annotations

import pandas as pd
import pytest

from secure_ai.anonymize import Deidentifier, Key


def worker(policy="safe_harbor"):
    return Deidentifier(policy, None if policy == "safe_harbor" else Key(bytes(64)), seed=1, as_of=2026)


TELL = [
    ("She turned ninety-four.", "ninety"),
    ("A ninety five year old man.", "ninety"),
    ("She is in her late nineties.", "nineties"),
    ("A nonagenarian with a cough.", "nonagenarian"),
    ("A centenarian.", "centenarian"),
    ("A hundred-year-old woman.", "hundred"),
    ("A one hundred and two year old woman.", "hundred"),
    ("Born in 1931.", "1931"),
    ("DOB 1931", "1931"),
    ("b. 1930 in Ohio", "1930"),
    ("year of birth: 1929", "1929"),
    ("Aged 101 years.", "101"),
    ("93F with a cough", "93"),
]


@pytest.mark.parametrize(("text", "gone"), TELL)
def test_safe_harbor_leaves_nothing_that_tells_of_an_age_over_89(text, gone):
    (new,) = worker().text([text])
    assert gone not in new


STAY = [
    "Born in 1950, 89 years old.",
    "Saturation is ninety percent.",
    "Took ninety mg, 95% sat, 90 mg of morphine.",
    "Music of the nineties.",
    "A hundred reasons.",
    "Pulse was ninety per minute.",
]


@pytest.mark.parametrize("text", STAY)
def test_what_tells_no_such_age_stays(text):
    assert worker().text([text]) == [text]


def test_a_policy_that_keeps_ages_over_89_keeps_them_in_words():
    text = "A nonagenarian born in 1931, now 94 years old."
    assert worker("limited_data_set").text([text]) == [text]


def test_pseudonymize_puts_ages_over_89_into_one_class_in_text_as_in_columns():
    frame = pd.DataFrame({"age": [94, 30] * 4, "note": ["Now 94 years old.", "Now 30 years old."] * 4})
    new = worker("pseudonymize").table(frame)
    assert new["age"][:2].tolist() == [90, 30]
    assert "94" not in new["note"][0] and new["note"][1] == "Now 30 years old."


def test_a_word_in_a_column_of_ages_says_nothing():
    frame = pd.DataFrame({"age": ["94", "unknown", "30"] * 4})
    assert worker().table(frame)["age"][:3].tolist() == ["90+", "[AGE_OVER_89]", "30"]
