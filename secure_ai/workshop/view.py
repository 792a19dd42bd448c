"""What seats see of the kit: a copy without solutions, tests and what is the instructor's."""

from __future__ import annotations

import compileall
import os
import shutil
import stat
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from secure_ai.core.errors import UserError, system_reason
from secure_ai.workshop.environment import FOLDER as HUB_FOLDER
from secure_ai.workshop.hub.room import Room, Seat

KIT_FOLDER = ".venv"
# What a learner's code needs. Everything else of the kit stays away, whatever a later release adds.
PACKAGES = ("secure_ai", "synthetic_data")
FILES = ("pyproject.toml", "requirements.lock", "GLOSSARY.md", "LICENSE", "LICENSE-lessons")
FOLDERS = ("notebooks/assessments",)
NEVER = ("solutions.json",)
ALWAYS_COVERED = ("/root",)
OTHERS_PASS = stat.S_IXOTH


def copy_kit(root: Path, room: Room, shelf: Mapping[str, bytes] | None = None) -> Path:
    """Make the copy of the kit that seats see, in place of an earlier one; return its folder.

    Args:
        root: folder of the kit.
        room: whose copy.
        shelf: labs and lessons by path, as learners get them; those of the kit may hold answers by now.

    Raises:
        UserError: if it cannot be written.
    """
    draft, old = room.folder / "kit.new", room.folder / "kit.old"
    try:
        for folder in (draft, old):
            shutil.rmtree(folder, ignore_errors=True)
        draft.mkdir(parents=True)
        for name in PACKAGES:
            # With what is compiled: seats cannot write there, and would compile every module again.
            shutil.copytree(root / name, draft / name, ignore=shutil.ignore_patterns(*NEVER), symlinks=False)
        for name in FOLDERS:
            if (root / name).is_dir():
                unwanted = shutil.ignore_patterns(".ipynb_checkpoints", "__pycache__")
                shutil.copytree(root / name, draft / name, ignore=unwanted)
        for name in FILES:
            if (root / name).is_file():
                shutil.copy2(root / name, draft / name)
        for name, data in (shelf or {}).items():
            (draft / name).parent.mkdir(parents=True, exist_ok=True)
            (draft / name).write_bytes(data)
        for name in (KIT_FOLDER, HUB_FOLDER):
            (draft / name).mkdir()
        _compile(draft, root)
        _readable(draft)
        if room.kit.exists():
            room.kit.rename(old)
        draft.rename(room.kit)
        shutil.rmtree(old, ignore_errors=True)
    except (OSError, shutil.Error) as error:
        reason = system_reason(error) if isinstance(error, OSError) and error.errno else "a file was refused"
        raise UserError(f"The copy of the kit for the seats cannot be made ({reason}).") from None
    return room.kit


def _compile(draft: Path, root: Path) -> None:
    for name in PACKAGES:
        # The paths in tracebacks are those that seats see.
        compileall.compile_dir(
            draft / name, quiet=2, stripdir=str(draft), prependdir=str(root), workers=1, maxlevels=20
        )


def _readable(folder: Path) -> None:
    """Let everybody read, and nobody write but the owner, whatever the checkout's modes are."""
    for place, _, files in os.walk(folder):
        Path(place).chmod(0o755)
        for name in files:
            (Path(place) / name).chmod(0o644)


def write_accounts(room: Room, seats: Iterable[Seat], system: Path = Path("/etc")) -> None:
    """Write the lists of users and groups that seats see: the system's, and the seats under their names.

    Programs such as PostgreSQL and SSH refuse a user whom the system does not know. Who comes late is added
    to the same files, for a running room shows these and no others.

    Raises:
        UserError: if they cannot be written.
    """
    seats = list(seats)
    lines = {
        "passwd": [f"{seat.name}:x:{seat.uid}:{seat.uid}::{_home_of(room, seat)}:/bin/sh" for seat in seats],
        "group": [f"{seat.name}:x:{seat.uid}:" for seat in seats],
    }
    try:
        room.accounts.mkdir(parents=True, exist_ok=True)
        room.accounts.chmod(0o755)
        for name, added in lines.items():
            known = (system / name).read_text(encoding="utf-8", errors="surrogateescape").splitlines()
            text = "\n".join([*known, *added, ""]).encode("utf-8", "surrogateescape")
            path = room.accounts / name
            before = path.read_bytes() if path.is_file() else b""
            if text.startswith(before):  # added to, so that nobody who reads finds the file empty
                with path.open("ab") as file:
                    file.write(text[len(before) :])
            else:
                path.write_bytes(text)
            path.chmod(0o644)
    except OSError as error:
        raise UserError(f"The list of the seats' users cannot be written ({system_reason(error)}).") from None


def _home_of(room: Room, seat: Seat) -> str:
    home = str(room.home(seat.name))
    return "/" if set(home) & set(":\n\r") else home


def plan(root: Path, room: Room, also: Iterable[str | Path] = ()) -> dict[str, object]:
    """Return how the file system of the seats is arranged, for :mod:`secure_ai.workshop.inside`.

    Args:
        root: folder of the kit.
        room: with its copy made.
        also: further folders that seats need, as the one of the system's Node.js.
    """
    root = root.resolve()
    # Where the interpreter's files are, and where the link in the environment leads: mostly one folder.
    interpreters = [Path(sys.base_prefix).resolve(), Path(sys.executable).resolve().parents[1]]
    keep = [str(path) for path in dict.fromkeys([*interpreters, room.folder.resolve(), *map(Path, also)])]
    covers = {path for path in ALWAYS_COVERED if Path(path).is_dir()}
    covers |= {str(found) for path in (*keep, str(root)) if (found := closed_above(Path(path))) is not None}
    outermost = [one for one in sorted(covers) if not any(_below(one, other) for other in covers)]
    return {
        "copy": str(room.kit.resolve()),
        "kit": str(root),
        "inside": [
            [str(root / name), str(room.kit.resolve() / name)]
            for name in (KIT_FOLDER, HUB_FOLDER)
            if (root / name).is_dir()
        ],
        "accounts": [
            [str(path), f"/etc/{path.name}"]
            for name in ("passwd", "group")
            if (path := room.accounts.resolve() / name).is_file() and Path("/etc", name).is_file()
        ],
        "covers": outermost,
        "keep": keep,
    }


def closed_above(path: Path) -> Path | None:
    """Return the outermost folder above ``path`` that other users may not pass; None if they may pass all."""
    for folder in list(reversed(path.parents))[1:]:
        try:
            if not folder.stat().st_mode & OTHERS_PASS:
                return folder
        except OSError:
            continue
    return None


def _below(one: str, other: str) -> bool:
    return one != other and Path(one).is_relative_to(other)
