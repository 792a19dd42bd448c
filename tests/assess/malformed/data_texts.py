"""Texts that are no table, or a strange one: encodings, delimiters, ragged rows, hostile names."""

from __future__ import annotations

from typing import Any

from tests.assess.malformed.case import CANARY, ROWS, Case, Ends, counted, good, in_file


def texts_cases() -> list[Case]:
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
        ("two BOMs", b"\xef\xbb\xbf" * 2 + text.encode(), "report", {}),
        ("utf-16 with BOM", text.encode("utf-16"), "report", {}),
        ("utf-16 without BOM", text.encode("utf-16-le"), "sentence", {}),
        ("utf-16 big-endian", text.encode("utf-16-be"), "sentence", {}),
        ("utf-16 of odd length", text.encode("utf-16")[:-1], "sentence", {}),
        ("utf-32", text.encode("utf-32"), "sentence", {}),
        ("utf-7", umlauts.encode("utf-7"), "report", {}),
        ("surrogates", text.encode() + b"1,f,\xed\xa0\x80,x\n", "sentence", {}),
        ("EBCDIC", text.encode("cp500"), "sentence", {}),
        ("field of 10 MB", head + f"1,f,2,{million}\n", "sentence", {}),
        ("header of 10 MB", million + "\n1\n2\n", "sentence", {}),
        ("quote never closed", head + '1,f,2,"' + body * 2, "sentence", {}),
        ("quote in the header", '"' + text, "report", {}),
        ("ragged, longer", text + "1,f,2,x,5,6\n", "sentence", {}),
        ("ragged, shorter", text + "1,f\n", "sentence", {}),
        ("every row ragged", head + "".join("1," * (i % 7) + "2\n" for i in range(50)), "sentence", {}),
        ("header shorter than rows", "age,sex\n" + body, "sentence", {}),
        ("wrong delimiter", text, "sentence", {"delimiter": ";"}),
        ("a letter as delimiter", text, "sentence", {"delimiter": "a"}),
        ("a quote as delimiter", text, "sentence", {"delimiter": '"'}),
        ("a line break as delimiter", text, "sentence", {"delimiter": "\n"}),
        ("a NUL as delimiter", text, "sentence", {"delimiter": "\0"}),
        ("a snowman as delimiter", text.replace(",", "☃"), "report", {"delimiter": "☃"}),
        ("mixed delimiters", head.replace(",", ";") + body, "sentence", {}),
        ("mixed line ends", text.replace("\n", "\r\n", 9), "sentence", {}),
        ("old line ends", text.replace("\n", "\r"), "report", {}),
        ("dates out of range", "born,n\n" + "".join(f"99999-13-{i},1\n" for i in range(40)), "report", {}),
        ("dates of year 0", "born,n\n" + "".join("0000-00-00,1\n" for i in range(40)), "report", {}),
        ("late date", "born\n" + "2001-02-03\n" * 5000 + "the day after\n", "report", {}),
        ("infinities", "x,y\n" + "inf,nan\n-inf,NaN\n1e999,Infinity\n" * 20, "report", {}),
        ("numbers of 400 digits", "x,y\n" + f"{'9' * 400},1\n" * 20, "report", {}),
        ("every value empty", "a,b\n" + ",\n" * 30, "report", {}),
        ("one row", "a,b\n1,2\n", "report", {}),
        ("terminal codes", text.replace(CANARY, f"\x1b[2J\x07{CANARY}"), "report", {}),
        ("right to left", text.replace(CANARY, f"\u202e{CANARY}"), "report", {}),
    ]
    # Where it is not that of the table without fault: records and columns.
    shapes = {
        "dates out of range": (40, 2), "dates of year 0": (40, 2), "late date": (5001, 1),
        "infinities": (60, 2), "numbers of 400 digits": (20, 2), "every value empty": (30, 2),
        "one row": (1, 2),
    }  # fmt: skip
    return [
        Case(
            "data, text", name, in_file("data.csv", content, **options), ends,
            facts=counted(*shapes.get(name, (ROWS, 4))) if ends == "report" else {},
        )
        for name, content, ends, options in rows
    ]  # fmt: skip


def columns_cases() -> list[Case]:
    values = "1,2,3\n" * 30
    wide = 5000
    long = "n" * 70_000
    headers: list[tuple[str, str, Ends]] = [
        ("duplicated", "a,a,a", "report"),
        ("differing in case", "a,A,á", "report"),
        ("empty", ",,", "report"),
        ("spaces", " ,  ,   ", "report"),
        ("markup", "<script>alert(1)</script>,<img src=x onerror=alert(1)>,</style>", "report"),
        ("formulas", "\"=cmd|'/c calc'!A0\",+1+1,@SUM(A1)", "report"),
        ("paths", "../../etc/passwd,/etc/shadow,C:\\x", "report"),
        ("SQL", '"a""; DROP TABLE source; --",b\'),c*', "report"),
        ("templates", "{{ 7*7 }},{% include 'x' %},${HOME}", "report"),
        ("two lines", '"a\nb","c\rd",e', "report"),
        ("invisible", "a\u200b,\u202eb,c\u0007", "report"),
        ("very long", f"{long},b,c", "report"),
        ("words of SQL", "select,from,order", "report"),
        ("names of the kit", "source,_row,rowid", "report"),
        ("numbers", "1,2,3", "report"),
        ("values as header", f"{CANARY}@example.com,1970-01-01,078-05-1120", "sentence"),
    ]
    cases = [
        Case(
            "data, columns", name, in_file("data.csv", f"{header}\n{values}"), ends,
            facts=counted(30, 3) if ends == "report" else {},
        )
        for name, header, ends in headers
    ]  # fmt: skip
    many = ",".join(f"c{i}" for i in range(wide)) + "\n" + (",".join("1" * wide) + "\n") * 3
    make = in_file("data.csv", many)
    last = Case("data, columns", "5,000 of them", make, "report", slow=True, facts=counted(3, wide))
    return [*cases, last]
