"""Collect what learners have made: their notebooks as they are, hashes, and the state of each task."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from secure_ai.core.errors import UserError
from secure_ai.core.outputs import atomic_directory
from secure_ai.learn import progress
from secure_ai.learn.builder import SOLUTION_TEXTS, solution_paths
from secure_ai.learn.labs import STATUSES, find_lab
from secure_ai.project import project_root
from secure_ai.workshop.cells import notebook_of
from secure_ai.workshop.homes import Home, in_home
from secure_ai.workshop.hub.room import Room, Seat, Settings
from secure_ai.workshop.labs import LABS, PROGRESS, open_progress

FORMAT = "secure-ai collection 1"
MANIFEST = "manifest.json"
LARGEST_NOTEBOOK = 16 * 2**20  # the largest lesson of the kit, with all its drawings, has half a megabyte
MOST_ROWS = 5000
# A notebook that is being saved is read again: a save takes far less than a second, a busy disk more.
SAVE_TRIES, SAVE_SECONDS = 10, 0.2
# Where a figure of a learner's own file cannot be one, the largest that is believed.
LARGEST_COUNT = 100_000


@dataclass(frozen=True)
class TaskState:
    """A task by the learner's own progress file; who knows SQLite can write it, so it proves nothing."""

    status: str = "not_attempted"
    attempts: int = 0
    hints_used: int = 0
    solution_shown: bool = False


@dataclass(frozen=True)
class Work:
    """One lab of one seat.

    Attributes:
        seat: the seat's name.
        lab: the lab's key.
        state: ``collected``, ``missing``, ``damaged`` (bytes are kept), ``refused`` (no plain file, too
            large) or ``unreadable`` (the home cannot be used).
        data: the bytes; None where there are none.
        why: a sentence where the state is none of the first two, or the last save was cut short.
        tasks: the state of each task of the lab.
        progress: a sentence on the progress file, empty where it was read.
    """

    seat: str
    lab: str
    state: str
    data: bytes | None = None
    why: str = ""
    tasks: dict[str, TaskState] = field(default_factory=dict)
    progress: str = ""


@dataclass(frozen=True)
class Collection:
    """What was collected, and where it lies."""

    folder: Path
    works: tuple[Work, ...]

    def __str__(self) -> str:
        count = {state: sum(work.state == state for work in self.works) for state in _STATES}
        said = ", ".join(f"{number} {state}" for state, number in count.items() if number)
        lines = [f"{work.seat}, {work.lab}: {work.why}" for work in self.works if work.why]
        lines += sorted({f"{work.seat}: {work.progress}" for work in self.works if work.progress})
        return "\n".join([*lines, f"Notebooks: {said or 'none'}. They are in {self.folder.name}/."])


_STATES = ("collected", "missing", "damaged", "refused", "unreadable")


