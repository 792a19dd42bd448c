"""Progress in a local database: task, status, number of tries. No names, no answers, no telemetry."""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from secure_ai.core.errors import UserError
from secure_ai.project import find_root

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy import Connection, Engine, Table

BUSY_SECONDS = 3
VARIABLE = "SECURE_AI_PROGRESS"
CODE_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
LEARNER_VARIABLE = "SECURE_AI_LEARNER"
SUMMARY_COLUMNS = ("lab", "task", "status", "attempts", "hints_used", "first_seen", "solved_at")
# Facts of a file: its random code, and since when it notes help (a file of an older release is given them).
CODE, HELP_SINCE = "code", "help_since"


def address() -> str | None:
    """Return the SQLAlchemy address of the progress database, or None where progress is switched off.

    ``SECURE_AI_PROGRESS`` holds a path, an address, or ``off``. Without it the file is
    ``.progress/progress.sqlite`` in the project, or ``.secure-ai/progress.sqlite`` at home.
    """
    chosen = os.environ.get(VARIABLE, "").strip()
    if chosen == "off":
        return None
    if "://" in chosen:
        return chosen
    if chosen:
        return f"sqlite:///{Path(chosen).expanduser().resolve()}"
    root = find_root()
    folder = root / ".progress" if root else Path.home() / ".secure-ai"
    return f"sqlite:///{folder / 'progress.sqlite'}"


def local_folder() -> Path:
    """Return the folder for what belongs beside the progress; it may not be there yet."""
    url = address()
    if url is not None and url.startswith("sqlite:///") and not url[10:].startswith((":memory:", "file:")):
        return Path(url[10:]).parent
    root = find_root()
    return root / ".progress" if root else Path.home() / ".secure-ai"


@functools.cache
def table() -> Table:
    """Return the one table, the same in SQLite and PostgreSQL.

    ``learner`` is ``local``, or in a workshop the random code in ``SECURE_AI_LEARNER``; never a name.
    """
    from sqlalchemy import Column, DateTime, Integer, MetaData, String, Table

    return Table(
        "task_progress",
        MetaData(),
        Column("learner", String(64), primary_key=True),
        Column("lab", String(100), primary_key=True),
        Column("task", String(100), primary_key=True),
        Column("status", String(20), nullable=False),
        Column("attempts", Integer, nullable=False),
        Column("hints_used", Integer, nullable=False),
        Column("first_seen", DateTime(timezone=True), nullable=False),
        Column("solved_at", DateTime(timezone=True)),
    )


@functools.cache
def help_table() -> Table:
    """Return the table of help: when the first hint and the solution of a task were first shown."""
    from sqlalchemy import Column, DateTime, MetaData, String, Table

    return Table(
        "task_help",
        MetaData(),
        Column("learner", String(64), primary_key=True),
        Column("lab", String(100), primary_key=True),
        Column("task", String(100), primary_key=True),
        Column("hint_at", DateTime(timezone=True)),
        Column("solution_at", DateTime(timezone=True)),
    )


@functools.cache
def facts_table() -> Table:
    """Return the table of facts about the file itself (``CODE``, ``HELP_SINCE``)."""
    from sqlalchemy import Column, MetaData, String, Table

    return Table(
        "progress_facts",
        MetaData(),
        Column("name", String(20), primary_key=True),
        Column("value", String(64), nullable=False),
    )


@functools.cache
def _engine(url: str) -> Engine:
    from sqlalchemy import create_engine, make_url
    from sqlalchemy.pool import NullPool
    from sqlalchemy.schema import CreateTable

    parsed = make_url(url)
    options: dict[str, Any] = {}
    if parsed.get_backend_name() == "sqlite":
        options = {"timeout": BUSY_SECONDS}
        if parsed.database and not parsed.database.startswith((":memory:", "file:")):
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    # No pool: a connection must not survive into a forked kernel, nor keep the file open between checks.
    engine = create_engine(parsed, poolclass=NullPool, connect_args=options)
    with engine.begin() as connection:
        connection.execute(CreateTable(table(), if_not_exists=True))
    # A file of an older release is given what it lacks; one that cannot be written can still be read.
    with contextlib.suppress(Exception):
        _add_help(engine)
    return engine


