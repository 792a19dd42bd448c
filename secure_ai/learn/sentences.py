"""What lessons say in words: long sentences in short lines, and what came of a call that may be refused."""

from __future__ import annotations

import textwrap
from collections.abc import Callable

from secure_ai.core.errors import UserError

WIDTH = 100


def say(text: str) -> None:
    """Print ``text`` in lines that fit beside a notebook's margin; its own line ends stay."""
    for line in text.splitlines():
        print(textwrap.fill(line, WIDTH))


def outcome(call: Callable[[], object], done: str = "opens") -> str:
    """Return ``done`` if ``call`` succeeds, and "refused: ..." with the kit's own sentence if it does not.

    Errors of any other kind are not refusals, and pass.
    """
    try:
        call()
    except UserError as error:
        return f"refused: {error}"
    return done
