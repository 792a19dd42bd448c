"""Excel forms without Excel: one sheet of text cells, written by DuckDB and read with suspicion."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from xml.etree import ElementTree

import duckdb
import pandas as pd

from secure_ai.core.errors import UserError
from secure_ai.core.sources import load_extension

SHEET = "answers"
LARGEST_INSIDE = 50_000_000
DATES = ("date", "expires")
COUNT_OF_DAYS = re.compile(r"[1-9][0-9]{4}(\.0+)?")
WIDTHS = {"question": 30, "asked": 60, "answer_as": 32, "documents_accepted": 30, "answer": 24, "comment": 40}


def write_workbook(path: Path, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write rows of text as the one sheet of a new workbook; no cell becomes a formula."""
    frame = pd.DataFrame(rows, columns=list(columns), dtype="str")
    with duckdb.connect() as connection:
        load_extension(connection, "excel")
        connection.register("form", frame)
        target = str(path).replace("'", "''")
        connection.execute(
            f"COPY (SELECT * FROM form) TO '{target}' (FORMAT xlsx, HEADER true, SHEET '{SHEET}')"
        )
    _widen(path, columns)


def read_workbook(path: Path, label: str) -> list[list[str]]:
    """Return the cells of a workbook's one sheet as text, the header first.

    Raises:
        UserError: if it is no workbook, has several sheets, formulas, macros or links to other files.
    """
    ancient = _inspect(path, label)
    try:
        with duckdb.connect() as connection:
            load_extension(connection, "excel")
            source = str(path).replace("'", "''")
            found = connection.execute(
                f"SELECT * FROM read_xlsx('{source}', header=false, all_varchar=true, stop_at_empty=false)"
            ).fetchall()
    except duckdb.Error:
        raise UserError(f"{label} is no workbook that can be read: save it again as .xlsx.") from None
    table = [["" if cell is None else str(cell) for cell in row] for row in found]
    return _with_dates(table, ancient)


def _inspect(path: Path, label: str) -> bool:
    """Return whether the workbook counts days from 1904; refuse what no form has."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if sum(info.file_size for info in archive.infolist()) > LARGEST_INSIDE:
                raise UserError(f"{label} is larger inside than any form: ask for it again.")
            if any("vbaProject" in name or name.startswith("xl/externalLinks/") for name in names):
                raise UserError(
                    f"{label} has macros or links to other files: ask for a form with values only."
                )
            with archive.open("xl/workbook.xml") as file:
                root = ElementTree.parse(file).getroot()
            sheets = [node for node in root.iter() if _local(node.tag) == "sheet"]
            if len(sheets) != 1:
                raise UserError(f"{label} has {len(sheets)} sheets: leave only the one named '{SHEET}'.")
            for name in names:
                if name.startswith("xl/worksheets/") and name.endswith(".xml"):
                    with archive.open(name) as file:
                        _no_formula(file, label)
            properties = [node for node in root.iter() if _local(node.tag) == "workbookPr"]
            return any(node.get("date1904") in ("1", "true") for node in properties)
    except (zipfile.BadZipFile, KeyError, ElementTree.ParseError, RuntimeError, NotImplementedError):
        raise UserError(f"{label} is no workbook that can be read: save it again as .xlsx.") from None


def _no_formula(file, label: str) -> None:
    cell = ""
    for event, node in ElementTree.iterparse(file, events=("start", "end")):
        name = _local(node.tag)
        if event == "start" and name == "c":
            cell = node.get("r", "")
        elif event == "start" and name == "f":
            raise UserError(f"{label} has a formula in cell {cell}: ask for a form with values only.")
        elif event == "end" and name == "row":
            node.clear()


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _with_dates(table: list[list[str]], ancient: bool) -> list[list[str]]:
    # A cell that Excel shows as a date is stored as a count of days.
    head = [cell.strip().casefold() for cell in table[0]] if table else []
    first = date(1904, 1, 1) if ancient else date(1899, 12, 30)
    for column in (head.index(name) for name in DATES if name in head):
        for row in table[1:]:
            if COUNT_OF_DAYS.fullmatch(row[column]):
                row[column] = _day(row[column], first)
    answer = head.index("answer") if "answer" in head else -1
    for row in table[1:]:
        if answer >= 0 and row[0] == "form.completed_on" and COUNT_OF_DAYS.fullmatch(row[answer]):
            row[answer] = _day(row[answer], first)
    return table


def _day(count: str, first: date) -> str:
    return (first + timedelta(int(float(count)))).isoformat()


def _widen(path: Path, columns: Sequence[str]) -> None:
    """Give the columns widths, so that the questions can be read without dragging."""
    widths = "".join(
        f'<col min="{place}" max="{place}" width="{WIDTHS.get(name, 20)}" customWidth="1"/>'
        for place, name in enumerate(columns, start=1)
    )
    with zipfile.ZipFile(path) as archive:
        parts = [(info, archive.read(info)) for info in archive.infolist()]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for info, content in parts:
            data = content
            if info.filename.startswith("xl/worksheets/") and b"<cols" not in data:
                data = data.replace(b"<sheetData", f"<cols>{widths}</cols><sheetData".encode(), 1)
            archive.writestr(info.filename, data)
