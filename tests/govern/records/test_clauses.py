"""Claims about clause checklists: what is there is found with its place, what is taken out is missing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from secure_ai.core import UserError
from secure_ai.core.frameworks import entry
from secure_ai.govern.records import (
    check_clauses,
    clause_regimes,
    clauses_record,
    find_pandoc,
    read_contract,
    to_markdown,
    write_record,
)
from secure_ai.govern.records import clauses as room
from secure_ai.govern.records.clauses import FOUND, JUDGE, MISSING, STATES

CONTRACTS = Path(__file__).parent / "contracts"
CONTRACT_OF = {
    "hipaa_privacy": "baa",
    "hipaa_security": "baa",
    "gdpr_processor": "dpa",
    "bank_service_provider": "bank",
}
FILLER = "The parties keep a copy of this agreement and of its annexes, and of any change, in the archive. "


def contract(regime: str) -> str:
    return (CONTRACTS / f"{CONTRACT_OF[regime]}.txt").read_text()


def points(regime: str) -> list[dict]:
    return room._regimes()[regime]["points"]


CASES = [
    (regime, point["id"]) for regime in CONTRACT_OF for point in points(regime) if not point.get("judge")
]


def state(text: str, regime: str, point: str):
    return next(result for result in check_clauses(text, regime).results if result.id == point)


@pytest.mark.parametrize("regime", CONTRACT_OF)
def test_a_contract_with_every_clause_has_nothing_missing(regime):
    results = check_clauses(contract(regime), regime).results
    assert not [result.id for result in results if result.state == MISSING]
    assert {result.id for result in results if result.state == JUDGE} == {
        point["id"] for point in points(regime) if point.get("judge")
    }


@pytest.mark.parametrize(("regime", "point"), CASES)
def test_a_clause_that_is_taken_out_is_no_longer_found_there(regime, point):
    lines = contract(regime).splitlines()
    for _ in range(2):  # two sentences may promise the same
        found = state("\n".join(lines), regime, point)
        if found.state == FOUND:
            del lines[int(re.search(r"line (\d+)", found.place)[1]) - 1]
    assert state("\n".join(lines), regime, point).state != FOUND


@pytest.mark.parametrize(
    ("clause", "reason"),
    [
        (
            "The Processor shall not be required to assist the Controller with requests of data subjects.",
            "way out",
        ),
        ("The Processor shall at its sole discretion assist with requests of data subjects.", "way out"),
        ("The Controller shall assist the Processor with requests of data subjects.", "bind the controller"),
        ("Assistance with requests of data subjects: [to be described].", "blank"),
        ("Support for requests of data subjects is an option of the premium plan.", "without obliging"),
        (
            "“Assistance” means help with requests of data subjects that the Processor shall give.",
            "defines a word",
        ),
        ("The Processor shall NOT:\n- assist the Controller with requests of data subjects", "way out"),
    ],
)
def test_words_that_do_not_bind_the_processor_are_for_a_person_to_judge(clause, reason):
    found = state(f"{FILLER * 3}\n\n{clause}\n", "gdpr_processor", "rights_of_people")
    assert (found.state, bool(re.search(reason, found.reason))) == (JUDGE, True)


@pytest.mark.parametrize(
    "clause",
    [
        "The Processor shall assist the Controller with requests of data subjects.",
        "**4.2** Supplier agrees to help the customer answer requests of data subjects.",
        "The Processor will:\n\n- cooperate with requests of data subjects",
        "4. The Processor must:\n(a) support the Controller when data subjects exercise their rights;",
    ],
)
def test_the_same_promise_is_found_in_other_words_and_lists(clause):
    assert state(f"{FILLER * 3}\n\n{clause}\n", "gdpr_processor", "rights_of_people").state == FOUND


@pytest.mark.parametrize(
    "clause",
    [
        "Notwithstanding clause 2, the Processor may keep the data.",
        "Section 2 does not apply to customers of the basic plan.",
        "The terms on the website take precedence over this agreement.",
        "The Processor may use personal data to train and improve its models.",
        "The Processor may at any time change these terms.",
    ],
)
def test_a_place_that_may_take_a_clause_back_is_shown(clause):
    check = check_clauses(contract("gdpr_processor") + f"\n9. Other\n9.1 {clause}\n", "gdpr_processor")
    assert [place for place, _ in check.read_as_well] == ["clause 9.1, line 26, under “Other”"]
    assert "may take a clause back" in to_markdown(
        clauses_record([check], organization="O", vendor="V", contract="C")
    )
    assert not check_clauses(contract("gdpr_processor"), "gdpr_processor").read_as_well


def test_a_heading_alone_is_no_clause():
    text = f"{FILLER * 3}\n\n7. Audits and inspections\n\n8. Sub-processors and their authorisation\n"
    results = check_clauses(text, "gdpr_processor")
    assert not results.by_state(FOUND)


def test_the_place_names_clause_line_and_heading():
    found = state(contract("gdpr_processor"), "gdpr_processor", "security")
    assert found.place == "clause 2 (c), line 15, under “Obligations of the Processor”"
    assert "Article 32" in found.quote


def test_a_vendor_called_by_its_name_is_read_and_a_promise_with_a_reserve_is_not_found():
    text = (
        f"{FILLER * 3}\n\n5.2 Acme shall ensure that its personnel are bound by a duty of confidentiality.\n"
        "5.6 Upon termination Acme will delete or return Customer Data, save that Acme may retain data to "
        "improve its services.\n5.8 Customer shall notify Acme of any personal data breach within 72 hours.\n"
    )
    assert state(text, "gdpr_processor", "confidentiality").state == FOUND
    assert state(text, "gdpr_processor", "delete_or_return").state == JUDGE
    assert state(text, "gdpr_processor", "breach").state == JUDGE


def test_a_quote_shows_no_address_or_number_of_a_person():
    clause = (
        "The Processor shall assist jane.roe@example.org, +1 555 0100 222, with requests of data subjects."
    )
    quote = state(f"{FILLER * 3}\n\n{clause}", "gdpr_processor", "rights_of_people").quote
    assert "example.org" not in quote and "0100" not in quote and "…" in quote


@pytest.mark.parametrize("regime", CONTRACT_OF)
def test_a_checklist_never_says_that_a_contract_complies(regime):
    check = check_clauses(contract(regime), regime)
    record = clauses_record([check], organization="O", vendor="V", contract="C 1.0")
    said = check.sentence() + str(record.summary)
    assert "complian" not in said and "complies" not in said and "for counsel to say" in said


def test_points_for_a_person_stay_open_until_somebody_is_named():
    check = check_clauses(contract("hipaa_privacy"), "hipaa_privacy")
    record = clauses_record([check], organization="O", vendor="V", contract="C")
    assert record.open_points() == ("who judged it, and how",)
    judged = {"no_more_than_covered_entity": "Counsel, 2026-11-22: clause 2.2 suffices"}
    closed = clauses_record([check], organization="O", vendor="V", contract="C", judged=judged)
    assert closed.open_points() == () and "clause 2.2 suffices" in to_markdown(closed)


def test_every_provision_is_known_and_every_pattern_reads():
    for regime in clause_regimes():
        for point in points(regime):
            assert entry(point["framework"])
            assert all(re.compile(word) for group in point["words"] for word in group)
            assert point["asks"].endswith(".")


def test_the_regimes_of_a_sector():
    assert set(clause_regimes("healthcare")) == {"hipaa_privacy", "hipaa_security", "gdpr_processor"}
    assert set(clause_regimes("finance")) == {"gdpr_processor", "bank_service_provider"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "fewer than 30 words"),
        ("short", "fewer than 30 words"),
        ("the of and shall " * 60_000, "over a million"),
        ("Der Auftragsverarbeiter verarbeitet personenbezogene Daten nur auf Weisung. " * 8, "English"),
    ],
)
def test_a_text_that_cannot_be_judged_is_refused(text, message):
    with pytest.raises(UserError, match=message):
        check_clauses(text, "gdpr_processor")


def test_an_unknown_checklist_is_refused():
    with pytest.raises(UserError, match="no checklist 'iso'"):
        check_clauses(FILLER * 3, "iso")


@pytest.mark.parametrize(
    ("name", "content"), [("a.pdf", b"%PDF"), ("a.txt", b"\xff\xfe\x00"), ("gone.txt", None)]
)
def test_a_file_that_is_no_contract_is_refused_in_a_sentence(tmp_path, name, content):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=name):
        read_contract(tmp_path / name)


@pytest.mark.skipif(find_pandoc() is None, reason="pandoc is not installed")
def test_a_contract_is_read_from_docx(tmp_path):
    check = check_clauses(contract("hipaa_privacy"), "hipaa_privacy")
    record = clauses_record([check], organization="O", vendor="V", contract="C")
    path = write_record(record, tmp_path, ["docx"]).files["docx"]
    assert "Contract clauses" in read_contract(path) or "safeguards" in read_contract(path)
    (tmp_path / "broken.docx").write_bytes(b"PK nothing")
    with pytest.raises(UserError, match=r"pandoc cannot read broken\.docx"):
        read_contract(tmp_path / "broken.docx")


def test_a_long_line_does_not_hang():
    text = f"{FILLER * 3}\n" + "the Processor shall " * 10_000
    assert {result.state for result in check_clauses(text, "gdpr_processor").results} <= set(STATES)


def test_the_data_says_what_was_not_verified():
    text = yaml.safe_load((Path(room.__file__).parent / "data/clauses.yaml").read_text())
    assert all(
        regime["checked"] and regime["url"] and "verified" in regime for regime in text["regimes"].values()
    )
