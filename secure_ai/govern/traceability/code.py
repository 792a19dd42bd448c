"""The version of code: one digest over its files, whatever version control they are kept in."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from secure_ai.core.errors import UserError, system_reason
from secure_ai.core.sources import shown

ENDINGS = (".py", ".sql", ".yaml", ".yml", ".toml", ".ipynb", ".lock")
_MOST_FILES = 20_000


def code_version(folder: str | Path, endings: Sequence[str] = ENDINGS) -> str:
    """Return a digest over names and contents of the code files of a folder (or of one file).

    Args:
        folder: where the training code stands; hidden folders and ``__pycache__`` do not count.
        endings: which files are code.

    Returns:
        ``code-`` and 16 hexadecimal digits of a SHA-256.

    Raises:
        UserError: if it cannot be read, holds no code, or far too many files.
    """
    root = Path(folder)
    try:
        if root.is_file():
            files = [root]
        else:
            files = sorted(path for path in root.rglob("*") if path.suffix in endings and _counts(path, root))
        if not files or len(files) > _MOST_FILES:
            raise UserError(
                f"{shown(root.name)} holds {len(files):,} code files: name the folder of the training code."
            )
        whole = hashlib.sha256()
        for path in files:
            name = path.name if path == root else path.relative_to(root).as_posix()
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            whole.update(f"{len(name)}:{name} {content}\n".encode("utf-8", "surrogatepass"))
    except OSError as error:
        raise UserError(f"The code in {shown(root.name)} cannot be read: {system_reason(error)}.") from None
    return f"code-{whole.hexdigest()[:16]}"


def _counts(path: Path, root: Path) -> bool:
    parts = path.relative_to(root).parts
    return path.is_file() and not any(part.startswith(".") or part == "__pycache__" for part in parts)
