"""What an estate that is built from tables consists of: which table goes where, and who is known by what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from secure_ai.govern.estate.store import Kind


@dataclass(frozen=True)
class Place:
    """Where a table goes; the arguments of its store."""

    table: str
    data_class: str
    by: str = "key"
    column: str = ""
    date_column: str = ""
    record_column: str = ""
    mentions: tuple[str, ...] = ()
    identify: Mapping[str, str] = field(default_factory=dict)
    kind: Kind = "table"
    engine: Literal["sqlite", "duckdb"] = "sqlite"


@dataclass(frozen=True)
class Layout:
    """An organization's estate.

    Attributes:
        name: of its database file.
        key: the key column.
        places: its tables.
        identities: table → column → kind of identifier; the first table is that of the people.
        bystanders: (table, key column, column → kind) of people who are nobody of these.
        texts: table of the texts that are indexed, with its columns of record, person and text.
        messages: table whose texts go into a folder, with its columns of record, text and time.
        extract: (table, column, by, columns left out, date column) of the extract for analysis.
        training: (table, label, features, edges, date column) of the model.
        dated: table without a date → (table, shared column, its date, new name) that gives it one.
        statistics: (name, table, groups, total).
        log: (table, time, columns) of the access log.
    """

    name: str
    key: str
    places: tuple[Place, ...]
    identities: Mapping[str, Mapping[str, str]]
    bystanders: tuple[tuple[str, str, Mapping[str, str]], ...]
    texts: tuple[str, str, str, str]
    messages: tuple[str, str, str, str]
    extract: tuple[str, str, str, tuple[str, ...], str]
    training: tuple[str, str, tuple[str, ...], Mapping[str, tuple[float, ...]], str]
    statistics: tuple[tuple[str, str, tuple[str, ...], str], ...]
    log: tuple[str, str, tuple[str, ...]]
    dated: Mapping[str, tuple[str, str, str, str]] = field(default_factory=dict)

    @property
    def needed(self) -> tuple[str, ...]:
        """The tables that it is made from."""
        return tuple(
            dict.fromkeys(
                [place.table for place in self.places]
                + [self.messages[0], self.extract[0], self.training[0], self.log[0]]
            )
        )

    @property
    def backed_up(self) -> tuple[str, ...]:
        """The tables of SQLite that belong to the people."""
        return tuple(
            place.table for place in self.places if place.engine == "sqlite" and place.table != "staff"
        )
