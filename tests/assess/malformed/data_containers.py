"""Databases, workbooks and archives that are broken or hostile."""

from __future__ import annotations

import io
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.assess.malformed.case import Case, Ends, Make, good, good_frame, in_file


def _zip(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def _book(**replaced: bytes | None) -> bytes:
    """Return the workbook with parts replaced (or left out), by the end of their name."""
    files = {}
    with zipfile.ZipFile(io.BytesIO(good("xlsx"))) as archive:
        for name in archive.namelist():
            key = Path(name).stem
            content = replaced.get(key, archive.read(name))
            if content is not None:
                files[name] = content
    return _zip(files)


def databases_cases() -> list[Case]:
    def database(damage: Callable[[bytes], bytes], table: str | None = "t") -> Make:
        def make(folder: Path) -> dict[str, Any]:
            path = folder / "data.db"
            connection = sqlite3.connect(path)
            good_frame().to_sql("t", connection, index=False)
            connection.execute("CREATE TABLE none (a, b)")
            connection.execute("CREATE VIEW loop AS SELECT * FROM loop")
            connection.commit()
            connection.close()
            path.write_bytes(damage(path.read_bytes()))
            return {"data": f"sqlite://{path}", "table": table}

        return make

    nested = good("csv")
    for depth in range(30):
        nested = _zip({f"inner{depth}.zip": nested})
    bomb = (
        b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
        + b"".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10 if i else "&a;" * 10}">'.encode() for i in range(9))
        + b"]><worksheet><sheetData><row><c><v>&a8;</v></c></row></sheetData></worksheet>"
    )
    rows: list[tuple[str, Make, Ends]] = [
        ("sqlite truncated", database(lambda b: b[: len(b) // 2]), "sentence"),
        ("sqlite header only", database(lambda b: b[:100]), "sentence"),
        ("sqlite overwritten", database(lambda b: b[:4096] + b"\xff" * (len(b) - 4096)), "sentence"),
        ("sqlite of noise", database(lambda b: np.random.default_rng(3).bytes(len(b))), "sentence"),
        ("sqlite without a table", database(bytes, None), "sentence"),
        ("sqlite, no such table", database(bytes, "x'; DROP TABLE t; --"), "sentence"),
        ("sqlite, empty table", database(bytes, "none"), "sentence"),
        ("sqlite, view of itself", database(bytes, "loop"), "sentence"),
        ("sqlite, table of 5,000 letters", database(bytes, "t" * 5000), "sentence"),
        ("archives in archives", in_file("data.csv", nested), "sentence"),
        ("archives in archives as a workbook", in_file("data.xlsx", nested), "sentence"),
        ("workbook without workbook", in_file("data.xlsx", _book(workbook=None)), "sentence"),
        ("workbook without sheet", in_file("data.xlsx", _book(sheet1=None)), "sentence"),
        ("workbook of entities", in_file("data.xlsx", _book(sheet1=bomb)), "sentence"),
        ("workbook that unpacks to 200 MB", in_file("data.xlsx", _book(sheet1=b" " * 200_000_000)),
         "sentence"),
        ("workbook with names that climb", in_file("data.xlsx", _zip({"../../x": b"1", "/etc/x": b"2"})),
         "sentence"),
        ("workbook of no XML", in_file("data.xlsx", _book(sheet1=b"\xff\xfe<nothing")), "sentence"),
        ("sheet that is not there", in_file("data.xlsx", good("xlsx"), table="../x"), "sentence"),
    ]  # fmt: skip
    return [Case("data, containers", name, make, ends, slow="200 MB" in name) for name, make, ends in rows]
