"""Labs and lessons in the seats of a room: placed without solutions, and one of them taken back."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from secure_ai.core.errors import UserError
from secure_ai.learn import progress
from secure_ai.learn.builder import STAMP, build_lab, cells_digest, holds_work, solution_paths
from secure_ai.learn.labs import BACKUPS, find_lab
from secure_ai.learn.notebook import canonical_text, read_notebook, tags
from secure_ai.project import project_root
from secure_ai.workshop.homes import Home, in_home
from secure_ai.workshop.hub.room import Room, Seat, Settings

LABS, LESSONS, SOLUTIONS = "labs", "notebooks", "solutions"
PROGRESS = PurePosixPath(".secure-ai", "progress.sqlite")
PLACED = PurePosixPath(".secure-ai", "placed.json")
LARGEST_PROGRESS = 16 * 2**20
GLOSSARY = "GLOSSARY.md"  # the lessons link to it
_SECTOR = re.compile(r"^sector = \"\w+\".*$", re.MULTILINE)


@dataclass(frozen=True)
class Placement:
    """What was put into a seat's home.

    Attributes:
        seat: its name.
        placed: files that were not there.
        renewed: files of an earlier release that the learner had not changed.
        kept: files that stay because the learner changed them.
        problem: a sentence where the home could not be used, else empty.
    """

    seat: str
    placed: int = 0
    renewed: int = 0
    kept: tuple[str, ...] = ()
    problem: str = ""


def shelf(sector: str, root: Path | None = None) -> dict[str, bytes]:
    """Return what every seat gets: labs, lessons and the glossary, by their path in a home.

    A lab in which somebody has worked on this machine is built anew, so that no answer goes out with it.

    Args:
        sector: ``healthcare`` or ``finance``: what the parameters say.
        root: folder of the kit.

    Raises:
        UserError: if a notebook of the kit cannot be read, or there are no labs.
    """
    root = root or project_root()
    keys = [path.stem for path in solution_paths(root)]
    if not keys:
        raise UserError("There are no labs in this folder of the kit: get it whole.")
    files = {f"{LABS}/{key}.ipynb": lab_bytes(key, sector, root) for key in keys}
    for path in sorted((root / LESSONS).glob("*.ipynb")):
        files[f"{LESSONS}/{path.name}"] = _for_sector(read_notebook(path), sector)
    with contextlib.suppress(OSError):
        files[GLOSSARY] = (root / GLOSSARY).read_bytes()
    return files


def lab_bytes(key: str, sector: str, root: Path) -> bytes:
    """Return a lab as a learner gets it.

    Raises:
        UserError: if neither the lab nor its solution can be read.
    """
    lab = root / LABS / f"{key}.ipynb"
    if lab.is_file() and not holds_work(lab):
        return _for_sector(read_notebook(lab), sector)
    built, _ = build_lab(read_notebook(root / SOLUTIONS / f"{key}.ipynb"), key)
    return _for_sector(built, sector)


def place(
    room: Room,
    settings: Settings,
    seat: Seat,
    files: dict[str, bytes] | None = None,
) -> Placement:
    """Put labs and lessons into a seat's home, owned by the seat; repeated, it changes nothing.

    A file that the learner changed, ran and saved, or put there, stays as it is.

    Args:
        room: the room.
        settings: its settings.
        seat: whose home.
        files: what ``shelf`` returned; pass it when there are many seats.

    Raises:
        UserError: if the kit's own files cannot be read. What a learner did to the home raises nothing: it
            stands in ``problem``.
    """
    wanted = shelf(settings.sector) if files is None else files
    room.solutions.mkdir(parents=True, exist_ok=True)
    for folder in (room.shared, room.solutions):
        folder.chmod(0o755)
    released = str(room.solutions)

    def act(home: Home) -> dict[str, Any]:
        before = _placed_before(home)
        found: dict[str, Any] = {"placed": 0, "renewed": 0, "kept": []}
        for name, data in wanted.items():
            new = hashlib.sha256(data).hexdigest()
            if home.write_new(name, data):
                found["placed"] += 1
            elif (now := _digest_of(home, name)) == new:
                pass
            elif now and now == before.get(name):
                home.replace(name, data)
                found["renewed"] += 1
            else:
                found["kept"].append(name)
                continue
            before[name] = new
        home.replace(PLACED, json.dumps(before, indent=1).encode())
        home.link(SOLUTIONS, released)
        return found

    try:
        found = in_home(room, settings, seat, act)
    except UserError as error:
        return Placement(seat.name, problem=str(error))
    return Placement(seat.name, found["placed"], found["renewed"], tuple(found["kept"]))


def find_seat(settings: Settings, name: str) -> Seat:
    """Return the seat that ``name`` means: ``seat-03``, ``3``, or the learner's name on the roster.

    Raises:
        UserError: if there is none, or several learners have this name.
    """
    wanted = " ".join(name.split()).casefold()
    # The number on the slip, not the one that counts users of this machine over all rooms.
    digits = wanted.lstrip("0") if wanted.isdecimal() else ""
    found = [
        seat
        for seat in settings.seats
        if wanted == seat.name.casefold() or (digits and seat.name.rpartition("-")[2].lstrip("0") == digits)
    ]
    found = found or [seat for seat in settings.seats if " ".join(seat.learner.split()).casefold() == wanted]
    if len(found) == 1:
        return found[0]
    if found:
        seats = ", ".join(seat.name for seat in found)
        raise UserError(f"Several learners have this name: say which seat you mean, {seats}.")
    raise UserError(
        f"There is no seat and no learner {name[:40]!r} in this room: 'secure-ai workshop seats' lists them."
    )


def reset(room: Room, settings: Settings, learner: str, lab: str, now: datetime) -> str:
    """Give a learner a lab afresh; theirs is moved to a dated copy first, and the progress of it forgotten.

    Whatever stands in the lab's place is moved as it is: a damaged file, a folder, a link.

    Args:
        room: the room.
        settings: its settings.
        learner: seat or name on the roster.
        lab: ``03`` or ``03_data_inventory``.
        now: the time for the copy's name.

    Returns:
        A sentence for the instructor, with the seat and no name.

    Raises:
        UserError: if there is no such learner or lab, or the home cannot be used (nothing is lost then).
    """
    root = project_root()
    seat, key = find_seat(settings, learner), find_lab(root, lab)
    data = lab_bytes(key, settings.sector, root)
    path, stamp = PurePosixPath(LABS, f"{key}.ipynb"), now.strftime("%Y-%m-%dT%H%M%S")
    digest = hashlib.sha256(data).hexdigest()
    tables = [progress.table().name, progress.help_table().name]

    def act(home: Home) -> dict[str, str]:
        keep_as = _free_name(home, key, stamp) if home.kind(path) else None
        home.replace(path, data, keep_as)
        home.replace(PLACED, json.dumps(_placed_before(home) | {str(path): digest}, indent=1).encode())
        return {"kept": str(keep_as or ""), "progress": _forget(home, tables, key)}

    done = in_home(room, settings, seat, act)
    kept = f"the earlier work is kept in {done['kept']} of that home" if done["kept"] else "it was missing"
    return f"The lab {key} of {seat.name} is as new; {kept}. {done['progress']}"


def _free_name(home: Home, key: str, stamp: str) -> PurePosixPath:
    folder, number = PurePosixPath(BACKUPS.as_posix()), 1
    path = folder / f"{key}.{stamp}.ipynb"
    while home.kind(path):
        number += 1
        path = folder / f"{key}.{stamp}-{number}.ipynb"
    return path


def _forget(home: Home, tables: list[str], key: str) -> str:
    """Run in the seat's home: forget a lab's progress; return a sentence."""
    try:
        if home.kind(PROGRESS) == "":
            return "There was no progress to forget."
        with open_progress(home, "rw") as database:
            there = {
                row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            }
            # A file of an older release has not got every table.
            for table in tables:
                if table in there:
                    database.execute(f"DELETE FROM {table} WHERE lab = ?", (key,))
            database.commit()
    except (sqlite3.Error, UserError, OSError):
        return "The progress could not be forgotten: the file is in use, damaged or no plain file."
    return "The progress of it is forgotten."


@contextlib.contextmanager
def open_progress(home: Home, mode: str) -> Iterator[sqlite3.Connection]:
    """Open the progress database of a home (``mode``: ``ro`` or ``rw``); for use inside ``in_home``.

    Raises:
        UserError: if it is no plain file or too large.
        sqlite3.Error: if it is damaged or in use.
    """
    if home.kind(PROGRESS) != "file":
        raise UserError(f"The progress of {home.seat} is no plain file.")
    with home.folder(PROGRESS.parent) as folder:
        if os.stat(PROGRESS.name, dir_fd=folder).st_size > LARGEST_PROGRESS:
            raise UserError(f"The progress of {home.seat} is too large to be one.")
        # SQLite takes names only, and must find the journal beside the file: this is a process of its own.
        os.fchdir(folder)
        database = sqlite3.connect(f"file:{PROGRESS.name}?mode={mode}", uri=True, timeout=5)
    try:
        yield database
    finally:
        database.close()


def _placed_before(home: Home) -> dict[str, str]:
    try:
        raw = json.loads(home.read(PLACED) or b"{}")
    except (ValueError, UserError):
        return {}
    return {str(name): str(digest) for name, digest in raw.items()} if isinstance(raw, dict) else {}


def _digest_of(home: Home, name: str) -> str:
    """Return the digest of a file, "" for what is no plain file or too large."""
    try:
        data = home.read(name)
    except UserError:
        return ""
    return "" if data is None else hashlib.sha256(data).hexdigest()


def _for_sector(node: Any, sector: str) -> bytes:
    """Return the notebook's bytes with the room's sector as its parameter."""
    for cell in node.cells:
        if cell.cell_type == "code" and "parameters" in tags(cell):
            cell.source = _SECTOR.sub(
                lambda line: line[0] if f'sector = "{sector}"' in line[0] else f'sector = "{sector}"',
                cell.source,
            )
    if STAMP in node.metadata:
        node.metadata[STAMP] = {**node.metadata[STAMP], "built": cells_digest(node)}
    return canonical_text(node).encode("utf-8")
