"""Names that may stand on a report: of columns, classes and groups, and of nothing else.

A column may be called after a person, a class or a group may be one person: what a report shows goes
through here, everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

FEWEST = 20


class Names:
    """What columns, classes and groups are called on a report.

    Args:
        columns: of the assessed tables, in order; their numbers are their names where nothing may be shown.
        redact: ``"names"`` shows names in which no personal value is found, ``"strict"`` none.
    """

    def __init__(self, columns: Sequence[str] = (), redact: Literal["names", "strict"] = "names") -> None:
        self.redact = redact
        self._columns = {name: number for number, name in enumerate(columns, 1)}

    def column(self, name: Any) -> str:
        """Return what a column is called; the same each time."""
        number = self._columns.setdefault(str(name), len(self._columns) + 1)
        return f"column {number}" if self.redact == "strict" else str(name)

    def columns(self, names: Iterable[Any]) -> list[str]:
        """Return what columns are called."""
        return [self.column(name) for name in names]

    def value(self, value: Any, count: int, number: int) -> str:
        """Return what a class or a group is called that ``count`` people share; else its number.

        A value that fewer than 20 people share is never shown.
        """
        if self.redact == "strict" or count < FEWEST:
            return f"group {number}"
        return str(value)
