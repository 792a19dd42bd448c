"""A process that reads a hostile file instead of us: limits, deadlines, no way to take us along."""

from __future__ import annotations

import builtins
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import secure_ai
from secure_ai.attack.supply_chain.channel import BrokenChannel, receive, send
from secure_ai.attack.supply_chain.guards import Guards, Limits
from secure_ai.core import UserError

ROOT = Path(secure_ai.__file__).resolve().parents[1]
START = (
    "import sys; sys.path.append(sys.argv[1]); from secure_ai.attack.supply_chain.child import main; main()"
)
SYSTEM_FOLDERS = ("/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", "/etc/localtime", "/proc", "/sys")
START_SECONDS = 120.0
# Errors of libraries whose names are passed on; the name of any other is chosen by the file, and may hold a
# value of the rows that it was asked about.
KNOWN_ERRORS = {
    "UserError", "NotFittedError", "LinAlgError", "UnpicklingError", "PicklingError", "BadZipFile",
    "InvalidIndexError", "DTypePromotionError", "AxisError", "Fail", "InvalidArgument", "InvalidGraph",
    "InvalidProtobuf", "NoModel", "NoSuchFile", "NotImplemented", "RuntimeException", "EPFail",
}  # fmt: skip


class ContainedError(UserError):
    """The contained process ended, did not answer in time, or sent what is no answer."""


class ContainedProcess:
    """A Python process of its own for one task, closed in before the task begins.

    It has an empty environment, an empty folder, and nothing of this process but two pipes. It ends with
    :meth:`close`, with this process, or when the object is forgotten.

    Args:
        task: ``module:function`` of this kit, run as ``function(questions, answers, arguments, content)``.
        arguments: for the task, as JSON.
        content: bytes for the task.
        limits: time, memory, size of files.
        processes: let it start programs, under the same guards.
        modules: folders with code that the file needs; it may read them.
        imports: modules that it imports before it is closed in.

    Attributes:
        guards: what is closed to it on this system.
        folder: the only folder in which it may write.

    Raises:
        ContainedError: if it does not start.
    """

    def __init__(
        self,
        task: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        content: bytes = b"",
        limits: Limits | None = None,
        processes: bool = False,
        modules: Sequence[str | Path] = (),
        imports: Sequence[str] = (),
    ) -> None:
        self.limits = limits or Limits()
        self.folder = Path(tempfile.mkdtemp(prefix="contained-"))
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-c", START, str(ROOT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=self.folder,
            env=_environment(self.folder),
            start_new_session=os.name == "posix",
        )
        self._ended = weakref.finalize(self, _end, self._process, self.folder)
        code = [str(Path(folder).resolve()) for folder in modules]
        job = {
            "task": task,
            "arguments": dict(arguments or {}),
            "limits": asdict(self.limits),
            "processes": processes,
            "modules": code,
            "imports": list(imports),
            "readable": [sys.prefix, sys.base_prefix, str(ROOT / "secure_ai"), *SYSTEM_FOLDERS, *code],
        }
        report, _ = self.ask(job, content, most=0, seconds=START_SECONDS, what="start")
        states = report.get("guards")
        self.guards = Guards.from_report(states if isinstance(states, dict) else {})

    def ask(
        self,
        header: Mapping[str, Any] | None,
        payload: bytes = b"",
        *,
        most: int,
        seconds: float | None = None,
        what: str = "answer",
    ) -> tuple[dict[str, Any], bytes]:
        """Send a message (None: only listen) and return the next one that comes.

        Args:
            header: JSON-ready.
            payload: raw bytes.
            most: bytes that the answer may have.
            seconds: to wait; the limit of the process if not given.
            what: it should do, for the sentence.

        Raises:
            ContainedError: if no answer comes in time, or none that is a message; the process is ended then.
        """
        if not self._ended.alive:
            raise ContainedError("The contained process has ended: load the file again.")
        wait = self.limits.seconds if seconds is None else seconds
        found: list[Any] = []

        def exchange() -> None:
            try:
                if header is not None:
                    send(self._process.stdin, header, payload)
                found.append(receive(self._process.stdout, most=most))
            except (BrokenChannel, OSError, ValueError) as error:
                found.append(error)

        # A thread, because a process that neither reads nor writes would hold this one for ever.
        worker = threading.Thread(target=exchange, daemon=True)
        worker.start()
        worker.join(wait)
        if worker.is_alive():
            self.close()
            raise ContainedError(f"It did not {what} within {wait:g} seconds and was ended.")
        answer = found[0]
        if isinstance(answer, Exception):
            self.close()
            raise ContainedError(f"It could not {what}: {self._end_reason(answer)}.")
        if "failed" in answer[0]:
            self.close()
            raise ContainedError(f"It could not {what} ({error_name(answer[0]['failed'])}).")
        return answer

    @property
    def alive(self) -> bool:
        """Whether it can still be asked."""
        return self._ended.alive

    def close(self) -> None:
        """End the process and everything that it started, and delete its folder."""
        self._ended()

    def __enter__(self) -> ContainedProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _end_reason(self, error: Exception) -> str:
        if isinstance(error, BrokenChannel) and str(error) != "ended":
            return f"it {error} and was ended"
        code = self._process.poll()
        if code is None or code == -signal.SIGTERM:
            return "it ended without a word"
        if code >= 0:
            return f"it ended by itself (code {code})"
        with contextlib.suppress(ValueError):
            name = signal.Signals(-code).name
            if name == "SIGXCPU":
                return "it used up its computing time"
            if name != "SIGKILL":
                return f"it crashed ({name})"
        return "it was ended by the system, as when a limit is reached"


def _environment(folder: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("SYSTEMROOT", "LANG", "LC_ALL") if name in os.environ}
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "LOKY_MAX_CPU_COUNT")
    places = dict.fromkeys(("HOME", "TMPDIR", "TEMP", "TMP", "MPLCONFIGDIR"), str(folder))
    return kept | places | dict.fromkeys(threads, "1") | {"PYTHONHASHSEED": "0", "PATH": "/usr/bin:/bin"}


def _end(process: subprocess.Popen, folder: Path) -> None:
    # Its whole group: the guards keep what it started from leaving the group.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if os.name == "posix" and process.returncode is None:
            # A moment to note how it ended by itself, which tells a crash from our own end.
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(5)
    for stream in (process.stdin, process.stdout):
        with contextlib.suppress(OSError, ValueError):
            stream.close()
    shutil.rmtree(folder, ignore_errors=True)


def error_name(claimed: Any) -> str:
    """Return the kind of an error that a contained process names, if it is a known one."""
    name = str(claimed)[:80]
    known = getattr(builtins, name, None)
    if name in KNOWN_ERRORS or (isinstance(known, type) and issubclass(known, BaseException)):
        return name
    return "an error of its own"
