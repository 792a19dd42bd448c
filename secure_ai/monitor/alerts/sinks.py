"""Where alerts go: what every sink has in common, the console, and a file of JSON lines."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol, TextIO, TypeVar, runtime_checkable

from secure_ai.core.errors import UserError, system_reason
from secure_ai.monitor.alerts.message import Message
from secure_ai.monitor.detection.result import SEVERITIES, Severity

Result = TypeVar("Result")


class SinkError(UserError):
    """A message could not be delivered now; it is tried again."""


class SinkRefused(SinkError):
    """The other side does not want this message; tried a few times more, then set aside and said."""


@runtime_checkable
class Sink(Protocol):
    """Delivers messages: ``send`` returns once the other side has it, and raises if it has not.

    Attributes:
        name: one word, the same from run to run: what waits for a sink is kept under its name.
    """

    name: str

    def send(self, message: Message) -> None: ...


class Audience:
    """Which messages a sink wants: those of a severity or above, and to some roles (none named: all)."""

    def __init__(self, sink: Any) -> None:
        self._least = SEVERITIES.index(getattr(sink, "at_least", "low"))
        self._roles = frozenset(getattr(sink, "roles", ()))

    def wants(self, severity: Severity, role: str) -> bool:
        """Say whether a message is for this sink."""
        return SEVERITIES.index(severity) >= self._least and (not self._roles or role in self._roles)


class ConsoleSink:
    """Prints one line a message.

    Args:
        name: of the sink.
        at_least: the lowest severity that it wants.
        roles: the roles whose messages it wants; none named: all.
        stream: where to; None for standard output.
    """

    def __init__(
        self,
        name: str = "console",
        *,
        at_least: Severity = "low",
        roles: Collection[str] = (),
        stream: TextIO | None = None,
    ) -> None:
        self.name, self.at_least, self.roles, self._stream = name, at_least, tuple(roles), stream

    def send(self, message: Message) -> None:
        """Print the message."""
        print(message.line(), file=self._stream or sys.stdout, flush=True)


class FileSink:
    """Appends one line of JSON a message to a file that its owner alone reads, on the disk before it returns.

    Args:
        path: the file.
        name: of the sink.
        at_least: the lowest severity that it wants.
        roles: the roles whose messages it wants; none named: all.
        rotate_bytes: size at which a new file is begun; None never. The old ones get the endings .1, .2 ...
        keep: how many old files stay.
    """

    def __init__(
        self,
        path: str | Path,
        name: str = "file",
        *,
        at_least: Severity = "low",
        roles: Collection[str] = (),
        rotate_bytes: int | None = None,
        keep: int = 5,
    ) -> None:
        self.name, self.at_least, self.roles = name, at_least, tuple(roles)
        self._path, self._rotate_bytes, self._keep = Path(path), rotate_bytes, keep

    def send(self, message: Message) -> None:
        """Append the message, whole or not at all.

        Raises:
            SinkError: if the file cannot be written.
        """
        line = message.text.encode("ascii") + b"\n"
        try:
            self._rotate(len(line))
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                self._append(handle, line)
            finally:
                os.close(handle)
        except (OSError, ValueError) as error:
            raise SinkError(f"the file cannot be written ({system_reason(error)})") from None

    @staticmethod
    def _append(handle: int, line: bytes) -> None:
        size = os.fstat(handle).st_size
        if size and os.pread(handle, 1, size - 1) != b"\n":
            line = b"\n" + line  # A program that was killed left half a line.
        try:
            left = line
            while left:
                left = left[os.write(handle, left) :]
            os.fsync(handle)
        except OSError:
            with suppress(OSError):
                os.ftruncate(handle, size)
            raise

    def _rotate(self, more: int) -> None:
        if self._rotate_bytes is None or not self._path.is_file():
            return
        size = self._path.stat().st_size
        if not size or size + more <= self._rotate_bytes:
            return
        for number in range(self._keep, 0, -1):
            older = self._path if number == 1 else self._numbered(number - 1)
            if older.exists():
                older.replace(self._numbered(number))
        if not self._keep:
            self._path.unlink()

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")


def within(seconds: float, work: Callable[[], Result]) -> Result:
    """Return what ``work`` returns, if it does so in time.

    A server that sends a byte now and then meets the limit of each read, so the whole has a limit, too.

    Raises:
        SinkError: if it takes longer; the work goes on unseen, and what it does is not waited for.
    """
    done: list[Result] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            done.append(work())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run, name="alert delivery", daemon=True)
    thread.start()
    thread.join(seconds)
    if failed:
        raise failed[0]
    if not done:
        raise SinkError(f"no answer within {seconds:g} seconds")
    return done[0]
