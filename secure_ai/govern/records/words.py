"""Values of a document as words: figures with their interval, visible gaps, no invisible characters."""

from __future__ import annotations

import math
import re
import unicodedata
from datetime import date, datetime

from secure_ai.core import Measurement, Unassessed
from secure_ai.core.figures import percent
from secure_ai.govern.records.document import Inline, Link, Text, ToBeFilled, parts

SHARES = frozenset({"probability", "share", "rate", "proportion", "percent"})
SAFE_ADDRESS = re.compile(r"(https?://[^\s<>\"'\\]+|mailto:[^\s<>\"'\\]+|#[\w.-]+)", re.IGNORECASE)
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def plain(text: Text) -> str:
    """Return a text as one line of words."""
    return "".join(word(part) for part in parts(text)).strip()


def word(part: Inline) -> str:
    """Return one value in words, on one line and without characters that are not seen."""
    if part is None:
        return ""
    if isinstance(part, bool):
        return "yes" if part else "no"
    if isinstance(part, Measurement):
        return measurement_words(part)
    if isinstance(part, Unassessed):
        return clean(part.sentence())
    if isinstance(part, ToBeFilled):
        return f"[to be filled: {clean(part.what)}]"
    if isinstance(part, Link):
        return clean(part.words)
    if isinstance(part, int):
        return f"{part:,}"
    if isinstance(part, float):
        return number(part)
    if isinstance(part, datetime):
        return part.isoformat(sep=" ", timespec="minutes")
    if isinstance(part, date):
        return part.isoformat()
    return clean(str(part))


def measurement_words(found: Measurement) -> str:
    """Return a figure with its interval and the number of observations it rests on."""
    low, high = found.interval
    value = figure(found.value, found.unit)
    where = f"n = {found.n:,}"
    if low == high:
        return clean(f"{value} (exact count; {where})")
    return clean(f"{value} (95 % interval {figure(low, found.unit)} to {figure(high, found.unit)}; {where})")


def figure(value: float, unit: str) -> str:
    """Return a figure with its unit; shares as percentages."""
    return percent(value) if unit in SHARES and 0 <= value <= 1 else f"{number(value)} {unit}".strip()


def number(value: float) -> str:
    """Return a number with separators and no more digits than it can bear (four significant ones)."""
    if not math.isfinite(value):
        return "not known" if math.isnan(value) else ("infinite" if value > 0 else "minus infinite")
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def clean(text: str) -> str:
    """Return a text on one line; what is not seen or turns the reading direction becomes U+FFFD."""
    joined = re.sub(r"\s+", " ", text)
    return "".join(_seen(character) for character in joined)


def safe_address(address: str) -> str | None:
    """Return the address if a document may lead there, else None (``javascript:`` and the like)."""
    return address if SAFE_ADDRESS.fullmatch(address) else None


def _seen(character: str) -> str:
    # Cf holds the marks that reverse what is read; the joiners in it are part of scripts and emoji.
    if character in "\u200c\u200d\u00ad":
        return character
    return "�" if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn"} else character


def csv_cell(text: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.lstrip(" \n").startswith(FORMULA_STARTS) else text
