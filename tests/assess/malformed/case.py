"""What a malformed input is, and files without fault to damage.

A case makes its files in a folder and returns parameters. ``ends`` says how it must end: ``sentence`` (a
UserError), ``open`` (nothing measured, with a reason), ``report`` (something measured) or ``either``, where a
file was damaged at random and any of these is right.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

import openpyxl
import pandas as pd

CANARY = "canary-7f3a"
ROWS = 40
Ends = Literal["sentence", "open", "report", "either"]
Make = Callable[[Path], dict[str, Any]]


@dataclass(frozen=True)
class Case:
    """One malformed input.

    Attributes:
        kind: of input, as counted by the test.
        name: what is wrong with it.
        make: writes its files into a folder and returns the parameters.
        ends: how the assessment must end.
        parts: sections that are run.
        slow: whether it is left to the long run.
        facts: what the sections must have counted, where it ends in a report, such as ``records``.
    """

    kind: str
    name: str
    make: Make
    ends: Ends = "either"
    parts: tuple[str, ...] = ("data.inventory",)
    slow: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Return its name in the test's report."""
        return f"{self.kind}: {self.name}".replace(" ", "-")


@cache
def good_frame() -> pd.DataFrame:
    """Return a table without fault; ``note`` holds the canary in every row."""
    return pd.DataFrame(
        {
            "age": [20 + i % 30 for i in range(ROWS)],
            "sex": ["fm"[i % 2] for i in range(ROWS)],
            "zip": [f"0{i:04}" for i in range(ROWS)],
            "note": [f"{CANARY}-{i}" for i in range(ROWS)],
        }
    )


@cache
def good(form: str) -> bytes:
    """Return the table without fault in one format, by its ending."""
    frame, text = good_frame(), io.BytesIO()
    if form == "csv":
        return frame.to_csv(index=False).encode()
    if form == "tsv":
        return frame.to_csv(index=False, sep="\t").encode()
    if form == "parquet":
        frame.to_parquet(text)
    elif form == "xlsx":
        book = openpyxl.Workbook()
        for row in [list(frame.columns), *frame.to_numpy().tolist()]:
            book.active.append(row)
        book.save(text)
        return _timeless(text.getvalue())
    elif form == "json":
        return frame.to_json(orient="records").encode()
    elif form in {"jsonl", "ndjson"}:
        return frame.to_json(orient="records", lines=True).encode()
    elif form == "fhir":
        return json.dumps({"resourceType": "Bundle", "entry": [{"resource": p} for p in patients()]}).encode()
    return text.getvalue()


def _timeless(workbook: bytes) -> bytes:
    """Return a workbook that does not say when it was made: the same bytes each time."""
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(workbook)) as old,
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            content = re.sub(rb"\d{4}-\d\d-\d\dT[\d:]+Z", b"2026-01-01T00:00:00Z", old.read(name))
            new.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def patients() -> list[dict[str, Any]]:
    """Return patients of FHIR, each with the canary as family name."""
    return [
        {
            "resourceType": "Patient",
            "id": str(i),
            "gender": ["female", "male"][i % 2],
            "birthDate": f"19{40 + i}-01-01",
            "name": [{"family": f"{CANARY}-{i}"}],
        }
        for i in range(ROWS)
    ]


def counted(records: int, columns: int) -> dict[str, Any]:
    """Return the facts of a table of so many records and columns."""
    return {"records": records, "columns": columns}


def in_file(name: str, content: bytes | str, **options: Any) -> Make:
    """Return what writes one file and names it as data."""

    def make(folder: Path) -> dict[str, Any]:
        path = folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return {"data": str(path), **options}

    return make


def named(name: str, **options: Any) -> Make:
    """Return what writes the table without fault under a name."""
    return in_file(name, good("csv"), **options)
