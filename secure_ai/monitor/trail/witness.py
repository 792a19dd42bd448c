"""The witness: signed checkpoints in a file kept elsewhere, so that a trail that was cut short is found out.

One JSON line for each checkpoint, appended and confirmed by the disk. Keep it where whoever can write the
trail cannot: another machine, another account, a medium that can only be appended to. What was recorded after
the last line may be cut off without a trace by one who puts back an older copy of the whole trail.
"""

from __future__ import annotations

import errno
import json
import os
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from secure_ai.core.errors import UserError, system_reason
from secure_ai.core.sources import shown
from secure_ai.monitor.trail.signatures import Checkpoint

TAIL = 8_192
LOCK_SECONDS = 5.0
MOST_LINE = 4_096
_START = b'{"log_id": "'  # of every line


class Witness:
    """The file of a witness.

    Args:
        path: the file; made when the first checkpoint comes, of mode 0600.
        log_id: of the trail that it belongs to.
    """

    def __init__(self, path: Path, log_id: str) -> None:
        self.path, self.name, self.log_id = path, shown(path.name), log_id

    def last(self) -> Checkpoint | None:
        """Return the last checkpoint witnessed, None if there is none.

        Raises:
            UserError: if the file cannot be read, or belongs to another trail.
        """
        try:
            with _opened_to_read(self.path) as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL))
                lines = file.read().splitlines()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._error(error, "read") from None
        for line in reversed(lines):
            log_id, checkpoint = parse_line(line)
            if checkpoint is not None:
                if log_id != self.log_id:
                    raise UserError(
                        f"The witness {self.name} belongs to another audit trail: name the one of this trail."
                    )
                return checkpoint
        return None

    def check_writable(self) -> None:
        """Make the file if it is not there.

        Raises:
            UserError: if it cannot be made or written.
        """
        try:
            os.close(self._open())
            with _opened_to_read(self.path) as file:
                start = file.read(len(_START))
        except OSError as error:
            raise self._error(error, "written") from None
        if not _START.startswith(start):
            raise UserError(
                f"{self.name} holds something else than a witness: name another file; it stays as it is."
            )

    def catch_up(self, newer_than: Iterable[Checkpoint]) -> int:
        """Append those checkpoints that are not there yet; return the number of the last.

        Raises:
            UserError: if they cannot be written.
        """
        try:
            descriptor = self._open()
            try:
                with _locked(descriptor):
                    last = self.last()
                    number = last.number if last else 0
                    missing = [checkpoint for checkpoint in newer_than if checkpoint.number > number]
                    if missing:
                        start = b"" if self._ends_with_a_line() else b"\n"
                        _write_all(descriptor, start + b"".join(map(self._line, missing)))
                        os.fsync(descriptor)
                        number = missing[-1].number
                    return number
            finally:
                os.close(descriptor)
        except OSError as error:
            raise self._error(error, "written") from None

    def _line(self, checkpoint: Checkpoint) -> bytes:
        fields = {
            "log_id": self.log_id,
            "checkpoint": checkpoint.number,
            "sequence": checkpoint.sequence,
            "hash": checkpoint.hash.hex(),
            "previous": checkpoint.previous.hex(),
            "time": checkpoint.time,
            "signature": checkpoint.signature.hex(),
        }
        return json.dumps(fields).encode("ascii") + b"\n"

    def _open(self) -> int:
        # Without O_NONBLOCK a pipe that nobody reads would hold every writer up.
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NONBLOCK", 0)
        descriptor = os.open(self.path, flags, 0o600)
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            return descriptor
        os.close(descriptor)
        raise OSError(errno.EINVAL, "no file")

    def _ends_with_a_line(self) -> bool:
        with _opened_to_read(self.path) as file:
            if not file.seek(0, os.SEEK_END):
                return True
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b"\n"

    def _error(self, error: OSError, what: str) -> UserError:
        return UserError(
            f"The witness {self.name} cannot be {what} ({system_reason(error)}): check its place and rights."
        )


def _opened_to_read(path: Path) -> BinaryIO:
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    raise OSError(errno.EINVAL, "no file")


def parse_line(line: bytes) -> tuple[str, Checkpoint | None]:
    """Return the trail and checkpoint of a line; ``("", None)`` where it is none."""
    try:
        fields = json.loads(line)
        checkpoint = Checkpoint(
            fields["checkpoint"], fields["sequence"], bytes.fromhex(fields["hash"]),
            bytes.fromhex(fields["previous"]), fields["time"], bytes.fromhex(fields["signature"]),
        )  # fmt: skip
        right = type(checkpoint.number) is int and type(checkpoint.sequence) is int
        right = right and all(type(fields[name]) is str for name in ("time", "log_id"))
        right = right and len(fields) == 7
        return (fields["log_id"], checkpoint) if right else ("", None)
    except (ValueError, KeyError, TypeError, RecursionError):
        return "", None


def witness_lines(path: Path, end: int | None = None) -> Iterator[tuple[int, bytes]]:
    """Return the lines with their numbers, up to the byte ``end``, without what a writer left half-written.

    Raises:
        UserError: if the file cannot be read.
    """
    try:
        with _opened_to_read(path) as file:
            position, held = 0, None
            for number, line in enumerate(iter(lambda: file.readline(MOST_LINE), b""), start=1):
                position += len(line)
                if end is not None and position > end:
                    break
                text = line.rstrip(b"\n")
                # A writer that was killed leaves the start of a line; the next one writes it again.
                if held is not None and not (held[1] and text.startswith(held[1])):
                    yield held
                held = (number, text)
            if held is not None and (held[1] or number == 1):
                yield held
    except OSError as error:
        raise UserError(
            f"The witness {shown(path.name)} cannot be read ({system_reason(error)}): check the path."
        ) from None


def witness_size(path: Path) -> int:
    """Return how many bytes the witness has now.

    Raises:
        UserError: if it is not there.
    """
    try:
        return path.stat().st_size
    except OSError as error:
        raise UserError(
            f"The witness {shown(path.name)} cannot be read ({system_reason(error)}): check the path."
        ) from None


@contextmanager
def _locked(descriptor: int) -> Iterator[None]:
    """Keep others from writing, where the system can; where not, a line may stand there twice."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.002)
    try:
        yield
    finally:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)


def _write_all(descriptor: int, content: bytes) -> None:
    while content:
        content = content[os.write(descriptor, content) :]
