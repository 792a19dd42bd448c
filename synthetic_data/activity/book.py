"""A table in the making: rows of codes and numbers, each text stored once; ordered by time at the end."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from synthetic_data.identifiers import numbered, pool

Codes = np.ndarray | int | str


class Book:
    """Collects rows in blocks.

    Args:
        text: names of columns of text; a column that a block does not give is "".
        numbers: name -> (dtype, value where a block does not give one).
        order: of the columns in the frame, where it is another one.
    """

    def __init__(
        self, text: Sequence[str], numbers: dict[str, tuple[str, float]], order: Sequence[str] = ()
    ) -> None:
        self._text: dict[str, dict[str, int]] = {name: {"": 0} for name in text}
        self._numbers = {"time": ("int64", 0), **numbers, "incident": ("int64", -1)}
        self._order = order or ("time", *text, *numbers)
        self._parts: dict[str, list[np.ndarray]] = {name: [] for name in (*self._text, *self._numbers)}

    def code(self, column: str, value: str) -> int:
        """The code of a text in a column."""
        known = self._text[column]
        return known.setdefault(value, len(known))

    def codes(self, column: str, values: Sequence[str]) -> np.ndarray:
        """The codes of texts in a column, in their order."""
        return np.array([self.code(column, value) for value in values], dtype=np.int64)

    def add(self, n: int, **columns: Codes) -> None:
        """Add ``n`` rows: a text for all of them, or an array of codes (of numbers) with one for each."""
        for name, parts in self._parts.items():
            value = columns.pop(name, None)
            if name in self._text:
                value = 0 if value is None else self.code(name, value) if isinstance(value, str) else value
                kind = "int64"
            else:
                kind, default = self._numbers[name]
                value = default if value is None else value
            parts.append(np.broadcast_to(np.asarray(value).astype(kind), n))
        if columns:
            raise KeyError(f"There is no column {next(iter(columns))}.")

    def column(self, name: str) -> np.ndarray:
        """The codes or numbers of a column in the order in which they were added; they may be changed."""
        self._parts[name] = [np.concatenate(self._parts[name])]
        return self._parts[name][0]

    def rows(self) -> dict[str, np.ndarray]:
        """All rows as codes and numbers, ordered by time."""
        joined = {name: np.concatenate(parts) for name, parts in self._parts.items()}
        order = np.argsort(joined["time"], kind="stable")
        return {name: values[order] for name, values in joined.items()}

    def frame(self, rows: dict[str, np.ndarray], start: np.datetime64, prefix: str) -> pd.DataFrame:
        """Those rows with their texts, numbered in order, the times counted from ``start``."""
        table = {"event_id": numbered(prefix, np.arange(len(rows["time"])), 8)}
        times = pd.DatetimeIndex(start.astype("datetime64[ms]") + rows["time"].astype("timedelta64[ms]"))
        table["time"] = times.tz_localize("UTC")
        for name, known in self._text.items():
            table[name] = pool(list(known)).take(rows[name])
        for name in self._numbers:
            if name not in {"time", "incident"}:
                table[name] = rows[name]
        return pd.DataFrame(table)[["event_id", *(n for n in self._order if n != "incident")]]


EVENT_TEXT = ("actor", "role", "unit", "action", "resource", "target", "purpose", "outcome", "relation",
              "destination", "fields", "model", "data", "source")  # fmt: skip
EVENT_NUMBERS = {"record_count": ("int64", 1), "break_glass": ("bool", 0), "query": ("int64", -1)}


EVENT_ORDER = ("time", "actor", "role", "unit", "action", "resource", "target", "record_count", "purpose",
               "outcome", "break_glass", "relation", "destination", "fields", "model", "data", "source",
               "query")  # fmt: skip


def event_book() -> Book:
    """An empty table of events; the column ``query`` is the number of a model query, -1 for none."""
    return Book(EVENT_TEXT, EVENT_NUMBERS, EVENT_ORDER)
