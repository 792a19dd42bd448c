"""What a vendor claims and does not show; without its name or its documents'."""

from __future__ import annotations

import shutil

import pytest

from secure_ai.assess.inputs import Inputs
from secure_ai.assess.parameters import AssessmentParameters
from secure_ai.assess.progress import Progress
from secure_ai.assess.risks import risk_of
from secure_ai.assess.section import Section
from secure_ai.assess.sections.vendor import assess
from secure_ai.core import Level, Outcome, UserError
from secure_ai.govern.vendors import (
    assess_vendor,
    example_day,
    example_engagement,
    example_vendors,
    load_questionnaire,
    write_answers,
    write_example_evidence,
    write_form,
)

DAY = example_day().isoformat()
CANARY = "zoe-quillfeather"
SECTORS = ("healthcare", "finance")


@pytest.fixture(scope="module")
def vendors(tmp_path_factory):
    """Return (sector, kind) → answers, their form, their folder."""
    place = tmp_path_factory.mktemp("vendors")
    found = {}
    for sector in SECTORS:
        folders = write_example_evidence(sector, place / sector)
        for kind, answers in zip(("solid", "paper", "mixed"), example_vendors(sector), strict=True):
            form = write_answers(place / f"{sector}-{kind}.yaml", answers)
            found[sector, kind] = answers, form, folders[answers.vendor]
    return found


def run(form, sector="healthcare", **more):
    values = {"sector": sector, "vendor": str(form), "date": DAY} | more
    with Inputs(AssessmentParameters.read({k: v for k, v in values.items() if v is not None})) as inputs:
        return assess(inputs, Progress())


@pytest.mark.parametrize(
    "content", [b"", b"- a\n", b"words", b"a: [", b"form: {}\nanswers: []\n", b"\xff\x00", b"x" * 60_000_000]
)
def test_a_form_that_is_none_is_refused_without_its_name(content, tmp_path):
    form = tmp_path / f"{CANARY}.yaml"
    form.write_bytes(content)
    with pytest.raises(UserError) as caught:
        run(form)
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("name", ["missing.yaml", "form.docx"])
def test_a_form_that_is_not_there_or_of_another_kind_is_refused(name, tmp_path):
    with pytest.raises(UserError) as caught:
        run(tmp_path / f"{CANARY}-{name}")
    assert CANARY not in str(caught.value)


def test_an_empty_form_is_refused(tmp_path):
    with pytest.raises(UserError):
        run(write_form(tmp_path / "form.yaml", "healthcare"))


def test_a_form_of_another_sector_is_refused(vendors):
    _, form, _ = vendors["finance", "solid"]
    with pytest.raises(UserError, match="finance"):
        run(form, "healthcare")


def test_a_folder_that_is_none_is_refused(vendors, tmp_path):
    _, form, _ = vendors["healthcare", "solid"]
    with pytest.raises(UserError, match="vendor_evidence") as caught:
        run(form, vendor_evidence=str(tmp_path / CANARY))
    assert CANARY not in str(caught.value)


def test_without_any_day_the_vendor_is_unassessed(vendors, tmp_path):
    answers, _, folder = vendors["healthcare", "solid"]
    form = write_answers(tmp_path / "form.yaml", answers.model_copy(update={"completed_on": ""}))
    section = run(form, date=None, vendor_evidence=str(folder))
    assert section.findings[0].outcome is Outcome.UNASSESSED
    assert not section.assessed


def test_without_a_date_the_day_of_the_form_counts_and_is_named(vendors):
    answers, form, folder = vendors["healthcare", "solid"]
    section = run(form, date=None, vendor_evidence=str(folder))
    assert f"judged on {answers.completed_on}" in section.blocks[0].text


@pytest.mark.parametrize("sector", SECTORS)
@pytest.mark.parametrize("kind", ["solid", "paper", "mixed"])
def test_the_figure_is_that_of_the_due_diligence(sector, kind, vendors):
    answers, form, folder = vendors[sector, kind]
    section = run(form, sector, vendor_evidence=str(folder))
    expected = assess_vendor(
        answers, load_questionnaire(sector), example_day(), folder, engagement=example_engagement(sector)
    )
    figure = section.findings[0].measurement
    assert figure.value == len(expected.gaps) == figure.interval[0] == figure.interval[1]
    assert figure.n == len(expected.results)
    assert section.facts["assess_again"] == str(expected.reassess_on)
    assert section.facts["clauses"] == len(expected.clauses)


def test_a_vendor_on_paper_is_critical_a_solid_one_is_not(vendors):
    levels = {}
    for kind in ("solid", "paper", "mixed"):
        _, form, folder = vendors["healthcare", kind]
        levels[kind] = run(form, vendor_evidence=str(folder)).findings[0].level
    assert levels["paper"] is levels["mixed"] is Level.CRITICAL
    assert levels["solid"] is not Level.CRITICAL


def test_documents_that_were_taken_away_make_it_worse(vendors, tmp_path):
    _, form, folder = vendors["healthcare", "solid"]
    whole = run(form, vendor_evidence=str(folder)).findings[0].measurement.value
    less = tmp_path / "less"
    shutil.copytree(folder, less)
    for file in sorted(less.iterdir())[::2]:
        file.unlink()
    assert run(form, vendor_evidence=str(less)).findings[0].measurement.value > whole


def test_without_the_documents_nobody_calls_it_safe(vendors):
    _, form, _ = vendors["finance", "solid"]
    section = run(form, "finance")
    assert section.findings[0].outcome is not Outcome.WITHIN_THRESHOLD
    assert any("nobody has opened" in block.text for block in section.blocks if block.kind == "text")


@pytest.mark.parametrize("sector", SECTORS)
@pytest.mark.parametrize("kind", ["solid", "paper", "mixed"])
def test_no_name_of_the_vendor_or_of_a_document_reaches_the_section(sector, kind, vendors):
    answers, form, folder = vendors[sector, kind]
    section = run(form, sector, vendor_evidence=str(folder))
    text = section.model_dump_json()
    assert answers.vendor not in text
    assert str(folder) not in text
    for answer in answers.answers:
        assert not answer.comment or answer.comment not in text
        for one in answer.evidence:
            assert not one.file or one.file not in text
            assert len(one.document) < 12 or one.document not in text
    assert Section.model_validate_json(text) == section


def test_the_risk_is_stated():
    risk = risk_of("vendor.due_diligence")
    assert all(one.effect and one.source for one in risk.mitigations)
    for sector in SECTORS:
        assert risk.rules(sector)
