"""Files that only their owner reads, from the first byte on."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO


def open_private(path: str | Path, buffering: int = -1) -> BinaryIO:
    """Make a file of mode 0600, whatever the umask, and open it for writing.

    Raises:
        FileExistsError: if something of this name is there, a link included.
        OSError: if it cannot be made.
    """
    return open(path, "xb", buffering=buffering, opener=_private)


def write_new_private(path: Path, content: bytes) -> None:
    """Write a new private file and have the disk confirm it; one that could not be written is removed.

    Raises:
        FileExistsError: if something of this name is there; it stays as it is.
        OSError: if the file cannot be written.
    """
    file = open_private(path)
    try:
        with file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        with suppress(OSError):
            path.unlink()
        raise


def sync_folder(folder: Path) -> None:
    """Have the disk confirm which files a folder holds, where the system can."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
