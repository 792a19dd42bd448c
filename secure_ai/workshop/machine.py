"""What this machine allows: how many seats fit, which ports are free, how far seats can be kept apart."""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from secure_ai.core.errors import UserError
from secure_ai.workshop.hub.room import FIRST_UID

# Measured among 25 (PSS, what a process has of its own and its share of what several have;
# benchmarks/workshop.py): a seat with pandas and scikit-learn loaded takes 124 MiB, and 462 (534 at most)
# after an hour in two labs that are both still open. Hub, proxy, board and the two warm processes take 0.6
# GiB; the room's figure leaves half as much again for a class that signs in at once. The reserve is the kit's
# own, and meant to be argued with: for the system's cache.
SEAT_MIB = 550
ROOM_MIB = 900
RESERVE_MIB = 512
# The kit's own, and meant to be argued with: learners read and type, and a cell runs for a few of them at a
# time. On two processors 25 seats at ten times human pace waited 1.4 s for a cell at most 95 % of the times.
SEATS_PER_CPU = 15
LEAST_MEMORY_MIB = 256
FIRST_PORT, LAST_PORT = 8000, 8099
LAST_UID = 65_533  # 65534 is nobody
_CLONE_NEWNS = 0x00020000


@dataclass(frozen=True)
class Machine:
    """A machine, as far as a room is concerned.

    Attributes:
        memory_mib: free for a room now, in MiB.
        cpus: processors that may be used.
        is_root: whether the room is opened with all rights.
        can_mount: whether a file system of the room's own can be made.
    """

    memory_mib: int
    cpus: float
    is_root: bool
    can_mount: bool

    def fits(self, seat_mib: int = SEAT_MIB) -> int:
        """Return how many seats fit."""
        memory = (self.memory_mib - ROOM_MIB - RESERVE_MIB) // seat_mib
        return max(0, int(min(memory, self.cpus * SEATS_PER_CPU)))


def this_machine() -> Machine:
    """Look at this machine.

    Raises:
        UserError: if it is no Linux: seats share memory by means that other systems do not have.
    """
    if not sys.platform.startswith("linux"):
        raise UserError(
            "A room needs Linux (a virtual machine or WSL 2 will do): the kit alone runs here by "
            "'secure-ai start'."
        )
    is_root = os.geteuid() == 0
    return Machine(free_memory(), usable_cpus(), is_root, is_root and can_mount())


def free_memory(proc: Path = Path("/proc"), control: Path = Path("/sys/fs/cgroup")) -> int:
    """Return the memory in MiB that can still be used, of the machine or, if less, of the container."""
    fields = {
        line.split(":")[0]: int(line.split()[1]) for line in (proc / "meminfo").read_text().splitlines()
    }
    free = fields.get("MemAvailable", fields["MemFree"]) >> 10
    for limit, used, file, cache in (
        ("memory.max", "memory.current", "memory.stat", "inactive_file"),
        (
            "memory/memory.limit_in_bytes",
            "memory/memory.usage_in_bytes",
            "memory/memory.stat",
            "inactive_file",
        ),
    ):
        with contextlib.suppress(OSError, ValueError):  # none, or "max"
            bound = int((control / limit).read_text())
            held = int((control / used).read_text())
            with contextlib.suppress(OSError, ValueError, KeyError):
                counts = dict(line.split() for line in (control / file).read_text().splitlines())
                held -= int(counts[cache])  # given back when it is needed
            free = min(free, max(0, bound - held) >> 20)
    return free


def usable_cpus(control: Path = Path("/sys/fs/cgroup")) -> float:
    """Return the processors that this process may keep busy."""
    count = float(len(os.sched_getaffinity(0)))
    with contextlib.suppress(OSError, ValueError):
        quota, period = (control / "cpu.max").read_text().split()
        count = min(count, int(quota) / int(period))
    with contextlib.suppress(OSError, ValueError):
        quota = int((control / "cpu" / "cpu.cfs_quota_us").read_text())
        period = int((control / "cpu" / "cpu.cfs_period_us").read_text())
        if quota > 0:
            count = min(count, quota / period)
    return count


