"""What has to stand in the contract: the law's clauses, and one for each gap that a vendor left."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import yaml

from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown

if TYPE_CHECKING:
    from secure_ai.govern.vendors.assessment import QuestionResult


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause to put into the contract; a starting point for counsel.

    Attributes:
        id: of the clause.
        title: its heading.
        text: with square brackets to fill.
        ids: framework ids that ask for it.
        because: questions whose gaps it closes.
        by_law: whether the sector's law asks for it whatever was answered.
    """

    id: str
    title: str
    text: str
    ids: tuple[str, ...]
    because: tuple[str, ...]
    by_law: bool


def contract_clauses(
    gaps: Iterable[QuestionResult], sector: str = "healthcare", *, personal_data: bool = True
) -> tuple[Clause, ...]:
    """Return the clauses that the law asks for, and those that close ``gaps``.

    Args:
        gaps: results of questions that are not shown to be good.
        sector: ``"healthcare"`` or ``"finance"``; decides the citations.
        personal_data: whether the vendor gets data about people; without, only gaps give clauses.

    Raises:
        UserError: if the sector is unknown.
    """
    if sector not in ("healthcare", "finance"):
        raise UserError(f"There is no sector '{shown(sector)}': choose healthcare or finance.")
    because: dict[str, list[str]] = {}
    for gap in gaps:
        because.setdefault(gap.clause, []).append(gap.question)
    found = []
    for name, fields in _data()["clauses"].items():
        by_law = personal_data and sector in fields.get("always", ())
        if by_law or name in because:
            asked = tuple(because.get(name, ()))
            found.append(
                Clause(name, fields["title"], fields["text"], tuple(fields["ids"][sector]), asked, by_law)
            )
    return tuple(found)


def clause_names() -> tuple[str, ...]:
    """Return the ids of all clauses."""
    return tuple(_data()["clauses"])


def clause_note() -> str:
    """Return what the clauses are, and are not."""
    return _data()["note"]


@cache
def _data() -> dict[str, Any]:
    text = resources.files(__package__).joinpath("data/clauses.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text)
