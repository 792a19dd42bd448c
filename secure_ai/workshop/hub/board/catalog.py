"""The labs and their tasks, read from the kit's source: the hub's environment cannot import the kit."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

LEARN = Path(__file__).resolve().parents[3] / "learn"


@dataclass(frozen=True)
class Task:
    """A task of a lab: its name, what it asks, and its hints from vague to nearly the code."""

    name: str
    prompt: str
    hints: tuple[str, ...]


@dataclass(frozen=True)
class Lab:
    """A lab: its key (``07_encryption``), its title and its tasks in order."""

    key: str
    title: str
    tasks: tuple[Task, ...]

    def task(self, name: str) -> Task | None:
        """Return a task by its name, or None."""
        return next((task for task in self.tasks if task.name == name), None)


def read_catalog(learn: Path = LEARN) -> dict[str, Lab]:
    """Return every lab by its key, in order.

    Args:
        learn: folder of the room ``secure_ai.learn``. A module of tasks that cannot be read is left out.
    """
    labs = {}
    for path in sorted((learn / "tasks").glob("*.py")):
        try:
            lab = _lab(ast.parse(path.read_text(encoding="utf-8")))
        except (OSError, SyntaxError, ValueError):
            continue
        if lab is not None:
            labs[lab.key] = lab
    return dict(sorted(labs.items()))


def _lab(module: ast.Module) -> Lab | None:
    key = title = ""
    tasks = []
    for node in module.body:
        if isinstance(node, ast.Assign) and _called(node.value) == "Lab":
            arguments = [ast.literal_eval(one) for one in node.value.args]
            named = {one.arg: ast.literal_eval(one.value) for one in node.value.keywords}
            key, title = (*arguments, named.get("title", ""))[:2]
        elif isinstance(node, ast.FunctionDef):
            tasks += [_task(node.name, one) for one in node.decorator_list if _called(one) == "task"]
    return Lab(key, title, tuple(tasks)) if key and tasks else None


def _called(node: ast.expr) -> str:
    """Return the last name of what a call calls; empty for what is no call."""
    if not isinstance(node, ast.Call):
        return ""
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def _task(name: str, call: ast.Call) -> Task:
    given = dict(zip(("prompt", "hints"), call.args, strict=False))
    given |= {one.arg: one.value for one in call.keywords if one.arg in ("prompt", "hints", "name")}
    values = {key: ast.literal_eval(value) for key, value in given.items()}
    return Task(values.get("name", name), str(values["prompt"]), tuple(map(str, values["hints"])))
