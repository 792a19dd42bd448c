"""Docstrings as reStructuredText: sections become fields, names become links, the rest stays text."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from public_api import PublicApi

SECTION = re.compile(r"^(Args|Arguments|Attributes|Returns|Yields|Raises|Note|Notes|Example|Examples):$")
ITEM = re.compile(r"^(?P<name>[*\w.\[\], |`]+?)(?: \((?P<kind>[^)]*)\))?: (?P<text>.*)$")
ROLE = re.compile(r":(?:py:)?(?P<role>mod|func|class|meth|attr|data|exc|obj|const):`(?P<target>[^`]+)`")
STAR = re.compile(r"(?<![\\*`\w])\*(?=[\w(])|(?<=\w)\*(?![\w*`])")
FIELDS = {"Args": "param", "Arguments": "param", "Raises": "raises"}


@dataclass(frozen=True)
class Place:
    """Where a docstring stands: short names in it are looked up from there."""

    api: PublicApi
    module: str
    owner: str = ""

    def inside(self, node: ast.ClassDef) -> Place:
        """Return the place inside a class."""
        return replace(self, owner=node.name)

    def path_of(self, name: str) -> str | None:
        """Return the path under which a name used here is described, or None."""
        module = self.api.modules[self.module]
        source = module.imports.get(name, (self.module, name))
        entry = self.api.by_path.get(".".join(source))
        return entry.path if entry is not None and isinstance(entry.node, ast.ClassDef) else None


def as_rst(text: str, place: Place) -> list[str]:
    """Return a docstring as lines of reStructuredText.

    Raises:
        ValueError: if it leads to a name of the kit that does not exist.
    """
    lines: list[str] = []
    section, block = "", []
    for line in [*text.expandtabs().splitlines(), None]:
        match = SECTION.match(line) if line is not None else None
        inside = section and line is not None and (not line.strip() or line.startswith(" "))
        if inside:
            block.append(line)
            continue
        if section:
            lines += ["", *_section(section, _dedented(block), place), ""]
            section, block = "", []
        if match:
            section = match[1]
        elif line is not None:
            lines.append(line)
    return linked(escaped("\n".join(lines)), place).splitlines()


def _section(name: str, block: list[str], place: Place) -> list[str]:
    if name in FIELDS:
        return _fields(FIELDS[name], block, place)
    if name == "Attributes":
        return [":Fields:", *(f"   {row}" for row in _fields("", block, place))]
    if name in ("Returns", "Yields"):
        return [f":returns: {' '.join(line.strip() for line in block if line.strip())}"]
    if name.startswith("Example"):
        code = any(line.startswith((">>>", "$")) for line in block)
        return ["Example:" + ("" if code else ":"), "", *(block if code else [f"   {row}" for row in block])]
    return block


def _fields(kind: str, block: list[str], place: Place) -> list[str]:
    lines: list[str] = []
    for line in block:
        item = None if line.startswith(" ") else ITEM.match(line)
        if item:
            name = item["name"].strip("`").replace("*", "")
            if kind == "raises":
                path = place.path_of(name)
                name = f"~{path}" if path else name
            head = f":{kind} {name}:" if kind else f"* ``{name}``:"
            lines.append(f"{head} {item['text']}")
        elif line.strip():
            if lines:
                lines[-1] += f" {line.strip()}"
            else:  # a section without names
                lines.append(f":{kind}: {line.strip()}" if kind else f"* {line.strip()}")
    return lines


def _dedented(block: list[str]) -> list[str]:
    depth = min((len(line) - len(line.lstrip()) for line in block if line.strip()), default=0)
    return [line[depth:] for line in block]


def escaped(text: str) -> str:
    """Escape what reStructuredText would read as its own where the house's docstrings mean plain text."""
    parts = re.split(r"(``[^`]+``|:[a-z:]+:`[^`]+`)", text)
    for index in range(0, len(parts), 2):
        parts[index] = STAR.sub(r"\\*", parts[index]).replace("|", r"\|")
    return "".join(parts)


def linked(text: str, place: Place) -> str:
    """Return ``text`` with roles that lead to a description, or to the page that comes nearest, or nowhere.

    Raises:
        ValueError: if a role names something of the kit that does not exist.
    """

    def replaced(match: re.Match[str]) -> str:
        target = match["target"]
        if title := re.fullmatch(r"(.+?) <(.+)>", target, re.S):
            words, path = title[1], title[2].lstrip("~")
        else:
            path = target.lstrip("~!")
            words = path.rpartition(".")[2] if target.startswith("~") else path
        path = path.removesuffix("()")
        dotted = path.split(".")[0] in ("secure_ai", "synthetic_data")
        for candidate in _candidates(path, place, dotted):
            link = _link(candidate, words, place.api)
            if link:
                return link
        left_out = path.startswith(("secure_ai.cli", "secure_ai.learn.tasks", "secure_ai.workshop.hub"))
        if dotted and not left_out and not place.api.exists(path):
            raise ValueError(f"{place.module}: a docstring leads to {path}, which does not exist.")
        return f"``{words}``"

    return ROLE.sub(replaced, text)


def _candidates(path: str, place: Place, dotted: bool) -> list[str]:
    if dotted:
        return [path]
    near = [f"{place.module}.{place.owner}.{path}"] if place.owner else []
    module = place.api.modules[place.module]
    first, _, rest = path.partition(".")
    if first in module.imports:
        near.append(".".join(filter(None, [*module.imports[first], rest])))
    return [*near, f"{place.module}.{path}", f"{module.package}.{path}"]


def _link(path: str, words: str, api: PublicApi) -> str | None:
    """Return a link to what is described under a path: a package, a public name, or a member of one."""
    if path in api.modules:
        return f":doc:`{words} </api/{api.modules[path].package}>`"
    if path in api.by_path:
        return f":py:obj:`{words} <{api.by_path[path].path}>`"
    owner, _, member = path.rpartition(".")
    entry = api.by_path.get(owner)
    if entry is not None and isinstance(entry.node, ast.ClassDef) and not member.startswith("_"):
        names = {item.name for item in entry.node.body if isinstance(item, ast.FunctionDef)}
        if member in names:
            return f":py:obj:`{words} <{entry.path}.{member}>`"
    return None
