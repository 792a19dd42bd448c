"""Participants as processes that each load their own libraries: where none can be forked (Windows)."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress

MODULE = "secure_ai.defend.federated.transport"


class SeparateProcesses:
    """As :class:`~secure_ai.defend.federated.transport.processes.LocalProcesses`, one interpreter for each.

    Attributes:
        names: of the participants.
    """

    def __init__(self, commands: Mapping[str, Sequence[str]], rows: Mapping[str, bytes]) -> None:
        self.names = tuple(commands)
        self._lines: dict[str, str] = {}
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self._running = {
            name: subprocess.Popen(
                [sys.executable, "-m", MODULE, *command, "--rows", "-"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=environment,
            )
            for name, command in commands.items()
        }
        self._threads = {
            name: threading.Thread(target=self._talk, args=(name, rows[name]), daemon=True)
            for name in self.names
        }
        for thread in self._threads.values():
            thread.start()

    def kill(self, name: str) -> None:
        """End a participant without a word, as when its machine loses power."""
        self._running[name].kill()
        self._running[name].wait()

    def said(self, seconds: float = 10.0) -> dict[str, str]:
        """Return what each participant printed, once it has ended; those that still run say nothing."""
        for thread in self._threads.values():
            thread.join(seconds)
        return {name: self._lines[name] for name in self.names if name in self._lines}

    def end(self) -> None:
        """Give the processes a moment to end by themselves, then end them."""
        for process in self._running.values():
            try:
                process.wait(0.5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for thread in self._threads.values():
            thread.join(2)

    def _talk(self, name: str, rows: bytes) -> None:
        process = self._running[name]
        with suppress(OSError, ValueError):
            said, _ = process.communicate(rows)
            self._lines[name] = said.decode(errors="replace").strip()
