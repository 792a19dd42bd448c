"""The audit log that is assessed, wherever it is kept, and the check of its trail."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from secure_ai.core import Unassessed, UserError
from secure_ai.monitor.audit_report import Log, Period, quarter_of, read_log
from secure_ai.monitor.trail import Verification, verify_trail
from secure_ai.monitor.trail.entries import to_entry
from secure_ai.monitor.trail.json_lines import FORMAT
from secure_ai.monitor.trail.opening import DATABASE_ADDRESSES
from secure_ai.monitor.trail.signatures import as_public_key
from secure_ai.monitor.trail.verify import open_evidence

SQLITE = b"SQLite format 3\x00"
MOST_BYTES = 2 << 30
LONGEST_LINE = 4_000_000
LONGEST = pd.Timedelta(days=366)
NO_TRAIL = "The log is an ordinary file and no trail: it can be edited unseen."
NO_KEY = "No public key was given (log_key): signatures cannot be checked."


@dataclass(frozen=True)
class OpenedLog:
    """A log.

    Attributes:
        log: its entries.
        is_trail: whether it is kept in, or was exported from, the kit's trail.
    """

    log: Log
    is_trail: bool


def open_log(place: str) -> OpenedLog:
    """Read a log: JSON lines, a trail in SQLite or PostgreSQL, or an export of one.

    Raises:
        UserError: if there is none, or it is no log.
    """
    is_trail = _is_trail(place)
    if is_trail:
        with _open_trail(place) as evidence:
            log = read_log(list(_events(evidence)))
    else:
        log = _read_lines(Path(place))
    if log.events.empty:
        raise UserError("The log holds no entry: name one that was written.")
    return OpenedLog(log, is_trail)


def period_of(log: Log, quarter: str | None) -> tuple[Period, str]:
    """Return the period to review, and what has to be said about it.

    Without a quarter it is all of the log, at most its last 366 days.

    Raises:
        UserError: if the quarter is none.
    """
    if quarter is not None:
        return quarter_of(quarter), ""
    first, last = log.events["time"].min(), log.events["time"].max()
    end = last + pd.Timedelta(milliseconds=1)
    start = max(first, end - LONGEST)
    words = "All of the log was reviewed, because no quarter was named."
    if start > first:
        words = "The last 366 days of the log were reviewed, because no quarter was named; it begins earlier."
    return Period(start, end, f"{start:%Y-%m-%d} to {last:%Y-%m-%d}"), words


def verify_log(place: str, opened: OpenedLog, key: str | None) -> Verification | Unassessed:
    """Check the trail that a log is kept in; Unassessed where it is none or no key was given.

    Raises:
        UserError: if the key is none.
    """
    if not opened.is_trail:
        return Unassessed(NO_TRAIL)
    if key is None:
        return Unassessed(NO_KEY)
    try:
        public = as_public_key(key)
    except UserError:
        raise UserError(
            "The log_key is no public key of a trail: it is a file with one line, 'ed25519:...'."
        ) from None
    try:
        return verify_trail(_where(place), public)
    except UserError:
        # Its sentence may name the file.
        return Unassessed("The trail could not be examined: it is damaged, or an export of another ending.")


def _is_trail(place: str) -> bool:
    if place.startswith(DATABASE_ADDRESSES):
        return True
    if "://" in place:
        raise UserError("A log is a file, or a trail at postgresql://...: name one of these.")
    path = Path(place)
    try:
        if not path.is_file():
            raise UserError("There is no log at the place that was named: check the path.")
        if path.stat().st_size > MOST_BYTES:
            raise UserError(f"The log is larger than {MOST_BYTES >> 30} GB: give one quarter of it.")
        with path.open("rb") as file:
            start = file.read(200)
    except (OSError, ValueError):
        raise UserError("The log cannot be read: check its path and its rights.") from None
    return start.startswith(SQLITE) or FORMAT.encode() in start


def _where(place: str) -> str | Path:
    return place if place.startswith(DATABASE_ADDRESSES) else Path(place)


def _open_trail(place: str) -> Any:
    try:
        return open_evidence(_where(place))
    except UserError:
        raise UserError(
            "The log is no audit trail that can be read: name JSON lines, a trail, or an export (.jsonl)."
        ) from None


def _events(evidence: Any) -> Iterator[Any]:
    for row in evidence.entries():
        try:
            yield to_entry(row).event
        except UserError:
            yield None  # counted as an entry that cannot be read


def _read_lines(path: Path) -> Log:
    try:
        with path.open("rb") as file:
            # A line that no event has is cut off where it is too long, and then is no JSON.
            lines = [line for line in _lines(file) if line.strip()]
        return read_log(lines)
    except (OSError, RecursionError):
        raise UserError("The log cannot be read: check its path and its rights.") from None


def _lines(file: Any) -> Iterator[bytes]:
    while line := file.readline(LONGEST_LINE):
        whole = line.endswith(b"\n")
        while not whole and (rest := file.readline(LONGEST_LINE)):
            whole, line = rest.endswith(b"\n"), b"{"
        yield line
