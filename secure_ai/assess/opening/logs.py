"""The audit log that is assessed, wherever it is kept, and the check of its trail."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd

from secure_ai.core import Unassessed, UserError
from secure_ai.monitor.audit_report import Log, Period, quarter_of, read_log
from secure_ai.monitor.audit_report.log import REQUIRED
from secure_ai.monitor.trail import Verification, verify_trail
from secure_ai.monitor.trail.entries import to_entry
from secure_ai.monitor.trail.json_lines import FORMAT
from secure_ai.monitor.trail.opening import DATABASE_ADDRESSES
from secure_ai.monitor.trail.signatures import as_public_key
from secure_ai.monitor.trail.verify import open_evidence
from secure_ai.monitor.trail.witness import parse_line, witness_lines

SQLITE = b"SQLite format 3\x00"
MOST_BYTES = 2 << 30
LONGEST_LINE = 4_000_000
LONGEST = pd.Timedelta(days=366)
# Entries that are tried together, before any work, until one can be read.
TRIED = 500
PACKED = {b"\x1f\x8b": "gzip", b"PK\x03\x04": "a ZIP archive", b"BZh": "bzip2", b"\xfd7zXZ": "xz",
          b"\x28\xb5\x2f\xfd": "zstd"}  # fmt: skip
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
EMPTY = "The log holds no entry: name one that was written."
NO_TRAIL = "The log is an ordinary file and no trail: it can be edited unseen."
NO_KEY = "No public key was given (log_key): signatures cannot be checked."
NO_PUBLIC_KEY = "The log_key is no public key of a trail: it is a file with one line, 'ed25519:...'."


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
        raise UserError(EMPTY)
    return OpenedLog(log, is_trail)


def check_log(
    place: str, *, key: str | None = None, witness: str | None = None, quarter: str | None = None
) -> None:
    """Refuse what the section on the log would refuse, without reading more than it takes to be sure.

    Of a log as it should be that is its first entry; one without any readable entry is read to its end.

    Args:
        place: of the log.
        key: file of the public key.
        witness: file of the witness.
        quarter: that is reviewed.

    Raises:
        UserError: if log, key, witness or quarter is none.
    """
    if quarter is not None:
        quarter_of(quarter)
    if key is not None:
        _public_key(key)
    if witness is not None:
        _check_witness(Path(witness))
    if _is_trail(place):
        with _open_trail(place) as evidence:
            _check_any(_events(evidence))
        return
    try:
        with Path(place).open("rb") as file:
            _check_any(line for line in _lines(file) if line.strip())
    except OSError:
        raise UserError("The log cannot be read: check its path and its rights.") from None


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


def verify_log(
    place: str, opened: OpenedLog, key: str | None, witness: str | None = None
) -> Verification | Unassessed:
    """Check the trail that a log is kept in; Unassessed where it is none or no key was given.

    Args:
        place: of the log.
        opened: the log.
        key: file of the public key.
        witness: file of signed checkpoints that was kept elsewhere; it finds an older copy put back.

    Raises:
        UserError: if the key or the witness is none.
    """
    if not opened.is_trail:
        return Unassessed(NO_TRAIL)
    if key is None:
        return Unassessed(NO_KEY)
    public = _public_key(key)
    if witness is not None:
        _check_witness(Path(witness))
    try:
        return verify_trail(_where(place), public, witness)
    except UserError:
        # Its sentence may name the file.
        return Unassessed("The trail could not be examined: it is damaged, or an export of another ending.")


def _public_key(key: str) -> Any:
    try:
        return as_public_key(key)
    except UserError:
        raise UserError(NO_PUBLIC_KEY) from None


def _check_witness(path: Path) -> None:
    """Refuse a file without any checkpoint, which is another one; damaged lines are for the verification."""
    try:
        if not any(parse_line(line)[1] for _, line in witness_lines(path)):
            raise UserError(
                "The log_witness holds no checkpoint of a trail: name the file that the trail has as its "
                "witness."
            )
    except (UserError, ValueError) as error:
        if "log_witness" in str(error):
            raise
        # Its sentence names the file.
        raise UserError(
            "The log_witness cannot be read: name the file that the trail has as its witness."
        ) from None


def _check_any(entries: Iterable[Any]) -> None:
    """Read entries until one can be used.

    Raises:
        UserError: that says what the first entry lacks, if none can.
    """
    rest, first = iter(entries), None
    while some := list(islice(rest, 1 if first is None else TRIED)):
        first = some[0] if first is None else first
        try:
            if not read_log(some).events.empty:
                return
        except UserError:
            continue
    if first is None:
        raise UserError(EMPTY)
    raise UserError(f"Not one entry of the log can be read: {_why_not(first)}.")


def _why_not(first: Any) -> str:
    if not isinstance(first, bytes):
        return "it is damaged, or of another version"
    try:
        fields = json.loads(first)
    except (ValueError, RecursionError):
        return "its first line is no JSON; a log has one JSON object per line"
    if not isinstance(fields, dict):
        return "its first line is no JSON object; a log has one per line"
    lacking = [name for name in REQUIRED if name not in fields]
    if lacking:
        return f"its first entry lacks {', '.join(lacking)}; each needs {', '.join(REQUIRED)}"
    return "check the times, the outcomes, and that it has no other fields than an audit event"


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
            file.seek(0)
            line = file.readline(LONGEST_LINE) if FORMAT.encode() in start else b""
    except (OSError, ValueError):
        raise UserError("The log cannot be read: check its path and its rights.") from None
    if packed := next((name for begin, name in PACKED.items() if start.startswith(begin)), None):
        raise UserError(f"The log is packed ({packed}): unpack it first.")
    if start.startswith(UTF_16):
        raise UserError("The log is text in UTF-16: save it as UTF-8.")
    return start.startswith(SQLITE) or _is_header(line)


def _is_header(line: bytes) -> bool:
    """Whether a line is the header of an export, or was: what is damaged is not passed off as a plain log."""
    if FORMAT.encode() not in line:
        return False
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        return True
    return not isinstance(fields, dict) or "format" in fields


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
