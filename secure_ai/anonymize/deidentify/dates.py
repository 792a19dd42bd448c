"""Dates: read in the forms that people write, moved by days or cut to a year, written in the same form."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from secure_ai.encrypt.secret_keys import Mac

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)  # fmt: skip
_MONTH = {name[:3].lower(): number for number, name in enumerate(MONTHS, 1)}
_NAME = (
    r"(?P<name>Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|"
    r"Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)"
)
_YEAR4 = re.compile(r"(?<!\d)(1[6-9]\d\d|20\d\d|21\d\d)(?!\d)")
_TAIL = r"(?P<tail>(?:[T ,]+\d{1,2}:\d{2}.*)?)"
_OLDEST_TWO_DIGIT = 30  # 30..99 is 19xx, 00..29 is 20xx

_FORMS = tuple(
    re.compile(pattern + _TAIL, re.IGNORECASE | re.DOTALL)
    for pattern in (
        r"(?P<year>\d{4})(?P<s1>[-/.])(?P<month>\d{1,2})(?P<s2>[-/.])(?P<day>\d{1,2})",
        r"(?P<year>(?:19|20)\d\d)(?P<month>[01]\d)(?P<day>[0-3]\d)"
        r"(?P<compact>\d{6}(?:\.\d+)?(?:[+-]\d{4})?)?",
        r"(?P<first>\d{1,2})(?P<s1>[-/. ])(?P<second>\d{1,2})(?P<s2>[-/. ])(?P<year>\d{4}|\d{2})",
        _NAME
        + r"(?P<s1>\.?\s+|-)(?P<day>\d{1,2})(?P<nth>st|nd|rd|th)?(?P<s2>,?\s+|-)(?P<year>\d{4}|'?\d{2})",
        r"(?P<day>\d{1,2})(?P<nth>st|nd|rd|th)?(?P<s1>\s+of\s+|\s+|-)" + _NAME
        + r"(?P<s2>\.?,?\s+|-)(?P<year>\d{4}|'?\d{2})",
        _NAME + r"(?P<s1>\.?\s+|-)(?P<day>\d{1,2})(?P<nth>st|nd|rd|th)?",
        r"(?P<day>\d{1,2})(?P<nth>st|nd|rd|th)?(?P<s1>\s+of\s+|\s+|-)" + _NAME,
        _NAME + r"(?P<s1>\.?,?\s+(?:of\s+)?|-)(?P<year>\d{4})",
        r"(?P<year>\d{4})(?P<s1>[-/.])(?P<month>\d{1,2})",
        r"(?P<month>\d{1,2})(?P<s1>[/])(?P<day>\d{1,2})",
    )
)  # fmt: skip


@dataclass(frozen=True)
class ReadDate:
    """A date as it was written: its day, and how to write another day in the same form."""

    day: date
    write: Callable[[date], str]


def read_date(text: str, *, day_first: bool = False, year: int = 2000) -> ReadDate | None:
    """Read ``text`` as one date, or return None if it is none.

    Numeric dates are taken as month/day unless the first number is above 12 (or ``day_first``);
    times of day are left as they are. A form without a day or year is read with the first of the
    month, or with ``year``, and written back without it.
    """
    clean = text.strip()
    for form in _FORMS:
        match = form.fullmatch(clean)
        found = _read(match, day_first, year) if match else None
        if found is not None:
            lead = text[: len(text) - len(text.lstrip())]
            trail = text[len(text.rstrip()) :]
            return ReadDate(found.day, _between(lead, found.write, trail))
    return None


def _between(lead: str, write: Callable[[date], str], trail: str) -> Callable[[date], str]:
    return lambda day: lead + write(day) + trail


def _read(match: re.Match[str], day_first: bool, year: int) -> ReadDate | None:
    part = match.groupdict()
    swapped = False
    if part.get("first"):
        first, second = int(part["first"]), int(part["second"])
        swapped = day_first or first > 12
        month, day = (second, first) if swapped else (first, second)
    elif part.get("name"):
        month, day = _MONTH[part["name"][:3].lower()], int(part.get("day") or 1)
    else:
        month, day = int(part["month"]), int(part.get("day") or 1)
    written = part.get("year")
    if written:
        digits = written.lstrip("'")
        number = int(digits)
        year = number if len(digits) == 4 else number + (1900 if number >= _OLDEST_TWO_DIGIT else 2000)
    try:
        value = date(year, month, day)
    except ValueError:
        return None
    return ReadDate(value, lambda new: _write(match, part, new, swapped))


def _write(match: re.Match[str], part: dict[str, str | None], new: date, swapped: bool) -> str:
    numbers = {"month": new.month, "day": new.day}
    numbers["first"], numbers["second"] = (new.day, new.month) if swapped else (new.month, new.day)
    pieces, at, text = [], 0, match.string
    spans = sorted((match.span(group), group) for group, value in part.items() if value is not None)
    for (start, end), group in spans:
        old = text[start:end]
        pieces.append(text[at:start])
        at = end
        if group == "year":
            quote = "'" if old.startswith("'") else ""
            digits = old.lstrip("'")
            pieces.append(quote + (f"{new.year:04d}" if len(digits) == 4 else f"{new.year % 100:02d}"))
        elif group == "name":
            pieces.append(_month_name(old, new.month))
        elif group == "nth":
            pieces.append(_nth(new.day))
        elif group in numbers:
            width = 2 if old.startswith("0") or (len(old) == 2 and _padded(part)) else 1
            pieces.append(f"{numbers[group]:0{width}d}")
        else:
            pieces.append(old)
    return "".join(pieces) + text[at:]


def _padded(part: dict[str, str | None]) -> bool:
    # "12/25/2020" does not tell whether 1/5 is written 01/05; two digits all through say so.
    fields = [part.get(name) for name in ("first", "second", "month", "day")]
    return all(len(value) == 2 for value in fields if value is not None) and not part.get("name")


def _month_name(old: str, month: int) -> str:
    name = MONTHS[month - 1]
    if old.lower() not in {full.lower() for full in MONTHS} or (len(old) == 3 and old.lower() != "may"):
        name = name[:3]
    return name.upper() if old.isupper() else name.lower() if old.islower() else name


def _nth(day: int) -> str:
    if 11 <= day % 100 <= 13:
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


def shift_days(mac: Mac, person: str, within: int) -> int:
    """Return the constant shift of ``person``: from -``within`` to ``within`` days, never 0."""
    number = mac.number(2 * within, person)
    return number - within if number < within else number - within + 1


def shift_text(text: str, days: int) -> str | None:
    """Move a written date by ``days`` in its own form; None if it cannot be read as one day."""
    found = read_date(text)
    if found is None:
        return None
    try:
        return found.write(found.day + timedelta(days=days))
    except OverflowError:
        return None


def year_of(text: str) -> int | None:
    """Return the year that ``text`` names with four digits, or that its date form gives; None if it has none.

    A year of two digits is read only in a full date ("03/12/98").
    """
    clean = text.strip()
    found = _YEAR4.search(clean)
    if found:
        return int(found[1])
    compact = re.fullmatch(r"((?:19|20)\d\d)[01]\d[0-3]\d(?:\d{6})?.*", clean)
    if compact:
        return int(compact[1])
    match = next((m for form in _FORMS if (m := form.fullmatch(clean))), None)
    if match is None or not match.groupdict().get("year"):
        return None
    read = read_date(clean)
    return None if read is None else read.day.year
