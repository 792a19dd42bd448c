"""Ask the protected database as a member of staff or as the model's service, with a signed session."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from secure_ai.access.database.declaration import Declaration
from secure_ai.access.database.guard import (
    MAX_SECONDS,
    literal,
    quoted,
    scram_verifier,
    setting_name,
    sign,
)
from secure_ai.access.database.refusals import AccessRefusedError, Refusal, RefusedError, statement_error
from secure_ai.access.database.server import Database
from secure_ai.core.audit import AuditLog
from secure_ai.core.errors import UserError

if TYPE_CHECKING:
    import psycopg

SESSION_SECONDS = 600.0
CLOCK_TOLERANCE_SECONDS = 300.0
STATEMENT_SECONDS = 60
MAX_IDENTIFIER = 100


@dataclass(eq=False)
class ProtectedDatabase:
    """The protected schema of one sector, and the application's way to ask it.

    Attributes:
        database: where it lives.
        declaration: what it enforces.
        prefix: what its schemas and roles start with.
        audit: what was asked and refused, as the application saw it. PostgreSQL fires no trigger on a
            read; its own log is the second record (``database.refused_in_server_log()``), and rows that
            were written are recorded by a trigger (``writes()``).
        clock: the application's clock in seconds since 1970, only ever compared with the database's.
    """

    database: Database
    declaration: Declaration
    prefix: str
    audit: AuditLog
    _logins: Mapping[str, str] = field(repr=False)
    _passwords: Mapping[str, str] = field(repr=False)
    _key: bytes = field(repr=False)
    clock: Callable[[], float] = field(default=time.time, repr=False)
    _idle: dict[str, list[psycopg.Connection]] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def schema(self) -> str:
        """The schema that holds the tables and views."""
        return f"{self.prefix}_data"

    def as_user(self, staff_id: str, purpose: str, *, seconds: float = SESSION_SECONDS) -> UserSession:
        """Open a session for a member of staff and a purpose (a context manager).

        The connection comes from the pool of the purpose's login; the session is signed for this user,
        purpose and connection, and expires after ``seconds`` by the database's clock.

        Raises:
            RefusedError: if the user is unknown or may not act for the purpose.
            UserError: if the purpose is empty or unknown, the lifetime out of range, the clocks of
                application and database are more than five minutes apart, or the server is gone.
        """
        purpose = self.declaration.purpose(purpose).name
        if (
            not isinstance(staff_id, str)
            or not staff_id.strip()
            or len(staff_id) > MAX_IDENTIFIER
            or "\0" in staff_id
        ):
            raise UserError("Say who is asking: the staff_id of a member of staff.")
        if not 0 < seconds <= MAX_SECONDS:
            raise UserError(f"A session lasts more than 0 and at most {MAX_SECONDS} seconds.")
        connection = self._check_out(purpose)
        try:
            self._sign(connection, staff_id, purpose, seconds)
        except RefusedError as error:
            # The identifier is not one of ours, perhaps a name typed by mistake: it stays out of the trail.
            self._check_in(purpose, connection)
            self.audit.record(
                "unknown or not eligible", "open session", purpose, "denied", purpose=purpose,
                reason=error.refusal.reason, alert=True,
            )  # fmt: skip
            raise
        except BaseException:
            connection.close()
            raise
        self.audit.record(staff_id, "open session", purpose, "allowed", purpose=purpose)
        return UserSession(self, staff_id, purpose, connection)

    def as_model(self, *, seconds: float = SESSION_SECONDS) -> UserSession:
        """Open a session for the model's service account: its features, its rows, its purpose."""
        return self.as_user(self.declaration.service, self.declaration.model_purpose().name, seconds=seconds)

    def writes(self) -> pd.DataFrame:
        """Return what the database recorded itself when rows were added, in order.

        Returns:
            One row each: staff_id, purpose, action, relation, key.
        """
        with self.database.connect() as connection:
            found = connection.execute(
                "SELECT staff_id, purpose, action, relation, key "
                f"FROM {quoted(self.prefix + '_guard')}.writes ORDER BY id"
            ).fetchall()
        return pd.DataFrame(found, columns=["staff_id", "purpose", "action", "relation", "key"])

    def login(self, purpose: str) -> tuple[str, str]:
        """Return role and password of the login of a purpose, for a client of the application's own."""
        name = self.declaration.purpose(purpose).name
        return self._logins[name], self._passwords[name]

    def close_idle(self) -> None:
        """Close the pooled connections that serve nobody."""
        with self._lock:
            waiting, self._idle = self._idle, {}
        for connections in waiting.values():
            for connection in connections:
                connection.close()

    def _sign(self, connection: psycopg.Connection, staff_id: str, purpose: str, seconds: float) -> None:
        guard = quoted(self.prefix + "_guard")
        nonce, pid, started, now = _execute(connection, f"SELECT * FROM {guard}.challenge()").fetchone()
        if abs(now - self.clock()) > CLOCK_TOLERANCE_SECONDS:
            raise UserError(
                "The clocks of this machine and of the database are more than "
                f"{CLOCK_TOLERANCE_SECONDS / 60:.0f} minutes apart: set both by a time server (NTP) first."
            )
        token = sign(
            self._key,
            login=self._logins[purpose],
            staff_id=staff_id,
            purpose=purpose,
            expires=int((now + seconds) * 1000),
            pid=pid,
            started=started,
            nonce=nonce,
        )
        # As a parameter: the text of a statement can be read in pg_stat_activity by the same login.
        _execute(connection, "SELECT set_config(%s, %s, false)", (setting_name(self.prefix), token))
        _execute(connection, f"SELECT FROM {guard}.context()")

    def _check_out(self, purpose: str) -> psycopg.Connection:
        while True:
            with self._lock:
                idle = self._idle.get(purpose) or []
                connection = idle.pop() if idle else None
            if connection is None:
                connection = self._connect(purpose)
            elif not _clean(connection):
                continue
            _execute(connection, f"SET statement_timeout = '{STATEMENT_SECONDS}s'")
            _execute(connection, f"SET search_path = {quoted(self.schema)}")
            return connection

    def _connect(self, purpose: str) -> psycopg.Connection:
        """Connect as the login of a purpose, whose password a session may have changed: no right stops it."""
        name, password = self.login(purpose)
        try:
            return self.database.connect(name, password)
        except AccessRefusedError:
            with self.database.connect() as administrator:
                verifier = literal(scram_verifier(administrator, name, password))
                _execute(administrator, f"ALTER ROLE {quoted(name)} PASSWORD {verifier}")
            self.audit.record(
                "administrator", "restore login", purpose, "allowed", purpose=purpose,
                reason="a session had changed the password of its login", alert=True,
            )  # fmt: skip
            return self.database.connect(name, password)

    def _check_in(self, purpose: str, connection: psycopg.Connection) -> None:
        if _clean(connection, quoted(self.prefix + "_guard")):
            with self._lock:
                self._idle.setdefault(purpose, []).append(connection)


