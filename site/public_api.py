"""What the kit offers to be called, read from its source: nothing is imported, nothing is run.

Public is what a package hands on (``__all__``, or the table of ``lazy_names``), and what a lesson, a lab or
the README imports from further inside. Each name is described once: at the shortest path that hands it on.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

# Folders without a page in the reference: commands have --help, tasks would be answers, and the hub's side
# of a workshop is called by nobody but the hub.
NO_REFERENCE = ("secure_ai.cli", "secure_ai.learn.tasks", "secure_ai.workshop.hub")
ROOTS = ("secure_ai", "synthetic_data")
PROSE_IMPORT = re.compile(r"^from ((?:secure_ai|synthetic_data)[\w.]*) import (\w+(?:, \w+)*)$", re.M)


@dataclass
class Module:
    """A module of the kit: its name, its file, and what stands at its top level."""

    name: str
    file: Path
    tree: ast.Module

    @property
    def is_package(self) -> bool:
        """Whether other modules stand in it."""
        return self.file.name == "__init__.py"

    @property
    def package(self) -> str:
        """The package that it is or stands in."""
        return self.name if self.is_package else self.name.rpartition(".")[0]

    @property
    def docstring(self) -> str:
        """Its docstring, or nothing."""
        return ast.get_docstring(self.tree) or ""

    @cached_property
    def definitions(self) -> dict[str, ast.stmt]:
        """What it defines at its top level, by name."""
        found: dict[str, ast.stmt] = {}
        for node in _statements(self.tree.body):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                found[node.name] = node
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                found[node.target.id] = node
            elif isinstance(node, ast.Assign):
                names = [target.id for target in node.targets if isinstance(target, ast.Name)]
                found |= dict.fromkeys(names, node)
        return found

    @cached_property
    def imports(self) -> dict[str, tuple[str, str]]:
        """What it imports from the kit: its own name for it, the module, the name there."""
        found = {}
        for node in _statements(self.tree.body):
            if isinstance(node, ast.ImportFrom):
                source = node.module or ""
                if node.level:
                    above = self.package.split(".")[: -(node.level - 1) or None]
                    source = ".".join([*above, *filter(None, [source])])
                if source.split(".")[0] in ROOTS:
                    found |= {alias.asname or alias.name: (source, alias.name) for alias in node.names}
        return found

    @cached_property
    def handed_on(self) -> dict[str, tuple[str, str]]:
        """What a package hands on: the name, the module it comes from, the name there."""
        listed = self._listed()
        lazy = self._lazy()
        if listed is None and not lazy:
            listed = [name for name in (*self.imports, *self.definitions) if not name.startswith("_")]
        own = {name: self.imports.get(name, (self.name, name)) for name in listed or ()}
        return own | {name: (f"{self.name}.{module}", name) for module, name in lazy}

    def _listed(self) -> list[str] | None:
        node = self.definitions.get("__all__")
        try:
            return None if node is None or node.value is None else list(ast.literal_eval(node.value))
        except ValueError:
            return None

    def _lazy(self) -> list[tuple[str, str]]:
        for node in self.tree.body:
            call = node.value if isinstance(node, ast.Assign) else None
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "lazy_names":
                table = ast.literal_eval(call.args[1])
                return [
                    (module, name)
                    for module, names in table.items()
                    for name in (names.split() if isinstance(names, str) else names)
                ]
        return []


@dataclass(frozen=True)
class Entry:
    """One public name: where it is described, where it is defined, and its definition."""

    package: str
    name: str
    module: str
    node: ast.stmt

    @property
    def path(self) -> str:
        """The path by which it is imported."""
        return f"{self.package}.{self.name}"


@dataclass
class PublicApi:
    """All public names by the package that describes them, and where other packages hand them on."""

    modules: dict[str, Module]
    entries: dict[str, list[Entry]] = field(default_factory=dict)
    elsewhere: dict[str, list[tuple[str, Entry]]] = field(default_factory=dict)

    @cached_property
    def packages(self) -> list[str]:
        """The packages that have a page."""
        return sorted(name for name, module in self.modules.items() if module.is_package)

    @cached_property
    def by_path(self) -> dict[str, Entry]:
        """Every path by which a public name may be asked for: described, handed on, defined."""
        found = {}
        for entries in self.entries.values():
            for entry in entries:
                found |= {entry.path: entry, f"{entry.module}.{_own_name(entry)}": entry}
        for package, rows in self.elsewhere.items():
            found |= {f"{package}.{name}": entry for name, entry in rows}
        return found

    def exists(self, path: str) -> bool:
        """Whether a module, a definition in one or a member of a class has this path, public or not."""
        if path in self.modules or path in self.by_path:
            return True
        module, name = self.module_of(path)
        if module is None:
            return False
        first, _, member = name.partition(".")
        node = module.definitions.get(first)
        if node is None and first in module.handed_on:
            found = resolve(self.modules, *module.handed_on[first])
            node = found[2] if found else None
        if node is None:
            return first in module.imports
        return not member or not isinstance(node, ast.ClassDef) or member in _members(node) | {*node.bases}

    def module_of(self, path: str) -> tuple[Module | None, str]:
        """Return the module that a path leads into, and what remains of the path."""
        head, rest = path, ""
        while head:
            if head in self.modules:
                return self.modules[head], rest
            head, _, last = head.rpartition(".")
            rest = f"{last}.{rest}" if rest else last
        return None, path


def read_public_api(root: Path) -> PublicApi:
    """Return the public names of the kit in the folder ``root``."""
    api = PublicApi(read_modules(root))
    wanted: dict[tuple[str, str], list[tuple[str, str]]] = {}
    nodes: dict[tuple[str, str], ast.stmt] = {}
    asked = [
        (module.name, name, source)
        for module in api.modules.values()
        if module.is_package
        for name, source in module.handed_on.items()
    ]
    asked += [(_package_of(api, module), name, (module, name)) for module, name in sorted(_used(root))]
    for package, name, source in asked:
        found = None if name.startswith("_") else resolve(api.modules, *source)
        if found is not None and package in api.modules:
            module, own, node = found
            wanted.setdefault((module, own), []).append((package, name))
            nodes[module, own] = node
    for (module, own), places in wanted.items():
        inside = [place for place in places if f"{module}.".startswith(f"{place[0]}.")]
        package, name = min(inside or places, key=lambda place: (place[0].count("."), place))
        entry = Entry(package, name, module, nodes[module, own])
        api.entries.setdefault(package, []).append(entry)
        for place in sorted(set(places) - {(package, name)}):
            api.elsewhere.setdefault(place[0], []).append((place[1], entry))
    for entries in api.entries.values():
        entries.sort(key=lambda entry: entry.name.casefold())
    return api


def read_modules(root: Path) -> dict[str, Module]:
    """Return the modules with a place in the reference, by name."""
    modules = {}
    for top in ROOTS:
        for file in sorted((root / top).rglob("*.py")):
            parts = list(file.relative_to(root).with_suffix("").parts)
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            hidden = any(part.startswith("_") for part in name.split("."))
            if not hidden and not f"{name}.".startswith(tuple(f"{left}." for left in NO_REFERENCE)):
                modules[name] = Module(name, file, ast.parse(file.read_text(encoding="utf-8")))
    return modules


def resolve(modules: dict[str, Module], module: str, name: str) -> tuple[str, str, ast.stmt] | None:
    """Follow a name to where it is defined: module, name, definition; None for a module or a left-out one."""
    for _ in range(10):  # packages hand on what packages hand on
        if module not in modules or f"{module}.{name}" in modules:
            return None
        node = modules[module].definitions.get(name)
        if node is not None:
            return module, name, node
        step = modules[module].imports.get(name) or modules[module].handed_on.get(name)
        if step is None or step == (module, name):
            return None
        module, name = step
    return None


def _used(root: Path) -> set[tuple[str, str]]:
    """Return what lessons, labs and the README import from the kit: module and name."""
    found = set()
    for file in (*root.glob("notebooks/*.ipynb"), *root.glob("labs/*.ipynb")):
        for cell in json.loads(file.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                found |= _imported("".join(cell["source"]))
    for module, names in PROSE_IMPORT.findall((root / "README.md").read_text(encoding="utf-8")):
        found |= {(module, name) for name in names.split(", ")}
    return found


def _imported(source: str) -> set[tuple[str, str]]:
    try:
        tree = ast.parse(source)
    except SyntaxError:  # a cell with a magic command
        return set()
    return {
        (node.module, alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in ROOTS
        for alias in node.names
    }


def _package_of(api: PublicApi, module: str) -> str:
    return api.modules[module].package if module in api.modules else ""


def _own_name(entry: Entry) -> str:
    return getattr(entry.node, "name", entry.name)


def _members(node: ast.ClassDef) -> set[str]:
    found = {item.name for item in node.body if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)}
    for item in ast.walk(node):
        if isinstance(item, ast.AnnAssign | ast.Attribute | ast.Assign):
            targets = item.targets if isinstance(item, ast.Assign) else [getattr(item, "target", item)]
            found |= {getattr(target, "id", getattr(target, "attr", "")) for target in targets}
    return found


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield statements of a module, those under ``if`` and ``try`` too."""
    for node in body:
        yield node
        for part in ("body", "orelse", "handlers", "finalbody"):
            if isinstance(node, ast.If | ast.Try):
                for inner in getattr(node, part, []):
                    yield from _statements(inner.body if isinstance(inner, ast.ExceptHandler) else [inner])
