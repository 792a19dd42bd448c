"""What progress files say of each task: own ones, those that were handed in, and those of a room's seats."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import os
import re
import sqlite3
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from secure_ai.core.errors import UserError
from secure_ai.learn import progress

if TYPE_CHECKING:
    from sqlalchemy import Connection

# How a task was solved. A task of an older file may have been solved after its solution was shown: unknown.
ALONE, HINTS, SOLUTION, UNKNOWN = "by oneself", "after hints", "after the solution was shown", "not known"
STATUSES = {"correct", "incorrect", "error", "not_attempted"}
QUIZ = "quiz:"
MAX_BYTES = 20_000_000
MAX_ROWS = 5_000
MAX_FILES = 2_000
# About a second of work: a file that was made to keep its reader busy is given up.
MAX_STEPS = 20_000
STEPS_AT_A_TIME = 1_000
_NAME = re.compile(r"[A-Za-z0-9_.:-]{1,100}")
_PLACES = (Path(".secure-ai", "progress.sqlite"), Path(".progress", "progress.sqlite"))


@dataclass(frozen=True)
class TaskRecord:
    """What is known of one task of a lab, or of one question of a quiz.

    Attributes:
        lab: key of the lab, ``03_data_inventory``; of a quiz ``quiz:data_inventory``.
        task: its name, or ``question_1``.
        status: one of four words.
        attempts: number of answers that were checked.
        hints_used: the highest hint that was opened.
        first_seen: when it was first touched, in UTC.
        solved_at: when it was first correct, in UTC; None if it is not.
        help: ``ALONE``, ``HINTS``, ``SOLUTION`` or ``UNKNOWN``; for what is not solved: so far.
    """

    lab: str
    task: str
    status: str
    attempts: int
    hints_used: int
    first_seen: dt.datetime
    solved_at: dt.datetime | None
    help: str

    @property
    def solved(self) -> bool:
        """Whether it was ever answered correctly."""
        return self.status == "correct" and self.solved_at is not None

    @property
    def touched_at(self) -> dt.datetime:
        """The last time that the file tells of."""
        return max(self.first_seen, self.solved_at or self.first_seen)


@dataclass(frozen=True)
class LearnerRecord:
    """One learner's tasks.

    Attributes:
        code: a random code, or the name of a seat; never a person's name.
        tasks: by lab and name.
        source: ``own``, ``file`` (handed in) or ``room``.
        problem: why nothing could be read, in a phrase; empty where it could.
    """

    code: str
    tasks: tuple[TaskRecord, ...] = ()
    source: str = "own"
    problem: str = ""

    def of(self, lab: str) -> dict[str, TaskRecord]:
        """Return the tasks of a lab by name."""
        return {record.task: record for record in self.tasks if record.lab == lab}


def own_record() -> LearnerRecord:
    """Read the learner's own progress; empty where it is switched off or nothing was done yet.

    Raises:
        UserError: if it cannot be read.
    """
    url = progress.address()
    if url is None:
        return LearnerRecord("none")
    try:
        with progress.connected(url) as connection:
            found = _read(connection, learner=progress.learner())
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"Progress cannot be read: {progress.reason(error)}") from None
    code, tasks = found[0] if found else ("none", ())
    return LearnerRecord(code, tasks)


def file_records(path: str | Path, *, inside: Path | None = None) -> list[LearnerRecord]:
    """Read a progress file that somebody else wrote; it is neither changed nor trusted.

    Args:
        path: the file.
        inside: folder that the file must lie in without any link on the way; its own by default.

    Returns:
        One entry a learner; a file that was never used gives one without tasks.

    Raises:
        UserError: if it cannot be read or is no progress file.
    """
    path = Path(path)
    with _copy(path, inside or path.parent) as copy:
        try:
            with _guarded(copy) as connection:
                found = _read(connection)
        except UserError:
            raise
        except Exception:
            raise UserError("The file is no progress file, or it is damaged: ask for it again.") from None
    # A file of an older release has no code of its own.
    spare = f"file-{hashlib.sha256(path.name.encode(errors='replace')).hexdigest()[:8]}"
    return [LearnerRecord(code or spare, tasks, "file") for code, tasks in found or [("", ())]]


def folder_records(folder: str | Path) -> list[LearnerRecord]:
    """Read every ``*.sqlite`` file in a folder and its subfolders; one that cannot be read says why.

    Raises:
        UserError: if the folder is missing or holds none, or too many.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError("There is no such folder of progress files: check the path.")
    paths = sorted(path for path in folder.rglob("*.sqlite") if path.is_file() or path.is_symlink())
    if not paths:
        raise UserError("The folder holds no progress files (*.sqlite): name the folder that does.")
    if len(paths) > MAX_FILES:
        raise UserError(f"The folder holds more than {MAX_FILES:,} progress files: take them in parts.")
    learners: list[LearnerRecord] = []
    for number, path in enumerate(paths, start=1):
        try:
            learners += file_records(path, inside=folder)
        except UserError as error:
            learners.append(LearnerRecord(f"file {number}", (), "file", _phrase(error)))
    return learners


