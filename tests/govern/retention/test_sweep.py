"""A sweep removes what is beyond its maximum, keeps what a hold or a law keeps, and proves both."""

import hashlib
import json
import sqlite3
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import partial

import pandas as pd
import pytest

from secure_ai.core.audit import AuditLog
from secure_ai.core.errors import UserError
from secure_ai.govern.estate.estate import Estate
from secure_ai.govern.estate.people import IdentitySource, People
from secure_ai.govern.estate.sqlite_table import SqliteTable
from secure_ai.govern.retention import Holds, RetentionSchedule, last_records, sweeping
from secure_ai.govern.retention import sweep as sweep_now
from secure_ai.govern.retention.proof import found_in

TODAY = date(2026, 11, 22)
sweep = partial(sweep_now, clock=lambda: datetime(2040, 1, 1, tzinfo=UTC))
GOOD = {"matter": "2026-CV-0112", "reason": "claim of malpractice", "by": "counsel.one"}
OLD, LIMIT, NEW = "2015-03-01", "2016-11-22", "2025-01-01"


def tables():
    """Six patients: an adult with old records, one with new, a minor, one held, one on the limit, undated."""
    patients = pd.DataFrame(
        {
            "patient_id": [f"P{n}" for n in range(6)],
            "name": [f"Name Number{n}" for n in range(6)],
            "birth_date": [
                "1950-02-01",
                "1960-02-01",
                "2012-02-29",
                "1970-02-01",
                "1980-02-01",
                "1985-01-01",
            ],
            "mrn": [f"MRN-77{n}" for n in range(6)],
        }
    )
    notes = pd.DataFrame(
        {
            "note_id": [f"NOTE-{n}" for n in range(7)],
            "patient_id": ["P0", "P1", "P2", "P3", "P4", "P5", "P0"],
            "written_at": [OLD, NEW, OLD, OLD, LIMIT, None, NEW],
            "text": [f"a long text about an examination of the patient, number {n * 1117}" for n in range(7)],
        }
    )
    claims = pd.DataFrame(
        {
            "claim_id": [f"CLAIM-{n}" for n in range(3)],
            "patient_id": ["P0", "P2", "P3"],
            "submitted_date": [OLD, OLD, OLD],
        }
    )
    return {"patients": patients, "notes": notes, "claims": claims}


@pytest.fixture
def estate(tmp_path):
    return make_estate(tmp_path / "estate")


def make_estate(folder):
    folder.mkdir()
    path = folder / "hospital.sqlite"
    with sqlite3.connect(path) as database:
        for name, frame in tables().items():
            frame.to_sql(name, database, index=False)
    return open_estate(folder)


def open_estate(folder, stores=None):
    path = folder / "hospital.sqlite"
    kinds = {"column": "patient_id"}
    stores = stores or [
        SqliteTable(path, "patients", data_class="medical_record", **kinds),
        SqliteTable(path, "notes", date_column="written_at", record_column="note_id", kind="notes", **kinds),
        SqliteTable(
            path,
            "claims",
            data_class="claim",
            date_column="submitted_date",
            record_column="claim_id",
            **kinds,
        ),
    ]
    source = IdentitySource(
        stores[0], "patient_id", {"name": "name", "birth_date": "birth_date", "mrn": "mrn"}
    )
    people = People(folder / "pseudonyms.sqlite", [source])
    people.link(people.keys(), [f"p-{n}" for n in range(6)])
    return Estate(stores, people, AuditLog(), folder=folder)


@pytest.fixture
def holds(tmp_path, estate):
    made = Holds.create(tmp_path / "holds.sqlite")
    made.place(**GOOD, persons=[estate.subject("P3")])
    yield made
    made.close()


SCHEDULE = RetentionSchedule.load("healthcare")


