"""Progress: nothing lost, nothing personal, and never in the way of a result."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys

import pytest
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from secure_ai.core import UserError
from secure_ai.learn import progress
from secure_ai.learn.engine import Lab, Status, correct


@pytest.fixture
def place(tmp_path, monkeypatch):
    path = tmp_path / "progress.sqlite"
    monkeypatch.setenv("SECURE_AI_PROGRESS", str(path))
    monkeypatch.delenv("SECURE_AI_LEARNER", raising=False)
    return path


@pytest.fixture
def task():
    return Lab("lab", title="Lab").task(prompt="p", hints=("a", "b"), name="t")(lambda value: correct("Yes."))


def test_attempts_hints_and_times_are_kept(place):
    for status in ("not_attempted", "incorrect", "error", "correct", "incorrect"):
        assert progress.record("lab", "t", status) == ""
    for number in (1, 3, 2):
        assert progress.record("lab", "t", hints_used=number) == ""
    row = progress.summary().iloc[0]
    assert (row["lab"], row["task"], row["status"], row["attempts"], row["hints_used"]) == (
        "lab",
        "t",
        "correct",
        4,
        3,
    )
    assert row["first_seen"] <= row["solved_at"]


def test_time_of_solving_is_the_first(place):
    progress.record("lab", "t", "correct")
    first = progress.summary().iloc[0]["solved_at"]
    progress.record("lab", "t", "correct")
    assert progress.summary().iloc[0]["solved_at"] == first


def test_untouched_starter_hides_no_attempt(place):
    progress.record("lab", "t", "incorrect")
    progress.record("lab", "t", "not_attempted")
    assert progress.statuses("lab") == {"t": "incorrect"}


def test_labs_are_apart_and_reset_forgets_one(place):
    progress.record("one", "t", "correct")
    progress.record("two", "t", "incorrect")
    assert progress.reset("one") == 1
    assert progress.statuses("one") == {} and progress.statuses("two") == {"t": "incorrect"}
    assert progress.reset("one") == 0


def test_only_task_status_and_counts_are_stored(place, task):
    task.check("the answer 4711")
    with sqlite3.connect(place) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(task_progress)")]
    assert columns == [
        "learner",
        "lab",
        "task",
        "status",
        "attempts",
        "hints_used",
        "first_seen",
        "solved_at",
    ]
    assert b"4711" not in place.read_bytes()


def test_another_session_sees_what_was_solved(place, task):
    task.check(1)
    again = Lab("lab", title="Lab")
    again.task(prompt="p", hints=("a", "b"), name="t")(lambda value: correct("Yes."))
    assert again.statuses() == {"t": Status.CORRECT}


def test_learners_of_a_workshop_share_a_database_by_code(place, monkeypatch):
    for code in ("r2d2", "c3po"):
        monkeypatch.setenv("SECURE_AI_LEARNER", code)
        progress.record("lab", "t", "correct" if code == "r2d2" else "incorrect")
    assert progress.statuses("lab") == {"t": "incorrect"}
    everyone = progress.summary(place)
    assert everyone["learner"].tolist() == ["c3po", "r2d2"]
    assert len(progress.summary()) == 1
    progress.reset("lab")
    assert progress.summary(place)["learner"].tolist() == ["r2d2"]


def test_same_model_and_statement_compile_for_postgresql(place, monkeypatch):
    """No server here: the statements are checked as text, a real one is the workshop's test."""
    ddl = str(CreateTable(progress.table(), if_not_exists=True).compile(dialect=postgresql.dialect()))
    assert "CREATE TABLE IF NOT EXISTS task_progress" in ddl and "TIMESTAMP WITH TIME ZONE" in ddl
    seen = []

    class Connection:
        def __enter__(self):
            return self

        def __exit__(self, *error):
            return None

        def execute(self, statement):
            seen.append(str(statement.compile(dialect=postgresql.dialect())))

    class Engine:
        dialect = postgresql.dialect()
        begin = Connection

    progress._upsert(Engine(), "lab", "t", "correct", 0)
    assert "ON CONFLICT (learner, lab, task) DO UPDATE SET" in seen[0]


WRITER = """
from secure_ai.learn import progress
for _ in range(12):
    assert progress.record("lab", "t", "incorrect") == ""
"""


def test_kernels_that_write_at_once_lose_nothing(place):
    writers = [subprocess.Popen([sys.executable, "-c", WRITER], stderr=subprocess.PIPE) for _ in range(4)]
    for writer in writers:
        _, err = writer.communicate(timeout=60)
        assert writer.returncode == 0, err
    assert progress.summary().iloc[0]["attempts"] == 48


def _read_only(tmp_path):
    path = tmp_path / "ro.sqlite"
    progress._upsert(progress._engine(f"sqlite:///{path}"), "lab", "t", "incorrect", 0)
    return f"sqlite:///file:{path}?mode=ro&uri=true", "its place cannot be written"


