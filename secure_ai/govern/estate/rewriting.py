"""Files written anew without what must go: the old content is overwritten before it is let go."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from secure_ai.core.outputs import atomic_file

_ZEROS = bytes(1 << 20)


@contextmanager
def rewriting(path: Path, *, keep_date: bool = False) -> Iterator[Path]:
    """Yield a path to write; it takes the place of the file, whose old bytes are overwritten with zeros.

    On storage that writes elsewhere than it is told (flash, copy-on-write, journals) overwriting reaches the
    file, not every copy of its blocks: encrypt the disk besides.

    Args:
        path: the file.
        keep_date: leave the time of its last change as it was, where that is the date of the record.
    """
    before = path.stat()
    with path.open("r+b") as old:
        with atomic_file(path) as draft:
            yield draft
            draft.chmod(before.st_mode & 0o777)
            if keep_date:
                os.utime(draft, ns=(before.st_atime_ns, before.st_mtime_ns))
            with draft.open("rb") as written:
                os.fsync(written.fileno())
        _overwrite(old)


def wipe(path: Path) -> None:
    """Overwrite a file with zeros and delete it."""
    with path.open("r+b") as file:
        _overwrite(file)
    path.unlink()


def _overwrite(file: object) -> None:
    left = os.fstat(file.fileno()).st_size
    file.seek(0)
    while left > 0:
        left -= file.write(_ZEROS[: min(left, len(_ZEROS))])
    file.flush()
    os.fsync(file.fileno())
