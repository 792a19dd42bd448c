"""Mentions of a person in the records of others: found in every way of writing, and masked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from secure_ai.govern.estate.forms import NAME_KINDS, NUMBER_KINDS, date_forms, fold, phone_digits, squeezed
from secure_ai.govern.estate.subject import Subject

MASK = "[ERASED]"
RECORD_KIND = "record"
_ZERO = r"\u200b-\u200f\u2060\ufeff\u00ad"
_BETWEEN = rf"(?:[\s,;./_+{_ZERO}-]|<[^<>]{{0,80}}>){{1,12}}"
# A middle name, an initial or a nickname between blanks; a title after the last name. Small words (and, met)
# are no names, whatever the rest ignores.
_MIDDLE = r"\s+(?:(?-i:[A-Z])\w*\.?|[\"'(\u201c]\w+[\"')\u201d])\s+"
_TITLE = r"(?:(?:mr|mrs|ms|miss|mx|dr|prof)\b\.?\s*)?"
_SEPARATORS = rf"[\s\-./()+_{_ZERO}\u2010-\u2015]{{0,5}}"
_BROKEN = rf"(?:-\s*\n\s*|[{_ZERO}])?"
_CODE = re.compile(r"(?=.*\d.*\d.*\d.*\d)[A-Za-z0-9][A-Za-z0-9 ./_-]*")
_NO_CODE = frozenset({"address", "birth_date", "email", "name"})
_LEAST = 4


@dataclass
class _Value:
    kind: str
    value: str
    shared: bool
    needle: str

    def stands_in(self, plain: str, bare: str) -> bool:
        """Return whether it may stand in a folded text: a name's words may be broken, all but one."""
        if self.kind in NAME_KINDS:
            return any(word in plain for word in self.words)
        return self.needle in plain or self.needle in bare

    @cached_property
    def words(self) -> list[str]:
        """The words of a name, folded."""
        return fold(self.value).split()

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Compiled only where the needle was found: most identifiers stand in no text of others."""
        return value_pattern(self.kind, self.value)


class Mentions:
    """Finds what names given persons in text of others.

    A value that nobody else has is a mention. A value that others have, too (a name that two people bear, a
    telephone of a household) is one only beside another value of the same person, and never in a record of a
    namesake: there it is theirs.
    """

    def __init__(self, subjects: Sequence[Subject]) -> None:
        self._people = [(subject, _values(subject)) for subject in subjects]
        self.ambiguous = 0

    def may_stand_in(self, text: str) -> bool:
        """Return whether some word or number of the persons stands in the text, as a quick first look."""
        plain = fold(text)
        bare = _bare(plain)
        return any(value.stands_in(plain, bare) for _, values in self._people for value in values)

    def mask(self, text: str, owner: str = "") -> tuple[str, int]:
        """Return the text with mentions masked, and how many there were.

        Args:
            text: of one record.
            owner: key of the person whose record it is, where known.
        """
        if not text:
            return text, 0
        plain = fold(text)
        bare = _bare(plain)
        total = 0
        for subject, values in self._people:
            present = [value for value in values if value.stands_in(plain, bare)]
            hits = [value for value in present if value.pattern.search(text)]
            if not hits:
                continue
            if all(value.shared for value in hits) and (
                owner in subject.namesakes or len({value.kind for value in hits}) < 2
            ):
                # In a record of a namesake the name is theirs; elsewhere a person must look.
                self.ambiguous += owner not in subject.namesakes
                continue
            if owner in subject.namesakes:
                hits = [value for value in hits if not value.shared]
            for value in hits:
                text, count = value.pattern.subn(MASK, text)
                total += count
            plain = fold(text)
            bare = _bare(plain)
        return text, total


def _bare(plain: str) -> str:
    return plain.translate(_DROP)


_DROP = str.maketrans(
    dict.fromkeys(" -./()+_\u00a0\t\r\n\u200b\u200c\u200d\u2060\ufeff\u00ad\u2010\u2011\u2012\u2013")
)


def _values(subject: Subject) -> list[_Value]:
    found = []
    for kind, values in subject.identifiers.items():
        for value in values:
            if means_somebody(kind, value):
                found.append(_Value(kind, value, value in subject.shared, _needle(kind, value)))
    found.append(_Value("key", subject.key, False, fold(subject.key)))
    found += [_Value("birth_date", day, True, fold(day)) for day in date_forms(subject.birth_date)]
    # Longest first, so that a full name goes before the address that contains it.
    return sorted(found, key=lambda value: -len(value.needle))


def _needle(kind: str, value: str) -> str:
    if kind in NAME_KINDS:
        return max(fold(value).split(), key=len)
    if kind == "phone":
        return phone_digits(value)
    return squeezed(value) if is_number(kind, value) else fold(value)


def means_somebody(kind: str, value: str) -> bool:
    """Return whether a value is long enough to point to anybody: a name has two words."""
    return len(squeezed(value)) >= _LEAST and (kind not in NAME_KINDS or len(value.split()) > 1)


def value_pattern(kind: str, value: str) -> re.Pattern[str]:
    """Return a pattern for every usual way of writing a value that :func:`means_somebody`."""
    if kind in NAME_KINDS:
        words = [_letters(word) for word in value.split()]
        first, last = words[0], _BETWEEN.join(words[1:])
        body = f"{first}(?:{_BETWEEN}|{_MIDDLE}){last}|{last}{_BETWEEN}{_TITLE}{first}"
    elif is_number(kind, value):
        raw = phone_digits(value) if kind == "phone" else squeezed(value)
        body = _SEPARATORS.join(map(re.escape, raw))
        if kind == "phone":
            body = rf"(?:\+?1[\s\-.(]{{0,3}})?\(?{body}"
    else:
        body = r"\s+".join(_letters(word) for word in value.split())
    return re.compile(rf"(?<!\w)(?:{body})(?!\w)", re.IGNORECASE)


def _letters(word: str) -> str:
    # Each letter with an accent also matches without it, and a combining accent may follow any letter.
    parts = []
    for letter in word:
        plain = fold(letter)
        same = {letter, letter.lower(), letter.upper()}
        if plain != letter.lower() and plain:
            same |= {plain, plain.upper()}
        singles = "".join(sorted(re.escape(one) for one in same if len(one) == 1))
        longer = [re.escape(one) for one in same if len(one) > 1]
        choice = f"(?:[{singles}]{''.join('|' + one for one in longer)})" if longer else f"[{singles}]"
        parts.append(choice + (r"[\u0300-\u036f]?" if letter.isalpha() else ""))
    return _BROKEN.join(parts)


def is_number(kind: str, value: str) -> bool:
    """Return whether a value is written with separators that differ: a number, a code, a key."""
    return kind in NUMBER_KINDS or (kind not in _NO_CODE and _CODE.fullmatch(value) is not None)
