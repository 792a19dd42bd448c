"""Why AI security is a matter for the board: six reasons, and the chapter that acts on each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources

import pandas as pd
import yaml

from secure_ai.core import UserError

SECTORS = ("healthcare", "finance")


@dataclass(frozen=True, slots=True)
class BusinessReason:
    """One reason.

    Attributes:
        key: breach, manipulation, compliance, trust, intellectual property or disruption.
        question: the question that a board should be able to answer.
        example: how it looks in this sector (invented).
        chapter: number and name of the chapter that acts on it.
        references: framework ids, see ``secure_ai.core.frameworks``.
    """

    key: str
    question: str
    example: str
    chapter: str
    references: tuple[str, ...]


def business_reasons(sector: str) -> list[BusinessReason]:
    """Return the six reasons as they look in ``sector`` (``"healthcare"`` or ``"finance"``).

    Raises:
        UserError: if the sector is another.
    """
    if sector not in SECTORS:
        raise UserError(f"'{sector}' is no sector of this kit: choose from {', '.join(SECTORS)}.")
    return [
        BusinessReason(
            key=item["key"],
            question=item["question"],
            example=item[sector],
            chapter=item["chapter"],
            references=tuple(item["references"][sector]),
        )
        for item in _data()
    ]


def reasons_frame(sector: str) -> pd.DataFrame:
    """Return the reasons as a table: reason, question, example, chapter, references.

    Raises:
        UserError: as :func:`business_reasons`.
    """
    return pd.DataFrame(
        {
            "reason": reason.key,
            "a board should be able to answer": reason.question,
            "for example": reason.example,
            "chapter": reason.chapter,
            "asked for by": ", ".join(reason.references),
        }
        for reason in business_reasons(sector)
    )


@cache
def _data() -> list[dict]:
    return yaml.safe_load(
        resources.files(__package__).joinpath("data/business_reasons.yaml").read_text("utf-8")
    )
