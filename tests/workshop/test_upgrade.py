"""Work and progress come through an upgrade: from files of an older release, and from the oldest commit.

``older/`` holds a lab in which a learner had worked and a progress file, both made by the code of commit
6598d64; its lab had other texts, other cells and no task ``clean_texts``.
"""

from __future__ import annotations

import contextlib
import io
import shutil
import sqlite3
import subprocess
import sys
import tarfile
from datetime import datetime
from pathlib import Path

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_ai.cli import invoke
from secure_ai.core.errors import UserError
from secure_ai.learn import progress
from secure_ai.learn.builder import build_lab, holds_work
from secure_ai.learn.notebook import known_parameters, read_notebook, write_notebook
from secure_ai.workshop import upgrade as upgrading
from secure_ai.workshop.progress_files import join, migrate
from secure_ai.workshop.upgrade import carry_over, upgrade

OLDER = Path(__file__).with_name("older")
LAB = "03_data_inventory"
NOW = datetime(2026, 3, 4, 10, 20, 30)
OWN_CELL = "3f2b8c1d-9a40-4e57-8b1c-0d2e4f6a8b9c"
OLD_COMMIT = "6598d64"


@pytest.fixture
def kit(tmp_path: Path, repo_root: Path) -> Path:
    """A kit of this release with one lab."""
    root = tmp_path / "kit"
    for folder in ("solutions", "labs"):
        (root / folder).mkdir(parents=True)
        shutil.copy(repo_root / folder / f"{LAB}.ipynb", root / folder)
    return root


@pytest.fixture
def older_kit(tmp_path: Path) -> Path:
    """An older kit with a learner's work, without its history."""
    root = tmp_path / "older"
    (root / "labs" / ".backups").mkdir(parents=True)
    (root / ".progress" / "receipts").mkdir(parents=True)
    shutil.copy(OLDER / f"{LAB}.ipynb", root / "labs")
    shutil.copy(OLDER / "progress.sqlite", root / ".progress")
    (root / "labs" / ".backups" / "earlier.ipynb").write_text("earlier work")
    (root / ".progress" / "receipts" / "03.json").write_text("{}")
    return root


def cells(path: Path) -> dict[str, str]:
    return {cell.id: cell.source for cell in read_notebook(path).cells}


def rows(path: Path) -> dict[str, tuple[str, int, int]]:
    found = progress.summary(path)
    return {row.task: (row.status, row.attempts, row.hints_used) for row in found.itertuples()}


def test_answers_of_an_older_lab_go_into_the_new_one_and_the_old_one_is_kept(kit, older_kit):
    [said, *others] = upgrade(kit, NOW, older_kit)
    now, old = cells(kit / "labs" / f"{LAB}.ipynb"), cells(OLDER / f"{LAB}.ipynb")
    assert now["routing-is-valid"] == old["routing-is-valid"] and "weight_of" in now["routing-is-valid"]
    assert now["find-labeled"] == old["find-labeled"]
    assert "return ..." in now["table-tier"] and "clean-texts" in now
    order = list(now)
    assert order.index(OWN_CELL) < order.index("routing-is-valid") and now[OWN_CELL] == old[OWN_CELL]
    assert known_parameters(read_notebook(kit / "labs" / f"{LAB}.ipynb"))["sector"] == "finance"
    kept = kit / "labs" / ".backups" / f"{LAB}.2026-03-04T102030.ipynb"
    assert kept.read_bytes() == (OLDER / f"{LAB}.ipynb").read_bytes()
    assert "(routing_is_valid, find_labeled)" in said and kept.name in said and "of your own: 1" in said
    assert holds_work(kit / "labs" / f"{LAB}.ipynb") and "progress came over" in " ".join(others)
    nbformat.validate(nbformat.read(kit / "labs" / f"{LAB}.ipynb", as_version=4))


def test_progress_earlier_copies_and_receipts_come_along_and_the_older_kit_is_as_before(kit, older_kit):
    before = {path: path.read_bytes() for path in older_kit.rglob("*") if path.is_file()}
    upgrade(kit, NOW, older_kit)
    assert rows(kit / ".progress" / "progress.sqlite") == {
        "routing_is_valid": ("correct", 2, 0), "find_labeled": ("correct", 1, 0),
        "table_tier": ("error", 1, 2),
    }  # fmt: skip
    assert (kit / "labs" / ".backups" / "earlier.ipynb").read_text() == "earlier work"
    assert (kit / ".progress" / "receipts" / "03.json").is_file()
    assert before == {path: path.read_bytes() for path in older_kit.rglob("*") if path.is_file()}


def test_the_answers_that_came_along_are_accepted_by_the_checks_of_this_release(kit, older_kit):
    import re

    from secure_ai.learn.tasks import data_inventory

    upgrade(kit, NOW, older_kit)
    now = cells(kit / "labs" / f"{LAB}.ipynb")
    scope: dict = {"re": re}
    for name in (OWN_CELL, "routing-is-valid"):
        exec(now[name], scope)
    assert data_inventory.routing_is_valid.check(scope["routing_is_valid"]).accepted


