"""The period of a report: a quarter, or two moments."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pandas as pd

from secure_ai.core import UserError

LONGEST = pd.Timedelta(days=370)


@dataclass(frozen=True, slots=True)
class Period:
    """From ``start`` (included) to ``end`` (excluded), in UTC; ``label`` is what the report calls it."""

    start: pd.Timestamp
    end: pd.Timestamp
    label: str

    @property
    def hours(self) -> int:
        """Whole hours of the period, at least one."""
        return max(1, int((self.end - self.start) / pd.Timedelta(hours=1)))

    @property
    def words(self) -> str:
        """First and last day, as a reader counts them."""
        last = self.end - pd.Timedelta(milliseconds=1)
        return f"{self.start:%Y-%m-%d} to {last:%Y-%m-%d} (UTC)"


def quarter_of(text: str) -> Period:
    """Return the quarter that a text such as ``"2026Q3"`` names.

    Raises:
        UserError: if it names none.
    """
    found = re.fullmatch(r"\s*(\d{4})[-\s]?[Qq]([1-4])\s*", text) if isinstance(text, str) else None
    if found is None or not 1970 <= int(found[1]) <= 2200:
        raise UserError("The quarter is not known: write year and number, such as 2026Q3.")
    start = pd.Timestamp(year=int(found[1]), month=3 * int(found[2]) - 2, day=1, tz="UTC")
    return Period(start, start + pd.DateOffset(months=3), f"{found[1]} Q{found[2]}")


def period_of(start: Any, end: Any, quarter: str | None) -> Period:
    """Return the period of a report.

    Raises:
        UserError: if both or neither are given, a moment cannot be read, or the end is not after the start.
    """
    if quarter is not None:
        if start is not None or end is not None:
            raise UserError("Give either a quarter, or a start and an end, not both.")
        return quarter_of(quarter)
    if start is None or end is None:
        raise UserError("Give the period: a quarter such as 2026Q3, or a start and an end.")
    first, last = (_moment(value, name) for value, name in ((start, "start"), (end, "end")))
    if not first < last:
        raise UserError("The end of the period must come after its start.")
    if last - first > LONGEST:
        raise UserError("The period is longer than a year: make one report for each quarter.")
    return Period(first, last, f"{first:%Y-%m-%d} to {last:%Y-%m-%d}")


def _moment(value: Any, name: str) -> pd.Timestamp:
    try:
        moment = pd.Timestamp(value)
    except (TypeError, ValueError, OverflowError):
        moment = pd.NaT
    if pd.isna(moment):
        raise UserError(f"The {name} of the period cannot be read: write a date such as 2026-07-01.")
    return moment.tz_localize("UTC") if moment.tzinfo is None else moment.tz_convert("UTC")
