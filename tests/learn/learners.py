"""Progress of learners at chosen times, for the tests of pages, certificates and records."""

from __future__ import annotations

import datetime as dt
import sqlite3
from pathlib import Path

from secure_ai.learn import progress
from secure_ai.learn.map import CHAPTERS, find_role
from secure_ai.learn.path_progress import lab_tasks

START = dt.datetime(2026, 3, 2, 9, 0, tzinfo=dt.UTC)


def place_progress(monkeypatch, path: Path) -> Path:
    """Keep progress in ``path`` as the learner of this machine."""
    monkeypatch.setenv("SECURE_AI_PROGRESS", str(path))
    monkeypatch.delenv("SECURE_AI_LEARNER", raising=False)
    return path


def solve(*numbers: str, but: tuple[str, ...] = ()) -> None:
    """Solve every task of chapters, save those named."""
    for number in numbers:
        key = CHAPTERS[number].key
        for task in lab_tasks(key):
            if task not in but:
                assert progress.record(key, task, "correct") == ""


def solve_path(role: str) -> None:
    """Solve every task of a path."""
    solve(*(number for number in find_role(role).chapters if number != "RA"))


def at_fixed_times(path: Path) -> None:
    """Give the tasks of a file times that are the same in every run, a minute apart; help was before."""
    with sqlite3.connect(path) as connection:
        rows = connection.execute(
            "SELECT learner, lab, task, solved_at FROM task_progress ORDER BY lab, task"
        )
        for number, (*key, solved) in enumerate(rows.fetchall()):
            when = START + dt.timedelta(minutes=number)
            text = when.strftime("%Y-%m-%d %H:%M:%S.%f")
            connection.execute(
                "UPDATE task_progress SET first_seen = ?, solved_at = ? "
                "WHERE learner = ? AND lab = ? AND task = ?",
                (text, text if solved else None, *key),
            )
        before = (START - dt.timedelta(minutes=1)).strftime("%Y-%m-%d %H:%M:%S.%f")
        for column in ("hint_at", "solution_at"):
            connection.execute(f"UPDATE task_help SET {column} = ? WHERE {column} IS NOT NULL", (before,))
        since = (START - dt.timedelta(days=1)).isoformat()
        connection.execute("UPDATE progress_facts SET value = ? WHERE name = 'help_since'", (since,))
        connection.execute("UPDATE progress_facts SET value = 'code-0000-0001' WHERE name = 'code'")
    connection.close()