def digests(folder):
    return {
        path.relative_to(folder): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def ids(estate, table, column):
    with sqlite3.connect(estate.folder / "hospital.sqlite") as database:
        return sorted(row[0] for row in database.execute(f"SELECT {column} FROM {table}"))


def result(report, store):
    return next(one for one in report.stores if one.store == store)


def test_a_dry_run_says_what_would_go_and_leaves_every_byte(estate, holds, tmp_path):
    before = digests(tmp_path)
    events = len(estate.audit.events)
    report = sweep(estate, SCHEDULE, holds, TODAY)
    notes = result(report, "notes")
    assert (notes.status, notes.due, notes.removed, notes.undated) == ("planned", 3, 1, 1)
    assert digests(tmp_path) == before and len(estate.audit.events) == events
    assert report.dry_run and not report.complete and "would go" in report.sentence()


def test_a_sweep_does_what_its_dry_run_said(estate, holds):
    planned = sweep(estate, SCHEDULE, holds, TODAY)
    done = sweep(estate, SCHEDULE, holds, TODAY, dry_run=False)
    for one, other in zip(planned.stores, done.stores, strict=True):
        assert (one.due, one.removed, one.held, one.duty) == (
            other.due,
            other.removed,
            other.held,
            other.duty,
        )
    assert result(done, "notes").proof.before - result(done, "notes").proof.after == 1


def test_only_what_nothing_keeps_goes(estate, holds):
    report = sweep(estate, SCHEDULE, holds, TODAY, dry_run=False)
    assert ids(estate, "notes", "note_id") == [f"NOTE-{n}" for n in range(1, 7)]
    assert ids(estate, "claims", "claim_id") == ["CLAIM-2"]  # a minor's claim has no duty of its own
    notes = result(report, "notes")
    assert notes.held == {"HOLD-0001": 1} and notes.duty == {"22 CCR 70751": 1}


def test_what_went_is_in_no_byte_of_any_file(estate, holds):
    report = sweep(estate, SCHEDULE, holds, TODAY, dry_run=False)
    gone = {"NOTE-0", "CLAIM-0", "examination of the patient, number 0"}
    assert found_in(gone, estate.files())[0] == {}
    assert set(found_in({"NOTE-3"}, estate.files())[0]) == {"NOTE-3"}
    proof = result(report, "notes").proof
    assert proof.values_searched >= 2 and proof.residues == 0 and proof.still_due == 0
    assert proof.digest_before != proof.digest_after
    assert report.values_at_end >= 3 and report.residues_at_end == 0


def test_a_store_that_only_says_that_it_removed_is_found_out(tmp_path):
    class Pretender(SqliteTable):
        def expire(self, before, keep=frozenset()):
            return replace(super().expire(date(1900, 1, 1), keep), records=99)

    class Sloppy(SqliteTable):
        def expire(self, before, keep=frozenset()):
            removal = super().expire(before, keep)
            self.path.with_suffix(".old").write_bytes(copy)
            return removal

    for kind in (Pretender, Sloppy):
        folder = tmp_path / kind.__name__
        made = make_estate(folder)
        stores = list(made.stores)
        stores[1] = kind(
            stores[1].path, "notes", column="patient_id", date_column="written_at", record_column="note_id"
        )
        copy = stores[1].path.read_bytes()
        report = sweep(open_estate(folder, stores), SCHEDULE, None, TODAY, dry_run=False)
        notes = result(report, "notes")
        assert not notes.proven and not report.complete
        assert notes.proof.still_due or notes.proof.residues


def test_records_without_date_stay_and_are_counted(estate):
    report = sweep(estate, SCHEDULE, None, TODAY, dry_run=False)
    assert "NOTE-5" in ids(estate, "notes", "note_id")
    assert result(report, "notes").undated == 1


def test_a_record_on_its_last_day_stays_and_goes_the_day_after(estate):
    sweep(estate, SCHEDULE, None, TODAY, dry_run=False)
    assert "NOTE-4" in ids(estate, "notes", "note_id")
    sweep(estate, SCHEDULE, None, date(2026, 11, 23), dry_run=False)
    assert "NOTE-4" not in ids(estate, "notes", "note_id")


def test_a_table_without_dates_is_unassessed_until_the_end_of_relationships_is_known(estate):
    patients = result(sweep(estate, SCHEDULE, None, TODAY), "patients")
    assert patients.status == "unassessed" and "relationship_end" in patients.reason
    known = last_records(estate)
    schedule = SCHEDULE.with_relationship_end(lambda person: known.get(person.key))
    report = sweep(estate, schedule, None, date(2040, 1, 1), dry_run=False)
    assert result(report, "patients").proven
    assert ids(estate, "patients", "patient_id") == ["P5"]  # nobody knows the date of the last record
    assert list(estate.people.pseudonyms()) == ["P5"]


def test_a_hold_on_a_whole_class_keeps_the_whole_store(estate, tmp_path):
    holds = Holds()
    holds.place(**GOOD, data_classes=["claim"])
    report = sweep(estate, SCHEDULE, holds, TODAY, dry_run=False)
    assert result(report, "claims").status == "kept" and len(ids(estate, "claims", "claim_id")) == 3


def test_a_released_hold_lets_the_next_sweep_remove(estate, holds):
    sweep(estate, SCHEDULE, holds, TODAY, dry_run=False)
    holds.release("HOLD-0001", by="counsel.two", reason="the case was settled")
    sweep(estate, SCHEDULE, holds, TODAY, dry_run=False, reference="second")
    assert ids(estate, "claims", "claim_id") == []


def test_records_of_somebody_unknown_stay_where_the_person_decides(estate):
    with sqlite3.connect(estate.folder / "hospital.sqlite") as database:
        database.execute("UPDATE notes SET patient_id = 'P99' WHERE note_id = 'NOTE-0'")
        database.execute("UPDATE claims SET patient_id = 'P99' WHERE claim_id = 'CLAIM-0'")
    holds = Holds()
    holds.place(**GOOD, persons=[estate.subject("P3")])
    report = sweep(estate, SCHEDULE, holds, TODAY, dry_run=False)
    assert result(report, "notes").duty["person not known"] == 1
    assert "NOTE-0" in ids(estate, "notes", "note_id") and "CLAIM-0" in ids(estate, "claims", "claim_id")


def test_an_interrupted_sweep_goes_on_where_it_stopped(estate, holds, monkeypatch):
    class PowerCut(BaseException):
        pass

    real, calls = SqliteTable.compact, []

    def cut(store):
        calls.append(store.name)
        if len(calls) == 2:
            raise PowerCut
        real(store)

    monkeypatch.setattr(SqliteTable, "compact", cut)
    with pytest.raises(PowerCut):
        sweep(estate, SCHEDULE, holds, TODAY, dry_run=False, reference="2026-Q4")
    [journal] = (estate.folder / "sweeps").iterdir()
    text = journal.read_text()
    assert "NOTE-" not in text and "P0" not in text and "p-0" not in text
    monkeypatch.setattr(SqliteTable, "compact", real)
    report = sweep(estate, SCHEDULE, holds, TODAY, dry_run=False, reference="2026-Q4")
    assert [one.removed for one in report.stores] == [1, 2, 0]
    assert result(report, "claims").method.startswith("finished") and not journal.exists()
    assert found_in({"NOTE-0", "CLAIM-0"}, estate.files())[0] == {}


def test_an_interrupted_sweep_refuses_another_day_or_schedule(estate, monkeypatch):
    class PowerCut(BaseException):
        pass

    def cut(store, before, keep=frozenset()):
        raise PowerCut

    with monkeypatch.context() as patched:
        patched.setattr(SqliteTable, "expire", cut)
        with pytest.raises(PowerCut):
            sweep(estate, SCHEDULE, None, TODAY, dry_run=False, reference="Q4")
    with pytest.raises(UserError, match="another day"):
        sweep(estate, SCHEDULE, None, date(2026, 12, 1), dry_run=False, reference="Q4")
    other = RetentionSchedule.load("healthcare", jurisdictions=["US"])
    with pytest.raises(UserError, match="another schedule"):
        sweep(estate, other, None, TODAY, dry_run=False, reference="Q4")
    (estate.folder / "sweeps" / "Q4.json").write_text("{")
    with pytest.raises(UserError, match="damaged"):
        sweep(estate, SCHEDULE, None, TODAY, dry_run=False, reference="Q4")


def test_one_failing_store_does_not_stop_the_others(estate, monkeypatch):
    real = SqliteTable.expire

    def fail(store, before, keep=frozenset()):
        if store.name == "notes":
            raise UserError("notes is locked: try again.")
        return real(store, before, keep)

    monkeypatch.setattr(SqliteTable, "expire", fail)
    report = sweep(estate, SCHEDULE, None, TODAY, dry_run=False)
    assert result(report, "notes").status == "failed" and "locked" in result(report, "notes").reason
    assert result(report, "claims").proven and not report.complete
    assert any(event.outcome == "error" and event.alert for event in estate.audit.events)


def test_a_store_of_a_class_without_rule_stops_the_sweep_before_anything_goes(estate, tmp_path):
    estate.stores[2].data_class = "diary"
    before = digests(tmp_path)
    for dry_run in (True, False):
        with pytest.raises(UserError, match="no rule for the class 'diary' of the store claims"):
            sweep(estate, SCHEDULE, None, TODAY, dry_run=dry_run)
    assert digests(tmp_path) == before


def test_the_schedule_of_another_sector_is_refused_and_nothing_goes(estate, holds, tmp_path):
    finance, before = RetentionSchedule.load("finance"), digests(tmp_path)
    for dry_run in (True, False):
        with pytest.raises(UserError, match="schedule for finance has no rule for the class"):
            sweep(estate, finance, holds, TODAY, dry_run=dry_run)
    assert digests(tmp_path) == before
    with pytest.raises(UserError, match="schedule for finance has no rule"):
        estate.erase(estate.subject("P3"), [finance], today=TODAY, reference="R-1", search=False)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"schedule": None}, "needs a RetentionSchedule"),
        ({"schedule": "healthcare"}, "needs a RetentionSchedule"),
        ({"holds": "holds.sqlite"}, "needs the ledger Holds"),
        ({"estate": None}, "needs an estate"),
        ({"today": None}, "datetime.date"),
    ],
)
def test_a_sweep_without_what_it_needs_is_refused_in_a_sentence(estate, given, message):
    wanted = {"estate": estate, "schedule": SCHEDULE, "holds": None, "today": TODAY}
    with pytest.raises(UserError, match=message):
        sweep(*(wanted | given).values())


