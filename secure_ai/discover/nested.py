"""The fields of nested values: JSON documents taken apart into paths (``name[].family``) and their values."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import regex

from secure_ai.discover.fhir import entity_beside, is_resource

MOST_KEYS = 500
"""Keys of one object above which they are taken for data at once."""
MOST_DEPTH = 30
_MANY_KEYS, _RARE = 30, 0.2
# A key that could be a value (an address, a long number) is never shown as part of a path.
_FIELD_NAME = regex.compile(r"[\p{L}_$@][\p{L}\p{M}\p{N}_ .:$-]{0,59}")
_LONG_NUMBER = regex.compile(r"\d{5}")
_DESCRIBES = frozenset({"url", "system", "use", "type", "rank", "period", "assigner", "id"})
_KINDS = {bool: "BOOLEAN", int: "BIGINT", float: "DOUBLE", str: "VARCHAR"}


@dataclass(frozen=True)
class Field:
    """One path of a nested column.

    Attributes:
        path: from the column down; ``[]`` stands for every element of a list, ``{}`` for every value of a
            map, and ``{key}`` for its keys.
        sql_type: DuckDB's name for the type that its values share, VARCHAR for several.
        counts: value as text → how often it occurs, weighted by rows.
        said: entity → how many values the codes beside them call so.
        n_values: values, weighted by rows.
        share: share of the documents, weighted by rows, in which the path occurs.
    """

    path: str
    sql_type: str
    counts: dict[str, int]
    said: dict[str, int]
    n_values: int
    share: float

    @property
    def names(self) -> list[str]:
        """The names on the path, without the marks of lists, maps and resources."""
        return names_of(self.path)


def names_of(path: str) -> list[str]:
    """Return the names on a path.

    >>> names_of("entry[].resource(Patient).name[].given[]")
    ['entry', 'resource', 'name', 'given']
    """
    return [part for part in regex.split(r"\.|\[\]|\{\w*\}|\(\w+\)", path) if part]


@dataclass
class _Node:
    objects: int = 0
    rows: int = 0
    seen: int = -1
    fields: dict[str, _Node] = field(default_factory=dict)
    held: Counter = field(default_factory=Counter)
    items: _Node | None = None
    keys: Counter = field(default_factory=Counter)
    values: _Node | None = None
    is_map: bool = False
    scalars: Counter = field(default_factory=Counter)
    kinds: set = field(default_factory=set)
    said: Counter = field(default_factory=Counter)


def documents(counts: Mapping[str, int]) -> list[tuple[Any, int]] | None:
    """Parse values that are JSON objects or lists.

    Args:
        counts: value as text → rows.

    Returns:
        Parsed value and rows of each, text as it is where it cannot be parsed; None where fewer than
        nine values of ten are objects or lists, that is, where this is no column of documents.
    """
    looks = sum(value.lstrip()[:1] in ("{", "[") for value in counts)
    if not counts or looks < 0.9 * len(counts):
        return None
    parsed, good = [], 0
    for value, rows in counts.items():
        try:
            document = json.loads(value)
        except (ValueError, RecursionError):
            document = value
        good += isinstance(document, dict | list)
        parsed.append((document, rows))
    return parsed if good >= 0.9 * len(counts) else None


def fields_of(
    name: str, parsed: Iterable[tuple[Any, int]], maps: frozenset[str] = frozenset()
) -> list[Field]:
    """Return the paths of documents with their values, in the order in which they occur.

    Args:
        name: the column, with which every path begins.
        parsed: documents and the rows that hold each, from :func:`documents`.
        maps: names that are maps by their type, whose keys are therefore data; the empty one is the column.
    """
    root = _Node(is_map="" in maps)
    total = 0
    for number, (document, rows) in enumerate(parsed):
        total += rows
        _add(root, document, _Document(number, rows, maps), None, 0)
    found: list[Field] = []
    _collect(root, name, total, found)
    return found


def map_names(sql_type: str) -> frozenset[str]:
    """Return the names that are maps in a DuckDB type, the empty one for the column itself."""
    found = set(regex.findall(r'"?([\p{L}_][\p{L}\p{N}_ ]*?)"? MAP\(', sql_type))
    return frozenset(found | ({""} if sql_type.startswith("MAP(") else set()))


@dataclass(frozen=True)
class _Document:
    """The document that is being read: its number, the rows that hold it, and names that are maps."""

    number: int
    rows: int
    maps: frozenset[str]


def _add(node: _Node, value: Any, document: _Document, said: str | None, depth: int) -> None:
    if value is None:
        return
    rows, number = document.rows, document.number
    if node.seen != number:
        node.seen = number
        node.rows += rows
    if isinstance(value, dict) and depth < MOST_DEPTH:
        _add_object(node, value, document, said, depth)
    elif isinstance(value, list) and depth < MOST_DEPTH:
        node.items = node.items or _Node(is_map=node.is_map)
        for item in value:
            _add(node.items, item, document, said, depth + 1)
    else:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        if text.strip():
            node.scalars[text] += rows
            node.kinds.add(_KINDS.get(type(value), "VARCHAR"))
            if said:
                node.said[said] += rows


def _add_object(node: _Node, value: dict, document: _Document, said: str | None, depth: int) -> None:
    rows = document.rows
    node.objects += rows
    said = entity_beside(value) or said
    for key, child in value.items():
        if node.is_map or (key not in node.fields and (not _is_name(key) or len(node.fields) >= MOST_KEYS)):
            node.is_map = True
            node.keys[key] += rows
            node.values = node.values or _Node()
            _add(node.values, child, document, said, depth + 1)
            continue
        if child is None:
            continue
        label = f"{key}({child['resourceType']})" if isinstance(child, dict) and is_resource(child) else key
        below = node.fields.get(label)
        if below is None:
            below = node.fields[label] = _Node(is_map=key in document.maps)
        node.held[label] += rows
        _add(below, child, document, None if key in _DESCRIBES else said, depth + 1)


def _is_name(key: str) -> bool:
    return _FIELD_NAME.fullmatch(key) is not None and _LONG_NUMBER.search(key) is None


def _collect(node: _Node, path: str, total: int, found: list[Field]) -> None:
    _settle(node)
    if node.scalars:
        kind = next(iter(node.kinds)) if len(node.kinds) == 1 else "VARCHAR"
        kind = "DOUBLE" if node.kinds == {"BIGINT", "DOUBLE"} else kind
        share = min(node.rows / total, 1.0) if total else 0.0
        counts = dict(node.scalars)
        found.append(Field(path, kind, counts, dict(node.said), sum(counts.values()), share))
    for name, child in node.fields.items():
        _collect(child, f"{path}.{name}", total, found)
    if node.items is not None:
        _collect(node.items, f"{path}[]", total, found)
    if node.values is not None:
        keys = dict(node.keys)
        share = min(node.rows / total, 1.0) if total else 0.0
        found.append(Field(f"{path}{{key}}", "VARCHAR", keys, {}, sum(keys.values()), share))
        _collect(node.values, f"{path}{{}}", total, found)


def _settle(node: _Node) -> None:
    """Take the fields of a node for the keys of a map where they are many and each is rare."""
    rare = len(node.fields) > _MANY_KEYS and sum(node.held.values()) < _RARE * len(node.fields) * node.objects
    if not node.fields or not (node.is_map or rare):
        return
    node.is_map = True
    node.values = node.values or _Node()
    for name, child in node.fields.items():
        node.keys[name] += node.held[name]
        _merge(node.values, child)
    node.fields = {}


def _merge(into: _Node, other: _Node) -> None:
    into.objects += other.objects
    into.rows += other.rows
    into.is_map |= other.is_map
    into.held += other.held
    into.keys += other.keys
    into.scalars += other.scalars
    into.kinds |= other.kinds
    into.said += other.said
    for name, child in other.fields.items():
        if name in into.fields:
            _merge(into.fields[name], child)
        else:
            into.fields[name] = child
    for part in ("items", "values"):
        mine, theirs = getattr(into, part), getattr(other, part)
        if theirs is not None:
            if mine is None:
                setattr(into, part, theirs)
            else:
                _merge(mine, theirs)
