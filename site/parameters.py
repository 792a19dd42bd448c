"""The parameters of a risk assessment, read from the source of ``AssessmentParameters``."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Parameter:
    """One parameter: what it is for, its default in YAML, the heading under which it stands."""

    name: str
    description: str
    default: str
    heading: str


def read_parameters(root: Path) -> list[Parameter]:
    """Return the parameters in their order; ValueError if one has no description."""
    source = (root / "secure_ai/assess/parameters.py").read_text(encoding="utf-8")
    lines = source.splitlines()
    tree = ast.parse(source)
    model = next(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == "AssessmentParameters")
    found, heading, last = [], "What is assessed", model.lineno
    for node in model.body:
        if not (isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Call)):
            continue
        for line in lines[last : node.lineno - 1]:
            if match := re.fullmatch(r"    # (.+)\.", line):
                heading = match[1]
        last = node.end_lineno or node.lineno
        description, default = _described(node.value)
        if not description:
            raise ValueError(f"The parameter {node.target.id} has no description.")
        found.append(Parameter(node.target.id, description, default, heading))
    return found


def _described(call: ast.Call) -> tuple[str, str]:
    """Return description and default of ``_text(…)``, ``_whole(…)`` or ``Field(…)``."""
    values = [_value(argument) for argument in call.args]
    named = {word.arg: _value(word.value) for word in call.keywords}
    if call.func.id == "_text":
        return str(values[0]), "none"
    if call.func.id == "_whole":
        return f"a whole number from {values[1]:,} to {values[2]:,}: {values[3]}", f"{values[0]}"
    if "default_factory" in named:
        return str(named.get("description", "")), "none"
    default = values[0] if values else "must be given"
    words = {None: "none", True: "true", False: "false"}
    return str(named.get("description", "")), str(words.get(default, default))


def _value(node: ast.AST) -> object:
    try:
        return ast.literal_eval(node)
    except ValueError:
        return eval(
            compile(ast.Expression(node), "parameters", "eval"), {"__builtins__": {}}, {"dict": "dict"}
        )


def parameters_page(root: Path) -> str:
    """Return the reference of the parameters as a page."""
    lines = ["# Parameters of an assessment", ""]
    lines += ["The same names in a YAML file (`secure-ai assess -f mine.yaml`), in papermill and in Python;"]
    lines += [
        "on the command line with hyphens: `held_out` is `--held-out`. What is not given is unassessed."
    ]
    heading = ""
    for parameter in read_parameters(root):
        if parameter.heading != heading:
            heading = parameter.heading
            lines += ["", f"## {heading}", "", "| Parameter | Default | Meaning |", "|---|---|---|"]
        meaning = parameter.description.replace("|", "\\|")
        lines.append(f"| `{parameter.name}` | {parameter.default} | {meaning} |")
    lines += ["", "## Files to copy", ""]
    lines += ["They stand in `notebooks/assessments/parameters/`."]
    for file in sorted((root / "notebooks/assessments/parameters").glob("*.yaml")):
        lines += ["", f"### {file.stem.replace('_', ' ').capitalize()}", ""]
        lines += [f"```yaml\n{file.read_text(encoding='utf-8').rstrip()}\n```"]
    return "\n".join(lines) + "\n"
