"""How deep brackets are nested in a JSON file, found without parsing it: a parser may not survive it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

CHUNK_BYTES = 4 << 20
_ESCAPED = re.compile(rb"\\.", re.DOTALL)
# A string of JSON has no line break: what is not closed ends with its line.
_STRING = re.compile(rb'"[^"\n]*["\n]')
_STEPS = np.zeros(256, dtype=np.int8)
_STEPS[list(b"[{")], _STEPS[list(b"]}")] = 1, -1


def nested_deeper(paths: Iterable[str | Path], most: int) -> bool:
    """Say whether brackets of one of the files, outside its strings, are nested deeper than ``most``.

    >>> import tempfile; file = Path(tempfile.mkdtemp()) / "a.json"
    >>> _ = file.write_text('[[["[[[["]]]')
    >>> nested_deeper([file], 3), nested_deeper([file], 2)
    (False, True)
    """
    return any(_deepest(Path(path)) > most for path in paths)


def _deepest(path: Path) -> int:
    deepest = depth = 0
    rest = b""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            chunk = rest + chunk
            if chunk.endswith(b"\\"):
                chunk += file.read(1)  # what is escaped must not be apart from its mark
            text = _STRING.sub(b"", _ESCAPED.sub(b"", chunk))
            start = text.find(b'"')
            rest = b'"' if start >= 0 else b""
            steps = _STEPS[np.frombuffer(text[:start] if rest else text, dtype=np.uint8)]
            if len(steps):
                running = depth + np.cumsum(steps, dtype=np.int64)
                deepest, depth = max(deepest, int(running.max())), int(running[-1])
    return deepest
