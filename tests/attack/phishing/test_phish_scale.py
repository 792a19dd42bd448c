"""The Phish Scale as published: thresholds, matrix, premise alignment."""

import pytest

from secure_ai.attack.phishing import CUES, ELEMENTS, difficulty_matrix
from secure_ai.attack.phishing.phish_scale import TYPES, phish_scale
from secure_ai.core.errors import UserError

LOW, MEDIUM, HIGH = (4, 4, 2, 0, 0), (6, 4, 2, 2, 0), (8, 6, 2, 2, 0)


@pytest.mark.parametrize(
    ("cues", "premise", "difficulty"),
    [
        (8, HIGH, "very"),
        (8, MEDIUM, "very"),
        (1, LOW, "moderately"),
        (9, HIGH, "very"),
        (14, MEDIUM, "moderately"),
        (14, LOW, "moderately to least"),
        (15, HIGH, "moderately"),
        (15, MEDIUM, "moderately"),
        (15, LOW, "least"),
    ],
)
def test_difficulty_matches_the_published_matrix(cues, premise, difficulty):
    assert phish_scale({"urgency": cues}, premise).difficulty == difficulty


@pytest.mark.parametrize(
    ("premise", "alignment", "category"),
    [((8, 2, 0, 0, 0), 10, "low"), ((8, 4, 0, 0, 0), 12, "medium"), ((8, 8, 2, 0, 2), 16, "medium"),
     ((8, 8, 2, 0, 0), 18, "high"), ((0, 0, 0, 0, 8), -8, "low"), ((8, 8, 8, 8, 0), 32, "high")],
)  # fmt: skip
def test_alignment_categories_match_the_published_bounds(premise, alignment, category):
    found = phish_scale({}, premise)
    assert (found.alignment, found.alignment_category) == (alignment, category)


def test_there_are_23_cues_of_five_types_and_five_elements():
    assert len(CUES) == 23 and len(TYPES) == 5 and len(ELEMENTS) == 5
    assert [name for names in TYPES.values() for name in names] == list(CUES)
    assert difficulty_matrix().loc["many", "low"] == "least"


@pytest.mark.parametrize(
    ("cues", "premise"),
    [({"vibes": 1}, LOW), ({"urgency": -1}, LOW), ({"urgency": True}, LOW), ({}, (1, 2, 3, 4, 5)),
     ({}, (8, 8)), ({}, None), (None, LOW), ({"urgency": 1.5}, LOW)],
)  # fmt: skip
def test_bad_ratings_are_refused_in_a_sentence(cues, premise):
    with pytest.raises(UserError):
        phish_scale(cues, premise)