def test_where_labs_were_replaced_in_place_the_history_is_not_needed_and_a_second_time_changes_nothing(kit):
    shutil.copy(OLDER / f"{LAB}.ipynb", kit / "labs")
    first = upgrade(kit, NOW)
    after = (kit / "labs" / f"{LAB}.ipynb").read_bytes()
    assert len(first) == 1 and "with your answers" in first[0]
    assert upgrade(kit, NOW) == [
        "Everything is up to date: your labs and your progress are those of this release."
    ]
    assert (kit / "labs" / f"{LAB}.ipynb").read_bytes() == after
    assert len(list((kit / "labs" / ".backups").iterdir())) == 1


def test_an_older_lab_in_which_nobody_worked_is_replaced_without_a_copy(kit):
    lab, _ = build_lab(read_notebook(kit / "solutions" / f"{LAB}.ipynb"), LAB)
    lab.cells = lab.cells[:8]
    lab.metadata["secure_ai"] = {"built": upgrading.cells_digest(lab)}
    write_notebook(lab, kit / "labs" / f"{LAB}.ipynb")
    assert "you had not worked" in upgrade(kit, NOW)[0]
    assert not (kit / "labs" / ".backups").exists() and len(cells(kit / "labs" / f"{LAB}.ipynb")) > 20


def test_work_on_both_sides_is_never_mixed(kit, older_kit):
    mine = kit / "labs" / f"{LAB}.ipynb"
    node = read_notebook(mine)
    node.cells[-1].source += " I was here."
    write_notebook(node, mine)
    before = mine.read_bytes()
    said = upgrade(kit, NOW, older_kit)[0]
    assert mine.read_bytes() == before and "worked here already" in said
    assert list((kit / "labs" / ".backups").glob(f"{LAB}*"))


def test_a_damaged_notebook_stays_as_it_is_and_is_told(kit, older_kit):
    (kit / "labs" / f"{LAB}.ipynb").write_bytes(b"{damaged")
    assert "damaged" in upgrade(kit, NOW)[0]
    assert (kit / "labs" / f"{LAB}.ipynb").read_bytes() == b"{damaged"
    (older_kit / "labs" / f"{LAB}.ipynb").write_bytes(b"{older")
    shutil.rmtree(kit / "labs")
    upgrade(kit, NOW, older_kit)
    assert [path.read_bytes() for path in (kit / "labs" / ".backups").glob(f"{LAB}*")] == [b"{older"]


def test_a_lab_that_this_release_has_no_more_is_kept_as_a_copy(kit, older_kit):
    shutil.copy(OLDER / f"{LAB}.ipynb", older_kit / "labs" / "30_gone.ipynb")
    said = " ".join(upgrade(kit, NOW, older_kit))
    assert "30_gone: this release has it no more" in said
    assert (kit / "labs" / ".backups" / "30_gone.2026-03-04T102030.ipynb").is_file()


def test_with_the_first_lab_known_what_only_the_learner_changed_stays_theirs(repo_root):
    solution = read_notebook(repo_root / "solutions" / f"{LAB}.ipynb")
    new, _ = build_lab(solution, LAB)
    before, old = nbformat.from_dict(new), nbformat.from_dict(new)
    before.cells = [cell.copy() for cell in new.cells]
    old.cells = [cell.copy() for cell in new.cells]
    index = {cell.id: number for number, cell in enumerate(new.cells)}
    before.cells[index["scenario"]].source = "An older scenario."
    old.cells[index["scenario"]].source = "An older scenario, with notes."
    old.cells[index["reflection"]].source += "\n\nMy thoughts."
    before.cells[index["table-tier"]].source = "def table_tier(old):\n    return ..."
    old.cells[index["table-tier"]].source = before.cells[index["table-tier"]].source
    carried = carry_over(old, new, solution, before)
    now = {cell.id: cell.source for cell in carried.node.cells}
    assert now["reflection"].endswith("My thoughts.") and carried.changed == ("scenario",)
    assert now["table-tier"] == new.cells[index["table-tier"]].source and carried.tasks == ()


def test_an_answer_whose_cell_has_another_name_is_found_by_its_check_and_gone_tasks_are_told(repo_root):
    solution = read_notebook(repo_root / "solutions" / f"{LAB}.ipynb")
    new, _ = build_lab(solution, LAB)
    old = nbformat.v4.new_notebook(cells=[
        nbformat.v4.new_code_cell("def routing_is_valid(n):\n    return len(n) == 9", id="answer-1"),
        nbformat.v4.new_code_cell("lab.routing_is_valid.check(routing_is_valid)", id="check-1"),
        nbformat.v4.new_code_cell("tier = 4", id="answer-2"),
        nbformat.v4.new_code_cell("lab.older_task.check(tier)", id="check-2"),
    ])  # fmt: skip
    carried = carry_over(old, new, solution)
    now = {cell.id: cell.source for cell in carried.node.cells}
    assert "len(n) == 9" in now["routing-is-valid"]
    assert (carried.tasks, carried.gone) == (("routing_is_valid",), ("older_task",))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 31), st.text(max_size=60)), max_size=6), st.booleans())
