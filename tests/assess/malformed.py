"""Malformed inputs of an assessment: made from a seed, the same each time, a case per way of being wrong.

A case makes its files in a folder and returns parameters. ``ends`` says how it must end: ``sentence`` (a
UserError), ``open`` (nothing measured, with a reason), ``report`` (something measured) or ``either``, where a
file was damaged at random and any of these is right.
"""

from __future__ import annotations

import io
import json
import os
import sqlite3
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
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
    """

    kind: str
    name: str
    make: Make
    ends: Ends = "either"
    parts: tuple[str, ...] = ("data.inventory",)
    slow: bool = False

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
    elif form == "json":
        return frame.to_json(orient="records").encode()
    elif form in {"jsonl", "ndjson"}:
        return frame.to_json(orient="records", lines=True).encode()
    elif form == "fhir":
        return json.dumps({"resourceType": "Bundle", "entry": [{"resource": p} for p in patients()]}).encode()
    return text.getvalue()


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


def in_file(name: str, content: bytes | str, **options: Any) -> Make:
    """Return what writes one file and names it as data."""

    def make(folder: Path) -> dict[str, Any]:
        path = folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return {"data": str(path), **options}

    return make


def data_cases() -> list[Case]:
    """Return every case of data."""
    return [*_cut(), *_mistaken(), *_flipped(), *_texts(), *_json(), *_columns(), *_places(), *_databases()]


def _ending(form: str) -> str:
    return "json" if form == "fhir" else form


def _cut() -> list[Case]:
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


def _mistaken() -> list[Case]:
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


def _flipped() -> list[Case]:
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


def _texts() -> list[Case]:
    text = good("csv").decode()
    head, *lines = text.splitlines(keepends=True)
    body = "".join(lines)
    umlauts = text.replace(CANARY, f"Köln {CANARY}")
    million = f"{CANARY}{'x' * 10_000_000}"
    rows: list[tuple[str, bytes | str, Ends, dict[str, Any]]] = [
        ("header only", head, "sentence", {}),
        ("header without line end", head.strip(), "sentence", {}),
        ("blank lines", "\n\n \n", "sentence", {}),
        ("one byte", "x", "sentence", {}),
        ("NUL in a value", text.replace("20,f", "2\x000,f"), "sentence", {}),
        ("NULs only", b"\0" * 500, "sentence", {}),
        ("latin-1", umlauts.encode("latin-1"), "sentence", {}),
        ("latin-1 named", umlauts.encode("latin-1"), "report", {"encoding": "latin-1"}),
        ("utf-8 named utf-16", text, "sentence", {"encoding": "utf-16"}),
        ("encoding of no kind", text, "sentence", {"encoding": "klingon"}),
        ("mixed encodings", (text + umlauts).encode() + umlauts.encode("latin-1"), "sentence", {}),
        ("late latin-1", (head + body * 400).encode() + "1,f,2,K\xf6ln\n".encode("latin-1"), "sentence", {}),
        ("BOM", b"\xef\xbb\xbf" + text.encode(), "report", {}),
        ("two BOMs", b"\xef\xbb\xbf" * 2 + text.encode(), "either", {}),
        ("utf-16 with BOM", text.encode("utf-16"), "report", {}),
        ("utf-16 without BOM", text.encode("utf-16-le"), "sentence", {}),
        ("utf-16 big-endian", text.encode("utf-16-be"), "sentence", {}),
        ("utf-16 of odd length", text.encode("utf-16")[:-1], "either", {}),
        ("utf-32", text.encode("utf-32"), "sentence", {}),
        ("utf-7", umlauts.encode("utf-7"), "either", {}),
        ("surrogates", text.encode() + b"1,f,\xed\xa0\x80,x\n", "sentence", {}),
        ("EBCDIC", text.encode("cp500"), "sentence", {}),
        ("field of 10 MB", head + f"1,f,2,{million}\n", "sentence", {}),
        ("header of 10 MB", million + "\n1\n2\n", "sentence", {}),
        ("quote never closed", head + '1,f,2,"' + body * 2, "either", {}),
        ("quote in the header", '"' + text, "either", {}),
        ("ragged, longer", text + "1,f,2,x,5,6\n", "sentence", {}),
        ("ragged, shorter", text + "1,f\n", "sentence", {}),
        ("every row ragged", head + "".join("1," * (i % 7) + "2\n" for i in range(50)), "sentence", {}),
        ("header shorter than rows", "age,sex\n" + body, "sentence", {}),
        ("wrong delimiter", text, "sentence", {"delimiter": ";"}),
        ("a letter as delimiter", text, "either", {"delimiter": "a"}),
        ("a quote as delimiter", text, "sentence", {"delimiter": '"'}),
        ("a line break as delimiter", text, "sentence", {"delimiter": "\n"}),
        ("a NUL as delimiter", text, "sentence", {"delimiter": "\0"}),
        ("a snowman as delimiter", text.replace(",", "☃"), "either", {"delimiter": "☃"}),
        ("mixed delimiters", head.replace(",", ";") + body, "sentence", {}),
        ("mixed line ends", text.replace("\n", "\r\n", 9), "either", {}),
        ("old line ends", text.replace("\n", "\r"), "either", {}),
        ("dates out of range", "born,n\n" + "".join(f"99999-13-{i},1\n" for i in range(40)), "report", {}),
        ("dates of year 0", "born,n\n" + "".join("0000-00-00,1\n" for i in range(40)), "report", {}),
        ("late date", "born\n" + "2001-02-03\n" * 5000 + "the day after\n", "report", {}),
        ("infinities", "x,y\n" + "inf,nan\n-inf,NaN\n1e999,Infinity\n" * 20, "report", {}),
        ("numbers of 400 digits", "x,y\n" + f"{'9' * 400},1\n" * 20, "report", {}),
        ("every value empty", "a,b\n" + ",\n" * 30, "either", {}),
        ("one row", "a,b\n1,2\n", "report", {}),
        ("terminal codes", text.replace(CANARY, f"\x1b[2J\x07{CANARY}"), "report", {}),
        ("right to left", text.replace(CANARY, f"\u202e{CANARY}"), "report", {}),
    ]
    return [
        Case("data, text", name, in_file("data.csv", content, **options), ends)
        for name, content, ends, options in rows
    ]


def _json() -> list[Case]:
    deep = 200_000
    rows: list[tuple[str, str, bytes | str, Ends]] = [
        ("deep lists", "json", "[" * deep + "]" * deep, "sentence"),
        ("deep objects", "json", '[{"a":' * 3000 + "1" + "}]" * 3000, "either"),
        ("deep in a record", "json", '[{"x":1,"a":' + '{"a":' * 5000 + "1" + "}" * 5000 + "}]", "either"),
        ("NaN", "json", '[{"x": NaN, "y": 1}, {"x": Infinity, "y": 2}]', "either"),
        ("a number", "json", "5", "sentence"),
        ("a text", "json", f'"{CANARY}"', "sentence"),
        ("null", "json", "null", "sentence"),
        ("empty list", "json", "[]", "sentence"),
        ("empty objects", "json", "[{}, {}]", "sentence"),
        ("empty object", "json", "{}", "sentence"),
        ("list of lists", "json", "[[1, 2], [3, 4]]", "sentence"),
        ("list of numbers", "json", "[1, 2, 3]", "sentence"),
        ("a key twice", "json", '[{"a": 1, "a": 2, "b": 1}]', "either"),
        ("keys that differ in case", "json", '[{"a": 1, "A": 2}]', "either"),
        ("empty key", "json", '[{"": 1, "b": 2}]', "either"),
        ("other keys in each row", "ndjson", "".join(f'{{"k{i}": 1}}\n' for i in range(900)), "either"),
        ("types that change", "ndjson", '{"a": 1}\n{"a": "x"}\n{"a": [1]}\n{"a": {"b": 2}}\n', "either"),
        ("half a line", "ndjson", good("ndjson") + f'{{"age": 1, "note": "{CANARY}'.encode(), "sentence"),
        ("no JSON in the middle", "jsonl", good("ndjson") * 9 + b"<html>\n" + good("ndjson"), "sentence"),
        ("comments", "json", "// all\n[{'a': 1}]", "sentence"),
        ("lone surrogate", "json", '[{"a": "\\ud800", "b": 1}]', "either"),
        ("NUL in a text", "json", '[{"a": "x\\u0000y", "b": 1}]', "either"),
        ("BOM", "json", b"\xef\xbb\xbf" + good("json"), "either"),
        ("utf-16", "json", good("json").decode().encode("utf-16"), "sentence"),
        ("long number", "json", f'[{{"a": {"9" * 6000}, "b": 1}}]', "either"),
        ("FHIR: no entries", "json", '{"resourceType": "Bundle"}', "sentence"),
        ("FHIR: entry is a text", "json", '{"resourceType": "Bundle", "entry": "x"}', "sentence"),
        ("FHIR: resource is a list", "json", '{"resourceType": "Bundle", "entry": [{"resource": [1]}]}',
         "sentence"),
        ("FHIR: deep bundles", "json", '{"resourceType": "Bundle", "entry": [{"resource": ' * 4000 + "{}"
         + "}]}" * 4000, "sentence"),
        ("FHIR: deep patient", "json", '{"resourceType": "Patient", "a":' + '{"a":' * 900 + "1" + "}" * 901,
         "either"),
        ("FHIR: every name a number", "json", '{"resourceType": "Patient", "name": 5, "id": [[1], {}]}',
         "either"),
        ("FHIR: hostile names", "json", '{"resourceType": "Patient", "<script>": 1, "=cmd": {"../x": 2}}',
         "either"),
        ("FHIR: long number", "json", f'{{"resourceType": "Patient", "a": {"9" * 6000}}}', "either"),
        ("FHIR: NaN", "json", '{"resourceType": "Patient", "a": NaN, "b": Infinity, "id": "1"}', "either"),
        ("FHIR: two types at once", "ndjson", '{"resourceType": "Claim"}\n{"resourceType": "Coverage"}\n',
         "sentence"),
    ]  # fmt: skip
    return [Case("data, JSON", name, in_file(f"data.{end}", text), ends) for name, end, text, ends in rows]


def _columns() -> list[Case]:
    values = "1,2,3\n" * 30
    wide = 5000
    long = "n" * 70_000
    headers: list[tuple[str, str, Ends]] = [
        ("duplicated", "a,a,a", "either"),
        ("differing in case", "a,A,á", "either"),
        ("empty", ",,", "either"),
        ("spaces", " ,  ,   ", "either"),
        ("markup", "<script>alert(1)</script>,<img src=x onerror=alert(1)>,</style>", "report"),
        ("formulas", "\"=cmd|'/c calc'!A0\",+1+1,@SUM(A1)", "report"),
        ("paths", "../../etc/passwd,/etc/shadow,C:\\x", "report"),
        ("SQL", '"a""; DROP TABLE source; --",b\'),c*', "report"),
        ("templates", "{{ 7*7 }},{% include 'x' %},${HOME}", "report"),
        ("two lines", '"a\nb","c\rd",e', "either"),
        ("invisible", "a\u200b,\u202eb,c\u0007", "report"),
        ("very long", f"{long},b,c", "either"),
        ("words of SQL", "select,from,order", "report"),
        ("names of the kit", "source,_row,rowid", "report"),
        ("numbers", "1,2,3", "either"),
        ("values as header", f"{CANARY}@example.com,1970-01-01,078-05-1120", "sentence"),
    ]
    cases = [
        Case("data, columns", name, in_file("data.csv", f"{header}\n{values}"), ends)
        for name, header, ends in headers
    ]
    many = ",".join(f"c{i}" for i in range(wide)) + "\n" + (",".join("1" * wide) + "\n") * 3
    return [*cases, Case("data, columns", "5,000 of them", in_file("data.csv", many), "either", slow=True)]


def _named(name: str, **options: Any) -> Make:
    return in_file(name, good("csv"), **options)


def _places() -> list[Case]:
    def symlink_loop(folder: Path) -> dict[str, Any]:
        (folder / "a.csv").symlink_to(folder / "b.csv")
        (folder / "b.csv").symlink_to(folder / "a.csv")
        return {"data": str(folder / "a.csv")}

    def dangling(folder: Path) -> dict[str, Any]:
        (folder / "a.csv").symlink_to(folder / "none.csv")
        return {"data": str(folder / "a.csv")}

    def link(folder: Path) -> dict[str, Any]:
        (folder / "a.csv").symlink_to(Path(_named("b.csv")(folder)["data"]))
        return {"data": str(folder / "a.csv")}

    def pipe(name: str, ending: str) -> Make:
        def make(folder: Path) -> dict[str, Any]:
            os.mkfifo(folder / f"pipe.{ending}")
            given = _named("b.csv")(folder) if name != "data" else {}
            return given | {name: str(folder / f"pipe.{ending}")}

        return make

    def beside(name: str, other: str) -> Make:
        """A name with signs of a pattern, beside a file that the pattern would match."""

        def make(folder: Path) -> dict[str, Any]:
            (folder / other).write_text("x\n1\n2\n")
            return _named(name)(folder) | {"quasi_identifiers": ["age"]}

        return make

    def folder_named_as_table(folder: Path) -> dict[str, Any]:
        (folder / "data.csv").mkdir()
        return {"data": str(folder / "data.csv")}

    def several(folder: Path) -> dict[str, Any]:
        _named("a.csv")(folder)
        in_file("b.csv", "other,columns\n1,2\n3,4\n")(folder)
        return {"data": str(folder / "*.csv")}

    rows: list[tuple[str, Make, Ends]] = [
        ("links in a circle", symlink_loop, "sentence"),
        ("link to nothing", dangling, "sentence"),
        ("link to a file", link, "report"),
        ("folder named as a table", folder_named_as_table, "sentence"),
        ("device", lambda _: {"data": "/dev/zero"}, "sentence"),
        ("file of the kernel", lambda _: {"data": "/proc/self/mem"}, "sentence"),
        ("NUL in the name", lambda _: {"data": "a\0b.csv"}, "sentence"),
        ("name too long", lambda _: {"data": "x" * 5000 + ".csv"}, "sentence"),
        ("name of a range", lambda _: {"data": "http://127.0.0.1:9/x.csv"}, "sentence"),
        ("name in a cloud", lambda _: {"data": "s3://bucket/x.parquet"}, "sentence"),
        ("name of an option", _named("-rf.csv"), "report"),
        ("name of two lines", _named("a\nb.csv"), "report"),
        ("name with quotes", _named("it's \"x\"; --.csv"), "report"),
        ("name of a star", beside("a*.csv", "ab.csv"), "report"),
        ("name of a set", beside("a[bc].csv", "ab.csv"), "report"),
        ("name of a question", beside("a?.csv", "ab.csv"), "report"),
        ("name with a percent", _named("a%20b{x}.csv"), "report"),
        ("pattern of other columns", several, "either"),
        *((f"pipe as {name} {ending}", pipe(name, ending), "sentence") for name, ending in (
            ("data", "csv"), ("data", "parquet"), ("data", "json"), ("population", "csv"), ("log", "jsonl"),
            ("controls", "yaml"), ("plan", "yaml"), ("losses", "yaml"), ("rules", "yaml"),
            ("vendor", "yaml"), ("previous", "d"), ("model", "skops"), ("training", "csv"),
            ("probabilities", "csv"), ("token_file", "txt"), ("log_key", "pub"), ("prompt_file", "txt"),
        )),
    ]  # fmt: skip
    return [Case("data, places", name, make, ends) for name, make, ends in rows]


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


def _databases() -> list[Case]:
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
        ("workbook of entities", in_file("data.xlsx", _book(sheet1=bomb)), "either"),
        ("workbook that unpacks to 200 MB", in_file("data.xlsx", _book(sheet1=b" " * 200_000_000)), "either"),
        ("workbook with names that climb", in_file("data.xlsx", _zip({"../../x": b"1", "/etc/x": b"2"})),
         "sentence"),
        ("workbook of no XML", in_file("data.xlsx", _book(sheet1=b"\xff\xfe<nothing")), "sentence"),
        ("sheet that is not there", in_file("data.xlsx", good("xlsx"), table="../x"), "sentence"),
    ]  # fmt: skip
    return [Case("data, containers", name, make, ends, slow="200 MB" in name) for name, make, ends in rows]
