"""Open the solution of a lab to the whole room, and close it again."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path

from secure_ai.core.errors import UserError, system_reason
from secure_ai.core.outputs import atomic_file
from secure_ai.learn.builder import build_lab
from secure_ai.learn.labs import find_lab
from secure_ai.learn.notebook import read_notebook
from secure_ai.project import project_root
from secure_ai.workshop.hub.room import Room

TEXTS = "solutions.json"  # what ``lab.NAME.solution()`` reads in a seat
_LOCK = "release.lock"


def released(room: Room) -> list[str]:
    """Return the labs whose solutions are open, in order."""
    return sorted(path.stem for path in room.solutions.glob("*.ipynb") if path.name[0] != ".")


def release(room: Room, lab: str, root: Path | None = None) -> str:
    """Open a lab's solution: the notebook for all to read, and what ``lab.NAME.solution()`` shows.

    Args:
        room: the room.
        lab: ``03`` or ``03_data_inventory``.
        root: folder of the kit.

    Returns:
        A sentence for the instructor.

    Raises:
        UserError: if there is no such lab, its solution is damaged, or the folder cannot be written.
    """
    root = root or project_root()
    key = find_lab(root, lab)
    source = root / "solutions" / f"{key}.ipynb"
    read_notebook(source)  # a damaged one is refused before anything is opened
    with _alone(room):
        before = key in released(room)
        _write(room.solutions / source.name, source.read_bytes())
        _write_texts(room, root)
    if before:
        return f"The solution of {key} was open already; it is as in this release of the kit."
    return f"The solution of {key} is open to every seat, in the folder solutions and by solution()."


def undo(room: Room, lab: str, root: Path | None = None) -> str:
    """Close a lab's solution again; who has read it, or copied it, has it.

    Raises:
        UserError: as ``release``.
    """
    root = root or project_root()
    key = find_lab(root, lab)
    with _alone(room):
        if key not in released(room):
            return f"The solution of {key} was not open."
        _write_texts(room, root, without=key)
        (room.solutions / f"{key}.ipynb").unlink()
    return f"The solution of {key} is closed again; who has read or copied it still has it."


def _write_texts(room: Room, root: Path, without: str = "") -> None:
    """Write the texts of what is open, taken from the solutions: so a damaged file mends itself."""
    opened = [key for key in released(room) if key != without]
    texts = {}
    for key in opened:
        with contextlib.suppress(UserError):  # opened by an earlier release, and gone in this one
            texts[key] = build_lab(read_notebook(root / "solutions" / f"{key}.ipynb"), key)[1]
    text = json.dumps(texts, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    _write(room.solutions / TEXTS, text.encode("utf-8"))


def _write(path: Path, data: bytes) -> None:
    with atomic_file(path) as draft:
        draft.write_bytes(data)
        draft.chmod(0o644)


@contextlib.contextmanager
def _alone(room: Room) -> Iterator[None]:
    """Keep two releases from writing at once, and have the folder readable by every seat."""
    try:
        room.private.mkdir(parents=True, exist_ok=True, mode=0o700)
        room.solutions.mkdir(parents=True, exist_ok=True)
        for folder in (room.shared, room.solutions):
            folder.chmod(0o755)
        number = os.open(room.private / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise UserError(
            f"The room's folder cannot be written ({system_reason(error)}): be the user who opened it."
        ) from None
    try:
        fcntl.flock(number, fcntl.LOCK_EX)
        yield
    finally:
        os.close(number)
