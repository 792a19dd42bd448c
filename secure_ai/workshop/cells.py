"""Which cell of a lab belongs to which task, in notebooks that learners have changed as they liked."""

from __future__ import annotations

import ast
import re
import tempfile
from collections.abc import Collection
from pathlib import Path

from nbformat import NotebookNode

from secure_ai.core.errors import UserError
from secure_ai.learn.notebook import parse_cell, read_notebook

_CHECK = re.compile(r"^[^#\n]*\blab\.(\w+)\.check\(", re.MULTILINE)
_BEGIN = re.compile(r"^\s*#{2,}\s*BEGIN\s+SOLUTION\s*$", re.IGNORECASE | re.MULTILINE)


def notebook_of(data: bytes) -> NotebookNode | None:
    """Return the notebook that bytes hold, brought to nbformat 4.5; None if they are damaged."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "work.ipynb"
        path.write_bytes(data)
        try:
            return read_notebook(path)
        except (UserError, RecursionError):
            return None


def checked_task(source: str, tasks: Collection[str] | None = None) -> str | None:
    """Return the task (of ``tasks``, or any) that a cell checks last, or None.

    A cell that is not Python is searched as text.
    """
    if ".check(" not in source:
        return None
    try:
        calls = [node.func for node in ast.walk(parse_cell(source)) if isinstance(node, ast.Call)]
        names = [call.value.attr for call in calls if _is_check(call)]
    except (SyntaxError, ValueError, RecursionError):
        names = _CHECK.findall(source)
    known = [name for name in names if tasks is None or name in tasks]
    return known[-1] if known else None


def check_call(source: str) -> str:
    """Return the call that a check cell of a solution ends with, ``lab.NAME.check(value)``."""
    return ast.unparse(parse_cell(source).body[-1])


def task_cells(solution: NotebookNode, tasks: Collection[str]) -> dict[str, tuple[list[str], str]]:
    """Return the ids of the answer cells and of the last check cell of each task, in the notebook's order.

    Args:
        solution: the answer key, with its markers.
        tasks: names of the lab's tasks.
    """
    found: dict[str, tuple[list[str], str]] = {}
    waiting: list[str] = []
    for cell in solution.cells:
        if cell.cell_type != "code":
            continue
        if _BEGIN.search(cell.source):
            waiting.append(cell.id)
        if task := checked_task(cell.source, tasks):
            found[task] = ([*found.get(task, ([], ""))[0], *waiting], cell.id)
            waiting = []
    return found


def _is_check(function: ast.expr) -> bool:
    return (
        isinstance(function, ast.Attribute)
        and function.attr == "check"
        and isinstance(function.value, ast.Attribute)
        and isinstance(function.value.value, ast.Name)
        and function.value.value.id == "lab"
    )