def collect(
    room: Room,
    settings: Settings,
    lab: str | None,
    out: Path,
    *,
    now: datetime,
    names: bool = False,
) -> Collection:
    """Write ``SEAT/LAB.ipynb`` for every seat, as the bytes are, and a manifest.

    Args:
        room: the room.
        settings: its settings.
        lab: ``03`` or ``03_data_inventory``; None for all labs.
        out: folder that is new, empty or an earlier collection, which is replaced as a whole.
        now: when it was collected, for the manifest.
        names: whether the manifest may hold the learners' names from the roster.

    Raises:
        UserError: if there is no such lab, or ``out`` cannot be written or holds something else.
    """
    root = project_root()
    keys = [find_lab(root, lab)] if lab else [path.stem for path in solution_paths(root)]
    check_out(room, out, MANIFEST, FORMAT)
    works = []
    with atomic_directory(Path(out)) as draft:
        draft.chmod(0o700)  # learners' work: the instructor's alone
        seats = []
        for seat in settings.seats:
            found = works_of(room, settings, seat, keys, root)
            works += [Work(**{**vars(work), "data": None}) for work in found]
            entry: dict[str, Any] = {"seat": seat.name, "labs": {w.lab: _write(draft, w) for w in found}}
            if names:
                entry["learner"] = seat.learner
            seats.append(entry)
        manifest = {
            "format": FORMAT,
            "collected": now.isoformat(timespec="seconds"),
            "note": "Statuses are those of each learner's own progress file, which the learner can write.",
            "labs": keys,
            "seats": seats,
        }
        (draft / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    return Collection(Path(out), tuple(works))


def works_of(room: Room, settings: Settings, seat: Seat, keys: list[str], root: Path) -> list[Work]:
    """Return a seat's labs with the state of their tasks; nothing that a learner did raises anything."""
    known = task_names(root)
    try:
        states, problem = _states(room, settings, seat, known)
    except UserError as error:
        return [Work(seat.name, key, "unreadable", why=str(error)) for key in keys]
    works = []
    for key in keys:
        state, data, why = _notebook(room, settings, seat, key)
        tasks = {name: states.get((key, name), TaskState()) for name in known.get(key, [])}
        works.append(Work(seat.name, key, state, data, why, tasks, problem))
    return works


def task_names(root: Path) -> dict[str, list[str]]:
    """Return the names of each lab's tasks.

    Raises:
        UserError: if the kit's file of solutions cannot be read.
    """
    try:
        texts = json.loads((root / SOLUTION_TEXTS).read_text(encoding="utf-8"))
        return {str(lab): list(tasks) for lab, tasks in texts.items()}
    except (OSError, ValueError, AttributeError):
        raise UserError("The kit's solutions.json cannot be read: run 'secure-ai lab build'.") from None


def check_out(room: Room, out: Path, marker: str, form: str) -> None:
    """Refuse a folder that holds something else, or that learners can write to.

    Raises:
        UserError: in these two cases, and where ``out`` is a file.
    """
    out = Path(out)
    if out.resolve().is_relative_to(room.homes.resolve()) or out.resolve() == room.folder.resolve():
        raise UserError("The folder of --out must lie outside the room's homes: choose another.")
    if not out.exists():
        return
    try:
        if out.is_dir() and (not any(out.iterdir()) or _format_of(out / marker) == form):
            return
    except OSError:
        pass
    raise UserError(f"The folder {out.name} of --out holds something else: choose a new or an empty one.")


def _format_of(path: Path) -> str:
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["format"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _write(draft: Path, work: Work) -> dict[str, Any]:
    """Write one notebook; return its entry in the manifest."""
    tasks = {name: vars(state) for name, state in work.tasks.items()}
    entry: dict[str, Any] = {"state": work.state, "tasks": tasks}
    if work.why:
        entry["why"] = work.why
    if work.progress:
        entry["progress"] = work.progress
    if work.data is not None:
        name = f"{work.lab}.ipynb" + (".damaged" if work.state == "damaged" else "")
        (draft / work.seat).mkdir(exist_ok=True)
        (draft / work.seat / name).write_bytes(work.data)
        digest = hashlib.sha256(work.data).hexdigest()
        entry |= {"file": f"{work.seat}/{name}", "bytes": len(work.data), "sha256": digest}
    return entry


def _notebook(room: Room, settings: Settings, seat: Seat, key: str) -> tuple[str, bytes | None, str]:
    path = PurePosixPath(LABS, f"{key}.ipynb")
    # JupyterLab empties a notebook and writes it anew; meanwhile this file holds what was saved before.
    beside = path.with_name(f".~{path.name}")

    def act(home: Home) -> list[bytes | None]:
        return [home.read(path, LARGEST_NOTEBOOK), _before(home, beside)]

    last: list[bytes | None] = []
    for _ in range(SAVE_TRIES):
        try:
            found = in_home(room, settings, seat, act)
        except UserError as error:
            return "refused", None, str(error)
        if found[0] is None:
            return "missing", None, ""
        if notebook_of(found[0]) is not None:
            return "collected", found[0], ""
        if found == last and found[1] is None:
            return "damaged", found[0], "The notebook is damaged; its bytes are kept as they are."
        last = found
        time.sleep(SAVE_SECONDS)
    if last[1] is not None and notebook_of(last[1]) is not None:
        return "collected", last[1], "Its last save was cut short; this is the notebook as saved before."
    return "damaged", last[0], "The notebook is damaged; its bytes are kept as they are."


def _before(home: Home, beside: PurePosixPath) -> bytes | None:
    try:
        return home.read(beside, LARGEST_NOTEBOOK)
    except (UserError, OSError):
        return None


def _states(
    room: Room, settings: Settings, seat: Seat, known: dict[str, list[str]]
) -> tuple[dict[tuple[str, str], TaskState], str]:
    """Return the state of each task, and a sentence where the progress file cannot be read."""
    table, helped = progress.table().name, progress.help_table().name
    queries = (
        f"SELECT lab, task, status, attempts, hints_used FROM {table} LIMIT {MOST_ROWS}",
        f"SELECT lab, task FROM {helped} WHERE solution_at IS NOT NULL LIMIT {MOST_ROWS}",
    )

    def act(home: Home) -> dict[str, Any]:
        found: dict[str, Any] = {"rows": [], "shown": [], "problem": ""}
        try:
            if home.kind(PROGRESS):
                with open_progress(home, "ro") as database:
                    there = {row[0] for row in database.execute("SELECT name FROM sqlite_master")}
                    for name, query, model in zip(("rows", "shown"), queries, (table, helped), strict=True):
                        if model in there:
                            found[name] = [
                                [_scalar(value) for value in row] for row in database.execute(query)
                            ]
        except (sqlite3.Error, UserError):
            found["problem"] = "The progress file is damaged, in use or no plain file: no status is known."
        return found

    found = in_home(room, settings, seat, act)
    shown = {(lab, task) for lab, task in found["shown"]}
    states = {}
    for lab, task, status, attempts, hints in found["rows"]:
        # A learner can write anything into this file: only what can be true goes on.
        if isinstance(lab, str) and task in known.get(lab, []) and status in STATUSES:
            states[lab, task] = TaskState(status, _count(attempts), _count(hints), (lab, task) in shown)
    return states, str(found["problem"])


def _scalar(value: Any) -> str | int | None:
    return value[:200] if isinstance(value, str) else value if isinstance(value, int) else None


def _count(value: Any) -> int:
    return min(max(value, 0), LARGEST_COUNT) if isinstance(value, int) else 0
