"""Marks for those who must give them: a CSV of points, or a course folder that nbgrader reads.

The points of the CSV follow each learner's own progress file, which the learner can write. nbgrader's do not:
it runs the notebooks again, with the cells that give points taken from the instructor's copy.

The metadata of cells follows nbgrader's schema 3 (nbgrader 0.9, ``nbgrader/nbgraderformat/v3.json``).
"""

from __future__ import annotations

import copy
import csv
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from secure_ai.core.errors import UserError
from secure_ai.core.outputs import atomic_directory
from secure_ai.learn.builder import SOLUTION_ONLY, build_lab, tasks_module
from secure_ai.learn.labs import find_lab
from secure_ai.learn.notebook import canonical_text, minimal_metadata, read_notebook, tags
from secure_ai.project import project_root
from secure_ai.workshop.cells import check_call, notebook_of, task_cells
from secure_ai.workshop.collect import Work, check_out, works_of
from secure_ai.workshop.hub.room import Room, Settings

FORMS = ("nbgrader", "csv")
FORMAT = "secure-ai marks 1"
NOTE = "marks.json"
SCHEMA = 3
POINTS = (
    1.0  # a task: the kit's own, and meant to be argued with; no task of a lab is much longer than another
)
COLUMNS = (
    "seat", "lab", "task", "status", "points", "of", "attempts", "hints_used", "solution_shown", "known_from",
)  # fmt: skip
# Stands in each row, because a table is passed on without the folder that it came in.
KNOWN_FROM = "the learner's own progress file, which the learner can edit"
CONFIGURATION = '''"""The labs of a workshop, for nbgrader."""

c = get_config()
c.CourseDirectory.course_id = "secure-ai"
c.ExecutePreprocessor.timeout = 300
'''


@dataclass(frozen=True)
class Marks:
    """What was written.

    Attributes:
        folder: where.
        lab: the lab's key.
        marked: number of seats in it.
        left_out: a sentence for each seat that is not, or whose points are not known.
        form: one of ``FORMS``.
    """

    folder: Path
    lab: str
    marked: int
    left_out: tuple[str, ...]
    form: str = "nbgrader"

    def __str__(self) -> str:
        lines = [*self.left_out, f"Marks of {self.lab} for {self.marked} seats are in {self.folder.name}/."]
        if self.form == "csv":
            lines.append(
                "They follow each learner's own progress file, which the learner can edit: "
                "where marks count, use --as nbgrader."
            )
        return "\n".join(lines)


def marks(room: Room, settings: Settings, lab: str, out: Path, form: str, *, names: bool = False) -> Marks:
    """Write the marks of a lab; learners stand there by seat.

    Args:
        room: the room.
        settings: its settings.
        lab: ``03`` or ``03_data_inventory``.
        out: folder that is new, empty or holds earlier marks, which are replaced as a whole.
        form: ``csv`` (``marks.csv``: one row a learner and task) or ``nbgrader`` (``source``, ``release``,
            ``submitted/SEAT/LAB/LAB.ipynb``, ``students.csv`` and a configuration).
        names: whether the learners' names of the roster go into the files.

    Raises:
        UserError: if there is no such lab or form, or ``out`` cannot be written or holds something else.
    """
    if form not in FORMS:
        raise UserError(f"Marks are written as {' or '.join(FORMS)}, not as {form[:20]!r}.")
    root = project_root()
    key = find_lab(root, lab)
    solution = read_notebook(root / "solutions" / f"{key}.ipynb")
    tasks = list(tasks_module(solution, key).lab.tasks)
    check_out(room, out, NOTE, FORMAT)
    works = [works_of(room, settings, seat, [key], root)[0] for seat in settings.seats]
    learners = {seat.name: seat.learner for seat in settings.seats} if names else {}
    with atomic_directory(Path(out)) as draft:
        draft.chmod(0o700)
        if form == "csv":
            left_out = _write_csv(draft, works, tasks, learners)
        else:
            source, release = course_notebooks(solution, key, tasks)
            _write_notebook(draft / "source" / key / f"{key}.ipynb", source)
            left_out = _write_course(draft, works, learners, release)
        note = {"format": FORMAT, "as": form, "lab": key, "left_out": left_out}
        (draft / NOTE).write_text(json.dumps(note, indent=1) + "\n", encoding="utf-8")
    return Marks(Path(out), key, len(works) - len(left_out), tuple(left_out), form)


# ------------------------------------------------------------------------------------------------ CSV


