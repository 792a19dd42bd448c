"""Lines of a log that expire go one by one: the file is written anew, the old bytes are overwritten."""

from __future__ import annotations

import gzip
import json
from datetime import date
from typing import Any

from secure_ai.core.errors import UserError
from secure_ai.govern.estate.rewriting import rewriting
from secure_ai.govern.estate.store import Removal
from secure_ai.govern.estate.values import as_day


def has_lines(store: Any) -> bool:
    """Return whether a store is a log of JSON lines with a field for the person and one for the time."""
    return store.kind == "log" and bool(getattr(store, "field", "") and getattr(store, "date_field", ""))


def expire_lines(store: Any, before: date, keep: frozenset[str]) -> Removal:
    """Take lines dated before that day out of a log's files, except those of the persons in ``keep``.

    Lines without a date stay. A chained log, whose lines prove each other, has no such fields and is not
    touched.

    Raises:
        UserError: if a line is no JSON object.
    """
    gone = 0
    for path in store.files:
        opened = gzip.open if path.suffix == ".gz" else open
        with opened(path, "rt", encoding="utf-8", newline="") as file:
            lines = file.readlines()
        kept = [
            line for number, line in enumerate(lines, 1) if _stays(store, (path, number), line, before, keep)
        ]
        if len(kept) == len(lines):
            continue
        gone += len(lines) - len(kept)
        with rewriting(path) as draft, opened(draft, "wt", encoding="utf-8", newline="") as file:
            file.writelines(kept)
    return Removal(store.name, "lines taken out, files overwritten and written anew", gone)


def _stays(store: Any, place: tuple[Any, int], line: str, before: date, keep: frozenset[str]) -> bool:
    if not line.strip():
        return True
    try:
        entry = json.loads(line)
        day = as_day(entry.get(store.date_field))
        return day is None or day >= before or str(entry.get(store.field)) in keep
    except (ValueError, AttributeError):
        raise UserError(
            f"Line {place[1]} of {place[0].name} is no entry of the log {store.name}: repair it."
        ) from None
