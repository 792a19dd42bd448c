"""The risk register as a spreadsheet opens it: quoted, and no cell that a spreadsheet would calculate."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence

from secure_ai.assess.section import Cell
from secure_ai.assess.treatment.register import COLUMNS, register_rows
from secure_ai.core import Finding

# What makes a spreadsheet calculate, also in its full-width forms and after what it skips before it.
FORMULA = re.compile(r"[\s\x00-\x20\x7f\u200b\u2060\ufeff]*[=+\-@|%＝＋－＠−]|[\t\r\n\x00]")
# Excel refuses longer cells; the whole text stands in report.html and findings.json.
LONGEST_CELL = 32_000


def register_csv(findings: Sequence[Finding]) -> str:
    """Return the register as CSV: RFC 4180, every cell quoted, formulas made text by an apostrophe.

    Each line ends with CR LF. It is to be written with a byte order mark: without one Excel takes UTF-8 for
    the code page of the machine, and ``§`` or ``×`` turn into other signs; LibreOffice, Google Sheets and
    pandas (``utf-8-sig``) read it either way.
    """
    return rows_csv(register_rows(findings), COLUMNS)


def rows_csv(rows: Sequence[Mapping[str, Cell]], columns: Sequence[str]) -> str:
    """Return rows as CSV with a heading, guarded against formulas."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow([guarded(name) for name in columns])
    writer.writerows([guarded(row.get(name)) for name in columns] for row in rows)
    return text.getvalue()


def guarded(value: Cell) -> str:
    """Return a cell as text that no spreadsheet calculates; a figure stays a figure, absent is empty.

    >>> guarded("=1+1"), guarded("  @SUM(A1)"), guarded(-0.5), guarded(None)
    ("'=1+1", "'  @SUM(A1)", '-0.5', '')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return repr(value)
    # A null byte ends the file for some readers; a line break inside a cell breaks it for others.
    text = re.sub(r"\s*[\r\n\x0b\x0c\x85\u2028\u2029]\s*", " ", value.replace("\x00", ""))
    if len(text) > LONGEST_CELL:
        text = text[:LONGEST_CELL] + "…"
    return f"'{text}" if FORMULA.match(text) else text
