"""The processes of a room: started, known again later, and ended, those of this room and no others."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from secure_ai.core.errors import UserError
from secure_ai.core.outputs import write_json
from secure_ai.workshop.hub import limits
from secure_ai.workshop.hub.room import VARIABLE, Room, Settings
from secure_ai.workshop.machine import users_of_other_rooms

INSIDE = Path(__file__).with_name("inside.py")
HUB, SERVERS, KERNELS = "hub", "server", "kernel"
WARM = (SERVERS, KERNELS)
# Loading takes seconds; on a machine under load, many of them.
WARM_SECONDS = 180
END_SECONDS = 30


@dataclass(frozen=True)
class Process:
    """A process that the room started.

    Attributes:
        name: ``hub``, ``server`` or ``kernel``.
        pid: its number.
        started: when it began, in the system's ticks: numbers are given again, and this tells them apart.
        boot: which start of the machine ``started`` belongs to.
    """

    name: str
    pid: int
    started: int
    boot: str

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self.boot == boot() and self.started == began(self.pid)


def boot() -> str:
    """Return what names this start of the machine."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def began(pid: int) -> int:
    """Return when a process began, in ticks; 0 for none, or one that has ended and was not collected yet."""
    try:
        fields = (
            Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        )
    except OSError:
        return 0
    return 0 if fields[0] in "ZX" else int(fields[19])


def recorded(room: Room) -> dict[str, Process]:
    """Return the processes that were started for the room, alive or not, by name."""
    try:
        raw = json.loads(room.processes_file.read_text(encoding="utf-8"))
        return {one["name"]: Process(one["name"], one["pid"], one["started"], one["boot"]) for one in raw}
    except (OSError, ValueError, TypeError, KeyError):
        return {}


def alive(room: Room) -> dict[str, Process]:
    """Return the processes of the room that run."""
    return {name: one for name, one in recorded(room).items() if one.is_alive}


def start_missing(room: Room, settings: Settings, view: Mapping[str, Any] | None) -> list[str]:
    """Start what does not run: first the warm processes, and the hub once they are warm.

    Processes that a killed hub left behind stay, and the new hub finds its seats there.

    Args:
        room: the room.
        settings: its settings, written already.
        view: what :func:`secure_ai.workshop.view.plan` returned, if nothing of the room runs; else None.

    Returns:
        The names of what was started.

    Raises:
        UserError: if something cannot be started, or ends while it starts.
    """
    running = alive(room)
    if not all(name in running for name in WARM):
        # Seats live by both: one alone is of no use, and the hub must not go on handing it out.
        end_all(room, settings, keep_groups=True)
        running = {}
    elif HUB not in running:
        end_left_proxy(room, settings)
    started = []
    for names in (WARM, (HUB,)):
        missing = [name for name in names if name not in running]
        if not missing:
            continue
        join = running[KERNELS].pid if KERNELS in running else 0
        running |= _start(room, settings, missing, None if join else view, join)
        started += missing
        write_json(
            room.processes_file,
            [{"name": p.name, "pid": p.pid, "started": p.started, "boot": p.boot} for p in running.values()],
        )
        if names == WARM:
            wait_until_warm(room, running)
    return started


def wait_until_warm(room: Room, running: Mapping[str, Process]) -> None:
    """Wait until the warm processes have loaded what they load.

    Raises:
        UserError: if one ends, or takes minutes.
    """
    until = time.monotonic() + WARM_SECONDS
    for name in WARM:
        while not said_ready(log_of(room, name)):
            if not running[name].is_alive:
                raise UserError(
                    f"The process that holds the libraries ready ended ({name}): why, says "
                    f"private/logs/{name}.log in the room's folder."
                )
            if time.monotonic() > until:
                raise UserError(
                    "The libraries take minutes to load: is this machine busy with something else?"
                )
            time.sleep(0.1)


def said_ready(log: Path) -> bool:
    """Return whether a warm process wrote that it is ready."""
    with contextlib.suppress(OSError):
        return any(line.startswith('{"pid":') for line in log.read_text("utf-8", "replace").splitlines())
    return False


def log_of(room: Room, name: str) -> Path:
    """Return the file that a process of the room writes what it prints to."""
    return room.logs / f"{name}.log"


