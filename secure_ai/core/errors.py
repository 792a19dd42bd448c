"""The exception that means "your input, not our bug", and its case for work that does not fit into memory."""

from __future__ import annotations

import os


class UserError(Exception):
    """One sentence that a trainer can act on: what was wrong, where, what to do.

    The command line prints it and exits with code 2; a notebook cell shows it as text. It never
    carries a raw personal value: name the file, column and row instead.
    """

    def _render_traceback_(self) -> list[str]:
        # IPython asks for this: a notebook shows the sentence alone.
        return [str(self)]


class OutOfMemoryError(UserError):
    """The work does not fit into the memory that it was given; with more it may."""


def system_reason(error: OSError | ValueError) -> str:
    """Return why the operating system refused, in a phrase without a path: "no space left on device"."""
    number = getattr(error, "errno", None)
    if number:
        return os.strerror(number).lower()
    return "not a valid path" if isinstance(error, ValueError) else "unknown reason"
