"""Answers: copies that name nobody else, erasure around holds, corrections, second persons."""

from __future__ import annotations

import csv
import json
import zipfile
from datetime import date, timedelta

import pytest

from secure_ai.core.errors import UserError
from secure_ai.core.measurement import Unassessed
from secure_ai.encrypt.files import decrypt_file
from secure_ai.encrypt.transport.public_keys import generate_recipient_key
from secure_ai.encrypt.transport.recipient_keys import NotForThisRecipient, RecipientKey
from secure_ai.govern.estate.store import Block
from secure_ai.govern.estate.subject import Subject
from secure_ai.govern.rights import ReviewQueue, resource_counts, seal_copy
from secure_ai.govern.rights.others import Redactor

MINE = Subject("P1", "p-P1", {"name": ("Ada Sample",), "phone": ("(617) 555-0101",)}, "1980-02-29")
OTHERS = [("name", "Ben Young"), ("name", "Ada Sample"), ("mrn", "ZZ33333333"), ("name", "Siobhán O'Neil")]


@pytest.mark.parametrize(
    ("text", "stays", "goes"),
    [
        ("Son Ben Young visited.", "visited", ["Ben Young"]),
        ("YOUNG, BEN came along", "came along", ["YOUNG", "BEN"]),
        ("Same bed as MRN ZZ33333333 last week", "last week", ["ZZ33333333"]),
        ("Spoke with siobhan o'neil about it", "about it", ["siobhan", "neil"]),
        ("Call Ada Sample at (617) 555-0101.", "Ada Sample at (617) 555-0101", []),
        ("Sample, Ada was seen. A. Sample agrees.", "A. Sample agrees", []),
        ("Her neighbour Carla Whitfield, 617-555-0177, helps.", "neighbour", ["Carla Whitfield", "555-0177"]),
        ("Write to carla.whitfield@example.org instead", "Write to", ["carla.whitfield@example.org"]),
        ("DOB 02/29/1980 confirmed", "02/29/1980", []),
        ("Twin brother, DOB 03/01/1981, well", "Twin brother", ["03/01/1981"]),
        ("Seen on 03/01/2026 for review of labs", "03/01/2026", []),
        ("Seen by Dr. Helen Marsh today", "today", ["Helen Marsh"]),
        ("Ask dr lopez about it", "about it", ["lopez"]),
        (
            "A nurse read my chart to the doctor. Please call.",
            "nurse read my chart to the doctor. Please",
            [],
        ),
        ("Dear April,\nthe papers are attached.", "papers", ["April"]),
        ("Dear Sir or Madam,", "Dear Sir or Madam,", []),
        ("Dear Ada, all is well.", "Dear Ada, all is well.", []),
    ],
)
def test_a_text_keeps_the_person_and_loses_the_others(text, stays, goes):
    made, masked = Redactor(MINE, OTHERS).redact({"notes": [{"text": text}]})
    found = made["notes"][0]["text"]
    assert stays in found
    assert not any(value in found for value in goes)
    assert bool(goes) == bool(masked.persons or masked.staff)


@pytest.mark.parametrize(
    "text",
    [
        "Neighbor lives at 12 Oak Street, Boston, MA 02110.",
        "Neighbor writes from 02110.carla@example.org.",
        "Neighbor's account is 02110 7766 5544 on file, phone 617-555-0110.",
    ],
)
def test_a_shared_city_or_zip_code_makes_no_value_ones_own(text):
    rows = {"patients": [{"patient_id": "P1", "city": "Boston", "zip": "02110"}], "notes": [{"text": text}]}
    made, masked = Redactor(MINE).redact(rows)
    assert masked.persons["notes"] and "[detail of another person]" in made["notes"][0]["text"]
    assert made["patients"][0]["city"] == "Boston"


def test_no_copy_tells_that_a_customer_is_suspected(make_desk, tmp_path):
    letters = []
    for flagged in (True, False):
        setting = make_desk("finance")
        marks = {"is_fraud": True, "fraud_type": "mule_layering", "sar_filed": True} if flagged else {}
        setting.estate.rows["customers"]["P1"][0].update(marks)
        case = setting.desk.receive(setting.form("access", "eu"))
        setting.desk.give_copy(case.id, tmp_path / str(flagged))
        text = (tmp_path / str(flagged) / "read-me-first.html").read_text()
        assert "mule_layering" not in "".join(p.read_text() for p in (tmp_path / str(flagged)).iterdir())
        letters.append(text)
    # Nor does the copy of somebody who is look different.
    assert letters[0] == letters[1] and "31 CFR 1020.320(e)" in letters[0]


