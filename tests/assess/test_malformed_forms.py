"""Malformed forms and earlier reports end in a sentence before any work, or in a correct report."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from secure_ai.assess.parameters import AssessmentParameters
from secure_ai.assess.risks import leave_open
from secure_ai.assess.treatment import treat
from secure_ai.core import UserError
from tests.assess.malformed.case import Case
from tests.assess.malformed.running import assess, bounded, check_section
from tests.assess.malformed_forms import form_cases

MUST_REACH = 50
CASES = form_cases()


@pytest.mark.parametrize("case", [pytest.param(one, id=one.id) for one in CASES])
def test_a_malformed_form_ends_in_a_sentence_or_a_correct_report(case: Case, tmp_path: Path) -> None:
    given = case.make(tmp_path)
    with bounded():
        ended = assess(case, given, tmp_path)
        # What passed the check must not fail after all other work; "open" without parts is what passed.
        if ended != "sentence":
            _concluded(given, tmp_path)
    assert case.ends in ("either", ended)


def _concluded(given: dict, folder: Path) -> None:
    parameters = AssessmentParameters.read({"sector": "healthcare"} | given)
    names = ("model.evasion", "data.payment_cards", "controls.required")
    findings = [leave_open(name, "It was not run.", sector="healthcare") for name in names]
    try:
        _, sections = treat(parameters, findings, {})
    except UserError as error:
        raise AssertionError("refused only at the end") from error
    for section in sections:
        if section.id in {"treatment.changes", "treatment.actions"}:
            check_section(section, folder)


def test_there_are_fifty_of_them_or_more() -> None:
    assert len({case.id for case in CASES}) == len(CASES) >= MUST_REACH
    assert min(Counter(case.kind for case in CASES).values()) >= 5
