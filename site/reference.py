"""The reference as pages: one a package, its public names in full, its modules by a sentence each."""

from __future__ import annotations

import ast
import copy
import re
from pathlib import Path

import docstrings
from public_api import Entry, Module, PublicApi

# The rooms in the order in which the chapters need them.
ROOMS = (
    "core", "discover", "anonymize", "encrypt", "access", "attack", "defend", "monitor", "govern", "assess",
    "learn", "workshop",
)  # fmt: skip
ENUMS = ("Enum", "StrEnum", "IntEnum", "Flag", "IntFlag")
MODELS = ("BaseModel", "NamedTuple", "TypedDict")
LONGEST_VALUE = 80


def reference_pages(api: PublicApi) -> dict[str, str]:
    """Return the pages of the reference by their place in the site.

    Raises:
        ValueError: if a docstring leads to a name that the kit does not have.
    """
    pages = {f"api/{name}.rst": package_page(api, name) for name in api.packages}
    return pages | {"reference.md": entrance(api)}


def entrance(api: PublicApi) -> str:
    """Return the entrance to the reference: the rooms, and what each is for in the words of its package."""
    rooms = [f"secure_ai.{room}" for room in ROOMS if f"secure_ai.{room}" in api.modules]
    rooms.append("synthetic_data")
    lines = [
        "# Reference",
        "",
        "What the rooms of this version offer to be called, from their docstrings: every name that a package "
        "hands on, and every name that a lesson or a lab imports. It stands on the page of the package from "
        "which it is imported. Commands explain themselves with `--help`. Rooms depend downward only: each "
        "uses those above it in this table.",
        "",
        "| Room | For what |",
        "|---|---|",
    ]
    lines += [f"| [`{room}`](api/{room}.rst) | {first_sentence(api.modules[room])} |" for room in rooms]
    lines += ["", "```{toctree}", ":hidden:", "", *(f"api/{room}" for room in rooms), "api/secure_ai", "```"]
    return "\n".join(lines) + "\n"


def package_page(api: PublicApi, name: str) -> str:
    """Return the page of a package: its docstring, its public names, the packages and modules inside it."""
    module = api.modules[name]
    lines = [f"``{name}``", "=" * (len(name) + 4), "", f".. py:module:: {name}", ""]
    lines += docstrings.as_rst(module.docstring, docstrings.Place(api, name))
    lines.append("")
    inner = [
        other for other in api.packages if other.rpartition(".")[0] == name and (name != "secure_ai" or
        other.rpartition(".")[2] not in ROOMS)
    ]  # fmt: skip
    if inner:
        lines += _headed("Packages")
        for other in inner:
            lines.append(f"* :doc:`{other}`: {_plain(first_sentence(api.modules[other]))}")
        lines += ["", ".. toctree::", "   :hidden:", "", *(f"   {other}" for other in inner), ""]
    entries = api.entries.get(name, [])
    if entries:
        lines += _headed("Public names")
        for entry in entries:
            lines += entry_lines(api, entry)
    others = api.elsewhere.get(name, [])
    if others:
        lines += _headed("Handed on from elsewhere")
        lines += [f"* :py:obj:`{own} <{entry.path}>`" for own, entry in sorted(others, key=lambda o: o[0])]
        lines.append("")
    modules = [m for m in api.modules.values() if not m.is_package and m.package == name]
    if modules:
        lines += _headed("Modules inside")
        for other in modules:
            lines += [f"``{other.name.rpartition('.')[2]}``", f"   {_plain(first_sentence(other))}"]
        lines.append("")
    return "\n".join(lines)


def first_sentence(module: Module) -> str:
    """Return the first paragraph of a module's docstring on one line, as text without roles."""
    summary = " ".join(module.docstring.split("\n\n")[0].split())
    return re.sub(r":[a-z:]+:`~?([^`]+)`", r"`\1`", summary).replace("``", "`")


def _plain(text: str) -> str:
    return docstrings.escaped(re.sub(r"(?<!`)`([^`]+)`(?!`)", r"``\1``", text))


def _headed(title: str) -> list[str]:
    return [title, "-" * len(title), ""]


def entry_lines(api: PublicApi, entry: Entry) -> list[str]:
    """Return the description of a public name: signature, docstring, and a class's public members."""
    node, place = entry.node, docstrings.Place(api, entry.module)
    if isinstance(node, ast.ClassDef):
        return _class_lines(entry, node, place)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return _described("function", entry.name + _signature(node, place), [_is_async(node)], node, place)
    options = []
    value = getattr(node, "value", None)
    if isinstance(node, ast.AnnAssign):
        options.append(f":type: {_type(node.annotation, place)}")
    shown = ast.unparse(value) if value is not None else ""
    if shown and len(shown) <= LONGEST_VALUE and "\n" not in shown:
        options.append(f":value: {shown}")
    body = docstrings.as_rst(_words_after(api.modules[entry.module], node), place)
    return _directive("data", entry.name, options, body)


