"""Claims about the questionnaire and the clauses as data."""

from __future__ import annotations

from importlib import resources

import pytest
import yaml

from secure_ai.core.errors import UserError
from secure_ai.core.frameworks import entry
from secure_ai.govern.vendors import Engagement, contract_clauses, load_questionnaire
from secure_ai.govern.vendors.clauses import clause_names


@pytest.fixture
def content():
    package = resources.files("secure_ai.govern.vendors")
    return yaml.safe_load(package.joinpath("data/questionnaire.yaml").read_text(encoding="utf-8"))


def test_every_id_is_known_and_every_clause_exists(sector):
    asked = load_questionnaire(sector)
    for question in asked.questions:
        assert question.clause in clause_names()
        assert [entry(name) for name in question.ids]
    for clause in contract_clauses((), sector):
        assert clause.by_law and [entry(name) for name in clause.ids]


def test_each_area_is_asked_about_in_both_sectors(sector):
    asked = load_questionnaire(sector)
    assert {question.area for question in asked.questions} == set(asked.areas)


def test_a_bank_is_not_asked_by_hipaa_nor_a_hospital_by_rules_for_banks():
    bank, hospital = (
        {name for question in load_questionnaire(sector).questions for name in question.ids}
        for sector in ("finance", "healthcare")
    )
    assert not any(name.startswith("164.") for name in bank)
    assert not any(name.startswith(("12 CFR", "DORA", "88 FR")) for name in hospital)


def test_critical_questions_say_what_has_to_happen_before_signing(sector):
    for question in load_questionnaire(sector).questions:
        assert question.condition or question.level.value != "critical", question.id


def test_no_question_takes_the_vendors_word(sector):
    asked = load_questionnaire(sector)
    assert not any(asked.kinds[kind].statement for one in asked.questions for kind in one.accepts)


def test_what_is_asked_follows_from_the_engagement_and_the_default_asks_everything():
    asked = load_questionnaire("healthcare")
    assert asked.asked(Engagement()) == asked.questions
    fewer = asked.asked(Engagement(data="none", ai=False, essential=False))
    assert not any(question.needs for question in fewer) and len(fewer) < len(asked.questions)


@pytest.mark.parametrize(
    ("data", "essential", "tier"),
    [
        ("identified", True, "critical"),
        ("identified", False, "high"),
        ("deidentified", True, "high"),
        ("deidentified", False, "standard"),
        ("none", True, "high"),
        ("none", False, "low"),
    ],
)
def test_the_tier_follows_from_data_and_dependence(data, essential, tier):
    assert Engagement(data=data, essential=essential).tier == tier


def spoil(content, path, value):
    target = content
    for part in path[:-1]:
        target = target[part]
    target[path[-1]] = value
    return content


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["questions", 0, "accepts"], ["statement"]),
        (["questions", 0, "accepts"], ["hearsay"]),
        (["questions", 0, "accepts"], []),
        (["questions", 0, "id"], "weather.rain"),
        (["questions", 0, "level"], "unassessed"),
        (["questions", 1, "id"], "security.independent_audit"),
        (["questions", 0, "answer"], {"type": "choice", "options": ["a"], "good": ["b"]}),
        (["questions", 0, "answer"], {"type": "number", "least": 5, "most": 1}),
        (["questions", 0, "answer"], {"type": "yes_no"}),
        (["questions", 0, "color"], "red"),
        (["contradictions", 0, "when"], {"exit.backup_days": {"above": "exit.never"}}),
        (["tiers", "critical", "months"], 0),
        (["questions"], []),
        (["questions"], None),
        (["kinds"], 5),
    ],
)
def test_an_inconsistent_questionnaire_of_ones_own_is_refused(tmp_path, content, path, value):
    file = tmp_path / "own.yaml"
    file.write_text(yaml.safe_dump(spoil(content, path, value)), encoding="utf-8")
    with pytest.raises(UserError, match=r"own\.yaml"):
        load_questionnaire("healthcare", file)


def test_a_questionnaire_of_ones_own_is_read(tmp_path, content):
    file = tmp_path / "own.yaml"
    file.write_text(yaml.safe_dump(spoil(content, ["release"], "house 7")), encoding="utf-8")
    assert load_questionnaire("finance", file).release == "house 7"


@pytest.mark.parametrize("text", [b"\xff\xfe", b"[", b"- 1", b""])
def test_what_is_no_questionnaire_is_refused(tmp_path, text):
    file = tmp_path / "own.yaml"
    file.write_bytes(text)
    for name in (file, tmp_path / "none.yaml", tmp_path):
        with pytest.raises(UserError):
            load_questionnaire("finance", name)
    with pytest.raises(UserError, match="no sector 'school'"):
        load_questionnaire("school")
