"""What every place that keeps personal data must do: say, show, correct, forget, and be searched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal, Protocol

from secure_ai.govern.estate.subject import Subject

Kind = Literal["table", "file", "notes", "vector_index", "log", "cache", "aggregate", "backup", "model"]


@dataclass(frozen=True, slots=True)
class Holding:
    """What one store holds about one person.

    Attributes:
        store: name of the store.
        data_class: class of the retention schedule (``"medical_record"``, ``"access_log"`` …).
        records: how many rows, documents or entries.
        oldest, newest: dates of the first and the last of them; None where the store knows no dates.
    """

    store: str
    data_class: str
    records: int
    oldest: date | None = None
    newest: date | None = None


@dataclass(frozen=True, slots=True)
class Removal:
    """What one store forgot.

    Attributes:
        store: name of the store.
        method: how, in the field's terms (``"rows deleted, pages overwritten"``, ``"key destroyed"``,
            ``"unlearned"``, ``"pseudonym unlinked"``).
        records: how many rows, documents or entries went.
        mentions: how many mentions of the person in the records of others were masked.
        note: what must be known of it, such as what this method cannot reach.
        ambiguous: how many records of others hold a value that other people have, too, and nothing that says
            who is meant: a person must look at them.
    """

    store: str
    method: str
    records: int
    mentions: int = 0
    note: str = ""
    ambiguous: int = 0


@dataclass(frozen=True, slots=True)
class Block:
    """Why data may not be erased now.

    Attributes:
        kind: ``"hold"`` (a legal hold) or ``"duty"`` (a law says how long it must be kept).
        reference: identifier of the hold, or of the law in ``secure_ai.core.frameworks``.
        reason: one sentence for the person who asked; it names nobody.
        until: the last day on which it stands; None where nobody knows yet.
        jurisdiction: whose law a duty comes from (``"US-CA"``, ``"EU"``); empty where it is not known.
    """

    kind: Literal["hold", "duty"]
    reference: str
    reason: str
    until: date | None = None
    jurisdiction: str = ""


class Blocker(Protocol):
    """Knows reasons to keep data: legal holds, statutory periods."""

    def blocks(self, subject: Subject, holding: Holding, today: date) -> Sequence[Block]:
        """Return every reason why this holding must be kept; empty where there is none."""
        ...


class Store(Protocol):
    """A place that keeps personal data: a table, a folder of notes, an index, a log, a backup, a model.

    A store that cannot do something raises UserError with the reason; it never does half of it in silence.

    Attributes:
        name: unique within the estate, in words (``"encounters"``, ``"nightly backup"``).
        kind: what it is.
        data_class: class of the retention schedule that it belongs to.
        files: all files that it consists of, for a search of every byte (write-ahead logs included).
    """

    name: str
    kind: Kind
    data_class: str

    @property
    def files(self) -> tuple[Path, ...]: ...

    def holding(self, subject: Subject) -> Holding:
        """Count what is held about the person."""
        ...

    def export(self, subject: Subject) -> list[Mapping[str, Any]]:
        """Return what is held about the person as plain records, for an access request."""
        ...

    def correct(self, subject: Subject, field: str, value: Any, *, record: str | None = None) -> int:
        """Change a field of the person's records (of the one with that id, if given); return how many."""
        ...

    def erase(self, subjects: Sequence[Subject]) -> Removal:
        """Forget these persons, whole and for good, with all that was derived from them here."""
        ...

    def expire(self, before: date, keep: frozenset[str] = frozenset()) -> Removal:
        """Forget what is dated before that day, except of the persons with these keys (legal holds)."""
        ...
