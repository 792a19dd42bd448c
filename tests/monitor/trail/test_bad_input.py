"""Full disks, files that are locked, read-only or something else: a sentence, and nothing half-done."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from secure_ai.core.audit import AuditLog
from secure_ai.core.errors import UserError
from secure_ai.monitor.trail import open_trail, verify_trail


def one_sentence(raised) -> str:
    text = str(raised.value)
    assert text.endswith(".") and "\n" not in text and "Traceback" not in text
    return text


def test_a_full_disk_refuses_events_keeps_the_others_and_goes_on_when_there_is_room(place, event):
    with place.open() as trail:
        log = AuditLog(store=trail)
        log.record("S1", "read", "x", "allowed")
        connection = trail._store._opened()
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + 2}")
        kept, refused = 1, None
        for number in range(200):
            try:
                trail.append(event(number, reason="x" * 500))
                kept += 1
            except UserError as error:
                refused = error
                break
        assert "disk is full" in str(refused)
        with pytest.raises(UserError, match="disk is full"):
            trail.append_many(event(1_000 + number, reason="x" * 500) for number in range(100))
        futures = [trail.submit(event(2_000 + number, reason="x" * 500)) for number in range(50)]
        trail.flush()
        assert any(isinstance(future.exception(), UserError) for future in futures)
        kept += sum(future.exception() is None for future in futures)
        assert trail.count() == kept
        connection.execute("PRAGMA max_page_count = 100000")
        trail.append(event(9_000))
    found = place.verify()
    assert found.intact
    assert found.entries == kept + 1


LIMITED = """
import resource, sys
from secure_ai.core.audit import AuditEvent
from secure_ai.core.errors import UserError
from secure_ai.monitor.trail import open_trail
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
trail = open_trail(sys.argv[1], signing_key=sys.argv[2])
try:
    for number in range(10_000):
        trail.append(AuditEvent("2026-03-01T12:00:00.000+00:00", "S1", "read", "x" * 300, "allowed"))
        print(number, flush=True)
except UserError as error:
    print(error, file=sys.stderr)
"""


@pytest.mark.skipif(os.name != "posix", reason="limits of POSIX")
def test_a_file_that_may_not_grow_any_more_loses_no_acknowledged_event(tmp_path):
    from secure_ai.encrypt.transport.public_keys import generate_signing_key

    keys = generate_signing_key(tmp_path / "key")
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path / "trail.db"), str(keys.private)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0
    assert "The audit trail trail.db cannot be used" in done.stderr
    found = verify_trail(tmp_path / "trail.db", keys.public)
    assert found.intact
    assert found.entries == len(done.stdout.split()) > 5


def test_a_database_that_another_process_holds_locked_is_waited_for_and_then_named(place, event):
    with place.open(timeout=0.2) as trail:
        with closing(sqlite3.connect(place.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(UserError, match="locked") as raised:
                trail.append(event(1))
            one_sentence(raised)
            other.execute("ROLLBACK")
        assert trail.append(event(1)).sequence == 1


READ_ONLY = """
import os, sys
from secure_ai.core.audit import AuditEvent
from secure_ai.core.errors import UserError
from secure_ai.monitor.trail import open_trail, verify_trail
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
import secure_ai.monitor.trail.committing, secure_ai.monitor.trail.json_lines
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(sys.argv[2]))
print(verify_trail(sys.argv[1], key.public_key()).intact)
print(open_trail(sys.argv[1]).count())
try:
    open_trail(sys.argv[1], signing_key=key).append(
        AuditEvent("2026-03-01T12:00:00.000+00:00", "S1", "read", "x", "allowed"))
except UserError as error:
    print(error)
