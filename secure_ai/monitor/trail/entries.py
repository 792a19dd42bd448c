"""One entry of the trail: its columns, the bytes that are hashed, and the chain of hashes.

An entry's hash is SHA-256 over the hash of the entry before it (32 bytes), its sequence number in decimal and
the JSON array of its fields in the order of ``FIELDS`` (ASCII, no spaces): all of it as it stands in the
table, so that whoever can read the table can check it, in any language.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from json.encoder import encode_basestring_ascii as quote
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from secure_ai.core.audit import OUTCOMES, AuditEvent, Plain, events_to_frame, parse_event
from secure_ai.core.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

TEXTS = (
    "time", "actor", "action", "target", "outcome", "purpose", "reason",
    "details", "event_id", "records", "model", "data",
)  # fmt: skip
FIELDS = (*TEXTS, "alert")
COLUMNS = ("sequence", *FIELDS, "previous", "hash")
EVENT_ID = FIELDS.index("event_id")  # in ``Prepared.values``
ALERT, PREVIOUS, HASH = COLUMNS.index("alert"), COLUMNS.index("previous"), COLUMNS.index("hash")
MOST_CHARACTERS = 1_000_000
_FROM_EVENT = tuple(name for name in TEXTS if name not in ("details", "records"))
_given, _ONLY_TEXTS = attrgetter(*_FROM_EVENT), {str}
_encode_details = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False).encode

Row = Sequence[Any]  # The values of COLUMNS, as a table holds them: of any type once somebody was at it.


class RefusedEvent(UserError):
    """An event that cannot be kept as it is."""


class DuplicateEvent(RefusedEvent):
    """Another event of the same identifier is in the trail."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An event as the trail keeps it.

    Attributes:
        sequence: its place in the order of arrival, from 1; the clock plays no part in it.
        event: what happened.
        hash: of this entry and all before it, 64 hexadecimal digits.
    """

    sequence: int
    event: AuditEvent
    hash: str


class Prepared(NamedTuple):
    """An event ready to be written: the values of ``FIELDS`` and their JSON array."""

    values: tuple[Any, ...]
    body: bytes


def prepare(event: AuditEvent) -> Prepared:
    """Check an event and return it as the table will hold it; its time is written in UTC.

    Raises:
        RefusedEvent: if a field has another type than :class:`AuditEvent` says, the time is none or without
            a zone, or a text cannot be stored; the field is named, never its value.
    """
    if not isinstance(event, AuditEvent):
        raise RefusedEvent("This is no AuditEvent: record with AuditLog(store=...), or make one.")
    given = _given(event)
    if set(map(type, given)) != _ONLY_TEXTS:
        name = next(name for name, value in zip(_FROM_EVENT, given, strict=True) if type(value) is not str)
        raise RefusedEvent(f"The event's {name} is no text: give it as one.")
    if event.outcome not in OUTCOMES:
        raise RefusedEvent(f"The event's outcome is none of {', '.join(OUTCOMES)}.")
    if type(event.alert) is not bool:
        raise RefusedEvent("The event's alert is neither true nor false.")
    time, *early, event_id, model, data = given
    details, records = _details(event.details), _records(event.records)
    values = (_utc(time), *early, details, event_id, records, model, data, int(event.alert))
    body = body_of(values)
    if len(body) > MOST_CHARACTERS:
        raise RefusedEvent("The event has more than a million characters: name fewer records in one event.")
    # Escapes of NUL, which PostgreSQL cannot hold, and of half characters, which no database can.
    if b"\\u0000" in body or b"\\ud" in body:
        _check_storable(values[:-1])
    return Prepared(values, body)


def body_of(values: Sequence[Any]) -> bytes:
    """Return the JSON array of the values of ``FIELDS``.

    Raises:
        TypeError, ValueError: if a value that must be a text is none, or the last is no whole number.
    """
    return f"[{','.join(map(quote, values[:-1]))},{values[-1]:d}]".encode("ascii")


def chained(previous: bytes, sequence: int, body: bytes) -> bytes:
    """Return the hash of an entry: of the one before it, its number and its body."""
    return sha256(b"%b%d%b" % (previous, sequence, body)).digest()


def to_entry(row: Row) -> Entry:
    """Return a row of the table as an entry.

    Raises:
        UserError: if the row cannot have been written by the trail; its number is named.
    """
    try:
        fields = dict(zip(FIELDS, row[1:PREVIOUS], strict=True))
        if fields["alert"] not in (0, 1):
            raise ValueError("no flag")
        fields |= {
            "alert": bool(fields["alert"]),
            "details": json.loads(fields["details"]),
            "records": json.loads(fields["records"]),
        }
        return Entry(int(row[0]), parse_event(fields), row[HASH].hex())
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise UserError(
            f"Entry {row[0]} of the audit trail is not what was written: run verify_trail on it."
        ) from None


def entries_to_frame(entries: Iterable[Entry]) -> pd.DataFrame:
    """Return entries as a table: sequence, the columns of the events, and ``clock_back``.

    ``clock_back`` marks an event whose time is before that of one that had arrived earlier.
    """
    entries = list(entries)
    frame = events_to_frame(entry.event for entry in entries)
    frame.insert(0, "sequence", [entry.sequence for entry in entries])
    latest, back = "", []
    for entry in entries:
        back.append(entry.event.time < latest)
        latest = max(latest, entry.event.time)
    frame["clock_back"] = back
    return frame


def each_once(rows: Iterator[Row], make: Callable[[Row], Entry] = to_entry) -> Iterator[Entry]:
    """Return rows as entries, one at a time."""
    for row in rows:
        yield make(row)


def utc_text(time: str) -> str:
    """Return a time in UTC, such that texts sort as times do.

    Raises:
        ValueError: if it is none of ISO 8601, or has no zone.
    """
    parsed = datetime.fromisoformat(time)
    if parsed.tzinfo is None:
        raise ValueError("no zone")
    # What AuditLog writes stays as it is; "+" sorts before "." and digits, so fewer decimals sort right, too.
    if len(time) in (29, 32) and time[4:20:3] == "--T::." and time[-6:] == "+00:00":
        return time
    return parsed.astimezone(UTC).isoformat()


def _utc(time: str) -> str:
    try:
        return utc_text(time)
    except (ValueError, OverflowError):
        raise RefusedEvent(
            "The event's time is no time with a zone, such as 2026-03-01T12:00:00+00:00."
        ) from None


def _details(details: Any) -> str:
    if not details:
        return "{}"
    try:
        if not all(type(name) is str and isinstance(value, Plain) for name, value in details.items()):
            raise ValueError("not plain")
        if set(map(type, details.values())) == _ONLY_TEXTS:  # the usual case, without making an encoder
            pairs = sorted(details.items())
            return f"{{{','.join([f'{quote(name)}:{quote(value)}' for name, value in pairs])}}}"
        return _encode_details(dict(details))
    except (ValueError, TypeError, AttributeError):
        raise RefusedEvent(
            "The event's details are not plain: texts, finite numbers, true or false under names."
        ) from None


def _records(records: Iterable[str]) -> str:
    if not records:
        return "[]"
    try:
        if isinstance(records, str):
            raise TypeError("one text")
        return f"[{','.join(map(quote, records))}]"
    except TypeError:
        raise RefusedEvent("The event's records are no list of identifiers.") from None


def _check_storable(texts: Sequence[str]) -> None:
    for name, text in zip(TEXTS, texts, strict=True):
        plain = json.dumps(json.loads(text), ensure_ascii=False) if name in ("details", "records") else text
        try:
            plain.encode("utf-8")
        except UnicodeEncodeError:
            plain = "\0"
        if "\0" in plain:
            raise RefusedEvent(f"The event's {name} holds a character that no database can store.")
