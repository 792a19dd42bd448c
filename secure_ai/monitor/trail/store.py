"""What a database must do for the trail: one writer at a time, durable commits, rows in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from secure_ai.core.errors import UserError
from secure_ai.monitor.trail.entries import Row
from secure_ai.monitor.trail.signatures import Checkpoint, Head, Header

TABLES = {
    "trail_header": ("version", "log_id", "public_key", "created", "signature"),
    "trail_head": ("sequence", "hash", "checkpoints", "checkpoint", "signature"),
    "trail_checkpoints": ("number", "sequence", "hash", "previous", "time", "signature"),
}


class NoTrail(UserError):
    """There is no audit trail at this place."""


class Conflict(Exception):
    """An identifier or number of what was to be added is there already; nothing was added."""


@dataclass(frozen=True)
class Condition:
    """One condition of a query: column, comparison and value."""

    column: str
    comparison: str
    value: Any


class Transaction(Protocol):
    """What the one writer may do until it commits."""

    def head(self) -> Head | None:
        """Return the head as it stands, None where it cannot be read."""

    def last_checkpoint(self) -> Checkpoint | None:
        """Return the newest checkpoint, None where there is none."""

    def known(self, ids: Iterable[str]) -> Mapping[str, Row]:
        """Return the rows of those identifiers that the trail holds."""

    def insert(self, rows: Sequence[Row]) -> None:
        """Add entries; raises Conflict."""

    def insert_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Add a checkpoint."""

    def set_head(self, head: Head) -> None:
        """Replace the head."""


class Store(Protocol):
    """A database that holds one trail."""

    name: str

    def create(self, header: Header, head: Head) -> None:
        """Make the tables and write header and head, unless a trail is there."""

    def header(self) -> Header:
        """Return the header; raises NoTrail or UserError."""

    def head(self) -> Head | None:
        """Return the head as it stands, unchecked; None where it cannot be read."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Begin, and commit at the end: what was written is then on the disk."""

    def checkpoints(self, after: int = 0) -> Iterator[Checkpoint]:
        """Return the checkpoints with a higher number, in order."""

    def rows(self, conditions: Sequence[Condition], limit: int | None = None) -> Iterator[Row]:
        """Return the entries that meet all conditions, in order of arrival."""

    def durability(self) -> str:
        """Say what an acknowledgment means here."""

    def reopen(self) -> None:
        """Forget connections that belong to the process that this one was forked from."""

    def close(self) -> None:
        """Close the connections."""


class Evidence(Protocol):
    """A trail as it is examined: one state of it, values of any type, nothing trusted.

    A row that cannot be read comes as its number alone, ``(sequence,)``.
    """

    name: str

    def header(self) -> Sequence[Any] | None:
        """Return the row of the header."""

    def head(self) -> Sequence[Any] | None:
        """Return the row of the head."""

    def checkpoints(self) -> Iterator[Sequence[Any]]:
        """Return the rows of the checkpoints by number."""

    def entries(self) -> Iterator[Row]:
        """Return the rows of the entries by sequence."""

    def oddities(self) -> Iterator[tuple[int, str]]:
        """Return what else is wrong: the entry it is about (0 where none) and words."""
