"""What lessons say in words: long sentences in short lines, and what came of a call that may be refused."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

from secure_ai.core.errors import UserError

WIDTH = 100


def say(text: str) -> None:
    """Print ``text`` in lines that fit beside a notebook's margin; its own line ends stay."""
    for line in text.splitlines():
        print(textwrap.fill(line, WIDTH))


def outcome(call: Callable[..., object], *arguments: Any, **named: Any) -> str:
    """Call ``call`` with what follows it, and say "opens", or "refused: ..." with the kit's own sentence.

    Errors of any other kind are not refusals, and pass.
    """
    try:
        call(*arguments, **named)
    except UserError as error:
        return f"refused: {error}"
    return "opens"
