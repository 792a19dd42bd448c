"""The crosswalk as data: threats, controls, chapters, findings, their identifiers and their neighbors."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

from pydantic import Field, ValidationError

from secure_ai.core.errors import UserError
from secure_ai.core.frameworks import entry
from secure_ai.core.yaml_files import Strict, parse_yaml
from secure_ai.govern.crosswalk.levels import wholes

KINDS = ("threat", "control", "chapter", "finding")
FILES = {kind: f"{kind}s.yaml" for kind in KINDS}


class _Row(Strict):
    name: str = Field(min_length=1)
    ids: tuple[str, ...] = ()
    threats: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()
    chapters: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    family: bool = False


@dataclass(frozen=True, slots=True)
class Node:
    """A threat, control, chapter or finding.

    Attributes:
        kind: one of ``KINDS``.
        key: its name in code; for a chapter its number, for a finding its id.
        name: for people.
        ids: the identifiers that it carries itself, in the form in which the kit cites them.
        modules: of a control, the modules of the kit that do it.
        family: of a threat, whether it is a family of the assistant's attack suite.
    """

    kind: str
    key: str
    name: str
    ids: tuple[str, ...]
    modules: tuple[str, ...] = ()
    family: bool = False


@dataclass(frozen=True)
class Crosswalk:
    """All nodes, and who is a neighbor of whom; a link holds in both directions.

    Attributes:
        nodes: every node, in the order of the files.
        links: ``(kind, key)`` of a node → those of its neighbors.
        carriers: identifier → the nodes that carry it or a part of it, in the order of the files.
    """

    nodes: tuple[Node, ...]
    links: Mapping[tuple[str, str], frozenset[tuple[str, str]]] = field(repr=False)
    carriers: Mapping[str, tuple[Node, ...]] = field(repr=False)

    def of_kind(self, kind: str) -> list[Node]:
        """Return the nodes of one kind.

        Raises:
            UserError: if there is no such kind.
        """
        if kind not in KINDS:
            raise UserError(f"The crosswalk has no kind '{kind}': choose from {', '.join(KINDS)}.")
        return [node for node in self.nodes if node.kind == kind]

    def node(self, kind: str, key: str) -> Node:
        """Return one node.

        Raises:
            UserError: if there is none of that name.
        """
        found = next((node for node in self.of_kind(kind) if node.key == key), None)
        if found is None:
            near = difflib.get_close_matches(key, [node.key for node in self.of_kind(kind)], n=3)
            hint = f": did you mean {', '.join(near)}?" if near else "."
            raise UserError(f"The crosswalk has no {kind} '{key}'{hint}")
        return found

    def neighbors(self, node: Node, kind: str) -> list[Node]:
        """Return the nodes of ``kind`` linked with ``node``, in the order of the file."""
        near = self.links.get((node.kind, node.key), frozenset())
        return [other for other in self.of_kind(kind) if (kind, other.key) in near]


@cache
def load_crosswalk() -> Crosswalk:
    """Return the kit's crosswalk.

    A threat names its chapters, a control its threats, a finding both; a control belongs to the chapters
    of its threats only through them.

    Raises:
        UserError: if a file names a threat, control, chapter or identifier that does not exist.
    """
    folder = resources.files(__package__) / "data"
    return build_crosswalk(
        {kind: (folder / name).read_text(encoding="utf-8") for kind, name in FILES.items()}
    )


def build_crosswalk(texts: dict[str, str]) -> Crosswalk:
    """Return the crosswalk of four YAML texts, one for each of ``KINDS``.

    Raises:
        UserError: if a text cannot be read, or names what does not exist.
    """
    rows: dict[str, dict[str, _Row]] = defaultdict(dict)
    for kind in KINDS:
        for key, value in _read(texts[kind], FILES[kind]).items():
            try:
                rows[kind][str(key)] = _Row.model_validate(value)
            except ValidationError as error:
                first = error.errors()[0]
                place = ".".join(str(part) for part in first["loc"])
                raise UserError(f"{FILES[kind]}, {key}, {place}: {first['msg']}.") from None
    nodes: list[Node] = []
    links: dict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
    for kind in KINDS:
        for key, row in rows[kind].items():
            ids = tuple(dict.fromkeys(entry(identifier).id for identifier in row.ids))
            nodes.append(Node(kind, key, row.name, ids, row.modules, row.family))
            for other, keys in (
                ("threat", row.threats),
                ("control", row.controls),
                ("chapter", row.chapters),
            ):
                for neighbor in keys:
                    if neighbor not in rows[other]:
                        raise UserError(
                            f"{FILES[kind]}, {key}: there is no {other} '{neighbor}' in {FILES[other]}."
                        )
                    links[kind, key].add((other, neighbor))
                    links[other, neighbor].add((kind, key))
    carriers: dict[str, dict[Node, None]] = defaultdict(dict)
    for node in nodes:
        for own in node.ids:
            for identifier in (own, *wholes(own)):
                carriers[identifier][node] = None
    return Crosswalk(
        tuple(nodes),
        {place: frozenset(near) for place, near in links.items()},
        {identifier: tuple(found) for identifier, found in carriers.items()},
    )


def _read(text: str, name: str) -> dict[str, dict]:
    content = parse_yaml(text, name)
    if not isinstance(content, dict):
        raise UserError(f"{name} holds no names: write one threat, control, chapter or finding a key.")
    return content
