"""Claims about the six business reasons: each leads to a chapter that exists and to what asks for it."""

from __future__ import annotations

import re

import pytest

from secure_ai.core import UserError
from secure_ai.core.frameworks import entry
from secure_ai.govern.business_reasons import business_reasons, reasons_frame

SECTORS = ("healthcare", "finance")


@pytest.mark.parametrize("sector", SECTORS)
def test_there_are_the_six_reasons_each_with_its_own_chapter(sector):
    reasons = business_reasons(sector)
    assert [reason.key for reason in reasons] == [
        "breach",
        "manipulation",
        "compliance",
        "trust",
        "intellectual property",
        "disruption",
    ]
    assert len({reason.chapter for reason in reasons}) == 6


@pytest.mark.parametrize("sector", SECTORS)
def test_the_chapters_are_those_of_the_curriculum(shared_taxonomy, sector):
    rows = re.findall(
        r"^\| (\d\d) \| (\w+) \|", (shared_taxonomy.parent / "curriculum.md").read_text("utf-8"), re.M
    )
    chapters = {f"{number}_{name}" for number, name in rows}
    assert {reason.chapter for reason in business_reasons(sector)} <= chapters


@pytest.mark.parametrize("sector", SECTORS)
def test_every_reason_says_what_asks_for_it(sector):
    for reason in business_reasons(sector):
        assert reason.references and all(entry(identifier) for identifier in reason.references)


def test_a_bank_is_not_told_about_hipaa():
    cited = {entry(item).framework for reason in business_reasons("finance") for item in reason.references}
    assert not any(framework.startswith("HIPAA") for framework in cited)


def test_the_table_has_a_row_for_each_reason():
    assert reasons_frame("finance")["reason"].tolist() == [
        reason.key for reason in business_reasons("finance")
    ]


def test_another_sector_is_refused():
    with pytest.raises(UserError, match="choose from healthcare, finance"):
        business_reasons("retail")
