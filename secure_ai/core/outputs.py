"""Outputs appear whole or not at all: written beside the target, then renamed over it."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from secure_ai.core.errors import UserError, system_reason


@contextmanager
def atomic_file(target: Path) -> Iterator[Path]:
    """Yield a path to write; rename it over ``target`` if the block succeeds, delete it if not.

    Raises:
        UserError: if ``target`` is a folder, device or pipe, or its folder cannot be created or written.
    """
    # A rename would put a file in the place of /dev/null, for everybody on the machine.
    if _is_other_than_a_file(target):
        raise UserError(f"The output {target} is no file (a folder, device or pipe): choose another name.")
    with _staging_beside(target) as staging:
        draft = staging / target.name
        yield draft
        draft.replace(target)


@contextmanager
def atomic_directory(target: Path) -> Iterator[Path]:
    """Yield a folder to fill; it becomes ``target`` if the block succeeds and vanishes if not.

    A previous ``target`` folder is replaced as a whole; a file of that name is an error.

    Raises:
        UserError: if ``target`` is a file, or its parent cannot be created or written.
    """
    if target.exists() and not target.is_dir():
        raise UserError(f"The output folder {target} is a file: choose another --out.")
    with _staging_beside(target) as staging:
        draft = staging / "new"
        draft.mkdir()
        yield draft
        if target.exists():
            target.rename(staging / "old")
        draft.rename(target)


def write_json(target: str | Path, content: Any) -> Path:
    """Write plain values as indented JSON in place of a previous file; return its path.

    Raises:
        UserError: if it cannot be written.
    """
    path = Path(target)
    with atomic_file(path) as draft:
        draft.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return path


def _is_other_than_a_file(path: Path) -> bool:
    try:
        return path.exists() and not path.is_file()
    except OSError:
        return False  # The attempt to write says why.


@contextmanager
def _staging_beside(target: Path) -> Iterator[Path]:
    # Beside the target, because a rename is atomic only within one file system.
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".partial", dir=target.parent))
    except (OSError, ValueError) as error:
        raise UserError(
            f"Cannot write {target} ({system_reason(error)}): choose an output place that you may write to."
        ) from None
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)
