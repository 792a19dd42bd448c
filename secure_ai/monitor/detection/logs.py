"""An organization's own log as events: its columns found or named, what is missing said in a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from secure_ai.core.audit import AuditEvent, events_to_frame
from secure_ai.core.errors import UserError
from secure_ai.core.sources import Source, as_source, shown

REQUIRED = ("time", "actor", "action", "target")
OPTIONAL: dict[str, Any] = {
    "role": "", "unit": "", "resource": "", "record_count": 1.0, "purpose": "", "outcome": "allowed",
    "break_glass": False, "relation": "", "destination": "", "fields": "", "model": "", "data": "",
    "source": "",
}  # fmt: skip
ACTIONS = ("view", "update", "print", "export", "read", "sign_in", "query")
TRUE_WORDS = ("true", "1", "1.0", "yes", "t", "y")

# Without these columns a kind cannot be judged: silence about it would be no good sign.
NEEDED_BY = {
    "access: snooping": ("relation",),
    "access: break-glass abuse": ("break_glass",),
    "export: volume": ("record_count",),
    "export: destination": ("destination",),
    "purpose: fields": ("fields",),
    "purpose: resource": ("resource",),
    "purpose: volume": ("record_count",),
}


@dataclass(frozen=True)
class EventLog:
    """A log in the columns that detectors read.

    Attributes:
        events: event_id, time (UTC), actor, action, target and the optional columns, filled where missing.
        unassessed: what cannot be judged without a missing column → why, in a sentence.
        notes: what was done to the rows: counted, never silent.
    """

    events: pd.DataFrame = field(repr=False)
    unassessed: Mapping[str, str]
    notes: tuple[str, ...]

    def sentence(self) -> str:
        """Return what the log allows, in words."""
        missing = " ".join([*self.unassessed.values(), *self.notes]) or "No column is missing."
        return f"{len(self.events):,} events. {missing}"


def events_from(
    source: Any,
    *,
    columns: Mapping[str, str] | None = None,
) -> EventLog:
    """Read a log as events.

    Args:
        source: a DataFrame, an opened source, a path that :func:`secure_ai.core.sources.open_source` reads
            (CSV, Parquet, JSON lines as :class:`secure_ai.core.audit.AuditLog` writes them, Excel), or audit
            events themselves.
        columns: event column → column of the log, such as ``{"actor": "USER_ID", "target": "MRN"}``; columns
            of the same name need not be listed.

    Raises:
        UserError: if a required column (time, actor, action, target) is missing, no time can be read, or
            ``columns`` names what is not there.
    """
    table = _frame(source)
    known = ("event_id", *REQUIRED, *OPTIONAL)
    for name, given in (columns or {}).items():
        if name not in known:
            raise UserError(f"'{shown(name)}' is no column of an event: choose from {', '.join(known)}.")
        if given not in table.columns:
            there = ", ".join(shown(str(column)) for column in table.columns[:20])
            raise UserError(f"The log has no column '{shown(given)}' for '{name}': choose from {there}.")
    places = {name: name for name in known if name in table.columns} | dict(columns or {})
    # An audit event lists the records it touched; their number is what detectors count.
    for name in REQUIRED:
        if name not in places:
            there = ", ".join(shown(str(column)) for column in table.columns[:20]) or "none"
            raise UserError(
                f"The log has no column '{name}' (it has {there}): name the one that holds it, as in "
                f"columns={{'{name}': ...}}."
            )
    notes: list[str] = []
    events = pd.DataFrame({"time": _times(table[places["time"]], notes)})
    for name in REQUIRED[1:]:
        events[name] = _words(table[places[name]])
    events["actor"] = events["actor"].replace("", "unknown")
    if "event_id" in places:
        ids = _words(table[places["event_id"]])
        blank = ids == ""
        if blank.any():
            notes.append(f"{int(blank.sum()):,} rows without an event_id were numbered.")
    else:
        ids, blank = pd.Series("", index=events.index), pd.Series(True, index=events.index)
        notes.append("The log has no event_id: rows were numbered, so duplicates are not recognized.")
    events["event_id"] = ids.where(~blank, "row-" + pd.Series(range(1, len(events) + 1)).astype(str))
    for name, default in OPTIONAL.items():
        events[name] = _optional(table, places, name, default, notes)
    other = ~events["action"].isin(ACTIONS)
    if other.any():
        notes.append(
            f"{int(other.sum()):,} events have an action that is none of {', '.join(ACTIONS)}: they count as "
            "activity only."
        )
    unassessed = {}
    for what, needed in NEEDED_BY.items():
        absent = [
            name
            for name in needed
            if name not in places and not (name == "record_count" and "records" in table)
        ]
        if absent:
            unassessed[what] = f"Not assessed, {what}: the log has no column '{absent[0]}'."
    return EventLog(events, unassessed, tuple(notes))


def _frame(source: Any) -> pd.DataFrame:
    if isinstance(source, pd.DataFrame):
        table = source
    elif isinstance(source, str | Path | Source):
        table = as_source(source).to_pandas()
    elif isinstance(source, Iterable):
        events = list(source)
        if not all(isinstance(event, AuditEvent) for event in events):
            raise UserError("A log is a table, a file or audit events: pass one of these.")
        table = events_to_frame(events)
    else:
        raise UserError(
            f"A log is a table, a file or audit events, not {type(source).__name__}: pass one of these."
        )
    return table.reset_index(drop=True)


def _words(values: pd.Series) -> pd.Series:
    return values.astype(object).where(values.notna(), "").map(str)


def _times(values: pd.Series, notes: list[str]) -> pd.Series:
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        times = values.dt.tz_convert("UTC")
    elif pd.api.types.is_numeric_dtype(values) and len(values):
        raise UserError("The column 'time' holds numbers: write times as 2026-03-31T08:15:00Z.")
    else:
        try:
            times = pd.to_datetime(values, utc=True, errors="coerce", format="mixed")
        except (ValueError, TypeError):
            raise UserError("The column 'time' holds no times: write them as 2026-03-31T08:15:00Z.") from None
    missing = int(times.isna().sum())
    if missing and missing == len(times):
        raise UserError(
            "The column 'time' holds no time that can be read: write them as 2026-03-31T08:15:00Z."
        )
    if missing:
        notes.append(f"{missing:,} events have no time that can be read: they count where they stand.")
    return times


def _optional(
    table: pd.DataFrame, places: Mapping[str, str], name: str, default: Any, notes: list[str]
) -> pd.Series | list[Any]:
    if name not in places:
        if name == "record_count" and "records" in table.columns:
            return [
                float(max(len(item), 1)) if isinstance(item, list | tuple) else 1.0
                for item in table["records"]
            ]
        return pd.Series([default] * len(table), index=table.index)
    values = table[places[name]]
    if name == "break_glass":
        return values.astype(object).where(values.notna(), "").astype(str).str.lower().isin(TRUE_WORDS)
    if name == "record_count":
        numbers = pd.to_numeric(values, errors="coerce").astype(float)
        bad = ~(numbers >= 0) | (numbers == float("inf"))
        if bad.any():
            notes.append(f"{int(bad.sum()):,} events have no usable record_count: counted as one record.")
        return numbers.where(~bad, 1.0)
    return _words(values)
