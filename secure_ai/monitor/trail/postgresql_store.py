"""The trail in PostgreSQL: the row of the head is the lock, so there is one writer at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import ModuleType
from typing import TYPE_CHECKING, Any

from secure_ai.access.database.refusals import import_psycopg
from secure_ai.core.errors import UserError
from secure_ai.monitor.trail.entries import COLUMNS, Row
from secure_ai.monitor.trail.signatures import Checkpoint, Head, Header, rebuilt
from secure_ai.monitor.trail.store import TABLES, Condition, Conflict, NoTrail

if TYPE_CHECKING:
    import psycopg

SCHEMA_NAME = "audit_trail"
NAME = "in PostgreSQL"
LOCK = 0x53414154  # of those who make the tables
_BYTES = ("hash", "previous", "checkpoint", "signature")
_NUMBERS = ("sequence", "number", "checkpoints", "version", "alert")


def _columns(names: Sequence[str], key: str = "") -> str:
    kinds = {**dict.fromkeys(_BYTES, "bytea"), **dict.fromkeys(_NUMBERS, "bigint")}
    text = 'text COLLATE "C"'
    # Sorted by bytes: times sort as times do, and no update of the system's language data breaks an index.
    return ", ".join(
        f"{name} {kinds.get(name, text)} {'PRIMARY KEY' if name == key else 'NOT NULL'}" for name in names
    )


SCHEMA = (
    f"CREATE SCHEMA {SCHEMA_NAME}",
    *(
        f"CREATE TABLE {SCHEMA_NAME}.{table} "
        f"(id bigint PRIMARY KEY CHECK (id = 1), {_columns(TABLES[table])})"
        for table in ("trail_header", "trail_head")
    ),
    f"CREATE TABLE {SCHEMA_NAME}.trail_checkpoints ({_columns(TABLES['trail_checkpoints'], 'number')})",
    f"CREATE TABLE {SCHEMA_NAME}.trail_entries ({_columns(COLUMNS, 'sequence')})",
    f"CREATE UNIQUE INDEX trail_event_ids ON {SCHEMA_NAME}.trail_entries (event_id) WHERE event_id <> ''",
    f"CREATE INDEX trail_times ON {SCHEMA_NAME}.trail_entries (time)",
    f"CREATE FUNCTION {SCHEMA_NAME}.refuse() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'the audit trail is append-only'; END $$",
    # A seat belt against slips, as in SQLite: the owner of the tables can drop it.
    *(
        f"CREATE TRIGGER append_only BEFORE {verbs} ON {SCHEMA_NAME}.{table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {SCHEMA_NAME}.refuse()"
        for table, verbs in (
            ("trail_entries", "UPDATE OR DELETE OR TRUNCATE"),
            ("trail_checkpoints", "UPDATE OR DELETE OR TRUNCATE"),
            ("trail_header", "UPDATE OR DELETE OR TRUNCATE"),
            ("trail_head", "DELETE OR TRUNCATE"),
        )
    ),
)
_SELECT = {table: f"SELECT {', '.join(names)} FROM {SCHEMA_NAME}.{table}" for table, names in TABLES.items()}
_ROWS = f"SELECT {', '.join(COLUMNS)} FROM {SCHEMA_NAME}.trail_entries"
_COPY = f"COPY {SCHEMA_NAME}.trail_entries ({', '.join(COLUMNS)}) FROM STDIN"
_REASONS = {
    "53100": "the disk of the server is full: make room, then record again; nothing of this was written",
    "55P03": "another process holds it locked: try again; nothing was written",
    "57014": "another process holds it locked: try again; nothing was written",
    "25006": "it may only be read: connect to the primary server",
    "42501": "the account may not do this: ask the administrator for the rights",
}


def trail_error(error: Exception) -> UserError:
    """Return what PostgreSQL said as a sentence without any value, address or password."""
    state = getattr(error, "sqlstate", None)
    fallback = "the server does not answer: check the address" if state is None else f"SQLSTATE {state}"
    return UserError(f"The audit trail {NAME} cannot be used: {_REASONS.get(state, fallback)}.")


class PostgresqlStore:
    """A trail in the schema ``audit_trail`` of a database.

    Args:
        address: ``postgresql://...``.
        timeout: how many seconds to wait for another writer.
    """

    def __init__(self, address: str, *, timeout: float = 10) -> None:
        self.name = NAME
        self._address, self._timeout = address, timeout
        self._psycopg: ModuleType = import_psycopg()
        self._connection: psycopg.Connection | None = None

    def create(self, header: Header, head: Head) -> None:
        """Make schema and tables with header and head, unless a trail is there."""
        with self._errors():
            connection = self._opened()
            with connection.transaction():
                connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
                if _exists(connection):
                    return
                for statement in SCHEMA:
                    connection.execute(statement)
                for table, values in (
                    ("trail_header", _values(header, TABLES["trail_header"])),
                    ("trail_head", _values(head, TABLES["trail_head"])),
                ):
                    connection.execute(
                        f"INSERT INTO {SCHEMA_NAME}.{table} VALUES (1, %s, %s, %s, %s, %s)", values
                    )

    def header(self) -> Header:
        """Return the header.

        Raises:
            NoTrail: if the database has none.
        """
        with self._errors():
            connection = self._opened()
            if not _exists(connection):
                raise NoTrail("There is no audit trail in this PostgreSQL database: check the address.")
            header = rebuilt(Header, connection.execute(_SELECT["trail_header"]).fetchone())
        if header is None:
            raise UserError(f"The header of the audit trail {NAME} is damaged: run verify_trail on it.")
        return header

    def head(self) -> Head | None:
        """Return the head as it stands, unchecked."""
        with self._reading() as connection:
            return rebuilt(Head, connection.execute(_SELECT["trail_head"]).fetchone())

    @contextmanager
    def transaction(self) -> Iterator[PostgresqlTransaction]:
        """Become the writer, and commit at the end."""
        with self._errors():
            connection = self._opened()
            with connection.transaction():
                yield PostgresqlTransaction(connection)

    def checkpoints(self, after: int = 0) -> Iterator[Checkpoint]:
        """Return the checkpoints with a higher number."""
        query = f"{_SELECT['trail_checkpoints']} WHERE number > %s ORDER BY number"
        with self._reading() as connection:
            for row in connection.execute(query, (after,)).fetchall():
                if (checkpoint := rebuilt(Checkpoint, row)) is not None:
                    yield checkpoint

    def rows(self, conditions: Sequence[Condition], limit: int | None = None) -> Iterator[Row]:
        """Return the entries that meet all conditions, in order of arrival."""
        where = "".join(f" AND {part.column} {part.comparison} %s" for part in conditions)
        query = f"{_ROWS} WHERE true{where} ORDER BY sequence LIMIT %s"
        values = [*(part.value for part in conditions), limit]
        with self._reading() as connection, connection.cursor("trail") as cursor:
            cursor.itersize = 5_000
            yield from cursor.execute(query, values)

    def durability(self) -> str:
        """Say what an acknowledgment means here."""
        with self._errors():
            settings = {
                name: self._opened().execute(f"SHOW {name}").fetchone()[0]
                for name in ("fsync", "synchronous_commit")
            }
        if settings["fsync"] == "off":
            return "This server runs with fsync = off: a power cut may take events that it has acknowledged."
        return (
            "An event is acknowledged once PostgreSQL has written it to the disk (synchronous_commit = on)."
        )

    def reopen(self) -> None:
        """Forget the connection after a fork: it belongs to the parent."""
        _KEPT_FOR_THE_PARENT.append(self._connection)
        self._connection = None

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            with suppress(self._psycopg.Error):
                self._connection.close()
            self._connection = None

    def _opened(self) -> psycopg.Connection:
        if self._connection is None or self._connection.closed:
            connection = _connect(self._psycopg, self._address)
            connection.execute("SET synchronous_commit = on")
            connection.execute(f"SET lock_timeout = {int(self._timeout * 1000)}")
            self._connection = connection
        return self._connection

    @contextmanager
    def _reading(self) -> Iterator[psycopg.Connection]:
        with self._errors(), _connect(self._psycopg, self._address) as connection:
            connection.autocommit = False
            yield connection

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except self._psycopg.Error as error:
            raise trail_error(error) from None


class PostgresqlTransaction:
    """The one writer of a PostgreSQL trail."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def head(self) -> Head | None:
        """Return the head as it stands; from here on no other writer gets it."""
        return rebuilt(Head, self._connection.execute(_SELECT["trail_head"] + " FOR UPDATE").fetchone())

    def last_checkpoint(self) -> Checkpoint | None:
        """Return the newest checkpoint."""
        query = f"{_SELECT['trail_checkpoints']} ORDER BY number DESC LIMIT 1"
        return rebuilt(Checkpoint, self._connection.execute(query).fetchone())

    def known(self, ids: Iterable[str]) -> Mapping[str, Row]:
        """Return the rows of those identifiers that are there."""
        if not (wanted := list(ids)):
            return {}
        query = f"{_ROWS} WHERE event_id = ANY(%s) AND event_id <> ''"
        found = self._connection.execute(query, (wanted,)).fetchall()
        return {row[COLUMNS.index("event_id")]: row for row in found}

    def insert(self, rows: Sequence[Row]) -> None:
        """Add entries."""
        from psycopg.errors import UniqueViolation

        try:
            with self._connection.cursor() as cursor, cursor.copy(_COPY) as copy:
                for row in rows:
                    copy.write_row(row)
        except UniqueViolation:
            raise Conflict from None

    def insert_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Add a checkpoint."""
        values = _values(checkpoint, TABLES["trail_checkpoints"])
        self._connection.execute(
            f"INSERT INTO {SCHEMA_NAME}.trail_checkpoints VALUES (%s, %s, %s, %s, %s, %s)", values
        )

    def set_head(self, head: Head) -> None:
        """Replace the head."""
        self._connection.execute(
            f"UPDATE {SCHEMA_NAME}.trail_head SET "
            + ", ".join(f"{name} = %s" for name in TABLES["trail_head"]),
            _values(head, TABLES["trail_head"]),
        )


class PostgresqlEvidence:
    """One state of a PostgreSQL trail; a context manager."""

    def __init__(self, address: str) -> None:
        self.name = NAME
        self._psycopg = import_psycopg()
        try:
            self._connection = _connect(self._psycopg, address)
            if not _exists(self._connection):
                self._connection.close()
                raise NoTrail("There is no audit trail in this PostgreSQL database: check the address.")
            self._connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        except self._psycopg.Error as error:
            raise trail_error(error) from None

    def __enter__(self) -> PostgresqlEvidence:
        return self

    def __exit__(self, *exception: object) -> None:
        self._connection.close()

    def header(self) -> Sequence[Any] | None:
        """Return the row of the header."""
        return self._only_row("trail_header")

    def head(self) -> Sequence[Any] | None:
        """Return the row of the head."""
        return self._only_row("trail_head")

    def checkpoints(self) -> Iterator[Sequence[Any]]:
        """Return the rows of the checkpoints by number."""
        return iter(self._rows(_SELECT["trail_checkpoints"] + " ORDER BY number"))

    def entries(self) -> Iterator[Row]:
        """Return the rows of the entries by sequence."""
        try:
            with self._connection.cursor("trail") as cursor:
                cursor.itersize = 5_000
                yield from cursor.execute(f"{_ROWS} ORDER BY sequence")
        except self._psycopg.Error as error:
            raise trail_error(error) from None

    def oddities(self) -> Iterator[tuple[int, str]]:
        """Return what differs from our triggers."""
        query = (
            "SELECT count(*) FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid "
            "JOIN pg_namespace ON pg_namespace.oid = relnamespace "
            "WHERE nspname = %s AND NOT tgisinternal AND tgenabled = 'O' AND tgname = 'append_only'"
        )
        with suppress(self._psycopg.Error):
            expected = sum("CREATE TRIGGER" in statement for statement in SCHEMA)
            if self._connection.execute(query, (SCHEMA_NAME,)).fetchone()[0] != expected:
                yield 0, "triggers that keep it append-only are missing or switched off"

    def _only_row(self, table: str) -> Sequence[Any] | None:
        rows = self._rows(_SELECT[table])
        return rows[0] if len(rows) == 1 else None

    def _rows(self, query: str) -> list[Sequence[Any]]:
        try:
            return self._connection.execute(query).fetchall()
        except self._psycopg.Error as error:
            raise trail_error(error) from None


_KEPT_FOR_THE_PARENT: list[object] = []


def _connect(psycopg: ModuleType, address: str) -> psycopg.Connection:
    try:
        # Nothing is prepared behind our back, as a pool between here and the server may not know of it.
        return psycopg.connect(address, autocommit=True, connect_timeout=10, prepare_threshold=None)
    except (psycopg.Error, ValueError) as error:
        raise trail_error(error) from None


def _exists(connection: psycopg.Connection) -> bool:
    # From the catalog's tables: to_regclass may answer from what this session had cached before it waited.
    query = "SELECT count(*) FROM pg_tables WHERE schemaname = %s AND tablename = 'trail_header'"
    return connection.execute(query, (SCHEMA_NAME,)).fetchone()[0] == 1


def _values(part: Header | Head | Checkpoint, names: Sequence[str]) -> list[Any]:
    return [getattr(part, name) for name in names]
