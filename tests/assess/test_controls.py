"""Answers on controls weigh by documents that count; required and addressable are kept apart."""

from __future__ import annotations

import datetime as dt
import hashlib

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from secure_ai.assess.controls import (
    ControlsForm,
    example_form,
    load_controls,
    read_controls,
    review_controls,
    write_example,
    write_questionnaire,
)
from secure_ai.assess.inputs import Inputs
from secure_ai.assess.parameters import AssessmentParameters
from secure_ai.assess.progress import Progress
from secure_ai.assess.sections.controls import assess
from secure_ai.core import Measurement, Outcome, Unassessed, UserError
from secure_ai.core.frameworks import entries, entry

DAY = dt.date(2026, 11, 15)
GOOD = {"document": "minutes.txt", "date": "2026-10-01"}
CANARY = "Zoe Quillfeather"
REQUIRED, ADDRESSABLE, CONDITIONAL = "unique_user", "automatic_logoff", "group_health_plan"


def form(answers, sector="healthcare", **more):
    return ControlsForm.model_validate({"sector": sector, "release": "2026.1", "answers": answers, **more})


def write(path, content):
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content), encoding="utf-8")
    return path


def run(path, sector="healthcare", **more):
    parameters = AssessmentParameters.read({"sector": sector, "controls": str(path), **more})
    with Inputs(parameters) as inputs:
        return assess(inputs, Progress())


def result_of(name, answer, folder=None, day=DAY):
    review = review_controls(form({name: answer}), folder, day=day)
    return next(one for one in review.results if one.control.id == name)


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "evidence"
    place.mkdir()
    (place / "minutes.txt").write_text("Minutes.", encoding="utf-8")
    return place


