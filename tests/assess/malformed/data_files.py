"""Tables that are cut, damaged, or of another format than their ending says."""

from __future__ import annotations

import csv
import io
import json
import zipfile
import zlib
from typing import Any

import numpy as np

from tests.assess.malformed.case import CANARY, Case, Ends, counted, good, in_file


def _ending(form: str) -> str:
    return "json" if form == "fhir" else form


def cut_cases() -> list[Case]:
    cases = []
    for form in ("csv", "tsv", "parquet", "xlsx", "json", "ndjson", "fhir"):
        for percent in (3, 30, 60, 97):
            whole = good(form)
            content = whole[: len(whole) * percent // 100]
            ends, facts = _of_cut(form, content)
            make = in_file(f"data.{_ending(form)}", content)
            cases.append(Case("data, truncated", f"{form} at {percent} percent", make, ends, facts=facts))
    return cases


def _of_cut(form: str, content: bytes) -> tuple[Ends, dict[str, Any]]:
    """A text that is cut inside its last field is a table, and nobody can know; whatever else has an end."""
    if form not in {"csv", "tsv"}:
        return "sentence", {}
    rows = list(csv.reader(io.StringIO(content.decode()), delimiter="," if form == "csv" else "\t"))
    if any(len(row) != len(rows[0]) for row in rows):
        return "sentence", {}
    return "report", counted(len(rows) - 1, len(rows[0]))


def mistaken_cases() -> list[Case]:
    """One format under the ending of another."""
    noise = np.random.default_rng(7).bytes(5000)
    contents = {
        "csv": good("csv"), "parquet": good("parquet"), "xlsx": good("xlsx"), "json": good("json"),
        "noise": noise, "png": b"\x89PNG\r\n\x1a\n" + noise, "gzip": b"\x1f\x8b\x08" + noise,
        "pickle": b"\x80\x04\x95" + noise, "html": f"<html><body>{CANARY}</body></html>\n".encode() * 9,
    }  # fmt: skip
    return [
        Case("data, mistaken", f"{inner} as {ending}", in_file(f"data.{ending}", content), "sentence")
        for ending in ("csv", "parquet", "xlsx", "json")
        for inner, content in contents.items()
        # A page of one column of text is a table of one column.
        if inner != ending and (inner, ending) != ("html", "csv")
    ]


def flipped_cases() -> list[Case]:
    cases = []
    for form, count in (("csv", 4), ("parquet", 8), ("xlsx", 5), ("json", 4), ("ndjson", 3), ("fhir", 3)):
        for number in range(count):
            rng = np.random.default_rng([number, len(form)])
            content = bytearray(good(form))
            for place in rng.integers(0, len(content), 12):
                content[place] = rng.integers(0, 256)
            make = in_file(f"data.{_ending(form)}", bytes(content))
            ends: Ends = "sentence" if _broken(form, bytes(content)) else "either"
            cases.append(Case("data, damaged", f"{form} seed {number}", make, ends))
    return cases


def _broken(form: str, content: bytes) -> bool:
    """Whether a reader that is not the kit's refuses it; what that one reads is left to chance."""
    try:
        if form == "xlsx":
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                return archive.testzip() is not None
        text = content.decode() if form != "parquet" else ""
        for one in text.splitlines() if form == "ndjson" else [text] * (form in {"json", "fhir"}):
            json.loads(one)
    except (ValueError, zipfile.BadZipFile, zlib.error, NotImplementedError):
        return True
    return False