def _start(
    room: Room, settings: Settings, names: Sequence[str], view: Mapping[str, Any] | None, join: int
) -> dict[str, Process]:
    room.logs.mkdir(parents=True, exist_ok=True, mode=0o700)
    order = {
        "join": join if settings.own_view else 0,
        "view": view if settings.own_view else None,
        "check": _checks(settings) if settings.own_users and not join else [],
        "start": [
            {
                "name": name,
                "command": _command(room, settings, name),
                "environment": _environment(room, settings),
                "folder": str(room.folder),
                "log": str(log_of(room, name)),
            }
            for name in names
        ],
    }
    done = subprocess.run(
        [sys.executable, "-I", str(INSIDE)],
        input=json.dumps(order),
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        raise UserError("The room's processes could not be started: is memory short?") from None
    if "error" in answer:
        raise UserError(answer["error"])
    return {name: Process(name, pid, began(pid), boot()) for name, pid in answer["pids"].items()}


def _checks(settings: Settings) -> list[dict[str, Any]]:
    uid = settings.seats[0].uid
    sentence = (
        "The users of the seats cannot read {}: make its folder and those above it readable for all (chmod "
        "a+rX), or open the room as an ordinary user, without isolation."
    )
    return [
        {
            "uid": uid,
            "command": [settings.kit_python, "-I", "-c", "import secure_ai.core.errors, numpy, ipykernel"],
            "sentence": sentence.format("the kit and its environment"),
        },
        {
            "uid": uid,
            "command": [settings.hub_python, "-I", "-c", "import jupyter_server.services"],
            "sentence": sentence.format("the hub's environment"),
        },
    ]


def _command(room: Room, settings: Settings, name: str) -> list[str]:
    if name in WARM:
        return limits.warm_command(room, settings, name)
    config = Path(settings.kit) / "secure_ai" / "workshop" / "hub" / "config.py"
    return [settings.hub_python, "-m", "jupyterhub", "-f", str(config)]


def _environment(room: Room, settings: Settings) -> dict[str, str]:
    """Return what the room's processes find in their environment: nothing of the instructor's own."""
    kept = {
        name: os.environ[name] for name in ("LANG", "LC_ALL", "LD_LIBRARY_PATH", "TZ") if name in os.environ
    }
    return kept | {
        "PATH": f"{Path(settings.hub_python).parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(room.private),
        "PYTHONPATH": settings.kit,
        "PYTHONDONTWRITEBYTECODE": "1",
        VARIABLE: str(room.folder),
    }


def end(process: Process, seconds: float = END_SECONDS) -> bool:
    """End a process, by force if it does not in time; return whether it ran."""
    if not process.is_alive:
        return False
    for number, wait in ((signal.SIGTERM, seconds), (signal.SIGKILL, 5.0)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, number)
        until = time.monotonic() + wait
        while process.is_alive and time.monotonic() < until:
            time.sleep(0.05)
        if not process.is_alive:
            break
    return True


def end_hub(room: Room, settings: Settings) -> bool:
    """End the hub with its proxy and services; seats go on. Return whether it ran."""
    process = recorded(room).get(HUB)
    ran = process is not None and end(process)
    end_left_proxy(room, settings)
    return ran


def end_left_proxy(room: Room, settings: Settings) -> None:
    """End the proxy that a killed hub left behind: it holds the port."""
    file = room.private / "proxy.pid"
    with contextlib.suppress(OSError, ValueError):
        pid = int(file.read_text(encoding="ascii").split()[0])
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace").split("\0")
        # The number may be another's by now: only the room's own proxy, on the room's own port, is ended.
        if settings.proxy in words and str(settings.inner_ports[1]) in words:
            end(Process("proxy", pid, began(pid), boot()), 5)
    with contextlib.suppress(OSError):
        file.unlink()


def end_all(room: Room, settings: Settings, *, keep_groups: bool = False) -> list[str]:
    """End every process of the room, and no other; return the names of those that ran."""
    ended = [HUB] if end_hub(room, settings) else []
    for name in WARM:
        process = recorded(room).get(name)
        if process is not None and end(process, 10):
            ended.append(name)  # with all that it forked
    if settings.own_users:
        # What a learner's code detached from its kernel. A room that was closed long ago may find its users
        # with another one.
        others = users_of_other_rooms(but=str(room.run))
        for seat in settings.seats:
            if not any(low <= seat.uid <= high for low, high in others):
                limits.end_processes_of(seat.uid)
    if not keep_groups:
        limits.remove_groups(settings.groups)
    with contextlib.suppress(OSError):
        room.processes_file.unlink()
    for socket in (room.server_socket, room.kernel_socket):
        with contextlib.suppress(OSError):
            socket.unlink()
    return ended
