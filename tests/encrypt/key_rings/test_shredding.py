"""Claims about keys of persons: shredded persons are gone from every copy, all others stay."""

from __future__ import annotations

import shutil
import sqlite3
import stat
import subprocess
import sys
import traceback

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secure_ai.core.errors import UserError
from secure_ai.encrypt.key_rings import (
    ForeignKeyError,
    KeyExistsError,
    KeyNameError,
    KeyNotFoundError,
    KeyRingError,
    KeyUseDeniedError,
    KeyVersionGoneError,
    LocalKeyRing,
    PersonKeys,
    PersonShreddedError,
    RingFileError,
    WrappedKeyError,
    prove_shredded,
    rewrap_all,
)

NOTE = b"the canary of a note"
PERSONS = [f"P{n:04d}" for n in range(40)]


@pytest.fixture
def keys(ring, tmp_path):
    """Keys of forty persons in eight groups."""
    made = PersonKeys.create(tmp_path / "persons.db", ring, groups=8)
    made.add(PERSONS)
    yield made
    made.close()


@pytest.fixture
def copies(keys, ring, tmp_path):
    """Backups of yesterday: of the table of person keys and of the ring."""
    (tmp_path / "old").mkdir()
    return keys.backup(tmp_path / "old" / "persons.db"), shutil.copy(
        ring.path, tmp_path / "old" / "ring.keys"
    )


def readers(person: str, sealed: bytes):
    return {"a note": lambda keys: keys.unseal(person, sealed)}


def test_a_shredded_person_is_gone_from_the_live_data_and_from_every_copy(keys, copies):
    notes = {person: keys.seal(person, NOTE) for person in PERSONS}
    backup = dict(notes)
    wanted = {
        "the live note": lambda k: k.unseal("P0003", notes["P0003"]),
        "the note in the backup": lambda k: k.unseal("P0003", backup["P0003"]),
    }
    others = {p: (lambda k, p=p: k.unseal(p, notes[p])) for p in PERSONS if p != "P0003"}
    options = {"table_copies": [copies[0]], "others": others}
    before = prove_shredded(keys, "P0003", wanted, **options)
    assert {attempt.outcome for attempt in before.attempts} == {"opened"}
    assert not before.shredded
    assert "not shredded" in before.sentence()

    done = keys.shred("P0003")
    assert done.versions_destroyed == 1
    # Only what is the same each time: who shares a group with whom is chance.
    assert done.sentence() == (
        "The keys of 1 person are destroyed: the keys of others in their groups, if any, were sealed anew, "
        "the groups' keys re-wrapped, and 1 older version of the ring's key destroyed, with which copies of "
        "the table could have been opened."
    )
    after = prove_shredded(keys, "P0003", wanted, **options)
    assert after.holds
    assert [(a.table, a.ring, a.reason) for a in after.attempts] == [
        ("live", "live", "person shredded"),
        ("live", "live", "person shredded"),
        ("live", "live", "person shredded"),
        ("persons.db", "live", "key version gone"),
        ("persons.db", "live", "key version gone"),
        ("persons.db", "live", "key version gone"),
    ]
    assert len(after.others) == 39
    assert len(after.to_frame()) == 45
    assert after.sentence() == (
        "P0003: 0 of 6 attempts opened something, with the live keys, 1 copy of the key table and 0 copies "
        "of the ring; of other persons' data, 39 of 39 opened."
    )


def test_an_old_copy_of_the_ring_brings_a_person_back_and_the_proof_says_so(keys, copies, passphrase):
    sealed = keys.seal("P0003", NOTE)
    keys.shred("P0003")
    proof = prove_shredded(
        keys, "P0003", readers("P0003", sealed),
        table_copies=[copies[0]], ring_copies=[copies[1]], passphrase=passphrase,
    )  # fmt: skip
    assert not proof.shredded
    assert {(a.table, a.ring) for a in proof.attempts if a.outcome == "opened"} == {
        ("persons.db", "ring.keys")
    }
    assert "destroy these copies, which still hold the keys: ring.keys" in proof.sentence()


def test_what_fails_for_another_reason_is_no_evidence(keys, copies, tmp_path):
    sealed = keys.seal("P0003", NOTE)
    keys.shred("P0003")
    copies[0].write_bytes(b"damaged" * 100)
    damaged = prove_shredded(keys, "P0003", readers("P0003", sealed), table_copies=[copies[0]])
    assert not damaged.shredded
    locked = prove_shredded(keys, "P0003", {}, ring_copies=[copies[1]], passphrase="another passphrase")
    assert not locked.shredded
    assert "not conclusive: 1 (see their reasons)" in locked.sentence()


def test_a_proof_changes_no_copy(keys, copies, passphrase):
    keys.shred("P0003")
    before = [open(path, "rb").read() for path in copies]  # noqa: PTH123, SIM115
    prove_shredded(
        keys, "P0003", {}, table_copies=[copies[0]], ring_copies=[copies[1]], passphrase=passphrase
    )
    assert [open(path, "rb").read() for path in copies] == before  # noqa: PTH123, SIM115


