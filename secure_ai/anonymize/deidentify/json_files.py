"""JSON and JSON Lines files: read value by value, and refused in one sentence where they cannot be."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from secure_ai.anonymize.deidentify.documents import MAX_LINE, lines
from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown

MAX_WHOLE = 200 << 20
"""Most bytes of a file that is one JSON value; as JSON Lines it may have any size."""
MAX_DEPTH = 60


def read_json_lines(path: Path) -> Iterator[Any]:
    """Yield the values of a JSON Lines file.

    Raises:
        UserError: naming file and line, if a line is no JSON.
    """
    for number, line in enumerate(lines(path), 1):
        text = line.removeprefix("\ufeff") if number == 1 else line
        if text.strip():
            yield _parse(text, f"{shown(path.name)}:{number}")


def read_json(path: Path) -> Any:
    """Return the value of a JSON file.

    Raises:
        UserError: if it is none, or too large to be read at once.
    """
    label = shown(path.name)
    if path.stat().st_size > MAX_WHOLE:
        raise UserError(
            f"{label} is too large for one JSON value: write it as JSON Lines, one record a line."
        )
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(f"{label} is not UTF-8 text all through: save it as UTF-8.") from None
    return _parse(text, label)


def _parse(text: str, where: str) -> Any:
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    except json.JSONDecodeError as error:
        at = f"line {error.lineno}, column {error.colno}" if error.lineno > 1 else f"column {error.colno}"
        raise UserError(f"{where} is not valid JSON ({at}): correct it or leave it out.") from None
    except _Refused as error:
        raise UserError(f"{where} {error}") from None
    except RecursionError:
        raise UserError(f"{where} is nested too deeply: at most {MAX_DEPTH} levels are read.") from None
    if depth_of(value) > MAX_DEPTH:
        raise UserError(f"{where} is nested too deeply: at most {MAX_DEPTH} levels are read.")
    if len(text) > MAX_LINE and any(
        isinstance(leaf, str) and len(leaf) > MAX_LINE for _, leaf in leaves(value)
    ):
        raise UserError(f"{where} holds a text of more than {MAX_LINE:,} characters: break it up.")
    return value


class _Refused(Exception):
    """What JSON allows and no record should hold."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        raise _Refused("has a name twice in one object: keep one of them.")
    return record


def _constant(_: str) -> None:
    raise _Refused("holds NaN or Infinity, which JSON does not know: write null.")


def depth_of(value: Any) -> int:
    """Return how deeply ``value`` is nested, up to one more than is read."""
    level, depth = [value], 0
    while level and depth <= MAX_DEPTH:
        depth += 1
        level = [
            child
            for item in level
            for child in (item.values() if isinstance(item, dict) else item if isinstance(item, list) else ())
        ]
    return depth


def leaves(
    record: Any, path: str = "", key: Callable[[str], str] = lambda name: name
) -> Iterator[tuple[str, Any]]:
    """Yield (path, value) of every value in a record; lists leave no trace in the path.

    Args:
        record: a JSON value.
        path: where it stands.
        key: what stands for the name of a field in a path.
    """
    if isinstance(record, dict):
        for name, child in record.items():
            yield from leaves(child, f"{path}.{key(name)}" if path else key(name), key)
    elif isinstance(record, list):
        for child in record:
            yield from leaves(child, path, key)
    else:
        yield path or "value", record
