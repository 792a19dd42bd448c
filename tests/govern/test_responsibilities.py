"""Claims about the responsibility chart: one accountable per activity, and a DPO who stays independent."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secure_ai.core import UserError
from secure_ai.core.frameworks import entry
from secure_ai.govern.responsibilities import (
    DPO,
    activity_references,
    check_responsibilities,
    deciding_activities,
    responsibility_chart,
    roles,
)


def chart(**rows) -> pd.DataFrame:
    return pd.DataFrame(rows, index=["executive", "security officer", DPO]).T


def test_every_activity_of_the_proposal_has_exactly_one_accountable():
    proposal = responsibility_chart()
    assert check_responsibilities(proposal) == []
    counts = proposal.apply(lambda row: sum("A" in cell for cell in row), axis=1)
    assert (counts == 1).all() and len(proposal) >= 10


def test_the_proposal_names_the_roles_that_the_law_and_the_board_ask_for():
    assert {"executive", "security officer", DPO, "model owner"} <= set(roles())
    assert list(responsibility_chart().columns) == list(roles())


def test_the_data_protection_officer_of_the_proposal_never_decides():
    assert not responsibility_chart()[DPO].str.contains("[AR]").any()
    assert deciding_activities() <= set(responsibility_chart().index)


def test_every_activity_says_what_asks_for_it():
    references = activity_references()
    assert set(references) == set(responsibility_chart().index)
    assert all(entry(identifier) for listed in references.values() for identifier in listed)
    assert all(references.values())


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (["R", "R", "C"], "nobody is accountable"),
        (["A", "A/R", "C"], "2 are accountable: executive, security officer"),
        (["A", "I", "C"], "nobody is responsible"),
        (["A", "C", "R"], "decides what they have to monitor"),
        (["R", "C", "A"], "decides what they have to monitor"),
        (["", "", ""], "nobody is accountable"),
    ],
)
def test_a_gap_is_found_and_named(row, problem):
    gaps = check_responsibilities(chart(approve=row, fine=["A", "R", "C"]), frozenset({"approve"}))
    assert {gap.activity for gap in gaps} == {"approve"}
    assert any(problem in gap.problem for gap in gaps)


@pytest.mark.parametrize(
    "cells", [["A/R", "", None], ["a, r", "c", math.nan], ["R/A", " i ", "C"], ["A R", "", ""]]
)
def test_cells_may_be_written_as_people_write_them(cells):
    assert check_responsibilities(chart(approve=cells)) == []


@given(st.lists(st.sampled_from(["", "R", "A", "C", "I", "A/R"]), min_size=3, max_size=3))
def test_a_chart_without_gaps_has_one_accountable_and_somebody_who_works(cells):
    gaps = check_responsibilities(chart(act=cells), frozenset())
    whole = sum("A" in cell for cell in cells) == 1 and any("R" in cell for cell in cells)
    assert (gaps == []) == whole


@pytest.mark.parametrize("cell", ["X", "yes", "A+R", 5])
def test_a_cell_that_is_no_letter_is_refused_with_its_place(cell):
    with pytest.raises(UserError, match="'security officer' for 'approve'"):
        check_responsibilities(chart(approve=["A", cell, ""]))


def test_an_empty_chart_is_refused():
    with pytest.raises(UserError, match="empty"):
        check_responsibilities(pd.DataFrame())
