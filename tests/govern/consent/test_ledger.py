"""What the ledger records, answers and refuses."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from secure_ai.core.audit import AuditLog
from secure_ai.core.errors import UserError
from secure_ai.govern.consent import ConsentLedger, ConsentText, person_key


def allowed(ledger, people, purpose="research"):
    return ledger.allowed(people, purpose).tolist()


@pytest.mark.parametrize(
    ("value", "key"),
    [
        (17, "17"), (17.0, "17"), ("17", "17"), (" 17 ", "17"), (np.int64(17), "17"), (np.float32(17), "17"),
        (Decimal(17), "17"), ("017", "017"), ("17.0", "17"), ("17.00", "17"),
        ("-17.0", "-17"), ("\uff11\uff17", "17"),
        ("17\u200b", "17"), ("\ufeff17\u00a0", "17"), ("P\u200b1", "P1"), ("P\u00ad1\n", "P1"),
        ("17.5", "17.5"),
        ("9007199254740992.0", ""), ("1e+16", ""), ("\u200b", ""),
        (2**60 + 1, str(2**60 + 1)), ("e\u0301", "\u00e9"),
        (None, ""), (float("nan"), ""), (pd.NA, ""), (pd.NaT, ""), ("", ""), ("  ", ""), (17.5, ""),
        (True, ""), (float("inf"), ""), (float(2**60), ""), (b"17", ""), (["17"], ""),
    ],
)  # fmt: skip
def test_a_key_means_one_person_in_every_type_that_a_column_may_have(value, key):
    assert person_key(value) == key


@pytest.mark.parametrize("kind", [int, float, str, np.int64, lambda n: f"{n} "])
@pytest.mark.parametrize("column", [int, float, str, object, "Int64", "category", "string[pyarrow]"])
def test_a_withdrawal_is_found_whatever_type_the_column_has(desk, kind, column):
    for person in (1, 2, 3):
        desk.give(person)
    desk.ledger.withdraw(kind(2), actor="desk")
    people = pd.Series([1, 2, 3, 2]).astype(column)
    assert allowed(desk.ledger, people) == [True, False, True, False]


@pytest.mark.parametrize("spelled", ["17.0", "\uff11\uff17", "17\u200b", "\u00a017\t", "1\u20607", 17.0])
def test_a_withdrawal_under_another_spelling_of_the_key_stops_the_use(desk, spelled):
    desk.give("17")
    found = desk.ledger.withdraw(spelled, actor="desk")
    assert found.found
    assert allowed(desk.ledger, ["17", 17, spelled]) == [False] * 3


@pytest.mark.parametrize("gaps", [[], [None]])
def test_a_withdrawal_is_found_in_columns_of_arrow(desk, gaps):
    for person in (1, 2):
        desk.give(person)
    desk.ledger.withdraw(2, actor="desk")
    for column in (
        pa.array([1, 2, *gaps]), pa.array(["1", "2", *gaps]).dictionary_encode(),
        pa.chunked_array([pa.array(["1"]).dictionary_encode(), pa.array(["2", *gaps]).dictionary_encode()]),
    ):  # fmt: skip
        assert allowed(desk.ledger, column) == [True, False, *[False for _ in gaps]]


@pytest.mark.parametrize(
    "column",
    [
        pa.array([[1]]), pa.array([{"a": 1}]), pa.chunked_array([pa.array([[1]])]), pa.array([b"1"]),
        pd.Series(pd.arrays.ArrowExtensionArray(pa.array([[1]]))),
        pd.Series(pd.arrays.ArrowExtensionArray(pa.array([{"a": 1}]))),
        pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())),
    ],
    ids=["list", "struct", "chunks", "bytes", "pandas list", "pandas struct", "map"],
)  # fmt: skip
def test_a_column_whose_entries_are_no_keys_lets_nobody_through(desk, column):
    try:
        assert not allowed(desk.ledger, column, "fundraising")[0]
    except UserError as error:
        assert "column of keys" in str(error)


@pytest.mark.parametrize("people", [None, 5, b"P1", np.array([["P1"]]), pd.DataFrame({"a": ["P1"]})])
def test_what_is_no_column_of_people_is_refused(desk, people):
    with pytest.raises(UserError, match="People are given"):
        allowed(desk.ledger, people)


def test_who_is_nobody_gives_no_consent(desk):
    desk.give(1)
    assert (
        allowed(desk.ledger, [None, float("nan"), "", 1, True, 1.5, pd.NA])
        == [False] * 3 + [True] + [False] * 3
    )
    assert desk.ledger.allowed([None, 1], "treatment").tolist() == [True, True]
    assert desk.ledger.allowed(pd.Series([], dtype=object), "research").shape == (0,)
    with pytest.raises(UserError, match="one column or list"):
        desk.ledger.allowed("P1", "research")
    with pytest.raises(UserError, match="none"):
        desk.give(float("nan"))


def test_two_large_numbers_that_a_float_cannot_tell_apart_share_no_consent(desk):
    desk.give(2**53 + 1)
    assert allowed(desk.ledger, pd.Series([2**53 + 1, 2**53, None])) == [False] * 3  # floats by now
    assert allowed(desk.ledger, [2**53 + 1, 2**53, None]) == [True, False, False]


def test_withdrawal_stops_what_rests_on_consent_and_not_treatment(desk):
    desk.give("P1", ["research", "marketing"])
    found = desk.ledger.withdraw("P1", actor="desk", reference="letter 7")
    assert set(found.stopped) == {"research", "marketing", "fundraising", "directory"}
    assert found.found
    for purpose in ("research", "marketing", "fundraising", "directory"):
        assert not desk.ledger.allowed(["P1"], purpose)[0]
    for purpose in ("treatment", "payment", "operations", "emergency", "model_scoring"):
        standing = desk.ledger.standing("P1", purpose)
        assert standing.allowed
        assert "not on consent" in standing.reason
    with pytest.raises(UserError, match=r"164\.506"):
        desk.ledger.withdraw("P1", "treatment", actor="desk")
    with pytest.raises(UserError, match="does not rest on consent"):
        desk.give("P1", "payment")
    assert not desk.ledger.allowed(["P1"], "none_given")[0]


def test_an_objection_stops_what_goes_on_without_asking(desk):
    assert allowed(desk.ledger, ["P1", "P2", None], "fundraising") == [True, True, False]
    desk.ledger.withdraw("P1", "fundraising", actor="desk")
    assert allowed(desk.ledger, ["P1", "P2"], "fundraising") == [False, True]
    desk.give("P1", "fundraising")
    assert allowed(desk.ledger, ["P1"], "fundraising") == [True]


@pytest.mark.parametrize("purposes", [None, "research", ["research", "fundraising"]])
def test_a_withdrawal_of_a_key_that_the_ledger_never_saw_is_refused_until_it_is_confirmed(desk, purposes):
    desk.give("p1")
    sequence = desk.ledger.epoch.sequence
    with pytest.raises(UserError, match="confirm") as caught:
        desk.ledger.withdraw("P1", purposes, actor="desk")
    assert "P1" not in str(caught.value)
    assert desk.ledger.epoch.sequence == sequence
    assert not desk.ledger.withdraw("P1", purposes, actor="desk", confirmed=True).found
    assert not desk.ledger.allowed(["P1"], "research")[0]
    assert desk.ledger.withdraw("p1", purposes, actor="desk").found


def test_an_objection_needs_no_decision_before_it(desk):
    assert not desk.ledger.withdraw("P1", "fundraising", actor="desk").found
    assert desk.ledger.withdraw("P1", "research", actor="desk").stopped == ()


def test_a_withdrawal_under_a_merged_key_needs_no_confirmation(desk):
    desk.give("P1")
    desk.ledger.merge("old", "P1", actor="desk")
    assert desk.ledger.withdraw("old", "research", actor="desk").found


def test_consent_ends_on_its_day_in_the_zone_of_the_ledger(desk):
    desk.ledger = desk.open(zone="America/New_York")
    desk.give("P1", expires=date(2026, 3, 10))
    desk.clock.now = datetime(2026, 3, 10, 3, 59, 59, tzinfo=UTC)  # daylight saving time began on 8 March
    assert allowed(desk.ledger, ["P1"]) == [True]
    desk.clock.now = datetime(2026, 3, 10, 0, 0, tzinfo=timezone(timedelta(hours=-4)))
    assert allowed(desk.ledger, ["P1"]) == [False]


def test_what_expired_does_not_come_back_with_the_clock(desk):
    desk.give("P1", expires=desk.clock.now + timedelta(hours=1))
    assert desk.ledger.allowed(["P1"], "research", at=desk.clock.now + timedelta(hours=1)).tolist() == [False]
    desk.clock.move(hours=2)
    assert allowed(desk.ledger, ["P1"]) == [False]
    desk.clock.move(hours=-10)
    assert allowed(desk.ledger, ["P1"]) == [False]
    assert allowed(desk.open(), ["P1"]) == [False]
    assert desk.ledger.history("P1")["kind"].tolist() == ["given", "expired"]
    desk.ledger.renew("P1", "research", text=_text(), actor="desk")
    assert allowed(desk.ledger, ["P1"]) == [True]


def test_a_moment_of_the_past_is_no_way_around_an_expiry_or_a_withdrawal(desk):
    before = desk.clock.now
    desk.give("P1", expires=before + timedelta(hours=1))
    desk.give("P2")
    desk.clock.move(hours=2)
    desk.ledger.withdraw("P2", actor="desk")
    assert desk.ledger.allowed(["P1", "P2"], "research", at=before).tolist() == [False, False]
    assert desk.ledger.stood("P1", "research", before).allowed
    assert desk.ledger.stood("P2", "research", desk.clock.now - timedelta(hours=1)).allowed
    assert not desk.ledger.stood("P2", "research", desk.clock.now).allowed


@pytest.mark.parametrize("moment", [datetime(2026, 4, 1), "2026-04-01", 5])
def test_a_moment_without_a_zone_is_refused(desk, moment):
    with pytest.raises(UserError, match="time zone"):
        desk.give("P1", expires=moment)
    with pytest.raises(UserError, match="time zone"):
        desk.ledger.allowed(["P1"], "research", at=moment)
    desk.clock.now = datetime(2026, 4, 1)
    with pytest.raises(UserError, match="time zone"):
        allowed(desk.ledger, ["P1"])


def _text(purposes=("research",)):
    return ConsentText("leaflet", "2", "Another text.", purposes)


def test_a_withdrawn_consent_is_not_renewed_but_given_anew(desk):
    with pytest.raises(UserError, match="to renew"):
        desk.ledger.renew("P1", "research", text=_text(), actor="desk")
    desk.give("P1")
    desk.ledger.withdraw("P1", actor="desk")
    with pytest.raises(UserError, match="to renew"):
        desk.ledger.renew("P1", "research", text=_text(), actor="desk")
    desk.give("P1")
    assert allowed(desk.ledger, ["P1"]) == [True]


def test_consent_covers_what_the_text_names_and_the_text_can_be_shown(desk):
    with pytest.raises(UserError, match="does not name"):
        desk.ledger.give("P1", ["research", "marketing"], text=_text(), actor="desk")
    assert allowed(desk.ledger, ["P1"]) == [False]
    desk.ledger.give("P1", "research", text=_text(), actor="desk", reference="form 12")
    row = desk.ledger.history("P1").iloc[0]
    assert (row["version"], row["reference"]) == ("2", "form 12")
    assert desk.ledger.text_shown(row["digest"]) == "Another text."
    for wrong in ("", "   "):
        with pytest.raises(UserError, match="empty"):
            ConsentText("leaflet", "1", wrong, ("research",))


@pytest.mark.parametrize(
    ("first", "second", "stands"),
    [("give", "withdraw", False), ("withdraw", "give", False), ("give", "give", True), ("give", None, True)],
)
def test_of_two_identities_that_are_one_person_the_stricter_decision_stands(desk, first, second, stands):
    for person, what in (("P1", first), ("P2", second)):
        if what == "give":
            desk.give(person)
        elif what == "withdraw":
            desk.ledger.withdraw(person, "research", actor="desk", confirmed=True)
    desk.ledger.merge("P1", "P2", actor="registrar")
    assert allowed(desk.ledger, ["P1", "P2"]) == [stands, stands]
    desk.give("P1")
    assert allowed(desk.open(), ["P1", "P2"]) == [True, True]
    desk.ledger.withdraw("P1", actor="desk")
    assert allowed(desk.ledger, ["P1", "P2"]) == [False, False]
    with pytest.raises(UserError, match="same person"):
        desk.ledger.merge("P2", "P1", actor="registrar")


def test_the_young_do_not_decide_alone_and_no_birth_date_is_stored(bank):
    child = date(2012, 3, 20)  # 13 in March 2026; decides from 20 March 2028
    with pytest.raises(UserError, match="birth date"):
        bank.give("C1", "model development")
    with pytest.raises(UserError, match="guardian"):
        bank.give("C1", "model development", birth_date=child)
    with pytest.raises(UserError, match="birth date"):
        bank.give("C1", "model development", capacity="guardian")
    bank.give("C1", "model development", birth_date=child, capacity="guardian")
    assert bank.ledger.history("C1")["expires"].iloc[0].startswith("2028-03-01")
    assert b"2012" not in bank.path.read_bytes()
    bank.clock.now = datetime(2028, 3, 1, tzinfo=UTC)
    assert not bank.ledger.allowed(["C1"], "model development")[0]
    bank.clock.now = datetime(2028, 3, 20, tzinfo=UTC)
    with pytest.raises(UserError, match="decides alone"):
        bank.give("C1", "model development", birth_date=child, capacity="guardian")
    bank.give("C1", "model development", birth_date=child)
    assert bank.ledger.allowed(["C1"], "model development")[0]


def test_consent_to_offers_ends_after_its_longest_period(bank):
    bank.give("C1", "marketing", birth_date=date(1980, 2, 29))
    bank.clock.move(days=730)
    assert not bank.ledger.allowed(["C1"], "marketing")[0]


def test_neither_keys_of_people_nor_their_hashes_without_the_secret_are_in_the_files(desk, tmp_path):
    audit = AuditLog(tmp_path / "audit.jsonl", clock=desk.clock)
    desk.ledger = desk.open(audit=audit)
    desk.give("MRN-4711-XYZ")
    desk.ledger.withdraw("MRN-4711-XYZ", actor="desk")
    for file in tmp_path.iterdir():
        assert b"4711" not in file.read_bytes()
    assert desk.ledger.pseudonym("MRN-4711-XYZ") in (tmp_path / "audit.jsonl").read_text()
    assert [event.action for event in audit.events][:2] == ["consent given", "consent withdrawn"]


def test_what_the_audit_trail_cannot_record_does_not_happen(desk, tmp_path):
    def full(event):
        raise UserError("The audit log is full.")

    ledger = desk.open(audit=AuditLog(clock=desk.clock, on_event=full))
    before = ledger.epoch
    with pytest.raises(UserError, match="full"):
        ledger.give("P1", "research", text=_text(), actor="desk")
    assert desk.open().epoch == before


# ---------------------------------------------------------------------- the file


def test_a_ledger_put_back_from_a_backup_refuses_until_it_caught_up(desk):
    desk.give("P1")
    copy = desk.path.read_bytes()
    desk.ledger.withdraw("P1", actor="desk")
    desk.path.write_bytes(copy)
    for attempt in (lambda: allowed(desk.ledger, ["P1"]), desk.open, lambda: desk.give("P2"),
                    lambda: desk.ledger.withdraw("P1", actor="desk"), lambda: desk.ledger.epoch):  # fmt: skip
        with pytest.raises(UserError, match="recover"):
            attempt()
    recovered = ConsentLedger.recover(desk.where, actor="dpo", **desk.options)
    assert allowed(recovered, ["P1"]) == [False]
    assert allowed(desk.ledger, ["P1"]) == [False]
    assert recovered.verify() == desk.ledger.epoch


def test_without_a_witness_a_process_that_saw_more_still_notices(tmp_path, desk):
    options = {**desk.options, "witness": None}
    path = tmp_path / "alone.db"
    ledger = ConsentLedger.create(path, actor="dpo", **options)
    ledger.give("P1", "research", text=_text(), actor="desk")
    copy = path.read_bytes()
    ledger.withdraw("P1", actor="desk")
    path.write_bytes(copy)
    with pytest.raises(UserError, match="old copy"):
        allowed(ledger, ["P1"])
    with pytest.raises(UserError, match="without a witness"):
        ConsentLedger.recover(path, actor="dpo", **options)


def test_a_lost_witness_stops_everything_until_it_is_written_anew(desk):
    desk.give("P1")
    desk.witness.unlink()
    with pytest.raises(UserError, match="witness"):
        allowed(desk.ledger, ["P1"])
    with pytest.raises(UserError, match="witness"):
        ConsentLedger.recover(desk.where, actor="dpo", **desk.options)
    ledger = ConsentLedger.recover(desk.where, actor="dpo", replace_witness=True, **desk.options)
    assert allowed(ledger, ["P1"]) == [True]
    desk.witness.write_bytes(b"{}\n")
    with pytest.raises(UserError, match="witness"):
        allowed(ledger, ["P1"])
    ConsentLedger.recover(desk.where, actor="dpo", replace_witness=True, **desk.options)
    assert allowed(desk.ledger, ["P1"]) == [True]


def test_an_old_witness_is_noticed_and_caught_up_from_the_ledger(desk):
    desk.give("P1")
    old = desk.witness.read_bytes()
    desk.ledger.withdraw("P1", actor="desk")
    desk.witness.write_bytes(old)
    with pytest.raises(UserError, match="recover"):
        allowed(desk.ledger, ["P1"])
    ConsentLedger.recover(desk.where, actor="dpo", **desk.options)
    assert allowed(desk.ledger, ["P1"]) == [False]


def test_a_power_cut_between_the_two_writes_loses_no_withdrawal(desk, monkeypatch):
    desk.give("P1")
    before = desk.path.read_bytes()
    desk.ledger.withdraw("P1", actor="desk")
    desk.path.write_bytes(before)  # the witness has it, the ledger never committed
    with desk.witness.open("ab") as file:
        file.write(b'{"sequence": 99, "bo')  # and a line that was being written
    ledger = ConsentLedger.recover(desk.where, actor="dpo", **desk.options)
    assert allowed(ledger, ["P1"]) == [False]
    ledger.give("P1", "research", text=_text(), actor="desk")
    assert allowed(desk.open(), ["P1"]) == [True]


def test_a_ledger_that_is_missing_is_not_begun_anew(desk):
    desk.give("P1")
    desk.path.unlink()
    for attempt in (lambda: allowed(desk.ledger, ["P1"]), desk.open, lambda: desk.give("P2")):
        with pytest.raises(UserError, match="missing"):
            attempt()
    assert not desk.path.exists()
    with pytest.raises(UserError, match="there already"):
        ConsentLedger.create(desk.where, actor="dpo", **desk.options)


@pytest.mark.parametrize("content", [b"", b"not a database", b"SQLite format 3\x00" + b"\0" * 2000])
def test_a_file_that_is_no_ledger_allows_nothing(desk, content):
    desk.give("P1")
    desk.path.write_bytes(content)
    with pytest.raises(UserError, match="damaged"):
        allowed(desk.ledger, ["P1"])
    with pytest.raises(UserError, match="damaged"):
        desk.open()


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE consent_events SET body = replace(body, 'withdrawn', 'given') WHERE sequence = 3",
        "DELETE FROM consent_events WHERE sequence = 3",
        "DELETE FROM consent_events WHERE sequence > 1",
        "UPDATE consent_events SET mac = substr(mac, 2) || substr(mac, 1, 1) WHERE sequence = 3",
        "UPDATE consent_events SET sequence = 30 WHERE sequence = 3",
        "INSERT INTO consent_events SELECT 9, body, mac FROM consent_events WHERE sequence = 2",
        "DELETE FROM consent_header",
    ],
)
def test_an_event_that_was_altered_is_found_when_the_ledger_is_opened(desk, edit):
    desk.give("P1")
    desk.ledger.withdraw("P1", "research", actor="desk")
    with sqlite3.connect(desk.path) as connection:
        with pytest.raises(sqlite3.DatabaseError, match="append-only"):
            connection.execute("DELETE FROM consent_events")
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute(edit)
        connection.commit()
    with pytest.raises(UserError, match="allowed"):
        desk.open()
    with pytest.raises(UserError):
        desk.ledger.verify()


def test_another_key_another_witness_and_a_short_key_are_refused(desk, tmp_path):
    desk.give("P1")
    with pytest.raises(UserError, match="key is another"):
        desk.open(key=b"x" * 32)
    with pytest.raises(UserError, match="32 random bytes"):
        desk.open(key=b"short")
    with pytest.raises(UserError, match="cannot be read"):
        desk.open(key=tmp_path / "absent.key")
    other = tmp_path / "other.jsonl"
    ConsentLedger.create(tmp_path / "other.db", actor="dpo", **{**desk.options, "witness": other})
    with pytest.raises(UserError, match="another consent ledger"):
        desk.open(witness=other)
    with pytest.raises(UserError, match="zone"):
        desk.open(zone="Mars/Base")
    with pytest.raises(UserError, match="postgresql://"):
        ConsentLedger("mysql://host/db", **desk.options)


def test_a_ledger_that_cannot_be_made_leaves_no_witness_behind(desk, tmp_path):
    options = {**desk.options, "witness": tmp_path / "second.jsonl"}
    with pytest.raises(UserError, match="cannot be made"):
        ConsentLedger.create(tmp_path / "absent" / "consent.db", actor="dpo", **options)
    assert not options["witness"].exists()


def test_the_witness_holds_every_event_and_no_text(desk):
    desk.give("P1")
    lines = [json.loads(line) for line in desk.witness.read_text().splitlines()]
    assert [line["sequence"] for line in lines[1:]] == [1, 2]
    assert "What your records" not in desk.witness.read_text()


def test_many_are_recorded_together_or_not_at_all(desk):
    assert desk.ledger.give_all(["P1", "P2"], "research", text=_text(), actor="desk") == 2
    with pytest.raises(UserError, match="missing"):
        desk.ledger.give_all(["P3", None], "research", text=_text(), actor="desk")
    assert allowed(desk.ledger, ["P1", "P2", "P3"]) == [True, True, False]
