"""Which path a learner has chosen, in a small file beside the progress: a path and a sector, no names."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from secure_ai.core.errors import UserError
from secure_ai.core.outputs import atomic_file
from secure_ai.learn import progress
from secure_ai.learn.map import find_role

FILE = "learning.json"
VERSION = 1
SECTORS = ("healthcare", "finance")


@dataclass(frozen=True)
class ChosenPath:
    """What ``secure-ai start --path`` has remembered.

    Attributes:
        path: one of ``map.ROLES``.
        sector: ``healthcare``, ``finance``, or empty.
    """

    path: str
    sector: str = ""


def remember(path: str, sector: str = "") -> ChosenPath:
    """Keep the path that a learner has chosen, in place of an earlier one.

    Raises:
        UserError: if there is no such path or sector, or the file cannot be written.
    """
    chosen = ChosenPath(find_role(path).name, _sector(sector))
    with atomic_file(_file()) as draft:
        content = {"version": VERSION, "path": chosen.path, "sector": chosen.sector}
        draft.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return chosen


def remembered() -> ChosenPath | None:
    """Return the path that was chosen last, or None if none was.

    Raises:
        UserError: if what is kept cannot be used.
    """
    try:
        with _file().open(encoding="utf-8") as file:
            kept = json.loads(file.read(10_000))
        if kept["version"] != VERSION:
            raise ValueError("of another version")
        return ChosenPath(find_role(kept["path"]).name, _sector(kept["sector"]))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, LookupError, TypeError, RecursionError, UserError):
        raise UserError(
            "The path that was chosen cannot be read: choose again with 'secure-ai start --path ROLE'."
        ) from None


def _sector(sector: str) -> str:
    if sector and sector not in SECTORS:
        raise UserError(f"There is no such sector: choose from {', '.join(SECTORS)}.")
    return sector


def _file() -> Path:
    return progress.local_folder() / FILE
