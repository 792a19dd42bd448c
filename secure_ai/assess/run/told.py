"""What the kernel tells of a running section, through a file: shown by the parent, stored in no report."""

from __future__ import annotations

import contextlib
import json
import math
import os
import time
from dataclasses import asdict, dataclass

from secure_ai.assess.progress import Progress
from secure_ai.assess.run.work import PROGRESS, WorkFolder

SECONDS_BETWEEN = 0.2


@dataclass(frozen=True)
class Told:
    """How far a run is.

    Attributes:
        process: id of the process that works.
        section: title of the running section.
        number: its place among the sections that have something to assess, from 1.
        of: how many they are.
        what: what is being done.
        done: share of the section that is done; None where nobody knows.
    """

    process: int
    section: str
    number: int
    of: int
    what: str = ""
    done: float | None = None


def telling(work: WorkFolder | None, section: str, number: int, of: int) -> Progress:
    """Return a Progress that writes what it is told into the work folder, a few times a second at most."""
    if work is None:
        return Progress()
    last = [float("-inf")]

    def tell(what: str, done: float | None) -> None:
        now = time.monotonic()
        if now - last[0] < SECONDS_BETWEEN and done != 1:
            return
        last[0] = now
        share = None if done is None or math.isnan(done) else min(max(float(done), 0.0), 1.0)
        told = Told(os.getpid(), section, number, of, what, share)
        # A full disk is told where a result is written, not here.
        with contextlib.suppress(OSError):
            work.keep(PROGRESS, json.dumps(asdict(told)))

    tell("", None)
    return Progress(tell)


def last_told(work: WorkFolder) -> Told | None:
    """Return what was told last; None if nothing was."""
    try:
        return Told(**json.loads((work.path / PROGRESS).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