def _class_lines(entry: Entry, node: ast.ClassDef, place: docstrings.Place) -> list[str]:
    bases = [ast.unparse(base) for base in node.bases]
    last_names = [base.rpartition(".")[2].partition("[")[0] for base in bases]
    place = place.inside(node)
    body = [*docstrings.as_rst(ast.get_docstring(node) or "", place), ""]
    if bases and not set(last_names) <= {"Protocol", "ABC", *MODELS}:
        body = [f"Bases: {', '.join(f'``{base}``' for base in bases)}", "", *body]
    if set(last_names) & set(ENUMS):
        values = [item.targets[0].id for item in node.body if isinstance(item, ast.Assign)
                  and isinstance(item.targets[0], ast.Name)]  # fmt: skip
        body += ["Values: " + ", ".join(f"``{value}``" for value in values) + ".", ""]
    seen: set[str] = set()
    for item in node.body:
        if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef) and not item.name.startswith("_"):
            if item.name not in seen:  # a property's setter, an overload
                body += _method_lines(item, place)
            seen.add(item.name)
    kind = "exception" if any(base.endswith(("Error", "Exception")) for base in bases) else "class"
    return _directive(kind, entry.name + _constructor(node, last_names, place), [], body)


def _method_lines(node: ast.FunctionDef | ast.AsyncFunctionDef, place: docstrings.Place) -> list[str]:
    marks = {ast.unparse(mark).rpartition(".")[2] for mark in node.decorator_list}
    if marks & {"property", "cached_property"}:
        options = [f":type: {_type(node.returns, place)}"] if node.returns else []
        return _described("property", node.name, options, node, place)
    options = [f":{mark}:" for mark in ("classmethod", "staticmethod", "abstractmethod") if mark in marks]
    signature = _signature(node, place, bound="staticmethod" not in marks)
    return _described("method", node.name + signature, [*options, _is_async(node)], node, place)


def _described(kind, head, options, node, place) -> list[str]:
    return _directive(kind, head, options, docstrings.as_rst(ast.get_docstring(node) or "", place))


def _directive(kind: str, head: str, options: list[str], body: list[str]) -> list[str]:
    lines = [f".. py:{kind}:: {head}", *(f"   {option}" for option in options if option), ""]
    return [*lines, *(f"   {line}" if line else "" for line in body), ""]


def _is_async(node: ast.AST) -> str:
    return ":async:" if isinstance(node, ast.AsyncFunctionDef) else ""


def _signature(
    node: ast.FunctionDef | ast.AsyncFunctionDef, place: docstrings.Place, *, bound: bool = False
) -> str:
    """Return parameters and result as they are written, types by their full paths, ``self`` left out."""
    node = copy.deepcopy(node)
    given = node.args
    if bound and (given.posonlyargs or given.args):
        (given.posonlyargs or given.args).pop(0)
    for argument in ast.walk(given):
        if isinstance(argument, ast.arg) and argument.annotation is not None:
            argument.annotation = _Paths(place).visit(argument.annotation)
    returns = f" -> {_type(node.returns, place)}" if node.returns else ""
    return f"({ast.unparse(given)}){returns}"


def _type(annotation: ast.expr, place: docstrings.Place) -> str:
    return ast.unparse(_Paths(place).visit(copy.deepcopy(annotation)))


class _Paths(ast.NodeTransformer):
    """Give the kit's types in an annotation their full paths, which lead to one description each."""

    def __init__(self, place: docstrings.Place) -> None:
        self.place = place

    def visit_Name(self, node: ast.Name) -> ast.expr:
        path = self.place.path_of(node.id)
        return ast.Name(path) if path else node


def _constructor(node: ast.ClassDef, bases: list[str], place: docstrings.Place) -> str:
    """Return what a class is called with: of ``__init__``, or the fields of a dataclass or a model."""
    for item in node.body:
        if isinstance(item, ast.FunctionDef) and item.name == "__init__":
            return _signature(item, place, bound=True).removesuffix(" -> None")
    is_dataclass = any("dataclass" in ast.unparse(mark) for mark in node.decorator_list)
    if not is_dataclass and not set(bases) & set(MODELS):
        return ""
    fields = []
    for item in node.body:
        if not isinstance(item, ast.AnnAssign) or not isinstance(item.target, ast.Name):
            continue
        kind = _type(item.annotation, place)
        value = "" if item.value is None else ast.unparse(item.value)
        if item.target.id.startswith("_") or "ClassVar" in kind or "init=False" in value:
            continue
        if "(" in value or len(value) > LONGEST_VALUE:  # field(...), Field(...)
            value = "..."
        fields.append(f"{item.target.id}: {kind}" + (f" = {value}" if value else ""))
    return f"({', '.join(fields)})"


def _words_after(module: Module, node: ast.stmt) -> str:
    """Return what the source says of a constant: the string after it, or the comment above it."""
    body = module.tree.body
    following = body[body.index(node) + 1 :][:1] if node in body else []
    if following and isinstance(following[0], ast.Expr) and isinstance(following[0].value, ast.Constant):
        return str(following[0].value.value)
    lines, words = module.file.read_text(encoding="utf-8").splitlines(), []
    for line in reversed(lines[: node.lineno - 1]):
        if not line.startswith("#"):
            break
        words.insert(0, line.lstrip("#: "))
    return "\n".join(words)


def page_of(api: PublicApi, path: Path, root: Path) -> str | None:
    """Return the page about a file or folder of the kit, or None."""
    parts = path.relative_to(root).with_suffix("").parts
    module, _ = api.module_of(".".join(part for part in parts if part != "__init__"))
    known = path.is_dir() or path.suffix == ".py"
    return f"api/{module.package}.rst" if module is not None and known else None
