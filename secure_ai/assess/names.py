"""Names that may stand on a report: of columns, classes and groups, and of nothing else.

A column may be called after a person, a class or a group may be one person: what a report shows goes
through here, everywhere. Nothing is escaped: that is for the output that shows it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any, Literal

FEWEST = 20
LONGEST = 60
# Below this the names model takes words of medicine (celsius, thalach) for people; true names score higher.
SURE_OF_A_NAME = 0.75
SURE_OF_A_PATTERN = 0.5
# What the patterns know that points to one person by itself; a place or a date alone does not.
PATTERNS = (
    "EMAIL_ADDRESS", "PHONE_NUMBER", "US_SSN", "US_ITIN", "CREDIT_CARD", "IBAN_CODE", "IP_ADDRESS",
    "MEDICAL_RECORD_NUMBER", "US_MBI", "UUID", "CRYPTO", "MAC_ADDRESS", "US_DRIVER_LICENSE", "US_PASSPORT",
    "US_BANK_NUMBER", "UK_NHS", "STREET_ADDRESS",
)  # fmt: skip
_ODD = re.compile(r"@|\d(?:\D?\d){4}|[0-9A-Fa-f]:[0-9A-Fa-f]|\d\s*\w+\s+(?:st|rd|ave|lane|street|road)", re.I)
_CAPITALIZED = re.compile(r"[A-ZÀ-Þ][a-zß-ÿ]{2,}(?![a-zß-ÿ])")
_LONG_NUMBER = re.compile(r"[1-9](?:[-. ]?\d){8,}")


def clean(text: Any) -> str:
    """Return a text on one line without invisible characters, cut after 60.

    Control characters, marks that turn the direction of writing, line breaks and lone surrogates become
    spaces: on a report they could hide or reorder what stands beside them.
    """
    text = str(text)[: 4 * LONGEST]
    seen = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in text)
    line = " ".join(seen.split())
    return line if len(line) <= LONGEST else line[:LONGEST].rstrip() + "…"


def holding_personal_values(texts: Sequence[str]) -> list[bool]:
    """Return for each text whether a detector finds a person's name, number or address in it.

    Names are looked for in lower case and with the words apart (``maria_garcia``, ``mariaGarcia``): as they
    stand, words with a capital pass for names, and only two of them together are believed. Words that
    columns are commonly called by are left out. Long numbers count, whatever they are.
    """
    from secure_ai.discover import detect

    texts = [str(text)[: 4 * LONGEST] for text in texts]
    spaced = [_words(text) for text in texts]
    found = [bool(_LONG_NUMBER.search(text)) for text in texts]
    odd = [i for i, text in enumerate(texts) if _ODD.search(text)]
    named = [i for i, words in enumerate(spaced) if words]
    if odd:
        spans = detect([texts[i] for i in odd], entities=_known(PATTERNS), threshold=SURE_OF_A_PATTERN)
        for i, there in zip(odd, spans, strict=True):
            found[i] |= bool(there)
    if named:
        read = [(i, spaced[i]) for i in named]
        read += [
            (i, " ".join(capitals)) for i in named if len(capitals := _CAPITALIZED.findall(texts[i])) > 1
        ]
        people = detect([text for _, text in read], threshold=SURE_OF_A_NAME)
        for (i, _), there in zip(read, people, strict=True):
            found[i] |= any(span.entity_type == "PERSON" for span in there)
    return found


class Names:
    """What columns, classes and groups are called on a report.

    Args:
        columns: of the assessed tables, in order; their numbers are their names where nothing may be shown.
        redact: ``"names"`` shows names in which no personal value is found, ``"strict"`` none.
    """

    def __init__(self, columns: Sequence[str] = (), redact: Literal["names", "strict"] = "names") -> None:
        self.redact = redact
        self._columns = {name: number for number, name in enumerate(map(str, columns), 1)}
        self._first = tuple(self._columns)
        self._personal: dict[str, bool] = {}

    def column(self, name: Any) -> str:
        """Return what a column is called; the same each time, and no two alike."""
        name = str(name)
        number = self._columns.setdefault(name, len(self._columns) + 1)
        if self.redact == "strict":
            return f"column {number}"
        if name in self._called:
            return self._called[name]
        return self._call(name, number)

    def columns(self, names: Iterable[Any]) -> list[str]:
        """Return what columns are called."""
        return [self.column(name) for name in names]

    def value(self, value: Any, count: int, number: int) -> str:
        """Return what a class or a group is called that ``count`` people share; else its number.

        A value that fewer than 20 people share is never shown, nor one in which something personal is found.
        """
        text = clean(value)
        if self.redact == "strict" or count < FEWEST or not text or self._is_personal(str(value)):
            return f"group {number}"
        return text

    def part(self, name: Any) -> str:
        """Return what a field inside a nested column is called, or that its name is withheld.

        Keys of documents are data more often than names of columns are (people by their names): only words
        that fields are commonly called by are shown.
        """
        from secure_ai.discover.column_names import known_words, words_of

        text, words = clean(name), [word for word in words_of(str(name)) if word.isalpha()]
        known = bool(words) and all(word in known_words() for word in words)
        return "(name withheld)" if self.redact == "strict" or not known or _ODD.search(text) else text

    @cached_property
    def _called(self) -> dict[str, str]:
        """Names of the columns known from the beginning: all are examined at once."""
        self._examine(self._first)
        called: dict[str, str] = {}
        taken: set[str] = set()
        for name in self._first:
            called[name] = self._call(name, self._columns[name], taken)
            taken.add(called[name])
        return called

    def _call(self, name: str, number: int, taken: set[str] | None = None) -> str:
        if self._is_personal(name):
            return f"column {number} (name withheld)"
        text = clean(name)
        if not text:
            return f"column {number}"
        taken = set(self._called.values()) if taken is None else taken
        return f"{text} (column {number})" if text in taken else text

    def _is_personal(self, text: str) -> bool:
        if text not in self._personal:
            self._examine((text,))
        return self._personal[text]

    def _examine(self, texts: Sequence[str]) -> None:
        self._personal.update(zip(texts, holding_personal_values(texts), strict=True))


def _words(text: str) -> str:
    """Return the words of a text in lower case, or nothing where they are all usual in names of columns."""
    from secure_ai.discover.column_names import known_words, words_of

    text = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in text)
    words = [word for word in words_of(text) if word.isalpha()]
    if all(len(word) < 3 or word in known_words() for word in words):
        return ""
    return " ".join(words)


def _known(entities: Iterable[str]) -> list[str]:
    from secure_ai.discover.detector import known_entities

    there = set(known_entities())
    return [name for name in entities if name in there]
