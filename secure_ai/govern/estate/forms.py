"""How one identifier may be written: case, accents, order of names, separators in numbers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import date

NUMBER_KINDS = frozenset({"ssn", "phone", "pan", "account_number", "iban", "national_id", "token"})
"""Kinds whose digits are written with separators that differ from place to place."""
NAME_KINDS = frozenset({"name"})
SEPARATORS = " \t-./()+_\u00a0"


def fold(text: str) -> str:
    """Return the text without accents and case, for comparing names."""
    if text.isascii():
        return text.lower()
    parts = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(letter for letter in parts if not unicodedata.combining(letter))
    return plain.translate(_LETTERS)


_LETTERS = str.maketrans({"đ": "d", "ø": "o", "ł": "l", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"})


def digits(text: str) -> str:
    """Return the digits alone."""
    return re.sub(r"\D", "", text)


def squeezed(text: str) -> str:
    """Return the text without separators, in small letters: the form in which numbers are compared."""
    return re.sub(r"[\s\-./()+_]", "", text).lower()


def phone_digits(text: str) -> str:
    """Return a telephone number's digits without the country code 1."""
    found = digits(text)
    return found[1:] if len(found) == 11 and found.startswith("1") else found


def name_orders(name: str) -> tuple[str, ...]:
    """Return the ways in which a full name is written: first last; last, first; last first; F. last."""
    words = name.split()
    if len(words) < 2:
        return (name,)
    first, last = words[0], " ".join(words[1:])
    return tuple(
        dict.fromkeys([name, f"{last}, {first}", f"{last} {first}", f"{last},{first}", f"{first}_{last}",
                       f"{first}.{last}", f"{first}+{last}"])
    )  # fmt: skip


def date_forms(day: str) -> tuple[str, ...]:
    """Return the usual ways of writing an ISO date; nothing if it is none."""
    try:
        found = date.fromisoformat(day)
    except ValueError:
        return ()
    month, number, year = found.month, found.day, found.year
    names = f"{found:%B}", f"{found:%b}"
    return (
        day, f"{found:%Y%m%d}", f"{found:%Y/%m/%d}", f"{found:%m/%d/%Y}", f"{month}/{number}/{year}",
        f"{found:%m-%d-%Y}", f"{found:%d.%m.%Y}", f"{found:%m/%d/%y}", f"{month}/{number}/{found:%y}",
        *(f"{name} {number}, {year}" for name in names), *(f"{number} {name} {year}" for name in names),
    )  # fmt: skip


def same_value(kind: str, one: str, other: str) -> bool:
    """Return whether two ways of writing give one identifier of that kind."""
    if kind == "phone":
        return phone_digits(one) == phone_digits(other) != ""
    if kind in NUMBER_KINDS:
        return squeezed(one) == squeezed(other) != ""
    return " ".join(fold(one).split()) == " ".join(fold(other).split())


def comparable(kind: str, value: str) -> str:
    """Return the form in which two values of one kind are the same."""
    if kind == "phone":
        return phone_digits(value)
    if kind in NUMBER_KINDS:
        return squeezed(value)
    return " ".join(fold(value).split())


def values_of(identifiers: Mapping[str, tuple[str, ...]]) -> list[tuple[str, str]]:
    """Return (kind, value) of every identifier that is not empty."""
    return [(kind, value) for kind, values in identifiers.items() for value in values if value]