def room_records(room: str | Path) -> list[LearnerRecord]:
    """Read the progress of every seat of a workshop's room; the code is the seat's name.

    Raises:
        UserError: if there is no such room.
    """
    homes = Path(room) / "homes"
    try:
        seats = sorted(path for path in homes.iterdir() if path.is_dir() and not path.is_symlink())
    except OSError:
        raise UserError(
            "There is no room here, or it is not yours to read: name its folder with --room."
        ) from None
    return [_seat(seat, homes) for seat in seats]


def seat_record(room: str | Path, seat: str) -> LearnerRecord:
    """Read the progress of one seat.

    Raises:
        UserError: if there is no such seat, or its progress cannot be read.
    """
    found = {record.code: record for record in room_records(room)}
    if seat not in found:
        raise UserError("There is no such seat in this room: 'secure-ai workshop status' lists them.")
    if found[seat].problem:
        raise UserError(f"The progress of this seat cannot be read: {found[seat].problem}.")
    return found[seat]


def _seat(home: Path, homes: Path) -> LearnerRecord:
    tasks: dict[tuple[str, str], TaskRecord] = {}
    for place in _PLACES:
        if not os.path.lexists(home / place):
            continue
        try:
            # Whatever learner the file names: the seat is the folder, which its owner cannot choose.
            for record in (one for found in file_records(home / place, inside=homes) for one in found.tasks):
                tasks.setdefault((record.lab, record.task), record)
        except UserError as error:
            return LearnerRecord(home.name, (), "room", _phrase(error))
    return LearnerRecord(home.name, tuple(tasks[key] for key in sorted(tasks)), "room")


def _phrase(error: UserError) -> str:
    text = str(error).rstrip(".")
    return text[0].lower() + text[1:]


def _read(connection: Connection, learner: str | None = None) -> list[tuple[str, tuple[TaskRecord, ...]]]:
    """Return code and tasks of each learner in a database; the code is empty if the file has none."""
    from sqlalchemy import inspect

    # A view of a table's name could be made to run for ever, or to tell of another file.
    there = set(inspect(connection).get_table_names())
    main, aid, facts = progress.table(), progress.help_table(), progress.facts_table()
    known: dict[str, str] = {}
    helped: dict[tuple[str, str, str], Any] = {}
    if facts.name in there:
        known = {row.name: row.value for row in connection.execute(facts.select().limit(10))}
    if aid.name in there:
        for row in connection.execute(aid.select().limit(MAX_ROWS)):
            helped[row.learner, row.lab, row.task] = row
    query = main.select().order_by(main.c.learner, main.c.lab, main.c.task).limit(MAX_ROWS + 1)
    if learner is not None:
        query = query.where(main.c.learner == learner)
    if main.name not in there:
        raise UserError("The file is no progress file: it lacks the table of tasks.")
    rows = list(connection.execute(query))
    if len(rows) > MAX_ROWS:
        raise UserError(f"The file holds more than {MAX_ROWS:,} tasks: no learner has so many.")
    since = dt.datetime.fromisoformat(known[progress.HELP_SINCE]) if progress.HELP_SINCE in known else None
    file_code = known.get(progress.CODE, "")
    if not re.fullmatch(r"[a-z0-9-]{1,64}", file_code):
        file_code = ""
    found: dict[str, list[TaskRecord]] = {}
    for row in rows:
        aid_row = helped.get((row.learner, row.lab, row.task))
        found.setdefault(row.learner, []).append(_task(row, aid_row, since))
    if not found:
        return [(file_code, ())]
    return [(file_code if name == "local" else name, tuple(tasks)) for name, tasks in found.items()]


