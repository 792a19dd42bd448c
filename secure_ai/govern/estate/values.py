"""Plain values of records: dates, texts, numbers, as exports and receipts take them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from secure_ai.govern.estate.subject import Subject


def as_day(value: Any) -> date | None:
    """Return the day of a date, a time or an ISO text; None for anything else."""
    if isinstance(value, datetime):
        return value.date() if value == value else None  # noqa: PLR0124 - NaT equals nothing
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        return None


def plain(value: Any) -> Any:
    """Return a value as JSON takes it: numbers and texts as they are, dates in ISO form."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return None if math.isnan(value) else value
    if isinstance(value, (date, datetime)):
        return value.isoformat() if value == value else None  # noqa: PLR0124 - NaT equals nothing
    if hasattr(value, "item"):
        return plain(value.item())
    return str(value)


def plain_record(items: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return one record with plain values."""
    return {name: plain(value) for name, value in items}


def subject_values(subject: Subject, by: str) -> tuple[str, ...]:
    """Return the values by which a column knows the person."""
    if by == "key":
        return (subject.key,)
    if by == "pseudonym":
        return (subject.pseudonym,)
    return tuple(subject.identifiers.get(by, ()))
