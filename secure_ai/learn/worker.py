"""Runs a call in a thread of its own: stopped when its time is up, and without output."""

from __future__ import annotations

import contextlib
import contextvars
import ctypes
import functools
import io
import math
import operator
import os
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

LIMIT_SECONDS = 2.0
# The rest of the limit is for stopping the code and for the thread to end.
WORK_SHARE = 0.85
# Code that waits outside Python cannot be stopped: it is left behind, and stopped when it returns.
REAPER_SECONDS = 60.0
REAPER_PAUSE = 0.0005


class Late(Exception):
    """The call did not finish in time."""


class TimeLimit(BaseException):
    """Raised inside the learner's code when its time is up."""


class DoubleTimeLimit(TimeLimit):
    """The same, followed at once by another.

    A loop that swallows every exception (``while True: try: ... except: pass``) ends when it is hit
    again in its handler. So making this one sleeps for a moment, in C code where none is delivered,
    and meanwhile the next gets ready. Where a single hit between two rounds ends the loop, the other
    kind does it: both take turns.
    """

    __init__ = staticmethod(functools.partial(time.sleep, 0.001))  # type: ignore[assignment]


# Its own generator: a check leaves the learner's random state alone.
_turns = random.Random()
_switch_lock = threading.Lock()
_switch_users: list[float] = []


@contextlib.contextmanager
def _frequent_switches() -> Iterator[None]:
    """Let Python switch threads often; the first user's setting comes back when the last one leaves."""
    with _switch_lock:
        _switch_users.append(_switch_users[0] if _switch_users else sys.getswitchinterval())
        sys.setswitchinterval(1e-5)
    try:
        yield
    finally:
        with _switch_lock:
            before = _switch_users.pop()
            if not _switch_users:
                sys.setswitchinterval(before)


class _Job:
    """One call in a thread of its own, which can be told to stop."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self.call = call
        self.value: Any = None
        self.go = threading.Event()
        self.finishing = False
        self.finished = threading.Event()
        self._lock = threading.Lock()
        context = contextvars.copy_context()
        self.thread = threading.Thread(target=context.run, args=(self._run,), daemon=True, name="check")

    def _run(self) -> None:
        # Once `finishing` is set, one stop may be on its way up and one more still to come.
        try:
            try:
                try:
                    self.go.wait()
                    self.value = self.call()
                finally:
                    self.finishing = True
                self._end()
            except BaseException:
                self._end()
        except BaseException:
            self._end()

    def _end(self) -> None:
        with self._lock:
            self.finished.set()

    def stop(self, kind: type[TimeLimit] = TimeLimit) -> None:
        """Raise ``kind`` in the thread, unless it is done with its call."""
        with self._lock:
            if not (self.finishing or self.finished.is_set()) and self.thread.ident is not None:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(
                    ctypes.c_ulong(self.thread.ident), ctypes.py_object(kind)
                )

    def stop_until(self, deadline: float, pause: float) -> bool:
        """Stop again and again until the thread ends or ``deadline`` (monotonic) has passed."""
        with tripwires(self) as lay:
            if lay is not None:
                while not self.finished.is_set() and time.monotonic() < deadline:
                    lay()
                    self.finished.wait(max(pause, 0.001))
                return self.finished.is_set()
        with _frequent_switches():
            while not self.finished.is_set() and time.monotonic() < deadline:
                self.stop(_turns.choice((TimeLimit, DoubleTimeLimit)))
                time.sleep(pause)
        return self.finished.is_set()


@contextlib.contextmanager
def tripwires(job: _Job) -> Iterator[Callable[[], None] | None]:
    """Give a function that makes every next line and jump of the code that ``job`` is in raise TimeLimit.

    A handler is made of lines too, so that code which swallows every exception ends as surely as other
    code. Exceptions sent from another thread, many in a row, do not end it on Python 3.12, and can crash
    the process there. Gives None before Python 3.12, and where debuggers hold every tool number.
    """
    monitoring = getattr(sys, "monitoring", None)
    tool = _free_tool(monitoring) if monitoring is not None else None
    if monitoring is None or tool is None:
        yield None
        return
    codes: set[Any] = set()

    def trip(*_: Any) -> None:
        if threading.get_ident() == job.thread.ident and not job.finishing:
            raise TimeLimit

    events = monitoring.events
    kinds = (events.LINE, events.JUMP, events.PY_START, events.PY_RESUME)

    def lay() -> None:
        frame = sys._current_frames().get(job.thread.ident or 0)
        while frame is not None and frame.f_code is not _Job._run.__code__:
            if frame.f_code not in codes:
                codes.add(frame.f_code)
                monitoring.set_local_events(tool, frame.f_code, functools.reduce(operator.or_, kinds))
            frame = frame.f_back

    for kind in kinds:
        monitoring.register_callback(tool, kind, trip)
    try:
        yield lay
    finally:
        for code in codes:
            monitoring.set_local_events(tool, code, 0)
        for kind in kinds:
            monitoring.register_callback(tool, kind, None)
        monitoring.free_tool_id(tool)


def _free_tool(monitoring: Any) -> int | None:
    for tool in (4, 3, 5, 2, 1, 0):
        with contextlib.suppress(ValueError):
            monitoring.use_tool_id(tool, "secure-ai check")
            return tool
    return None


class _Muted(io.TextIOBase):
    """A standard stream that drops what the muted threads write and passes on the rest."""

    def __init__(self, real: Any) -> None:
        self.real = real
        self.threads: set[int | None] = set()

    def write(self, text: str) -> int:
        return len(text) if threading.get_ident() in self.threads else self.real.write(text)

    def flush(self) -> None:
        if threading.get_ident() not in self.threads:
            self.real.flush()

    def close(self) -> None:
        """Leave the real stream alone: it belongs to others, and may be gone when this one is freed."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


