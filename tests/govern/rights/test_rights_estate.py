"""Requests on an estate that is on disk: a hospital from the kit's own tables."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest

import synthetic_data
from secure_ai.core.audit import AuditLog
from secure_ai.core.errors import UserError
from secure_ai.govern.estate.build import build_estate
from secure_ai.govern.estate.subject import Subject
from secure_ai.govern.retention import RetentionSchedule
from secure_ai.govern.rights import Redactor, RightsDesk, resource_counts

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def tables():
    return {
        name: table.copy()
        for name, table in synthetic_data.load("healthcare", rows=60, seed=5).tables.items()
    }


@pytest.fixture(scope="module")
def hospital(tables, tmp_path_factory):
    """An estate that no test changes."""
    return build(tables, tmp_path_factory.mktemp("hospital"))


def build(tables, folder):
    # One patient's note names another patient, as a careless author would.
    me, other = tables["patients"].iloc[0], tables["patients"].iloc[1]
    notes = tables["notes"].copy()
    mine = notes["patient_id"] == me["patient_id"]
    notes.loc[mine, "text"] += (
        f" Roommate {other['last_name'].upper()}, {other['first_name']} (MRN {other['mrn']}) upset."
    )
    return build_estate(folder / "estate", "healthcare", tables | {"notes": notes})


@pytest.fixture
def desk(hospital, tables):
    return desk_of(hospital, tables)


def desk_of(estate, tables):
    staff = tables["staff"]["first_name"] + " " + tables["staff"]["last_name"]
    audit = AuditLog(clock=lambda: NOW)
    return RightsDesk(estate, "healthcare", audit=audit, clock=lambda: NOW, staff=staff)


def form(tables, right: str, residence: str, at: int = 0) -> dict:
    row = tables["patients"].iloc[at]
    stated = {
        "name": f"{row['last_name']}, {row['first_name']}",
        "birth_date": row["birth_date"].date().isoformat(),
        "mrn": row["mrn"],
    }
    return {"right": right, "residence": residence, "received": date(2026, 3, 1), "stated": stated}


@pytest.mark.parametrize("residence", ["us", "eu"])
def test_a_copy_from_a_hospital_names_no_other_patient_contact_or_roommate(desk, tables, tmp_path, residence):
    case = desk.receive(form(tables, "access", residence))
    assert case.status == "open"
    desk.give_copy(case.id, tmp_path / "copy")
    text = "".join(path.read_text("utf-8-sig") for path in (tmp_path / "copy").iterdir()).lower()
    me, other = tables["patients"].iloc[0], tables["patients"].iloc[1]
    assert me["mrn"].lower() in text and me["first_name"].lower() in text
    assert (
        other["mrn"].lower() not in text
        and f"{other['last_name']}, {other['first_name']}".lower() not in text
    )
    assert me["emergency_contact_name"].lower() not in text and me["emergency_contact_phone"] not in text
    bundle = json.loads((tmp_path / "copy" / "fhir-bundle.json").read_text())
    assert resource_counts(bundle)["Patient"] == 1


def test_of_the_other_people_that_notes_name_hardly_any_stays_and_the_patient_always():
    hospital = synthetic_data.load("healthcare", rows=60, seed=77)
    people = hospital.tables["patients"].set_index("patient_id")
    staff = hospital.tables["staff"]
    names = [f"{first} {last}" for first, last in zip(staff["first_name"], staff["last_name"], strict=True)]
    others, left, own, lost = 0, 0, 0, 0
    for note in hospital.documents["notes"][:120]:
        row = people.loc[note.meta["patient_id"]]
        subject = Subject("P1", "p-1", {"name": (f"{row['first_name']} {row['last_name']}",)})
        redactor = Redactor(subject, staff=names)
        found = redactor.redact({"notes": [{"text": note.text}]})[0]["notes"][0]["text"]
        for span in note.spans:
            value = note.text[span.start : span.end]
            if span.entity_type != "PERSON":
                continue
            if redactor._is_name(value):
                own, lost = own + 1, lost + (value not in found)
            else:
                others, left = others + 1, left + (value in found)
    assert others > 60 and left / others <= 0.03
    assert own > 60 and lost == 0


def test_an_erasure_leaves_no_trace_and_the_case_names_nobody(tables, tmp_path):
    desk = desk_of(build(tables, tmp_path), tables)
    me = tables["patients"].iloc[0]
    case = desk.receive(form(tables, "erasure", "eu"))
    receipt = desk.erase(case.id, tmp_path)
    assert receipt.complete and desk.register.case(case.id).outcome == "granted"
    written = "".join(path.read_text() for path in tmp_path.glob(f"{case.id}*"))
    written += "".join(event.to_json() for event in desk.trail.events)
    for value in (me["mrn"], me["last_name"], me["patient_id"], me["phone"]):
        assert value not in written
    # Who is gone gets the letter that a stranger gets.
    again = desk.receive(form(tables, "access", "eu"))
    assert again.status == "identify"


@pytest.mark.parametrize(
    ("field", "stated", "message"),
    [
        ("mrn", "another's", "somebody else"),
        ("birth_date", "not a date", "YYYY-MM-DD"),
        ("body_mass_index", "x" * 1999, "holds numbers"),
        ("patient_id", "another's", "another's"),
        ("no such field", "x", "no such field"),
    ],
)
def test_a_correction_on_disk_takes_no_number_of_another_and_nothing_of_another_form(
    desk, tables, tmp_path, *, field, stated, message
):
    other = tables["patients"].iloc[1]
    value = f" {other[field].lower()} " if stated == "another's" and field == "mrn" else stated
    wanted = {"store": "patients", "field": field, "value": value}
    case = desk.receive(form(tables, "correction", "eu") | {"correction": wanted})
    with pytest.raises(UserError, match=message):
        desk.correct(case.id, tmp_path, accept=True, actor="u2")
    assert desk.trail.events[-1].outcome == "denied"


def test_a_correction_on_disk_that_fits_is_written(tables, tmp_path):
    desk = desk_of(build(tables, tmp_path), tables)
    for field, value, written in (
        ("body_mass_index", "23.5", 23.5),
        ("birth_date", "1961-02-03", "1961-02-03"),
    ):
        wanted = {"store": "patients", "field": field, "value": value}
        case = desk.receive(form(tables, "correction", "eu", at=3) | {"correction": wanted})
        assert case.status == "open"
        subject = desk.subject(case)
        desk.correct(case.id, tmp_path, accept=True, actor="u2")
        found = desk.estate.export(subject)["patients"][0][field]
        assert found == written or str(found)[:10] == written


def test_a_us_retention_schedule_keeps_the_record_of_a_european_patient_by_us_law_alone(desk, tables):
    desk.blockers = (RetentionSchedule.load("healthcare", jurisdictions=["US"]),)
    case = desk.receive(form(tables, "erasure", "eu"))
    decision = desk.decide(case.id)
    kept = [part for part in decision.parts if not part.granted]
    assert "medical_record" in {part.data_class for part in kept}
    assert decision.outcome in {"partly", "refused"}
    for part in kept:
        assert part.reason and part.citation and not part.citation.startswith("GDPR")
        assert part.to_privacy_office
    assert decision.reason.count("speaks of Union or Member State law only") == 1


def test_a_bank_tells_a_customer_of_their_wires_and_not_of_the_other_side(tmp_path):
    found = synthetic_data.load("finance", rows=400, seed=5).tables
    wires = found["wires"].merge(found["accounts"][["account_id", "customer_id"]], on="account_id")
    wire = wires.iloc[0]
    me = found["customers"].set_index("customer_id").loc[wire["customer_id"]]
    bank = build_estate(tmp_path / "estate", "finance", found, backup=False)
    counter = RightsDesk(bank, "finance", clock=lambda: NOW)
    stated = {
        "name": f"{me['first_name']} {me['last_name']}",
        "birth_date": me["birth_date"].date().isoformat(),
        "ssn": me["ssn"],
    }
    case = counter.receive(
        {"right": "portability", "residence": "eu", "received": date(2026, 3, 1), "stated": stated}
    )
    export = counter.give_copy(case.id, tmp_path / "copy")
    assert {"records.json", "wires.csv"} <= set(export.files)
    text = "".join(path.read_text("utf-8-sig") for path in (tmp_path / "copy").iterdir())
    own = {value for value in (wire["debtor_name"], wire["creditor_name"]) if me["last_name"] in value}
    for value in {wire["debtor_name"], wire["creditor_name"]} - own:
        assert value not in text
    assert wire["wire_id"] in text and "fraud_type" not in text
    assert "access-log.csv" not in export.files  # not provided by the person: no portability
