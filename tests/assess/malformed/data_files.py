"""Tables that are cut, damaged, or of another format than their ending says."""

from __future__ import annotations

import numpy as np

from tests.assess.malformed.case import CANARY, Case, Ends, good, in_file


def _ending(form: str) -> str:
    return "json" if form == "fhir" else form


def cut_cases() -> list[Case]:
    cases = []
    for form in ("csv", "tsv", "parquet", "xlsx", "json", "ndjson", "fhir"):
        for percent in (3, 30, 60, 97):
            whole = good(form)
            content = whole[: len(whole) * percent // 100]
            # A text table that is cut has fewer rows, and nobody can know; a container has an end.
            ends: Ends = "sentence" if form in {"parquet", "xlsx", "json", "fhir"} else "either"
            make = in_file(f"data.{_ending(form)}", content)
            cases.append(Case("data, truncated", f"{form} at {percent} percent", make, ends))
    return cases


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
            cases.append(Case("data, damaged", f"{form} seed {number}", make))
    return cases
