"""Claims about changed files: what is changed, moved, cut or added is detected, and nothing is written."""

from __future__ import annotations

import functools
import hashlib
import json
import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secure_ai.core import UserError
from secure_ai.core.outputs import atomic_file
from secure_ai.encrypt.files import (
    NotEncryptedError,
    TamperedFileError,
    TruncatedFileError,
    WrongAssociatedDataError,
    WrongFileKeyError,
    decrypt_file,
    encrypt_file,
    inspect_file,
    rewrap_file,
    verify_file,
)
from secure_ai.encrypt.files.header import BLOCK, HEADER_BYTES, parse_header
from secure_ai.encrypt.key_rings.errors import ForeignKeyError
from secure_ai.encrypt.key_rings.local import LocalKeyRing

several = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
CHUNK = 64
SEALED = CHUNK + 16
"""Bytes of a sealed chunk in the files of these tests."""


@functools.cache
def one_ring() -> LocalKeyRing:
    return LocalKeyRing.in_memory("files")


@functools.cache
def sealed_bytes(size: int, copy: int = 0) -> bytes:
    """The encrypted form of ``size`` bytes; the same every time."""
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "plain"), Path(folder, "sealed")
        source.write_bytes(hashlib.shake_128(bytes([copy])).digest(size))
        encrypt_file(
            source, target, one_ring(), "files", chunk_size=CHUNK, associated_data={"table": "visits"}
        )
        return target.read_bytes()


def refused(folder, content: bytes) -> UserError:
    """Decrypt and verify ``content``; both refuse it and leave nothing. Return why."""
    source, target = folder / "changed.enc", folder / "out.csv"
    source.write_bytes(content)
    with pytest.raises(UserError) as caught:
        decrypt_file(source, target, one_ring())
    with pytest.raises(UserError):
        verify_file(source, one_ring())
    assert sorted(path.name for path in folder.iterdir()) == ["changed.enc"], "something was left"
    return caught.value


