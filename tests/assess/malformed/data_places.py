"""Names that are no file: links, pipes, devices, addresses, and names with signs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from tests.assess.malformed.case import ROWS, Case, Ends, Make, counted, in_file, named


def places_cases() -> list[Case]:
    def symlink_loop(folder: Path) -> dict[str, Any]:
        (folder / "a.csv").symlink_to(folder / "b.csv")
        (folder / "b.csv").symlink_to(folder / "a.csv")
        return {"data": str(folder / "a.csv")}

    def dangling(folder: Path) -> dict[str, Any]:
        (folder / "a.csv").symlink_to(folder / "none.csv")
        return {"data": str(folder / "a.csv")}

    def link(folder: Path) -> dict[str, Any]:
        (folder / "a.csv").symlink_to(Path(named("b.csv")(folder)["data"]))
        return {"data": str(folder / "a.csv")}

    def pipe(name: str, ending: str) -> Make:
        def make(folder: Path) -> dict[str, Any]:
            os.mkfifo(folder / f"pipe.{ending}")
            given = named("b.csv")(folder) if name != "data" else {}
            return given | {name: str(folder / f"pipe.{ending}")}

        return make

    def beside(name: str, other: str) -> Make:
        """A name with signs of a pattern, beside a file that the pattern would match."""

        def make(folder: Path) -> dict[str, Any]:
            (folder / other).write_text("x\n1\n2\n")
            return named(name)(folder) | {"quasi_identifiers": ["age"]}

        return make

    def folder_named_as_table(folder: Path) -> dict[str, Any]:
        (folder / "data.csv").mkdir()
        return {"data": str(folder / "data.csv")}

    def several(folder: Path) -> dict[str, Any]:
        named("a.csv")(folder)
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
        ("name of an option", named("-rf.csv"), "report"),
        ("name of two lines", named("a\nb.csv"), "report"),
        ("name with quotes", named("it's \"x\"; --.csv"), "report"),
        ("name of a star", beside("a*.csv", "ab.csv"), "report"),
        ("name of a set", beside("a[bc].csv", "ab.csv"), "report"),
        ("name of a question", beside("a?.csv", "ab.csv"), "report"),
        ("name with a percent", named("a%20b{x}.csv"), "report"),
        ("pattern of other columns", several, "sentence"),
        *((f"pipe as {name} {ending}", pipe(name, ending), "sentence") for name, ending in (
            ("data", "csv"), ("data", "parquet"), ("data", "json"), ("population", "csv"), ("log", "jsonl"),
            ("controls", "yaml"), ("plan", "yaml"), ("losses", "yaml"), ("rules", "yaml"),
            ("vendor", "yaml"), ("previous", "d"), ("model", "skops"), ("training", "csv"),
            ("probabilities", "csv"), ("token_file", "txt"), ("log_key", "pub"), ("prompt_file", "txt"),
        )),
    ]  # fmt: skip
    whole = counted(ROWS, 4)
    return [
        Case("data, places", name, make, ends, facts=whole if ends == "report" else {})
        for name, make, ends in rows
    ]