def _task(row: Any, aid: Any, since: dt.datetime | None) -> TaskRecord:
    for text in (row.learner, row.lab, row.task):
        if not _NAME.fullmatch(text):
            raise UserError("The file holds entries that the kit did not write: ask for it again.")
    if row.first_seen is None:
        raise UserError("The file holds a task without a time: ask for it again.")
    solved = _utc(row.solved_at)
    return TaskRecord(
        lab=row.lab,
        task=row.task,
        status=row.status if row.status in STATUSES else "not_attempted",
        attempts=max(0, int(row.attempts)),
        hints_used=max(0, int(row.hints_used)),
        first_seen=_utc(row.first_seen),
        solved_at=solved,
        help=_help(solved, row.hints_used, aid, since),
    )


def _help(solved: dt.datetime | None, hints_used: int, aid: Any, since: dt.datetime | None) -> str:
    before = [
        name
        for name in ("solution_at", "hint_at")
        if aid is not None and getattr(aid, name) and (solved is None or _utc(getattr(aid, name)) <= solved)
    ]
    if "solution_at" in before:
        return SOLUTION
    if solved is not None and (since is None or solved < since):
        return HINTS if hints_used else UNKNOWN
    # Hints that an older file counts have no time: they may have come first.
    counted = hints_used and (aid is None or aid.hint_at is None)
    return HINTS if "hint_at" in before or counted else ALONE


def _utc(moment: dt.datetime | None) -> Any:
    # SQLite keeps no zone; what the kit writes is UTC.
    if moment is None:
        return None
    return moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment.astimezone(dt.UTC)


@contextlib.contextmanager
def _copy(path: Path, inside: Path) -> Iterator[Path]:
    """Copy a file that may be a trap (a link, a pipe, endless) to a private place."""
    try:
        descriptor = _open(path, inside)
        with os.fdopen(descriptor, "rb") as source:
            facts = os.fstat(source.fileno())
            if not stat.S_ISREG(facts.st_mode):
                raise UserError("The file is no progress file but a folder, device or pipe: check the path.")
            content = source.read(MAX_BYTES + 1)
    except OSError:
        raise UserError("The file does not exist, is a link, or may not be read: check the path.") from None
    if len(content) > MAX_BYTES:
        raise UserError(f"The file is larger than {MAX_BYTES // 1_000_000} MB: it is no progress file.")
    with tempfile.TemporaryDirectory(prefix="secure-ai-") as folder:
        copy = Path(folder) / "copy.sqlite"
        copy.write_bytes(content)
        yield copy


def _open(path: Path, inside: Path) -> int:
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    if os.open not in os.supports_dir_fd or not hasattr(os, "O_NOFOLLOW"):
        if path.is_symlink():
            raise OSError("a link")
        return os.open(path, flags)
    # Step by step, so that no folder on the way can be exchanged for a link meanwhile.
    *folders, name = path.relative_to(inside).parts
    place = os.open(inside, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for folder in folders:
            deeper = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=place)
            os.close(place)
            place = deeper
        return os.open(name, flags | os.O_NOFOLLOW, dir_fd=place)
    finally:
        os.close(place)


@contextlib.contextmanager
def _guarded(copy: Path) -> Iterator[Connection]:
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    left = iter(range(MAX_STEPS))

    def open_copy() -> sqlite3.Connection:
        raw = sqlite3.connect(f"{copy.as_uri()}?mode=ro&immutable=1", uri=True)
        raw.execute("PRAGMA trusted_schema = OFF")
        raw.set_progress_handler(lambda: next(left, None) is None, STEPS_AT_A_TIME)
        return raw

    with create_engine("sqlite://", creator=open_copy, poolclass=NullPool).connect() as connection:
        yield connection
