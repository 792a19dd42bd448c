"""Categories of personal data: as a record declares them, and as discover finds them in the files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import yaml

from secure_ai.core import UserError
from secure_ai.core.sources import shown
from secure_ai.discover import ColumnProfile, Inventory

# Lower than the bound of an assessment: what is flagged here is looked at by a person.
CONFIDENT = 0.5


@dataclass(frozen=True, slots=True)
class CategoryFound:
    """A category of personal data in a column of a file.

    Attributes:
        category: as :func:`categories` names it.
        table: label of the file or table.
        column: its column.
        share: confidence of discover, 0 to 1.
        special: whether it is a special category (GDPR Art. 9(1)).
    """

    category: str
    table: str
    column: str
    share: float
    special: bool


def categories() -> dict[str, tuple[str, ...]]:
    """Return category → entities of :mod:`secure_ai.discover` that show it."""
    return {name: tuple(entities) for name, entities in _data()["categories"].items()}


def special_categories() -> frozenset[str]:
    """Return the categories that GDPR Art. 9(1) names."""
    return frozenset(_data()["special"])


def check_categories(named: Iterable[str], where: str) -> tuple[str, ...]:
    """Return declared categories that are known.

    Raises:
        UserError: naming the first unknown one and the known ones.
    """
    listed = tuple(named)
    unknown = next((name for name in listed if name not in categories()), None)
    if unknown is not None:
        raise UserError(
            f"{where}: '{shown(str(unknown))}' is no category of personal data: choose from "
            f"{', '.join(categories())}."
        )
    return listed


def found_categories(inventories: Sequence[Inventory]) -> tuple[CategoryFound, ...]:
    """Return every category that discover found, by file and column; no values.

    Raises:
        UserError: if two files have one label, so that their columns could not be told apart.
    """
    labels = [one.label for one in inventories]
    repeated = next((label for label in labels if labels.count(label) > 1), None)
    if repeated is not None:
        raise UserError(
            f"Two files are called '{shown(repeated)}': name them apart, as with replace(inventory, label=…)."
        )
    return tuple(
        CategoryFound(category, one.label, column.name, column.confidence, _is_special(category, column))
        for one in inventories
        for column in _leaves(one.columns)
        for category in dict.fromkeys(_category_of()[e] for e in column.entities if e in _category_of())
        if column.confidence >= CONFIDENT
    )


def undeclared(declared: Iterable[str], inventories: Sequence[Inventory]) -> tuple[CategoryFound, ...]:
    """Return what the files hold and the record does not declare."""
    known = set(declared)
    return tuple(found for found in found_categories(inventories) if found.category not in known)


def not_found(declared: Iterable[str], inventories: Sequence[Inventory]) -> tuple[str, ...]:
    """Return the declared categories of which no file shows anything: to take out, or kept elsewhere."""
    there = {found.category for found in found_categories(inventories)}
    return tuple(name for name in declared if name not in there)


def _leaves(columns: Sequence[ColumnProfile]) -> Iterable[ColumnProfile]:
    for column in columns:
        if column.fields:
            yield from _leaves(column.fields)
        yield column


def _is_special(category: str, column: ColumnProfile) -> bool:
    return category in special_categories() or column.gdpr_special


@cache
def _category_of() -> dict[str, str]:
    return {entity: name for name, entities in categories().items() for entity in entities}


@cache
def _data() -> dict[str, Any]:
    return yaml.safe_load(resources.files(__package__).joinpath("data/categories.yaml").read_text("utf-8"))
