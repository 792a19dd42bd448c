"""Where the checkout is: notebooks, labs and solutions stand beside the package, not inside it."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

from secure_ai.core.errors import UserError


def find_root(start: Path | None = None) -> Path | None:
    """Return the nearest folder at or above ``start`` (the current one) that holds the kit, or None."""
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        try:
            with (folder / "pyproject.toml").open("rb") as file:
                if tomllib.load(file).get("project", {}).get("name") == "secure-ai":
                    return folder
        except (OSError, ValueError):
            continue
    return None


def project_root(start: Path | None = None) -> Path:
    """Return the folder of the kit: the one around ``start`` (here by default), else around the package.

    Raises:
        UserError: if neither lies inside a checkout of the kit.
    """
    root = find_root(start) or find_root(Path(__file__).parent)
    if root is None:
        raise UserError(
            "The kit's notebooks are not here: run the command in the folder that holds notebooks/ and labs/."
        )
    return root


def in_seat() -> bool:
    """Return whether this runs in a seat of a workshop: the kit is the room's, the home the learner's."""
    return bool(os.environ.get("SECURE_AI_BOARD"))


def work_folder() -> Path:
    """Return the folder with what a learner reads, works in and makes: the kit, or the home of a seat.

    Raises:
        UserError: if this is no seat and there is no kit.
    """
    return Path.home() if in_seat() else project_root()
