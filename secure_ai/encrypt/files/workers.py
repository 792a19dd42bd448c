"""Two workers for the chunks of one file: one reads or writes while the other encrypts.

The library lets other threads run while it encrypts, and so does the system while it reads and writes. Where
a second core is free, this nearly doubles the rate; where none is, it costs nothing that could be measured.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from secure_ai.encrypt.files.chunks import number_of_chunks
from secure_ai.encrypt.files.header import TAG_BYTES

WORKERS = 2
"""More do not write faster: the system lets one at a time write to a file."""

WORTHWHILE_CHUNK = 1 << 16
"""Smaller chunks are done sooner than threads take turns."""

Work = Callable[[int, bool, memoryview, memoryview], None]


def for_each_chunk(plain_size: int, chunk_size: int, work: Work) -> None:
    """Call ``work(number, last, plain, sealed)`` once for each chunk, with buffers of its two lengths.

    Raises:
        BaseException: what ``work`` raised for the first chunk that failed; all workers have ended then.
    """
    chunks = number_of_chunks(plain_size, chunk_size)
    numbers, lock = iter(range(chunks)), threading.Lock()
    failures: list[tuple[int, BaseException]] = []
    stopped = threading.Event()

    def run() -> None:
        longest = min(chunk_size, plain_size)
        plain, sealed = memoryview(bytearray(longest)), memoryview(bytearray(longest + TAG_BYTES))
        while not stopped.is_set():
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            last = number == chunks - 1
            length = plain_size - number * chunk_size if last else chunk_size
            try:
                work(number, last, plain[:length], sealed[: length + TAG_BYTES])
            except BaseException as error:
                # Chunks are handed out in order and those at work finish: the first failure is among them.
                failures.append((number, error))
                stopped.set()

    helpers = [threading.Thread(target=run, daemon=True) for _ in range(_workers(chunks, chunk_size) - 1)]
    for helper in helpers:
        helper.start()
    try:
        run()
        for helper in helpers:
            helper.join()
    finally:
        # Ctrl-C comes to this thread alone: nobody may write to a file that is being given up.
        stopped.set()
        for helper in helpers:
            helper.join()
    if failures:
        raise min(failures, key=lambda failure: failure[0])[1]


def _workers(chunks: int, chunk_size: int) -> int:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(WORKERS, cores, chunks) if chunk_size >= WORTHWHILE_CHUNK else 1