_stream_lock = threading.Lock()
# Kept for good: `print` holds no reference of its own to sys.stdout while it writes (CPython before 3.14),
# so that freeing a replaced stream under another thread's print crashes the process.
_streams: list[_Muted] = []


def _mute(thread: int | None) -> dict[str, _Muted]:
    """Drop what ``thread`` prints from now on, and return the streams for :func:`_unmute`."""
    muted = {}
    with _stream_lock:
        for name in ("stdout", "stderr"):
            current = getattr(sys, name)
            stream = next((item for item in _streams if current in (item, item.real)), None)
            if stream is None:
                stream = _Muted(current)
                _streams.append(stream)
            stream.threads.add(thread)
            setattr(sys, name, stream)
            muted[name] = stream
    return muted


def _unmute(thread: int | None, muted: dict[str, _Muted]) -> None:
    with _stream_lock:
        for name, stream in muted.items():
            stream.threads.discard(thread)
            if not stream.threads and getattr(sys, name) is stream:
                setattr(sys, name, stream.real)


def drop_displays() -> None:
    """Drop what the learner's code displays in this thread (IPython keeps these hooks per thread)."""
    if "IPython" in sys.modules:
        shell = sys.modules["IPython"].get_ipython()
        register = getattr(getattr(shell, "display_pub", None), "register_hook", None)
        if register is not None:
            register(lambda message: None)


def time_limit(seconds: float | None) -> float:
    """Return the limit of a check in seconds: the argument, the environment's, or two."""
    if seconds is None:
        with contextlib.suppress(ValueError):
            seconds = float(os.environ.get("SECURE_AI_CHECK_SECONDS", ""))
    return seconds if seconds is not None and 0 < seconds < math.inf else LIMIT_SECONDS


def run(call: Callable[[], Any], limit: float) -> Any:
    """Return what ``call`` returns, or None if it raised.

    Raises:
        Late: if it did not finish within ``limit`` seconds.
        KeyboardInterrupt: if the kernel was interrupted meanwhile; the call is stopped then, too.
    """
    deadline = time.monotonic() + limit
    job = _Job(call)
    job.thread.start()
    muted = _mute(job.thread.ident)
    job.go.set()
    try:
        finished = job.finished.wait(limit * WORK_SHARE)
    except KeyboardInterrupt:
        _stop(job, deadline, muted)
        raise
    if not finished:
        _stop(job, deadline, muted)
        raise Late
    _unmute(job.thread.ident, muted)
    return job.value


def _stop(job: _Job, deadline: float, muted: dict[str, _Muted]) -> None:
    """Stop ``job`` by ``deadline``, or leave it behind for a thread that stops it later."""

    def reap() -> None:
        if job.stop_until(time.monotonic() + REAPER_SECONDS, REAPER_PAUSE):
            _unmute(job.thread.ident, muted)

    if job.stop_until(deadline, pause=0):
        _unmute(job.thread.ident, muted)
    else:
        threading.Thread(target=reap, daemon=True, name="check-reaper").start()
