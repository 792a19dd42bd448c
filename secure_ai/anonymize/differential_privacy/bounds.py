"""What a release may assume: the bounds of a value and the rows of a person, never learned from the data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from secure_ai.core.errors import UserError

LARGEST, NARROWEST = 1e15, 1e-100
MOST_ROWS = 1_000_000


@dataclass(frozen=True)
class Bounds:
    """Lowest and highest value that counts; what lies outside is moved to the nearer bound.

    There is no default and no way to take them from the data: the largest salary of a table is one
    person's salary, and a bound computed from it would give it away. See :func:`where_bounds_come_from`.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        for value in (self.low, self.high):
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                raise UserError(
                    "The bounds must be two finite numbers, such as 0,120. " + where_bounds_come_from()
                )
        # Subclasses of float, as NumPy's, write themselves otherwise into a query.
        object.__setattr__(self, "low", float(self.low))
        object.__setattr__(self, "high", float(self.high))
        if self.low == self.high:
            raise UserError(
                f"The bounds are both {self.low:g}: give a lower and a higher one. {where_bounds_come_from()}"
            )
        if self.low > self.high:
            raise UserError(
                f"The bounds are reversed ({self.low:g} above {self.high:g}): give the lower one first."
            )
        if max(abs(self.low), abs(self.high)) > LARGEST:
            raise UserError(f"The bounds reach beyond {LARGEST:g}: use another unit, such as thousands.")
        if self.high - self.low < NARROWEST:
            raise UserError(f"The bounds are less than {NARROWEST:g} apart: use another unit.")

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}"


def checked_bounds(bounds: Bounds | Sequence[float] | None, column: str) -> Bounds:
    """Return ``bounds`` as :class:`Bounds`.

    Raises:
        UserError: if they are missing, reversed, equal or not two finite numbers.
    """
    if isinstance(bounds, Bounds):
        return bounds
    if bounds is None:
        raise UserError(f"The column '{column}' needs bounds. {where_bounds_come_from()}")
    if isinstance(bounds, str) or not isinstance(bounds, Sequence) or len(bounds) != 2:
        raise UserError(
            f"The bounds of '{column}' must be two numbers, lower and higher, such as (0, 120). "
            + where_bounds_come_from()
        )
    low, high = (value.item() if hasattr(value, "item") else value for value in bounds)
    return Bounds(low, high)


def where_bounds_come_from() -> str:
    """Say where bounds may come from, and where not."""
    return (
        "Bounds come from what is known without the data: the data dictionary, a rule of the business (a "
        "card limit), public knowledge (an age is 0 to 120), or a private quantile paid from the budget; "
        "never the smallest and largest value of the table, which belong to two people in it."
    )


@dataclass(frozen=True)
class PrivacyUnit:
    """Who is protected, and how much of the table one of them can be.

    Attributes:
        person: column that says whose row it is; None promises that each row is another person.
        max_rows_per_person: rows of one person that count. Of a person with more, this many are taken, in an
            order fixed by a hash of the rows: it prefers no values, and other people do not change it.
    """

    person: str | None = None
    max_rows_per_person: int = 1

    def __post_init__(self) -> None:
        rows = self.max_rows_per_person
        if isinstance(rows, bool) or not isinstance(rows, int) or not 1 <= rows <= MOST_ROWS:
            raise UserError(
                "The rows that count for one person (max_rows_per_person) must be a whole number from 1 to "
                f"{MOST_ROWS:,}."
            )
        if self.person is None and rows != 1:
            raise UserError(
                f"At most {rows} rows for one person can only be kept with the column that says whose row "
                "it is: give person as well."
            )

    def sentence(self) -> str:
        """Say which two tables cannot be told apart (the adjacency)."""
        if self.person is None:
            return "Protected is one row, added or removed; each row must be another person."
        rows = self.max_rows_per_person
        return (
            f"Protected is one person ('{self.person}'), with all of their rows, added or removed; "
            f"at most {rows:,} row{'s' if rows > 1 else ''} of each person count{'' if rows > 1 else 's'}."
        )
