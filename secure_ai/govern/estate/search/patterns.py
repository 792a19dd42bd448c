"""Every form in which a value of the person may stand in a file, as bytes to look for."""

from __future__ import annotations

import base64
import hashlib
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote, quote_plus

from secure_ai.govern.estate.forms import (
    NAME_KINDS,
    NUMBER_KINDS,
    date_forms,
    fold,
    name_orders,
    phone_digits,
    squeezed,
)
from secure_ai.govern.estate.mentions import is_number, means_somebody
from secure_ai.govern.estate.subject import Subject

PSEUDONYM, BIRTH_DATE = "pseudonym", "birth_date"
DIGESTS = {"MD5": hashlib.md5, "SHA-1": hashlib.sha1, "SHA-256": hashlib.sha256, "SHA-512": hashlib.sha512}
_SHORTEST = 4


@dataclass(frozen=True)
class Pattern:
    """One form of one value.

    Attributes:
        kind: kind of identifier.
        form: how it is written.
        data: the bytes; small ASCII letters unless ``exact``.
        exact: whether case matters, as in base64; then ``original`` must stand there.
        original: the bytes with their case.
        shared: whether others have the value, too.
        text: the value that it stands for, for looking into decoded records.
        squeezed: to be looked for where separators were taken out.
        words: to be looked for in every writing of the masker, where one of its words stands.
    """

    kind: str
    form: str
    data: bytes
    exact: bool
    original: bytes
    shared: bool
    text: str
    squeezed: bool = False
    words: bool = False


def patterns_of(subject: Subject) -> list[Pattern]:
    """Return all patterns of a person; values too short to point to anybody are left out."""
    values = [("key", subject.key, False)]
    if subject.pseudonym:
        values.append((PSEUDONYM, subject.pseudonym, False))
    values += [
        (kind, value, value in subject.shared)
        for kind, found in sorted(subject.identifiers.items())
        for value in found
    ]
    values += [(BIRTH_DATE, day, True) for day in date_forms(subject.birth_date)]
    made: dict[tuple[bytes, bool, bool], Pattern] = {}
    for kind, value, shared in values:
        if means_somebody(kind, value):
            for pattern in _patterns(kind, value, shared):
                if len(pattern.data) >= _SHORTEST or (pattern.words and len(pattern.data) > 1):
                    made.setdefault((pattern.data, pattern.squeezed, pattern.words), pattern)
    return list(made.values())


def _patterns(kind: str, value: str, shared: bool) -> Iterator[Pattern]:
    if kind in NAME_KINDS:
        for word in dict.fromkeys(variant for one in value.split() for variant in _spellings(one)):
            yield Pattern(kind, "other writing", word, False, word, shared, value, words=True)
    for written in _written(kind, value):
        for form, data in _encoded(written):
            yield Pattern(kind, form, data.lower(), False, data, shared, value)
        for cased in dict.fromkeys([written, written.lower(), written.upper()]):
            raw = cased.encode()
            yield Pattern(kind, "hexadecimal", raw.hex().encode(), False, b"", shared, value)
            for data in _base64(raw):
                yield Pattern(kind, "base64", data.lower(), True, data, shared, value)
    for written in dict.fromkeys([value, value.lower(), value.upper(), squeezed(value), fold(value)]):
        for form, digest in DIGESTS.items():
            made = digest(written.encode(), usedforsecurity=False).digest()
            yield Pattern(kind, form, made.hex().encode(), False, b"", shared, value)
            yield Pattern(kind, form, made.lower(), True, made, shared, value)
            text = base64.b64encode(made).rstrip(b"=")
            yield Pattern(kind, form, text.lower(), True, text, shared, value)
    if is_number(kind, value):
        number = phone_digits(value) if kind == "phone" else squeezed(value)
        yield Pattern(kind, "number", number.encode().lower(), False, b"", shared, value, squeezed=True)


def _spellings(word: str) -> Iterator[bytes]:
    for one in (word.lower(), fold(word), unicodedata.normalize("NFD", word.lower())):
        yield one.encode().lower()


def _written(kind: str, value: str) -> list[str]:
    """Return the orders and spellings of a value, before any encoding."""
    found = [value]
    if kind in NAME_KINDS:
        words = value.split()
        found = [*name_orders(value), "".join(words), "".join([*words[1:], words[0]])]
    elif kind == "phone":
        found = [value, phone_digits(value)]
    elif kind in NUMBER_KINDS:
        found = [value, squeezed(value), squeezed(value).upper()]
    return list(dict.fromkeys(form for one in found for form in (one, _without_accents(one))))


def _without_accents(text: str) -> str:
    return text if text.isascii() else fold(text)


def _encoded(text: str) -> Iterator[tuple[str, bytes]]:
    for cased in dict.fromkeys([text, text.lower(), text.upper()] if not text.isascii() else [text]):
        yield "text", cased.encode()
        yield "JSON-escaped", "".join(f"\\u{ord(one):04x}" for one in cased).encode()
        # Without the zeros at the end one pattern finds both byte orders.
        yield "UTF-16", cased.encode("utf-16-le")[:-1]
        yield "UTF-32", cased.encode("utf-32-le")[:-3]
        for escaped in {quote(cased, safe=""), quote_plus(cased), quote(cased)} - {cased}:
            yield "URL-escaped", escaped.encode()
        if cased.isascii():
            continue
        yield "text", unicodedata.normalize("NFD", cased).encode()
        yield "UTF-16", unicodedata.normalize("NFD", cased).encode("utf-16-le")[:-1]
        yield "JSON-escaped", cased.encode("ascii", "backslashreplace").replace(b"\\x", b"\\u00")
        yield "XML-escaped", cased.encode("ascii", "xmlcharrefreplace")
        for code in ("latin-1", "cp1250", "cp1258"):
            try:
                yield "Latin", cased.encode(code)
            except UnicodeEncodeError:
                continue


def _base64(raw: bytes) -> Iterator[bytes]:
    """Yield the base64 of the value at its three offsets, without the letters that neighbors decide."""
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + raw)
        first = (0, 2, 3)[offset]
        last = len(encoded) - (0, 3, 2)[(offset + len(raw)) % 3]
        middle = encoded[first:last]
        if len(middle) >= 6:
            yield middle
            if middle != (other := middle.translate(bytes.maketrans(b"+/", b"-_"))):
                yield other
