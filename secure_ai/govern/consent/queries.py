"""Queries for a purpose: a DuckDB database in which rows that may not be used do not exist."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from secure_ai.core.errors import UserError
from secure_ai.core.sources import Source, open_source, quote_identifier, shown
from secure_ai.govern.consent.events import Epoch
from secure_ai.govern.consent.ledger import ConsentLedger
from secure_ai.govern.consent.people import distinct_keys
from secure_ai.govern.consent.reading import Person, person_columns

MOST_TRIES = 10
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_CLOSED = (
    "SET enable_external_access = false",
    "SET python_enable_replacements = false",
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
)


@dataclass
class Table:
    """A registered table.

    Attributes:
        source: where it is.
        people: its columns with keys of people.
        through: (table, column) that leads to its people.
        collected_for: the purpose it was collected for.
        seen: size and time of its files when it was opened.
    """

    source: Source
    people: list[str]
    through: tuple[str, str] | None
    collected_for: str | None
    seen: tuple[Any, ...]


@dataclass
class Filtered:
    """A closed database for one purpose.

    Attributes:
        connection: where the tables are.
        used: pseudonyms of all people in them.
        epoch: where the ledger stood.
        seen: of the tables' files.
    """

    connection: duckdb.DuckDBPyConnection
    used: frozenset[str]
    epoch: Epoch
    seen: tuple[Any, ...]


class Tables:
    """Registered tables, and closed databases made of them, each as long as nothing was recorded since.

    Args:
        ledger: who agreed to what.
    """

    def __init__(self, ledger: ConsentLedger) -> None:
        self.ledger = ledger
        self._tables: dict[str, Table] = {}
        self._kept: dict[tuple[str, frozenset[str]], Filtered] = {}

    def add(
        self,
        name: str,
        source: Source,
        person: Person | None,
        *,
        through: tuple[str, str] | None,
        collected_for: str | None,
    ) -> None:
        """Register a table."""
        key = name.lower() if isinstance(name, str) else ""
        if not _NAME.fullmatch(key) or key in self._tables:
            raise UserError(
                f"The table name '{shown(str(name))}' is taken, or no name for SQL: choose another."
            )
        people = [] if person is None else person_columns(source.columns, person)
        if through is not None:
            other, column = through
            source.require([column])
            linked = self._tables.get(str(other).lower())
            if people or linked is None or not linked.people:
                raise UserError(
                    "through=(table, column) is for a table that names nobody itself, and leads to a "
                    "registered table that does."
                )
            linked.source.require([column])
            through = (str(other).lower(), column)
        if collected_for is not None:
            collected_for = self.ledger.purposes[collected_for].word
        self._tables[key] = Table(source, people, through, collected_for, _seen(source))

    def named_in(self, sql: str) -> frozenset[str]:
        """Return the registered tables that a single SELECT names.

        Raises:
            UserError: if it is none, or names another table.
        """
        try:
            statements = duckdb.extract_statements(sql) if isinstance(sql, str) else []
            single = len(statements) == 1 and statements[0].type == duckdb.StatementType.SELECT
            if not single:
                raise UserError("A query is one SELECT: nothing else runs here.")
            named = {name.lower() for name in _parser().cursor().get_table_names(sql)}
        except duckdb.BinderException:
            # DuckDB lists the names without knowing the tables; where it would need them (JOIN ... USING),
            # all tables are taken to be named.
            named = set(self._tables)
        except duckdb.Error:
            raise UserError("The query cannot be read as SQL: check its syntax.") from None
        if unknown := sorted(named - self._tables.keys()):
            known = ", ".join(self._tables) or "none yet"
            raise UserError(f"No table '{shown(unknown[0])}' is registered: choose from {known}.")
        return frozenset(named)

    def collected_for(self, name: str) -> str | None:
        """Return the purpose that a table was collected for."""
        return self._tables[name].collected_for

    def run(self, sql: str, purpose: str) -> tuple[pd.DataFrame, Filtered]:
        """Run a query over what may be used; again where somebody withdrew meanwhile.

        Raises:
            UserError: if it cannot be run, or withdrawals do not cease.
        """
        names = self.named_in(sql)
        for _ in range(MOST_TRIES):
            database = self._database(names, purpose)
            try:
                result = database.connection.cursor().execute(sql).df()
            except duckdb.Error as error:
                # DuckDB's message may quote a row.
                raise UserError(
                    f"The query cannot be run ({type(error).__name__}): check columns and types; only "
                    f"{', '.join(sorted(names)) or 'no table'} is within its reach."
                ) from None
            if self.current(database, purpose):
                return result, database
        raise UserError("People withdrew each time the query ran: try again.")

    def current(self, database: Filtered, purpose: str) -> bool:
        """Say whether everybody in a closed database may still be used."""
        still, _ = self.ledger.still_allowed(database.used, purpose, database.epoch)
        return len(still) == len(database.used)

    def _database(self, names: frozenset[str], purpose: str) -> Filtered:
        wanted = names | {self._tables[name].through[0] for name in names if self._tables[name].through}
        seen = tuple(_seen(self._tables[name].source) for name in sorted(wanted))
        kept = self._kept.get((purpose, names))
        if kept is not None and kept.seen == seen and kept.epoch == self.ledger.epoch:
            return kept
        for name in wanted:
            table = self._tables[name]
            if _seen(table.source) != table.seen and len(table.source.files) == 1:
                table.source = open_source(table.source.files[0])
                table.seen = _seen(table.source)
        made = self._made(names, purpose, seen)
        self._kept[(purpose, names)] = made
        return made

    def _made(self, names: frozenset[str], purpose: str, seen: tuple[Any, ...]) -> Filtered:
        used: set[str] = set()
        epoch = self.ledger.epoch  # before anything is asked: what is recorded from here on is noticed
        tables = {name: self._rows(self._tables[name], purpose, used) for name in sorted(names)}
        return Filtered(_closed(tables), frozenset(used), epoch, seen)

    def _rows(self, table: Table, purpose: str, used: set[str]) -> pa.Table:
        rows = table.source.sql("SELECT * FROM source").to_arrow_table()
        if not self.ledger.purposes[purpose].decided_by_the_person:
            return rows
        if table.through is not None:
            other, column = table.through
            links = self._tables[other].source.sql("SELECT * FROM source").to_arrow_table()
            mask = self._mask(links, self._tables[other].people, purpose, used)
            return rows.filter(pa.array(_led_to(rows.column(column), links.column(column), mask)))
        if table.people:
            return rows.filter(pa.array(self._mask(rows, table.people, purpose, used)))
        return rows

    def _mask(self, rows: pa.Table, people: Sequence[str], purpose: str, used: set[str]) -> np.ndarray:
        mask = np.ones(len(rows), dtype=bool)
        for name in people:
            answer = self.ledger.answer(rows.column(name), purpose)
            mask &= answer.mask
            used.update(answer.used)
        return mask


class QueryResult:
    """What a query returned; each access asks whether everybody behind it may still be used.

    Attributes:
        sql, purpose: what was asked.
    """

    def __init__(self, tables: Tables, sql: str, purpose: str) -> None:
        self._tables, self.sql, self.purpose = tables, sql, purpose
        self._frame, self._database = tables.run(sql, purpose)

    def __repr__(self) -> str:
        """Show the shape, never rows."""
        return f"QueryResult({self.purpose}: {len(self._frame):,} rows)"

    @property
    def frame(self) -> pd.DataFrame:
        """The result; where somebody withdrew since, of the query run again without them."""
        if not self._tables.current(self._database, self.purpose):
            self._frame, self._database = self._tables.run(self.sql, self.purpose)
        return self._frame.copy()


@functools.cache
def _parser() -> duckdb.DuckDBPyConnection:
    return _closed({})


def _closed(tables: Mapping[str, pa.Table]) -> duckdb.DuckDBPyConnection:
    """Return a database with these tables, from which nothing else can be reached: no file, no variable."""
    connection = duckdb.connect()
    for name, rows in tables.items():
        connection.register("incoming", rows)
        connection.execute(f"CREATE TABLE {quote_identifier(name)} AS SELECT * FROM incoming")
        connection.unregister("incoming")
    for setting in (*_CLOSED, "SET lock_configuration = true"):
        connection.execute(setting)
    return connection


def _led_to(here: pa.ChunkedArray, reached: pa.ChunkedArray, mask: np.ndarray) -> np.ndarray:
    """Say which rows lead to rows of another table that may all be used.

    An account with two owners is used only if both allow it, however its number is written in their rows: it
    is brought to one form as keys of people are.
    """
    places, accounts = distinct_keys(reached)
    good = {accounts[place] for place in np.unique(places[mask & (places >= 0)])}
    bad = {accounts[place] for place in np.unique(places[~mask & (places >= 0)])}
    own, numbers = distinct_keys(here)
    allowed = [number in good and number not in bad and bool(number) for number in numbers]
    # Place -1 is a missing number: it leads nowhere.
    return np.append(np.array(allowed, dtype=bool), False)[own]


def _seen(source: Source) -> tuple[Any, ...]:
    found = []
    for name in source.files:
        try:
            status = Path(name).stat()
        except OSError:
            found.append((name, 0, 0))
        else:
            found.append((name, status.st_size, status.st_mtime_ns))
    return tuple(found)
