"""Work and progress come through an upgrade: from files of an older release, and from the oldest commit.

``older/`` holds a lab in which a learner had worked and a progress file, both made by the code of commit
6598d64; its lab had other texts, other cells and no task ``clean_texts``.
"""

from __future__ import annotations

import io
import shutil
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
from secure_ai.learn.builder import build_lab, cells_digest, holds_work
from secure_ai.learn.notebook import known_parameters, read_notebook, write_notebook
from secure_ai.workshop import upgrade as upgrading
from secure_ai.workshop.earlier_labs import lab_begun_with
from secure_ai.workshop.upgrade import carry_over, upgrade

OLDER = Path(__file__).with_name("older")
LAB = "03_data_inventory"
NOW = datetime(2026, 3, 4, 10, 20, 30)
OWN_CELL = "3f2b8c1d-9a40-4e57-8b1c-0d2e4f6a8b9c"
OLD_COMMIT = "6598d64"
# The last commit before the kit knew upgrades, with every lab. Once a release has a tag, it is tried too.
LAST_BEFORE = "54eb7fd"


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
    lab.metadata["secure_ai"] = {"built": cells_digest(lab)}
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
    assert now["reflection"].endswith("My thoughts.")
    assert (carried.changed, carried.beside) == ((), ("scenario",))
    [notes] = [cell for cell in carried.node.cells if cell.source == "An older scenario, with notes."]
    assert list(now).index(notes.id) == list(now).index("scenario") + 1
    again = carry_over(carried.node, new, solution, new)
    assert notes.source in [cell.source for cell in again.node.cells] and again.own_cells == 1
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
    ids = [cell.id for cell in new.cells]
    assert [cell.id for cell in carried.node.cells if cell.id in ids] == ids
    assert len(carried.node.cells) == len(ids) + len(carried.beside)
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


# ------------------------------------------------------------------------------- from a real old commit


def _git(root: Path, *arguments: str, missing: str = "the history of the repository is not here") -> bytes:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"{missing}; the files in older/ are used in any case")
    return done.stdout


def test_the_lab_that_a_learner_began_with_is_found_in_the_history(repo_root):
    _git(repo_root, "cat-file", "-e", f"{OLD_COMMIT}^{{commit}}")
    built = read_notebook(OLDER / f"{LAB}.ipynb").metadata["secure_ai"]["built"]
    before = lab_begun_with(repo_root, LAB, built)
    assert before is not None and "clean-texts" not in {cell.id for cell in before.cells}
    assert lab_begun_with(repo_root, LAB, "0" * 64) is None


@pytest.mark.parametrize("commit", [OLD_COMMIT, LAST_BEFORE, "the tag before"])
def test_work_that_the_code_of_an_older_release_wrote_comes_along(kit, tmp_path, repo_root, commit):
    if commit == "the tag before":
        commit = _git(repo_root, "describe", "--tags", "--abbrev=0", "HEAD^", missing="no tag yet")
        commit = commit.decode().strip()
    older = tmp_path / "older-commit"
    older.mkdir()
    packed = _git(repo_root, "archive", "--format=tar", commit)
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
    now = cells(kit / "labs" / f"{LAB}.ipynb")
    assert "with your answers (routing_is_valid)" in said
    assert "has its own way: setup" in said or now["setup"].endswith("print('more')")
    assert "return number == 'mine'" in cells(kit / "labs" / f"{LAB}.ipynb")["routing-is-valid"]
    assert rows(kit / ".progress" / "progress.sqlite")["table_tier"] == ("correct", 1, 0)


# ------------------------------------------------------------------------ twice, cut off, and newer


def everything(kit: Path) -> dict[str, bytes]:
    return {path.relative_to(kit).as_posix(): path.read_bytes() for path in kit.rglob("*") if path.is_file()}


