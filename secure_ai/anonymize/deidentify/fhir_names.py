"""How the patients of FHIR resources are called, so that their names go from the texts of all resources."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from secure_ai.anonymize.deidentify.own_names import NOBODY, KnownNames, known_names


def note_names(resources: Iterable[Any], named: dict[str, KnownNames]) -> None:
    """Note how every patient in ``resources`` is called: id → names, for the texts of other resources."""
    for resource in resources:
        for patient in patients_in(resource):
            names = []
            for name in listed(patient.get("name")):
                if not isinstance(name, dict):
                    continue
                given = [part for part in listed(name.get("given")) if isinstance(part, str)]
                family = name.get("family") if isinstance(name.get("family"), str) else ""
                if given and family:
                    names.append((f"{family}, {' '.join(given)}", ""))
                names += [(part, "given") for part in given] + ([(family, "family")] if family else [])
                if isinstance(name.get("text"), str):
                    names.append((name["text"], ""))
            if names:
                old = named.get(patient["id"], NOBODY)
                new = known_names(names)
                named[patient["id"]] = KnownNames(
                    tuple(dict.fromkeys(old.mentions + new.mentions)),
                    old.words | new.words,
                    tuple(dict.fromkeys(old.pieces + new.pieces)),
                )


def patients_in(resource: Any) -> Iterator[dict[str, Any]]:
    if not isinstance(resource, dict):
        return
    if resource.get("resourceType") == "Patient" and isinstance(resource.get("id"), str):
        yield resource
    for entry in listed(resource.get("entry")):
        if isinstance(entry, dict):
            yield from patients_in(entry.get("resource"))
    for item in listed(resource.get("contained")):
        yield from patients_in(item)


def learn_names(path: Path, named: dict[str, KnownNames]) -> None:
    """Note the patients of an NDJSON file before its first resource is read: others may stand before them.

    What cannot be read is passed over here, and refused where the file is read.
    """
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            if '"Patient"' in line and '"name"' in line:
                try:
                    note_names([json.loads(line)], named)
                except (ValueError, RecursionError):
                    continue


def listed(value: Any) -> list[Any]:
    """Return a list as it is, nothing as an empty list, and anything else as the only one of its list."""
    return value if isinstance(value, list) else [] if value is None else [value]
