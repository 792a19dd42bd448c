"""Patterns of dates as notes, messages and forms write them; never a bare year, a weekday or "today"."""

from __future__ import annotations

import regex

from secure_ai.discover.pattern_recognizer import any_of
from secure_ai.discover.screen import Screen

_MONTH_WORDS = (
    "january february march april may june july august september october november december jan feb mar "
    "apr jun jul aug sep sept oct nov dec"
)
MONTHS = any_of(_MONTH_WORDS.split())
# Title case or capitals: "may 5" and "march 3" are words of a sentence more often than dates.
_MONTHS_AS_NAMES = (
    f"(?-i:{any_of(form for word in _MONTH_WORDS.split() for form in (word.title(), word.upper()))})"
)
_DAY = r"(?:[12]\d|3[01]|0?[1-9])"
_ORDINAL = rf"{_DAY}(?:st|nd|rd|th)?"
_YEAR = r"(?:1[0-9]|20|21)\d\d"
_CLOCK = (
    r"(?:(?:[T ]|,[ ]|[ ]at[ ])(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:[.,]\d{1,9})?)?"
    r"(?:[ ]?[AP]\.?M\b\.?)?(?:Z\b|[ ]?(?:UTC|GMT)\b|[+-]\d\d:?\d\d\b)?)?"
)
_START = r"(?<![\p{L}\p{N}./-])"
_END = r"(?![\p{L}\p{N}]|[./-]\d)"
_WITH_MONTH = Screen(words=_MONTH_WORDS, run=1)

DATE = (
    (
        "month day, year",
        rf"\b{MONTHS}\b\.?,?[ ]+{_ORDINAL},?[ ]+{_YEAR}\b{_CLOCK}",
        0.9,
        _WITH_MONTH,
    ),
    (
        "day month year",
        rf"\b{_ORDINAL}\.?(?:[ ]+|-|/)(?:of[ ]+)?{MONTHS}\b\.?,?(?:[ ]+|-|/)(?:{_YEAR}|'?\d\d)\b(?![:%]|"
        rf"[.,]\d){_CLOCK}",
        0.9,
        _WITH_MONTH,
    ),
    (
        "month day",
        rf"\b{_MONTHS_AS_NAMES}\b\.?[ ]+(?:the[ ]+)?{_ORDINAL}\b(?![ ]*(?:mg|ml|%|[ap]m\b)|,?[ ]*\d|[.:/-]"
        rf"\d)",
        0.87,
        _WITH_MONTH,
    ),
    (
        "day month",
        rf"\b{_ORDINAL}[ -](?:of[ ]+)?{_MONTHS_AS_NAMES}\b(?![\p{{L}}\p{{N}}-])",
        0.87,
        _WITH_MONTH,
    ),
    ("no blanks", rf"\b{_DAY}{MONTHS}{_YEAR}\b", 0.9, _WITH_MONTH),
    ("month year", rf"\b{_MONTHS_AS_NAMES}\b\.?,?(?:[ ]+(?:of[ ]+)?|-|/){_YEAR}\b(?!-\d)", 0.87, _WITH_MONTH),
    ("month and two digits", rf"\b{_MONTHS_AS_NAMES}[-'’/]\d\d\b(?![-:/]\d)", 0.6, _WITH_MONTH),
    (
        "year first",
        rf"{_START}{_YEAR}([-/.])(?:0?[1-9]|1[0-2])\1{_DAY}(?!\d|[/-]\d){_CLOCK}",
        0.9,
        Screen(shape="year and part"),
    ),
    (
        "day, month and full year in digits",
        rf"{_START}(?=\d\d?[/.-]\d)(?:{_DAY}([/.-])(?:0?[1-9]|1[0-2])|(?:0?[1-9]|1[0-2])([/.-]){_DAY})"
        rf"(?:\1|\2){_YEAR}{_END}{_CLOCK}",
        0.9,
        Screen(shape="parts of a date", run=4),
    ),
    (
        "day, month and year of two digits",
        rf"{_START}(?:{_DAY}/(?:0?[1-9]|1[0-2])|(?:0?[1-9]|1[0-2])/{_DAY})/\d\d{_END}{_CLOCK}",
        0.86,
        Screen(shape="parts of a date", marks=("/",)),
    ),
    (
        "the same with points or hyphens",
        rf"{_START}(?=\d\d?[.-]\d)(?:{_DAY}([.-])(?:0?[1-9]|1[0-2])|(?:0?[1-9]|1[0-2])([.-]){_DAY})(?:\1|"
        rf"\2)\d\d(?!\w|[./-]\d|[.]\w)",
        0.35,
        Screen(shape="parts of a date", marks=(".", "-")),
    ),
    (
        "month/day after a cue",
        r"\b(?:on|since|until|from|by|dated?|dob|seen|admitted|discharged|due)(?!\p{L})\s*[:]?\s+"
        r"\K(?:0?[1-9]|1[0-2])/(?:0?[1-9]|[12]\d|3[01])\b(?![/.]?\d)",
        0.5,
        Screen(
            words="on since until from by date dated dob seen admitted discharged due",
            shape="slash between digits",
        ),
    ),
    (
        "month/year",
        rf"{_START}(?:0?[1-9]|1[0-2])/(?:19|20)\d\d{_END}",
        0.6,
        Screen(shape="slash between digits", run=4),
    ),
    (
        "eight digits after a cue",
        r"\b(?:dob|date\s+of\s+birth|birth\s*date|born|date)(?!\p{L})\s*[:=]?\s*"
        r"\K(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\b",
        0.9,
        Screen(words="dob date birth birthdate born", run=8),
    ),
)

_MONTH = regex.compile(rf"\b{MONTHS}\b", regex.IGNORECASE)
_NUMERIC = regex.compile(r"\d{1,4}[./-]\d{1,2}|\b(?:19|20)\d{6}\b|\d(?:st|nd|rd|th)\b(?!\s+century)")


def is_date(text: str) -> bool:
    """Return whether a phrase that a model calls a date names a month or a day.

    Models of newspaper text call "today", "Friday", "two weeks" and "1997" dates as well; none of
    them is one of the dates that HIPAA means.
    """
    if not any(character.isdigit() for character in text):
        return bool(_MONTH.search(text)) and not text.islower()
    return bool(_MONTH.search(text) or _NUMERIC.search(text))