def _write_csv(draft: Path, works: list[Work], tasks: list[str], learners: dict[str, str]) -> list[str]:
    columns = [COLUMNS[0], *(["learner"] if learners else []), *COLUMNS[1:]]
    with (draft / "marks.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for work in works:
            for name in tasks:
                state = work.tasks.get(name)
                if state is None or _unknown(work):
                    continue
                points = POINTS if state.status == "correct" else 0.0
                who = [work.seat, *([plain_cell(learners[work.seat])] if learners else [])]
                row = [work.lab, name, state.status, points, POINTS, state.attempts, state.hints_used]
                writer.writerow([*who, *row, "yes" if state.solution_shown else "no", KNOWN_FROM])
    return [f"{work.seat}: {work.progress or work.why}" for work in works if _unknown(work)]


def _unknown(work: Work) -> bool:
    """Whether a learner's points are not known; not known is not zero."""
    return bool(work.progress) or work.state == "unreadable"


def plain_cell(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.lstrip()[:1] in tuple("=+-@\t\r") else text


# ------------------------------------------------------------------------------------------- nbgrader


def _write_course(
    draft: Path, works: list[Work], learners: dict[str, str], release: NotebookNode
) -> list[str]:
    key = works[0].lab if works else ""
    (draft / "nbgrader_config.py").write_text(CONFIGURATION, encoding="utf-8")
    _write_notebook(draft / "release" / key / f"{key}.ipynb", release)
    left_out, rows = [], [["id", "first_name", "last_name", "email"]]
    for work in works:
        rows.append([work.seat, "", plain_cell(learners.get(work.seat, "")), ""])
        node = notebook_of(work.data) if work.data is not None else None
        if node is None:
            left_out.append(f"{work.seat}: {work.why or 'there is no notebook of this lab.'}")
            continue
        path = draft / "submitted" / work.seat / key / f"{key}.ipynb"
        _write_notebook(path, as_submission(node, release))
    with (draft / "students.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return left_out


def course_notebooks(solution: NotebookNode, key: str, tasks: list[str]) -> tuple[NotebookNode, NotebookNode]:
    """Return the instructor's and the learners' version of a lab with the metadata of nbgrader's schema 3.

    Answers are solution cells, checks are locked, and after the last check of each task comes a locked cell
    that is worth the task's points: it fails unless the check accepts the answer.

    Args:
        solution: the answer key.
        key: the lab's key.
        tasks: names of its tasks.
    """
    source = minimal_metadata(solution)
    source.cells = [cell for cell in source.cells if SOLUTION_ONLY not in tags(cell)]
    release = copy.deepcopy(build_lab(solution, key)[0])
    places = task_cells(solution, tasks)
    calls = {cell.id: cell.source for cell in source.cells}
    for node in (source, release):
        for name, (answers, check) in places.items():
            for cell in node.cells:
                if cell.id in answers:
                    _mark(cell, solution=True)
                elif cell.id == check:
                    _mark(cell, locked=True)
            _insert_after(node, check, points_cell(name, check_call(calls[check])))
    release.metadata.pop("secure_ai", None)  # its digest is that of a lab without these cells
    _add_checksums(release)
    return source, release


def points_cell(task: str, call: str) -> NotebookNode:
    """Return the locked cell that is worth a task's points."""
    source = f'assert {call}.accepted, "The task {task} is not solved yet."'
    cell = nbformat.v4.new_code_cell(source, id=f"points-{task}"[:64])
    cell.metadata["nbgrader"] = _metadata(f"points-{task}", grade=True, locked=True, points=POINTS)
    return cell


def as_submission(node: NotebookNode, release: NotebookNode) -> NotebookNode:
    """Return a learner's notebook with the metadata of the release, cell by cell.

    Metadata that the learner wrote is dropped. A cell of a task that is gone comes back as it was released,
    after the one before it; cells that the learner added stay.

    Args:
        node: what the learner has; it is not changed.
        release: the release, from ``course_notebooks``.
    """
    submitted = minimal_metadata(node)
    after = -1
    for wanted in release.cells:
        if "nbgrader" not in wanted.metadata:
            continue
        where = [number for number, cell in enumerate(submitted.cells) if cell.id == wanted.id]
        is_code = bool(where) and submitted.cells[where[0]].cell_type == "code"
        if where and is_code and not wanted.metadata["nbgrader"]["grade"]:
            submitted.cells[where[0]].metadata["nbgrader"] = copy.deepcopy(wanted.metadata["nbgrader"])
            after = max(after, where[0])
        else:
            for number in where:  # a cell of its own with the id of one that gives points, or now a text
                submitted.cells[number].id = f"{wanted.id[:40]}-learner{number}"
            submitted.cells.insert(after + 1, copy.deepcopy(wanted))
            after += 1
    return submitted


def checksum(cell: NotebookNode) -> str:
    """Return what nbgrader calls the checksum of a cell (``nbgrader.utils.compute_checksum``)."""
    about = cell.metadata["nbgrader"]
    parts = [cell.source, cell.cell_type, *(str(about[name]) for name in ("grade", "solution", "locked"))]
    parts += [about["grade_id"], *([str(float(about["points"]))] if about["grade"] else [])]
    return hashlib.md5("".join(parts).encode("utf-8"), usedforsecurity=False).hexdigest()


def _metadata(grade_id: str, **given: Any) -> dict[str, Any]:
    flags = {"grade": False, "locked": False, "solution": False, "task": False}
    return {"schema_version": SCHEMA, "grade_id": grade_id, **flags, **given}


def _mark(cell: NotebookNode, **given: Any) -> None:
    cell.metadata["nbgrader"] = _metadata(cell.id, **given)


def _insert_after(node: NotebookNode, cell_id: str, new: NotebookNode) -> None:
    where = next(number for number, cell in enumerate(node.cells) if cell.id == cell_id)
    node.cells.insert(where + 1, new)


def _add_checksums(node: NotebookNode) -> None:
    for cell in node.cells:
        if "nbgrader" in cell.metadata:
            cell.metadata["nbgrader"] |= {"checksum": checksum(cell), "cell_type": cell.cell_type}


def _write_notebook(path: Path, node: NotebookNode) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(canonical_text(node), encoding="utf-8", newline="")
