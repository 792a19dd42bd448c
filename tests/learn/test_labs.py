"""Listing, resetting and submitting labs: work is never lost, and a receipt holds no answers."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import nbformat
import pytest

from secure_ai import __version__
from secure_ai.core import UserError
from secure_ai.learn.builder import build_all, build_in_memory, holds_work, why_different
from secure_ai.learn.forkserver import KERNEL_NAME
from secure_ai.learn.labs import back_up, describe_labs, find_lab, list_labs, reset_lab, submit_lab
from secure_ai.learn.notebook import read_notebook, write_notebook

TASKS = """
from secure_ai.learn.engine import Lab, attempt, correct, fresh, incorrect

lab = Lab("03_sample", title="Sample")
progress = lab.progress


@lab.task(prompt="Hide it.", hints=("Look.", "Closer."))
def mask(value):
    n = int(fresh().integers(2, 9))
    return correct("Hidden.") if attempt(value, "a" * n) == "*" * n else incorrect("It shows.")


@lab.task(prompt="Count.", hints=("Look.", "Closer."))
def count(value):
    n = int(fresh().integers(2, 9))
    return correct("Counted.") if attempt(value, "a" * n) == n else incorrect("Not the number.")
"""
NOW = datetime(2026, 11, 20, 14, 5, 9)
NAME = "03_sample.ipynb"


pytestmark = pytest.mark.usefixtures("warm_kernels")


@pytest.fixture
def kit(tmp_path, monkeypatch):
    """A kit with one lab of two tasks, which kernels can import."""
    package = tmp_path / "modules"
    package.mkdir()
    (package / "sample_lab_tasks.py").write_text(TASKS)
    monkeypatch.syspath_prepend(package)
    monkeypatch.setenv("PYTHONPATH", str(package))
    monkeypatch.setenv("SECURE_AI_PROGRESS", str(tmp_path / "progress.sqlite"))
    (tmp_path / "secure_ai" / "learn" / "tasks").mkdir(parents=True)
    cells = [
        nbformat.v4.new_markdown_cell("# A sample\n\nWhat is hidden?", id="title"),
        nbformat.v4.new_code_cell("seed = 7", id="parameters", metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell("import sample_lab_tasks as lab", id="setup"),
    ]
    for name, body in (("mask", "'*' * len(t)"), ("count", "len(t)")):
        block = f"def {name}(t):\n    ### BEGIN SOLUTION\n    return {body}\n    ### END SOLUTION"
        cells.append(nbformat.v4.new_code_cell(block, id=name))
        cells.append(nbformat.v4.new_code_cell(f"lab.{name}.check({name})", id=f"check-{name}"))
    write_notebook(nbformat.v4.new_notebook(cells=cells), tmp_path / "solutions" / NAME)
    build_all(tmp_path)
    return tmp_path


def edit(kit, cell_id, source):
    node = read_notebook(kit / "labs" / NAME)
    next(cell for cell in node.cells if cell.id == cell_id).source = source
    write_notebook(node, kit / "labs" / NAME)


def submit(kit, name="03", **more):
    return submit_lab(kit, name, kernel_name=KERNEL_NAME, **more)


# -------------------------------------------------------------------------------------------- build


def test_building_writes_labs_and_solution_texts_and_says_what_changed(kit):
    texts = json.loads((kit / "secure_ai/learn/tasks/solutions.json").read_text())
    assert texts["03_sample"]["mask"] == "def mask(t):\n    return '*' * len(t)"
    assert build_all(kit) == []
    (kit / "labs" / NAME).unlink()
    assert [path.as_posix() for path in build_all(kit)] == [f"labs/{NAME}"]


def test_one_broken_solution_leaves_all_labs_as_they_were(kit):
    before = (kit / "labs" / NAME).read_bytes()
    good = read_notebook(kit / "solutions" / NAME)
    good.cells[0].source = "# Changed\n\nText"
    write_notebook(good, kit / "solutions" / NAME)
    good.cells[3].source = "### BEGIN SOLUTION"
    write_notebook(good, kit / "solutions" / "04_broken.ipynb")
    with pytest.raises(UserError, match="04_broken, cell 'mask'"):
        build_all(kit)
    assert (kit / "labs" / NAME).read_bytes() == before
    assert not (kit / "labs" / "04_broken.ipynb").exists()


# --------------------------------------------------------------------------------------------- list


@pytest.mark.parametrize("name", ["03", "3", "03_sample", "03_sample.ipynb", "sample", " 03 "])
def test_a_lab_is_found_by_number_or_name(kit, name):
    assert find_lab(kit, name) == "03_sample"


@pytest.mark.parametrize("name", ["04", "033", "", "../03_sample", "03_", "Sample's"])
def test_an_unknown_lab_is_a_sentence_that_lists_the_known_ones(kit, name):
    with pytest.raises(UserError, match="the labs are 03_sample"):
        find_lab(kit, name)


def test_labs_are_listed_with_what_is_solved(kit):
    assert describe_labs(kit) == ["03_sample  0 of 2 solved  A sample"]
    import sample_lab_tasks

    sample_lab_tasks.lab.session.clear()
    sample_lab_tasks.count.check(len)
    assert list_labs(kit)[0].statuses == {"mask": "not_attempted", "count": "correct"}
    assert describe_labs(kit) == ["03_sample  1 of 2 solved  A sample"]
    sample_lab_tasks.lab.session.clear()


def test_no_labs_is_said(tmp_path):
    assert describe_labs(tmp_path) == ["There are no labs here yet."]


# -------------------------------------------------------------------------------------------- reset


def test_reset_restores_the_lab_and_keeps_the_work(kit):
    fresh_lab = (kit / "labs" / NAME).read_bytes()
    edit(kit, "mask", "def mask(t):\n    return 'my own work'")
    work = (kit / "labs" / NAME).read_bytes()
    said = reset_lab(kit, "03", NOW)
    assert (kit / "labs" / NAME).read_bytes() == fresh_lab
    backup = kit / "labs" / ".backups" / "03_sample.2026-11-20T140509.ipynb"
    assert backup.read_bytes() == work
    assert "labs/.backups/03_sample.2026-11-20T140509.ipynb" in said


def test_a_backup_is_never_overwritten_even_within_one_second(kit):
    for number in range(3):
        (kit / "labs" / NAME).write_text(f"work {number}")
        reset_lab(kit, "03", NOW)
    backups = sorted((kit / "labs" / ".backups").iterdir())
    assert sorted(path.read_text() for path in backups) == ["work 0", "work 1", "work 2"]


def test_two_resets_at_the_same_moment_take_different_names(kit):
    names = ["03_sample.2026-11-20T140509.ipynb", "03_sample.2026-11-20T140509-2.ipynb"]
    with ThreadPoolExecutor() as pool:
        paths = list(pool.map(lambda work: back_up(kit, "03_sample", work, NOW), (b"mine", b"yours")))
    assert sorted(path.name for path in paths) == sorted(names)
    assert sorted(path.read_bytes() for path in paths) == [b"mine", b"yours"]


def test_a_backup_that_cannot_be_written_leaves_the_lab_as_it_is(kit):
    (kit / "labs" / ".backups").write_text("no folder")
    edit(kit, "mask", "mine = 1")
    work = (kit / "labs" / NAME).read_bytes()
    with pytest.raises(UserError, match="Cannot write"):
        reset_lab(kit, "03", NOW)
    assert (kit / "labs" / NAME).read_bytes() == work


def test_reset_mends_a_damaged_or_missing_lab(kit):
    fresh_lab = (kit / "labs" / NAME).read_bytes()
    (kit / "labs" / NAME).write_bytes(b"\xff{ not json")
    reset_lab(kit, "03", NOW)
    assert (kit / "labs" / NAME).read_bytes() == fresh_lab
    (kit / "labs" / NAME).unlink()
    assert "was missing" in reset_lab(kit, "03", NOW)
    assert (kit / "labs" / NAME).read_bytes() == fresh_lab


def test_reset_touches_nothing_if_the_solution_is_broken(kit):
    edit(kit, "mask", "mine = 1")
    work = (kit / "labs" / NAME).read_bytes()
    (kit / "solutions" / NAME).write_text("{")
    with pytest.raises(UserError):
        reset_lab(kit, "03", NOW)
    assert (kit / "labs" / NAME).read_bytes() == work


# -------------------------------------------------------------------- building over somebody's work


def why(kit):
    """What is said of the lab as it lies there."""
    labs, _ = build_in_memory(kit)
    return why_different(kit / "labs" / NAME, *labs.values())


def change_the_solution(kit):
    path = kit / "solutions" / NAME
    path.write_text(path.read_text().replace("What is hidden?", "What is hidden here?"))


def as_jupyterlab_saves(kit):
    """The lab after a run in JupyterLab: outputs, counts and a version of Python, and no change of ours."""
    node = read_notebook(kit / "labs" / NAME)
    node.metadata.language_info.version = "3.13.0"
    for cell in node.cells:
        if cell.cell_type == "code":
            cell.execution_count = 9
            cell.outputs = [nbformat.v4.new_output("stream", text="ran")]
    (kit / "labs" / NAME).write_text(nbformat.writes(node))


@pytest.mark.parametrize("ran_first", [False, True])
def test_a_build_replaces_a_lab_in_which_nobody_has_worked(kit, ran_first):
    if ran_first:
        as_jupyterlab_saves(kit)
        assert "was run and saved" in why(kit)
    change_the_solution(kit)
    assert "older than its solution" in why(kit)
    build_all(kit)
    assert "What is hidden here?" in (kit / "labs" / NAME).read_text()
    assert why(kit) == ""


def without_stamp(kit):
    node = read_notebook(kit / "labs" / NAME)
    node.metadata.pop("secure_ai")
    write_notebook(node, kit / "labs" / NAME)


@pytest.mark.parametrize(
    ("work", "says"),
    [
        (lambda kit: edit(kit, "mask", "def mask(t):\n    return 'mine'"), "(cell mask)"),
        (lambda kit: edit(kit, "title", "# My notes"), "(cell title)"),
        (lambda kit: (kit / "labs" / NAME).write_text("<<<<<<< HEAD"), "(and cannot be read as a notebook)"),
        (without_stamp, "holds somebody's work, which"),
    ],
    ids=["answer", "notes", "damaged", "of unknown origin"],
)
def test_a_build_never_writes_over_work_and_says_what_to_do(kit, work, says):
    work(kit)
    assert says in why(kit)
    change_the_solution(kit)
    before = (kit / "labs" / NAME).read_bytes()
    assert holds_work(kit / "labs" / NAME)
    with pytest.raises(UserError, match=r"'secure-ai lab reset 03_sample', which keeps .* Nothing was built"):
        build_all(kit)
    assert (kit / "labs" / NAME).read_bytes() == before
    reset_lab(kit, "03", NOW)
    assert not holds_work(kit / "labs" / NAME)
    assert [path.read_bytes() for path in (kit / "labs" / ".backups").iterdir()] == [before]


def test_one_lab_with_work_keeps_every_file_from_being_written(kit):
    texts = kit / "secure_ai" / "learn" / "tasks" / "solutions.json"
    edit(kit, "mask", "mine = 1")
    change_the_solution(kit)
    texts.write_text("{}")
    with pytest.raises(UserError):
        build_all(kit)
    assert texts.read_text() == "{}"


def test_a_missing_lab_is_built(kit):
    (kit / "labs" / NAME).unlink()
    assert "is missing" in why(kit)
    build_all(kit)
    assert why(kit) == ""


# ------------------------------------------------------------------------------------------- submit


def test_an_untouched_lab_has_attempted_nothing(kit):
    submission = submit(kit)
    assert submission.statuses == {"mask": "not_attempted", "count": "not_attempted"}
    assert not submission.complete and submission.failed_cells == ()
    assert "mask   Not attempted yet" in str(submission) and "0 of 2 tasks solved" in str(submission)


def test_statuses_go_by_task_name_wherever_the_cells_are(kit):
    node = read_notebook(kit / "labs" / NAME)
    cells = {cell.id: cell for cell in node.cells}
    cells["mask"].source = "def mask(t):\n    return '*' * len(t)"
    cells["count"].source = "def count(t):\n    return 0"
    cells["check-mask"].source = "1"
    moved = nbformat.v4.new_code_cell("lab.mask.check(mask)\nlab.mask.check(mask)", id="copied")
    node.cells = [*node.cells[:2], cells["setup"], cells["count"], cells["check-count"], cells["mask"], moved]
    write_notebook(node, kit / "labs" / NAME)
    assert submit(kit).statuses == {"mask": "correct", "count": "incorrect"}


def test_a_cell_that_fails_does_not_hide_what_is_solved_after_it(kit):
    edit(kit, "mask", "1 / 0")
    edit(kit, "count", "count = len")
    submission = submit(kit)
    assert submission.statuses == {"mask": "not_attempted", "count": "correct"}
    assert submission.failed_cells == ("mask", "check-mask")
    assert "ended with an error: mask, check-mask" in str(submission)


def test_a_solved_lab_is_complete_and_its_receipt_holds_no_answers(kit):
    edit(kit, "mask", "secret_answer = lambda t: '*' * len(t)\nmask = secret_answer")
    edit(kit, "count", "count = len")
    before = (kit / "labs" / NAME).read_bytes()
    submission = submit(kit, out=kit / "out" / "receipt.json")
    assert submission.complete
    assert json.loads(submission.receipt.read_text()) == {
        "lab": "03_sample",
        "tasks": {"mask": "correct", "count": "correct"},
        "complete": True,
        "engine": __version__,
        "notebook_sha256": hashlib.sha256(before).hexdigest(),
    }
    assert (kit / "labs" / NAME).read_bytes() == before
    assert not (kit / "progress.sqlite").exists()


def test_the_receipt_goes_to_the_learners_own_folder_by_default(kit):
    assert submit(kit).receipt == kit / ".progress" / "receipts" / "03_sample.json"


def test_a_damaged_lab_is_a_sentence_that_says_how_to_mend_it(kit):
    (kit / "labs" / NAME).write_text('{"cells": [')
    with pytest.raises(UserError, match="lab reset 03_sample"):
        submit(kit)


def test_a_missing_lab_is_a_sentence(kit):
    (kit / "labs" / NAME).unlink()
    with pytest.raises(UserError, match="is missing: 'secure-ai lab reset 03_sample' makes it"):
        submit(kit)


def test_a_lab_that_ends_its_kernel_is_a_sentence(kit):
    edit(kit, "mask", "import os\nos._exit(1)")
    with pytest.raises(UserError, match="kernel ended before the lab"):
        submit(kit)