def test_psychotherapy_notes_are_in_no_copy(hospital, tmp_path):
    hospital.estate.rows["notes"]["P1"][0] |= {
        "note_type": "psychotherapy_note",
        "text": "very private thoughts",
    }
    case = hospital.desk.receive(hospital.form())
    assert hospital.desk.give_copy(case.id, tmp_path / "copy").records["notes"] == 1
    assert "private thoughts" not in (tmp_path / "copy" / "notes.csv").read_text()


def test_a_european_patient_gets_the_notes_that_us_law_alone_leaves_out(hospital, tmp_path):
    hospital.estate.rows["notes"]["P1"][0]["note_type"] = "psychotherapy_note"
    case = hospital.desk.receive(hospital.form("access", "eu"))
    assert hospital.desk.give_copy(case.id, tmp_path / "copy").records["notes"] == 2


def test_a_copy_replaces_an_older_copy_and_no_other_folder(hospital, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    case = hospital.desk.receive(hospital.form())
    with pytest.raises(UserError, match="holds something else"):
        hospital.desk.give_copy(case.id, tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "mine"
    assert hospital.desk.register.case(case.id).status == "open"


def test_a_copy_that_would_name_somebody_is_not_written(hospital, tmp_path, monkeypatch):
    monkeypatch.setattr(Redactor, "leaks", lambda self, text: 1)
    case = hospital.desk.receive(hospital.form())
    with pytest.raises(UserError, match="would name somebody else"):
        hospital.desk.give_copy(case.id, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    assert hospital.audit.events[-1].alert and hospital.desk.register.case(case.id).status == "open"


@pytest.mark.parametrize("name", ["Siobhán O'Neil", "Nguyễn Ánh", "Fred <b> Rogers"])
def test_a_leak_is_seen_through_the_escapes_of_html_and_json(tmp_path, name):
    from secure_ai.govern.rights.exports import Copy, write_copy
    from secure_ai.govern.rights.laws import read_laws

    class Blind(Redactor):
        def redact(self, records, logs=frozenset()):
            from secure_ai.govern.rights.others import Masked

            return {store: [dict(row) for row in rows] for store, rows in records.items()}, Masked()

    law = read_laws()["GDPR"]
    for rows in ({"notes": [{"text": f"with {name} today"}]}, {"patients": [{"last_name": name}]}):
        copy = Copy("RR-1", date(2026, 3, 2), law, law.rights["portability"], MINE, rows)
        with pytest.raises(UserError, match="would name"):
            write_copy(copy, tmp_path / "copy", Blind(MINE, [("name", name)]))


def test_markup_in_a_record_stays_text(hospital, tmp_path):
    hospital.estate.rows["notes"]["P1"][0]["text"] = "<script>alert(1)</script> seen today by the team"
    case = hospital.desk.receive(hospital.form())
    hospital.desk.give_copy(case.id, tmp_path / "copy")
    assert "<script>alert" not in (tmp_path / "copy" / "read-me-first.html").read_text()


def test_a_relative_in_a_column_is_masked_in_every_text_too():
    rows = {
        "patients": [
            {
                "patient_id": "P1",
                "emergency_contact_name": "Maria Sample",
                "emergency_contact_relation": "aunt",
            }
        ],
        "notes": [{"text": "Discussed with maria over lunch. Maria Sample agrees."}],
    }
    made, _ = Redactor(MINE).redact(rows)
    assert made["patients"][0]["emergency_contact_relation"] == "aunt"
    assert "maria" not in json.dumps(made).lower()


@pytest.mark.parametrize(("keep", "shown"), [(True, "S9"), (False, "[staff member]")])
def test_staff_stay_in_records_by_the_rule_of_the_law_and_never_in_a_log(keep, shown):
    rows = {
        "notes": [{"author_staff_id": "S9"}],
        "log": [{"staff_id": "S9", "ip": "192.0.2.1", "action": "view"}],
    }
    made, _ = Redactor(MINE, keep_staff=keep).redact(rows, frozenset({"log"}))
    assert made["notes"][0]["author_staff_id"] == shown
    assert made["log"][0] == {"staff_id": "[staff member]", "ip": "[staff member]", "action": "view"}


@pytest.mark.parametrize(
    ("sector", "residence"), [("healthcare", "us"), ("healthcare", "eu"), ("finance", "eu")]
)
def test_a_copy_holds_what_is_the_persons_and_nobody_elses(make_desk, tmp_path, sector, residence):
    setting = make_desk(sector)
    case = setting.desk.receive(setting.form("access", residence))
    export = setting.desk.give_copy(case.id, tmp_path / "copy")
    text = "".join(path.read_text("utf-8-sig") for path in (tmp_path / "copy").iterdir())
    assert "Ada Sample" in text and "(617) 555-0101" in text
    for other in ("Ben Young", "555-0103", "ZZ33333333", "Eve Other", "ES2600005529971118578042", "S77"):
        assert other not in text
    assert setting.desk.register.case(case.id).status == "closed"
    assert (tmp_path / "copy").stat().st_mode & 0o077 == 0
    assert ("log.csv" in export.files) is (residence == "eu")


def test_a_copy_starts_no_formula_in_a_spreadsheet(hospital, tmp_path):
    hospital.estate.rows["notes"]["P1"][0]["text"] = "=HYPERLINK(0)"
    case = hospital.desk.receive(hospital.form())
    hospital.desk.give_copy(case.id, tmp_path)
    with (tmp_path / "notes.csv").open(encoding="utf-8-sig", newline="") as file:
        assert next(csv.DictReader(file))["text"].startswith("'=")


def test_only_the_key_of_the_requester_opens_a_sealed_copy(hospital, tmp_path):
    case = hospital.desk.receive(hospital.form())
    hospital.desk.give_copy(case.id, tmp_path / "copy")
    mine, other = (generate_recipient_key(tmp_path / name) for name in ("mine", "other"))
    sealed = seal_copy(tmp_path / "copy", tmp_path / "copy.sealed", mine.public, case.id)
    assert b"Ada Sample" not in sealed.read_bytes()
    decrypt_file(
        sealed,
        tmp_path / "copy.zip",
        RecipientKey("requester", mine.private),
        associated_data={"case": case.id},
    )
    assert "read-me-first.html" in zipfile.ZipFile(tmp_path / "copy.zip").namelist()
    with pytest.raises(NotForThisRecipient):
        decrypt_file(
            sealed,
            tmp_path / "no",
            RecipientKey("requester", other.private),
            associated_data={"case": case.id},
        )
    assert not list(tmp_path.glob(".*packing*"))


def test_a_parent_gets_no_record_of_care_that_a_minor_consented_to_alone(hospital, tmp_path):
    rows = hospital.estate.rows
    rows["claims"]["P3"] = [
        {"claim_id": "C1", "encounter_id": "E1", "sensitivity": "none"},
        {"claim_id": "C2", "encounter_id": "E2", "sensitivity": "reproductive"},
        {"claim_id": "C3", "encounter_id": "E2", "sensitivity": "none"},
    ]
    paper = {"document": "birth certificate", "signed": "2015-06-01", "checked_by": "u1"}
    case = hospital.desk.receive(hospital.form(who="P3", requester="parent", authority=paper))
    export = hospital.desk.give_copy(case.id, tmp_path)
    assert export.records["claims"] == 1 and export.withheld["claims"] == 2
    # Notes name no visit here, so a person reads them first.
    assert "notes" not in export.records and export.withheld["notes"] == 2
    assert "reproductive" not in (tmp_path / "read-me-first.html").read_text()


@pytest.mark.parametrize(
    ("place", "outcome"),
    [("claim", "partly"), ("", "refused"), ("none such", "granted")],
)
def test_erasure_goes_around_holds_and_says_what_stays(make_desk, blocker, tmp_path, place, outcome):
    keeping = Block("hold", "HOLD-7", "A court asked us to keep it.")
    setting = make_desk("healthcare", blockers=[blocker(keeping, data_class=place)])
    case = setting.desk.receive(setting.form("erasure", "eu"))
    receipt = setting.desk.erase(case.id, tmp_path)
    done = setting.desk.register.case(case.id)
    assert (done.outcome, done.status, "P1" in setting.estate.people.gone) == (
        outcome,
        "closed",
        outcome == "granted",
    )
    letter = (tmp_path / f"{case.id}-answer.html").read_text()
    assert ("HOLD-7" in letter) is (outcome != "granted") and "Ada" not in letter
    assert (receipt is None) is (outcome == "refused")
    assert ("P1" in setting.estate.rows["claims"]) is (outcome != "granted")


def test_california_erases_at_a_bank_only_what_no_other_law_governs(bank, tmp_path):
    case = bank.desk.receive(bank.form("erasure", "us-ca"))
    bank.desk.erase(case.id, tmp_path)
    assert {name for name, held in bank.estate.rows.items() if "P1" not in held} == {"consents", "log"}
    assert "CCPA 1798.145(e)" in bank.desk.register.case(case.id).citations


def test_erasure_closes_what_else_the_person_asked(make_desk, tmp_path):
    setting = make_desk("healthcare")
    open_case = setting.desk.receive(setting.form("correction", "eu", correction=wanted()))
    case = setting.desk.receive(setting.form("erasure", "eu"))
    setting.desk.erase(case.id, tmp_path)
    other = setting.desk.register.case(open_case.id)
    assert (other.status, other.outcome, setting.desk.register.held(other.id)) == ("closed", "withdrawn", {})


def wanted(store: str = "patients", record: str | None = "patients-P1-0", field: str = "phone") -> dict:
    return {"store": store, "field": field, "value": "(617) 555-0199", "record": record}


def test_an_accepted_correction_changes_that_record_alone(hospital, tmp_path):
    case = hospital.desk.receive(hospital.form("correction", correction=wanted()))
    assert case.due == date(2026, 5, 1)
    hospital.desk.correct(case.id, tmp_path, accept=True, actor="u2")
    phones = [row["phone"] for row in hospital.estate.rows["patients"]["P1"]]
    assert phones == ["(617) 555-0199", "(617) 555-0101"]
    # The value is not kept beside the closed case.
    assert hospital.desk.register.held(case.id) == {}


def test_the_value_of_a_correction_leaves_the_file_of_the_register(make_desk, tmp_path):
    from secure_ai.govern.rights import Register

    setting = make_desk("healthcare", register=Register.create(tmp_path / "register.sqlite"))
    case = setting.desk.receive(setting.form("correction", correction=wanted()))
    file = tmp_path / "register.sqlite"
    assert b"555-0199" in file.read_bytes()
    setting.desk.correct(case.id, tmp_path, accept=True, actor="u2")
    assert b"555-0199" not in file.read_bytes()
    assert [path.name for path in tmp_path.glob("register*")] == ["register.sqlite"]


@pytest.mark.parametrize(
    ("correction", "message"),
    [
        (wanted(record=None), "name the one"),
        (wanted(field="key"), "another's"),
        (wanted(record="patients-P2-0"), "no such record"),
        (wanted(store="payroll"), "no records in the place"),
    ],
)
def test_a_correction_reaches_no_other_record_and_no_key(hospital, tmp_path, correction, message):
    case = hospital.desk.receive(hospital.form("correction", correction=correction))
    with pytest.raises(UserError, match=message):
        hospital.desk.correct(case.id, tmp_path, accept=True, actor="u2")
    assert all(row["phone"] == "(617) 555-0102" for row in hospital.estate.rows["patients"]["P2"])


def test_a_refused_correction_names_its_ground_and_takes_a_statement(hospital, tmp_path):
    case = hospital.desk.receive(hospital.form("correction", correction=wanted()))
    with pytest.raises(UserError, match="ground"):
        hospital.desk.correct(case.id, tmp_path, accept=False, ground="no time", actor="u2")
    found = hospital.desk.correct(case.id, tmp_path, accept=False, ground="accurate", actor="u2")
    assert found.citations == ("164.526(a)(1)", "164.526(a)(2)(iv)")
    assert "164.526(d)(2)" in (tmp_path / f"{case.id}-answer.html").read_text()
    path = hospital.desk.disagree(case.id, "That number was never mine.", tmp_path)
    assert "never mine" in path.read_text()


def test_what_lies_outside_the_record_set_is_refused_whatever_the_judge_says(hospital, tmp_path):
    case = hospital.desk.receive(hospital.form("correction", correction=wanted("log", "log-P1-0")))
    assert hospital.desk.correct(case.id, tmp_path, accept=True, actor="u2").outcome == "refused"
    assert hospital.estate.rows["log"]["P1"][0]["phone"] == "(617) 555-0101"


def review_case(bank, **more):
    form = bank.form("automated_decision", "us", decision="D-1", decided_on="2026-02-01") | more
    return bank.desk.receive(form)


def test_a_decision_is_confirmed_by_a_second_person_who_has_seen_it(bank, tmp_path):
    queue = ReviewQueue(bank.desk.register, audit=bank.audit, clock=lambda: bank.now)
    case = review_case(bank)
    terms = {"owner": "P1", "outcome": "refused", "reasons": ["Income too low for the amount."]}
    bank.desk.open_review(case.id, queue, **terms, decided_by="model@3", actor="u1")
    with pytest.raises(UserError, match="waits for a second person"):
        bank.desk.close_review(case.id, queue, tmp_path, actor="u1")
    note = "The income was read from an outdated statement."
    for reviewer, message in (("u1", "second person"), ("model@3", "second person"), ("u2", "Open")):
        with pytest.raises(UserError, match=message):
            queue.confirm(case.id, reviewer, "upheld", note)
    queue.see(case.id, "u2")
    with pytest.raises(UserError, match="read it first"):
        queue.confirm(case.id, "u2", "upheld", note)
    with pytest.raises(UserError, match="Open"):  # what one has seen, another has not
        queue.confirm(case.id, "u3", "upheld", note)
    bank.now += timedelta(minutes=5)
    for verdict, words, new in (
        ("upheld", "ok", ""),
        ("changed", note, ""),
        ("upheld", note, "granted"),
        ("maybe", note, ""),
    ):
        with pytest.raises(UserError):
            queue.confirm(case.id, "u2", verdict, words, new_outcome=new)
    assert isinstance(queue.upheld_share(), Unassessed)
    queue.confirm(case.id, "u2", "changed", note, new_outcome="granted")
    bank.desk.close_review(case.id, queue, tmp_path, actor="u1")
    letter = (tmp_path / f"{case.id}-answer.html").read_text()
    assert "Income too low" in letter and "changed: granted" in letter
    assert queue.upheld_share().value == 0 and not queue.waiting()
    assert sum(event.outcome == "denied" for event in bank.audit.events) >= 4


def test_the_decision_of_another_is_not_explained(bank):
    queue = ReviewQueue(bank.desk.register, clock=lambda: bank.now)
    case = review_case(bank)
    with pytest.raises(UserError, match="not one about the person"):
        bank.desk.open_review(case.id, queue, owner="P2", outcome="refused", reasons=["x"], decided_by="m")
    assert bank.audit.events[-1].alert and not queue.waiting()


@pytest.mark.parametrize(("decided_on", "outcome"), [("2026-01-01", ""), ("2025-12-31", "refused")])
def test_reasons_are_owed_for_sixty_days_after_the_notice(bank, decided_on, outcome):
    assert review_case(bank, decided_on=decided_on).outcome == outcome


def test_the_reasons_of_a_model_go_out_with_the_answer(bank, tmp_path):
    import numpy as np
    import pandas as pd
    from sklearn.linear_model import LogisticRegression

    from secure_ai.defend.explanations import explain, reason_codes

    rng = np.random.default_rng(3)
    rows = pd.DataFrame(rng.normal(size=(300, 2)), columns=["debt_to_income", "credit_score"])
    refused = (rows["debt_to_income"] - rows["credit_score"] > 0).astype(int)
    model = LogisticRegression().fit(rows, refused)
    case_row = pd.DataFrame({"debt_to_income": [2.5], "credit_score": [0.0]})
    reasons = reason_codes(explain(model, case_row, rows, label=1), rows)
    queue = ReviewQueue(bank.desk.register, clock=lambda: bank.now, least_seconds=0)
    case = review_case(bank)
    terms = {"owner": "P1", "outcome": "refused", "decided_by": "credit@3"}
    review = bank.desk.open_review(case.id, queue, reasons=reasons, **terms)
    assert review.reasons == tuple(reasons.reasons["reason"]) and review.method == reasons.method
    queue.see(case.id, "u2")
    queue.confirm(case.id, "u2", "upheld", "The debts are as the applicant stated them.")
    bank.desk.close_review(case.id, queue, tmp_path, actor="desk")
    letter = (tmp_path / f"{case.id}-answer.html").read_text()
    assert review.reasons[0] in letter and "stands: refused" in letter


def test_reasons_that_may_not_be_sent_stop_the_review(bank):
    import pandas as pd

    from secure_ai.defend.explanations.reasons import AdverseActionReasons

    frame = pd.DataFrame({"reason": ["Age of the applicant"]})
    bad = AdverseActionReasons(frame, 0.9, ("Age is a prohibited basis.",), "exact")
    queue = ReviewQueue(bank.desk.register, clock=lambda: bank.now)
    for reasons, message in ((bad, "cannot be sent"), ([], "explain it first"), (["  "], "explain it first")):
        with pytest.raises(UserError, match=message):
            bank.desk.open_review(
                review_case(bank).id, queue, owner="P1", outcome="refused", reasons=reasons, decided_by="m"
            )


def test_an_objection_ends_purposes_or_says_why_not(make_desk, tmp_path):
    setting, stopped = make_desk("finance"), []
    case = setting.desk.receive(setting.form("objection", "eu"))
    with pytest.raises(UserError, match="purposes that end"):
        setting.desk.answer_objection(case.id, tmp_path, stopped=[], actor="u1")
    setting.desk.answer_objection(
        case.id,
        tmp_path,
        stopped=["marketing"],
        stop=lambda s, p: stopped.append((s.pseudonym, p)),
        actor="u1",
    )
    assert stopped == [("p-P1", "marketing")]
    assert setting.desk.register.case(case.id).outcome == "granted"


def test_the_register_counts_what_was_in_time(hospital, tmp_path):
    first, second, third = (hospital.desk.receive(hospital.form()) for _ in range(3))
    hospital.on("2026-04-01").desk.give_copy(first.id, tmp_path / "a")
    hospital.on("2026-04-02").desk.give_copy(second.id, tmp_path / "b")
    row = hospital.desk.register.statistics(hospital.now.date()).iloc[0]
    assert (row["cases"], row["overdue"], row["in_time"], row["median_days"]) == (3, 1, 1 / 3, 30.5)
    assert row["low"] < 1 / 3 < row["high"] and third.status == "open"


@pytest.mark.parametrize("kind", ["receipt", "detail", "extension", "refusal"])
def test_letters_carry_number_and_law_and_no_name(hospital, tmp_path, kind):
    from secure_ai.govern.records import to_markdown

    right = "erasure" if kind == "refusal" else "access"
    stated = {"stated": {"name": "Ada Sample"}} if kind == "detail" else {}
    case = hospital.desk.receive(hospital.form(right) | stated)
    if kind == "extension":
        hospital.desk.extend(case.id, "The paper archive is far away.")
    text = to_markdown(hospital.desk.letter(case.id, kind, reason="The paper archive is far away."))
    assert case.id in text and "Ada" not in text
    with pytest.raises(UserError, match="no letter"):
        hospital.desk.letter(case.id, "love")


def test_a_closed_case_stays_closed(hospital, tmp_path):
    case = hospital.desk.receive(hospital.form())
    hospital.desk.give_copy(case.id, tmp_path)
    for step in (hospital.desk.decide, hospital.desk.withdraw):
        with pytest.raises(UserError, match="closed"):
            step(case.id)
    with pytest.raises(UserError, match="no case of that number"):
        hospital.desk.decide("RR-999999")


def test_fhir_resources_are_counted_and_valid():
    from secure_ai.govern.rights import fhir_bundle

    rows = {
        "patients": [
            {"first_name": "Ada", "last_name": "Sample", "birth_date": "1980-02-29", "sex": "female"}
        ],
        "encounters": [
            {"encounter_id": "E 1", "class": "emergency", "start": "2026-01-01 10:00:00", "reason": None}
        ],
        "labs": [
            {"lab_id": "L1", "loinc_code": "2160-0", "test": "Creatinine", "value": 0.7, "unit": "mg/dL"}
        ],
    }
    bundle = fhir_bundle(rows, "P1", date(2026, 3, 2))
    assert resource_counts(bundle) == {"Patient": 1, "Encounter": 1, "Observation": 1}
    rows["patients"][0]["birth_date"] = "yesterday"
    with pytest.raises(UserError, match="Record 1 of patients"):
        fhir_bundle(rows, "P1", date(2026, 3, 2))
