"""Claims about documents: what counts for an answer, and what a vendor cannot get away with."""

from __future__ import annotations

import hashlib
from datetime import date

import pytest

from secure_ai.core.audit import AuditLog
from secure_ai.core.errors import UserError
from secure_ai.core.finding import Level
from secure_ai.govern.vendors import Answer
from tests.govern.vendors.conftest import QUESTION, answers, assess, evidence, judged


def test_a_good_answer_with_a_good_document_is_shown():
    assert judged() == ("shown", set())


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"document": ""}, "unnamed"),
        ({"kind": "statement"}, "statement"),
        ({"kind": "model_documentation"}, "wrong_kind"),
        ({"kind": "blessing"}, "wrong_kind"),
        ({"issuer": ""}, "issuer"),
        ({"issuer": "Thornfield Clinical AI, Inc."}, "issuer"),
        ({"issuer": "ＴＨＯＲＮＦＩＥＬＤ clinical ai GmbH"}, "issuer"),
        ({"issuer": "Inc."}, "issuer"),
        ({"date": ""}, "bad_date"),
        ({"date": "30.06.2026"}, "bad_date"),
        ({"date": "2026-02-30"}, "bad_date"),
        ({"date": "2026-11-03"}, "future"),
        ({"date": "2025-11-01"}, "too_old"),
        ({"date": "0001-01-01"}, "too_old"),
        ({"date": "9999-12-31"}, "future"),
        ({"expires": "2026-11-01"}, "expired"),
        ({"expires": "2026-06-29"}, "bad_date"),
        ({"expires": "next year"}, "bad_date"),
        ({"scope": ""}, "scope"),
        ({"scope": "Payroll"}, "scope"),
        ({"scope": "All services except Ward Notes Assistant"}, "scope"),
        ({"scope": "Backward Notes Assistants"}, "scope"),
        ({"place": ""}, "vague_place"),
        ({"place": "see report"}, "vague_place"),
        ({"place": "pages 1-80"}, "vague_place"),
        ({"place": "1 2 3 4 5 6 7 8 9"}, "vague_place"),
        ({"sha256": "abc"}, "hash"),
    ],
)
def test_a_document_with_one_flaw_does_not_count_and_the_flaw_is_named(fields, code):
    status, codes = judged(**fields)
    assert status == "not_shown" and code in codes


def test_the_last_day_of_a_document_still_counts():
    assert judged(date="2025-11-02")[0] == "shown"
    assert judged(expires="2026-11-02")[0] == "shown"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"expires": "2026-10-31"}, "expired"),
        ({"expires": ""}, "bad_date"),
        ({"expires": "2099-01-01"}, "bad_date"),
    ],
)
def test_a_certificate_needs_an_expiry_that_a_certificate_can_have(fields, code):
    given = {"kind": "certificate", "date": "2024-02-01", "place": "", **fields}
    assert code in judged(**given)[1]


def test_an_answer_without_a_document_weighs_as_the_bad_answer():
    bare, bad = (assess(Answer(question=QUESTION, answer=value)) for value in ("yes", "no"))
    levels = [next(one for one in found.results if one.question == QUESTION).level for found in (bare, bad)]
    assert levels == [Level.CRITICAL, Level.CRITICAL]
    assert ("no_evidence", QUESTION) in {(flag.code, flag.question) for flag in bare.flags}


@pytest.mark.parametrize("value", ["mostly", "yes, but only in Europe", "see attachment", 1, "ja"])
def test_a_vague_answer_is_no_answer(value):
    status, codes = judged(value)
    assert status == "not_shown" and "wrong_type" in codes


@pytest.mark.parametrize("value", ["without undue delay", "-1", "1.5", "24 hours", "１２", 10**15, "nan"])
def test_words_do_not_pass_for_a_number(value):
    codes = judged(value, "incidents.notice_hours", kind="contract_text")[1]
    assert "wrong_type" in codes


def test_partly_is_not_yes():
    assert judged("partly")[0] == "gap"


def test_one_passage_answers_three_questions_and_not_four():
    names = ["security.independent_audit", "security.encryption_at_rest", QUESTION, "people.training"]
    for count, status in ((3, "shown"), (4, "not_shown")):
        given = [Answer(question=name, answer="yes", evidence=(evidence(),)) for name in names[:count]]
        found = assess(*given)
        assert {one.status for one in found.results if one.question in names[:count]} == {status}


def test_copies_under_other_titles_are_the_same_passage():
    names = ["security.independent_audit", "security.encryption_at_rest", QUESTION, "people.training"]
    given = [
        Answer(question=name, answer="yes", evidence=(evidence(document=f"Report {i}", place="p. 20"),))
        for i, name in enumerate(names)
    ]
    assert "one_passage" in {flag.code for flag in assess(*given).flags}


def test_one_file_cannot_be_documents_of_two_kinds(tmp_path):
    (tmp_path / "a.pdf").write_bytes(b"one")
    (tmp_path / "b.pdf").write_bytes(b"one")
    found = assess(
        Answer(question=QUESTION, answer="yes", evidence=(evidence(file="a.pdf"),)),
        Answer(
            question="security.penetration_test",
            answer=4,
            evidence=(evidence(document="Test", kind="test_report", file="b.pdf"),),
        ),
        folder=tmp_path,
    )
    spoiled = {flag.question for flag in found.flags if flag.code == "two_kinds"}
    assert spoiled == {QUESTION, "security.penetration_test"}