def test_many_are_shredded_with_one_new_version_and_a_group_without_persons_goes(keys, ring):
    done = keys.shred(PERSONS)
    assert (done.persons, done.keys_resealed, done.groups_rewrapped) == (40, 0, 0)
    assert [v.state for v in ring.versions("persons")] == ["destroyed", "current"]
    assert keys.counts() == (0, 40)


def test_a_shredded_person_gets_no_new_key_and_is_not_shredded_twice(keys):
    sealed = keys.seal("P0003", NOTE)
    keys.shred("P0003")
    for act in (
        lambda: keys.add(["P9999", "P0003"]),
        lambda: keys.shred(["P0004", "P0003"]),
        lambda: keys.seal("P0003", NOTE),
        lambda: keys.unseal("P0003", sealed),
        lambda: keys.rotate("P0003"),
        lambda: keys.new_data_key("P0003", {}),
    ):
        with pytest.raises(PersonShreddedError, match="destroyed for good"):
            act()
    assert keys.counts() == (39, 1)


def test_a_person_key_is_a_key_ring_for_files_and_fields(keys):
    made = keys.new_data_key("P0003", {"file": "scan"})
    assert keys.rotate("P0003") == "2"
    again = keys.rewrap(made.wrapped, {"file": "scan"})
    assert (made.wrapped.version, again.version) == ("1", "2")
    assert keys.unwrap(made.wrapped, {"file": "scan"}) == keys.unwrap(again, {"file": "scan"}) == made.secret
    keys.shred("P0004")
    assert keys.unwrap(again, {"file": "scan"}) == made.secret
    keys.shred("P0003")
    for wrapped in (made.wrapped, again):
        with pytest.raises(PersonShreddedError):
            keys.unwrap(wrapped, {"file": "scan"})


def test_rotating_the_persons_of_a_ring_touches_no_data(keys):
    made = [(keys.new_data_key(person, {}).wrapped, {}) for person in PERSONS]
    for person in PERSONS:
        keys.rotate(person)
    report = rewrap_all(made, keys)
    assert (report.rewrapped, report.unchanged, report.failed, report.data_bytes) == (40, 0, (), 0)


def test_an_interrupted_shredding_is_finished_when_the_table_is_opened(keys, ring, copies, monkeypatch):
    sealed = keys.seal("P0003", NOTE)

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(ring, "destroy", stop)
    with pytest.raises(KeyboardInterrupt):
        keys.shred("P0003")
    monkeypatch.undo()
    wanted = readers("P0003", sealed)
    assert not prove_shredded(keys, "P0003", wanted, table_copies=[copies[0]]).shredded
    with PersonKeys.open(keys.path, ring) as again:
        assert prove_shredded(again, "P0003", wanted, table_copies=[copies[0]]).shredded
        assert again.finish_shredding() == 0


def test_a_shredding_that_fails_midway_shreds_nobody(keys, ring, monkeypatch):
    sealed = keys.seal("P0003", NOTE)

    def stop(*_):
        raise KeyRingError("no")

    monkeypatch.setattr(ring, "rewrap", stop)
    with pytest.raises(KeyRingError):
        keys.shred("P0003")
    monkeypatch.undo()
    assert keys.unseal("P0003", sealed) == NOTE
    assert all(v.state != "destroyed" for v in ring.versions("persons"))
    assert keys.shred("P0003").versions_destroyed == 2


SHRED = """
import sys, warnings
warnings.simplefilter("ignore")
from secure_ai.encrypt.key_rings import LocalKeyRing, PersonKeys
ring = LocalKeyRing.open(sys.argv[2], sys.argv[3])
keys = PersonKeys.open(sys.argv[1], ring)
for n in range(int(sys.argv[4]), 10, 2):
    keys.shred(f"P{n:04d}")
"""


def test_two_processes_that_shred_at_once_lose_nobody_else(keys, ring, passphrase):
    sealed = {person: keys.seal(person, NOTE) for person in PERSONS}
    command = [sys.executable, "-c", SHRED, str(keys.path), str(ring.path), passphrase]
    both = [subprocess.Popen([*command, n], stderr=subprocess.PIPE, text=True) for n in "01"]
    errors = [process.communicate(timeout=60)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], errors
    assert keys.counts() == (30, 10)
    assert all(keys.unseal(person, sealed[person]) == NOTE for person in PERSONS[10:])
    assert [v.state for v in ring.versions("persons")] == ["destroyed"] * 10 + ["current"]


