"""Claims about the workers: every chunk once, the first failure told, nobody works on after the end."""

from __future__ import annotations

import os
import threading

import pytest

from secure_ai.encrypt.files import TamperedFileError, decrypt_file, encrypt_file, verify_file, workers
from secure_ai.encrypt.files.header import HEADER_BYTES

CHUNK = workers.WORTHWHILE_CHUNK
SEALED = CHUNK + 16


@pytest.fixture(params=[1, 2, 4])
def number_of_workers(request, monkeypatch):
    """Files are worked on by 1, 2 and 4 threads, whatever the machine has."""
    monkeypatch.setattr(workers, "_workers", lambda chunks, chunk_size: min(request.param, chunks))
    return request.param


def test_each_chunk_is_worked_on_once(number_of_workers):
    seen = []
    workers.for_each_chunk(20 * CHUNK + 5, CHUNK, lambda *work: seen.append((*work[:2], len(work[2]))))
    assert sorted(seen) == [(n, n == 20, 5 if n == 20 else CHUNK) for n in range(21)]


def test_files_of_many_chunks_come_back(number_of_workers, tmp_path, ring):
    source, sealed, back = tmp_path / "a", tmp_path / "b", tmp_path / "c"
    source.write_bytes(os.urandom(20 * CHUNK + 5))
    encrypt_file(source, sealed, ring, "files", chunk_size=CHUNK)
    decrypt_file(sealed, back, ring)
    assert back.read_bytes() == source.read_bytes()


def test_of_several_changed_chunks_the_first_is_named(number_of_workers, tmp_path, ring):
    source, sealed = tmp_path / "a", tmp_path / "b"
    source.write_bytes(bytes(20 * CHUNK))
    encrypt_file(source, sealed, ring, "files", chunk_size=CHUNK)
    content = bytearray(sealed.read_bytes())
    for chunk in (7, 8, 9, 15):
        content[HEADER_BYTES + chunk * SEALED] ^= 1
    sealed.write_bytes(content)
    for _ in range(5):
        with pytest.raises(TamperedFileError, match="Chunk 8 of 20"):
            verify_file(sealed, ring)


@pytest.mark.parametrize("kind", [KeyboardInterrupt, OSError])
def test_after_a_failure_no_worker_goes_on(number_of_workers, kind):
    before, calls = threading.active_count(), []

    def work(number, *_):
        calls.append(number)
        if number == 3:
            raise kind

    with pytest.raises(kind):
        workers.for_each_chunk(1000 * CHUNK, CHUNK, work)
    assert threading.active_count() == before
    assert len(calls) < 1000


def test_small_files_and_small_chunks_need_no_second_thread():
    assert workers._workers(1, CHUNK) == 1
    assert workers._workers(100, CHUNK - 1) == 1
    assert workers._workers(100, CHUNK) <= workers.WORKERS
