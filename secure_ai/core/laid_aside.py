"""Where a process lays aside what does not fit into memory: private, and gone when its owner is."""

from __future__ import annotations

import functools
import tempfile
import uuid
from pathlib import Path

_chosen: list[Path] = []


def lay_aside_in(folder: Path | None) -> None:
    """Have this process lay aside in ``folder`` what does not fit into memory; None for the temporary folder.

    For a process that may be killed: in the temporary folder records of the table would stay for good, this
    one goes with whoever owns it, and nobody else should be able to read it. Tables that are open stay as
    they are.
    """
    _chosen[:] = [] if folder is None else [Path(folder)]


def place_aside() -> Path:
    """Return a new name in that folder, for one connection; what writes there makes it."""
    # Once its owner has removed the folder, a table that is opened later must not make it again.
    folder = next((one for one in _chosen if one.is_dir()), None) or Path(_private_folder().name)
    return folder / f"aside-{uuid.uuid4().hex}"


@functools.cache
def _private_folder() -> tempfile.TemporaryDirectory:
    return tempfile.TemporaryDirectory(prefix="secure-ai-")
