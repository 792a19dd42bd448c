"""Claims about rotation: a new wrapped key, the same ciphertext, a file that opens whenever it is stopped."""

from __future__ import annotations

import os

import pytest

from secure_ai.core import UserError
from secure_ai.encrypt.files import (
    NotEncryptedError,
    TamperedFileError,
    decrypt_file,
    encrypt_file,
    inspect_file,
    operations,
    rewrap_file,
    verify_file,
)
from secure_ai.encrypt.files.header import BLOCK, HEADER_BYTES
from secure_ai.encrypt.key_rings.errors import ForeignKeyError, KeyVersionGoneError
from secure_ai.encrypt.key_rings.local import LocalKeyRing


@pytest.fixture
def sealed(tmp_path, ring, plain):
    path = tmp_path / "v.enc"
    encrypt_file(plain, path, ring, "files", chunk_size=64, associated_data={"table": "visits"})
    return path


def test_rotation_changes_the_two_slots_and_nothing_else(ring, sealed):
    before = sealed.read_bytes()
    ring.rotate("files")
    done = rewrap_file(sealed, ring)
    after = sealed.read_bytes()
    assert (done.old_version, done.new_version, done.content_bytes) == ("1", "2", len(before) - HEADER_BYTES)
    assert after[HEADER_BYTES:] == before[HEADER_BYTES:] and after[:BLOCK] == before[:BLOCK]
    assert after[BLOCK:HEADER_BYTES] != before[BLOCK:HEADER_BYTES]
    assert inspect_file(sealed).key_version == "2" and verify_file(sealed, ring).rotation_finished


def test_rotation_neither_reads_nor_writes_the_ciphertext(ring, sealed, monkeypatch):
    places = []
    whole = operations._write_whole

    def watched(write, data):
        file = write.__self__
        places.append((file.tell(), len(data)))
        whole(write, data)

    monkeypatch.setattr(operations, "_write_whole", watched)
    rewrap_file(sealed, ring)
    assert sorted(places) == [(BLOCK, BLOCK), (2 * BLOCK, BLOCK)]


def test_after_rotation_the_old_version_is_needed_no_more(tmp_path, ring, plain, sealed):
    copy = tmp_path / "backup.enc"
    copy.write_bytes(sealed.read_bytes())
    ring.rotate("files")
    rewrap_file(sealed, ring)
    ring.destroy("files", "1")
    decrypt_file(sealed, tmp_path / "back", ring)
    assert (tmp_path / "back").read_bytes() == plain.read_bytes()
    with pytest.raises(KeyVersionGoneError):
        decrypt_file(copy, tmp_path / "back2", ring)
    assert not (tmp_path / "back2").exists()


class PowerCutError(Exception):
    """Stops a rotation where a test wants it."""


STOPS = [
    (at, torn, rotations) for at in range(2) for torn in (0, 8, 100, 3000, BLOCK) for rotations in (1, 2)
]


@pytest.mark.parametrize("stop", STOPS, ids=str)
def test_a_rotation_stopped_anywhere_loses_nothing(ring, plain, sealed, monkeypatch, stop):
    at, torn, rotations = stop
    for _ in range(rotations - 1):
        rewrap_file(sealed, ring)
    ring.rotate("files")
    whole, calls = operations._write_whole, []

    def stopped(write, data):
        if len(calls) == at:
            whole(write, data[:torn])
            raise PowerCutError
        calls.append(1)
        whole(write, data)

    with monkeypatch.context() as patch:
        patch.setattr(operations, "_write_whole", stopped)
        with pytest.raises(PowerCutError):
            rewrap_file(sealed, ring)
    try:
        info = inspect_file(sealed)
    except TamperedFileError as error:
        assert "rewrap_file mends it" in str(error)
        assert torn not in {0, BLOCK}
    else:
        assert info.rotation_finished == ((at, torn) in {(0, 0), (1, BLOCK)})
        verify_file(sealed, ring)
    rewrap_file(sealed, ring)
    back = sealed.with_name("back")
    assert decrypt_file(sealed, back, ring).rotation_finished
    assert back.read_bytes() == plain.read_bytes()


def test_each_slot_is_on_the_disk_before_the_other_is_written(ring, sealed, monkeypatch):
    order = []
    write, sync = operations._write_whole, os.fsync
    monkeypatch.setattr(operations, "_write_whole", lambda *a: (order.append("write"), write(*a)))
    monkeypatch.setattr(os, "fsync", lambda d: (order.append("sync"), sync(d)))
    rewrap_file(sealed, ring)
    assert order == ["write", "sync", "write", "sync"]


def test_a_ring_that_refuses_leaves_the_file_as_it_was(sealed):
    before = sealed.read_bytes()
    with pytest.raises(ForeignKeyError):
        rewrap_file(sealed, LocalKeyRing.in_memory("files"))
    assert sealed.read_bytes() == before


@pytest.mark.skipif(os.name != "posix", reason="file locks are POSIX's")
def test_two_rotations_at_once_are_refused(ring, sealed):
    import fcntl

    with sealed.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(UserError, match="another process"):
            rewrap_file(sealed, ring)


def test_a_plain_file_is_not_rewrapped(ring, plain):
    before = plain.read_bytes()
    with pytest.raises(NotEncryptedError):
        rewrap_file(plain, ring)
    assert plain.read_bytes() == before


def test_a_missing_file_and_a_folder_are_one_sentence(tmp_path, ring):
    for path in (tmp_path / "none.enc", tmp_path):
        with pytest.raises(UserError):
            rewrap_file(path, ring)
