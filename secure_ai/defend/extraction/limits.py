"""What a limit per principal does: how long a thief needs, and how many honest requests are refused."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from secure_ai.core import UserError


@dataclass(frozen=True)
class DailyLimit:
    """A limit of rows a day for each principal, and the thief that it is set against.

    Attributes:
        rows_per_day: for each principal (``RateLimit.rows_per_day`` of the scoring service).
        days: how long the thief goes unnoticed.
        principals: how many accounts the thief has.

    Raises:
        UserError: if one is no whole number from 1.
    """

    rows_per_day: int
    days: int = 30
    principals: int = 1

    def __post_init__(self) -> None:
        for name in ("rows_per_day", "days", "principals"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
                raise UserError(f"{name}={value!r}: give a whole number from 1.")

    def queries(self) -> int:
        """Return how many rows the thief can ask about."""
        return self.rows_per_day * self.days * self.principals


def days_needed(queries: int, rows_per_day: int, principals: int = 1) -> int:
    """Return after how many days a thief with so many accounts has asked about ``queries`` rows."""
    return math.ceil(queries / DailyLimit(rows_per_day, principals=principals).rows_per_day / principals)


def refused_share(demand: Sequence[int] | Any, rows_per_day: int) -> float:
    """Return which share of honest rows a daily limit refuses.

    Args:
        demand: rows that an honest client asks about in a day, one number for each client and day.
        rows_per_day: the limit.

    Raises:
        UserError: if there is no demand, or a number is negative.
    """
    asked = np.asarray(demand, dtype=float).ravel()
    if not len(asked) or not np.isfinite(asked).all() or asked.min() < 0 or asked.sum() == 0:
        raise UserError("The demand of honest clients needs numbers of rows a day, not all 0.")
    return float(np.maximum(asked - rows_per_day, 0).sum() / asked.sum())
