"""What ``secure-ai lab`` does: list labs, reset one with a backup, run one and say what is solved."""

from __future__ import annotations

import ast
import contextlib
import copy
import hashlib
import json
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from secure_ai import __version__
from secure_ai.core import UserError
from secure_ai.core.outputs import atomic_file
from secure_ai.learn.builder import build_lab, rebuild_lab, solution_paths, tasks_module
from secure_ai.learn.execute import kernel_configuration, own_progress
from secure_ai.learn.notebook import read_notebook

STATUSES = {
    "correct": "Correct",
    "incorrect": "Not yet",
    "error": "Error",
    "not_attempted": "Not attempted yet",
}
BACKUPS = Path("labs", ".backups")
RECEIPTS = Path(".progress", "receipts")
CELL_SECONDS = 300
_REPORT_CELL = "collected-statuses"


@dataclass(frozen=True)
class LabInfo:
    """One lab: its key (``03_data_inventory``), its title, and the status of each task by name."""

    key: str
    title: str
    statuses: dict[str, str]

    @property
    def solved(self) -> int:
        """Number of tasks whose best status is correct."""
        return sum(status == "correct" for status in self.statuses.values())


@dataclass(frozen=True)
class Submission:
    """A lab that was run from top to bottom.

    Attributes:
        key: the lab.
        statuses: status of each task by its name.
        failed_cells: ids of cells that ended with an error.
        receipt: the JSON file that was written.
    """

    key: str
    statuses: dict[str, str]
    failed_cells: tuple[str, ...]
    receipt: Path

    @property
    def complete(self) -> bool:
        """Whether every task is solved."""
        return all(status == "correct" for status in self.statuses.values())

    def __str__(self) -> str:
        width = max((len(name) for name in self.statuses), default=4)
        lines = [f"{'Task'.ljust(width)}  Status", f"{'-' * width}  {'-' * 17}"]
        lines += [f"{name.ljust(width)}  {STATUSES[status]}" for name, status in self.statuses.items()]
        solved = sum(status == "correct" for status in self.statuses.values())
        lines.append(f"{self.key}: {solved} of {len(self.statuses)} tasks solved.")
        if self.failed_cells:
            lines.append(f"Cells that ended with an error: {', '.join(self.failed_cells)}.")
        lines.append(f"Receipt (no names, no answers): {self.receipt}")
        return "\n".join(lines)


def list_labs(root: Path) -> list[LabInfo]:
    """All labs of the kit, in order, with what the learner has solved."""
    labs = []
    for path in solution_paths(root):
        solution = read_notebook(path)
        statuses = {
            name: str(status) for name, status in tasks_module(solution, path.stem).lab.statuses().items()
        }
        labs.append(LabInfo(path.stem, _title(solution, path.stem), statuses))
    return labs


def describe_labs(root: Path) -> list[str]:
    """One line for each lab: its name, how many of its tasks are solved, and its title."""
    labs = list_labs(root)
    if not labs:
        return ["There are no labs here yet."]
    width = max(len(lab.key) for lab in labs)
    return [
        f"{lab.key.ljust(width)}  {lab.solved} of {len(lab.statuses)} solved  {lab.title}" for lab in labs
    ]


def find_lab(root: Path, name: str) -> str:
    """The key of the lab that ``name`` means: ``03_data_inventory`` for itself, ``03`` and ``3``.

    Raises:
        UserError: listing the labs, if ``name`` means none of them.
    """
    keys = [path.stem for path in solution_paths(root)]
    wanted = name.strip().removesuffix(".ipynb")
    number = wanted.zfill(2) if wanted.isdigit() else None
    for key in keys:
        if wanted in {key, key.partition("_")[2]} or number == key.partition("_")[0]:
            return key
    raise UserError(f"There is no lab '{name}': the labs are {', '.join(keys) or 'not here yet'}.")


def reset_lab(root: Path, name: str, now: datetime) -> str:
    """Start a lab afresh; the learner's work is kept as a dated copy.

    Args:
        root: folder of the kit.
        name: ``03`` or ``03_data_inventory``.
        now: the time for the copy's name.

    Returns:
        A sentence for the learner.

    Raises:
        UserError: if there is no such lab, or the backup cannot be written (the lab is as before then).
    """
    root = Path(root)
    key = find_lab(root, name)
    # Built before anything is touched, so that a broken solution costs nobody's work.
    build_lab(read_notebook(root / "solutions" / f"{key}.ipynb"), key)
    lab = root / "labs" / f"{key}.ipynb"
    if not lab.is_file():
        rebuild_lab(root, key)
        return f"The lab {key} was missing: it is there again."
    backup = back_up(root, key, lab.read_bytes(), now)
    rebuild_lab(root, key)
    return f"The lab {key} is as new; your work is kept in {backup.relative_to(root).as_posix()}."


