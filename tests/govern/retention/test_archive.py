"""An archive forgets a month, or a person, by destroying a key: in every copy of its file."""

import shutil
import sqlite3
from datetime import date

import pytest

from secure_ai.core.errors import UserError
from secure_ai.encrypt.key_rings import UNSAFE_COST_FOR_TESTS, KeyRingError, LocalKeyRing, PersonKeys
from secure_ai.govern.estate import Subject
from secure_ai.govern.retention import PeriodArchive

SECRET = "a passphrase for tests only"
ANN, BOB = Subject("P1", "p-ann"), Subject("P2", "p-bob")
RECORDS = [
    ("p-ann", date(2024, 2, 29), {"note": "first of Ann"}),
    ("p-bob", date(2024, 2, 1), {"note": "first of Bob"}),
    ("p-ann", date(2024, 3, 1), {"note": "second of Ann"}),
    ("p-bob", date(2025, 7, 1), {"note": "second of Bob"}),
]


@pytest.fixture
def archive(tmp_path):
    ring = LocalKeyRing.create(tmp_path / "ring.keys", SECRET, cost=UNSAFE_COST_FOR_TESTS)
    keys = PersonKeys.create(tmp_path / "keys.sqlite", ring, groups=4)
    made = PeriodArchive(tmp_path / "archive.sqlite", keys)
    made.add(RECORDS)
    yield made
    keys.close()
    ring.close()


def notes(archive):
    return [fields["note"] for _, fields in archive.restore()]


def copy_of(archive, tmp_path):
    folder = tmp_path / "tape"
    folder.mkdir(exist_ok=True)
    shutil.copy(archive.path, folder / "archive.sqlite")
    archive.keys.backup(folder / "keys.sqlite")
    return folder


def sealed_in(path):
    with sqlite3.connect(path) as database:
        return database.execute("SELECT person, key, sealed FROM archive ORDER BY number").fetchall()


def test_everything_comes_back_until_its_month_ends(archive):
    assert notes(archive) == [fields["note"] for _, _, fields in RECORDS]
    assert b"of Ann" not in archive.path.read_bytes()


def test_a_month_that_expired_opens_from_no_copy(archive, tmp_path):
    tape = copy_of(archive, tmp_path)
    archive._copies["table_copies"] = (tape / "keys.sqlite",)
    removal = archive.expire(date(2024, 3, 5))
    assert removal.records == 2 and notes(archive) == ["second of Ann", "second of Bob"]
    assert archive.key_proof().startswith(
        "1 keys destroyed: 0 of 4 attempts opened something; a record that stays opens"
    )
    old = PersonKeys.open(tape / "keys.sqlite", archive.keys.ring, read_only=True)
    for person, key, sealed in sealed_in(tape / "archive.sqlite"):
        if key == "period:2024-02":
            for keys in (archive.keys, old):
                with pytest.raises(KeyRingError):
                    keys.unseal(person, keys.unseal(key, sealed))
    old.close()


def test_a_month_goes_as_a_whole_and_not_before_its_last_day(archive):
    assert archive.expire(date(2024, 2, 29)).records == 0
    assert archive.expire(date(2024, 3, 1)).records == 2


def test_what_a_hold_keeps_is_sealed_anew_and_goes_when_the_hold_ends(archive):
    archive.expire(date(2024, 4, 1), frozenset({"p-ann"}))
    assert notes(archive) == ["first of Ann", "second of Ann", "second of Bob"]
    assert {key for _, key, _ in sealed_in(archive.path)} == {
        "held:2024-02:1", "period:2024-03", "period:2025-07",
    }  # fmt: skip
    archive.expire(date(2024, 4, 1))
    assert notes(archive) == ["second of Bob"]


def test_two_holds_in_turn_keep_what_the_second_covers(archive):
    archive.add([("p-eve", date(2024, 2, 2), {"note": "of Eve"})])
    archive.expire(date(2024, 3, 1), frozenset({"p-ann", "p-eve"}))
    archive.expire(date(2024, 3, 1), frozenset({"p-eve"}))
    assert "of Eve" in notes(archive) and "first of Ann" not in notes(archive)


def test_an_erased_person_opens_from_no_copy_and_everybody_else_does(archive, tmp_path):
    tape = copy_of(archive, tmp_path)
    assert archive.erase([ANN]).records == 2
    assert notes(archive) == ["first of Bob", "second of Bob"]
    person, key, sealed = sealed_in(tape / "archive.sqlite")[0]
    with pytest.raises(KeyRingError):
        archive.keys.unseal(person, archive.keys.unseal(key, sealed))
    assert archive.erase([ANN]).records == 0


@pytest.mark.parametrize("moment", ["shred", "delete"])
def test_an_interrupted_expiry_is_finished_by_the_next(archive, monkeypatch, moment):
    class PowerCut(BaseException):
        pass

    def cut(*_):
        raise PowerCut

    with monkeypatch.context() as patched:
        if moment == "shred":
            patched.setattr(PersonKeys, "shred", cut)
        else:
            patched.setattr(PeriodArchive, "_compact", cut)
        with pytest.raises(PowerCut):
            archive.expire(date(2024, 3, 1), frozenset({"p-ann"}))
    archive.expire(date(2024, 3, 1), frozenset({"p-ann"}))
    assert notes(archive) == ["first of Ann", "second of Ann", "second of Bob"]


def test_what_was_forgotten_does_not_return_with_an_import(archive):
    archive.erase([ANN])
    with pytest.raises(UserError):
        archive.add([("p-ann", date(2026, 1, 1), {"note": "again"})])
    archive.expire(date(2024, 3, 1))
    with pytest.raises(UserError):
        archive.add([("p-bob", date(2024, 2, 3), {"note": "again"})])


def test_a_file_that_is_no_archive_and_a_correction_are_refused(archive, tmp_path):
    path = tmp_path / "text.sqlite"
    path.write_text("no database " * 200)
    with pytest.raises(UserError, match="cannot be used"):
        PeriodArchive(path, archive.keys)
    with pytest.raises(UserError, match="live record"):
        archive.correct(ANN, "note", "x")


def test_a_holding_counts_by_the_ends_of_months(archive):
    held = archive.holding(ANN)
    assert (held.records, held.oldest, held.newest) == (2, date(2024, 2, 29), date(2024, 3, 31))
    assert archive.export(BOB) == [{"note": "first of Bob"}, {"note": "second of Bob"}]
