"""The chapters and paths of ``secure_ai/learn/map.py``, read without importing the kit."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any


def read_map(root: Path) -> dict[str, Any]:
    """Return the names that the map defines: CHAPTERS, ROLES, path_minutes, duration and so on.

    The module's imports of the kit are left out, for the site's environment has none of its packages;
    what they bring is used only to show a map in a notebook.
    """
    file = root / "secure_ai/learn/map.py"
    tree = ast.parse(file.read_text(encoding="utf-8"))
    tree.body = [
        node
        for node in tree.body
        if not (isinstance(node, ast.ImportFrom) and (node.module or "").startswith("secure_ai"))
    ]
    names: dict[str, Any] = {"__name__": "site_map"}
    # dataclasses look a class's module up to see whether an annotation means ClassVar.
    import sys
    import types

    module = sys.modules.setdefault("site_map", types.ModuleType("site_map"))
    exec(compile(tree, str(file), "exec"), names)
    module.__dict__.update(names)
    return names


def chapter_link(key: str, chapters: dict[str, Any], folder: str = "notebooks") -> str:
    """Return the path of a chapter's page in the site's source."""
    return f"/{folder}/{chapters[key].key}.ipynb"


def role_page(role: Any, known: dict[str, Any]) -> str:
    """Return the page of one path: what to read, in which order, how long it takes."""
    chapters = known["CHAPTERS"]
    lines = [f"# {role.title}", ""]
    count = len(role.chapters)
    length = known["duration"](known["path_minutes"](role.name))
    what = "lessons and labs" if role.labs else "lessons only"
    lines += [f"{count} {'chapter' if count == 1 else 'chapters'}, {what}, about {length} for a newcomer."]
    if role.remark:
        lines += ["", role.remark]
    lines += ["", f"On your machine: `secure-ai start --path {role.name}`.", ""]
    lines += ["| | Lesson | Minutes | Lab | Minutes |", "|---|---|---|---|---|"]
    for key in role.chapters:
        chapter = chapters[key]
        lab = f"[lab]({chapter_link(key, chapters, 'labs')})" if role.labs and key != "RA" else "–"
        link = "/risk_assessment.md" if key == "RA" else chapter_link(key, chapters)
        minutes = chapter.lab_minutes if lab != "–" else "–"
        lines.append(f"| {key} | [{chapter.title}]({link}) | {chapter.lesson_minutes} | {lab} | {minutes} |")
    if role.name == "instructor":
        lines += ["", "The [facilitator guide](/workshop/index.md) is next."]
    return "\n".join(lines) + "\n"


def paths_page(known: dict[str, Any]) -> str:
    """Return the page that lists the paths, with a table of contents of their pages."""
    lines = [
        "# Paths by role",
        "",
        "Nobody needs every chapter. Choose the path that is nearest to your work.",
        "",
    ]
    lines += ["| Role | Chapters | Time |", "|---|---|---|"]
    for role in known["ROLES"].values():
        length = known["duration"](known["path_minutes"](role.name))
        lines.append(f"| [{role.title}]({role.name}.md) | {' '.join(role.chapters)} | {length} |")
    lines += ["", "RA is the [risk assessment](/risk_assessment.md).", "", "```{toctree}", ":hidden:", ""]
    lines += [*known["ROLES"], "```"]
    return "\n".join(lines) + "\n"


def chapters_page(known: dict[str, Any], questions: dict[str, str], folder: str) -> str:
    """Return the page that lists all lessons (``notebooks``) or all labs (``labs``)."""
    chapters = {key: value for key, value in known["CHAPTERS"].items() if key != "RA"}
    if folder == "notebooks":
        lines = [
            "# Lessons",
            "",
            "Each lesson asks one question. The outputs are those of the authors' last run.",
            "",
        ]
        lines += ["| | Lesson | The question that it answers | Minutes |", "|---|---|---|---|"]
        lines += [
            f"| {key} | [{value.title}]({chapter_link(key, chapters)}) | {questions.get(key, '')} "
            f"| {value.lesson_minutes} |"
            for key, value in chapters.items()
        ]
    else:
        lines = [
            "# Labs",
            "",
            "What each lab asks. The tasks check themselves when the lab runs on your machine.",
            "",
        ]
        lines += ["| | Lab | Minutes |", "|---|---|---|"]
        lines += [
            f"| {key} | [{value.title}]({chapter_link(key, chapters, folder)}) | {value.lab_minutes} |"
            for key, value in chapters.items()
        ]
    lines += ["", "```{toctree}", ":hidden:", ""]
    lines += [f"/{folder}/{value.key}" for value in chapters.values()] + ["```"]
    return "\n".join(lines) + "\n"