def _no_folder(tmp_path):
    (tmp_path / "file").write_text("x")
    return str(tmp_path / "file" / "progress.sqlite"), "its place cannot be written"


def _corrupt(tmp_path):
    (tmp_path / "bad.sqlite").write_bytes(b"this is no database, " * 200)
    return str(tmp_path / "bad.sqlite"), "the progress file is damaged"


def _other_table(tmp_path):
    with sqlite3.connect(tmp_path / "other.sqlite") as connection:
        connection.execute("CREATE TABLE task_progress (x)")
    return str(tmp_path / "other.sqlite"), "the progress file is damaged"


def _unknown_driver(tmp_path):
    return "nosuchdatabase://somewhere", "cannot be used"


def _no_server(tmp_path):
    return "postgresql://user:hunter2@127.0.0.1:1/db", "cannot be used"


@pytest.mark.parametrize(
    "broken", [_read_only, _no_folder, _corrupt, _other_table, _unknown_driver, _no_server]
)
def test_result_is_shown_although_progress_cannot_be_saved(broken, tmp_path, monkeypatch, task):
    where, reason = broken(tmp_path)
    monkeypatch.setenv("SECURE_AI_PROGRESS", where)
    result = task.check(1)
    assert result.accepted and result.message == "Yes."
    assert result.note.startswith("Progress was not saved: ") and reason in result.note
    assert str(tmp_path) not in result.text() and "hunter2" not in result.text()
    assert result.note in result.text() and "Progress was not saved" in result.html()
    assert "Progress was not saved" in task.hint().text()
    assert task.lab.progress().text().splitlines()[0] == "Lab: 1 of 1 tasks solved", "the session still knows"
    with pytest.raises(UserError, match="Progress was not reset"):
        progress.reset("lab")


def test_locked_database_is_said(place, monkeypatch, task):
    monkeypatch.setattr(progress, "BUSY_SECONDS", 0.1)
    progress._engine.cache_clear()
    task.check(1)
    with sqlite3.connect(place) as other:
        other.execute("BEGIN EXCLUSIVE")
        note = task.check(1).note
    other.close()
    progress._engine.cache_clear()
    assert note.startswith("Progress was not saved: another program is using the progress file")
    assert task.check(1).note == ""


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_write_protected_file_is_said(place, task):
    task.check(1)
    place.chmod(0o400)
    place.parent.chmod(0o500)
    try:
        assert "its place cannot be written" in task.check(1).note
    finally:
        place.parent.chmod(0o700)


def test_file_moved_away_while_the_kernel_runs_is_begun_anew(place, task):
    task.check(1)
    place.unlink()
    assert task.check(1).note == ""
    assert progress.statuses("lab") == {"t": "correct"}


def test_unknown_status_in_the_file_is_passed_over(place, task):
    progress.record("lab", "t", "splendid")
    assert task.lab.statuses() == {"t": Status.NOT_ATTEMPTED}


def test_switched_off_keeps_nothing_but_the_session(tmp_path, monkeypatch, task):
    monkeypatch.setenv("SECURE_AI_PROGRESS", "off")
    monkeypatch.chdir(tmp_path)
    assert task.check(1).note == "" and task.lab.statuses() == {"t": Status.CORRECT}
    assert progress.address() is None and progress.summary().empty and progress.reset("lab") == 0
    assert list(tmp_path.iterdir()) == []


def test_file_lies_in_the_project_and_else_at_home(tmp_path, monkeypatch):
    monkeypatch.delenv("SECURE_AI_PROGRESS", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    inside = tmp_path / "kit" / "notebooks" / "assessments"
    inside.mkdir(parents=True)
    monkeypatch.chdir(inside)
    (inside / "pyproject.toml").write_text('[project]\nname = "another"\n')
    assert progress.address() == f"sqlite:///{tmp_path / 'home' / '.secure-ai' / 'progress.sqlite'}"
    (tmp_path / "kit" / "pyproject.toml").write_text('[project]\nname = "secure-ai"\n')
    assert progress.address() == f"sqlite:///{tmp_path / 'kit' / '.progress' / 'progress.sqlite'}"
    assert progress.record("lab", "t", "correct") == ""
    assert (tmp_path / "kit" / ".progress" / "progress.sqlite").is_file()


def test_summary_of_a_missing_file_is_a_sentence_and_makes_none(place, tmp_path):
    with pytest.raises(UserError, match=r"There is no progress file nothing\.sqlite"):
        progress.summary(tmp_path / "nothing.sqlite")
    assert not (tmp_path / "nothing.sqlite").exists()
    assert progress.summary().empty and list(progress.summary().columns) == list(progress.SUMMARY_COLUMNS)


def test_summary_of_a_damaged_file_is_a_sentence(tmp_path):
    (tmp_path / "bad.sqlite").write_bytes(b"no database " * 200)
    with pytest.raises(UserError, match="Progress cannot be read: the progress file is damaged"):
        progress.summary(tmp_path / "bad.sqlite")