@several
@given(st.data())
def test_any_changed_byte_is_detected_in_head_and_chunks(tmp_path, data):
    content = bytearray(sealed_bytes(300))
    place = data.draw(st.integers(0, len(content) - 1) | st.integers(HEADER_BYTES, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    refused(tmp_path, bytes(content))


def test_each_bit_of_a_small_file_s_content_counts(tmp_path):
    whole = sealed_bytes(3)
    for place in range(HEADER_BYTES * 8, len(whole) * 8):
        content = bytearray(whole)
        content[place // 8] ^= 1 << place % 8
        assert isinstance(refused(tmp_path, bytes(content)), TamperedFileError)


@several
@given(size=st.sampled_from([0, 1, 64, 65, 256, 300]), data=st.data())
def test_any_truncation_is_detected(tmp_path, size, data):
    whole = sealed_bytes(size)
    refused(tmp_path, whole[: data.draw(st.integers(0, len(whole) - 1))])


@pytest.mark.parametrize("chunks", range(1, 5))
def test_a_cut_at_a_chunk_s_end_is_called_truncated(tmp_path, chunks):
    whole = sealed_bytes(300)
    assert isinstance(refused(tmp_path, whole[: HEADER_BYTES + chunks * SEALED]), TruncatedFileError)


def test_a_file_cut_to_its_head_is_called_truncated(tmp_path):
    assert isinstance(refused(tmp_path, sealed_bytes(300)[:HEADER_BYTES]), TruncatedFileError)


@several
@given(added=st.binary(min_size=1, max_size=3 * SEALED), size=st.sampled_from([0, 64, 300]))
def test_anything_added_is_detected(tmp_path, added, size):
    refused(tmp_path, sealed_bytes(size) + added)


def test_a_whole_chunk_added_after_the_end_is_called_so(tmp_path):
    assert "after its end" in str(refused(tmp_path, sealed_bytes(256) + bytes(SEALED)))


@several
@given(order=st.lists(st.integers(0, 4), min_size=1, max_size=8))
def test_any_permutation_omission_or_repetition_of_chunks_is_detected(tmp_path, order):
    whole = sealed_bytes(320)
    parts = [whole[HEADER_BYTES + i * SEALED : HEADER_BYTES + (i + 1) * SEALED] for i in range(5)]
    if order == [0, 1, 2, 3, 4]:
        order = [1, 0, 2, 3, 4]
    refused(tmp_path, whole[:HEADER_BYTES] + b"".join(parts[i] for i in order))


@several
@given(st.data())
def test_chunks_of_another_file_under_the_same_key_do_not_fit(tmp_path, data):
    ours, theirs = sealed_bytes(300), sealed_bytes(300, copy=1)
    # At chunk borders, and anywhere else; the head from one, the content from the other.
    cut = data.draw(
        st.sampled_from([BLOCK, 2 * BLOCK, *range(HEADER_BYTES, len(ours), SEALED)])
        | st.integers(BLOCK, len(ours) - 1)
    )
    mixed = ours[:cut] + theirs[cut:]
    refused(tmp_path, mixed)


@several
@given(chunk=st.integers(0, 4))
def test_one_chunk_swapped_with_that_of_another_file_is_detected(tmp_path, chunk):
    ours, theirs = bytearray(sealed_bytes(300)), sealed_bytes(300, copy=1)
    place = slice(HEADER_BYTES + chunk * SEALED, HEADER_BYTES + (chunk + 1) * SEALED)
    ours[place] = theirs[place]
    error = refused(tmp_path, bytes(ours))
    assert f"Chunk {chunk + 1} of 5" in str(error)


@several
@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda tail: b"\x89SAIENC\n" + tail))
def test_any_other_file_is_refused(tmp_path, content):
    assert isinstance(refused(tmp_path, content), NotEncryptedError | TamperedFileError)


def test_a_later_version_asks_for_an_update(tmp_path):
    content = bytearray(sealed_bytes(3))
    content[9] = 2
    assert "update the kit" in str(refused(tmp_path, bytes(content)))


def with_checksums(content: bytes) -> bytes:
    """What someone who knows the format writes: every block's SHA-256 fits."""
    blocks = [content[i : i + BLOCK - 32] for i in range(0, HEADER_BYTES, BLOCK)]
    return b"".join(b + hashlib.sha256(b).digest() for b in blocks) + content[HEADER_BYTES:]


FIELDS = {"chunk size": 15, "salt": 20, "commitment": 60, "associated data": 96, "mac": BLOCK - 60}


@pytest.mark.parametrize("field", FIELDS)
def test_a_head_changed_together_with_its_checksum_is_detected(tmp_path, field):
    content = bytearray(sealed_bytes(300))
    content[FIELDS[field]] ^= 1
    refused(tmp_path, with_checksums(bytes(content)))


@pytest.mark.parametrize("field", ["commitment", "mac"])
def test_a_changed_head_is_not_called_a_wrong_key(tmp_path, field):
    content = bytearray(sealed_bytes(300))
    content[FIELDS[field]] ^= 1
    error = refused(tmp_path, with_checksums(bytes(content)))
    assert isinstance(error, TamperedFileError)


class RingWithAnotherDataKey:
    """Opens everything, with a key that is not the file's."""

    def unwrap(self, wrapped, context):
        return bytes(32)


def test_a_wrong_data_key_is_told_from_a_changed_file(tmp_path):
    source = tmp_path / "visits.enc"
    source.write_bytes(sealed_bytes(300))
    with pytest.raises(WrongFileKeyError):
        decrypt_file(source, tmp_path / "out", RingWithAnotherDataKey())
    assert not (tmp_path / "out").exists()


def test_a_ring_without_the_key_refuses_in_its_own_words(tmp_path):
    source = tmp_path / "visits.enc"
    source.write_bytes(sealed_bytes(300))
    with pytest.raises(ForeignKeyError):
        decrypt_file(source, tmp_path / "out", LocalKeyRing.in_memory("files"))


@pytest.mark.parametrize("expected", [{}, {"table": "claims"}, {"table": "visits", "year": "2026"}])
def test_a_file_that_belongs_to_something_else_is_refused(tmp_path, expected):
    source = tmp_path / "visits.enc"
    source.write_bytes(sealed_bytes(300))
    for job in (verify_file, lambda *a, **k: decrypt_file(a[0], tmp_path / "out", a[1], **k)):
        with pytest.raises(WrongAssociatedDataError) as caught:
            job(source, one_ring(), associated_data=expected)
        assert "visits" not in str(caught.value).replace("visits.enc", "")
    assert not (tmp_path / "out").exists()


def test_the_key_is_bound_to_the_file_and_to_what_it_belongs_to(tmp_path):
    header = parse_header(sealed_bytes(300)[:HEADER_BYTES], "visits.enc")
    assert header.fixed.context() == {"table": "visits", "secure_ai_file": header.fixed.salt.hex()}
    for context in ({"table": "visits"}, {**header.fixed.context(), "table": "claims"}):
        with pytest.raises(UserError):
            one_ring().unwrap(header.wrapped, context)


def test_an_error_leaves_the_old_output_and_no_draft(tmp_path):
    source, target = tmp_path / "visits.enc", tmp_path / "visits.csv"
    source.write_bytes(sealed_bytes(300)[:-1])
    with atomic_file(target) as draft:
        draft.write_bytes(b"the old one")
    with pytest.raises(TamperedFileError):
        decrypt_file(source, target, one_ring())
    assert target.read_bytes() == b"the old one"
    assert len(list(tmp_path.iterdir())) == 2


def test_no_message_holds_plaintext_or_key(tmp_path):
    content = bytearray(sealed_bytes(300))
    content[-1] ^= 1
    error = refused(tmp_path, bytes(content))
    assert error.__cause__ is None and error.__suppress_context__ is (error.__context__ is not None)
    assert hashlib.shake_128(b"\0").digest(8).hex() not in repr(error)


def test_inspecting_says_that_nothing_was_authenticated(tmp_path):
    content = bytearray(sealed_bytes(300))
    content[-1] ^= 1
    source = tmp_path / "visits.enc"
    source.write_bytes(content)
    info = inspect_file(source)
    assert (info.plain_size, info.chunks, info.authenticated) == (300, 5, False)
    assert "nothing of it was authenticated" in info.sentence()


def headed(content: bytes, wrapped: bytes, generation: int) -> bytes:
    """Return a file with both slots written anew by somebody without a key: their SHA-256 needs none."""
    slot = (struct.pack(">QI", generation, len(wrapped)) + wrapped).ljust(BLOCK - 32, b"\0")
    return content[:BLOCK] + 2 * (slot + hashlib.sha256(slot).digest()) + content[HEADER_BYTES:]


def test_what_a_file_says_of_itself_cannot_command_a_terminal(tmp_path):
    fields = {"key": "\x1b[2Jcleared\udc80", "ring": "local\r", "version": "1\x07", "wrapped": "AAAA"}
    wrapped = json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()
    path = tmp_path / "hostile.enc"
    path.write_bytes(headed(sealed_bytes(100), wrapped, 0))
    info = inspect_file(path)
    said = info.sentence() + "".join(info.to_frame()["value"])
    assert said.isprintable() and "cleared" in said
    said.encode("utf-8")


def test_a_count_of_rotations_that_cannot_be_right_stops_a_rotation_and_harms_nothing(tmp_path):
    wrapped = parse_header(sealed_bytes(100), "x").wrapped.to_bytes()
    path = tmp_path / "worn.enc"
    path.write_bytes(headed(sealed_bytes(100), wrapped, (1 << 64) - 1))
    before = path.read_bytes()
    with pytest.raises(TamperedFileError, match="count of rotations"):
        rewrap_file(path, one_ring())
    assert path.read_bytes() == before