BAD = {
    "no mapping": ("- a\n- b\n", "no 'name: value' lines"),
    "text": ("just words", "no 'name: value' lines"),
    "nothing": ("", "no 'name: value' lines"),
    "no yaml": ("a: [1, 2", "not valid YAML"),
    "references": ("a: &x [1]\nb: *x\n", "references"),
    "deep": ("a: " + "[" * 40 + "]" * 40, "nested"),
    "a key twice": ("sector: healthcare\nsector: finance\n", "twice"),
    "another sector": ({"sector": "finance", "release": "2026.1"}, "not for healthcare"),
    "another release": ({"sector": "healthcare", "release": "1999"}, "release 2026.1"),
    "unknown control": (
        {"sector": "healthcare", "release": "2026.1", "answers": {"zzz": {}}},
        "unknown control",
    ),
    "an answer that is none": (
        {"sector": "healthcare", "release": "2026.1", "answers": {REQUIRED: {"answer": CANARY}}},
        "one of yes, no, partly",
    ),
    "an answer that is a list": (
        {"sector": "healthcare", "release": "2026.1", "answers": {REQUIRED: {"answer": ["yes"]}}},
        "no text",
    ),
    "answers that are a list": ({"sector": "healthcare", "release": "2026.1", "answers": [1]}, "answers"),
    "evidence that is a word": (
        {"sector": "healthcare", "release": "2026.1", "answers": {REQUIRED: {"evidence": "trust us"}}},
        "evidence",
    ),
    "a setting that is unknown": ({"sector": "healthcare", "release": "2026.1", "x": 1}, "not known"),
    "a day that is none": (
        {
            "sector": "healthcare",
            "release": "2026.1",
            "filled_on": "soon",
            "answers": {REQUIRED: {"answer": "no"}},
        },
        "filled_on",
    ),
    "filled in after the assessment": (
        {"sector": "healthcare", "release": "2026.1", "filled_on": "2027-01-01", "answers": {}},
        "after the date",
    ),
    "too large": ("# " + "x" * 1_100_000, "larger than a megabyte"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_questionnaire_is_refused_in_a_sentence_without_its_values(name, tmp_path):
    content, words = BAD[name]
    path = write(tmp_path / f"{CANARY}.yaml", content)
    with pytest.raises(UserError, match=words) as caught:
        run(path, date="2026-11-15")
    assert CANARY not in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize("make", ["missing", "folder", "binary"])
def test_what_is_no_file_of_text_is_refused(make, tmp_path):
    path = tmp_path / f"{CANARY}.yaml"
    if make == "folder":
        path.mkdir()
    if make == "binary":
        path.write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(UserError) as caught:
        run(path)
    assert CANARY not in str(caught.value)


def test_a_folder_of_evidence_that_is_none_is_refused(tmp_path):
    path = write_questionnaire("healthcare", tmp_path / "form.yaml")
    with pytest.raises(UserError, match="folder of evidence") as caught:
        run(path, evidence=str(tmp_path / CANARY), date="2026-11-15")
    assert CANARY not in str(caught.value)


DECISION = {"document": "minutes.txt", "kind": "decision", "date": "2026-10-01"}
TABLE = [
    # control, answer, status
    (REQUIRED, {"answer": "yes", "evidence": [GOOD]}, "shown"),
    (REQUIRED, {"answer": True, "evidence": [GOOD]}, "shown"),
    (REQUIRED, {"answer": "yes"}, "not_shown"),
    (REQUIRED, {"answer": "yes", "note": "really"}, "not_shown"),
    (REQUIRED, {"answer": "partly", "evidence": [GOOD]}, "partly"),
    (REQUIRED, {"answer": "no", "evidence": [GOOD]}, "absent"),
    (REQUIRED, {"answer": "no", "reason": "r", "alternative": "a", "evidence": [DECISION]}, "absent"),
    (REQUIRED, {"answer": "not applicable", "reason": "r"}, "absent"),
    (REQUIRED, {}, "unanswered"),
    (REQUIRED, {"evidence": [GOOD]}, "unanswered"),
    (REQUIRED, {"answer": "yes", "evidence": [GOOD | {"date": "2026-12-01"}]}, "not_shown"),
    (REQUIRED, {"answer": "yes", "evidence": [GOOD | {"date": "2020-01-01"}]}, "not_shown"),
    (REQUIRED, {"answer": "yes", "evidence": [GOOD | {"date": ""}]}, "not_shown"),
    (REQUIRED, {"answer": "yes", "evidence": [GOOD | {"date": "in May"}]}, "not_shown"),
    (REQUIRED, {"answer": "yes", "evidence": [GOOD | {"valid_until": "2026-11-14"}]}, "not_shown"),
    (REQUIRED, {"answer": "yes", "evidence": [GOOD | {"valid_until": "2026-11-15"}]}, "shown"),
    (REQUIRED, {"answer": "yes", "evidence": [GOOD | {"document": "gone.txt"}]}, "not_shown"),
    (REQUIRED, {"answer": "yes", "evidence": [GOOD | {"document": "../minutes.txt"}]}, "not_shown"),
    (REQUIRED, {"answer": "yes", "evidence": [GOOD | {"sha256": "0" * 64}]}, "not_shown"),
    (REQUIRED, {"answer": "yes", "evidence": [GOOD | {"kind": "policy"}]}, "not_shown"),
    (REQUIRED, {"answer": "yes", "evidence": [GOOD | {"kind": "configuration"}]}, "shown"),
    (REQUIRED, {"answer": "yes", "evidence": [GOOD | {"document": "gone.txt"}, GOOD]}, "shown"),
    (ADDRESSABLE, {"answer": "yes", "evidence": [GOOD]}, "shown"),
    (ADDRESSABLE, {"answer": "no"}, "absent"),
    (ADDRESSABLE, {"answer": "no", "reason": "r", "alternative": "a", "evidence": [DECISION]}, "documented"),
    (ADDRESSABLE, {"answer": "partly", "reason": "r", "alternative": "a", "evidence": [GOOD]}, "documented"),
    (ADDRESSABLE, {"answer": "no", "reason": "r", "evidence": [DECISION]}, "absent"),
    (ADDRESSABLE, {"answer": "no", "alternative": "a", "evidence": [DECISION]}, "absent"),
    (ADDRESSABLE, {"answer": "partly", "reason": "r", "alternative": "a"}, "partly"),
    (ADDRESSABLE, {"answer": "not applicable", "reason": "r"}, "absent"),
    (CONDITIONAL, {"answer": "not applicable", "reason": "r"}, "not_applicable"),
    (CONDITIONAL, {"answer": "not applicable"}, "not_shown"),
    (CONDITIONAL, {"answer": "n/a", "reason": "r"}, "not_applicable"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "answer", "status"), TABLE)
def test_an_answer_weighs_by_what_shows_it(name, answer, status, folder):
    found = result_of(name, answer, folder)
    assert found.status == status
    assert found.is_open == (status in ("absent", "partly", "not_shown"))
    # Whatever keeps an answer from counting is said.
    if status == "not_shown":
        assert found.why


def test_a_document_that_is_there_gets_its_sha256(folder):
    found = result_of(REQUIRED, {"answer": "yes", "evidence": [GOOD]}, folder)
    assert found.evidence[0].sha256 == hashlib.sha256(b"Minutes.").hexdigest()
    assert result_of(REQUIRED, {"answer": "yes", "evidence": [GOOD]}).evidence[0].seen is False


def test_without_a_date_the_day_of_the_form_counts_then_the_latest_document():
    old = {REQUIRED: {"answer": "yes", "evidence": [GOOD | {"date": "2020-05-01"}]}}
    filled = review_controls(form(old, filled_on="2020-06-01"))
    latest = review_controls(form(old))
    assert (filled.judged_on, latest.judged_on) == (dt.date(2020, 6, 1), dt.date(2020, 5, 1))
    assert "filled in" in filled.because
    assert "latest date" in latest.because
    assert review_controls(form({REQUIRED: {"answer": "yes"}})) is None


@given(st.sampled_from(["yes", "no", "partly", "not applicable", ""]), st.booleans(), st.booleans())
def test_taking_a_document_away_never_helps(answer, reason, alternative):
    given_answer = {"answer": answer, "reason": "r" * reason, "alternative": "a" * alternative}
    for name in (REQUIRED, ADDRESSABLE, CONDITIONAL):
        bare = result_of(name, given_answer)
        with_it = result_of(name, given_answer | {"evidence": [DECISION | {"kind": ""}]})
        assert bare.is_open >= with_it.is_open


# ---- the questionnaire itself


@pytest.mark.parametrize("sector", ["healthcare", "finance"])
def test_every_id_exists_and_none_is_of_a_proposed_rule(sector):
    for control in load_controls(sector).controls:
        for name in control.ids:
            assert entry(name).status == "final"
            assert entry(name).id == name


def test_every_implementation_specification_is_asked_once_and_as_binding_as_the_law_says():
    asked = {name: control for control in load_controls("healthcare").controls for name in control.ids}
    for rule in entries("HIPAA Security Rule"):
        if rule.requirement:
            assert asked[rule.id].status == rule.requirement, rule.id
    named = [name for control in load_controls("healthcare").controls for name in control.ids]
    rules = [name for name in named if name.startswith("164.")]
    assert len(rules) == len(set(rules))


def test_a_standard_without_specifications_is_required():
    specified = {rule.part_of for rule in entries("HIPAA Security Rule") if rule.part_of}
    asked = {name: control for control in load_controls("healthcare").controls for name in control.ids}
    for rule in entries("HIPAA Security Rule"):
        if not rule.part_of and rule.id not in specified:
            assert asked[rule.id].status == "required", rule.id


def test_banks_others_and_cards_are_asked_different_things():
    asked = load_controls("finance")
    bank = {name for control in asked.asked("bank", cards=False) for name in control.ids}
    other = {name for control in asked.asked("other", cards=False) for name in control.ids}
    assert any(name.startswith("12 CFR 30") for name in bank)
    assert not any(name.startswith("16 CFR 314") for name in bank)
    assert not any(name.startswith("12 CFR 30") for name in other)
    assert not any(name.startswith("PCI") for name in bank | other)
    assert any(name.startswith("PCI") for control in asked.asked() for name in control.ids)
    # Each lettered element of 314.4 that asks for something.
    assert {f"16 CFR 314.4({letter})" for letter in "abdefghij"} <= other


def test_what_the_safeguards_rule_accepts_instead_counts_when_documented(folder):
    answer = {"answer": "no", "reason": "r", "alternative": "a", "evidence": [DECISION]}
    filled = form({"multi_factor": answer, "change_management": answer}, "finance", institution="other")
    found = {one.control.id: one.status for one in review_controls(filled, folder, day=DAY).results}
    assert found["multi_factor"] == "documented"
    assert found["change_management"] == "absent"


@pytest.mark.parametrize("sector", ["healthcare", "finance"])
def test_an_empty_form_reads_back_and_is_unassessed(sector, tmp_path):
    path = write_questionnaire(sector, tmp_path / "form.yaml")
    assert set(read_controls(path, sector).answers) == {c.id for c in load_controls(sector).controls}
    section = run(path, sector, date="2026-11-15")
    assert [one.outcome for one in section.findings] == [Outcome.UNASSESSED] * 2
    assert not section.assessed


def test_a_questionnaire_for_an_unknown_sector_is_refused(tmp_path):
    with pytest.raises(UserError, match="choose from"):
        write_questionnaire("retail", tmp_path / "form.yaml")
    assert not list(tmp_path.iterdir())


# ---- the section


@pytest.fixture(scope="module", params=["healthcare", "finance"])
def example(request, tmp_path_factory):
    place = tmp_path_factory.mktemp("controls")
    path = write_example(request.param, place / "form.yaml", place / "evidence")
    return request.param, path, run(path, request.param, evidence=str(place / "evidence"), date="2026-11-15")


def test_the_example_reads_back_as_it_was_written(example):
    sector, path, _ = example
    assert {n: a for n, a in read_controls(path, sector).answers.items() if a.answer} == {
        n: a for n, a in example_form(sector).answers.items() if a.answer
    }


def test_figures_are_exact_counts_of_answered_controls(example):
    _, _, section = example
    for finding in section.findings:
        figure, duty = finding.measurement, finding.id.removeprefix("controls.")
        assert isinstance(figure, Measurement)
        facts = {name: n for name, n in section.facts.items() if name.startswith(duty)}
        left = sum(facts[f"{duty}_{name}"] for name in ("absent", "partly", "not_shown"))
        assert figure.value == left == figure.interval[0] == figure.interval[1]
        assert figure.n == sum(facts.values()) - facts[f"{duty}_unanswered"]
        assert finding.outcome is Outcome.EXCEEDS_THRESHOLD


def test_the_first_gap_is_the_worst(example):
    _, _, section = example
    gaps = next(
        block for block in section.blocks if block.kind == "table" and "not shown, the worst" in block.title
    )
    assert gaps.rows[0][0] == "critical"
    assert {row[1] for row in gaps.rows} == {"required", "addressable"}


def test_nothing_that_was_written_by_hand_reaches_the_section(example):
    sector, _, section = example
    text = section.model_dump_json()
    for answer in example_form(sector).answers.values():
        for words in (answer.note, answer.reason, answer.alternative):
            assert not words or words not in text
        for one in answer.evidence:
            assert one.file not in text
            assert one.document not in text


def full(sector, **more):
    answers = {
        control.id: {"answer": "yes", "evidence": [dict(GOOD)]}
        for control in load_controls(sector).asked("bank")
    }
    return {"sector": sector, "release": "2026.1", "answers": answers | more}


def test_all_shown_is_within_the_threshold_only_where_the_documents_were_seen(folder, tmp_path):
    path = write(tmp_path / "form.yaml", full("finance"))
    seen = run(path, "finance", evidence=str(folder), date="2026-11-15")
    assert {one.outcome for one in seen.findings} == {Outcome.WITHIN_THRESHOLD}
    unseen = run(path, "finance", date="2026-11-15")
    assert {one.outcome for one in unseen.findings} == {Outcome.UNASSESSED}
    assert "nobody has opened" in unseen.findings[0].measurement.reason


def test_one_that_was_not_answered_is_unassessed_and_listed(folder, tmp_path):
    path = write(tmp_path / "form.yaml", full("healthcare", **{REQUIRED: {}}))
    section = run(path, evidence=str(folder), date="2026-11-15")
    required, addressable = section.findings
    assert isinstance(required.measurement, Unassessed)
    assert "1 was not answered" in required.measurement.reason
    assert addressable.outcome is Outcome.WITHIN_THRESHOLD
    listed = next(b for b in section.blocks if b.kind == "table" and "unassessed" in b.title)
    assert len(listed.rows) == 1


def test_one_critical_control_is_not_averaged_away(folder, tmp_path):
    path = write(tmp_path / "form.yaml", full("healthcare", **{REQUIRED: {"answer": "no"}}))
    required = run(path, evidence=str(folder), date="2026-11-15").findings[0]
    assert required.measurement.value == 1
    assert required.severity.value == "critical"
    assert required.level.value in ("high", "critical")