"""


@pytest.mark.skipif(os.name != "posix", reason="rights of POSIX")
def test_a_file_that_may_only_be_read_is_examined_and_not_written(filled):
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name)
        copy = folder / "trail.db"
        copy.write_bytes(filled.path.read_bytes())
        copy.chmod(0o444)
        folder.chmod(0o555)
        done = subprocess.run(
            [sys.executable, "-c", READ_ONLY, str(copy), filled.key.private_bytes_raw().hex()],
            capture_output=True, text=True, timeout=60, cwd="/", check=False,
        )  # fmt: skip
        folder.chmod(0o755)
    lines = done.stdout.splitlines()
    assert lines[:2] == ["True", "45"], done.stderr
    assert "may only be read" in lines[2]


def test_a_database_of_somebody_else_stays_as_it_is(tmp_path):
    file = tmp_path / "other.db"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE patients (id)")
    before = file.read_bytes()
    with pytest.raises(UserError, match="no audit trail") as raised:
        open_trail(file, signing_key=Ed25519PrivateKey.generate())
    one_sentence(raised)
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda folder: folder, "no audit trail|cannot be opened|cannot be made"),
        (lambda folder: folder / "missing" / "trail.db", "cannot be made"),
        (lambda folder: "mysql://host/db", "SQLite file or at postgresql"),
    ],
)
def test_a_place_where_no_trail_can_be_is_named(tmp_path, make, match):
    with pytest.raises(UserError, match=match) as raised:
        open_trail(make(tmp_path), signing_key=Ed25519PrivateKey.generate())
    one_sentence(raised)


def test_opening_says_what_is_wrong_with_keys_witness_and_options(filled, tmp_path):
    with pytest.raises(UserError, match="another key"):
        filled.open(signing_key=Ed25519PrivateKey.generate())
    with pytest.raises(UserError, match="does not exist"):
        filled.open(signing_key=tmp_path / "nothing")
    with pytest.raises(UserError, match="checkpoint_every"):
        filled.open(checkpoint_every=0)
    with pytest.raises(UserError, match="witness"):
        filled.open(witness=tmp_path / "no folder" / "witness.jsonl")
    with pytest.raises(UserError, match="There is no audit trail"):
        open_trail(tmp_path / "none.db")
    with pytest.raises(UserError, match="public key"):
        verify_trail(filled.path, "ed25519:nothing")
    with pytest.raises(UserError, match="witness"):
        verify_trail(filled.path, filled.key.public_key(), tmp_path / "none.jsonl")
    other = open_trail(tmp_path / "second.db", signing_key=filled.key)
    other.close()
    with pytest.raises(UserError, match="another audit trail"):
        open_trail(tmp_path / "second.db", signing_key=filled.key, witness=filled.witness)


def test_a_witness_that_cannot_be_written_stops_no_event_and_is_said(place, event):
    trail = place.open()
    trail.append(event(0))
    place.witness.unlink()
    place.witness.parent.rmdir()
    with pytest.warns(UserWarning, match="Events are kept meanwhile"):
        trail.append_many(event(number) for number in range(1, 12))
    assert trail.count() == 12
    assert "witness" in trail.trouble
    place.witness.parent.mkdir()
    trail.append_many(event(number) for number in range(20, 32))
    assert trail.trouble == ""
    trail.close()
    assert place.verify().witnessed == 24


def test_no_key_is_shown(place):
    with place.open() as trail:
        secret = place.key.private_bytes_raw().hex()
        assert secret not in repr(trail) + str(vars(trail))


@pytest.mark.skipif(os.name != "posix", reason="open files can be removed on POSIX only")
@pytest.mark.parametrize("what", ["replaced", "moved", "write-ahead log removed"])
def test_nothing_is_acknowledged_in_files_that_were_taken_away(filled, event, tmp_path, what):
    older = filled.path.read_bytes()
    trail = filled.open()
    trail.append(event(90))
    if what == "write-ahead log removed":
        (filled.folder / "trail.db-wal").unlink()
    else:
        filled.path.rename(tmp_path / "moved.db")
        if what == "replaced":
            filled.path.write_bytes(older)
    with pytest.raises(UserError, match="while it was open") as raised:
        trail.append(event(91))
    one_sentence(raised)
    with pytest.raises(UserError):
        trail.close()


def test_a_copy_of_the_file_without_its_write_ahead_log_is_a_trail_that_was_cut_short(place, event, tmp_path):
    with place.open() as trail:
        trail.append_many(event(number) for number in range(25))
        (tmp_path / "copy.db").write_bytes(place.path.read_bytes())
        found = verify_trail(tmp_path / "copy.db", place.key.public_key(), place.witness)
    assert [(p.kind, p.number, p.last) for p in found.problems if p.part == "entry"] == [("truncated", 1, 25)]


@pytest.mark.parametrize("thing", [None, {}, "event"])
def test_what_is_no_event_is_refused_in_a_sentence(place, thing):
    with place.open() as trail, pytest.raises(UserError, match="no AuditEvent"):
        trail.append(thing)


@pytest.mark.parametrize("where", [None, 5, b"trail.db", ""])
def test_what_is_no_place_is_refused_in_a_sentence(where):
    with pytest.raises(UserError, match="needs a place"):
        open_trail(where, signing_key=Ed25519PrivateKey.generate())


@pytest.mark.skipif(os.name != "posix", reason="pipes, devices and links of POSIX")
def test_a_witness_that_is_something_else_stays_as_it_is_and_holds_nobody_up(filled, tmp_path):
    (tmp_path / "letter").write_text("Dear colleague,\n")
    os.mkfifo(tmp_path / "pipe")
    for name, target in (("link", "letter"), ("own", "trail.db"), ("full", "/dev/full")):
        (tmp_path / name).symlink_to(target)
    os.link(filled.path, tmp_path / "hard")
    before = filled.path.read_bytes()
    for name in ("letter", "pipe", "link", "own", "hard", "full", "trail.db", "elsewhere"):
        with pytest.raises(UserError) as raised:
            filled.open(witness=tmp_path / name)
        one_sentence(raised)
    with pytest.raises(UserError, match="cannot be read"):
        verify_trail(filled.path, filled.key.public_key(), tmp_path / "pipe")
    assert (tmp_path / "letter").read_text() == "Dear colleague,\n"
    assert filled.path.read_bytes() == before
