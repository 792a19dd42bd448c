"""Claims about streams: pieces of any size, any place, and no file from a writer that did not finish."""

from __future__ import annotations

import contextlib
import gc
import io
import os

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secure_ai.core import UserError
from secure_ai.encrypt.files import (
    TamperedFileError,
    TruncatedFileError,
    create_encrypted,
    decrypt_file,
    encrypt_file,
    local_files,
    open_encrypted,
)
from secure_ai.encrypt.files.header import HEADER_BYTES
from secure_ai.encrypt.key_rings.local import LocalKeyRing

several = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
RING = LocalKeyRing.in_memory("files")


@several
@given(pieces=st.lists(st.binary(max_size=200)), chunk_size=st.integers(16, 300))
def test_pieces_of_any_size_are_read_back_as_one_file(tmp_path, pieces, chunk_size):
    target = tmp_path / "v.enc"
    with create_encrypted(target, RING, "files", chunk_size=chunk_size) as writer:
        for piece in pieces:
            assert writer.write(piece) == len(piece)
        assert writer.tell() == sum(map(len, pieces))
    with open_encrypted(target, RING) as reader:
        assert reader.read() == b"".join(pieces)
    decrypt_file(target, tmp_path / "back", RING)
    assert (tmp_path / "back").read_bytes() == b"".join(pieces)


@several
@given(
    content=st.binary(max_size=1000),
    places=st.lists(st.tuples(st.integers(0, 1100), st.integers(0, 300))),
    chunk_size=st.integers(16, 300),
)
def test_any_place_is_read_as_from_a_plain_file(tmp_path, content, places, chunk_size):
    source, target = tmp_path / "a", tmp_path / "b"
    source.write_bytes(content)
    encrypt_file(source, target, RING, "files", chunk_size=chunk_size)
    with open_encrypted(target, RING) as reader, io.BytesIO(content) as expected:
        for position, count in places:
            assert reader.seek(position) == expected.seek(position)
            assert reader.read(count) == expected.read(count)
        assert reader.seek(0, os.SEEK_END) == len(content)


def test_tables_go_through_pandas_and_text_wrappers(tmp_path, ring):
    table = pd.DataFrame({"ward": ["A", "B"], "beds": [3, 4]})
    with create_encrypted(tmp_path / "t.enc", ring, "files") as writer:
        table.to_csv(writer, index=False)
    with open_encrypted(tmp_path / "t.enc", ring) as reader:
        pd.testing.assert_frame_equal(pd.read_csv(reader), table)
    with create_encrypted(tmp_path / "p.enc", ring, "files", chunk_size=100) as writer:
        table.to_parquet(writer)
    with open_encrypted(tmp_path / "p.enc", ring) as reader:
        pd.testing.assert_frame_equal(pd.read_parquet(reader), table)
    with create_encrypted(tmp_path / "w.enc", ring, "files") as raw, io.TextIOWrapper(raw, "utf-8") as text:
        text.write("ward\n")
    with open_encrypted(tmp_path / "w.enc", ring) as reader:
        assert reader.read() == b"ward\n"


def abandoned(target):
    writer = create_encrypted(target, RING, "files", chunk_size=64)
    writer.write(bytes(1000))
    return writer


def fails_in_its_block(target):
    with abandoned(target):
        raise KeyboardInterrupt


def fails_in_a_text_wrapper(target):
    with abandoned(target) as raw, io.TextIOWrapper(raw) as text:
        text.write("half of it")
        raise KeyboardInterrupt


ENDINGS = {
    "forgotten": lambda target: [abandoned(target)].clear(),
    "forgotten in a text wrapper": lambda target: [io.TextIOWrapper(abandoned(target))].clear(),
    "closed": lambda target: abandoned(target).close(),
    "stopped": fails_in_its_block,
    "stopped in a text wrapper": fails_in_a_text_wrapper,
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_writer_that_did_not_finish_leaves_the_old_file_and_no_draft(tmp_path, ending):
    target = tmp_path / "v.enc"
    target.write_bytes(b"old")
    with contextlib.suppress(KeyboardInterrupt):
        ENDINGS[ending](target)
    gc.collect()
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_closed_writer_cannot_be_finished_or_written_to(tmp_path, ring):
    writer = create_encrypted(tmp_path / "v.enc", ring, "files")
    writer.close()
    with pytest.raises(UserError, match="closed before it was finished"):
        writer.finish()
    with pytest.raises(ValueError, match="closed"):
        writer.write(b"x")


def test_finish_without_a_block_makes_the_file(tmp_path, ring):
    writer = create_encrypted(tmp_path / "v.enc", ring, "files", durable=True)
    writer.write(b"ward")
    writer.finish()
    with open_encrypted(tmp_path / "v.enc", ring) as reader:
        assert reader.read() == b"ward"


def test_a_disk_that_fills_up_ends_the_writer_in_one_sentence(tmp_path, ring, monkeypatch):
    with pytest.raises(UserError, match="no space"), create_encrypted(
        tmp_path / "v.enc", ring, "files", chunk_size=64
    ) as writer:  # fmt: skip
        writer.write(bytes(100))

        def full(self, data, position):
            raise local_files.not_written(self._name, OSError(28, "full"))

        monkeypatch.setattr(local_files.DraftFile, "write", full)
        writer.write(bytes(100))
    assert list(tmp_path.iterdir()) == []


def test_a_target_that_cannot_be_written_is_one_sentence(tmp_path, ring):
    for bad in (tmp_path, tmp_path / "v.enc" / "x"):
        (tmp_path / "v.enc").touch()
        with pytest.raises(UserError):
            create_encrypted(bad, ring, "files")


def test_a_cut_file_is_refused_before_any_of_it_is_read(tmp_path, ring, plain):
    target = tmp_path / "v.enc"
    encrypt_file(plain, target, ring, "files", chunk_size=64)
    os.truncate(target, HEADER_BYTES + 5 * 80)
    with pytest.raises(TruncatedFileError):
        open_encrypted(target, ring)


def test_a_changed_chunk_is_found_when_it_is_read_and_not_returned(tmp_path, ring, plain):
    target = tmp_path / "v.enc"
    encrypt_file(plain, target, ring, "files", chunk_size=64)
    content = bytearray(target.read_bytes())
    content[HEADER_BYTES + 5 * 80] ^= 1
    target.write_bytes(content)
    with open_encrypted(target, ring) as reader:
        assert len(reader.read(5 * 64)) == 5 * 64
        for _ in range(2):
            with pytest.raises(TamperedFileError, match="Chunk 6"):
                reader.read(64)
