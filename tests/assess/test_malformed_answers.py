"""A table of probabilities that is damaged or mistaken ends in a sentence or a correct report."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.assess.malformed import Case
from tests.assess.malformed.running import assess, bounded, impatient  # noqa: F401 - a fixture
from tests.assess.malformed_answers import answer_cases, sampled

CASES = answer_cases()
MUST_REACH = 40
pytestmark = pytest.mark.usefixtures("impatient")


@pytest.mark.parametrize("case", sampled(CASES))
def test_a_malformed_table_of_answers_ends_in_a_sentence_or_a_correct_report(
    case: Case, tmp_path: Path
) -> None:
    given = case.make(tmp_path)
    with bounded():
        ended = assess(case, given, tmp_path)
    assert case.ends in ("either", ended)


def test_there_are_as_many_as_promised() -> None:
    assert len({case.id for case in CASES}) == len(CASES) >= MUST_REACH
