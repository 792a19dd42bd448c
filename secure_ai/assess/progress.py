"""How far a long step is: told while it runs, never part of what is stored."""

from __future__ import annotations

from collections.abc import Callable

Tell = Callable[[str, float | None], None]


class Progress:
    """What a section calls while it works.

    Args:
        tell: receives a sentence and the share that is done (None where nobody knows).
    """

    def __init__(self, tell: Tell | None = None) -> None:
        self._tell = tell

    def __call__(self, what: str, done: float | None = None) -> None:
        """Say what is being done, and which share of the section is done."""
        if self._tell is not None:
            self._tell(what, done)