def _add_help(engine: Engine) -> None:
    from sqlalchemy import inspect
    from sqlalchemy.dialects import postgresql, sqlite
    from sqlalchemy.schema import CreateTable

    if inspect(engine).has_table("progress_facts"):
        return
    insert = (postgresql if engine.dialect.name == "postgresql" else sqlite).insert
    code = "".join(secrets.choice(CODE_LETTERS) for _ in range(12))
    facts = {
        CODE: "-".join((code[:4], code[4:8], code[8:])),
        HELP_SINCE: dt.datetime.now(dt.UTC).isoformat(),
    }
    with engine.begin() as connection:
        connection.execute(CreateTable(help_table(), if_not_exists=True))
        connection.execute(CreateTable(facts_table(), if_not_exists=True))
        rows = [{"name": name, "value": value} for name, value in facts.items()]
        # Two kernels may be the first at once: the facts of one of them stay.
        connection.execute(insert(facts_table()).on_conflict_do_nothing(), rows)


def record(
    lab: str,
    task: str,
    status: str | None = None,
    *,
    hints_used: int = 0,
    solution_shown: bool = False,
) -> str:
    """Add one attempt (``status`` given), the highest hint that was opened, or that the solution was shown.

    A task once correct stays correct, and ``not_attempted`` neither counts as an attempt nor hides one. Of a
    hint and of the solution the first time is kept.

    Returns:
        An empty string, or one sentence that says why nothing was saved. Nothing is raised.
    """
    try:
        url = address()
        if url is not None:
            try:
                _save(_engine(url), (lab, task), status, hints_used, solution_shown)
            except Exception as error:
                if "no such table" not in str(error):
                    raise
                # The file was moved away while the kernel ran: begin a new one.
                _engine.cache_clear()
                _save(_engine(url), (lab, task), status, hints_used, solution_shown)
    except Exception as error:
        return f"Progress was not saved: {reason(error)}"
    return ""


def _save(engine: Engine, named: tuple[str, str], status: str | None, hints: int, solution: bool) -> None:
    # Before the row of the task: whoever reads it must not find a solution that was shown left out.
    if hints or solution:
        _note_help(engine, *named, hint=bool(hints), solution=solution)
    _upsert(engine, *named, status, hints)


def _note_help(engine: Engine, lab: str, task: str, *, hint: bool, solution: bool) -> None:
    from sqlalchemy import func
    from sqlalchemy.dialects import postgresql, sqlite

    model, now = help_table(), dt.datetime.now(dt.UTC)
    insert = (postgresql if engine.dialect.name == "postgresql" else sqlite).insert
    new = insert(model).values(
        learner=learner(), lab=lab, task=task, hint_at=now if hint else None,
        solution_at=now if solution else None,
    )  # fmt: skip
    first = {name: func.coalesce(model.c[name], new.excluded[name]) for name in ("hint_at", "solution_at")}
    with engine.begin() as connection:
        connection.execute(new.on_conflict_do_update(index_elements=["learner", "lab", "task"], set_=first))


def statuses(lab: str) -> dict[str, str]:
    """Return the status of each task of ``lab`` that was ever seen; empty where nothing can be read."""
    try:
        return {row["task"]: row["status"] for row in _rows(lab)}
    except Exception:
        return {}


