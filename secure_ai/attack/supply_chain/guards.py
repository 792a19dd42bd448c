"""What a contained process may no longer do: no network, other files or processes; bounds.

Each guard is entered by the process itself before it reads anything hostile, and cannot be left again. Which
ones the system has, differs: :class:`Guards` says what is closed and what stayed open, and why.

Source: Linux man-pages landlock(7), seccomp(2), getrlimit(2).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from secure_ai.core import UserError

CLOSED = "closed"
MEBIBYTE = 1 << 20


@dataclass(frozen=True)
class Limits:
    """What a contained process may use.

    Attributes:
        seconds: for one answer, by the clock on the wall.
        cpu_seconds: of computing in its whole life.
        memory_mib: address space.
        file_mib: the largest file that it may write, in a folder of its own.
    """

    seconds: float = 60.0
    cpu_seconds: int = 3600
    memory_mib: int = 4096
    file_mib: int = 64

    def __post_init__(self) -> None:
        if min(self.seconds, self.cpu_seconds, self.memory_mib, self.file_mib) <= 0:
            raise UserError("Every limit of a contained process is a number above 0.")


@dataclass(frozen=True)
class Guards:
    """What is closed to a contained process: each ``"closed"``, or why it is open.

    Attributes:
        network: connections to anywhere.
        files: writing outside a folder of its own, and reading outside the Python installation.
        processes: starting other programs, and touching those that run.
        resources: memory, computing time and size of files without bound.
    """

    network: str
    files: str
    processes: str
    resources: str

    @classmethod
    def from_report(cls, report: Mapping[str, Any]) -> Guards:
        """Take what the process said of itself, before it read anything; what it left out is open."""
        return cls(**{name: str(report.get(name, "not reported"))[:120] for name in cls.__dataclass_fields__})

    def open(self) -> dict[str, str]:
        """Return what is not closed, and why."""
        return {name: state for name, state in asdict(self).items() if state != CLOSED}

    def sentence(self) -> str:
        """Say what is closed, and what is not and why."""
        left = self.open()
        closed = [name for name in asdict(self) if name not in left]
        text = f"Closed to it: {', '.join(closed) or 'nothing'}"
        if left:
            text += "; open: " + ", ".join(f"{name} ({reason})" for name, reason in left.items())
        return text + "."


def enter_guards(
    limits: Mapping[str, Any], readable: Sequence[str], writable: str, *, processes: bool
) -> dict[str, str]:
    """Close what can be closed to this very process, for good; return the state of each guard.

    Args:
        limits: the fields of :class:`Limits`.
        readable: files and folders that may be read.
        writable: the folder that may be written.
        processes: let it start programs, which are bound by the same guards.
    """
    from secure_ai.attack.supply_chain import landlock, seccomp

    resources = _limit_resources(limits)
    if sys.platform != "linux":
        reason = f"this system ({sys.platform}) has no guard that this kit knows"
        return {"network": reason, "files": reason, "processes": reason, "resources": resources}
    # Landlock needs the folders still to be opened, so the filter of system calls comes last.
    files = landlock.confine_files([path for path in readable if Path(path).exists()], writable)
    calls = seccomp.refuse_calls(processes=processes)
    started = "allowed for this run" if processes and calls == CLOSED else calls
    return {"network": calls, "files": files, "processes": started, "resources": resources}


def _limit_resources(limits: Mapping[str, Any]) -> str:
    try:
        import resource
    except ImportError:
        return f"this system ({sys.platform}) has no limits of resources"
    wanted = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_CPU: int(limits["cpu_seconds"]),
        resource.RLIMIT_FSIZE: int(limits["file_mib"]) * MEBIBYTE,
        resource.RLIMIT_NOFILE: 256,
        resource.RLIMIT_AS: int(limits["memory_mib"]) * MEBIBYTE,
    }
    for kind, most in wanted.items():
        hard = resource.getrlimit(kind)[1]
        bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
        try:
            resource.setrlimit(kind, (bound, bound))
        except (OSError, ValueError):
            return "the system refused a limit"
    return CLOSED
