"""Keep a learner's work across releases: answers go into the new labs by task, progress comes along.

Nothing is lost: whatever cannot go into the new lab is in a dated copy of the old one, and said.
"""

from __future__ import annotations

import ast
import re
import shutil
import tomllib
import uuid
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from secure_ai.core.errors import UserError, system_reason
from secure_ai.learn.builder import STAMP, build_lab, holds_work, solution_paths
from secure_ai.learn.labs import BACKUPS, back_up
from secure_ai.learn.notebook import known_parameters, parse_cell, read_notebook, tags, write_notebook
from secure_ai.workshop import progress_files
from secure_ai.workshop.cells import checked_task, notebook_of, task_cells
from secure_ai.workshop.earlier_labs import lab_begun_with

PROGRESS = Path(".progress")
_FILE = "progress.sqlite"
_NOTES = "reflection"  # the cell of each lab in which learners are asked to write
_RELEASE = re.compile(r"\d+(\.\d+)*|")
# Ids that editors give to new cells; those of the kit are words.
_RANDOM_ID = re.compile(r"[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}|[0-9a-f]{8}")


@dataclass(frozen=True)
class Carried:
    """A new lab with a learner's answers.

    Attributes:
        node: the lab.
        tasks: tasks whose answers were carried over.
        gone: tasks that the new lab has no more; their answers are in the copy alone.
        own_cells: number of cells that the learner had added.
        changed: ids of other code cells that learner and release both changed: the release's are in the lab.
        new: tasks that the older lab had not.
        revised: tasks with an answer whose starting code or check is another now, as far as it is known.
        beside: ids of texts below which the learner's own version has a cell of its own.
    """

    node: NotebookNode
    tasks: tuple[str, ...]
    gone: tuple[str, ...]
    own_cells: int
    changed: tuple[str, ...]
    new: tuple[str, ...] = ()
    revised: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()


def upgrade(root: Path, now: datetime, source: Path | None = None) -> list[str]:
    """Bring the learner's labs and progress to this release.

    Args:
        root: folder of this release. Done again, nothing is other than after the first time.
        now: the time for the names of copies.
        source: folder of an older release whose work is taken over; it is not changed. None: the labs in
            ``root`` are older than its solutions, as after a bundle was unpacked over them.

    Returns:
        Sentences on what was done; one at least.

    Raises:
        UserError: if ``source`` holds no kit or a newer one, or something cannot be written. A lab is either
            as before or has its answers, and a copy is kept first.
    """
    root = Path(root)
    if source is not None:
        source = Path(source)
        if not (source / "labs").is_dir():
            raise UserError(
                f"The folder {source.name} holds no kit with labs: name the folder of the older one."
            )
        if source.resolve() == root.resolve():
            raise UserError("The older kit is this one: leave --from out, or name the older folder.")
        _refuse_newer(root, source)
    said = []
    for path in solution_paths(root):
        said += _upgrade_lab(root, path.stem, now, source)
    if source is not None:
        said += _bring_others(root, source, now)
        said += progress_files.join(source / PROGRESS / _FILE, root / PROGRESS / _FILE, now)
    else:
        said += progress_files.migrate(root / PROGRESS / _FILE, now)
    return said or ["Everything is up to date: your labs and your progress are those of this release."]


def _upgrade_lab(root: Path, key: str, now: datetime, source: Path | None) -> list[str]:
    solution = read_notebook(root / "solutions" / f"{key}.ipynb")
    new, _ = build_lab(solution, key)
    here = root / "labs" / f"{key}.ipynb"
    mine = here if source is None else source / "labs" / f"{key}.ipynb"
    if source is None and not here.is_file():
        write_notebook(new, here)
        return [f"{key}: a new lab."]
    if not mine.is_file() or not holds_work(mine):
        if source is None and read_notebook(here).metadata[STAMP] != new.metadata[STAMP]:
            write_notebook(new, here)
            return [f"{key}: the lab of this release; you had not worked in the old one."]
        return []
    data = mine.read_bytes()
    if source is not None and here.is_file() and holds_work(here):
        if _kept(root, key, data):
            return []  # it came over before
        kept = _keep(root, key, data, now)
        return [f"{key}: you have worked here already, so the older work is kept in {_shown(kept, root)}."]
    old = notebook_of(data)
    if old is None:
        if source is not None:
            _keep(root, key, data, now)
        return [f"{key}: your notebook is damaged; it stays as it is: 'secure-ai lab reset {key}'."]
    if source is None and _built(old) == new.metadata[STAMP]["built"]:
        return []  # work in the lab of this release
    carried = carry_over(old, new, solution, lab_begun_with(source or root, key, _built(old)))
    kept = _keep(root, key, data, now)
    write_notebook(carried.node, here)
    return [_sentence(key, carried, _shown(kept, root))]


