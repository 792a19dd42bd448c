"""Resources of HL7 FHIR as one table: a Bundle, a resource, or one resource per line (bulk export).

A record is one resource of one type. An element that occurs several times keeps what stands first; what is
coded by a system or address beside it (identifiers, telecom, extensions) gets a column for each of them.
"""

from __future__ import annotations

import glob
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from secure_ai.core import UserError
from secure_ai.core.errors import system_reason
from secure_ai.core.sources import JSON_FILES, Source, open_source, shown
from secure_ai.discover.fhir import RESOURCES, is_resource

# Read whole: a Bundle has no lines to read it by.
MOST_BYTES = 500_000_000
HEAD_BYTES = 1 << 20
MOST_COLUMNS, MOST_DEPTH, MOST_CELLS = 500, 12, 50_000_000
PREFERRED = "Patient"
# Beside which element stands what its value is.
_NAMED_BY = ("system", "url", "use")
_SKIPPED = frozenset({"resourceType", "meta", "text", "contained", "div"})


def open_fhir(place: str, table: str | None = None) -> Source | None:
    """Return the resources of one type in a file or pattern as a table; None if it holds no FHIR.

    Args:
        place: a path or pattern of .json, .jsonl or .ndjson files.
        table: the type of resource; ``Patient`` where there are several and none is named.

    Raises:
        UserError: if the files hold FHIR and cannot be read, or no resource of this type.
    """
    path = Path(place)
    if path.suffix.lower() not in JSON_FILES or "://" in place:
        return None
    try:
        paths = sorted(glob.glob(place)) if glob.has_magic(place) and not path.exists() else [place]  # noqa: PTH207
        if not paths or not all(Path(one).is_file() and _is_fhir(Path(one)) for one in paths):
            return None
        if sum(Path(one).stat().st_size for one in paths) > MOST_BYTES:
            raise UserError(
                f"{shown(path.name)} holds more than {MOST_BYTES // 1_000_000} MB of FHIR: export one type "
                "of resource, or flatten it to Parquet first."
            )
        rows, types = _rows((Path(one) for one in paths), table, shown(path.name))
    except OSError as error:
        raise UserError(
            f"The file {shown(path.name)} cannot be opened ({system_reason(error)}): check it."
        ) from None
    import pandas as pd

    columns = list(dict.fromkeys(name for row in rows for name in row))
    return open_source(pd.DataFrame(rows, columns=columns).convert_dtypes()) if types else None


def flattened(resource: Mapping[str, Any]) -> dict[str, Any]:
    """Return a resource as one record: ``name.family``, ``address.postalCode``, ``telecom.phone``.

    >>> flattened({"resourceType": "Patient", "name": [{"family": "Doe", "given": ["J", "K"]}]})
    {'name.family': 'Doe', 'name.given': 'J K'}
    """
    record: dict[str, Any] = {}
    _flatten({name: value for name, value in resource.items() if name not in _SKIPPED}, "", record, 0)
    return record


def _flatten(value: Any, path: str, record: dict[str, Any], depth: int) -> None:
    if depth > MOST_DEPTH:
        return
    if isinstance(value, Mapping):
        for name, inner in value.items():
            _flatten(inner, f"{path}.{name}" if path else str(name), record, depth + 1)
    elif isinstance(value, list):
        plain = [str(one) for one in value if isinstance(one, str | int | float)]
        if plain and len(plain) == len(value):
            record.setdefault(path, " ".join(plain))
        for one in value:
            if isinstance(one, Mapping):
                mark = _mark(one) if path.rsplit(".", 1)[-1] in {"identifier", "telecom", "extension"} else ""
                inner = {name: v for name, v in one.items() if not mark or name not in _NAMED_BY}
                _flatten(inner, f"{path}.{mark}" if mark else path, record, depth + 1)
    elif value is not None:
        record.setdefault(path, value)


def _mark(element: Mapping[str, Any]) -> str:
    """Return what an identifier, contact or extension is, by the end of its system or address."""
    for name in ("url", "system"):
        text = element.get(name)
        if isinstance(text, str) and text:
            return text.rstrip("/").rsplit("/", 1)[-1][:60]
    return ""


def _is_fhir(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES).lstrip(b"\xef\xbb\xbf \t\r\n")
    # Any JSON may have a key of this name: its value must be a type of FHIR, too.
    if not head.startswith(b"{"):
        return False
    place = head.find(b'"resourceType"')
    rest = head[place + 14 : place + 80].decode("utf-8", "replace").lstrip(" \t\r\n:")
    return place > 0 and any(rest.startswith(f'"{name}"') for name in RESOURCES)


def _rows(paths: Iterable[Path], table: str | None, label: str) -> tuple[list[dict[str, Any]], Counter[str]]:
    resources: dict[str, list[Mapping[str, Any]]] = {}
    for path in paths:
        for resource in _resources(path, label):
            resources.setdefault(resource["resourceType"], []).append(resource)
    types = Counter({name: len(found) for name, found in resources.items()})
    if not types:
        raise UserError(f"{label} is a FHIR file without a resource: export it again.")
    wanted = table or (PREFERRED if PREFERRED in types else next(iter(types)) if len(types) == 1 else None)
    if wanted not in types:
        there = ", ".join(f"{name} ({count:,})" for name, count in types.most_common(10))
        lacks = f"no resource '{shown(table)}'" if table else f"resources of {len(types)} types"
        raise UserError(f"{label} has {lacks}: name one with the parameter table ({there}).")
    rows = [flattened(resource) for resource in resources[wanted]]
    columns = {name for row in rows for name in row}
    if not columns:
        raise UserError(
            f"The resources {wanted} of {label} hold no value within {MOST_DEPTH} levels: export them again."
        )
    if len(columns) > MOST_COLUMNS or len(columns) * len(rows) > MOST_CELLS:
        raise UserError(
            f"The resources {wanted} of {label} make {len(columns):,} columns: flatten what is needed to a "
            "Parquet file first."
        )
    return rows, types


def _resources(path: Path, label: str) -> Iterator[Mapping[str, Any]]:
    broken = UserError(f"{label} is no FHIR in JSON all through: check that it is whole, or export it again.")
    try:
        text = path.read_text(encoding="utf-8-sig")
        try:
            documents = [json.loads(text)]
        except json.JSONDecodeError:
            documents = [json.loads(line) for line in text.splitlines() if line.strip()]
    except (ValueError, RecursionError):
        raise broken from None
    for document in documents:
        yield from _inside(document, broken, 0)


def _inside(document: Any, broken: UserError, depth: int) -> Iterator[Mapping[str, Any]]:
    if not isinstance(document, Mapping) or depth > MOST_DEPTH:
        raise broken
    if document.get("resourceType") == "Bundle":
        entries = document.get("entry", [])
        if not isinstance(entries, list):
            raise broken
        for entry in entries:
            inner = entry.get("resource") if isinstance(entry, Mapping) else None
            if inner is not None:
                yield from _inside(inner, broken, depth + 1)
    elif is_resource(document):
        yield document
    elif not isinstance(document.get("resourceType"), str):
        raise broken
