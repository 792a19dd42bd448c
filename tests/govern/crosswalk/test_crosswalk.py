"""Claims about the crosswalk: nothing is left out, it says the same from every side, and gaps are listed."""

from __future__ import annotations

import json
import re
from datetime import date
from importlib.util import find_spec
from pathlib import Path

import pytest

from secure_ai.assess.registry import AREAS, PARTS
from secure_ai.assess.risks import risks
from secure_ai.attack.assistant.suite.case import FAMILIES
from secure_ai.attack.assistant.suite.load import load_suite
from secure_ai.core import UserError
from secure_ai.core.frameworks import entries, entry
from secure_ai.core.frameworks.references import references
from secure_ai.govern.crosswalk import (
    KINDS,
    coverage,
    coverage_frame,
    coverage_sentence,
    crosswalk_frame,
    crosswalk_record,
    framework_by_chapter,
    level_of,
    load_crosswalk,
    plot_coverage,
    touches,
    wholes,
)
from secure_ai.govern.crosswalk.links import build_crosswalk
from secure_ai.govern.records import to_html, to_markdown, write_record
from secure_ai.learn.map import CHAPTERS
from secure_ai.monitor.audit_report import findings as audit_findings

TODAY = date(2026, 11, 22)
COLUMNS = {"threat": "threats", "control": "controls", "chapter": "chapters", "finding": "findings"}


def keys(kind: str) -> set[str]:
    return {node.key for node in load_crosswalk().of_kind(kind)}


def test_every_chapter_of_the_map_is_there_with_its_title():
    chapters = {node.key: node.name for node in load_crosswalk().of_kind("chapter")}
    assert chapters == {number: chapter.title for number, chapter in CHAPTERS.items()}


def test_every_chapter_touches_something():
    table = framework_by_chapter()
    assert [chapter for chapter in table.columns if not table[chapter].sum()] == []


def test_what_lesson_answer_key_and_quiz_of_a_chapter_cite_is_in_its_row(repo_root: Path):
    topics = {chapter.key[3:]: number for number, chapter in CHAPTERS.items() if number != "RA"}
    missing = {}
    files = [
        *((path, path.name[:2]) for path in repo_root.glob("notebooks/[0-9]*.ipynb")),
        *((path, path.name[:2]) for path in repo_root.glob("solutions/[0-9]*.ipynb")),
        *((path, topics[path.stem]) for path in repo_root.glob("secure_ai/learn/quizzes/*.yaml")),
    ]
    for path, number in files:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".ipynb":
            text = "\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])
        own = load_crosswalk().node("chapter", number).ids
        left = {found.entry.id for found in references(text) if found.entry} - set(own)
        if left:
            missing.setdefault(number, set()).update(left)
    assert len(files) > 30
    assert missing == {}, "add these to secure_ai/govern/crosswalk/data/chapters.yaml"


def test_all_families_of_the_attack_suite_are_threats_with_the_techniques_of_their_cases():
    ours = {node.key: set(node.ids) for node in load_crosswalk().of_kind("threat") if node.family}
    cited: dict[str, set[str]] = {family: set() for family in FAMILIES}
    for case in load_suite():
        cited[case.family] |= {entry(identifier).id for identifier in case.technique}
    assert len(FAMILIES) == 20 and ours == cited


def test_every_finding_of_the_assessment_is_there_with_the_identifiers_that_it_carries():
    made = {name for part in PARTS for name in part.risks}
    assert made == set(risks())
    ours = keys("finding")
    assert made - ours == set()
    # The audit report and the vendor assessment have findings of their own.
    others = ("monitoring.", "vendor.")
    assert {key for key in ours if key.split(".")[0] in AREAS and not key.startswith(others)} <= made
    for name, risk in risks().items():
        carried = {*risk.mappings, *(own for ids in risk.sector_mappings.values() for own in ids)}
        assert set(load_crosswalk().node("finding", name).ids) == {entry(own).id for own in carried}, name


