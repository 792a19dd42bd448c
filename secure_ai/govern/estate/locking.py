"""One at a time in an estate: threads and processes wait while somebody writes it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from secure_ai.core.errors import UserError

LOCK_NAME = ".estate.lock"
LOCK_SECONDS = 600.0
"""How long to wait: an erasure of a large estate takes minutes."""


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold the lock of an estate; who holds it already, in this thread, goes on.

    The lock is the operating system's: it ends with the process that holds it. Its empty file stays.

    Args:
        path: the file of the lock; its folder is made if it is not there.

    Raises:
        UserError: if somebody else holds it for longer than :data:`LOCK_SECONDS`, or it cannot be made.
    """
    from filelock import FileLock, Timeout

    path.parent.mkdir(parents=True, exist_ok=True)
    # One object per path: what is opened twice in one thread must not wait for itself.
    lock = FileLock(path.resolve(), mode=0o600, is_singleton=True)
    try:
        lock.acquire(timeout=LOCK_SECONDS)
    except Timeout:
        raise UserError(
            "Somebody else is at work in this estate (an erasure, a correction or a sweep): try again when "
            "that is done."
        ) from None
    except (OSError, NotImplementedError):
        raise UserError(
            f"The estate cannot be locked in the folder {path.parent.name}: keep it in a folder that you may "
            "write to, on a file system with locks."
        ) from None
    try:
        yield
    finally:
        lock.release()
