"""Start and end a learner's JupyterLab: as a user of their own, from a warm process, within limits."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jupyterhub.spawner import LocalProcessSpawner
from tornado import web
from traitlets import Any as AnyTrait

from secure_ai.workshop.hub import limits
from secure_ai.workshop.hub.codes import INSTRUCTOR
from secure_ai.workshop.hub.room import (
    BOARD,
    BOARD_VARIABLE,
    CERTIFICATE_VARIABLE,
    LEARNER_VARIABLE,
    SOLUTIONS_VARIABLE,
    Room,
    RoomError,
    Seat,
    Settings,
)

KERNEL = "python3"  # the name that the labs have in their metadata
LOG = ".server.log"
PR_SET_NO_NEW_PRIVS = 38
# JupyterLab looks for news and updates on the network; the kit's rooms often have none, and want none.
SERVER_SETTINGS: dict[str, Any] = {
    "ServerApp": {
        "terminals_enabled": False,
        "allow_remote_access": True,
        "shutdown_no_activity_timeout": 0,
        "max_body_size": 64 * limits.MIB,
        "jpserver_extensions": {
            "jupyter_lsp": False,
            "jupyter_server_terminals": False,
            "jupyterlab": True,
            "nbgitpuller": False,
        },
    },
    # Messages of a kernel are signed and in the clear: whoever has a process on the machine, as every other
    # learner, could listen to all that a notebook prints. Keys are in the connection file (0600).
    "KernelManager": {"transport_encryption": "required"},
    "KernelSpecManager": {"ensure_native_kernel": False, "allowed_kernelspecs": [KERNEL]},
    "MappingKernelManager": {"default_kernel_name": KERNEL, "cull_idle_timeout": 0},
    "LabApp": {
        "news_url": None,
        "check_for_updates_class": "jupyterlab.handlers.announcements.NeverCheckForUpdate",
        "extension_manager": "readonly",
    },
    "LabServerApp": {"blocked_extensions_uris": "", "allowed_extensions_uris": ""},
}
PAGE_SETTINGS = {
    "disabledExtensions": {
        "@jupyterlab/apputils-extension:announcements": True,
        "@jupyterlab/extensionmanager-extension": True,
        "@jupyterlab/terminal-extension": True,
        "@jupyterlab/lsp-extension": True,
        "@jupyterlab/fileeditor-extension:language-server": True,
        "@jupyterlab/notebook-extension:language-server": True,
    }
}


def jupyter_folder(room: Room) -> Path:
    """Return the folder with the kernel and the settings that all seats share."""
    return room.shared / "jupyter"


def prepare(room: Room, settings: Settings) -> None:
    """Write what all seats read: the one kernel and JupyterLab's settings."""
    folder = jupyter_folder(room)
    kernel = {
        "argv": [
            *_plain_python(settings.kit_python),
            str(limits.WARM),
            "ask",
            str(room.kernel_socket),
            "-f",
            "{connection_file}",
        ],
        "display_name": "Secure AI",
        "language": "python",
        "metadata": {"debugger": False, "supported_encryption": "curve"},
    }
    files = {
        folder / "kernels" / KERNEL / "kernel.json": kernel,
        folder / "config" / "jupyter_server_config.json": SERVER_SETTINGS,
        folder / "config" / "labconfig" / "page_config.json": PAGE_SETTINGS,
    }
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
        for parent in (path.parent, *path.parent.parents):
            if parent == room.folder:
                break
            parent.chmod(0o755)
        draft = path.with_suffix(".new")
        draft.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        draft.chmod(0o644)
        draft.replace(path)


def cookie_arguments(settings: Settings, base: str) -> list[str]:
    """Return what tells a seat's server that its cookie goes by HTTPS alone, where the doors have it.

    Args:
        settings: of the room.
        base: path of the seat's pages; without it the cookie would be that of all seats.
    """
    if not settings.more.get("certificate"):
        return []
    cookie = {"xsrf_cookie_kwargs": {"secure": True, "path": base}}
    return [f"--ServerApp.tornado_settings={cookie}"]