@dataclass(eq=False)
class UserSession:
    """A connection that acts for one user and one purpose; close it, or use it in a ``with``."""

    protected: ProtectedDatabase = field(repr=False)
    staff_id: str
    purpose: str
    _connection: psycopg.Connection | None = field(repr=False)

    @property
    def connection(self) -> psycopg.Connection:
        """The connection beneath, for code that has to speak to psycopg itself.

        Raises:
            UserError: if the session is closed.
        """
        if self._connection is None:
            raise UserError("The session is closed: open a new one with as_user().")
        return self._connection

    def rows(self, sql: str, params: Sequence[Any] | Mapping[str, Any] | None = None) -> pd.DataFrame:
        """Run one statement and return its rows; values go in as ``params`` (``%s``), never into the text.

        A statement without rows (INSERT) returns a table with the number of rows it wrote.

        Raises:
            ContextExpiredError: if the session's time is over.
            RefusedError: if PostgreSQL refuses; it is recorded before it is raised.
            UserError: if the statement is wrong, takes too long, or the connection is lost. No message
                holds a value.
        """
        try:
            frame = _frame(_execute(self.connection, *_single(sql, params), single=not params))
        except RefusedError as error:
            refusal = error.refusal
            self.protected.audit.record(
                self.staff_id, "query", refusal.target or self.purpose, "denied", purpose=self.purpose,
                reason=refusal.reason, alert=True, sqlstate=refusal.sqlstate,
            )  # fmt: skip
            raise
        except UserError:
            self.protected.audit.record(self.staff_id, "query", self.purpose, "error", purpose=self.purpose)
            raise
        # Recorded before the rows are handed over: without a trail, no answer.
        self.protected.audit.record(
            self.staff_id, "query", self.purpose, "allowed", purpose=self.purpose, rows=len(frame)
        )
        return frame

    def attempt(
        self, sql: str, params: Sequence[Any] | Mapping[str, Any] | None = None
    ) -> pd.DataFrame | Refusal:
        """Like :meth:`rows`, but a refusal is returned instead of raised: for lessons and tables of cases."""
        try:
            return self.rows(sql, params)
        except RefusedError as error:
            return error.refusal

    def close(self) -> None:
        """Hand the connection back: its context is erased and its nonce forgotten."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self.protected._check_in(self.purpose, connection)

    def __enter__(self) -> UserSession:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _single(sql: str, params: Any) -> tuple[str, Any]:
    """The statement and its parameters; without parameters a percent sign is itself."""
    if not isinstance(sql, str) or not sql.strip():
        raise UserError("Write one SQL statement.")
    return (sql.replace("%", "%%"), ()) if params is None else (sql, params)


def _execute(
    connection: psycopg.Connection, sql: str, params: Any = None, *, single: bool = False
) -> psycopg.Cursor:
    """Run a statement; with ``single`` as with parameters, no second one behind a semicolon.

    psycopg sends a text without parameters by the simple protocol, which takes several statements, unless
    the answer is asked for in binary form.
    """
    import psycopg

    try:
        return connection.execute(sql, params, binary=single)
    except psycopg.Error as error:
        raise statement_error(error) from None
    except (TypeError, ValueError, UnicodeError):
        raise UserError("A parameter of the query has a type that PostgreSQL does not take.") from None


def _frame(cursor: psycopg.Cursor) -> pd.DataFrame:
    import psycopg

    if cursor.description is None:
        return pd.DataFrame({"rows": [max(cursor.rowcount, 0)]})
    try:
        return pd.DataFrame(cursor.fetchall(), columns=[column.name for column in cursor.description])
    except (psycopg.Error, ValueError) as error:
        if isinstance(error, psycopg.Error):
            raise statement_error(error) from None
        raise UserError("PostgreSQL returned a date or number that Python cannot hold.") from None


def _clean(connection: psycopg.Connection, guard: str | None = None) -> bool:
    """Erase what a session left in a connection; False (and closed) if that is not possible."""
    import psycopg

    try:
        connection.rollback()
        connection.autocommit = True
        if guard is not None:
            connection.execute(f"SELECT {guard}.release()")
        connection.execute("DISCARD ALL")
        if guard is not None:
            _forget_what_stays(connection)
        return True
    except psycopg.Error:
        connection.close()
        return False


def _forget_what_stays(connection: psycopg.Connection) -> None:
    """Erase what a login may leave behind for the next user of it: large objects, and settings of its own."""
    owner = "(SELECT oid FROM pg_roles WHERE rolname = session_user)"
    connection.execute(
        f"SELECT lo_unlink(oid) FROM pg_catalog.pg_largeobject_metadata WHERE lomowner = {owner}"
    )
    if connection.execute(f"SELECT 1 FROM pg_db_role_setting WHERE setrole = {owner}").fetchone():
        connection.execute("ALTER ROLE CURRENT_USER RESET ALL")
        connection.execute(
            "ALTER ROLE CURRENT_USER IN DATABASE " + quoted(connection.info.dbname) + " RESET ALL"
        )


def without_prefix(text: str, prefix: str) -> str:
    """Return a text without the prefix of this run, so that it reads the same each time."""
    return re.sub(rf"{re.escape(prefix)}_", "", text)
