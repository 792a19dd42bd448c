"""Keys and passwords left behind in notebooks (code and outputs), scripts and configuration."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from secure_ai.core.errors import UserError, system_reason
from secure_ai.core.sources import shown
from secure_ai.encrypt.secret_patterns import secrets_in_line

MOST_BYTES = 20_000_000
PASSED_OVER = {".git", ".hg", ".svn", ".venv", "venv", "node_modules", "__pycache__", "site-packages"}
PIECE, OVERLAP = 8_000, 400
_PICTURE = re.compile(r"data:(?:image|font|audio|video)/[\w.+-]+;base64,[A-Za-z0-9+/=\\n]+")
_COLORS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_NO_TEXT = ("image/", "audio/", "video/", "application/pdf", "application/octet-stream")


@dataclass(frozen=True)
class LeakedKey:
    """Where something secret stands; never what it is.

    Attributes:
        file: path below the folder that was searched.
        cell: number of the notebook's cell from 1; None in other files, 0 for the notebook's own metadata.
        place: "source", "output", "metadata" or, outside of notebooks, "text".
        line: number of the line from 1, in its cell or file.
        kind: what it looks like.
        sample: a public prefix at most, and the length of long secrets.
    """

    file: str
    cell: int | None
    place: str
    line: int
    kind: str
    sample: str


@dataclass(frozen=True)
class LeakedKeys:
    """What a search found, and what it could not look at.

    Attributes:
        found: the places, by file, cell and line.
        examined: number of files read.
        not_examined: file or folder, and why it was not (or not wholly) read.
    """

    found: tuple[LeakedKey, ...]
    examined: int
    not_examined: tuple[tuple[str, str], ...] = field(default=())

    def to_frame(self) -> pd.DataFrame:
        """Return the places, one row each: file, cell, place, line, kind, sample."""
        frame = pd.DataFrame([vars(key) for key in self.found], columns=list(LeakedKey.__annotations__))
        return frame.astype({"cell": "Int64"})

    def not_examined_frame(self) -> pd.DataFrame:
        """Return what was not examined, and why."""
        return pd.DataFrame(list(self.not_examined), columns=["file", "reason"])

    def sentence(self) -> str:
        """Say what was found."""
        files = len({key.file for key in self.found})
        outputs = sum(key.place == "output" for key in self.found)
        what = (
            f"{len(self.found):,} places that look like keys or passwords, in {files:,} "
            f"{'file' if files == 1 else 'files'} ({outputs:,} in outputs of notebooks)"
            if self.found
            else "Nothing that looks like a key or password"
        )
        rest = f"; not examined: {len(self.not_examined):,}" if self.not_examined else ""
        advice = " Replace each: what was once written down is known." if self.found else ""
        return f"{what}, {self.examined:,} {'file' if self.examined == 1 else 'files'} read{rest}.{advice}"


def find_leaked_keys(path: str | Path) -> LeakedKeys:
    """Search a file, or all files below a folder, for keys and passwords.

    Notebooks are read cell by cell: source, text of outputs, error messages and metadata. Built on the
    detectors of ``detect-secrets`` and on patterns of our own (:mod:`secure_ai.encrypt.secret_patterns`).
    Links are not followed; folders of tools (``.git``, ``.venv`` ...), binary files, files over 20 MB and
    pictures in outputs are listed as not examined. What has neither a known form nor a telling name beside
    it, such as a passphrase of words as a bare argument, is not found: nothing found is no proof.

    Raises:
        UserError: if ``path`` does not exist.
    """
    root = Path(path)
    if not root.exists():
        raise UserError(f"{shown(root.name or str(root))} does not exist: name a file or a folder.")
    found: list[LeakedKey] = []
    skipped: list[tuple[str, str]] = []
    examined = 0
    for file in _files(root, skipped):
        name = file.name if file == root else file.relative_to(root).as_posix()
        text, reason = _text(file)
        if text is None:
            skipped.append((name, reason))
            continue
        examined += 1
        if file.suffix.lower() == ".ipynb":
            keys, note = _in_notebook(name, text)
            if note:
                skipped.append((name, note))
        else:
            keys = _in_text(name, None, "text", text)
        found.extend(keys)
    order = sorted(set(found), key=lambda key: (key.file, key.cell or 0, key.place, key.line, key.kind))
    return LeakedKeys(tuple(order), examined, tuple(sorted(skipped)))


def _files(root: Path, skipped: list[tuple[str, str]]) -> Iterator[Path]:
    if not root.is_dir():
        yield root
        return

    def failed(error: OSError) -> None:
        skipped.append((_below(Path(error.filename), root), "the folder cannot be opened"))

    for folder, folders, names in os.walk(root, onerror=failed):
        here = Path(folder)
        for name in sorted(folders):
            if name in PASSED_OVER or (here / name).is_symlink():
                folders.remove(name)
                reason = "a link, not followed" if (here / name).is_symlink() else "a folder of tools"
                skipped.append((_below(here / name, root), reason))
        folders.sort()
        for name in sorted(names):
            file = here / name
            if file.is_symlink():
                skipped.append((_below(file, root), "a link, not followed"))
            else:
                yield file


def _below(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name


def _text(file: Path) -> tuple[str | None, str]:
    try:
        if not file.is_file():
            return None, "a device or a pipe"
        if file.stat().st_size > MOST_BYTES:
            return None, f"larger than {MOST_BYTES // 1_000_000} MB"
        data = file.read_bytes()
    except OSError as error:
        return None, f"cannot be read ({system_reason(error)})"
    for mark, encoding in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig")):
        if data.startswith(mark):
            return data.decode(encoding, "replace"), ""
    if b"\0" in data:
        return None, "not text"
    # Latin-1 reads every byte: a key is ASCII, whatever the words around it are.
    try:
        return data.decode("utf-8"), ""
    except UnicodeDecodeError:
        return data.decode("latin-1"), ""


def _in_notebook(name: str, text: str) -> tuple[list[LeakedKey], str]:
    """Return what is found in a notebook, and a remark where it is not read as one, or not wholly."""
    try:
        notebook = json.loads(text)
        cells = list(notebook["cells"] if "cells" in notebook else _older_cells(notebook))
        found = _in_text(name, 0, "metadata", _lines_of(notebook.get("metadata", {})))
        pictures = 0
        for number, cell in enumerate(cells, start=1):
            found += _in_text(name, number, "source", _joined(cell.get("source", cell.get("input", ""))))
            found += _in_text(name, number, "metadata", _lines_of(cell.get("metadata", {})))
            pictures += len(cell.get("attachments", {}))
            for output in cell.get("outputs", []):
                texts, unread = _output_texts(output)
                pictures += unread
                found += [key for part in texts for key in _in_text(name, number, "output", part)]
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return _in_text(name, None, "text", text), "not a notebook, read as plain text"
    return found, f"{pictures:,} pictures in it" if pictures else ""


def _older_cells(notebook: dict[str, Any]) -> Iterator[Any]:
    for sheet in notebook["worksheets"]:
        yield from sheet["cells"]


def _output_texts(output: dict[str, Any]) -> tuple[list[str], int]:
    """Return the texts of one output, and how many of its forms are no text."""
    texts = [_joined(output[part]) for part in ("text", "traceback", "ename", "evalue") if part in output]
    data = output.get("data", {})
    unread = [kind for kind in data if kind.startswith(_NO_TEXT) and kind != "image/svg+xml"]
    texts += [
        _joined(content) if isinstance(content, str | list) else _lines_of(content)
        for kind, content in data.items()
        if kind not in unread
    ]
    return [_COLORS.sub("", text) for text in texts], len(unread)


def _joined(content: Any) -> str:
    if isinstance(content, list):
        # Tracebacks come as a list of lines without line ends, sources with them.
        return "".join(part if part.endswith("\n") else part + "\n" for part in map(str, content))
    return str(content)


def _lines_of(content: Any) -> str:
    return json.dumps(content, indent=0, ensure_ascii=False) if content else ""


def _in_text(name: str, cell: int | None, place: str, text: str) -> list[LeakedKey]:
    found = []
    for number, line in enumerate(_PICTURE.sub("data:", text).split("\n"), start=1):
        for start in range(0, max(len(line), 1), PIECE - OVERLAP):
            piece = line[start : start + PIECE]
            found += [
                LeakedKey(name, cell, place, number, kind, sample)
                for kind, sample in secrets_in_line(piece, _language(name, place))
            ]
            if start + PIECE >= len(line):
                break
    return found


def _language(name: str, place: str) -> str:
    """Return a file name by which detect-secrets recognizes how values are written."""
    if place in {"output", "metadata"}:
        return "output.json" if place == "metadata" else "output.txt"
    base = name.rsplit("/", maxsplit=1)[-1].lower()
    if base.endswith(".ipynb"):
        return "cell.py"
    return (
        "settings.ini" if base.startswith(".env") or base.endswith((".env", ".conf", ".properties")) else base
    )
