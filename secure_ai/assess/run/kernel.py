"""Run the notebook in a kernel of its own, watch it, and say in one sentence how it ended if not well."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from secure_ai.assess.run.live import Live, words_for
from secure_ai.assess.run.told import Told, last_told
from secure_ai.assess.run.work import WorkFolder
from secure_ai.core import UserError

if TYPE_CHECKING:
    from nbformat import NotebookNode

DEFAULT_KERNEL = "python3"
START_SECONDS = 120
# A section that tells nothing for so long is stopped: no single step of any section takes as long.
PATIENCE_SECONDS = 3600.0
LOOK_SECONDS = 0.25
# The kernel's remarks on its own transport would stand between the lines of progress.
QUIET = ["--IPKernelApp.log_level=50"]


def check_kernel(name: str) -> None:
    """Refuse a kernel that is not installed.

    Raises:
        UserError: naming it.
    """
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        KernelSpecManager().get_kernel_spec(name)
    except NoSuchKernel:
        raise UserError(f"There is no Jupyter kernel '{name}': run 'secure-ai doctor'.") from None


def execute(
    notebook: Path,
    given: dict[str, Any],
    work: WorkFolder,
    live: Live,
    *,
    kernel_name: str = DEFAULT_KERNEL,
    patience: float = PATIENCE_SECONDS,
) -> NotebookNode:
    """Return the executed notebook.

    Args:
        notebook: which one.
        given: parameters to inject.
        work: folder in which the kernel tells how far it is.
        live: receives each finished line that a cell prints, and what is running.
        kernel_name: Jupyter kernel.
        patience: seconds after which a kernel that tells nothing is stopped.

    Raises:
        UserError: if a cell fails, the kernel dies, or it is stopped because it tells nothing.
    """
    import papermill
    from papermill.exceptions import PapermillExecutionError

    logging.getLogger("papermill").setLevel(logging.ERROR)
    lines = _Lines(live)
    with _watched(work, live, lines, patience) as watch:
        try:
            return papermill.execute_notebook(
                str(notebook),
                None,
                parameters=given,
                kernel_name=kernel_name,
                progress_bar=False,
                log_output=False,
                stdout_file=lines,
                start_timeout=START_SECONDS,
                extra_arguments=QUIET if kernel_name == DEFAULT_KERNEL else [],
            )
        except PapermillExecutionError as error:
            if error.ename == "UserError":
                raise UserError(str(error.evalue)) from None
            # The message of any other error may quote a value of the table.
            raise UserError(
                f"The assessment stopped in cell {error.exec_count} of {notebook.name} ({error.ename}) and "
                "no report was written: run the notebook in JupyterLab with the same parameters to see where."
            ) from None
        except (RuntimeError, OSError) as error:
            told = last_told(work)
            if watch.stalled:
                raise UserError(
                    f"The section '{watch.stalled}' told nothing for {words_for(patience)} and was stopped; "
                    "no report was written: see whether its input answers."
                ) from None
            if told is not None:
                raise UserError(
                    f"The notebook's kernel ended by itself in the section '{told.section}' and no report "
                    "was written: mostly memory ran out, so close other programs, or give fewer rows."
                ) from None
            raise UserError(
                f"The notebook's kernel '{kernel_name}' could not run ({type(error).__name__}) and no report "
                "was written: run 'secure-ai doctor'."
            ) from None


class _Lines:
    """Pass each finished line that a cell prints on."""

    def __init__(self, live: Live) -> None:
        self.live = live
        self.rest = ""
        self.count = 0

    def write(self, text: str) -> None:
        *lines, self.rest = (self.rest + text).split("\n")
        self.count += len(lines)
        for line in lines:
            self.live.line(line)

    def flush(self) -> None:
        """Do nothing: lines are passed on as they end."""


class _Watch:
    """Look after a kernel: show what it tells, stop it when it tells nothing."""

    def __init__(self, work: WorkFolder, live: Live, lines: _Lines, patience: float) -> None:
        self.work, self.live, self.lines, self.patience = work, live, lines, patience
        self.over = threading.Event()
        self.stalled = ""

    def run(self) -> None:
        last: tuple[Told | None, int] = (None, -1)
        since = time.monotonic()
        while not self.over.wait(LOOK_SECONDS):
            told = last_told(self.work)
            if told is not None:
                self.live.show(told)
            now = (told, self.lines.count)
            if now != last:
                last, since = now, time.monotonic()
            elif told is not None and time.monotonic() - since > self.patience and not self.stalled:
                self.stalled = told.section
                end_process(told.process)


@contextlib.contextmanager
def _watched(work: WorkFolder, live: Live, lines: _Lines, patience: float) -> Iterator[_Watch]:
    watch = _Watch(work, live, lines, patience)
    thread = threading.Thread(target=watch.run, name="assessment-watch", daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        watch.over.set()
        thread.join()
        live.close()


def end_process(process: int) -> None:
    """End a process at once, and its group where it leads one."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg") and os.getpgid(process) == process:
            os.killpg(process, signal.SIGKILL)
        else:
            os.kill(process, getattr(signal, "SIGKILL", signal.SIGTERM))
