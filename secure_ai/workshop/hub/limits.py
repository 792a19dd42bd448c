"""What a seat may use of the machine: groups of the system where they can be made, else limits of a process.

Linux has two kinds of control groups. In version 1 each controller has a tree of its own, in version 2 all
share one. ``Settings.groups`` names a folder that stands in each of them; each seat has a folder in it, named
by its user's number. Who may not make groups (no rights, another system) has the limits of each process,
which :mod:`secure_ai.workshop.hub.warm` sets: weaker, since a seat has several processes.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from secure_ai.workshop.hub.room import FIRST_UID, Room, Settings

CONTROL = Path("/sys/fs/cgroup")
CONTROLLERS = ("memory", "cpu", "pids")
# A learner's kernels, what their libraries start and their threads; no lab needs half of it.
MOST_PROCESSES = 256
PERIOD = 100_000
MIB = 1024 * 1024
WARM = Path(__file__).with_name("warm.py")


def warm_command(room: Room, settings: Settings, kind: str) -> list[str]:
    """Return the command that starts a warm process.

    Args:
        room: folder.
        settings: of the room.
        kind: ``server``, in the hub's environment, or ``kernel``, in the kit's.
    """
    python = {"server": settings.hub_python, "kernel": settings.kit_python}[kind]
    place = {"server": room.server_socket, "kernel": room.kernel_socket}[kind]
    numbers = [seat.number for seat in settings.seats] or [1]
    # Another room has other numbers; those who come late have numbers that are kept for them.
    last = max(numbers) + int(settings.more.get("spare", 0))
    users = f"{FIRST_UID + min(numbers)}-{FIRST_UID + last}" if settings.own_users else ""
    # With groups the memory is counted for the seat as a whole.
    memory = 0 if settings.groups else settings.memory_mib
    return [python, str(WARM), "serve", str(place), kind, settings.groups, users, str(memory)]


def unified(control: Path = CONTROL) -> bool:
    """Return whether the machine's control groups are those of version 2."""
    return (control / "cgroup.controllers").is_file()


def find_groups(name: str, control: Path = CONTROL) -> str:
    """Make a folder for a room's groups, and return its name; empty where the machine does not allow it.

    Args:
        name: wanted, unique to the room.
        control: where the system shows its groups.
    """
    made: list[Path] = []
    try:
        for folder in _folders(name, control):
            folder.mkdir(exist_ok=True)
            made.append(folder)
        if unified(control):
            _delegate(control / name)
        trial = 0
        _make(name, trial, 64, 1.0, control)
        _remove_one(name, trial, control)
    except OSError:
        for folder in made:
            with contextlib.suppress(OSError):
                folder.rmdir()
        return ""
    return name


def make_groups(settings: Settings, control: Path = CONTROL) -> None:
    """Make each seat's groups with its limits; nothing if the settings name none.

    Raises:
        OSError: if the system refuses what it allowed when the room was opened.
    """
    if not settings.groups:
        return
    for folder in _folders(settings.groups, control):
        folder.mkdir(exist_ok=True)
    if unified(control):
        _delegate(control / settings.groups)
    for seat in settings.seats:
        _make(settings.groups, seat.uid, settings.memory_mib, settings.cpus, control)


def remove_groups(groups: str, control: Path = CONTROL) -> None:
    """Remove a room's groups; those in which a process still runs stay."""
    if not groups:
        return
    for folder in _folders(groups, control):
        with contextlib.suppress(OSError):
            for part in folder.iterdir():
                if part.is_dir():
                    with contextlib.suppress(OSError):
                        part.rmdir()
        with contextlib.suppress(OSError):
            folder.rmdir()


def remove_stale_groups(prefix: str, used: Iterable[str], control: Path = CONTROL) -> list[str]:
    """Remove the groups that killed rooms left, where no process is in them; return their names.

    Args:
        prefix: of the names of all rooms' groups.
        used: names of those of open rooms, which stay though no seat may run there now.
        control: where the system shows its groups.
    """
    used = set(used)
    tops = [control] if unified(control) else [control / controller for controller in CONTROLLERS]
    found = {folder.name for top in tops for folder in top.glob(f"{prefix}*") if folder.is_dir()}
    removed = []
    for name in sorted(found - used):
        remove_groups(name, control)  # the system refuses what a process is in
        if not any(folder.exists() for folder in _folders(name, control)):
            removed.append(name)
    return removed


def group_files(groups: str, user: int, control: Path = CONTROL) -> list[Path]:
    """Return the files to which a process writes its number to be counted for a seat."""
    if not groups:
        return []
    return [folder / str(user) / "cgroup.procs" for folder in _folders(groups, control)]


def _folders(name: str, control: Path) -> list[Path]:
    if unified(control):
        return [control / name]
    return [control / controller / name for controller in CONTROLLERS]


def _delegate(folder: Path) -> None:
    wanted = " ".join(f"+{controller}" for controller in CONTROLLERS)
    (folder.parent / "cgroup.subtree_control").write_text(wanted)
    (folder / "cgroup.subtree_control").write_text(wanted)


def _make(groups: str, user: int, memory_mib: int, cpus: float, control: Path) -> None:
    quota = max(1000, int(cpus * PERIOD))
    if unified(control):
        place = control / groups / str(user)
        limits = {
            "memory.max": memory_mib * MIB,
            "memory.swap.max": 0,
            "cpu.max": f"{quota} {PERIOD}",
            "pids.max": MOST_PROCESSES,
        }
        wanted = [(place, limits)]
    else:
        wanted = [
            (control / "memory" / groups / str(user), {"memory.limit_in_bytes": memory_mib * MIB}),
            (
                control / "cpu" / groups / str(user),
                {"cpu.cfs_period_us": PERIOD, "cpu.cfs_quota_us": quota},
            ),
            (control / "pids" / groups / str(user), {"pids.max": MOST_PROCESSES}),
        ]
    for place, limits in wanted:
        place.mkdir(exist_ok=True)
        for name, value in limits.items():
            try:
                (place / name).write_text(str(value))
            except FileNotFoundError:
                if name != "memory.swap.max":  # a machine without swap has no such file
                    raise


def _remove_one(groups: str, user: int, control: Path) -> None:
    for folder in _folders(groups, control):
        (folder / str(user)).rmdir()


def end_processes_of(user: int, seconds: float = 5.0) -> int:
    """End all processes of a seat's user, also those that left their group; return how many there were."""
    if user <= FIRST_UID or os.geteuid() != 0:
        return 0
    ended: set[int] = set()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = list(processes_of(user))
        if not found:
            break
        for number in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        ended.update(found)
        time.sleep(0.05)
    return len(ended)


def processes_of(user: int) -> Iterable[int]:
    """Yield the numbers of the living processes of a user of the system."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError):
                lines = (entry / "status").read_text().splitlines()
                found = {line.split(":")[0]: line.split()[1:] for line in lines if ":" in line}
                if found["Uid"][0] == str(user) and found["State"][0] != "Z":
                    yield int(entry.name)


def tie_to_parent() -> None:
    """Have the system end this process with its parent: a hub that is killed leaves no services behind."""
    with contextlib.suppress(OSError, AttributeError):
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def main(arguments: list[str]) -> None:
    """Become a program that ends with its parent: ``python -m secure_ai.workshop.hub.limits COMMAND…``."""
    tie_to_parent()
    # A shell that starts the hub in the background has it ignore this, and so all that the hub starts: the
    # hub then waits half a minute for each service when it ends.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.execvp(arguments[0], arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
