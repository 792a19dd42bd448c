"""A PostgreSQL for an hour, or a corner of the organization's own: started, used, and left as it was."""

from __future__ import annotations

import atexit
import os
import re
import secrets
import signal
import sys
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from secure_ai.access.database.embedded import CONNECT_SECONDS, EmbeddedServer
from secure_ai.access.database.refusals import connection_error, import_psycopg
from secure_ai.core.errors import UserError

if TYPE_CHECKING:
    import psycopg

INSUFFICIENT_PRIVILEGE = "42501"


@dataclass(eq=False)
class Database:
    """A PostgreSQL and the names in it that are ours: one schema prefix, one role prefix.

    A context manager; ``close()`` stops the server (or drops what was made) and may be called twice.

    Attributes:
        embedded: whether the server was started here, and is ours alone.
        prefix: what every schema and role that we make starts with; fresh each time.
    """

    embedded: bool
    prefix: str
    _parameters: dict[str, Any] = field(repr=False)
    _closed: bool = field(default=False, repr=False)
    _signal: Any = field(default=None, repr=False)
    _server: EmbeddedServer | None = field(default=None, repr=False)
    _built: int = field(default=0, repr=False)
    _owner_pid: int = field(default_factory=os.getpid, repr=False)

    def connect(self, role: str | None = None, password: str | None = None) -> psycopg.Connection:
        """Connect as the administrator, or as one of our roles (autocommit).

        Raises:
            UserError: if the server cannot be reached or does not let the role in.
        """
        psycopg = import_psycopg()
        if self._closed:
            raise UserError("The database has been closed: open a new one with database().")
        parameters = dict(self._parameters)
        if role is not None:
            parameters |= {"user": role, "password": password}
        try:
            # Nothing is prepared behind our back: DISCARD ALL, between two users of a pooled connection,
            # drops it on the server while psycopg goes on naming it.
            return psycopg.connect(**parameters, autocommit=True, prepare_threshold=None)
        except psycopg.Error as error:
            raise connection_error(error) from None

    @property
    def administrator(self) -> str:
        """The role that builds and drops."""
        with self.connect() as connection:
            return connection.info.user

    def next_prefix(self) -> str:
        """Return a prefix for one more set of schemas and roles; ``close()`` drops them with the rest."""
        self._built += 1
        return f"{self.prefix}_{self._built}"

    def dsn(self, role: str | None = None, password: str | None = None) -> str:
        """Return a connection string, password included: for tools that take one. Do not print it."""
        from psycopg.conninfo import make_conninfo

        parameters = dict(self._parameters)
        if role is not None:
            parameters |= {"user": role, "password": password}
        return make_conninfo("", **parameters)

    def refused_in_server_log(self) -> dict[str, int]:
        """Count the reads and writes that the server itself logged as refused, by role without its prefix.

        PostgreSQL fires no trigger on a read that it refuses, so its log is the record that no client can
        leave out. Only the embedded server's log can be read from here; elsewhere it is the operator's.

        Raises:
            UserError: if the server is the organization's own.
        """
        if self._server is None:
            raise UserError("The log of this server belongs to its operator: look for SQLSTATE 42501 there.")
        counts: dict[str, int] = {}
        for (state, role), lines in self._server.log_counts().items():
            if state == INSUFFICIENT_PRIVILEGE and role.startswith(self.prefix + "_"):
                label = role_label(role, self.prefix)
                counts[label] = counts.get(label, 0) + lines
        return counts

    def close(self) -> None:
        """Stop and remove the embedded server, or drop our schemas and roles from the organization's own."""
        if self._closed or os.getpid() != self._owner_pid:
            return
        atexit.unregister(self.close)
        try:
            if self._server is not None:
                self._closed = True
                self._server.stop()
            else:
                self._drop_ours()
                self._closed = True
        finally:
            self._restore_signal()

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _drop_ours(self) -> None:
        from psycopg import Error, sql

        pattern = self.prefix.replace("_", r"\_") + r"\_%"
        try:
            with self.connect() as connection:
                schemas = connection.execute(
                    "SELECT nspname FROM pg_namespace WHERE nspname LIKE %s", (pattern,)
                )
                for (name,) in schemas.fetchall():
                    connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(name)))
                roles = connection.execute("SELECT rolname FROM pg_roles WHERE rolname LIKE %s", (pattern,))
                names = [sql.Identifier(name) for (name,) in roles.fetchall()]
                if names:
                    connection.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename LIKE %s",
                        (pattern,),
                    )
                    connection.execute(sql.SQL("DROP OWNED BY {} CASCADE").format(sql.SQL(", ").join(names)))
                    connection.execute(sql.SQL("DROP ROLE {}").format(sql.SQL(", ").join(names)))
        except Error as error:
            raise UserError(
                f"What was made in the database could not all be dropped (SQLSTATE {error.sqlstate}): ask "
                f"its administrator to drop the schemas and roles that start with {self.prefix}_."
            ) from None

    def _exit_on_sigterm(self) -> None:
        # Without a handler SIGTERM ends Python at once, and the server would outlive it.
        if threading.current_thread() is not threading.main_thread() or os.name != "posix":
            return
        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            self._signal = _leave
            signal.signal(signal.SIGTERM, _leave)

    def _restore_signal(self) -> None:
        if self._signal is None or threading.current_thread() is not threading.main_thread():
            return
        if signal.getsignal(signal.SIGTERM) is self._signal:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def database(url: str | None = None) -> Database:
    """Open a PostgreSQL to work in: the organization's own if there is an address, else an embedded one.

    The embedded server lives in a temporary folder that only this user reads, listens on a Unix socket
    alone (Windows: on 127.0.0.1), asks every role for a password, and is gone at the end, also after an
    exception and, Windows aside, where the program is killed. In the organization's own, everything that is
    made carries a fresh prefix and is dropped at the end; nothing else is touched.

    Args:
        url: the address of a database; without it ``DATABASE_URL`` of the environment; without that the
            embedded server.

    Raises:
        UserError: if a package is missing, the server does not start or cannot be reached, or the account
            may create neither schemas nor roles. The password is in none of the messages.
    """
    url = url if url is not None else os.environ.get("DATABASE_URL", "")
    prefix = f"secure_ai_{secrets.token_hex(4)}"
    if url.strip():
        opened = Database(False, prefix, _parse(url.strip()))
        _check_rights(opened)
    else:
        import_psycopg()
        server = EmbeddedServer.start()
        opened = Database(True, prefix, server.parameters, _server=server)
    opened._exit_on_sigterm()
    atexit.register(opened.close)
    return opened


