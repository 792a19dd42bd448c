"""Conditions of a query over the trail."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from secure_ai.core.errors import UserError
from secure_ai.monitor.trail.entries import utc_text
from secure_ai.monitor.trail.store import Condition


def conditions(
    since: str | datetime | None,
    until: str | datetime | None,
    after: int | None,
    same: Mapping[str, Any],
) -> list[Condition]:
    """Return the conditions that were given.

    Raises:
        UserError: if a time is none or has no zone.
    """
    found = []
    for name, value, comparison in (("since", since, ">="), ("until", until, "<")):
        if value is not None:
            found.append(Condition("time", comparison, _moment(name, value)))
    if after is not None:
        found.append(Condition("sequence", ">", after))
    found += [Condition(column, "=", value) for column, value in same.items() if value is not None]
    return found


def _moment(name: str, value: str | datetime) -> str:
    try:
        text = value if isinstance(value, str) else value.isoformat()
        moment, _, decimals = utc_text(text).removesuffix("+00:00").partition(".")
    except (ValueError, OverflowError, AttributeError):
        raise UserError(f"{name} is no time with a zone: write 2026-03-01T12:00:00+00:00.") from None
    # The shortest text of a moment sorts before every longer text of the same moment.
    decimals = decimals.rstrip("0")
    return f"{moment}.{decimals}+00:00" if decimals else f"{moment}+00:00"
