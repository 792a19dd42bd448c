"""Claims about what is in force: proposals are never scored, dates have sources, addressable is apart."""

from __future__ import annotations

from datetime import date

import pytest

from secure_ai.core import UserError
from secure_ai.core.frameworks import entries, entry
from secure_ai.core.frameworks.standing import (
    count_specifications,
    in_force,
    scorable,
    specifications,
    standing,
)

TODAY = date(2026, 11, 22)


@pytest.mark.parametrize(
    ("identifier", "today", "case", "state"),
    [
        # Regulation (EU) 2026/1744 moved the high-risk duties; the first date of 2024 no longer holds.
        ("AI Act Art. 9", date(2026, 8, 2), None, "not yet"),
        ("AI Act Art. 9", date(2027, 12, 1), "Annex III", "not yet"),
        ("AI Act Art. 9", date(2027, 12, 2), "Annex III", "in force"),
        ("AI Act Art. 9", date(2027, 12, 2), "Annex I", "not yet"),
        ("AI Act Art. 9", date(2028, 8, 2), "annex i", "in force"),
        ("AI Act Art. 50", date(2026, 8, 1), None, "not yet"),
        ("AI Act Art. 50", date(2026, 8, 2), None, "in force"),
        ("AI Act Art. 5", date(2025, 2, 2), None, "in force"),
        # SR 26-2 took the place of SR 11-7 on 17 April 2026.
        ("SR 11-7", date(2026, 4, 16), None, "in force"),
        ("SR 11-7", date(2026, 4, 17), None, "superseded"),
        ("SR 26-2", date(2026, 4, 16), None, "not yet"),
        ("SR 26-2", date(2026, 4, 17), None, "in force"),
        ("DORA Art. 30(2)", date(2025, 1, 16), None, "not yet"),
        ("DORA Art. 30(2)", date(2025, 1, 17), None, "in force"),
        ("90 FR 898", date(2099, 1, 1), None, "proposed"),
        ("164.312(a)(2)(iv)", TODAY, None, "in force"),
        ("15 USC 1691", TODAY, None, "in force"),
    ],
)
def test_an_identifier_applies_from_the_day_that_its_law_says(identifier, today, case, state):
    found = standing(identifier, today, case)
    assert found.state == state
    assert in_force(identifier, today, case) is (state == "in force")
    assert found.words.endswith(".")


def test_a_proposed_rule_is_never_scored():
    proposed = [found.id for found in entries() if found.status == "proposed"]
    assert proposed and scorable(proposed, date(2099, 1, 1)) == []
    assert scorable(["164.312(b)", *proposed, "SR 11-7"], TODAY) == ["164.312(b)"]


def test_who_asks_for_a_class_of_cases_that_is_not_there_is_told_the_ones_that_are():
    with pytest.raises(UserError, match="Annex III, Annex I"):
        standing("AI Act Art. 9", TODAY, "Annex II")


def test_every_date_has_its_source_and_what_was_superseded_names_what_took_its_place():
    for found in entries():
        assert all(span.source for span in found.applies), found.id
        assert all(span.end is None or span.start < span.end for span in found.applies), found.id
        if any(span.end for span in found.applies):
            assert entry(found.superseded_by), found.id


def test_required_and_addressable_are_kept_apart_and_counted_as_in_the_matrix_of_the_rule():
    # Appendix A to Subpart C: 14 required and 22 addressable in 164.308 to 164.312; 164.314 and 164.316
    # have required ones only.
    counts = count_specifications()
    matrix = [found for found in specifications("required") if found.id < "164.313"]
    assert (len(matrix), counts.addressable) == (14, 22)
    assert counts.required == len(specifications("required")) == 14 + 4 + 3
    assert not {found.id for found in specifications("required")} & {
        found.id for found in specifications("addressable")
    }
    with pytest.raises(UserError, match="'required' or 'addressable'"):
        specifications("optional")


def test_a_verified_name_says_with_what_it_was_compared():
    assert [found.id for found in entries() if found.verified and not found.checked] == []


def test_kind_and_status_are_words_that_the_kit_knows():
    assert {found.kind for found in entries()} <= {"law", "standard", "guidance", "framework"}
    assert {found.status for found in entries()} == {"final", "proposed"}