def test_whatever_a_learner_typed_the_result_is_a_valid_notebook_that_has_every_new_cell(changes, known):
    new, solution = _parts()
    old = nbformat.from_dict(new)
    old.cells = [cell.copy() for cell in new.cells]
    for number, text in changes:
        old.cells[number % len(old.cells)].source = text
    carried = carry_over(old, new, solution, new if known else None)
    nbformat.validate(carried.node)
    assert [cell.id for cell in carried.node.cells] == [cell.id for cell in new.cells]
    answers = {
        one
        for ids, _ in upgrading.task_cells(solution, upgrading._checked_tasks(solution)).values()
        for one in ids
    }
    now = {cell.id: cell.source for cell in carried.node.cells}
    for cell, first in zip(old.cells, new.cells, strict=True):
        if cell.id in answers and known and cell.source.strip() != first.source.strip():
            assert now[cell.id] == cell.source


_kept: list = []


def _parts():
    if not _kept:
        solution = read_notebook(Path(__file__).resolve().parents[2] / "solutions" / f"{LAB}.ipynb")
        _kept.extend([build_lab(solution, LAB)[0], solution])
    return _kept


# ------------------------------------------------------------------------------------------ progress


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


# ------------------------------------------------------------------------------- from a real old commit


def _git(root: Path, *arguments: str) -> bytes:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, check=False)
    if done.returncode:
        pytest.skip("the history of the repository is not here; the files in older/ are used in any case")
    return done.stdout


def test_the_lab_that_a_learner_began_with_is_found_in_the_history(repo_root):
    _git(repo_root, "cat-file", "-e", f"{OLD_COMMIT}^{{commit}}")
    built = read_notebook(OLDER / f"{LAB}.ipynb").metadata["secure_ai"]["built"]
    before = upgrading._before(repo_root, LAB, built)
    assert before is not None and "clean-texts" not in {cell.id for cell in before.cells}
    assert upgrading._before(repo_root, LAB, "0" * 64) is None


def test_from_the_oldest_release_with_labs_in_the_history(kit, tmp_path, repo_root):
    older = tmp_path / "older-commit"
    older.mkdir()
    packed = _git(repo_root, "archive", "--format=tar", OLD_COMMIT)
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(older, filter="data")
    work = older / "labs" / f"{LAB}.ipynb"
    node = read_notebook(work)
    answer = next(cell for cell in node.cells if cell.id == "routing-is-valid")
    answer.source = "def routing_is_valid(number):\n    return number == 'mine'"
    next(cell for cell in node.cells if cell.id == "setup").source += "\nprint('more')"
    write_notebook(node, work)
    database = older / ".progress" / "progress.sqlite"
    code = f"from secure_ai.learn import progress as p; print(p.record({LAB!r}, 'table_tier', 'correct'))"
    environment = {"PYTHONPATH": str(older), "SECURE_AI_PROGRESS": str(database)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, cwd=older, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "" and done.returncode == 0, done.stderr
    said = " ".join(upgrade(kit, NOW, older))
    assert "with your answers (routing_is_valid)" in said and "has its own way: setup" in said
    assert "return number == 'mine'" in cells(kit / "labs" / f"{LAB}.ipynb")["routing-is-valid"]
    assert rows(kit / ".progress" / "progress.sqlite")["table_tier"] == ("correct", 1, 0)


@pytest.mark.parametrize("source", ["nothing", "file", "itself"])
def test_a_folder_that_is_no_older_kit_is_refused_in_a_sentence(kit, tmp_path, source):
    (tmp_path / "file").write_text("x")
    folder = {"nothing": tmp_path / "none", "file": tmp_path / "file", "itself": kit}[source]
    with pytest.raises(UserError):
        upgrade(kit, NOW, folder)
    assert not (kit / "labs" / ".backups").exists()


def test_the_command_says_what_it_did_or_refuses(kit, older_kit, monkeypatch, capsys):
    (kit / "pyproject.toml").write_text('[project]\nname = "secure-ai"\n')
    monkeypatch.chdir(kit)
    assert invoke(["lab", "upgrade", "--from", str(older_kit)]) == 0
    assert invoke(["lab", "upgrade", "--from", str(kit / "none")]) == 2
    said = capsys.readouterr()
    assert "with your answers" in said.out and "holds no kit with labs" in said.err
