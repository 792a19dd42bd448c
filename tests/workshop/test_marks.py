"""Marks: a CSV of points, and a course folder whose cells follow nbgrader's schema 3."""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

from secure_ai.cli import invoke
from secure_ai.core.errors import UserError
from secure_ai.learn import progress
from secure_ai.learn.notebook import read_notebook
from secure_ai.learn.tasks import data_inventory
from secure_ai.workshop.cells import checked_task, task_cells
from secure_ai.workshop.hub.room import Room, Settings
from secure_ai.workshop.labs import place
from secure_ai.workshop.marks import as_submission, course_notebooks, marks, plain_cell
from tests.workshop.lab_rooms import a_room, passable_folder

LAB = "03_data_inventory"
TASKS = list(data_inventory.lab.tasks)
KEYS = sorted(path.stem for path in (Path(__file__).resolve().parents[2] / "solutions").glob("*.ipynb"))


@pytest.fixture
def opened(repo_root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Room, Settings]]:
    """A room of three seats; the first learner solved one task."""
    with passable_folder() as folder:
        room, settings = a_room(folder)
        lab = {f"labs/{LAB}.ipynb": (repo_root / "labs" / f"{LAB}.ipynb").read_bytes()}
        for seat in settings.seats:
            assert place(room, settings, seat, lab).problem == ""
        file = room.home("seat-01") / ".secure-ai" / "progress.sqlite"
        monkeypatch.setenv("SECURE_AI_PROGRESS", str(file))
        assert progress.record(LAB, TASKS[0], "correct") == ""
        if settings.own_users:
            os.chown(file, 61001, 61001)
        yield room, settings


@pytest.fixture(scope="module")
def course(repo_root: Path) -> tuple[nbformat.NotebookNode, nbformat.NotebookNode]:
    """Source and release of a lab."""
    return course_notebooks(read_notebook(repo_root / "solutions" / f"{LAB}.ipynb"), LAB, TASKS)


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "marks.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def check_metadata(node: nbformat.NotebookNode) -> None:
    """What nbgrader 0.9 demands of cells: ``nbgraderformat/v3.json`` and its validator, in short."""
    nbformat.validate(node)
    seen = set()
    for cell in node.cells:
        about = cell.metadata.get("nbgrader")
        if about is None:
            continue
        assert set(about) <= {
            "schema_version", "grade", "locked", "solution", "task", "grade_id", "points", "checksum",
            "cell_type",
        }  # fmt: skip
        assert about["schema_version"] == 3
        assert all(type(about[name]) is bool for name in ("grade", "locked", "solution"))
        assert about.get("task") is not True
        assert cell.cell_type == "code"
        assert re.fullmatch(r"[a-zA-Z0-9_\-]+", about["grade_id"]) and about["grade_id"] not in seen
        seen.add(about["grade_id"])
        assert ("points" in about) == about["grade"]
        assert not about["grade"] or about["points"] > 0
        assert "checksum" not in about or re.fullmatch(r"[0-9a-f]{32}", about["checksum"])
        assert about.get("cell_type", "code") == cell.cell_type


def test_the_csv_has_a_row_for_each_learner_and_task_and_no_name(opened, tmp_path):
    room, settings = opened
    done = marks(room, settings, "3", tmp_path / "out", "csv")
    found = rows(tmp_path / "out")
    assert [(row["seat"], row["task"]) for row in found] == [
        (seat.name, task) for seat in settings.seats for task in TASKS
    ]
    assert {row["seat"]: 0 for row in found} and sum(float(row["points"]) for row in found) == 1.0
    assert (found[0]["status"], found[0]["of"], done.marked) == ("correct", "1.0", 3)
    assert "Ada" not in (tmp_path / "out" / "marks.csv").read_text()
    # Whoever gets the table alone, or the output alone, knows what the points rest on.
    assert all("own progress file" in row["known_from"] and "can edit" in row["known_from"] for row in found)
    assert "can edit" in str(done) and "--as nbgrader" in str(done)


def test_names_are_written_if_asked_for_and_are_no_formulas(opened, tmp_path):
    room, settings = opened
    marks(room, settings, LAB, tmp_path / "out", "csv", names=True)
    learners = [row["learner"] for row in rows(tmp_path / "out")]
    assert learners[0] == "Ada Lovelace" and learners[-1] == "'=cmd()"
    assert [plain_cell(text) for text in (" @x", "x=1", "-2")] == ["' @x", "x=1", "'-2"]


def test_points_that_are_not_known_are_no_zero(opened, tmp_path):
    room, settings = opened
    (room.home("seat-02") / ".secure-ai" / "progress.sqlite").write_bytes(b"damaged" * 99)
    done = marks(room, settings, LAB, tmp_path / "out", "csv")
    assert {row["seat"] for row in rows(tmp_path / "out")} == {"seat-01", "seat-03"}
    assert done.marked == 2 and "seat-02: The progress file is damaged" in str(done)


def check_course(solution: nbformat.NotebookNode, key: str, tasks: list[str], course: tuple) -> None:
    for node in course:
        check_metadata(node)
        graded = [c for c in node.cells if c.metadata.get("nbgrader", {}).get("grade")]
        assert sorted(c.metadata["nbgrader"]["grade_id"] for c in graded) == sorted(
            f"points-{task}" for task in tasks
        ), key
        answers = [c for c in node.cells if c.metadata.get("nbgrader", {}).get("solution")]
        assert len(answers) >= len(tasks), key
    assert not any("BEGIN SOLUTION" in cell.source for cell in course[1].cells)


