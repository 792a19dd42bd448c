"""Progress files of older releases: read, brought to the present form, and joined, without losing a row."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from secure_ai.core.errors import UserError, system_reason
from secure_ai.learn import progress

if TYPE_CHECKING:
    from sqlalchemy import Table

# What a column had before it was there: all were asked of a learner who was alone, and nothing was counted.
BEFORE: dict[str, Any] = {
    "learner": "local",
    "status": "not_attempted",
    "attempts": 0,
    "hints_used": 0,
    "first_seen": "1970-01-01 00:00:00.000000",
}
# What SQLite keeps beside a file while it writes.
_BESIDE = ("-journal", "-wal", "-shm")
EARLIEST, LARGEST = ("first_seen", "solved_at", "hint_at", "solution_at"), ("attempts", "hints_used")


def migrate(path: Path, now: datetime) -> list[str]:
    """Bring a progress file of an older release to the present form, after keeping a copy of it.

    Args:
        path: the file; where there is none, nothing is done.
        now: the time for the names of copies.

    Returns:
        Sentences on what was done, none where the file was as it must be.

    Raises:
        UserError: if the file, or the copy, cannot be written.
    """
    if not path.is_file():
        return []
    stamp = now.strftime("%Y-%m-%dT%H%M%S")
    if not _is_sound(path, "rw"):  # a write that was cut off is rolled back, and is no damage
        aside = path.with_name(f"{path.stem}.damaged-{stamp}{path.suffix}")
        with _told(path):
            path.replace(aside)
        return [f"The progress file was damaged; it is kept as {aside.name}, and a new one begins."]
    with _told(path), contextlib.closing(sqlite3.connect(path, timeout=progress.BUSY_SECONDS)) as database:
        if _is_newer(path):
            return [
                "The progress file is of a newer release than this kit: it stays as it is. Update the kit."
            ]
        old = [model for model in _models() if _lacks(database, model)]
        if not old:
            return []
        kept = path.with_name(f"{path.stem}.before-{stamp}{path.suffix}")
        with contextlib.closing(sqlite3.connect(kept)) as copy:
            database.backup(copy)
        database.isolation_level = None
        database.execute("BEGIN IMMEDIATE")
        for model in old:
            _rebuild(database, model)
        database.execute("COMMIT")
    return [
        f"The progress file was of an older release: it was brought up to date, and is kept as {kept.name}."
    ]


def join(source: Path, target: Path, now: datetime) -> list[str]:
    """Bring the progress of an older kit's file into this kit's; of both, what shows more stays.

    Args:
        source: the older file; it is not changed.
        target: this kit's file; made if it is not there.
        now: the time for the names of copies.

    Returns:
        Sentences on what was done.

    Raises:
        UserError: if ``target`` cannot be written.
    """
    if not source.is_file():
        return []
    copy = target.with_name(f".{target.name}.joining")
    try:
        with _told(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            _copy(source, copy)
            if not _is_sound(copy, "rw"):
                return [
                    "The progress file of the older kit is damaged: it stays there, and nothing came of it."
                ]
            if _is_newer(copy):
                return [
                    "The progress file of the other kit is of a newer release than this one: it stays there, "
                    "and nothing came of it. Update this kit first."
                ]
            migrate_quietly(copy, now)
            said = migrate(target, now)  # set aside if it is damaged
            if not target.is_file():
                copy.replace(target)
                return [*said, "Your progress came over."]
            if _is_newer(target):
                return said
            count = _join_rows(copy, target)
    finally:
        _remove(copy)
    if count:
        said.append(f"Your progress came over: {count} tasks, joined with those done here already.")
    return said


def migrate_quietly(path: Path, now: datetime) -> None:
    """Migrate a file that is itself a copy, and leave no further copy."""
    migrate(path, now)
    for kept in path.parent.glob(f"{path.stem}.before-*{path.suffix}"):
        kept.unlink()


def _copy(source: Path, target: Path) -> None:
    """Copy a database that another program may be writing, or whose last write was cut off."""
    _remove(target)
    try:
        with (
            contextlib.closing(
                sqlite3.connect(f"file:{quote(str(source.resolve()))}?mode=ro", uri=True)
            ) as old,
            contextlib.closing(sqlite3.connect(target)) as new,
        ):
            old.backup(new)
    except sqlite3.Error:
        # It would have to be rolled back first, and is not ours to change: that is done to the copy.
        _remove(target)
        for ending in ("", *_BESIDE):
            if (beside := source.with_name(source.name + ending)).is_file():
                shutil.copyfile(beside, target.with_name(target.name + ending))


def _remove(path: Path) -> None:
    for ending in ("", *_BESIDE):
        path.with_name(path.name + ending).unlink(missing_ok=True)


def _join_rows(source: Path, target: Path) -> int:
    """Join the rows; return how many tasks are other than before."""
    with contextlib.closing(sqlite3.connect(target, timeout=progress.BUSY_SECONDS)) as database:
        database.execute("ATTACH ? AS older", (str(source),))
        before = _tasks(database)
        with database:
            for model in _models()[:2]:
                there = database.execute(
                    "SELECT 1 FROM older.sqlite_master WHERE name = ?", (model.name,)
                ).fetchone()
                if there is None:
                    continue
                database.execute(_create(model))
                columns = [column.name for column in model.columns]
                keys = [column.name for column in model.primary_key]
                changes = ", ".join(_better(model.name, name) for name in columns if name not in keys)
                database.execute(
                    f"INSERT INTO {model.name} ({', '.join(columns)}) SELECT {', '.join(columns)} FROM "
                    f"older.{model.name} WHERE true ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {changes}"
                )
        return len(_tasks(database) - before)


def _tasks(database: sqlite3.Connection) -> set[tuple[Any, ...]]:
    model = progress.table()
    if not _columns(database, model.name):
        return set()
    names = ", ".join(column.name for column in model.columns)
    return set(database.execute(f"SELECT {names} FROM {model.name}"))


def _better(table: str, column: str) -> str:
    """Return how a column of two rows becomes one: solved stays solved, and no count or time is lost."""
    ours, other = f"{table}.{column}", f"excluded.{column}"
    if column in LARGEST:
        return f"{column} = max({ours}, {other})"
    if column in EARLIEST:
        return f"{column} = coalesce(min({ours}, {other}), {ours}, {other})"
    return (
        f"{column} = CASE WHEN {other} = 'correct' OR {ours} = 'not_attempted' THEN {other} ELSE {ours} END"
    )


def _rebuild(database: sqlite3.Connection, model: Table) -> None:
    have = _columns(database, model.name)
    database.execute(f"ALTER TABLE {model.name} RENAME TO older_{model.name}")
    database.execute(_create(model))
    names = [column.name for column in model.columns]
    taken = [name if name in have else "?" for name in names]
    given = [BEFORE.get(name) for name in names if name not in have]
    database.execute(
        f"INSERT OR IGNORE INTO {model.name} ({', '.join(names)}) SELECT {', '.join(taken)} "
        f"FROM older_{model.name}",
        given,
    )
    database.execute(f"DROP TABLE older_{model.name}")


def _lacks(database: sqlite3.Connection, model: Table) -> bool:
    have = _columns(database, model.name)
    return bool(have) and not {column.name for column in model.columns} <= have


def _is_newer(path: Path) -> bool:
    """Whether a table has a column that this release does not know."""
    with contextlib.closing(sqlite3.connect(path, timeout=progress.BUSY_SECONDS)) as database:
        return any(
            _columns(database, model.name) - {column.name for column in model.columns} for model in _models()
        )


def _columns(database: sqlite3.Connection, table: str) -> set[str]:
    return {row[1] for row in database.execute(f"PRAGMA table_info({table})")}


def _create(model: Table) -> str:
    from sqlalchemy.dialects import sqlite
    from sqlalchemy.schema import CreateTable

    return str(CreateTable(model, if_not_exists=True).compile(dialect=sqlite.dialect()))


def _models() -> list[Table]:
    return [progress.table(), progress.help_table(), progress.facts_table()]


def _is_sound(path: Path, mode: str) -> bool:
    address = f"file:{quote(str(path.resolve()))}?mode={mode}"
    try:
        with contextlib.closing(sqlite3.connect(address, uri=True)) as database:
            return database.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
    except sqlite3.OperationalError as error:
        return "locked" in str(error)  # in use is not damaged
    except sqlite3.DatabaseError:
        return False


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(
            f"The progress file {path.name} cannot be written ({system_reason(error)})."
        ) from None
    except sqlite3.Error:
        raise UserError(
            f"The progress file {path.name} cannot be written: close the kit's notebooks, then try again."
        ) from None
