"""Which files an assessment leaves in its folder, and how a folder is known to be one."""

from __future__ import annotations

import hashlib
import json
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from secure_ai.core import UserError

NOTEBOOK = "risk_assessment.ipynb"
MANIFEST = "manifest.json"
REPORT, FINDINGS, SCHEMA = "report.html", "findings.json", "findings.schema.json"
OSCAL, REGISTER = "oscal.json", "register.csv"
WRITTEN_BY_NOTEBOOK = (REPORT, FINDINGS, SCHEMA, OSCAL, REGISTER)
OUTPUTS = (*WRITTEN_BY_NOTEBOOK, NOTEBOOK, MANIFEST)
FORMAT = "secure-ai assessment 2"
# The folder of an earlier release may be replaced, too.
OWN_FORMATS = ("secure-ai assessment 1", FORMAT)
CHUNK = 1 << 20
LARGEST = sys.float_info.max


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write the manifest with the SHA-256 of every other output that is there."""
    outputs = {
        name: sha256(folder / name) for name in OUTPUTS if name != MANIFEST and (folder / name).is_file()
    }
    write_text(folder / MANIFEST, to_json({**manifest, "outputs": outputs}))


def check_out(out: Path) -> None:
    """Refuse an output folder that is a file or holds anything but an earlier assessment.

    Raises:
        UserError: naming the folder and what to do.
    """
    try:
        if out.exists() and not out.is_dir():
            raise UserError(f"The output folder {out} is a file: choose another --out.")
        there = sorted(path.name for path in out.iterdir()) if out.exists() else []
    except (OSError, ValueError):
        raise UserError(f"The output folder {out} cannot be read: choose another --out.") from None
    foreign = [name for name in there if name not in OUTPUTS]
    if foreign or (there and not _is_ours(out)):
        raise UserError(
            f"The output folder {out} holds files that are not an earlier assessment (such as "
            f"{(foreign or there)[0]}): choose a new or empty folder."
        )


def to_json(content: object) -> str:
    """Return ``content`` as indented JSON that ends with a line break.

    JSON knows no infinity; the largest number stands for it, so that a file can still be read and compared.

    >>> to_json({"epsilon": float("inf")})
    '{\\n  "epsilon": 1.7976931348623157e+308\\n}\\n'
    """
    return json.dumps(_finite(content), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def write_text(path: Path, text: str, *, mark: bool = False) -> None:
    """Write text as UTF-8 with plain line breaks; what is no character of Unicode becomes ``?``.

    Args:
        path: the file.
        text: its content.
        mark: whether a byte order mark goes first.
    """
    path.write_bytes((b"\xef\xbb\xbf" if mark else b"") + text.encode("utf-8", "replace"))


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _finite(value: Any) -> Any:
    if isinstance(value, float) and math.isinf(value):
        return math.copysign(LARGEST, value)
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value


def _is_ours(folder: Path) -> bool:
    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(found, dict) and found.get("format") in OWN_FORMATS