def summary(path: str | Path | None = None) -> pd.DataFrame:
    """Return one row a task (columns ``SUMMARY_COLUMNS``, times in UTC, ``learner`` first in a workshop).

    Args:
        path: database file or address; the learner's own by default.

    Raises:
        UserError: if the database cannot be read.
    """
    import pandas as pd

    try:
        if path is None:
            return pd.DataFrame(_rows(), columns=list(SUMMARY_COLUMNS))
        url = str(path) if "://" in str(path) else f"sqlite:///{Path(path).resolve()}"
        if "://" not in str(path) and not Path(path).is_file():
            raise UserError(f"There is no progress file {Path(path).name}: check the path.")
        return pd.DataFrame(_rows(url=url, everyone=True), columns=["learner", *SUMMARY_COLUMNS])
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"Progress cannot be read: {reason(error)}") from None


def reset(lab: str) -> int:
    """Forget the progress of ``lab`` and return how many tasks it had.

    Raises:
        UserError: if the database cannot be written.
    """
    try:
        url = address()
        if url is None:
            return 0
        with _engine(url).begin() as connection:
            gone = [
                connection.execute(model.delete().where(model.c.lab == lab, model.c.learner == learner()))
                for model in (table(), help_table())
            ]
        return int(gone[0].rowcount)
    except Exception as error:
        raise UserError(f"Progress was not reset: {reason(error)}") from None


def learner() -> str:
    """Return the code under which progress is kept here: ``local``, or in a workshop the seat's."""
    return os.environ.get(LEARNER_VARIABLE, "").strip()[:64] or "local"


@contextlib.contextmanager
def connected(url: str) -> Iterator[Connection]:
    """Yield a connection to a progress database, whose tables are made where they are missing."""
    with _engine(url).connect() as connection:
        yield connection


def _upsert(engine: Engine, lab: str, task: str, status: str | None, hints_used: int) -> None:
    from sqlalchemy import case, func
    from sqlalchemy.dialects import postgresql, sqlite

    model = table()
    insert = (postgresql if engine.dialect.name == "postgresql" else sqlite).insert
    now = dt.datetime.now(dt.UTC)
    counts = int(status not in (None, "not_attempted"))
    solved = now if status == "correct" else None
    new = insert(model).values(
        learner=learner(),
        lab=lab,
        task=task,
        status=status or "not_attempted",
        attempts=counts,
        hints_used=hints_used,
        first_seen=now,
        solved_at=solved,
    )
    higher = case((model.c.hints_used < hints_used, hints_used), else_=model.c.hints_used)
    changes: dict[str, Any] = {"attempts": model.c.attempts + counts, "hints_used": higher}
    if counts:
        changes["status"] = case((model.c.status == "correct", "correct"), else_=status)
        changes["solved_at"] = func.coalesce(model.c.solved_at, new.excluded.solved_at)
    # One statement, so that two kernels that write at once both count.
    with engine.begin() as connection:
        connection.execute(new.on_conflict_do_update(index_elements=["learner", "lab", "task"], set_=changes))


def _rows(lab: str | None = None, url: str | None = None, everyone: bool = False) -> list[dict[str, Any]]:
    url = url or address()
    if url is None:
        return []
    model = table()
    query = model.select().order_by(model.c.learner, model.c.lab, model.c.task)
    if not everyone:
        query = query.where(model.c.learner == learner())
    if lab is not None:
        query = query.where(model.c.lab == lab)
    with _engine(url).connect() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def reason(error: Exception) -> str:
    """Return why a progress database cannot be used, without paths."""
    text = str(error).lower()
    if "locked" in text or "busy" in text:
        return "another program is using the progress file; run the cell again in a moment."
    if "no such column" in text or "has no column" in text or "not null constraint" in text:
        return "the progress file is damaged or of another release; run 'secure-ai lab upgrade'."
    if "not a database" in text or "malformed" in text:
        return "the progress file is damaged; move it away, and a new one is made."
    if isinstance(error, OSError) or "readonly" in text or "unable to open" in text or "read-only" in text:
        return f"its place cannot be written; set {VARIABLE} to a file that can."
    return f"the progress database cannot be used ({type(error).__name__}); check {VARIABLE}."