def can_mount() -> bool:
    """Try, in a process of its own, whether a file system can be arranged for the room alone."""
    child = os.fork()
    if child == 0:
        try:
            system = ctypes.CDLL(None, use_errno=True)
            done = system.unshare(_CLONE_NEWNS) == 0
            done = done and system.mount(b"none", b"/", None, 0x4000 | 0x40000, None) == 0  # rec, private
            done = done and system.mount(b"tmpfs", b"/mnt", b"tmpfs", 0, b"size=4k") == 0
        except BaseException:
            done = False
        os._exit(0 if done else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def refuse_too_many(seats: int, machine: Machine, *, anyway: bool = False) -> str:
    """Return a sentence that says how many seats fit.

    Raises:
        UserError: if more are wanted, unless ``anyway``.
    """
    fits = machine.fits()
    facts = f"{machine.memory_mib / 1024:.1f} GiB of free memory and {machine.cpus:g} processors"
    if seats <= fits:
        return f"{fits} seats fit on this machine ({facts}); {seats} are wanted."
    if anyway:
        return f"Only {fits} seats fit on this machine ({facts}); {seats} open anyway, and may be slow."
    raise UserError(
        f"{fits} seats fit on this machine ({facts}), and the roster wants {seats}: shorten it, take a "
        "larger machine, or open them all with --anyway."
    )


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Return whether a server could listen on a port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except (OSError, OverflowError):
            return False
    return True


def choose_port(wanted: int | None, host: str) -> int:
    """Return the port where learners sign in.

    Raises:
        UserError: if ``wanted`` is no port or in use (with one that is free), or the address is not this
            machine's.
    """
    check_host(host)
    if wanted is not None and not 1 <= wanted <= 65_535:
        raise UserError(f"{wanted} is not a port: choose a number from 1024 to 65535.")
    if wanted is not None and is_free(wanted, host):
        return wanted
    free = next((port for port in range(FIRST_PORT, LAST_PORT + 1) if is_free(port, host)), None)
    if wanted is None and free is not None:
        return free
    hint = f"{free} is free" if free else "name another"
    if wanted is None:
        raise UserError(f"No port from {FIRST_PORT} to {LAST_PORT} is free: name one with --port.")
    raise UserError(f"Port {wanted} is in use or not allowed: {hint}, so take --port {free or 'NUMBER'}.")


def check_host(host: str) -> None:
    """Check that a server may listen on an address.

    Raises:
        UserError: if it is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        try:
            socket.inet_pton(family, host)
            probe.bind((host, 0))
        except (OSError, UnicodeError, ValueError):
            raise UserError(
                "--host is no address of this machine: take 0.0.0.0 for all of them, or 127.0.0.1 for this "
                "machine alone."
            ) from None


def free_inner_ports(count: int = 3) -> tuple[int, ...]:
    """Return ports of 127.0.0.1 that nobody uses, for what the hub's parts say to each other."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return tuple(probe.getsockname()[1] for probe in probes)
    finally:
        for probe in probes:
            probe.close()


def own_addresses() -> list[str]:
    """Return the addresses under which others reach this machine, the usual one first; nothing is sent."""
    found: list[str] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
        probe.connect(("192.0.2.1", 9))  # of the block for documentation: chooses a way, and sends nothing
        found.append(probe.getsockname()[0])
    with contextlib.suppress(OSError):
        found += [entry[4][0] for entry in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)]
    return [address for address in dict.fromkeys(found) if not address.startswith("127.")]


def free_numbers(count: int, proc: Path = Path("/proc")) -> int:
    """Return the first of ``count`` consecutive numbers of seats whose users no other open room has.

    Raises:
        UserError: if so many are not left.
    """
    taken = sorted(users_of_other_rooms(proc))
    first = 1
    for low, high in taken:
        if first + count - 1 < low - FIRST_UID:
            break
        first = max(first, high - FIRST_UID + 1)
    if FIRST_UID + first + count - 1 > LAST_UID:
        raise UserError("So many seats are open on this machine that no users are left: close another room.")
    return first


def users_of_other_rooms(proc: Path = Path("/proc"), but: str = "") -> set[tuple[int, int]]:
    """Return the first and last users of the seats of every open room, by its warm processes.

    Args:
        proc: where the system shows its processes.
        but: folder of a room that does not count.
    """
    found = set()
    for place, _, users in _warm(proc):
        with contextlib.suppress(ValueError):
            if not (but and place.startswith(f"{but}/")):
                first, _, last = users.partition("-")
                found.add((int(first), int(last or first)))
    return found


def groups_of_open_rooms(proc: Path = Path("/proc")) -> set[str]:
    """Return the names of the control groups of every open room, by its warm processes."""
    return {groups for _, groups, _ in _warm(proc) if groups}


def _warm(proc: Path) -> Iterator[tuple[str, str, str]]:
    """Yield the socket, control groups and users that each warm process of this machine was started with."""
    for entry in proc.iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError, ValueError, IndexError):
            words = (entry / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
            at = words.index("serve")
            if words[at - 1].endswith("warm.py"):
                yield words[at + 1], words[at + 3], words[at + 4]