def test_twice_from_an_older_kit_is_the_same_as_once(kit, older_kit):
    shutil.copy(OLDER / f"{LAB}.ipynb", older_kit / "labs" / "30_gone.ipynb")
    upgrade(kit, NOW, older_kit)
    once = everything(kit)
    assert upgrade(kit, NOW.replace(hour=11), older_kit) == [
        "Everything is up to date: your labs and your progress are those of this release."
    ]
    assert everything(kit) == once


def test_an_upgrade_that_was_cut_off_ends_as_if_it_had_not_been(kit, older_kit, monkeypatch):
    def killed(*given):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(upgrading, "write_notebook", killed)  # the copy is there, the lab not yet
        with pytest.raises(KeyboardInterrupt):
            upgrade(kit, NOW, older_kit)
    (kit / ".progress").mkdir()
    (kit / ".progress" / ".progress.sqlite.joining").write_bytes(b"half a file")
    assert "with your answers" in upgrade(kit, NOW.replace(hour=11), older_kit)[0]
    names = sorted(path.name for path in (kit / "labs" / ".backups").iterdir())
    assert names == [f"{LAB}.2026-03-04T102030.ipynb", "earlier.ipynb"]
    assert rows(kit / ".progress" / "progress.sqlite")["table_tier"] == ("error", 1, 2)
    assert not list((kit / ".progress").glob(".*"))


@pytest.mark.parametrize(("there", "refused"), [("0.10.0", True), ("0.9.0", False), ("nonsense", False)])
def test_a_kit_that_is_newer_than_this_one_is_refused_as_the_older(kit, older_kit, there, refused):
    for folder, version in ((kit, "0.9.0"), (older_kit, there)):
        (folder / "pyproject.toml").write_text(f'[project]\nversion = "{version}"\n')
    if not refused:
        assert "with your answers" in upgrade(kit, NOW, older_kit)[0]
        return
    before = everything(kit)
    with pytest.raises(UserError, match=r"is of release 0\.10\.0, newer than this one"):
        upgrade(kit, NOW, older_kit)
    assert everything(kit) == before


# ---------------------------------------------------------------------------- notes, new and changed tasks


def test_notes_stay_in_the_lab_whether_or_not_it_is_known_what_the_learner_was_given(repo_root):
    solution = read_notebook(repo_root / "solutions" / f"{LAB}.ipynb")
    new, _ = build_lab(solution, LAB)
    before, old = nbformat.from_dict(new), nbformat.from_dict(new)
    before.cells, old.cells = [cell.copy() for cell in new.cells], [cell.copy() for cell in new.cells]
    place = next(n for n, cell in enumerate(new.cells) if cell.id == "reflection")
    before.cells[place].source = "## Reflection\n\n- An older question."
    old.cells[place].source = before.cells[place].source + "\n\nMy notes."
    known = carry_over(old, new, solution, before)
    assert known.node.cells[place].source == new.cells[place].source.rstrip() + "\n\nMy notes."
    assert known.beside == () and len(known.node.cells) == len(new.cells)
    unknown = carry_over(old, new, solution)
    assert unknown.node.cells[place].source == new.cells[place].source
    assert unknown.node.cells[place + 1].source == old.cells[place].source
    again = carry_over(unknown.node, new, solution)  # the next release, whose history is not known either
    assert old.cells[place].source in [cell.source for cell in again.node.cells]


def test_tasks_that_are_new_or_changed_are_told(kit, older_kit):
    path = older_kit / "labs" / f"{LAB}.ipynb"
    node = read_notebook(path)
    # The check of the older release took another argument.
    check = next(cell for cell in node.cells if "lab.find_labeled.check(" in cell.source)
    check.source = check.source.replace("lab.find_labeled.check(", "lab.find_labeled.check(0, ")
    write_notebook(node, path)
    said = upgrade(kit, NOW, older_kit)[0]
    assert "Tasks that changed, so run their checks again: find_labeled." in said
    assert "New tasks: " in said and "clean_texts" in said


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