def test_every_task_has_answers_a_check_and_points_in_source_and_release(course, repo_root):
    check_course(read_notebook(repo_root / "solutions" / f"{LAB}.ipynb"), LAB, TASKS, course)


@pytest.mark.parametrize("key", KEYS)
def test_every_task_of_every_lab_has_a_check_cell_and_answers_before_it(key, repo_root):
    """What the course is made of, without building every lab: that is a slow test's."""
    from secure_ai.workshop.collect import task_names

    names = task_names(repo_root)[key]
    places = task_cells(read_notebook(repo_root / "solutions" / f"{key}.ipynb"), names)
    assert sorted(places) == sorted(names) and all(answers for answers, _ in places.values())


@pytest.mark.slow
def test_the_course_of_every_lab_has_points_for_every_task(repo_root):
    from secure_ai.learn.builder import tasks_module

    for path in sorted((repo_root / "solutions").glob("*.ipynb")):
        solution = read_notebook(path)
        tasks = list(tasks_module(solution, path.stem).lab.tasks)
        check_course(solution, path.stem, tasks, course_notebooks(solution, path.stem, tasks))


def test_the_course_folder_has_what_nbgrader_reads_and_leaves_out_what_is_damaged(opened, tmp_path):
    room, settings = opened
    (room.home("seat-02") / "labs" / f"{LAB}.ipynb").write_bytes(b"{")
    done = marks(room, settings, LAB, tmp_path / "out", "nbgrader")
    names = sorted(
        p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*") if p.is_file()
    )
    assert names == [
        "marks.json", "nbgrader_config.py", f"release/{LAB}/{LAB}.ipynb", f"source/{LAB}/{LAB}.ipynb",
        "students.csv", f"submitted/seat-01/{LAB}/{LAB}.ipynb", f"submitted/seat-03/{LAB}/{LAB}.ipynb",
    ]  # fmt: skip
    assert done.marked == 2 and "seat-02: The notebook is damaged" in str(done)
    for path in (tmp_path / "out").rglob("*.ipynb"):
        check_metadata(nbformat.read(path, as_version=4))
    assert "Ada" not in (tmp_path / "out" / "students.csv").read_text()


def test_a_submission_gets_the_release_s_metadata_and_none_of_the_learner_s(course, repo_root):
    _, release = course
    lab = read_notebook(repo_root / "labs" / f"{LAB}.ipynb")
    answers, check = task_cells(read_notebook(repo_root / "solutions" / f"{LAB}.ipynb"), TASKS)[TASKS[0]]
    forged = {"schema_version": 3, "grade": True, "grade_id": f"points-{TASKS[0]}", "points": 100,
              "locked": False, "solution": False}  # fmt: skip
    lab.cells[0].metadata["nbgrader"] = forged
    mine = next(cell for cell in lab.cells if cell.id == answers[0])
    mine.source = "def routing_is_valid(number):\n    return True"
    lab.cells = [cell for cell in lab.cells if cell.id != check]
    lab.cells.append(nbformat.v4.new_code_cell("pass", id=f"points-{TASKS[1]}"))
    submitted = as_submission(lab, release)
    check_metadata(submitted)
    graded = [c for c in submitted.cells if c.metadata.get("nbgrader", {}).get("grade")]
    assert {c.metadata["nbgrader"]["points"] for c in graded} == {1.0} and len(graded) == len(TASKS)
    order = [cell.id for cell in submitted.cells]
    assert order.index(answers[0]) < order.index(check) < order.index(graded[0].id)
    assert next(c for c in submitted.cells if c.id == answers[0]).source == mine.source
    assert all("assert lab." in cell.source for cell in graded)


def test_a_cell_that_is_not_python_is_still_known_by_its_check():
    assert checked_task("lab.a.check(x)", ["a"]) == "a"
    assert checked_task("x = (\nlab.a.check(x)", ["a"]) == "a"
    assert checked_task("# lab.a.check(x)", ["a"]) is None
    assert checked_task("lab.b.check(x)", ["a"]) is None


def test_bad_input_is_refused_in_a_sentence_and_writes_nothing(opened, tmp_path, capsys):
    room, settings = opened
    with pytest.raises(UserError, match="nbgrader or csv"):
        marks(room, settings, LAB, tmp_path / "out", "pdf")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("kept")
    for arguments in (["77", "--out", "out"], ["3", "--out", "full"], ["3", "--out", "out", "--as", "pdf"]):
        given = [str(tmp_path / word) if word in ("out", "full") else word for word in arguments]
        assert invoke(["workshop", "marks", *given, "--room", str(room.folder)]) == 2
    assert not (tmp_path / "out").exists() and [p.name for p in (tmp_path / "full").iterdir()] == ["x"]
    assert capsys.readouterr().err.count("Error: ") == 3
    assert invoke(["workshop", "marks", "3", "--out", str(tmp_path / "out"), "--room", str(room.folder)]) == 0
    assert json.loads((tmp_path / "out" / "marks.json").read_text())["as"] == "csv"
