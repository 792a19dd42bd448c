"""Resuming: the path is remembered beside the progress, and the next step is where the learner stopped."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import pytest

from secure_ai.core import UserError
from secure_ai.learn import progress
from secure_ai.learn.map import ROLES
from secure_ai.learn.path_progress import lab_tasks, next_step, path_progress, show_progress
from secure_ai.learn.progress_records import ALONE, HINTS, SOLUTION, UNKNOWN, file_records, own_record
from secure_ai.learn.resume import ChosenPath, remember, remembered
from tests.learn.learners import place_progress, solve

OLD_TABLE = """CREATE TABLE task_progress (learner VARCHAR(64) NOT NULL, lab VARCHAR(100) NOT NULL,
    task VARCHAR(100) NOT NULL, status VARCHAR(20) NOT NULL, attempts INTEGER NOT NULL,
    hints_used INTEGER NOT NULL, first_seen DATETIME NOT NULL, solved_at DATETIME,
    PRIMARY KEY (learner, lab, task))"""
OLD_ROWS = [
    ("03_data_inventory", "routing_is_valid", "correct", 2, 0, "2026-01-05 10:00:00.000000"),
    ("03_data_inventory", "find_labeled", "correct", 3, 2, "2026-01-05 10:10:00.000000"),
    ("03_data_inventory", "table_tier", "incorrect", 1, 0, None),
]


@pytest.fixture
def place(tmp_path, monkeypatch):
    return place_progress(monkeypatch, tmp_path / "kept" / "progress.sqlite")


@pytest.fixture
def old_file(tmp_path):
    """A file as release 0.1.0 wrote it, before help was noted."""
    path = tmp_path / "old.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute(OLD_TABLE)
        for lab, task, status, attempts, hints, solved in OLD_ROWS:
            connection.execute(
                "INSERT INTO task_progress VALUES ('local', ?, ?, ?, ?, ?, ?, ?)",
                (lab, task, status, attempts, hints, "2026-01-05 09:00:00.000000", solved),
            )
    connection.close()
    return path


def test_the_path_is_remembered_beside_the_progress_without_names(place):
    assert remembered() is None
    remember("compliance", "finance")
    assert remembered() == ChosenPath("compliance", "finance")
    remember("security")
    assert remembered() == ChosenPath("security", "")
    kept = json.loads((place.parent / "learning.json").read_text())
    assert kept == {"version": 1, "path": "security", "sector": ""}


@pytest.mark.parametrize(("path", "sector"), [("nurse", ""), ("", ""), ("compliance", "insurance")])
def test_an_unknown_path_or_sector_is_not_remembered(place, path, sector):
    with pytest.raises(UserError, match="choose from"):
        remember(path, sector)
    assert not place.parent.exists()


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{", '{"version": 2, "path": "full", "sector": ""}', '{"version": 1, "path": 3, "sector": ""}',
     '{"version": 1, "path": "full", "sector": "x"}', "[" * 9_000, "\ud800".encode("utf-8", "surrogatepass")],
)  # fmt: skip
def test_a_damaged_memory_is_a_sentence(place, content):
    place.parent.mkdir()
    raw = content if isinstance(content, bytes) else content.encode()
    (place.parent / "learning.json").write_bytes(raw)
    with pytest.raises(UserError, match="choose again with 'secure-ai start --path ROLE'"):
        remembered()


def test_a_new_path_begins_with_its_first_lesson(place):
    assert next_step(path_progress("compliance")).notebook == "notebooks/00_start_here.ipynb"


def test_the_last_lab_that_was_touched_and_is_open_comes_first(place):
    solve("00", "01")
    solve("03", but=("find_labeled",))
    progress.record("05_anonymize_tables", "quasi_identifiers", "incorrect")
    step = next_step(path_progress("compliance"))
    assert step.notebook == "labs/05_anonymize_tables.ipynb"
    assert "0 of 5 tasks solved, next quasi_identifiers" in step.sentence
    solve("05")
    step = next_step(path_progress("compliance"))
    assert step.notebook == "labs/03_data_inventory.ipynb" and "next find_labeled" in step.sentence
    solve("03")
    assert next_step(path_progress("compliance")).notebook == "notebooks/04_minimize_and_deidentify.ipynb"


def test_a_lesson_whose_quiz_was_answered_is_followed_by_its_lab(place):
    progress.record("quiz:start_here", "question_1", "correct")
    assert next_step(path_progress("compliance")).notebook == "labs/00_start_here.ipynb"


def test_labs_of_other_paths_do_not_lead_away(place):
    progress.record("07_encryption", "seal_record", "incorrect")
    assert next_step(path_progress("compliance")).notebook == "notebooks/00_start_here.ipynb"


def test_what_the_kit_does_not_hold_is_passed_over(place, tmp_path):
    (tmp_path / "kit" / "notebooks").mkdir(parents=True)
    (tmp_path / "kit" / "notebooks" / "01_why_security.ipynb").write_text("{}")
    step = next_step(path_progress("compliance"), tmp_path / "kit")
    assert step.notebook == "notebooks/01_why_security.ipynb"


def test_of_two_capstones_the_one_of_the_sector_counts(place):
    numbers = {
        sector: [one.number for one in path_progress("ml_engineer", sector=sector).chapters][-1]
        for sector in ("healthcare", "finance", "")
    }
    assert numbers == {"healthcare": "18", "finance": "19", "": "18"}
    solve("19")
    assert path_progress("ml_engineer").chapters[-1].number == "19", "without a sector, the one that was done"
    assert {"18", "19"} <= {one.number for one in path_progress("full", sector="finance").chapters}


def test_a_path_without_labs_counts_the_questions(place):
    path = path_progress("executive")
    assert [one.words() for one in path.chapters] == ["0 of 2 questions", "0 of 4 questions", "not counted"]
    assert next_step(path).notebook == "notebooks/00_start_here.ipynb"


@pytest.mark.parametrize("role", list(ROLES))
def test_every_path_has_something_to_count_and_a_next_step(place, role):
    path = path_progress(role)
    assert path.counted and not path.complete and next_step(path).notebook


def test_the_table_in_a_notebook_says_what_reading_cannot(place):
    with pytest.raises(UserError, match="No path is chosen yet"):
        show_progress()
    remember("executive")
    text = show_progress().text()
    assert "Path: Executive" in text and "Reading a lesson leaves no trace" in text
    assert 'href="../notebooks/00_start_here.ipynb"' in show_progress("analyst").html()


def test_help_before_the_solution_is_told_apart_from_help_after_it(place):
    one, two, three, four = lab_tasks("03_data_inventory")[:4]
    lab = "03_data_inventory"
    progress.record(lab, one, "correct")
    progress.record(lab, one, hints_used=1)
    progress.record(lab, one, solution_shown=True)
    progress.record(lab, two, hints_used=2)
    progress.record(lab, two, "correct")
    progress.record(lab, three, solution_shown=True)
    progress.record(lab, three, "correct")
    progress.record(lab, four, solution_shown=True)
    found = own_record().of(lab)
    assert [found[name].help for name in (one, two, three, four)] == [ALONE, HINTS, SOLUTION, SOLUTION]
    assert not found[four].solved and found[four].status == "not_attempted"


def test_showing_a_solution_is_noted_by_the_task_itself(place):
    from secure_ai.learn.tasks import start_here

    start_here.lab.tasks["safer"].solution()
    assert own_record().of("00_start_here")["safer"].help == SOLUTION


def test_resetting_a_lab_forgets_its_help(place):
    progress.record("lab", "t", solution_shown=True)
    assert progress.reset("lab") == 1
    progress.record("lab", "t", "correct")
    assert own_record().of("lab")["t"].help == ALONE


def test_a_file_of_an_older_release_is_read_and_given_what_it_lacks(place, old_file):
    place.parent.mkdir()
    shutil.copy(old_file, place)
    before = own_record()
    helped = {name: task.help for name, task in before.of("03_data_inventory").items()}
    assert helped == {"routing_is_valid": UNKNOWN, "find_labeled": HINTS, "table_tier": ALONE}
    assert progress.record("03_data_inventory", "table_tier", solution_shown=True) == ""
    assert progress.record("03_data_inventory", "table_tier", "correct") == ""
    assert own_record().of("03_data_inventory")["table_tier"].help == SOLUTION
    assert own_record().code == before.code and len(before.code) == 14
    assert own_record().of("03_data_inventory")["routing_is_valid"].help == UNKNOWN


def test_an_older_file_that_was_handed_in_stays_as_it_is(old_file):
    raw = old_file.read_bytes()
    [learner] = file_records(old_file)
    assert len(learner.tasks) == 3 and learner.code.startswith("file-")
    assert old_file.read_bytes() == raw and sorted(old_file.parent.iterdir()) == [old_file]


def test_an_older_file_that_cannot_be_written_is_still_read(place, old_file, monkeypatch):
    monkeypatch.setenv("SECURE_AI_PROGRESS", f"sqlite:///file:{old_file}?mode=ro&uri=true")
    assert own_record().of("03_data_inventory")["routing_is_valid"].help == UNKNOWN


def test_switched_off_progress_is_empty(monkeypatch):
    monkeypatch.setenv("SECURE_AI_PROGRESS", "off")
    assert own_record().tasks == () and not path_progress("compliance").complete


def test_a_damaged_file_is_a_sentence_without_its_path(place):
    place.parent.mkdir()
    place.write_bytes(b"no database " * 200)
    with pytest.raises(UserError, match="Progress cannot be read: the progress file is damaged") as raised:
        path_progress("compliance")
    assert str(Path(place).parent) not in str(raised.value)
