"""Progress files of older releases, damaged, cut off and newer ones: read, brought up to date and joined.

``older/progress.sqlite`` was made by the code of commit 6598d64.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from secure_ai.learn import progress
from secure_ai.workshop.progress_files import join, migrate

OLDER = Path(__file__).with_name("older")
LAB = "03_data_inventory"
NOW = datetime(2026, 3, 4, 10, 20, 30)


def rows(path: Path) -> dict[str, tuple[str, int, int]]:
    found = progress.summary(path)
    return {row.task: (row.status, row.attempts, row.hints_used) for row in found.itertuples()}


def test_a_progress_file_of_the_older_release_is_read_and_written_by_this_one(tmp_path, monkeypatch):
    path = tmp_path / "progress.sqlite"
    shutil.copy(OLDER / "progress.sqlite", path)
    monkeypatch.setenv("SECURE_AI_PROGRESS", str(path))
    assert progress.statuses(LAB)["routing_is_valid"] == "correct"
    assert progress.record(LAB, "table_tier", "correct") == ""
    assert rows(path)["table_tier"] == ("correct", 2, 2)


def test_a_file_without_columns_that_came_later_is_rebuilt_with_every_row_and_a_copy(tmp_path):
    path = tmp_path / "progress.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE task_progress (lab TEXT, task TEXT, status TEXT, attempts INTEGER)")
        database.execute(
            "INSERT INTO task_progress VALUES ('03', 'a', 'correct', 4), ('03', 'b', 'error', 1)"
        )
    assert "was of an older release" in migrate(path, NOW)[0]
    assert rows(path) == {"a": ("correct", 4, 0), "b": ("error", 1, 0)}
    assert (tmp_path / "progress.before-2026-03-04T102030.sqlite").is_file()
    assert migrate(path, NOW) == []


@pytest.mark.parametrize("content", [b"no database at all, but long enough to be one" * 40])
def test_a_damaged_progress_file_is_moved_aside(tmp_path, content):
    path = tmp_path / "progress.sqlite"
    path.write_bytes(content)
    assert "was damaged" in migrate(path, NOW)[0]
    assert (tmp_path / "progress.damaged-2026-03-04T102030.sqlite").read_bytes() == content
    assert not path.exists() and migrate(path, NOW) == []


def test_joined_progress_shows_the_better_of_both(tmp_path, monkeypatch):
    target = tmp_path / "progress.sqlite"
    monkeypatch.setenv("SECURE_AI_PROGRESS", str(target))
    for name, status in (
        ("routing_is_valid", "incorrect"),
        ("table_tier", "correct"),
        ("clean_texts", "error"),
    ):
        assert progress.record(LAB, name, status) == ""
    said = join(OLDER / "progress.sqlite", target, NOW)
    assert rows(target) == {
        "routing_is_valid": ("correct", 2, 0), "find_labeled": ("correct", 1, 0),
        "table_tier": ("correct", 1, 2), "clean_texts": ("error", 1, 0),
    }  # fmt: skip
    assert "3 tasks" in said[0] and join(OLDER / "none.sqlite", target, NOW) == []
    assert {path.name for path in tmp_path.iterdir()} == {"progress.sqlite"}


def _cut_off_while_writing(path: Path) -> None:
    """Leave a file as a kernel leaves it that is killed in the middle of a write."""
    code = (
        "import os, sqlite3; c = sqlite3.connect(os.environ['FILE']); c.execute('PRAGMA cache_size=1');"
        "c.execute('BEGIN'); c.execute('CREATE TABLE filler (text)');"
        "[c.execute('INSERT INTO filler VALUES (hex(randomblob(3000)))') for _ in range(200)];"
        "c.execute(\"UPDATE task_progress SET status = 'incorrect'\"); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", code], env={"FILE": str(path)}, check=True)
    assert path.with_name(path.name + "-journal").stat().st_size > 0


def test_progress_whose_last_write_was_cut_off_is_as_before_that_write(tmp_path):
    source, target = tmp_path / "older" / "progress.sqlite", tmp_path / "new" / "progress.sqlite"
    source.parent.mkdir()
    shutil.copy(OLDER / "progress.sqlite", source)
    before = rows(source)
    _cut_off_while_writing(source)
    left = {path.name: path.read_bytes() for path in source.parent.iterdir()}
    assert join(source, target, NOW) == ["Your progress came over."]
    assert left == {path.name: path.read_bytes() for path in source.parent.iterdir()}
    assert rows(target) == before and [path.name for path in target.parent.iterdir()] == [target.name]
    _cut_off_while_writing(target)
    assert migrate(target, NOW) == [] and rows(target) == before


def _newer(path: Path) -> bytes:
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute("ALTER TABLE task_progress ADD COLUMN mood TEXT")
    return path.read_bytes()


def test_progress_of_a_newer_release_is_told_and_left_as_it_is(tmp_path):
    path = tmp_path / "theirs.sqlite"
    shutil.copy(OLDER / "progress.sqlite", path)
    content = _newer(path)
    [said] = migrate(path, NOW)
    assert "newer release" in said and path.read_bytes() == content
    [said] = join(path, tmp_path / "new" / "progress.sqlite", NOW)
    assert "newer release" in said and list((tmp_path / "new").iterdir()) == []
    mine = tmp_path / "mine.sqlite"
    shutil.copy(OLDER / "progress.sqlite", mine)
    content = _newer(mine)
    [said] = join(OLDER / "progress.sqlite", mine, NOW)
    assert "newer release" in said and mine.read_bytes() == content


@pytest.mark.parametrize("change", ["RENAME COLUMN hints_used TO help", "ADD COLUMN mood TEXT"])
def test_a_check_whose_progress_file_is_of_another_release_names_the_command(tmp_path, monkeypatch, change):
    path = tmp_path / "progress.sqlite"
    shutil.copy(OLDER / "progress.sqlite", path)
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute(f"ALTER TABLE task_progress {change}")
        if change.startswith("ADD"):  # a newer release insists on its column
            database.execute("CREATE TABLE newer (learner, lab, task, mood TEXT NOT NULL)")
            database.execute(
                "CREATE TRIGGER mood BEFORE INSERT ON task_progress WHEN new.mood IS NULL BEGIN "
                "INSERT INTO newer VALUES (new.learner, new.lab, new.task, new.mood); END"
            )
    monkeypatch.setenv("SECURE_AI_PROGRESS", str(path))
    said = progress.record(LAB, "choose_threshold", "correct")
    assert "of another release" in said and "secure-ai lab upgrade" in said