@pytest.mark.parametrize("step", [(SqliteTable, "holding"), (sweeping, "explained")])
def test_what_fails_at_the_end_never_takes_the_report_away(estate, monkeypatch, step):
    swept, real = [], getattr(*step)

    def fail(*given):
        if len(swept) == 3:
            raise UserError("The model model.json cannot be read: train it again.")
        return real(*given)

    monkeypatch.setattr(*step, fail)
    known, day = last_records(estate), date(2040, 1, 1)
    schedule = SCHEDULE.with_relationship_end(lambda person: known.get(person.key))
    report = sweep(estate, schedule, None, day, dry_run=False, reference="Q4", on_store=swept.append)
    assert report.removed and not list((estate.folder / "sweeps").iterdir())
    assert not report.complete and "cannot be read" in report.unfinished
    assert "cannot be read" in report.sentence() and report.to_dict()["unfinished"]
    monkeypatch.undo()
    again = sweep(estate, schedule, None, day, dry_run=False, reference="next")
    assert not again.unfinished and list(estate.people.pseudonyms()) == ["P5"]


def test_a_changed_ledger_of_holds_stops_the_sweep_before_anything_goes(estate, holds, tmp_path):
    with sqlite3.connect(tmp_path / "holds.sqlite") as database:
        database.execute("UPDATE holds SET entry = replace(entry, 'p-3', 'p-4')")
    with pytest.raises(UserError, match="changed or removed"):
        sweep(estate, SCHEDULE, holds, TODAY, dry_run=False)
    assert len(ids(estate, "claims", "claim_id")) == 3