def test_every_finding_of_the_audit_report_is_there():
    text = Path(audit_findings.__file__).read_text(encoding="utf-8")
    made = set(re.findall(r'"((?:log|access|emergency|alerts|sign_in)\.[a-z_]+)"', text))
    assert len(made) > 10
    assert {f"monitoring.{name}" for name in made} - keys("finding") == set()


def test_no_bank_is_measured_by_the_rule_for_those_who_are_no_bank():
    for node in load_crosswalk().of_kind("finding"):
        assert not [own for own in node.ids if own.startswith("16 CFR 314")], node.key


def test_the_modules_of_every_control_exist():
    for control in load_crosswalk().of_kind("control"):
        assert control.modules, control.key
        for module in control.modules:
            assert find_spec(module) is not None, f"{control.key}: there is no {module}"


def test_no_threat_is_without_control_chapter_and_identifier_and_no_control_without_threat():
    walk = load_crosswalk()
    for threat in walk.of_kind("threat"):
        assert threat.ids and walk.neighbors(threat, "control") and walk.neighbors(threat, "chapter"), threat
    for control in walk.of_kind("control"):
        assert control.ids and walk.neighbors(control, "threat"), control.key
    for finding in walk.of_kind("finding"):
        assert walk.neighbors(finding, "threat") and walk.neighbors(finding, "control"), finding.key


@pytest.mark.parametrize("side", KINDS)
def test_turned_by_framework_and_turned_back_it_says_the_same(side):
    by_framework = {
        (row.id, key)
        for row in crosswalk_frame("framework").itertuples()
        for key in getattr(row, COLUMNS[side])
    }
    turned = {(own, row.key) for row in crosswalk_frame(side).itertuples() for own in row.ids}
    assert turned == by_framework and turned


@pytest.mark.parametrize(("one", "other"), [(a, b) for a in KINDS for b in KINDS if a < b])
def test_two_sides_agree_on_who_belongs_together(one, other):
    here = {
        (row.key, key) for row in crosswalk_frame(one).itertuples() for key in getattr(row, COLUMNS[other])
    }
    there = {
        (key, row.key) for row in crosswalk_frame(other).itertuples() for key in getattr(row, COLUMNS[one])
    }
    assert here == there


def test_an_article_is_touched_through_its_paragraphs_and_not_the_other_way():
    whole, part = touches("GDPR Art. 17"), touches("GDPR Art. 17(3)")
    assert set(part.controls) < set(whole.controls) and "unlearning" in part.controls
    assert "14" in whole.chapters
    assert touches("EU AI Act Article 12", today=TODAY).standing.state == "not yet"


def test_the_chain_of_wholes_ends_at_the_top():
    assert wholes("164.312(a)(2)(iv)") == ("164.312(a)(1)", "164.312")
    assert wholes("PR.DS-01") == ("PR.DS", "CSF PR")
    assert wholes("PCI DSS 3.5.1.1") == ("PCI DSS 3.5.1", "PCI DSS 3.5", "PCI DSS 3")
    assert wholes("AML.T0024.000") == ("AML.T0024",)
    assert wholes("GDPR Art. 5(1)(c)") == ("GDPR Art. 5",)
    assert all(found.id not in wholes(found.id) for found in entries())


@pytest.mark.parametrize("framework", sorted({found.framework for found in entries()}))
def test_coverage_lists_what_nothing_touches_and_hides_nothing(framework):
    result = coverage(framework, today=TODAY)
    assert set(result.table["id"]) == {found.id for found in entries(framework)}
    assert set(result.untouched) | set(result.table.loc[result.table["touched"], "id"]) == set(
        result.table["id"]
    )
    counted = result.counts()
    assert counted["of"].sum() == len(result.table) - len(result.not_counted)
    assert (counted["touched"] <= counted["of"]).all()


def test_required_addressable_and_standards_are_counted_apart():
    counts = coverage("HIPAA Security Rule").counts().set_index("level")["of"].to_dict()
    assert counts == {"standard": 22, "required specification": 21, "addressable specification": 22}
    assert level_of(entry("164.312(a)(2)(iv)")) == "addressable specification"


