"""Malformed data ends in a sentence or a correct report: never in a traceback, a hang or half a report."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.assess.malformed.case import Case
from tests.assess.malformed.data import data_cases
from tests.assess.malformed.running import assess, bounded, impatient

__all__ = ["impatient"]
MUST_REACH = 200
CASES = data_cases()
pytestmark = pytest.mark.usefixtures("impatient")


@pytest.mark.parametrize(
    "case", [pytest.param(c, marks=[pytest.mark.slow] if c.slow else [], id=c.id) for c in CASES]
)
def test_a_malformed_input_ends_in_a_sentence_or_a_correct_report(case: Case, tmp_path: Path) -> None:
    given = case.make(tmp_path)
    with bounded():
        ended = assess(case, given, tmp_path)
    assert case.ends in ("either", ended)


def test_there_are_two_hundred_of_them_or_more() -> None:
    assert len({case.id for case in CASES}) == len(CASES) >= MUST_REACH
    assert min(Counter(case.kind for case in CASES).values()) >= 5