def test_no_hold_can_be_placed_while_a_store_is_swept(estate, tmp_path, monkeypatch):
    ledger = tmp_path / "holds.sqlite"
    real, refused = SqliteTable.expire, []

    def during(store, before, keep=frozenset()):
        with sqlite3.connect(ledger, timeout=0) as database:
            try:
                database.execute("INSERT INTO holds VALUES (1, '', '')")
            except sqlite3.OperationalError as error:
                refused.append(str(error))
        return real(store, before, keep)

    monkeypatch.setattr(SqliteTable, "expire", during)
    sweep(estate, SCHEDULE, Holds.create(ledger), TODAY, dry_run=False)
    assert refused == ["database is locked"] * 2


@pytest.mark.parametrize("reference", ["../x", "a b", "x" * 80, "."])
def test_a_reference_that_is_no_name_is_refused(estate, reference):
    with pytest.raises(UserError, match="reference"):
        sweep(estate, SCHEDULE, None, TODAY, dry_run=False, reference=reference)


def test_a_report_names_nobody_and_survives_its_file(estate, holds, tmp_path):
    report = sweep(estate, SCHEDULE, holds, TODAY, dry_run=False)
    path = report.save(tmp_path / "report.json")
    text = path.read_text() + report.to_frame().to_csv()
    assert all(value not in text for value in ("NOTE-", "Number", "MRN-", "P0", "p-0"))
    assert json.loads(path.read_text())["stores"][0]["proof"]["residues"] == 0
    assert report.measurement().n == 3