def _parse(url: str) -> dict[str, Any]:
    psycopg = import_psycopg()
    from psycopg.conninfo import conninfo_to_dict

    try:
        parameters = dict(conninfo_to_dict(url))
    except psycopg.Error:
        raise UserError(
            "DATABASE_URL is no address of a PostgreSQL database: write "
            "postgresql://user:password@host:5432/database."
        ) from None
    parameters.setdefault("connect_timeout", CONNECT_SECONDS)
    return parameters


def _check_rights(opened: Database) -> None:
    with opened.connect() as connection:
        row = connection.execute(
            "SELECT has_database_privilege(current_database(), 'CREATE'), rolcreaterole OR rolsuper, "
            "current_setting('server_version_num')::int FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
    schema, roles, version = row if row else (False, False, 0)
    missing = [name for name, has in (("create schemas", schema), ("create roles", roles)) if not has]
    if missing:
        raise UserError(
            f"The account of DATABASE_URL may not {' and '.join(missing)}: ask for CREATE on the database "
            "and CREATEROLE, or leave DATABASE_URL out to use the embedded server. Nothing was changed."
        )
    if version < 160000:
        raise UserError(
            "The server of DATABASE_URL is older than PostgreSQL 16, whose role grants this needs: use a "
            "newer one, or leave DATABASE_URL out to use the embedded server. Nothing was changed."
        )


def _leave(number: int, _frame: object) -> None:
    sys.exit(128 + number)


def role_label(name: str, prefix: str) -> str:
    """Return a role's or schema's name as the lesson shows it, without the prefix of this run."""
    return re.sub(rf"^{re.escape(prefix)}_(\d+_)?", "", name)
