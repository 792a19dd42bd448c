"""Gather what the site is made of into one folder, in the layout of the repository.

Links between pages then stay as they are written; a link to a file that is no page becomes its name.
"""

from __future__ import annotations

import posixpath
import re
import shutil
from pathlib import Path
from typing import Any

import lessons
import parameters
import reference
import roles
import yaml
from glossary import glossary_page, read_terms
from public_api import PublicApi, read_public_api

HERE = Path(__file__).resolve().parent
PAGES = ("README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md")
CARD = "secure_ai/discover/model/MODEL_CARD.md"
LINK = re.compile(r"(?<!!)\[(?P<words>(?:[^\[\]]|\[[^\]]*\])+)\]\((?P<target>[^()\s]+)\)")


def gather(root: Path, out: Path, *, solutions: bool = False) -> None:
    """Write the sources of the site to the folder ``out``.

    Args:
        root: the kit's folder.
        out: a folder that does not exist yet.
        solutions: whether labs carry their answers.
    """
    out.mkdir(parents=True)
    api = read_public_api(root)
    pages: dict[str, Any] = _written(root) | _made(root, api) | _notebooks(root, solutions)
    known = set(pages)
    for name, page in pages.items():
        target = out / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(page, str):
            # What is reStructuredText was linked when it was made.
            text = page if name.endswith(".rst") else relink(page, name, known, root, api)
            target.write_text(text, encoding="utf-8")
            continue
        for cell in page["cells"]:
            if cell["cell_type"] == "markdown":
                cell["source"] = relink(lessons.text(cell), name, known, root, api)
        lessons.write_notebook(page, target)
    for name in ("LICENSE", "LICENSE-lessons"):
        shutil.copyfile(root / name, out / f"{name}.txt")


def _written(root: Path) -> dict[str, str]:
    """Return the pages that people wrote: of the site, of the repository, of the facilitator guide."""
    pages = {file.name: file.read_text(encoding="utf-8") for file in sorted((HERE / "pages").glob("*.md"))}
    guide = sorted((root / "workshop").glob("guide/*.md"))
    names = [*PAGES, CARD, *(str(file.relative_to(root).as_posix()) for file in guide)]
    pages |= {name: (root / name).read_text(encoding="utf-8") for name in names}
    pages["workshop/index.md"] = _workshop_page(root, [file.stem for file in guide])
    return pages


def _made(root: Path, api: PublicApi) -> dict[str, str]:
    """Return the pages that are made from the kit's own data."""
    known = roles.read_map(root)
    readme = (root / "README.md").read_text(encoding="utf-8")
    questions = dict(re.findall(r"^\| (\d\d) \| [^|]+ \| ([^|]+) \|$", readme, re.M))
    pages = {
        "GLOSSARY.md": glossary_page((root / "GLOSSARY.md").read_text(encoding="utf-8")),
        "lessons.md": roles.chapters_page(known, questions, "notebooks"),
        "labs.md": roles.chapters_page(known, questions, "labs"),
        "paths/index.md": roles.paths_page(known),
        "parameters.md": parameters.parameters_page(root),
    }
    pages |= {f"paths/{role.name}.md": roles.role_page(role, known) for role in known["ROLES"].values()}
    return pages | reference.reference_pages(api)


def _notebooks(root: Path, solutions: bool) -> dict[str, dict[str, Any]]:
    terms = read_terms((root / "GLOSSARY.md").read_text(encoding="utf-8"))
    pages = {}
    for file in sorted((root / "notebooks").glob("[0-9]*.ipynb")):
        pages[f"notebooks/{file.name}"] = lessons.lesson_page(lessons.read_notebook(file), file.stem, terms)
    for file in sorted((root / "labs").glob("[0-9]*.ipynb")):
        answer = lessons.read_notebook(root / "solutions" / file.name) if solutions else None
        pages[f"labs/{file.name}"] = lessons.lab_page(lessons.read_notebook(file), file.stem, answer)
    name = "notebooks/assessments/risk_assessment.ipynb"
    pages[name] = lessons.plain_page(lessons.read_notebook(root / name))
    return pages


def relink(text: str, page: str, known: set[str], root: Path, api: PublicApi) -> str:
    """Return ``text`` with every link leading to a page of the site, or to the web, or to nothing.

    Raises:
        ValueError: if a link leads to a file that the repository does not have either.
    """

    def replaced(match: re.Match[str]) -> str:
        target = match["target"].partition("#")[0]
        if not target or "://" in target or target.startswith("mailto:"):
            return match[0]
        path = target[1:] if target.startswith("/") else posixpath.join(posixpath.dirname(page), target)
        path = posixpath.normpath(path).rstrip("/")
        if path in known:
            return match[0]
        if path in ("LICENSE", "LICENSE-lessons"):
            return f"[{match['words']}](/licenses.md)"
        if path in ("workshop/README.md", "workshop"):
            return f"[{match['words']}](/workshop/index.md)"
        if path == "notebooks/assessments/parameters":
            return f"[{match['words']}](/parameters.md)"
        if not (root / path).exists():
            raise ValueError(f"{page}: the link to {match['target']} leads nowhere.")
        described = reference.page_of(api, root / path, root)
        if described is not None:
            return f"[{match['words']}](/{described})"
        return match["words"]

    parts = re.split(r"(^```.*?^```$)", text, flags=re.M | re.S)  # code is not linked
    parts[::2] = [LINK.sub(replaced, part) for part in parts[::2]]
    return "".join(parts)


def _workshop_page(root: Path, guide: list[str]) -> str:
    """Return the instructor's page: how to run a room, the guide's pages, the agendas."""
    readme = root / "workshop/README.md"
    text = readme.read_text(encoding="utf-8") if readme.is_file() else "# How to run a room\n"
    text = re.sub(r"\[(`?(?:guide|agendas)/`?)\]\([^)]+\)", r"\1", text)
    lines = [text.rstrip(), "", "## The agendas", ""]
    for file in sorted((root / "workshop/agendas").glob("*.yaml")):
        agenda = yaml.safe_load(file.read_text(encoding="utf-8"))
        lines += [f"### {agenda['title']}", "", str(agenda["for_whom"]), ""]
        lines += ["| Day | What | Minutes |", "|---|---|---|"]
        for day in agenda["days"]:
            for part in day["parts"]:
                lines.append(f"| {day['title']} | {_cell(part['title'])} | {part['minutes']} |")
        lines.append("")
    lines += ["## The facilitator guide", "", "```{toctree}", ""]
    lines += [f"guide/{name}" for name in guide] + ["```"]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return str(text).replace("|", "\\|")