def test_proposals_and_what_is_not_yet_in_force_are_listed_and_not_counted():
    assert coverage("Proposed rules", today=TODAY).counts().empty
    assert set(coverage("Proposed rules").not_counted) == {found.id for found in entries("Proposed rules")}
    act = coverage("EU AI Act", today=TODAY)
    assert "AI Act Art. 9" in act.not_counted and "AI Act Art. 50" not in act.not_counted
    assert "AI Act Art. 9" in coverage("EU AI Act", today=date(2028, 1, 1)).table["id"].tolist()
    assert "AI Act Art. 9" not in coverage("EU AI Act", today=date(2028, 1, 1)).not_counted
    assert "Proposed rules" not in set(coverage_frame(today=TODAY)["framework"])


def test_no_threat_control_chapter_or_finding_rests_on_a_proposal_or_on_what_was_superseded():
    for node in load_crosswalk().nodes:
        for own in node.ids:
            found = entry(own)
            assert found.status != "proposed" and not found.superseded_by, (node.key, own)


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        ("control", "x: {name: X, threats: [nothing]}", "no threat 'nothing'"),
        ("threat", "x: {name: X, ids: [AML.T9999]}", "none of the frameworks"),
        ("threat", "x: {name: X, chapters: ['77']}", "no chapter '77'"),
        ("finding", "x: {names: X}", "findings.yaml, x"),
        ("chapter", "[1, 2", "no valid YAML"),
        ("chapter", "only words", "holds no names"),
    ],
)
def test_a_crosswalk_that_names_what_is_not_there_is_refused_in_a_sentence(kind, text, said):
    texts = dict.fromkeys(KINDS, "a: {name: A}") | {kind: text}
    with pytest.raises(UserError, match=said):
        build_crosswalk(texts)


@pytest.mark.parametrize("call", [lambda: crosswalk_frame("color"), lambda: coverage("ISO 42001")])
def test_an_unknown_side_or_framework_is_refused_with_those_that_exist(call):
    with pytest.raises(UserError, match=r"choose from"):
        call()


@pytest.mark.parametrize("by", ["framework", *KINDS])
def test_the_document_says_what_is_untouched_not_in_force_and_that_touched_is_not_fulfilled(by):
    record = crosswalk_record(by, today=TODAY, frameworks=["EU AI Act", "HIPAA Security Rule"])
    text = to_markdown(record)
    assert "Touched does not mean fulfilled" in text and "not legal advice" in text
    assert "AI Act Art. 9" in text and "2027-12-02" in text
    assert coverage("HIPAA Security Rule").untouched[0] in text
    assert "21 required and 22 addressable" in text
    assert to_html(record) == to_html(
        crosswalk_record(by, today=TODAY, frameworks=["EU AI Act", "HIPAA Security Rule"])
    )


def test_the_whole_crosswalk_is_written_as_one_page(tmp_path):
    written = write_record(crosswalk_record("framework", today=TODAY), tmp_path, ("html", "md"))
    page = written.files["html"].read_text(encoding="utf-8")
    assert "GV.SC-06" in page and "<script" not in page


def test_the_picture_says_in_words_of_what_least_is_touched():
    frame = coverage_frame(today=TODAY)
    frame = frame[frame["complete"]]
    least = frame.loc[(frame["touched"] / frame["of"]).idxmin()]
    assert f"{least['touched']} of {least['of']}" in coverage_sentence(today=TODAY)
    axes = plot_coverage(today=TODAY).axes[0]
    assert len(axes.get_yticklabels()) == len(frame) and "not mean fulfilled" in axes.get_xlabel()


def test_tactics_that_only_group_techniques_are_listed_and_not_counted():
    result = coverage("MITRE ATLAS")
    assert set(result.counts()["level"]) == {"technique", "mitigation"}
    assert set(result.not_counted) == {
        found.id for found in entries("MITRE ATLAS") if found.id.startswith("AML.TA")
    }
