"""Is the first line of a file its header? If not, names of people would pass as names of columns."""

from __future__ import annotations

import regex

from secure_ai.core.errors import UserError
from secure_ai.core.sources import NUMERIC, Source, quote_identifier

_IDENTIFIERS = ("EMAIL_ADDRESS", "US_SSN", "CREDIT_CARD", "IBAN_CODE", "PHONE_NUMBER")
_WHOLE = regex.compile(r"\d{1,15}")
_DECIMAL = regex.compile(r"-\d+|-?\d+\.\d+")
_NUMBER = regex.compile(r"[-+.\d][-+.\deE]*|inf|nan", regex.IGNORECASE)
_DATE = regex.compile(r"\d{4}-\d{2}-\d{2}([T ].*)?")
_NUMBERED = regex.compile(r"column\d+")
ENOUGH = 2
"""Points from which a header counts as data: a name that is a number or date as its column holds them
and does occur there makes two, a word that occurs in its own column one."""


def refuse_data_as_header(source: Source) -> None:
    """Refuse a table whose column names are a record.

    Signs are names that are identifiers of people, names that occur as values of their own column,
    decimals, dates, and a header that is mostly empty (a title line above the true one). Whole numbers
    that count up (years, pixels) are names like any other.

    Raises:
        UserError: naming the column by its number, never by what stands there.
    """
    from secure_ai.discover.detector import detect  # slow to load

    names = source.columns
    # Few headers hold an identifier; those of letters only hold none that is looked for here.
    odd = [i for i, name in enumerate(names, 1) if "@" in name or sum(map(str.isdigit, name)) >= 7]
    found = detect([names[i - 1] for i in odd], entities=_IDENTIFIERS, threshold=0.5) if odd else []
    number = next((i for i, spans in zip(odd, found, strict=True) if spans), None)
    if number is not None:
        _refuse(source, f"column {number} is named like an identifier")
    points = {i: _points(source, name) for i, name in enumerate(names, 1) if _candidate(source, name)}
    if any(points.values()):
        # A number for a name says little alone (a year, a dose), but something beside a word that is a value.
        points |= {i: max(p, int(_numeric(source, names[i - 1]))) for i, p in points.items()}
    if points and sum(points.values()) >= min(ENOUGH, len(names)):
        _refuse(source, f"the name of column {max(points, key=points.__getitem__)} is a value of that column")
    unnamed = sum(_NUMBERED.fullmatch(name) is not None for name in names)
    if len(names) > 2 and 1 < unnamed < len(names) and unnamed > len(names) / 2 and names[0] != "column0":
        _refuse(source, f"{unnamed} of {len(names)} columns have no name")


def _candidate(source: Source, name: str) -> bool:
    if _WHOLE.fullmatch(name):
        return not any(str(int(name) + step) in source.types for step in (-1, 1))
    return len(name) <= 200


def _numeric(source: Source, name: str) -> bool:
    return _WHOLE.fullmatch(name) is not None and source.types[name] in NUMERIC


def _points(source: Source, name: str) -> int:
    kind = source.types[name]
    if _DECIMAL.fullmatch(name) and kind in NUMERIC:
        return ENOUGH
    if _DATE.fullmatch(name) and kind.startswith(("DATE", "TIMESTAMP")):
        return ENOUGH
    if kind == "BOOLEAN":  # 'f' among records that are all female
        return int(name.lower() in {"t", "f", "true", "false"})
    if kind in NUMERIC and not _NUMBER.fullmatch(name):
        return 0  # a word is no value of a column of numbers: nothing to look up
    if kind.startswith(("DATE", "TIMESTAMP", "STRUCT", "MAP", "BLOB", "TIME")) or kind.endswith("]"):
        return 0
    column = quote_identifier(name)
    there = source.sql(f"SELECT 1 FROM source WHERE CAST({column} AS VARCHAR) = ? LIMIT 1", [name]).fetchone()
    return 0 if there is None else ENOUGH if _WHOLE.fullmatch(name) else 1


def _refuse(source: Source, sign: str) -> None:
    raise UserError(
        f"The header of {source.label} looks like data ({sign}): add a header line, or give the file's first "
        "line a name for every column."
    )
