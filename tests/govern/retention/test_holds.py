"""A legal hold forbids deletion until a second person releases it, and the ledger shows every change."""

import sqlite3
import threading
from datetime import UTC, date, datetime

import pytest

from secure_ai.core.audit import AuditLog
from secure_ai.core.errors import UserError
from secure_ai.govern.estate import Holding, Subject
from secure_ai.govern.retention import Holds

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
TODAY = NOW.date()
ANN, BOB = Subject("P1", "p-ann"), Subject("P2", "p-bob")
NOTES = Holding("notes", "medical_record", 4, date(2020, 1, 1), date(2022, 6, 30))
GOOD = {"matter": "2026-CV-0112", "reason": "claim of malpractice", "by": "counsel.one"}


@pytest.fixture
def holds(tmp_path):
    made = Holds.create(tmp_path / "holds.sqlite", audit=AuditLog(), clock=lambda: NOW)
    yield made
    made.close()


def test_a_hold_covers_the_person_and_nobody_else(holds):
    placed = holds.place(**GOOD, persons=[ANN])
    [block] = holds.blocks(ANN, NOTES, TODAY)
    assert (block.kind, block.reference, block.until) == ("hold", placed.id, None)
    assert holds.blocks(BOB, NOTES, TODAY) == ()


def test_the_reason_that_a_requester_reads_says_nothing_of_the_matter(holds):
    holds.place(**GOOD, persons=[ANN])
    assert "malpractice" not in holds.blocks(ANN, NOTES, TODAY)[0].reason
    assert "0112" not in holds.blocks(ANN, NOTES, TODAY)[0].reason


def test_a_hold_on_a_class_covers_everybody_in_it(holds):
    holds.place(**GOOD, data_classes=["access_log"])
    assert holds.blocks(BOB, Holding("log", "access_log", 1), TODAY)
    assert not holds.blocks(BOB, NOTES, TODAY)


@pytest.mark.parametrize(
    ("first", "last", "covered"),
    [
        (None, None, True),
        (date(2022, 6, 30), None, True),
        (date(2022, 7, 1), None, False),
        (None, date(2020, 1, 1), True),
        (None, date(2019, 12, 31), False),
        (date(2021, 1, 1), date(2021, 1, 1), True),
    ],
)
def test_a_hold_on_days_covers_the_records_of_these_days(holds, first, last, covered):
    holds.place(**GOOD, persons=[ANN], records_from=first, records_to=last)
    assert bool(holds.blocks(ANN, NOTES, TODAY)) is covered
    assert holds.blocks(ANN, Holding("undated", "medical_record", 1), TODAY)


def test_a_second_person_releases_a_hold_and_the_first_cannot(holds):
    placed = holds.place(**GOOD, persons=[ANN])
    for same in ("counsel.one", "COUNSEL.ONE", " counsel.one "):
        with pytest.raises(UserError, match="same person"):
            holds.release(placed.id, by=same, reason="the case was settled")
    assert holds.blocks(ANN, NOTES, TODAY)
    released = holds.release(placed.id, by="counsel.two", reason="the case was settled")
    assert (released.released_by, released.active) == ("counsel.two", False)
    assert holds.blocks(ANN, NOTES, TODAY) == ()


def test_every_decision_is_in_the_audit_trail_and_a_refused_one_raises_an_alert(holds):
    placed = holds.place(**GOOD, persons=[ANN])
    with pytest.raises(UserError):
        holds.release(placed.id, by="counsel.one", reason="the case was settled")
    holds.release(placed.id, by="counsel.two", reason="the case was settled")
    events = [(event.action, event.outcome, event.alert) for event in holds._audit.events]
    assert events == [
        ("place hold", "allowed", False),
        ("release hold", "denied", True),
        ("release hold", "allowed", False),
    ]
    assert not any("malpractice" in event.to_json() for event in holds._audit.events)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reason": ""}, "needs a reason"),
        ({"reason": "because  "}, "needs a reason"),
        ({"matter": ""}, "needs its matter"),
        ({"matter": "the case of Ann Smith"}, "needs its matter"),
        ({"by": ""}, "needs its account"),
        ({"by": None}, "needs its account"),
        ({"data_classes": ["diaries"]}, "'diaries' is unknown"),
        ({"data_classes": "access_log"}, "takes a list"),
        ({"persons": ANN}, "takes a list"),
        ({"persons": [Subject("P3", "")]}, "no pseudonym"),
        ({"persons": []}, "names neither"),
        ({"persons": ["P000000001"]}, "give the subject"),
        ({"persons": ["p-ann"]}, "give the subject"),
        ({"persons": [Subject("P000000001", "P000000001")]}, "no pseudonym"),
        ({"persons": [None]}, "give the subject"),
        ({"persons": 5}, "takes a list"),
        ({"persons": [], "everything": "yes"}, "True or False"),
        ({"everything": True}, "either everything"),
        ({"data_classes": [["claim"]]}, "is unknown"),
        ({"records_from": date(2022, 1, 2), "records_to": date(2022, 1, 1)}, "end before they start"),
        ({"review_by": date(2026, 11, 21)}, "in the past"),
        ({"review_by": NOW}, "must be a datetime.date"),
    ],
)
def test_a_hold_without_what_it_needs_is_refused_and_leaves_nothing(holds, change, message):
    with pytest.raises(UserError, match=message):
        holds.place(**{**GOOD, "persons": [ANN], **change})
    [event] = holds._audit.events
    assert holds.all() == () and (event.action, event.outcome, event.alert) == ("place hold", "denied", True)
    assert "Ann Smith" not in event.to_json() and "P000000001" not in event.to_json()


