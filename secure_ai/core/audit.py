"""The audit writer: who did what to which object, when, and whether it was allowed; one JSON line each."""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from secure_ai.core.errors import UserError, system_reason

if TYPE_CHECKING:
    import pandas as pd

Outcome = Literal["allowed", "denied", "error"]
OUTCOMES = ("allowed", "denied", "error")
OPTIONAL = ("event_id", "records", "model", "data")
Plain = str | int | float | bool
KEPT_EVENTS = 100_000


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One entry of an audit trail (45 CFR 164.312(b)).

    Attributes:
        time: when, in UTC, ISO 8601.
        actor: who: an account's or service's identifier, never a person's name.
        action: what was asked for, such as ``"unwrap"`` or ``"read"``.
        target: on what: the identifier of a key, table or record, never a personal value.
        outcome: ``"allowed"``, ``"denied"`` or ``"error"``.
        purpose: the declared purpose of use; empty where none applies.
        reason: the rule that decided, or why it failed, in a phrase.
        alert: whether someone should look at it now.
        details: further plain values.
        event_id: tells this event from all others; empty where whoever keeps the trail numbers it.
        records: the identifiers of the records that were touched, where ``target`` names a collection.
        model: the model that was used or that asked, with its version, such as ``"triage@3"``.
        data: the version of the data that was read.
    """

    time: str
    actor: str
    action: str
    target: str
    outcome: Outcome
    purpose: str = ""
    reason: str = ""
    alert: bool = False
    details: Mapping[str, Plain] = field(default_factory=dict)
    event_id: str = ""
    records: tuple[str, ...] = ()
    model: str = ""
    data: str = ""

    def to_json(self) -> str:
        """Return the event as one line; optional fields that are empty are left out."""
        fields = asdict(self)
        kept = {name: value for name, value in fields.items() if value or name not in OPTIONAL}
        return json.dumps(kept, sort_keys=True, ensure_ascii=True)


class EventStore(Protocol):
    """Keeps events: ``append`` returns once the event would survive a power cut, or raises UserError."""

    def append(self, event: AuditEvent) -> object: ...


def utc_now() -> datetime:
    """Return the time of the machine, in UTC."""
    return datetime.now(UTC)


class AuditLog:
    """An audit trail in memory, and in a file of JSON lines where one is named.

    Args:
        path: the file that events are appended to, readable by its owner only; None for memory alone.
        clock: gives the time of an event; a fixed one makes lessons and tests repeatable.
        on_event: called with each event, for alerts.
        store: where events are kept besides, such as the tamper-evident log of ``secure_ai.monitor``.

    Raises:
        UserError: if the file cannot be written, here or at any event: an action whose trail cannot be
            written must not happen, so record it first.
    """

    def __init__(
        self,
        path: str | Path | None = None,
        *,
        clock: Callable[[], datetime] = utc_now,
        on_event: Callable[[AuditEvent], None] | None = None,
        store: EventStore | None = None,
    ) -> None:
        self.path = None if path is None else Path(path)
        self._clock, self._on_event, self._store = clock, on_event, store
        self._events: deque[AuditEvent] = deque(maxlen=KEPT_EVENTS)
        if self.path is not None:
            self._append("")

    def record(
        self,
        actor: str,
        action: str,
        target: str,
        outcome: Outcome,
        *,
        purpose: str = "",
        reason: str = "",
        alert: bool = False,
        event_id: str = "",
        records: Iterable[str] = (),
        model: str = "",
        data: str = "",
        **details: Plain,
    ) -> AuditEvent:
        """Append one event and return it; the arguments are the fields of :class:`AuditEvent`."""
        if outcome not in OUTCOMES:
            raise ValueError(f"An outcome is one of {', '.join(OUTCOMES)}, not {outcome!r}.")
        time = self._clock().astimezone(UTC).isoformat(timespec="milliseconds")
        event = AuditEvent(
            time, actor, action, target, outcome, purpose, reason, alert, details,
            event_id, tuple(records), model, data,
        )  # fmt: skip
        if self.path is not None:
            self._append(event.to_json() + "\n")
        if self._store is not None:
            self._store.append(event)
        self._events.append(event)
        if self._on_event is not None:
            self._on_event(event)
        return event

    @property
    def events(self) -> tuple[AuditEvent, ...]:
        """The last 100,000 that this object has recorded, in order; a file holds all."""
        return tuple(self._events)

    def to_frame(self) -> pd.DataFrame:
        """Return the recorded events, one row each, the details as columns of their own."""
        return events_to_frame(self._events)

    def _append(self, line: str) -> None:
        try:
            handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(handle, "a", encoding="ascii") as file:
                file.write(line)
        except OSError as error:
            raise UserError(
                f"The audit log {self.path.name} cannot be written ({system_reason(error)}): "
                "nothing is done without it."
            ) from None


@contextmanager
def recorded_refusals(
    audit: AuditLog | None, action: str, target: str, *, actor: str, purpose: str = ""
) -> Iterator[None]:
    """Record the sentence with which the block refuses as ``denied``, with an alert; the error goes on.

    Args:
        audit: the trail; None keeps none.
        action: what was tried, such as ``"approve model"``.
        target: on what: its identifier.
        actor: account of who tried.
        purpose: the declared purpose.
    """
    try:
        yield
    except UserError as error:
        if audit is not None:
            audit.record(actor, action, target, "denied", purpose=purpose, reason=str(error), alert=True)
        raise


def read_events(path: str | Path) -> list[AuditEvent]:
    """Read the events of a file that :class:`AuditLog` wrote.

    Raises:
        UserError: if it cannot be read, or a line is no event (the line's number is named).
    """
    file = Path(path)
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise UserError(f"The audit log {file.name} cannot be read: check the path and its rights.") from None
    events = []
    for number, line in enumerate(lines, start=1):
        try:
            events.append(parse_event(json.loads(line)))
        except ValueError:
            raise UserError(f"Line {number} of the audit log {file.name} is no audit event.") from None
    return events


def parse_event(fields: Any) -> AuditEvent:
    """Return the event that a JSON object describes.

    Raises:
        ValueError: if a field is missing, unknown or of another type; the message names the field only.
    """
    if not isinstance(fields, dict) or any(not isinstance(name, str) for name in fields):
        raise ValueError("An event is a JSON object.")
    if unknown := sorted(set(fields) - set(AuditEvent.__slots__)):
        raise ValueError(
            f"{len(unknown)} fields are not known; those of an event are {', '.join(AuditEvent.__slots__)}."
        )
    if missing := [name for name in AuditEvent.__slots__[:5] if name not in fields]:
        raise ValueError(f"The field {missing[0]} is missing.")
    for name, value in fields.items():
        if not _FIELDS.get(name, _is_text)(value):
            raise ValueError(f"The field {name} has a value of the wrong kind.")
    return AuditEvent(**{**fields, "records": tuple(fields.get("records", ()))})


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


_FIELDS: dict[str, Callable[[Any], bool]] = {
    "outcome": lambda value: value in OUTCOMES,
    "alert": lambda value: isinstance(value, bool),
    "details": lambda value: (
        isinstance(value, dict) and all(isinstance(part, Plain) for part in value.values())
    ),
    "records": lambda value: isinstance(value, list | tuple) and all(map(_is_text, value)),
}


def events_to_frame(events: Iterable[AuditEvent]) -> pd.DataFrame:
    """Return events as a table, one row each, the details as columns of their own.

    Columns of optional fields (event_id, records, model, data) that no event fills are left out.
    """
    import pandas as pd  # here, so that a program that only records stays small

    events = list(events)
    names = [
        name
        for name in AuditEvent.__slots__
        if name != "details" and (name not in OPTIONAL or any(getattr(event, name) for event in events))
    ]
    rows = [{**{name: getattr(event, name) for name in names}, **event.details} for event in events]
    return pd.DataFrame(rows, columns=None if rows else names)
