"""The embedded server's own log, reduced to what may be kept: state and role of each line, never its message.

PostgreSQL repeats in some messages what a client typed ("invalid input syntax for type integer: ..."), and no
setting logs an error without its message. So the log is a pipe into this process, and no file.
"""

from __future__ import annotations

import os
import re
import select
import threading
from collections import Counter
from contextlib import suppress
from pathlib import Path

# The server indents what follows a line break in a message, so that no message can pass for a line.
_LINE = re.compile(rb"([0-9A-Z]{5}) (\S+) ")
_LONGEST_REST = 1 << 16


class ServerLog:
    """A named pipe that a server writes its log to, and the count of its lines.

    Args:
        path: where the pipe is made; the server opens it like a file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        os.mkfifo(path, 0o600)
        # Open for writing, too: the server's starter would otherwise wait, and without it the pipe would end.
        self._pipe = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        self._rest = b""
        self._counts: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()
        self._closed = False
        self._reader = threading.Thread(target=self._follow, name="postgresql-log", daemon=True)
        self._reader.start()

    def counts(self) -> Counter[tuple[str, str]]:
        """Return how many lines were logged, by SQLSTATE and role.

        The server logs an error before it tells the client: what a client has been refused is counted.
        """
        with self._lock:
            if not self._closed:
                self._drain()
            return Counter(self._counts)

    def close(self) -> None:
        """Stop reading; the counts stay."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        with suppress(BlockingIOError):  # A full pipe has woken the reader already.
            os.write(self._pipe, b"\n")
        self._reader.join()
        os.close(self._pipe)

    def _follow(self) -> None:
        while True:
            select.select([self._pipe], [], [])
            with self._lock:
                if self._closed:
                    return
                self._drain()

    def _drain(self) -> None:
        while True:
            try:
                read = os.read(self._pipe, 1 << 16)
            except BlockingIOError:
                return
            *lines, rest = (self._rest + read).split(b"\n")
            # The beginning of a line is all that is looked at.
            self._rest = rest[:_LONGEST_REST]
            for line in lines:
                found = _LINE.match(line)
                if found:
                    self._counts[found[1].decode(), found[2].decode("utf-8", "replace")] += 1