def test_a_refused_release_is_in_the_audit_trail(holds):
    placed = holds.place(**GOOD, persons=[ANN])
    for number, by, reason in (
        ("HOLD-9999", "counsel.two", "the case was settled"),
        ("Ann Smith", "counsel.two", "the case was settled"),
        (placed.id, "counsel.two", "because"),
        (placed.id, None, "the case was settled"),
    ):
        with pytest.raises(UserError):
            holds.release(number, by=by, reason=reason)
    denied = [event for event in holds._audit.events if event.outcome == "denied"]
    assert [event.target for event in denied] == ["HOLD-9999", "holds.sqlite", placed.id, placed.id]
    assert [event.actor for event in denied] == ["counsel.two"] * 3 + ["unknown"]
    assert all(event.alert and "Ann" not in event.to_json() for event in denied)


def test_a_lost_ledger_is_no_empty_one(tmp_path):
    path = tmp_path / "holds.sqlite"
    Holds.create(path).place(**GOOD, persons=[ANN])
    path.unlink()
    with pytest.raises(UserError, match=r"no ledger of holds holds\.sqlite"):
        Holds(path)
    assert not path.exists()
    Holds.create(path)
    with pytest.raises(UserError, match="is there already"):
        Holds.create(path)


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM holds",
        "UPDATE holds SET entry = replace(entry, 'p-ann', 'p-eve')",
        "DELETE FROM holds WHERE number = 2",
        "DELETE FROM holds WHERE number = 3",
        "DROP TABLE holds",
    ],
)
@pytest.mark.parametrize("opened", ["before", "after"])
def test_a_ledger_that_lost_or_changed_a_hold_answers_nothing(tmp_path, change, opened):
    path, witness = tmp_path / "holds.sqlite", tmp_path / "elsewhere.jsonl"
    first = Holds.create(path, witness=witness, clock=lambda: NOW)
    first.place(**GOOD, persons=[ANN])
    first.place(**GOOD, persons=[BOB])
    with sqlite3.connect(path) as database:
        database.execute(change)
    asked = (
        lambda holds: holds.blocks(ANN, NOTES, TODAY),
        lambda holds: holds.active(),
        lambda holds: holds.all(),
        lambda holds: holds.place(**GOOD, persons=[ANN]),
        lambda holds: holds.release("HOLD-0001", by="counsel.two", reason="the case was settled"),
    )
    for ask in asked:
        with pytest.raises(UserError, match=r"holds\.sqlite"):
            ask(first if opened == "before" else Holds(path, witness=witness))


def test_entries_cut_off_show_to_the_open_ledger_without_a_witness(holds, tmp_path):
    holds.place(**GOOD, persons=[ANN])
    with sqlite3.connect(tmp_path / "holds.sqlite") as database:
        database.execute("DELETE FROM holds WHERE number = 2")
    with pytest.raises(UserError, match="lacks entries"):
        holds.active()


def test_an_old_copy_put_back_is_caught_up_from_its_witness(tmp_path):
    path, witness = tmp_path / "holds.sqlite", tmp_path / "elsewhere.jsonl"
    first = Holds.create(path, witness=witness, clock=lambda: NOW)
    old = path.read_bytes()
    first.place(**GOOD, persons=[ANN])
    first.close()
    path.write_bytes(old)
    with pytest.raises(UserError, match="lacks entries"):
        Holds(path, witness=witness).active()
    assert Holds.recover(path, witness=witness) == 1
    assert Holds(path, witness=witness).blocks(ANN, NOTES, TODAY)
    with pytest.raises(UserError, match=r"nowhere\.jsonl cannot be read"):
        Holds(path, witness=tmp_path / "nowhere.jsonl")
    other = Holds.create(tmp_path / "other.sqlite", witness=tmp_path / "other.jsonl")
    other.close()
    with pytest.raises(UserError, match="another ledger"):
        Holds(path, witness=tmp_path / "other.jsonl")


