"""Read a log from wherever it lives into one table, and count what cannot be read."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from secure_ai.core import UserError
from secure_ai.core.audit import OUTCOMES, AuditEvent, parse_event
from secure_ai.core.errors import system_reason

REQUIRED = ("time", "actor", "action", "target", "outcome")
TEXTS = (
    *("event_id", "actor", "role", "action", "resource", "target", "outcome", "purpose", "reason"),
    *("destination", "severity", "kind", "about", "verdict"),
)
# A code as a system writes it: no blank and no @, so no name or address; nine digits alone could be a number
# that belongs to a person.
CODE = re.compile(r"(?!\D*(?:\d[^\w]*){9,}$)(?!.*\d{3}-\d{2}-\d{4})[\w.:/#-]{1,48}")
WORDS = re.compile(r"[a-z_][a-z_ ,;-]{0,70}")
YEARS = (1970, 2200)  # as quarters have
HIDDEN = "(not shown: no code)"


@dataclass(frozen=True)
class Log:
    """A log as one table, in the order in which it was written.

    Attributes:
        events: columns time (UTC), event_id, actor, role, action, resource, target, outcome, purpose,
            reason, destination, severity, kind, about, verdict (text, empty where unknown), relation (text;
            missing where the log does not say), break_glass, alert (yes or no), records (number).
        unreadable: why → how many entries could not be read; they are in no figure.
    """

    events: pd.DataFrame
    unreadable: Mapping[str, int]

    @property
    def last(self) -> pd.Timestamp:
        """Time of the latest event; NaT where there is none."""
        return self.events["time"].max() if len(self.events) else pd.NaT


def read_log(log: Any) -> Log:
    """Read a log.

    Args:
        log: a table (columns time, actor, action, target, outcome, and as many of the others as there are),
            a file of JSON lines, events or dictionaries, or an object with ``read()`` or ``events``, such
            as the tamper-evident trail.

    Raises:
        UserError: if it is none of these, a column is missing, or not one entry can be read.
    """
    if isinstance(log, pd.DataFrame):
        rows, unreadable = log.reset_index(drop=True), Counter[str]()
        missing = next((name for name in REQUIRED if name not in rows.columns), None)
        if missing:
            raise UserError(f"The log has no column '{missing}': it needs {', '.join(REQUIRED)}.")
    else:
        found, unreadable = _entries(log)
        if unreadable and not found:
            raise UserError(
                "Not one entry of the log can be read: it is no audit log, or of another version."
            )
        rows = pd.DataFrame(found, columns=None if found else list(REQUIRED))
    return _table(rows, unreadable)


def code(text: Any) -> str:
    """Return an identifier or code as it may stand in a report; what looks like none is not shown."""
    return str(text) if CODE.fullmatch(str(text)) else ("" if not str(text) else HIDDEN)


def words(text: Any) -> str:
    """Return the name of a rule or role; with capitals or digits it could be a person's, and is not shown."""
    return str(text) if WORDS.fullmatch(str(text)) else code(text)


def _entries(log: Any) -> tuple[list[dict[str, Any]], Counter[str]]:
    unreadable: Counter[str] = Counter()
    found = []
    for entry in _iterate(log):
        event = getattr(entry, "event", entry)
        if isinstance(event, str | bytes):
            try:
                event = json.loads(event)
            except (ValueError, RecursionError):
                unreadable["no JSON"] += 1
                continue
        if isinstance(event, Mapping):
            try:
                event = parse_event(dict(event))
            except (ValueError, TypeError):
                unreadable["another version, or no event"] += 1
                continue
        if not isinstance(event, AuditEvent):
            unreadable["another version, or no event"] += 1
            continue
        fields = _fields(event)
        if not _is_text(fields):
            unreadable["characters that are none"] += 1
            continue
        found.append(fields)
    return found, unreadable


def _is_text(fields: Mapping[str, Any]) -> bool:
    """Whether every text can be written; JSON lets halves of characters through, which no file takes."""
    try:
        "".join(value for value in fields.values() if isinstance(value, str)).encode()
    except UnicodeEncodeError:
        return False
    return True


def _iterate(log: Any) -> Iterable[Any]:
    if isinstance(log, str | Path):
        path = Path(log)
        try:
            with path.open("rb") as file:
                return [line for line in file.read().splitlines() if line.strip()]
        except OSError as error:
            raise UserError(f"The log {path.name} cannot be read ({system_reason(error)}).") from None
    if callable(getattr(log, "read", None)):
        return log.read()
    if hasattr(log, "events"):
        return log.events
    if isinstance(log, Iterable) and not isinstance(log, Mapping | bytes):
        return log
    raise UserError("A log is a table, a file of JSON lines, a list of events or a trail.")


def _fields(event: AuditEvent) -> dict[str, Any]:
    details = {name: value for name, value in event.details.items() if name in (*TEXTS, *_OTHERS)}
    count = details.get("record_count", details.get("rows", details.get("records")))
    return {
        **details,
        "time": event.time, "actor": event.actor, "action": event.action, "target": event.target,
        "outcome": event.outcome, "purpose": event.purpose, "reason": event.reason, "alert": event.alert,
        "event_id": event.event_id,
        "record_count": len(event.records) if event.records else (1 if count is None else count),
    }  # fmt: skip


_OTHERS = ("relation", "break_glass", "record_count", "rows", "records")


def _table(rows: pd.DataFrame, unreadable: Counter[str]) -> Log:
    if "record_count" not in rows.columns and "records" in rows.columns:
        touched = rows["records"].map(lambda found: len(found) if isinstance(found, list | tuple) else 0)
        rows = rows.assign(record_count=touched.clip(lower=1))
    times = rows["time"]
    if not isinstance(times.dtype, pd.DatetimeTZDtype):
        try:
            times = pd.to_datetime(times, utc=True, errors="coerce", format="ISO8601")
        except (TypeError, ValueError):
            times = pd.to_datetime(times.astype(str), utc=True, errors="coerce", format="mixed")
    # A clock that was never set, or runs in another millennium, tells no time.
    times = times.where(times.dt.year.between(*YEARS))
    table: dict[str, Any] = {"time": times.dt.tz_convert("UTC").astype("datetime64[ms, UTC]")}
    for name in TEXTS:
        table[name] = rows[name].fillna("").astype(str) if name in rows.columns else ""
    table["relation"] = rows["relation"].astype(object) if "relation" in rows.columns else None
    for name in ("break_glass", "alert"):
        table[name] = rows[name].map(_yes).astype(bool) if name in rows.columns else False
    table["records"] = rows["record_count"].map(_count) if "record_count" in rows.columns else 1.0
    events = pd.DataFrame(table, index=rows.index)
    wrong = ~events["outcome"].isin(OUTCOMES)
    for why, bad in (("no readable time", events["time"].isna()), ("an outcome that is not known", wrong)):
        if bad.any():
            unreadable[why] += int(bad.sum())
    kept = events[events["time"].notna() & ~wrong]
    if len(rows) and kept.empty:
        raise UserError("Not one entry of the log can be read: check its times and outcomes.")
    return Log(kept.reset_index(drop=True), dict(sorted(unreadable.items())))


def _yes(value: Any) -> bool:
    return value is True or str(value).strip().lower() in ("true", "1", "yes")


def _count(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return 1.0
    return number if math.isfinite(number) and number >= 0 else 1.0
