"""Call a file by the parameter that named it: its own name may be that of a person."""

from __future__ import annotations

from pathlib import Path

from secure_ai.core import UserError
from secure_ai.core.sources import shown


def called_by(error: UserError, place: str, parameter: str) -> UserError:
    """Return an error about a file that says ``the file given as PARAMETER`` where it named the file."""
    name, words = shown(Path(place).name or place), f"file given as {parameter}"
    sentence = str(error).replace(f"file {name}", words).replace(name, f"the {words}")
    return UserError(sentence[:1].upper() + sentence[1:])