def test_a_pseudonym_is_taken_only_where_the_people_know_it(holds):
    class Known:
        def key_of(self, pseudonym):
            return {"p-ann": "P1"}.get(pseudonym, "")

    holds.place(**GOOD, persons=["p-ann"], people=Known())
    assert holds.blocks(ANN, NOTES, TODAY)
    for stranger in ("P1", "p-eve", Subject("P9", "p-eve")):
        with pytest.raises(UserError, match="nobody known"):
            holds.place(**GOOD, persons=[stranger], people=Known())


def test_holding_everything_has_to_be_said(holds):
    holds.place(**GOOD, everything=True)
    assert holds.blocks(BOB, NOTES, TODAY)


def test_an_unknown_hold_and_a_second_release_are_refused(holds):
    placed = holds.place(**GOOD, persons=[ANN])
    with pytest.raises(UserError, match="no hold 'HOLD-9'"):
        holds.release("HOLD-9", by="counsel.two", reason="the case was settled")
    holds.release(placed.id, by="counsel.two", reason="the case was settled")
    with pytest.raises(UserError, match="released before"):
        holds.release(placed.id, by="counsel.three", reason="the case was settled")


def test_the_day_of_review_is_told_and_ends_nothing(holds):
    holds.place(**GOOD, persons=[ANN], review_by=date(2027, 1, 1))
    assert holds.due_for_review(date(2026, 12, 31)) == ()
    assert len(holds.due_for_review(date(2027, 1, 1))) == 1
    assert holds.blocks(ANN, NOTES, date(2040, 1, 1))


def test_the_ledger_survives_its_process_and_a_change_of_it_shows(tmp_path):
    path = tmp_path / "holds.sqlite"
    first = Holds.create(path, clock=lambda: NOW)
    first.place(**GOOD, persons=[ANN])
    first.place(**GOOD, persons=[BOB])
    first.close()
    again = Holds(path)
    again.verify()
    assert [hold.id for hold in again.active()] == ["HOLD-0001", "HOLD-0002"]
    with sqlite3.connect(path) as database:
        database.execute("UPDATE holds SET entry = replace(entry, 'p-ann', 'p-eve')")
    with pytest.raises(UserError, match="Entry 2 of the ledger"):
        again.verify()
    with sqlite3.connect(path) as database:
        database.execute("DELETE FROM holds WHERE number = 1")
    with pytest.raises(UserError, match="changed or removed"):
        again.verify()


def test_two_processes_never_give_one_number_twice(tmp_path):
    path = tmp_path / "holds.sqlite"
    Holds.create(path).close()
    ledgers = [Holds(path, clock=lambda: NOW) for _ in range(4)]
    threads = [
        threading.Thread(target=lambda one=one: [one.place(**GOOD, persons=[ANN]) for _ in range(5)])
        for one in ledgers
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    ledgers[0].verify()
    assert len({hold.id for hold in ledgers[0].all()}) == 20


def test_a_file_that_is_no_ledger_is_refused_in_a_sentence(tmp_path):
    path = tmp_path / "holds.sqlite"
    path.write_bytes(b"not a database, and long enough to look like one" * 40)
    with pytest.raises(UserError, match=r"holds\.sqlite cannot be used"):
        Holds(path)
    with pytest.raises(UserError, match="cannot be made"):
        Holds.create(tmp_path / "no" / "folder.sqlite")
    (tmp_path / "empty.sqlite").touch()
    with pytest.raises(UserError, match="cannot be used"):
        Holds(tmp_path / "empty.sqlite")


def test_a_failing_audit_trail_leaves_no_hold(tmp_path):
    class Broken:
        def append(self, event):
            raise UserError("The trail is full.")

    holds = Holds(clock=lambda: NOW, audit=AuditLog(store=Broken()))
    with pytest.raises(UserError, match="full"):
        holds.place(**GOOD, persons=[ANN])
    assert holds.all() == ()


def test_the_table_of_holds_names_no_person(holds):
    holds.place(**GOOD, persons=[ANN, BOB])
    frame = holds.to_frame()
    assert frame["persons"].tolist() == [2] and "p-ann" not in frame.to_csv()