def _plain_python(python: str) -> list[str]:
    """Return an interpreter that reads no site-packages: a stand-in needs none, and stays small."""
    return [python, "-I", "-S"]


def environment_of(room: Room, settings: Settings, seat: Seat) -> dict[str, str]:
    """Return what a seat's processes have in their environment besides JupyterHub's own."""
    home = str(room.home(seat.name))
    jupyter = jupyter_folder(room)
    host = settings.host if settings.host not in ("", "0.0.0.0", "::", "*") else "127.0.0.1"
    host = f"[{host}]" if ":" in host else host
    scheme = "https" if settings.more.get("certificate") else "http"
    return {
        "HOME": home,
        "USER": seat.name,
        "LOGNAME": seat.name,
        "SHELL": "/bin/sh",
        "LANG": "C.UTF-8",
        "PATH": f"{Path(settings.kit_python).parent}:/usr/local/bin:/usr/bin:/bin",
        "JUPYTER_PATH": str(jupyter),
        "JUPYTER_CONFIG_PATH": str(jupyter / "config"),
        "JUPYTER_PREFER_ENV_PATH": "1",
        "JUPYTERHUB_SINGLEUSER_EXTENSION": "1",
        BOARD_VARIABLE: f"{scheme}://{host}:{settings.port}/services/{BOARD}/",
        **({CERTIFICATE_VARIABLE: str(room.seen_certificate)} if settings.more.get("certificate") else {}),
        LEARNER_VARIABLE: seat.name,
        SOLUTIONS_VARIABLE: str(room.solutions),
        "SECURE_AI_SECTOR": settings.sector,
        "SECURE_AI_PROGRESS": str(Path(home) / ".secure-ai" / "progress.sqlite"),
        # One processor a seat is what limits allow: more threads only wait for each other.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }


class SeatSpawner(LocalProcessSpawner):
    """A learner's seat, started as the seat's own user, a few at a time.

    JupyterHub can only refuse those who come when too many start; here they wait, and see that they wait.
    """

    room = AnyTrait(help="The room's folder.").tag(config=True)
    settings = AnyTrait(help="The room's settings.").tag(config=True)
    at_once = AnyTrait(help="Seats that start at the same time.").tag(config=True)
    _turns: asyncio.Semaphore | None = None

    @property
    def seat(self) -> Seat:
        """The seat of this server's user.

        Raises:
            tornado.web.HTTPError: if the user has none, as the instructor.
        """
        if self.user.name == INSTRUCTOR:
            raise web.HTTPError(403, "The instructor has no seat: the board is at /services/board/.")
        try:
            return self.settings.seat(self.user.name)
        except RoomError as error:
            raise web.HTTPError(403, str(error)) from None

    @property
    def home(self) -> Path:
        """The seat's folder."""
        return self.room.home(self.seat.name)

    def user_env(self, env: dict[str, str]) -> dict[str, str]:
        """Return the environment of the seat's server: JupyterHub's own variables and the seat's."""
        kept = {key: value for key, value in env.items() if key.startswith("JUPYTERHUB_")}
        return kept | environment_of(self.room, self.settings, self.seat)

    def get_args(self) -> list[str]:
        """Return the arguments of the seat's server."""
        return [*super().get_args(), *cookie_arguments(self.settings, self.server.base_url)]

    def make_preexec_fn(self, name: str) -> Callable[[], None]:
        """Return what the stand-in process does before it runs: it becomes the seat's user."""
        uid, home, own = self.seat.uid, str(self.home), self.settings.own_users
        groups = limits.group_files(self.settings.groups, uid)
        prctl = _prctl()

        def become() -> None:
            for file in groups:
                with contextlib.suppress(OSError):
                    file.write_text(str(os.getpid()))
            if own:
                os.setgroups([])
                os.setresgid(uid, uid, uid)
                os.setresuid(uid, uid, uid)
                prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
            os.umask(0o077)
            os.chdir(home)
            # What a server or a kernel prints may be a learner's data: it stays with them.
            log = _open_log()
            os.dup2(log, 1)
            os.dup2(log, 2)
            os.close(log)

        return become

    async def move_certs(self, paths: dict[str, str]) -> dict[str, str]:
        """Put the certificates where the seat can read and nobody but the hub can write."""
        folder = self.room.run / "certificates" / self.seat.name
        folder.parent.mkdir(exist_ok=True, mode=0o711)
        folder.parent.chmod(0o711)
        folder.mkdir(exist_ok=True, mode=0o700)
        moved = {}
        for name, path in paths.items():
            target = folder / Path(path).name
            draft = folder / f".{target.name}.new"
            draft.unlink(missing_ok=True)
            draft.touch(mode=0o600)
            shutil.copyfile(path, draft)
            if self.settings.own_users:
                os.chown(draft, 0, self.seat.uid)
                draft.chmod(0o640)
            draft.replace(target)
            moved[name] = str(target)
        if self.settings.own_users:
            os.chown(folder, 0, self.seat.uid)
            folder.chmod(0o750)
        return moved

    def make_home(self) -> None:
        """Make the seat's folder if it is not there; what is in it stays as it is."""
        home = self.home
        home.parent.mkdir(parents=True, exist_ok=True, mode=0o711)
        if not home.exists():
            home.mkdir(mode=0o700)
            if self.settings.own_users:
                os.chown(home, self.seat.uid, self.seat.uid)
        # A learner who took their own rights away would keep themselves out. Only the hub can put anything
        # in the place of this folder, so it is no link.
        home.chmod(0o700)

    async def start(self) -> tuple[str, int]:
        """Start the seat when it is its turn, and wait until it answers; so few start at once."""
        self.seat  # noqa: B018 - refuses who has none
        cls = type(self)
        if cls._turns is None:
            cls._turns = asyncio.Semaphore(int(self.at_once or 2))
        async with cls._turns:
            self.make_home()
            if self.settings.own_users:
                # A server that was killed leaves its kernels, which nobody could reach any more.
                await asyncio.to_thread(limits.end_processes_of, self.seat.uid)
            ip, port = await super().start()
            for _ in range(int(self.start_timeout * 10)):
                if await self.poll() is not None or await _listens(ip, port):
                    break
                await asyncio.sleep(0.1)
            return ip, port

    async def stop(self, now: bool = False) -> None:
        """End the seat's server, and whatever else its user left running."""
        await super().stop(now=now)
        if self.settings.own_users:
            await asyncio.to_thread(limits.end_processes_of, self.seat.uid)

    async def poll(self) -> int | None:
        """Return None while the seat's server runs.

        After a restart of the hub a server is known by its number alone, and the system may have given that
        to another process; so the number counts only if it is a process of the seat.
        """
        if self.proc is None and self.pid and self.settings.own_users and self.user.name != INSTRUCTOR:
            with contextlib.suppress(OSError):
                if Path(f"/proc/{self.pid}").stat().st_uid not in (self.seat.uid, 0):
                    self.pid = 0
        return await super().poll()

    async def _signal(self, sig: int) -> bool:
        # A child that a killed hub left behind is reaped by another; asked for by number it is gone.
        with contextlib.suppress(OSError, IndexError):
            if sig == 0 and _state(self.pid) == "Z":
                return False
        return await super()._signal(signal.Signals(sig) if sig else 0)


def _open_log() -> int:
    """Open the seat's log; what a learner put in its place (a link, a pipe) gets nothing."""
    try:
        flags = os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK
        log = os.open(LOG, flags, 0o600)
        if stat.S_ISREG(os.fstat(log).st_mode):
            return log
        os.close(log)
    except OSError:
        pass
    return os.open(os.devnull, os.O_WRONLY)


def _state(number: int) -> str:
    """Return the state of a process as the system's letter."""
    return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]


async def _listens(host: str, port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    writer.close()
    return True


def _prctl() -> Callable[..., int]:
    try:
        import ctypes

        return ctypes.CDLL(None).prctl
    except (OSError, AttributeError):
        return lambda *_: 0