def carry_over(
    old: NotebookNode, new: NotebookNode, solution: NotebookNode, before: NotebookNode | None = None
) -> Carried:
    """Put the answers of a learner's lab into the lab of another release, task by task.

    Args:
        old: the learner's notebook.
        new: the lab as built from ``solution``.
        solution: its answer key, which says where each task's answer goes.
        before: the lab that the learner began with, where it is known; then what only the learner changed
            stays the learner's in every cell.
    """
    node = nbformat.from_dict(new)
    theirs = {cell.id: cell for cell in old.cells}
    first = {cell.id: cell.source for cell in before.cells} if before is not None else {}
    cells = {cell.id: cell for cell in node.cells}
    places = task_cells(solution, _checked_tasks(solution))
    answers = _answers(old)
    carried, taken = [], set()
    for task, (ids, _) in places.items():
        given = [theirs[one] for one in ids if one in theirs]
        # The cell has another name in this release: the last one before the check.
        if not given and len(ids) == 1 and answers.get(task) and answers[task][-1].id not in cells:
            given = answers[task][-1:]
        for target, cell in zip([one for one in ids if one in theirs] or ids, given, strict=False):
            taken.add(cell.id)
            starter = cells[target].source
            if cell.source.strip() == starter.strip() or _is_starter(cell.source, first.get(cell.id)):
                continue
            cells[target].source = cell.source
            carried.append(task)
    answered = {one for ids, _ in places.values() for one in ids}
    others = {one: cell for one, cell in theirs.items() if one in cells and one not in answered}
    changed, beside = _carry_others(others, cells, first if before is not None else None)
    _insert_beside(theirs, node, beside)
    if before is None:
        _keep_sector(old, node)
    own = _insert_own_cells(old, node, first, taken)
    gone = tuple(task for task in answers if task not in places)
    tasks = tuple(dict.fromkeys(carried))
    new_tasks = tuple(task for task in places if task not in (_answers(before) if before else answers))
    revised = tuple(task for task in tasks if _is_revised(places[task], new, theirs, first))
    return Carried(node, tasks, gone, own, changed, new_tasks, revised, beside)


