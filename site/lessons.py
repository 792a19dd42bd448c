"""Lessons and labs as pages: pictures get words, tables can be scrolled, labs show what they ask."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

from glossary import words_of

ALT_LENGTH = 320
STARTER = re.compile(r"^.*(?:return|=) ?\.\.\.$|^\s*\.\.\.$", re.M)
LINK_OUT = re.compile(r'<a href="\.\./reports/[^"]*"[^>]*>(.*?)</a>', re.S)


def read_notebook(file: Path) -> dict[str, Any]:
    """Return a notebook as it is stored."""
    return json.loads(file.read_text(encoding="utf-8"))


def write_notebook(notebook: dict[str, Any], file: Path) -> None:
    """Store a notebook, in a form that does not change from build to build."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(notebook, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def lesson_page(notebook: dict[str, Any], name: str, terms: list[str]) -> dict[str, Any]:
    """Return the lesson ``name`` with its stored outputs, a note how to run it, and its glossary words."""
    cells = []
    for index, original in enumerate(notebook["cells"]):
        cell = original
        if cell["cell_type"] == "code":
            cell = _code_cell(cell, notebook["cells"][index + 1 :])
        cells.append(cell)
        if cell.get("id") == "card":
            cells.append(_markdown("site-note", _note(name)))
    words = words_of("\n".join(text(cell) for cell in cells if cell["cell_type"] == "markdown"), terms)
    if words:
        listed = ", ".join(f"{{term}}`{word}`" for word in words)
        cells.append(_markdown("site-words", f"## Words of this chapter\n\n{listed}\n"))
    return {**notebook, "cells": cells}


def lab_page(notebook: dict[str, Any], name: str, solution: dict[str, Any] | None) -> dict[str, Any]:
    """Return a lab's prompts and starters; with ``solution`` the answers, folded, in the starters' place."""
    answers = {} if solution is None else {cell.get("id"): cell for cell in solution["cells"]}
    cells = []
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            cells.append(cell)
        elif STARTER.search(text(cell)):
            cells.append(_bare(cell))
            answer = answers.get(cell.get("id"))
            if answer is not None:
                folded = _bare(answer) | {"id": cell["id"] + "-answer"}
                folded["metadata"] = {
                    "tags": ["hide-input"],
                    "mystnb": {"code_prompt_show": "Show the answer"},
                }
                cells.append(folded)
        if cell.get("id") == "card":
            cells.append(_markdown("site-note", _lab_note(name, solution is not None)))
    return {**notebook, "cells": cells}


def plain_page(notebook: dict[str, Any]) -> dict[str, Any]:
    """Return a notebook that stores no outputs, as it is."""
    return {**notebook, "cells": [_bare(c) if c["cell_type"] == "code" else c for c in notebook["cells"]]}


def text(cell: dict[str, Any]) -> str:
    """Return the source of a cell as one string."""
    return "".join(cell["source"])


def _bare(cell: dict[str, Any]) -> dict[str, Any]:
    return {**cell, "outputs": [], "execution_count": None, "metadata": {}}


def _markdown(name: str, source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": name, "metadata": {}, "source": source}


def _note(name: str) -> str:
    return (
        ":::{admonition} Read it here, or run it\n:class: note\n"
        "The outputs on this page are stored: those of the authors' run, with invented data. Quizzes, "
        "sliders and other things to touch stand here as text; they move in JupyterLab only. To run and "
        f"change the lesson, type `make start` in the kit's folder and open `notebooks/{name}.ipynb`.\n:::\n"
    )


def _lab_note(name: str, answers: bool) -> str:
    said = "The answers are folded under each task." if answers else "Answers are not part of this site."
    return (
        ":::{admonition} This page is for reading\n:class: note\n"
        "It shows what the lab asks. The tasks check themselves, with hints, only where the lab runs: type "
        f"`make start` in the kit's folder and open `labs/{name}.ipynb`. {said}\n:::\n"
    )


def _code_cell(cell: dict[str, Any], following: list[dict[str, Any]]) -> dict[str, Any]:
    outputs = [_output(output) for output in cell.get("outputs", [])]
    cell = {**cell, "outputs": outputs, "execution_count": None}
    if any("image/png" in output.get("data", {}) for output in outputs):
        words = picture_words(cell, following)
        cell["metadata"] = {**cell.get("metadata", {}), "mystnb": {"image": {"alt": words}}}
    return cell


def picture_words(cell: dict[str, Any], following: list[dict[str, Any]]) -> str:
    """Return what a picture shows, in the lesson's own words: the finding that the lesson prints beside it.

    Every lesson states the finding of a picture in a sentence, before it or in the cell after it.
    """
    printed = "".join("".join(output["text"]) for output in cell["outputs"] if "text" in output)
    if not printed and following:
        source = text(following[0]) if following[0]["cell_type"] == "markdown" else ""
        printed = re.sub(r"\*\*[^*]+\.\*\*\s*|[*`#]|\[([^\]]+)\]\([^)]*\)", r"\1", source.split("\n\n")[0])
    words = " ".join(printed.split())
    if len(words) > ALT_LENGTH:
        words = words[:ALT_LENGTH].rsplit(" ", 1)[0] + " …"
    return "Chart. " + (words or "The text beside it says what it shows.")


def _output(output: dict[str, Any]) -> dict[str, Any]:
    data = output.get("data", {})
    if "text/html" not in data:
        return output
    page = LINK_OUT.sub(r"\1", "".join(data["text/html"]))  # a file of the reader's own run
    caption = re.search(r"<caption[^>]*>(.*?)</caption>", page, re.S)
    label = re.sub(r"<[^>]+>", "", caption[1]) if caption else "Output of the cell above"
    label = html.escape(html.unescape(" ".join(label.split())), quote=True)
    # Wide tables scroll in a frame of their own, which the keyboard reaches.
    wrapped = f'<div class="wide-output" role="region" tabindex="0" aria-label="{label}">{page}</div>'
    kept = {kind: value for kind, value in data.items() if kind != "text/html"}
    return {**output, "data": {"text/html": wrapped, **kept}}