def test_two_runs_on_the_same_data_report_the_same(tmp_path):
    texts = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        report = sweep(make_estate(folder / "estate"), SCHEDULE, None, TODAY, dry_run=False)
        texts.append(json.dumps([replace(one, proof=None).to_dict() for one in report.stores]))
    assert texts[0] == texts[1]


def test_a_day_in_the_future_is_for_dry_runs_only(estate):
    def clock():
        return datetime(2026, 11, 22, 23, 0, tzinfo=UTC)

    with pytest.raises(UserError, match="lies in the future"):
        sweep_now(estate, SCHEDULE, None, date(2062, 11, 22), dry_run=False, clock=clock)
    assert sweep_now(estate, SCHEDULE, None, date(2062, 11, 22), clock=clock).removed > 0
    assert not sweep_now(estate, SCHEDULE, None, date(2026, 11, 23), dry_run=False, clock=clock).dry_run


def test_records_dated_in_the_future_stay_and_are_told(estate):
    with sqlite3.connect(estate.folder / "hospital.sqlite") as database:
        database.execute("UPDATE notes SET written_at = '2206-03-01' WHERE note_id = 'NOTE-0'")
    report = sweep(estate, SCHEDULE, None, TODAY, dry_run=False)
    assert result(report, "notes").future == 1 and "NOTE-0" in ids(estate, "notes", "note_id")


def test_an_erasure_request_meets_the_same_hold_and_the_same_duty(estate, holds):
    receipt = estate.erase(
        estate.subject("P3"), [SCHEDULE, holds], today=TODAY, reference="R-1", search=False
    )
    kinds = {block.kind for blocks in receipt.blocked.values() for block in blocks}
    assert not receipt.complete and kinds == {"duty", "hold"}
    assert "CLAIM-2" in ids(estate, "claims", "claim_id")


def test_records_of_nobody_stop_the_store_while_a_hold_may_be_about_them(estate, holds):
    with sqlite3.connect(estate.folder / "hospital.sqlite") as database:
        database.execute("UPDATE claims SET patient_id = NULL WHERE claim_id = 'CLAIM-1'")
    report = sweep(estate, SCHEDULE, holds, TODAY, dry_run=False)
    assert (
        result(report, "claims").status == "unassessed"
        and "whose they are" in result(report, "claims").reason
    )
    assert len(ids(estate, "claims", "claim_id")) == 3


def test_removing_more_than_was_to_go_is_found_out(estate, monkeypatch):
    real = SqliteTable.expire

    def greedy(store, before, keep=frozenset()):
        return real(store, date(2030, 1, 1), frozenset())

    monkeypatch.setattr(SqliteTable, "expire", greedy)
    report = sweep(estate, SCHEDULE, None, TODAY, dry_run=False)
    notes = result(report, "notes")
    assert notes.proof.too_many > 0 and not notes.proven and not report.complete