def _carry_others(
    others: dict[str, NotebookNode], cells: dict[str, NotebookNode], first: dict[str, str] | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Carry what the learner changed besides answers.

    Returns:
        The code cells that keep the release's way, and the texts that need a cell of their own.
    """
    changed, beside = [], []
    for cell_id, cell in others.items():
        now, was = cells[cell_id], (first or {}).get(cell_id)
        is_text = cell.cell_type == now.cell_type == "markdown"
        if cell.source.strip() in (now.source.strip(), (was or "").strip()):
            continue
        if was is None:
            # Where it is not known what the learner was given, only where notes are asked for.
            if first is None and is_text and cell_id == _NOTES:
                beside.append(cell_id)
        elif now.source == was:
            now.source = cell.source  # the release did not change it
        elif not is_text:
            changed.append(cell_id)
        elif cell.source.startswith(was.rstrip() + "\n"):
            now.source = now.source.rstrip() + cell.source[len(was.rstrip()) :]
        else:
            beside.append(cell_id)
    return tuple(changed), tuple(beside)


def _insert_beside(theirs: dict[str, NotebookNode], node: NotebookNode, beside: tuple[str, ...]) -> None:
    """Put the learner's texts below those of the release."""
    for cell_id in beside:
        text = theirs[cell_id].source
        # Named like an editor's cell, so that the next upgrade takes it for the learner's too.
        name = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{cell_id}\n{text}"))
        if name not in theirs:
            where = next(n for n, cell in enumerate(node.cells) if cell.id == cell_id)
            node.cells.insert(where + 1, nbformat.v4.new_markdown_cell(text, id=name))


def _is_revised(
    place: tuple[list[str], str], new: NotebookNode, theirs: dict[str, NotebookNode], first: dict[str, str]
) -> bool:
    """Whether the starting code of an answer, or its check, is another than in the lab before."""
    now = {cell.id: cell.source.strip() for cell in new.cells}
    ids, check = place
    # Of a lab that is not known only the check can be compared: learners seldom change it.
    was = first or ({check: theirs[check].source} if check in theirs else {})
    return any(one in was and was[one].strip() != now[one] for one in (*ids, check))


def _answers(old: NotebookNode) -> dict[str, list[NotebookNode]]:
    """Return, for each task that a notebook checks, the code cells since the check before."""
    found: dict[str, list[NotebookNode]] = {}
    since: list[NotebookNode] = []
    for cell in old.cells:
        if cell.cell_type != "code":
            continue
        if task := checked_task(cell.source):
            found.setdefault(task, []).extend(since)
            since = []
        else:
            since.append(cell)
    return found


def _checked_tasks(solution: NotebookNode) -> list[str]:
    found = [checked_task(cell.source) for cell in solution.cells if cell.cell_type == "code"]
    return [task for task in found if task]


def _is_starter(source: str, first: str | None) -> bool:
    """Whether a cell is still what the learner was given: by the lab before, else by its shape."""
    if first is not None:
        return source.strip() == first.strip()
    try:
        statements = parse_cell(source).body
    except (SyntaxError, ValueError, RecursionError):
        return False  # somebody typed this
    return all(_is_empty(statement) for statement in statements)


def _is_empty(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
        body = statement.body[1:] if ast.get_docstring(statement) is not None else statement.body
        return all(_is_empty(inner) for inner in body)
    value = getattr(statement, "value", None)
    is_dots = isinstance(value, ast.Constant) and value.value is Ellipsis
    return isinstance(statement, ast.Import | ast.ImportFrom | ast.Pass) or is_dots


def _insert_own_cells(old: NotebookNode, node: NotebookNode, first: dict[str, str], taken: set[str]) -> int:
    """Put the cells that the learner added after the same cells as before; return how many."""
    known = {cell.id for cell in node.cells}
    after, count = None, 0
    for cell in old.cells:
        if cell.id in known:
            after = cell.id
        elif cell.id not in taken and cell.source.strip() and _is_own(cell.id, first):
            where = next((n + 1 for n, one in enumerate(node.cells) if one.id == after), 0)
            copy = nbformat.from_dict(cell)
            if copy.cell_type == "code":
                copy.outputs, copy.execution_count = [], None
            node.cells.insert(where, copy)
            known.add(cell.id)
            after, count = cell.id, count + 1
    return count


def _is_own(cell_id: str, first: dict[str, str]) -> bool:
    return cell_id not in first if first else bool(_RANDOM_ID.fullmatch(cell_id))


def _keep_sector(old: NotebookNode, node: NotebookNode) -> None:
    try:
        sector = known_parameters(old)["sector"]
    except (UserError, KeyError):
        return
    if sector not in ("healthcare", "finance"):
        return
    for cell in node.cells:
        if "parameters" in tags(cell) and f'sector = "{sector}"' not in cell.source:
            cell.source = re.sub(
                r"^sector = \"\w+\"", f'sector = "{sector}"', cell.source, flags=re.MULTILINE
            )


# ------------------------------------------------------------------------------------------- the rest


def _bring_others(root: Path, source: Path, now: datetime) -> list[str]:
    """Copy what else is the learner's: earlier copies, receipts, labs that this release has no more."""
    said = []
    keys = {path.stem for path in solution_paths(root)}
    try:
        for path in sorted((source / "labs").glob("*.ipynb")):
            if path.stem in keys or path.name[0] == "." or not holds_work(path):
                continue
            data = path.read_bytes()
            if not _kept(root, path.stem, data):
                kept = _keep(root, path.stem, data, now)
                said.append(
                    f"{path.stem}: this release has it no more; your work is in {_shown(kept, root)}."
                )
        for folder in (BACKUPS, PROGRESS):
            for path in sorted((source / folder).rglob("*")):
                target = root / folder / path.relative_to(source / folder)
                if path.is_symlink() or not path.is_file() or target.exists() or path.name == _FILE:
                    continue
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, target)
    except OSError as error:
        raise UserError(f"Something of the older kit cannot be copied ({system_reason(error)}).") from None
    return said


def _kept(root: Path, key: str, data: bytes) -> Path | None:
    """Return the copy of a lab that holds these bytes already, or None."""
    copies = sorted((root / BACKUPS).glob(f"{key}.*.ipynb"))
    return next((path for path in copies if path.is_file() and path.read_bytes() == data), None)


def _keep(root: Path, key: str, data: bytes, now: datetime) -> Path:
    """Return a copy that holds these bytes: that of an upgrade that was cut off, or a new one."""
    return _kept(root, key, data) or back_up(root, key, data, now)


def _refuse_newer(root: Path, source: Path) -> None:
    here, there = _version(root), _version(source)
    if here and there and there > here:
        shown = ".".join(map(str, there))
        raise UserError(
            f"The kit in {source.name} is of release {shown}, newer than this one: run the upgrade there."
        )


def _version(kit: Path) -> tuple[int, ...]:
    """Return the release that a kit's pyproject.toml states; empty where none can be read."""
    try:
        text = tomllib.loads((kit / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
        return tuple(int(part) for part in _RELEASE.match(text)[0].split("."))
    except (OSError, ValueError, LookupError, TypeError):
        return ()


def _built(node: NotebookNode) -> str:
    stamp = node.metadata.get(STAMP)
    return str(stamp.get("built", "")) if isinstance(stamp, dict) else ""


def _shown(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _sentence(key: str, carried: Carried, kept: str) -> str:
    tasks = ", ".join(carried.tasks) or "none, for none was begun"
    parts = [f"{key}: the lab of this release, with your answers ({tasks}); the old one is in {kept}."]
    if carried.own_cells:
        parts.append(f"Cells of your own: {carried.own_cells}, in their places.")
    if carried.revised:
        parts.append(f"Tasks that changed, so run their checks again: {', '.join(carried.revised)}.")
    if carried.new:
        parts.append(f"New tasks: {', '.join(carried.new)}.")
    if carried.gone:
        parts.append(f"Tasks that there are no more: {', '.join(carried.gone)}.")
    if carried.beside:
        parts.append(f"Your texts stand below those of the release: {', '.join(carried.beside)}.")
    if carried.changed:
        parts.append(
            f"Cells that the release changed too, and has its own way: {', '.join(carried.changed)}."
        )
    return " ".join(parts)
