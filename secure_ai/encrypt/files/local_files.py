"""Reading a file that must not change meanwhile, and writing one that appears whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from secure_ai.core.errors import UserError, system_reason
from secure_ai.core.outputs import atomic_file
from secure_ai.core.sources import shown
from secure_ai.encrypt.files.errors import ChangedWhileReadError
from secure_ai.encrypt.private_files import open_private, sync_folder

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
RESERVED_FROM = 1 << 20


def shown_name(path: str | Path) -> str:
    """Return the name of a file as messages call it."""
    return shown(Path(path).name or str(path))


class SourceFile:
    """A regular file, open for reading from its start; a context manager.

    Attributes:
        name: as messages call it.
        size: its bytes when it was opened.

    Raises:
        UserError: if it is missing, no regular file, or unreadable.
    """

    def __init__(self, path: str | Path) -> None:
        self.name = shown_name(path)
        try:
            # Asked before opening: a pipe would wait for a writer.
            mode = os.stat(path).st_mode  # noqa: PTH116
            if stat.S_ISDIR(mode):
                raise UserError(
                    f"{self.name} is a folder: name a file, or pack the folder into an archive first."
                )
            if not stat.S_ISREG(mode):
                raise UserError(f"{self.name} is a device or a pipe: save its content to a file first.")
            self._file = open(path, "rb", buffering=0)  # noqa: SIM115, PTH123
        except FileNotFoundError:
            raise UserError(f"The file {self.name} does not exist: check the path.") from None
        except (OSError, ValueError) as error:
            raise UserError(
                f"{self.name} cannot be read ({system_reason(error)}): check the path and its rights."
            ) from None
        self._turn = threading.Lock()
        self._state = self._stat()
        self.size = self._state[0]

    def __enter__(self) -> SourceFile:
        """Return the file, to be closed at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def read_into(self, buffer: memoryview, position: int) -> None:
        """Fill ``buffer`` with what stands at ``position``; several threads may.

        Raises:
            ChangedWhileReadError: if the file ends before.
        """
        filled = 0
        while filled < len(buffer):
            count = self._read(buffer[filled:], position + filled)
            if not count:
                raise self._changed()
            filled += count

    def head(self, count: int) -> bytes:
        """Return the first ``count`` bytes, fewer if the file has fewer."""
        buffer = memoryview(bytearray(min(count, self.size)))
        filled = 0
        while filled < len(buffer) and (got := self._read(buffer[filled:], filled)):
            filled += got
        return bytes(buffer[:filled])

    def check_unchanged(self) -> None:
        """Raise :class:`ChangedWhileReadError` if the file was written to since it was opened."""
        if self._stat() != self._state:
            raise self._changed()

    def _read(self, buffer: memoryview, position: int) -> int:
        try:
            if hasattr(os, "preadv"):
                return os.preadv(self._file.fileno(), [buffer], position)
            with self._turn:
                self._file.seek(position)
                return self._file.readinto(buffer)
        except OSError as error:
            raise UserError(f"{self.name} cannot be read ({system_reason(error)}): check the disk.") from None

    def _stat(self) -> tuple[int, int]:
        now = os.fstat(self._file.fileno())
        return now.st_size, now.st_mtime_ns

    def _changed(self) -> ChangedWhileReadError:
        return ChangedWhileReadError(
            f"{self.name} was written to while it was read: let the other program finish, then try again."
        )


class DraftFile:
    """A file that is being written and has not its name yet."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file, self._name, self._turn = file, name, threading.Lock()

    def write(self, data: bytes | bytearray | memoryview, position: int) -> None:
        """Write all of ``data`` at ``position``; several threads may."""
        rest = memoryview(data)
        try:
            while rest:
                count = self._write(rest, position)
                rest, position = rest[count:], position + count
        except OSError as error:
            raise not_written(self._name, error) from None

    def _write(self, data: memoryview, position: int) -> int:
        if hasattr(os, "pwrite"):
            return os.pwrite(self._file.fileno(), data, position)
        with self._turn:
            self._file.seek(position)
            return self._file.write(data)


@contextmanager
def new_file(target: Path, *, reserve: int = 0, durable: bool = False) -> Iterator[DraftFile]:
    """Yield a draft that becomes ``target`` if the block succeeds and vanishes if not; mode 0600.

    Args:
        target: what to write; an existing file is replaced.
        reserve: its size where known: a full disk is then found before anything is written.
        durable: whether to wait until the disk has it.

    Raises:
        UserError: if it cannot be written.
    """
    name = shown_name(target)
    if target.is_dir():
        raise UserError(f"The output {name} is a folder: name a file in it.")
    if target.exists() and not target.is_file():
        # A rename over /dev/null would replace it for the whole machine.
        raise UserError(
            f"The output {name} is a device or a pipe, which a file would replace: choose another."
        )
    try:
        # One block each: the file is closed before it gets its name.
        with atomic_file(target) as draft:  # noqa: SIM117
            with open_private(draft, buffering=0) as file:
                if reserve >= RESERVED_FROM:
                    _reserve(file.fileno(), reserve)
                yield DraftFile(file, name)
                if durable:
                    os.fsync(file.fileno())
        if durable:
            sync_folder(target.parent)
    except OSError as error:
        raise not_written(name, error) from None


def not_written(name: str, error: OSError) -> UserError:
    """Return the sentence for a file that cannot be written."""
    if error.errno in FULL:
        return UserError(
            f"There is no space for {name}: free some, or choose another place; nothing was left."
        )
    return UserError(
        f"{name} cannot be written ({system_reason(error)}): choose a place that you may write to."
    )


def check_different(source: str | Path, target: Path) -> None:
    """Raise :class:`UserError` if both are one file, however it is named."""
    with suppress(OSError, ValueError):
        if Path(source).samefile(target):
            raise UserError(
                f"Source and target are the same file, {shown_name(target)}: write to another name, check "
                "it, then delete the source."
            )


def _reserve(descriptor: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(descriptor, 0, size)
        except OSError as error:
            if error.errno in FULL:
                raise
