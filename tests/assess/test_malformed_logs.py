"""Malformed audit logs end in a sentence before any work, or in a correct report."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from secure_ai.assess.parameters import AssessmentParameters
from secure_ai.assess.run.check import check_inputs
from secure_ai.core import UserError
from tests.assess.malformed.case import Case
from tests.assess.malformed.running import assess, bounded
from tests.assess.malformed_logs import log_cases

MUST_REACH = 40
CASES = log_cases()


@pytest.mark.parametrize("case", [pytest.param(one, id=one.id) for one in CASES])
def test_a_malformed_log_ends_in_a_sentence_or_a_correct_report(case: Case, tmp_path: Path) -> None:
    given = case.make(tmp_path)
    with bounded():
        ended = assess(case, given, tmp_path)
    assert case.ends in ("either", ended)


SENTENCES = [one for one in CASES if one.ends == "sentence"]


@pytest.mark.parametrize("case", [pytest.param(one, id=one.id) for one in SENTENCES])
def test_what_is_no_log_is_told_before_any_work(case: Case, tmp_path: Path) -> None:
    parameters = {"sector": "healthcare"} | case.make(tmp_path)
    with bounded(), pytest.raises(UserError):
        check_inputs(AssessmentParameters.read(parameters))


def test_there_are_forty_of_them_or_more() -> None:
    assert len({case.id for case in CASES}) == len(CASES) >= MUST_REACH
    assert min(Counter(case.kind for case in CASES).values()) >= 5