def test_one_document_under_two_dates_counts_for_neither():
    found = assess(
        Answer(question=QUESTION, answer="yes", evidence=(evidence(),)),
        Answer(question="people.training", answer="yes", evidence=(evidence(date="2026-09-30"),)),
    )
    assert {flag.question for flag in found.flags if flag.code == "two_dates"} == {
        QUESTION,
        "people.training",
    }


@pytest.mark.parametrize(
    ("name", "sha256", "code"),
    [
        ("report.pdf", hashlib.sha256(b"content").hexdigest(), None),
        ("report.pdf", "", None),
        ("report.pdf", hashlib.sha256(b"other").hexdigest(), "hash"),
        ("missing.pdf", "", "file_missing"),
        ("", "", "file_missing"),
        ("empty.pdf", "", "file_missing"),
        ("link.pdf", "", "file_missing"),
        ("../outside.pdf", "", "file_missing"),
        ("/etc/hostname", "", "file_missing"),
        ("folder", "", "file_missing"),
        ("a\0b", "", "file_missing"),
        ("x" * 280, "", "file_missing"),
    ],
)
def test_a_file_must_be_in_the_folder_and_be_the_one_that_was_stated(tmp_path, name, sha256, code):
    folder = tmp_path / "evidence"
    folder.mkdir()
    (tmp_path / "outside.pdf").write_bytes(b"content")
    (folder / "report.pdf").write_bytes(b"content")
    (folder / "empty.pdf").write_bytes(b"")
    (folder / "folder").mkdir()
    (folder / "link.pdf").symlink_to(tmp_path / "outside.pdf")
    status, codes = judged(folder=folder, file=name, sha256=sha256)
    assert (status, codes) == (("shown", set()) if code is None else ("not_shown", {code}))


def test_the_same_file_with_a_newer_date_does_not_count(tmp_path):
    (tmp_path / "report.pdf").write_bytes(b"content")
    given = Answer(question=QUESTION, answer="yes", evidence=(evidence(file="report.pdf"),))
    first = assess(given, folder=tmp_path)
    newer = Answer(
        question=QUESTION, answer="yes", evidence=(evidence(file="report.pdf", date="2026-10-30"),)
    )
    assert "redated" in {flag.code for flag in assess(newer, folder=tmp_path, previous=first).flags}
    assert "redated" not in {flag.code for flag in assess(given, folder=tmp_path, previous=first).flags}


def test_answers_that_contradict_each_other_both_stop_counting():
    proof = evidence(kind="contract_text")
    other = evidence(kind="contract_text", place="clause 9")
    found = assess(
        Answer(question="exit.deletion_days", answer=30, evidence=(proof,)),
        Answer(question="exit.backup_days", answer=80, evidence=(other,)),
    )
    status = {one.question: one.status for one in found.results}
    assert status["exit.deletion_days"] == status["exit.backup_days"] == "not_shown"


def test_silence_on_what_could_contradict_an_answer_does_not_help():
    proof = evidence(kind="contract_text")
    found = assess(Answer(question="exit.deletion_days", answer=30, evidence=(proof,)))
    flags = {flag.code for flag in found.flags if flag.question == "exit.deletion_days"}
    assert flags == {"unchecked"}
    with_other = assess(
        Answer(question="exit.deletion_days", answer=30, evidence=(proof,)),
        Answer(question="exit.backup_days", answer=30),
    )
    assert not {flag.code for flag in with_other.flags if flag.question == "exit.deletion_days"}


def test_the_age_of_a_test_is_that_of_its_report():
    fields = {"kind": "test_report", "question": "security.penetration_test"}
    assert judged(4, date="2026-06-20", **fields)[0] == "shown"
    assert judged(1, date="2026-06-20", **fields) == ("not_shown", {"contradiction"})


def test_what_a_person_did_not_find_in_the_document_is_not_shown():
    given = Answer(question=QUESTION, answer="yes", evidence=(evidence(),))
    found = assess(given, passages={QUESTION: False})
    assert "refuted" in {flag.code for flag in found.flags}
    assert any(QUESTION in text for _, text in assess(given).conditions)
    assert not any(
        text.startswith("Have a person") for _, text in assess(given, passages={QUESTION: True}).conditions
    )


def test_each_flag_and_the_result_are_logged_without_the_vendors_words():
    log = AuditLog()
    found = assess(Answer(question=QUESTION, answer="mostly, says Jane Roe"), audit=log)
    assert len(log.events) == len(found.flags) + 1
    assert log.events[-1].reason == "not_before_conditions"
    assert not any("Jane" in event.to_json() for event in log.events)
    assert not any("Jane" in flag.sentence for flag in found.flags)


def test_an_old_or_undated_form_is_a_condition_and_one_from_tomorrow_is_refused():
    from secure_ai.govern.vendors import Engagement, assess_vendor, load_questionnaire

    given = Answer(question=QUESTION, answer="yes", evidence=(evidence(),))

    def codes(day):
        found = assess_vendor(
            answers(given, completed_on=day),
            load_questionnaire("healthcare"),
            date(2026, 11, 2),
            engagement=Engagement(service="Ward Notes Assistant"),
        )
        return {flag.code for flag in found.flags if not flag.question}

    assert codes("2026-10-26") == set()
    assert codes("") == {"undated_form"} and codes("last week") == {"undated_form"}
    assert codes("2026-01-02") == {"old_form"}
    with pytest.raises(UserError, match="after the day of the assessment"):
        codes("2026-11-03")
