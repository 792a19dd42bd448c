"""What a terminal shows while a run works: the running section, how much is done, what time it may take."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Callable

from secure_ai.assess.run.told import Told

CLEAR = "\r\x1b[2K"
# Before that an estimate would jump about.
SECONDS_BEFORE_ESTIMATE = 2.0
SHARE_BEFORE_ESTIMATE = 0.02


class Live:
    """Finished lines, and below them on a terminal one that changes.

    Args:
        line: receives each finished line.
        terminal: whether to show the line that changes; if not given, where ``line`` is ``print`` and
            standard output is a terminal.
    """

    def __init__(self, line: Callable[[str], None], terminal: bool | None = None) -> None:
        self._line = line
        self._terminal = line is print and sys.stdout.isatty() if terminal is None else terminal
        self._lock = threading.Lock()
        self._section: tuple[str, int] | None = None
        self._since = 0.0
        self._shown = ""

    def line(self, text: str) -> None:
        """Show a finished line."""
        with self._lock:
            self._clear()
            self._line(text)

    def show(self, told: Told) -> None:
        """Show how far a section is."""
        if not self._terminal:
            return
        now = time.monotonic()
        if self._section != (told.section, told.number):
            self._section, self._since = (told.section, told.number), now
        self.status(status_of(told, now - self._since))

    def status(self, text: str) -> None:
        """Show a line that the next one replaces."""
        if not self._terminal:
            return
        with self._lock:
            width = shutil.get_terminal_size().columns - 1
            self._shown = text[:width]
            sys.stdout.write(CLEAR + self._shown)
            sys.stdout.flush()

    def close(self) -> None:
        """Take the changing line away."""
        with self._lock:
            self._clear()

    def _clear(self) -> None:
        if self._shown:
            sys.stdout.write(CLEAR)
            sys.stdout.flush()
            self._shown = ""


def status_of(told: Told, seconds: float) -> str:
    """Return a running section in one line: its place, what is being done, the share, the time that is left.

    Args:
        told: what the section told.
        seconds: since when it runs.
    """
    place = f"{told.number} of {told.of}, " if told.number else ""
    what = f": {' '.join(told.what.split())}" if told.what else ""
    share = "" if told.done is None else f", {told.done:.0%} done"
    left = ""
    if told.done and told.done > SHARE_BEFORE_ESTIMATE and seconds > SECONDS_BEFORE_ESTIMATE:
        left = f", about {words_for(seconds * (1 - told.done) / told.done)} left"
    return f"{place}{told.section}{what}{share}{left}"


def words_for(seconds: float) -> str:
    """Return a length of time in words, as ``40 s``, ``5 min`` or ``2 h 10 min``."""
    if seconds < 60:
        return f"{max(round(seconds), 1)} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
