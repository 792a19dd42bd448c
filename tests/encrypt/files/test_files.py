"""Claims about whole files: what goes in comes out, the head tells no secret, bad input is one sentence."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secure_ai.core import UserError
from secure_ai.encrypt.files import (
    DEFAULT_CHUNK_SIZE,
    ChangedWhileReadError,
    chunks,
    decrypt_file,
    encrypt_file,
    inspect_file,
    local_files,
    verify_file,
    workers,
)
from secure_ai.encrypt.files.header import BLOCK, HEADER_BYTES
from secure_ai.encrypt.key_rings.errors import KeyNotFoundError
from secure_ai.encrypt.key_rings.local import LocalKeyRing
from secure_ai.encrypt.transport.public_keys import generate_recipient_key
from secure_ai.encrypt.transport.recipient_keys import RecipientKeys

several = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
associated = st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=3)
RING = LocalKeyRing.in_memory("files")


@several
@given(content=st.binary(max_size=2000), chunk_size=st.integers(16, 1000), data=associated)
def test_any_content_comes_back_with_any_chunk_size(tmp_path, content, chunk_size, data):
    source, sealed, back = tmp_path / "a", tmp_path / "b", tmp_path / "c"
    source.write_bytes(content)
    made = encrypt_file(source, sealed, RING, "files", chunk_size=chunk_size, associated_data=data)
    assert decrypt_file(sealed, back, RING).associated_data == data
    assert back.read_bytes() == content
    decrypt_file(sealed, back, RING, associated_data=data)
    assert verify_file(sealed, RING) == made
    seen = inspect_file(sealed)
    assert (seen.plain_size, seen.chunk_size, seen.file_size) == (
        len(content),
        chunk_size,
        sealed.stat().st_size,
    )
    # The head is padded with zeros, which a content may be.
    assert len(content) < 8 or content not in sealed.read_bytes()[HEADER_BYTES:]


@pytest.mark.parametrize("size", [0, 1, DEFAULT_CHUNK_SIZE, DEFAULT_CHUNK_SIZE + 1, 3 * DEFAULT_CHUNK_SIZE])
def test_sizes_around_the_default_chunk_come_back(tmp_path, ring, size):
    source, sealed, back = tmp_path / "a", tmp_path / "b", tmp_path / "c"
    source.write_bytes(os.urandom(size))
    info = encrypt_file(source, sealed, ring, "files", durable=True)
    assert info.chunks == max(1, -(-size // DEFAULT_CHUNK_SIZE))
    decrypt_file(sealed, back, ring, durable=True)
    assert back.read_bytes() == source.read_bytes()


def test_a_sealed_chunk_of_the_default_size_fills_whole_pages():
    assert (DEFAULT_CHUNK_SIZE + 16) % BLOCK == HEADER_BYTES % BLOCK == 0


def test_the_same_file_encrypted_twice_has_nothing_in_common(tmp_path, ring, plain):
    sealed = []
    for name in "ab":
        encrypt_file(plain, tmp_path / name, ring, "files")
        sealed.append((tmp_path / name).read_bytes()[HEADER_BYTES:])
    same = sum(x == y for x, y in zip(*sealed, strict=True))
    assert same < 30, "about one byte in 256 is the same by chance"


def test_no_nonce_is_used_twice_and_only_the_last_chunk_is_flagged(tmp_path, ring, plain, monkeypatch):
    seen = []
    whole = chunks._nonce
    monkeypatch.setattr(chunks, "_nonce", lambda n, last: seen.append(whole(n, last)) or seen[-1])
    encrypt_file(plain, tmp_path / "a", ring, "files", chunk_size=64)
    assert len(seen) == len(set(seen)) == 16
    assert [nonce[-1] for nonce in seen] == [0] * 15 + [1]
    assert all(len(nonce) == 12 for nonce in seen)


def test_results_are_told_in_words_and_as_a_table(tmp_path, ring, plain):
    info = encrypt_file(plain, tmp_path / "v.enc", ring, "files", associated_data={"table": "visits"})
    assert info.sentence() == (
        "v.enc holds 1,000 bytes in 1 chunk, under the key files, version 1, ring local; "
        "head and chunks are authentic."
    )
    table = info.to_frame().set_index("field")["value"]
    assert table["associated data"] == "table=visits" and table["plain size"] == "1,000"


def test_what_is_said_of_a_file_for_a_recipient_is_the_same_each_time(tmp_path, plain):
    told = set()
    for number in range(2):
        files = generate_recipient_key(tmp_path / f"vendor{number}.key")
        info = encrypt_file(plain, tmp_path / "v.enc", RecipientKeys({"Vendor": files.public}), "Vendor")
        assert info.key_version in " ".join(info.to_frame()["value"])
        told.add(info.sentence())
        (tmp_path / "v.enc").unlink()
    assert told == {
        "v.enc holds 1,000 bytes in 1 chunk, under the key Vendor, ring recipient; "
        "head and chunks are authentic."
    }


def test_every_use_of_the_key_is_audited_with_what_the_file_belongs_to(tmp_path, ring, plain):
    encrypt_file(plain, tmp_path / "v.enc", ring, "files", associated_data={"table": "visits"})
    verify_file(tmp_path / "v.enc", ring)
    inspect_file(tmp_path / "v.enc")
    used = [event for event in ring.gate.audit.events if "context" in event.details]
    assert len(used) == 2 and all('"table":"visits"' in event.details["context"] for event in used)


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
def test_drafts_and_results_are_their_owner_s_alone(tmp_path, ring, plain, monkeypatch):
    modes = []
    whole = local_files.DraftFile.write

    def watched(self, data, position):
        modes.append(os.fstat(self._file.fileno()).st_mode & 0o777)
        whole(self, data, position)

    monkeypatch.setattr(local_files.DraftFile, "write", watched)
    old = os.umask(0)
    try:
        encrypt_file(plain, tmp_path / "a", ring, "files")
        decrypt_file(tmp_path / "a", tmp_path / "b", ring)
    finally:
        os.umask(old)
    modes += [path.stat().st_mode & 0o777 for path in (tmp_path / "a", tmp_path / "b")]
    assert set(modes) == {0o600}


def test_an_existing_target_is_replaced(tmp_path, ring, plain):
    target = tmp_path / "v.enc"
    target.write_bytes(b"old")
    encrypt_file(plain, target, ring, "files")
    decrypt_file(target, tmp_path / "back", ring)
    assert (tmp_path / "back").read_bytes() == plain.read_bytes()


def no_space(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


BAD = {
    "a source that is not there": ({"source": "none.csv"}, "none.csv does not exist"),
    "a folder as source": ({"source": "."}, "is a folder"),
    "a folder as target": ({"target": "folder"}, "folder is a folder"),
    "one file for both": ({"target": "visits.csv"}, "the same file"),
    "one file for both by a link": ({"target": "link.csv"}, "the same file"),
    "a pipe": ({"source": "pipe"}, "device or a pipe"),
    "a pipe as target": ({"target": "pipe"}, "device or a pipe"),
    "a NUL in the name": ({"source": "a\0b"}, "cannot be read"),
    "a NUL in the target's name": ({"target": "a\0b"}, "not a valid path"),
    "a file where the folder should be": ({"target": "visits.csv/x"}, "cannot|Cannot"),
    "chunks of nothing": ({"chunk_size": 0}, "chunk"),
    "chunks too large": ({"chunk_size": 1 << 30}, "chunk"),
    "half a byte": ({"chunk_size": 16.5}, "chunk"),
    "no number": ({"chunk_size": True}, "chunk"),
    "associated data that are no names": ({"associated_data": ["visits"]}, "names and values"),
    "associated data that are no text": ({"associated_data": {"year": 2026}}, "text"),
    "associated data too long": ({"associated_data": {"x": "y" * 5000}}, "fit into the head"),
    "the name that is taken": ({"associated_data": {"secure_ai_file": "x"}}, "taken"),
    "a key that is not there": ({"key_name": "none"}, "no key none"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_sentence_and_leaves_nothing(tmp_path, ring, plain, case):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link.csv").symlink_to(plain)
    os.mkfifo(tmp_path / "pipe")
    before = sorted(tmp_path.rglob("*"))
    given_, words = BAD[case]
    arguments = {"source": "visits.csv", "target": "v.enc", "key_name": "files", **given_}
    source, target = tmp_path / arguments.pop("source"), tmp_path / arguments.pop("target")
    with pytest.raises(UserError, match=words):
        encrypt_file(source, target, ring, **arguments)
    assert sorted(tmp_path.rglob("*")) == before


def test_nothing_is_asked_of_the_ring_for_arguments_that_are_not_valid(tmp_path, ring, plain):
    before = len(ring.gate.audit.events)
    for bad in ({"chunk_size": 1}, {"associated_data": {"x": "y" * 5000}}):
        with pytest.raises(UserError):
            encrypt_file(plain, tmp_path / "a", ring, "files", **bad)
    assert len(ring.gate.audit.events) == before


def test_a_key_that_is_not_there_is_the_ring_s_error(tmp_path, ring, plain):
    with pytest.raises(KeyNotFoundError):
        encrypt_file(plain, tmp_path / "a", ring, "none")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_one_sentence(tmp_path, ring, plain):
    plain.chmod(0)
    with pytest.raises(UserError, match="permission denied"):
        encrypt_file(plain, tmp_path / "a", ring, "files")


def test_a_full_disk_leaves_nothing_at_all(tmp_path, ring, plain, monkeypatch):
    monkeypatch.setattr(local_files.DraftFile, "write", lambda *_: no_space())
    with pytest.raises(UserError, match="no space for"):
        encrypt_file(plain, tmp_path / "v.enc", ring, "files")
    assert list(tmp_path.iterdir()) == [plain]


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="space is reserved where the system can")
def test_a_full_disk_is_found_before_anything_is_written(tmp_path, ring, monkeypatch):
    source = tmp_path / "large"
    source.write_bytes(bytes(2 << 20))
    monkeypatch.setattr(os, "posix_fallocate", no_space)
    monkeypatch.setattr(local_files.DraftFile, "write", lambda *_: pytest.fail("it was written to"))
    with pytest.raises(UserError, match="no space"):
        encrypt_file(source, tmp_path / "v.enc", ring, "files")
    assert list(tmp_path.iterdir()) == [source]


@pytest.mark.parametrize("kind", [KeyboardInterrupt, MemoryError, RuntimeError])
def test_plaintext_is_not_left_behind_whatever_stops_it(tmp_path, ring, plain, monkeypatch, kind):
    sealed = tmp_path / "v.enc"
    encrypt_file(plain, sealed, ring, "files", chunk_size=64)
    whole, calls = local_files.DraftFile.write, []

    def stopped(self, data, position):
        whole(self, data, position)
        calls.append(1)
        if len(calls) == 5:
            raise kind

    monkeypatch.setattr(local_files.DraftFile, "write", stopped)
    with pytest.raises(kind):
        decrypt_file(sealed, tmp_path / "back", ring)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["v.enc", "visits.csv"]


CHANGES = {
    "grows": lambda path: path.open("ab").write(b"more"),
    "shrinks": lambda path: os.truncate(path, 500),
    "is overwritten": lambda path: (path.write_bytes(bytes(1000)), os.utime(path, (1, 1))),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("job", ["encrypt", "decrypt", "verify"])
def test_a_file_that_changes_while_it_is_read_is_noticed(plain, monkeypatch, change, job):
    ring, source, target = RING, plain, plain.with_name("out")
    if job != "encrypt":
        source = plain.with_name("v.enc")
        encrypt_file(plain, source, ring, "files", chunk_size=64)
    whole, calls = local_files.SourceFile.read_into, []

    def meddled(self, buffer, position):
        whole(self, buffer, position)
        calls.append(1)
        if len(calls) == 3:
            CHANGES[change](source)

    monkeypatch.setattr(local_files.SourceFile, "read_into", meddled)
    with pytest.raises(ChangedWhileReadError, match="was written to"):
        if job == "encrypt":
            encrypt_file(source, target, ring, "files", chunk_size=64)
        elif job == "decrypt":
            decrypt_file(source, target, ring)
        else:
            verify_file(source, ring)
    assert not target.exists()


def test_a_file_that_is_too_large_for_one_key_is_refused_before_it_is_read(tmp_path, ring, monkeypatch):
    source = tmp_path / "huge"
    source.touch()
    monkeypatch.setattr(chunks, "MAXIMUM_PLAIN_BYTES", 1 << 20)
    os.truncate(source, (1 << 20) + 1)
    with pytest.raises(UserError, match="split it"):
        encrypt_file(source, tmp_path / "v.enc", ring, "files")


def test_a_link_as_target_is_replaced_and_what_it_points_to_stays(tmp_path, ring, plain):
    (tmp_path / "precious").write_bytes(b"keep me")
    (tmp_path / "v.enc").symlink_to(tmp_path / "precious")
    encrypt_file(plain, tmp_path / "v.enc", ring, "files")
    assert (tmp_path / "precious").read_bytes() == b"keep me"
    assert not (tmp_path / "v.enc").is_symlink()
    verify_file(tmp_path / "v.enc", ring)


PROGRAM = """
import pathlib, re, sys
from secure_ai.encrypt.files import encrypt_file, decrypt_file, verify_file
from secure_ai.encrypt.key_rings.local import LocalKeyRing
ring = LocalKeyRing.in_memory("files")
encrypt_file(sys.argv[1], sys.argv[2], ring, "files")
verify_file(sys.argv[2], ring)
decrypt_file(sys.argv[2], sys.argv[3], ring)
print(re.search(r"VmHWM:\\s+(\\d+)", pathlib.Path("/proc/self/status").read_text())[1])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="getrusage would also count the process that starts it")
def test_200_megabytes_take_less_than_100_megabytes_of_memory(tmp_path):
    source = tmp_path / "large"
    source.touch()
    os.truncate(source, 200 << 20)
    names = [str(tmp_path / name) for name in ("large", "sealed", "back")]
    run = subprocess.run([sys.executable, "-c", PROGRAM, *names], capture_output=True, text=True, check=True)
    assert int(run.stdout) * 1024 < 100e6
    assert (tmp_path / "back").stat().st_size == 200 << 20


def test_ctrl_c_leaves_no_draft(tmp_path):
    source = tmp_path / "large"
    source.touch()
    os.truncate(source, 8 << 30)
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *(str(tmp_path / name) for name in ("large", "sealed", "back"))],
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    )
    deadline = time.monotonic() + 30
    while not list(tmp_path.glob(".sealed.*/sealed")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    process.wait(timeout=30)
    assert process.returncode != 0
    assert [path.name for path in tmp_path.iterdir()] == ["large"]


def test_a_plaintext_s_length_is_known_from_the_file_s():
    for size in range(200):
        for chunk in (16, 64, 199, 200):
            length = chunks.content_length(size, chunk)
            assert chunks.plain_length(length, chunk, "x") == size
            lengths = []
            workers.for_each_chunk(size, chunk, lambda n, last, plain, sealed: lengths.append(len(plain)))  # noqa: B023
            assert sum(lengths) == size and all(lengths[:-1]) and lengths.count(0) == (size == 0)
