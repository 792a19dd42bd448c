"""Watches a piece of work: every file that it leaves or removes, and all that it logs, prints or raises."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path

import pytest

from .planted import Canaries, Found

SEARCHED_BEFORE_REMOVAL = 64 << 20


@dataclass
class Watch:
    """A place of its own for a piece of work, and what is seen of it.

    Attributes:
        canaries: what must not be seen; a test adds what comes into being meanwhile.
        here: the searched folder; it holds ``home``, ``tmp`` and ``work`` (the current folder).
        inputs: beside it and not searched: where plaintext comes from, and where a reader who may read it
            puts it.
        stack: what is to be closed at the end.
        look_at_removals: whether files are searched before they are removed.
    """

    canaries: Canaries
    here: Path
    inputs: Path
    stack: ExitStack
    capture: pytest.CaptureFixture
    said: list[tuple[str, str]] = field(default_factory=list)
    removed: list[Found] = field(default_factory=list)
    look_at_removals: bool = True
    warned: list[warnings.WarningMessage] = field(default_factory=list)

    @property
    def work(self) -> Path:
        """The current folder."""
        return self.here / "work"

    def found(self, leave_out: Iterable[Path] = ()) -> list[Found]:
        """Search everything: the folder as it is, what was removed from it, and what was said."""
        self.said += [("warning", str(one.message)) for one in self.warned]
        self.said += [("output", text) for text in self.capture.readouterr()]
        said = [one for where, text in self.said for one in self.canaries.in_text(text, where)]
        return [*self.canaries.in_folder(self.here, leave_out), *self.removed, *said]

    def say(self, where: str, *things: object) -> None:
        """Add what a notebook or a caller would show: text and both forms of an object."""
        for thing in things:
            self.said.append((where, str(thing)))
            self.said.append((where, repr(thing)))

    def raised(self, error: BaseException | None) -> None:
        """Add an error as Python, a notebook and an error reporter show it, with the chain that they follow.

        What ``raise ... from None`` cut off is left out, as are the variables of the frames: both are there
        for a debugger only, which can see the whole memory.
        """
        self.said.append(("traceback", "".join(traceback.format_exception(error))))
        self.say("error", error)
        if hasattr(error, "_render_traceback_"):
            self.say("notebook", "\n".join(error._render_traceback_()))
        while error is not None:
            self.say("chain", error, error.args)
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)

    def files(self) -> dict[str, tuple[int, int]]:
        """Every file and folder with its size and time, to see what work leaves behind."""
        everything = {}
        for path in self.here.rglob("*"):
            stat = path.lstat()
            everything[path.relative_to(self.here).as_posix()] = (
                (0, 0) if path.is_dir() else (stat.st_size, stat.st_mtime_ns)
            )
        return everything


class _Kept(logging.Handler):
    def __init__(self, watch: Watch) -> None:
        super().__init__(logging.DEBUG)
        self.watch = watch

    def emit(self, record: logging.LogRecord) -> None:
        text = f"{record.getMessage()} {record.args!r} {record.__dict__.get('data', '')!r}"
        if record.exc_info:
            text += "".join(traceback.format_exception(*record.exc_info))
        self.watch.said.append((f"log of {record.name}", text))


@contextmanager
def watching(canaries: Canaries, capture: pytest.CaptureFixture) -> Iterator[Watch]:
    """Give a :class:`Watch`; home, temporary and current folder, logs and warnings are its own meanwhile."""
    # Not pytest's folder: PostgreSQL's socket needs a short path that its own account can enter.
    base = Path(tempfile.mkdtemp(prefix="canaries-", dir="/tmp" if os.name == "posix" else None)).resolve()
    base.chmod(0o711)
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        stack.callback(shutil.rmtree, base, ignore_errors=True)
        watch = Watch(canaries, base / "here", base / "inputs", stack, capture)
        for name in ("home", "tmp", "work"):
            (watch.here / name).mkdir(parents=True)
            (watch.here / name).chmod(0o711)
        watch.here.chmod(0o711)
        watch.inputs.mkdir(mode=0o700)
        _move_in(watch, patch)
        _see_removals(watch, patch)
        stack.enter_context(_listen(watch))
        yield watch


def _move_in(watch: Watch, patch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "USERPROFILE", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        patch.setenv(name, str(watch.here / "home"))
    for name in ("TMPDIR", "TEMP", "TMP"):
        patch.setenv(name, str(watch.here / "tmp"))
    patch.setattr(tempfile, "tempdir", None)
    patch.chdir(watch.work)


def _see_removals(watch: Watch, patch: pytest.MonkeyPatch) -> None:
    """Search each file under the watched folder before Python removes it, drafts and spills included."""

    def look(path: object, dir_fd: int | None) -> None:
        if dir_fd is not None or isinstance(path, int) or not watch.look_at_removals:
            return
        file = Path(os.fsdecode(path)).absolute()  # type: ignore[arg-type]
        if not file.is_relative_to(watch.here) or not file.exists():
            return
        files = [one for one in file.rglob("*") if one.is_file()] if file.is_dir() else [file]
        for one in files:
            if one.stat().st_size <= SEARCHED_BEFORE_REMOVAL:
                where = f"removed {one.relative_to(watch.here)}"
                watch.removed += watch.canaries.in_bytes(one.read_bytes(), where)

    def seen(original: Callable) -> Callable:
        @wraps(original)
        def remove(path, *arguments, **options):
            look(path, options.get("dir_fd"))
            return original(path, *arguments, **options)

        return remove

    for module, name in ((os, "unlink"), (os, "remove"), (shutil, "rmtree")):
        patch.setattr(module, name, seen(getattr(module, name)))


@contextmanager
def _listen(watch: Watch) -> Iterator[None]:
    """Take every log at its most verbose, third parties' included, and every warning."""
    handler, root = _Kept(watch), logging.getLogger()
    loggers = [one for one in root.manager.loggerDict.values() if isinstance(one, logging.Logger)]
    before = {one: (one.level, one.disabled, one.propagate) for one in [root, *loggers]}
    for one in before:
        one.setLevel(logging.DEBUG)
        one.disabled = False
        one.propagate = True
    root.addHandler(handler)
    switch, logging.root.manager.disable = logging.root.manager.disable, 0
    try:
        with warnings.catch_warnings(record=True) as caught, _ldap_says_all():
            warnings.simplefilter("always")
            watch.warned = caught
            yield
    finally:
        logging.root.manager.disable = switch
        root.removeHandler(handler)
        for one, (level, disabled, propagate) in before.items():
            one.setLevel(level)
            one.disabled, one.propagate = disabled, propagate


@contextmanager
def _ldap_says_all() -> Iterator[None]:
    from ldap3.utils import log

    before = log.get_library_log_detail_level()
    log.set_library_log_activation_level(logging.DEBUG)
    log.set_library_log_detail_level(log.EXTENDED)
    try:
        yield
    finally:
        log.set_library_log_detail_level(before)
