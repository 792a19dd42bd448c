"""A consent ledger in PostgreSQL, in the schema ``consent_ledger``; an advisory lock lets one writer in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any

from secure_ai.access.database.refusals import import_psycopg
from secure_ai.core.errors import UserError
from secure_ai.govern.consent.witness import Row

if TYPE_CHECKING:
    import psycopg

SCHEMA_NAME = "consent_ledger"
NAME = "in PostgreSQL"
LOCK = 0x53414343
TABLES = ("consent_header", "consent_events", "consent_texts", "consent_runs")
SCHEMA = (
    f"CREATE SCHEMA {SCHEMA_NAME}",
    f"CREATE TABLE {SCHEMA_NAME}.consent_header (ledger text NOT NULL)",
    f"CREATE TABLE {SCHEMA_NAME}.consent_events "
    "(sequence bigint PRIMARY KEY, body text NOT NULL, mac text NOT NULL)",
    f"CREATE TABLE {SCHEMA_NAME}.consent_texts (digest text PRIMARY KEY, content text NOT NULL)",
    f"CREATE TABLE {SCHEMA_NAME}.consent_runs (run text PRIMARY KEY, people bytea NOT NULL)",
    f"CREATE FUNCTION {SCHEMA_NAME}.refuse() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'the consent ledger is append-only'; END $$",
    *(
        f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {SCHEMA_NAME}.{table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {SCHEMA_NAME}.refuse()"
        for table in TABLES
    ),
)
_MISSING = ("3F000", "42P01")
_REASONS = {
    "53100": "the disk of the server is full: make room; nothing was written",
    "55P03": "another process holds it: try again; nothing was written",
    "25006": "it may only be read: connect to the primary server",
    "42501": "the account may not do this: ask the administrator for the rights",
}


class PostgresqlStore:
    """A ledger's rows in a PostgreSQL database.

    Args:
        address: ``postgresql://...``.
        timeout: seconds to wait for another writer.
    """

    def __init__(self, address: str, *, timeout: float = 10) -> None:
        self.name = NAME
        self._address, self._timeout = address, timeout
        self._psycopg: ModuleType = import_psycopg()

    def create(self, ledger: str) -> None:
        """Make schema and tables.

        Raises:
            UserError: if they are there already.
        """
        with self._connected() as connection, connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
            there = connection.execute(
                "SELECT count(*) FROM pg_namespace WHERE nspname = %s", (SCHEMA_NAME,)
            ).fetchone()[0]
            if there:
                raise UserError("This PostgreSQL database has a consent ledger already: open it.")
            for statement in SCHEMA:
                connection.execute(statement)
            connection.execute(f"INSERT INTO {SCHEMA_NAME}.consent_header VALUES (%s)", (ledger,))

    def ledger(self) -> str:
        """Return the identifier of the ledger."""
        with self._connected() as connection:
            rows = connection.execute(f"SELECT ledger FROM {SCHEMA_NAME}.consent_header").fetchall()
        if len(rows) != 1:
            raise UserError(
                f"The consent ledger {NAME} is damaged: nothing that rests on consent is allowed."
            )
        return rows[0][0]

    def since(self, sequence: int) -> list[Row]:
        """Return the events from that number on, in order."""
        with self._connected() as connection:
            return _since(connection, sequence)

    def content(self, digest: str) -> str | None:
        """Return a consent text by its digest."""
        return self._one("SELECT content FROM {}.consent_texts WHERE digest = %s", digest)

    def people(self, run: str) -> bytes | None:
        """Return the pseudonyms of a run's people, one after the other; None where they are not known."""
        found = self._one("SELECT people FROM {}.consent_runs WHERE run = %s", run)
        return None if found is None else bytes(found)

    @contextmanager
    def writing(self) -> Iterator[PostgresqlTransaction]:
        """Become the one writer; committed at the end, undone by an exception."""
        with self._connected() as connection, connection.transaction():
            connection.execute(f"SET LOCAL lock_timeout = {int(self._timeout * 1000)}")
            connection.execute("SET LOCAL synchronous_commit = on")
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
            yield PostgresqlTransaction(connection)

    def _one(self, query: str, value: str) -> Any:
        with self._connected() as connection:
            row = connection.execute(query.format(SCHEMA_NAME), (value,)).fetchone()
        return None if row is None else row[0]

    @contextmanager
    def _connected(self) -> Iterator[psycopg.Connection]:
        try:
            # Read committed: what a writer finds after it got the lock is what the last one left.
            connection = self._psycopg.connect(
                self._address, autocommit=True, connect_timeout=10, prepare_threshold=None
            )
        except (self._psycopg.Error, ValueError) as error:
            raise _refused(error) from None
        try:
            with connection:
                yield connection
        except self._psycopg.Error as error:
            raise _refused(error) from None


class PostgresqlTransaction:
    """The one writer of a ledger in PostgreSQL."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def since(self, sequence: int) -> list[Row]:
        """Return the events from that number on, in order."""
        return _since(self._connection, sequence)

    def insert(self, rows: Sequence[Row]) -> None:
        """Add events."""
        with self._connection.cursor() as cursor:
            cursor.executemany(f"INSERT INTO {SCHEMA_NAME}.consent_events VALUES (%s, %s, %s)", rows)

    def keep_text(self, digest: str, content: str) -> None:
        """Keep a consent text, once."""
        self._connection.execute(
            f"INSERT INTO {SCHEMA_NAME}.consent_texts VALUES (%s, %s) ON CONFLICT DO NOTHING",
            (digest, content),
        )

    def keep_people(self, run: str, people: bytes) -> None:
        """Keep the pseudonyms of a run's people."""
        self._connection.execute(f"INSERT INTO {SCHEMA_NAME}.consent_runs VALUES (%s, %s)", (run, people))


def _since(connection: psycopg.Connection, sequence: int) -> list[Row]:
    query = (
        f"SELECT sequence, body, mac FROM {SCHEMA_NAME}.consent_events WHERE sequence >= %s ORDER BY sequence"
    )
    return connection.execute(query, (sequence,)).fetchall()


def _refused(error: Exception) -> UserError:
    """Say what PostgreSQL said, without any value, address or password."""
    state = getattr(error, "sqlstate", None)
    if state in _MISSING:
        return UserError(
            "There is no consent ledger in this PostgreSQL database: nothing that rests on consent is "
            "allowed; check the address, or put the ledger back."
        )
    fallback = "the server does not answer: check the address" if state is None else f"SQLSTATE {state}"
    return UserError(f"The consent ledger {NAME} cannot be used: {_REASONS.get(state, fallback)}.")
