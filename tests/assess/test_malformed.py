"""Malformed data ends in a sentence or a correct report: never in a traceback, a hang or half a report."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from tests.assess.malformed.case import ROWS, Case
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


REST = ("data.exposure", "data.reidentification", "data.anonymization")
# What the other sections must have counted, worked out by hand from what the case writes.
COUNTED = {
    # 40 postal codes, all different: each record is alone.
    "data,-text:-BOM": {"unique_records": ROWS, "k": 1, "classes": ROWS},
    "data,-text:-utf-16-with-BOM": {"unique_records": ROWS, "k": 1, "classes": ROWS},
    "data,-places:-name-of-a-star": {"quasi_identifiers": 1, "k": 1, "classes": 30},
    "data,-text:-one-row": {},
    "data,-text:-every-value-empty": {},
    "data,-text:-late-date": {},
    "data,-text:-dates-of-year-0": {},
    "data,-text:-numbers-of-400-digits": {},
    # Three pairs of values, twenty times each.
    "data,-text:-infinities": {"unique_records": 0, "k": 20, "classes": 3},
    "data,-JSON:-NaN": {},
    "data,-JSON:-types-that-change": {},
    "data,-JSON:-FHIR:-hostile-names": {},
    "data,-columns:-markup": {},
    "data,-columns:-names-of-the-kit": {},
    "data,-columns:-empty": {},
    "data,-columns:-two-lines": {},
}


@pytest.mark.parametrize("name", COUNTED)
def test_the_other_sections_of_data_end_well_too(name: str, tmp_path: Path) -> None:
    case = next(case for case in CASES if case.id == name)
    case = replace(case, parts=REST, facts=COUNTED[name])
    with bounded():
        assert assess(case, case.make(tmp_path), tmp_path) in {"report", "open"}


def test_chance_decides_only_of_files_that_no_other_reader_refuses() -> None:
    assert sum(case.ends == "either" for case in CASES) <= 15


def test_there_are_two_hundred_of_them_or_more() -> None:
    assert len({case.id for case in CASES}) == len(CASES) >= MUST_REACH
    assert min(Counter(case.kind for case in CASES).values()) >= 5