def back_up(root: Path, key: str, work: bytes, now: datetime) -> Path:
    """Keep a learner's notebook as a dated copy; return its path.

    Raises:
        UserError: if it cannot be written.
    """
    stamp = now.strftime("%Y-%m-%dT%H%M%S")
    backup, number = root / BACKUPS / f"{key}.{stamp}.ipynb", 1
    while not _reserve(backup):
        number += 1
        backup = backup.with_name(f"{key}.{stamp}-{number}.ipynb")
    with atomic_file(backup) as draft:
        draft.write_bytes(work)
    return backup


def _reserve(path: Path) -> bool:
    """Take the name for this process alone; two may reset a lab in the same second."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(exist_ok=False)
    except OSError as error:
        if isinstance(error, FileExistsError) and path.exists():
            return False
        raise UserError(
            f"Cannot write {path.name} ({type(error).__name__}): make labs/.backups a writable folder."
        ) from None
    return True


def submit_lab(root: Path, name: str, out: Path | None = None, kernel_name: str = "python3") -> Submission:
    """Run the learner's lab from top to bottom in a fresh kernel and say which tasks are solved.

    The notebook itself and the learner's progress stay as they are. A cell that fails does not keep the
    others from running.

    Args:
        root: folder of the kit.
        name: ``03`` or ``03_data_inventory``.
        out: where to write the receipt; by default under ``.progress/receipts``.
        kernel_name: kernel to use.

    Raises:
        UserError: if there is no such lab, or the notebook is damaged.
    """
    root = Path(root)
    key = find_lab(root, name)
    path = root / "labs" / f"{key}.ipynb"
    node = _read_work(path, key)
    module = tasks_module(read_notebook(root / "solutions" / f"{key}.ipynb"), key).__name__
    executed = _run_all(node, module, path.parent, kernel_name)
    statuses = _collected(executed.cells[-1])
    if not statuses:
        raise UserError(
            f"The kernel ended before the lab {key} did: open it, run all cells and see where it stops."
        )
    failed = tuple(cell.id for cell in executed.cells[:-1] if _failed(cell))
    receipt = Path(out) if out is not None else root / RECEIPTS / f"{key}.json"
    submission = Submission(key, statuses, failed, receipt)
    _write_receipt(submission, path)
    return submission


def _read_work(path: Path, key: str) -> NotebookNode:
    if not path.is_file():
        raise UserError(f"The lab {key} is missing: 'secure-ai lab reset {key}' makes it again.")
    try:
        return read_notebook(path)
    except UserError as error:
        raise UserError(
            f"{error} 'secure-ai lab reset {key}' keeps a copy of it and makes a new one."
        ) from None


def _run_all(node: NotebookNode, module: str, folder: Path, kernel_name: str) -> NotebookNode:
    from nbclient import NotebookClient
    from nbclient.exceptions import DeadKernelError

    # Asked of the tasks themselves, by name: cells that were copied, split or moved do not matter.
    statuses = "{name: str(_tasks.session.get(name, 'not_attempted')) for name in _tasks.tasks}"
    source = f"from {module} import lab as _tasks\nprint({statuses})"
    work = copy.deepcopy(node)
    work.cells.append(nbformat.v4.new_code_cell(source, id=_REPORT_CELL))
    client = NotebookClient(
        work,
        config=kernel_configuration(),
        kernel_name=kernel_name,
        allow_errors=True,
        timeout=CELL_SECONDS,
        interrupt_on_timeout=True,
        resources={"metadata": {"path": str(folder)}},
    )
    with own_progress(), contextlib.suppress(DeadKernelError):
        client.execute()
    return work


def _collected(cell: NotebookNode) -> dict[str, str]:
    printed = "".join(output.text for output in cell.outputs if output.get("name") == "stdout")
    try:
        return {name: status for name, status in ast.literal_eval(printed).items() if status in STATUSES}
    except (ValueError, SyntaxError, AttributeError):
        return {}


def _failed(cell: NotebookNode) -> bool:
    return any(output.output_type == "error" for output in cell.get("outputs", []))


def _write_receipt(submission: Submission, notebook: Path) -> None:
    receipt: dict[str, Any] = {
        "lab": submission.key,
        "tasks": submission.statuses,
        "complete": submission.complete,
        "engine": __version__,
        "notebook_sha256": hashlib.sha256(notebook.read_bytes()).hexdigest(),
    }
    with atomic_file(submission.receipt) as draft:
        draft.write_text(json.dumps(receipt, indent=2) + "\n", encoding="utf-8")


def _title(node: NotebookNode, key: str) -> str:
    for cell in node.cells:
        if cell.cell_type == "markdown" and (match := re.search(r"^#\s+(.+)$", cell.source, re.MULTILINE)):
            return match[1].strip()
    return key