BAD = {
    "unknown person": (lambda k, s: k.unseal("P9999", s), KeyNotFoundError),
    "another person's record": (lambda k, s: k.unseal("P0004", s), WrappedKeyError),
    "another context": (lambda k, s: k.unseal("P0003", s, {"a": "b"}), WrappedKeyError),
    "cut short": (lambda k, s: k.unseal("P0003", s[:20]), WrappedKeyError),
    "a bit flipped": (lambda k, s: k.unseal("P0003", s[:-1] + bytes([s[-1] ^ 1])), WrappedKeyError),
    "another version": (lambda k, s: k.unseal("P0003", b"\0\0\0\7" + s[4:]), KeyNotFoundError),
    "a name instead of a pseudonym": (lambda k, s: k.add("Ada Lovelace"), KeyNameError),
    "an address": (lambda k, s: k.add("ada@example.org"), KeyNameError),
    "a social security number": (lambda k, s: k.add(["P1", "123-45-6789"]), KeyNameError),
    "the ring's own wrapped key": (
        lambda k, s: k.unwrap(k.ring.new_data_key("patients", {}).wrapped, {}),
        ForeignKeyError,
    ),
    "the ring's key name is taken": (
        lambda k, s: PersonKeys.create(k.path.with_name("n.db"), k.ring),
        KeyExistsError,
    ),
    "the file exists": (lambda k, s: PersonKeys.create(k.path, k.ring, key_name="new"), KeyExistsError),
    "no file": (lambda k, s: PersonKeys.open(k.path.with_name("n.db"), k.ring), RingFileError),
    "no groups": (lambda k, s: PersonKeys.create(k.path, k.ring, groups=0), KeyRingError),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_has_its_own_error_and_shows_nothing(keys, ring, name):
    call, kind = BAD[name]
    sealed = keys.seal("P0003", NOTE)
    with pytest.raises(kind) as caught:
        call(keys, sealed)
    shown = "".join(traceback.format_exception_only(caught.value))
    assert not any(secret in shown for secret in ("canary", "Ada", "ada@", "6789"))
    assert caught.value.__cause__ is None
    assert keys.counts() == (40, 0)
    assert "new" not in ring.key_names()


def test_an_identifier_that_is_a_name_does_not_reach_the_audit_trail(keys, audit):
    for use in (lambda: keys.add("Ada Lovelace"), lambda: keys.shred("Ada Lovelace")):
        with pytest.raises(KeyNameError):
            use()
    assert not any("Ada" in event.to_json() for event in audit.events)


def test_the_policy_is_asked_for_each_person(ring, keys):
    with PersonKeys.open(
        keys.path, ring, allowed=lambda who, act, person, context: person != "P0003"
    ) as mine:
        mine.seal("P0004", NOTE)
        with pytest.raises(KeyUseDeniedError):
            mine.seal("P0003", NOTE)
        with pytest.raises(KeyUseDeniedError):
            mine.shred(["P0004", "P0003"])
    assert keys.counts() == (40, 0)


def test_every_shredding_is_in_the_audit_trail_with_its_person_and_no_secret(keys, audit):
    keys.seal("P0003", NOTE)
    keys.shred(["P0003", "P0004"])
    assert [e.target for e in audit.events if e.action == "shred"] == ["P0003", "P0004"]
    assert not any("canary" in event.to_json() for event in audit.events)


def test_the_table_and_its_backup_are_for_their_owner_alone(keys, copies):
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in (keys.path, copies[0]))


def test_a_copy_opened_for_reading_is_never_changed(copies, ring):
    with (
        PersonKeys.open(copies[0], ring, read_only=True) as copy,
        pytest.raises(KeyRingError, match="reading only"),
    ):
        copy.shred("P0003")


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_a_table_damaged_anywhere_gives_the_note_or_a_sentence(keys, ring, data):
    sealed = keys.seal("P0003", NOTE)
    raw = bytearray(keys.path.read_bytes())
    for _ in range(20):
        raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    path = keys.path.with_name("damaged.db")
    path.write_bytes(raw)
    try:
        with PersonKeys.open(path, ring, read_only=True) as damaged:
            assert damaged.unseal("P0003", sealed) == NOTE
    except UserError as error:
        assert "canary" not in str(error)


def test_another_database_is_no_table_of_person_keys(ring, tmp_path):
    with sqlite3.connect(tmp_path / "other.db") as other:
        other.execute("CREATE TABLE settings (name TEXT, value TEXT)")
    with pytest.raises(RingFileError, match="no table of person keys"):
        PersonKeys.open(tmp_path / "other.db", ring)


def test_after_the_ring_key_was_destroyed_a_stale_copy_does_not_open(keys, copies, ring):
    keys.shred("P0003")
    with PersonKeys.open(copies[0], ring, read_only=True) as copy, pytest.raises(KeyVersionGoneError):
        copy.seal("P0004", NOTE)


def test_rings_in_memory_hold_person_keys_too(tmp_path):
    with PersonKeys.create(tmp_path / "p.db", LocalKeyRing.in_memory()) as keys:
        assert keys.add(["P1", "P2", "P1"]) == 2
        assert keys.add(["P1"]) == 0
        assert keys.shred("P1").persons == 1


def test_the_proof_does_not_count_keys_that_are_still_in_memory(tmp_path):
    ring = LocalKeyRing.in_memory()
    with PersonKeys.create(tmp_path / "persons.db", ring, groups=2) as keys:
        keys.add(["P1"])
        note = keys.seal("P1", b"note")
        keys.unseal("P1", note)
        ring.destroy(keys.key_name)
        proof = prove_shredded(keys, "P1", {"a note": lambda tried: tried.unseal("P1", note)})
    assert proof.shredded
