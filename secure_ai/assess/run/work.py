"""The folder beside an assessment in which a run keeps what it has finished, until the report is there."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from secure_ai.core import UserError
from secure_ai.core.errors import system_reason

STATE = "run.json"
LOCK = "lock"
CHECKPOINTS = "sections"
PROGRESS = "progress.json"
OLD = "old"
PRIVATE = 0o700


class WorkFolder:
    """A private folder that one run at a time uses.

    Attributes:
        path: the folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def beside(cls, out: Path) -> WorkFolder:
        """Return the work folder of the assessment whose folder is ``out``."""
        return cls(out.parent / f".{out.name}.work")

    @property
    def finished(self) -> int:
        """Number of sections that are kept."""
        try:
            return sum(path.suffix == ".json" for path in (self.path / CHECKPOINTS).iterdir())
        except OSError:
            return 0

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Make the folder if it is not there, and keep other runs out of it.

        The lock belongs to the process: the system gives it back when the process dies, however it dies.

        Raises:
            UserError: if another run is using it, or it cannot be made.
        """
        import filelock

        for _ in range(10):
            self.make()
            lock = filelock.FileLock(self.path / LOCK, timeout=0, mode=0o600)
            try:
                lock.acquire()
            except filelock.Timeout:
                raise UserError(
                    "Another assessment is writing to this output folder: wait for it or choose another "
                    "--out."
                ) from None
            except OSError as error:
                raise _refused(error) from None
            # Between the two the run that held it may have removed the folder: then the lock is of no file.
            if (self.path / LOCK).exists():
                break
            lock.release()
        try:
            yield
        finally:
            # Stopped before the run had begun: nothing is kept, and the folder is this run's.
            if [entry.name for entry in self._entries()] == [LOCK]:
                self.remove()
            lock.release()

    def make(self) -> None:
        """Make the folder, for nobody else to read.

        Raises:
            UserError: if it cannot be made.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if self.path.is_symlink():
                raise UserError(
                    "The folder in which a run keeps its finished sections is a link: remove it "
                    "(its name is that of the output folder, with a dot before and .work behind)."
                )
            self.path.mkdir(mode=PRIVATE, exist_ok=True)
            self.path.chmod(PRIVATE)
        except (OSError, ValueError) as error:
            raise _refused(error) from None

    def discard(self) -> None:
        """Remove everything that is kept but the lock."""
        for entry in self._entries():
            if entry.name != LOCK:
                _remove(entry)

    def tidy(self) -> None:
        """Remove what a killed run left half-written; its finished sections stay."""
        for entry in self._entries():
            if entry.name not in {LOCK, STATE, CHECKPOINTS}:
                _remove(entry)

    def publish(self, draft: Path, target: Path) -> None:
        """Put the folder ``draft`` of this folder in the place of ``target``, by renaming."""
        if target.exists():
            target.rename(self.path / OLD)
        draft.rename(target)

    def recover(self, target: Path) -> None:
        """Put the earlier report back, if a run was killed after it had moved it away."""
        if (self.path / OLD).is_dir() and not target.exists():
            (self.path / OLD).rename(target)

    def remove(self) -> None:
        """Remove the folder."""
        for _ in range(5):  # the kernel of a killed run may still write its last file
            shutil.rmtree(self.path, ignore_errors=True)
            if not self.path.exists():
                return

    def state(self) -> dict[str, Any]:
        """Return what the runs in this folder share: ``token``, ``date``, ``checked``; made if not there."""
        try:
            found = json.loads((self.path / STATE).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            found = None
        if not isinstance(found, dict) or not isinstance(found.get("token"), str):
            found = {"token": secrets.token_hex(16)}
            self.keep(STATE, json.dumps(found))
        return found

    def update(self, **values: Any) -> None:
        """Add values to the state."""
        self.keep(STATE, json.dumps(self.state() | values))

    def close(self) -> None:
        """End the run: what rests on something that changes by itself is not read again by the next one."""
        (self.path / STATE).unlink(missing_ok=True)

    def keep(self, name: str, text: str) -> None:
        """Write a file of this folder, whole or not at all."""
        target = self.path / name
        target.parent.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        draft = target.with_name(f".{target.name}.{os.getpid()}.{secrets.token_hex(4)}")
        try:
            draft.write_text(text, encoding="utf-8")
            if target.is_dir() and not target.is_symlink():
                _remove(target)  # no run makes one there, and a file cannot take its place
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)

    def _entries(self) -> list[Path]:
        try:
            return list(self.path.iterdir())
        except OSError:
            return []


def _refused(error: OSError | ValueError) -> UserError:
    return UserError(
        f"The folder of the run cannot be written ({system_reason(error)}): choose an output place that you "
        "may write to."
    )


def _remove(entry: Path) -> None:
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry, ignore_errors=True)
    else:
        entry.unlink(missing_ok=True)
