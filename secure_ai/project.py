"""Where the checkout is: notebooks, labs and solutions stand beside the package, not inside it."""

from __future__ import annotations

from pathlib import Path

from secure_ai.core.errors import UserError

MARKS = ("notebooks", "solutions", "pyproject.toml")


def project_root(start: Path | None = None) -> Path:
    """Return the folder of the kit: the one around ``start`` (here by default), else around the package.

    Raises:
        UserError: if neither lies inside a checkout of the kit.
    """
    for origin in (start or Path.cwd(), Path(__file__)):
        for folder in (origin.resolve(), *origin.resolve().parents):
            if all((folder / mark).exists() for mark in MARKS) and (folder / "synthetic_data").is_dir():
                return folder
    raise UserError(
        "The kit's notebooks are not here: run the command in the folder that holds notebooks/ and labs/."
    )
