"""Names that are known from elsewhere in a record: they go from its texts whatever a detector says."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from secure_ai.anonymize.deidentify.names import (
    PARTICLES,
    SUFFIXES,
    TITLES,
    Mention,
    fold,
    gender_of,
    is_name,
    parse_name,
)
from secure_ai.anonymize.deidentify.people import COMMON_WORDS
from secure_ai.core.text import Span

WORD = re.compile(r"[^\W\d_](?:[^\W\d_]|[\u0300-\u036f]|['’-](?=[^\W\d_]))*")
_PART = re.compile(r"[^\W\d_](?:[^\W\d_]|[\u0300-\u036f])*")
_TITLED = re.compile(r"\b(?:Dr|Mr|Mrs|Ms|Miss|Mx|Prof|Nurse|Sister|Sra?)\b\.?\s+$")


@dataclass(frozen=True)
class KnownNames:
    """The people whom a record names in fields of its own.

    Attributes:
        mentions: their names as they were written, taken apart.
        words: folded single names to look for.
        pieces: names in scripts that put no blanks between words.
    """

    mentions: tuple[Mention, ...]
    words: frozenset[str]
    pieces: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.words or self.pieces)

    def may_stand_in(self, folded: str) -> bool:
        """Whether one of the names could stand in a folded text: a quick look before the careful one."""
        return any(word in folded for word in self.words) or any(piece in folded for piece in self.pieces)

    def find(self, text: str) -> list[Span]:
        """Return where the names stand in ``text``.

        Whole words only. A name that is a common word, too ("Will", "Long"), or has two letters counts
        with a capital only.
        """
        spans = [
            Span(match.start() + start, match.start() + end, "PERSON", 1.0)
            for match in WORD.finditer(text)
            for start, end in self._in_word(match.group())
        ]
        folded_alike = [piece for piece in self.pieces if piece in text]
        spans += [
            Span(match.start(), match.end(), "PERSON", 1.0)
            for piece in folded_alike
            for match in re.finditer(re.escape(piece), text)
        ]
        return sorted(set(spans))

    def _in_word(self, word: str) -> Iterable[tuple[int, int]]:
        if self._is(word):
            return [(0, len(word))]
        return [part.span() for part in _PART.finditer(word) if self._is(part.group())]

    def _is(self, word: str) -> bool:
        folded = fold(word)
        if folded not in self.words:
            return False
        return not word.islower() or (len(folded) > 2 and folded not in COMMON_WORDS)


NOBODY = KnownNames((), frozenset())


def known_names(names: Iterable[tuple[str, str]]) -> KnownNames:
    """Return what to look for, given the names of a record.

    Args:
        names: (name, role): the role is ``given`` or ``family`` where a field holds one part of a name.
    """
    mentions, words, pieces = [], set(), []
    for name, role in names:
        if not name.strip():
            continue
        mention = parse_name(name, role)
        mentions.append(mention)
        for piece in mention.pieces:
            if piece.kind in {"title", "suffix"}:
                continue
            for part in (piece.text, *_PART.findall(piece.text)):
                word = fold(part).rstrip(".")
                if len(word) > 1 and word not in PARTICLES | SUFFIXES and word not in TITLES:
                    words.add(word)
                if len(part) > 1 and part.lower() == part.upper():
                    pieces.append(part)
        bare = name.strip()
        if len(bare) > 1 and bare.lower() == bare.upper() and any(c.isalpha() for c in bare):
            pieces.append(bare)
    return KnownNames(tuple(mentions), frozenset(words), tuple(dict.fromkeys(pieces)))


def surely_named(text: str, span: Span) -> bool:
    """Whether a found name is one beyond doubt: behind a title, or a given and a family name of the lists.

    For short clinical terms, which are full of words that only look like names ("Parkinson's disease").
    """
    if _TITLED.search(text[: span.start]):
        return True
    mention = parse_name(text[span.start : span.end])
    if any(piece.kind == "title" for piece in mention.pieces):
        return True
    family = mention.family.split(" ")[-1]
    return bool(len(mention.given) > 1 and gender_of(mention.given) and is_name(family))
